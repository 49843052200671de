"""What several test modules share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Two test processes, or a test beside a build, must not fight for the cores; set it yourself for more.
os.environ.setdefault("OMP_NUM_THREADS", "2")


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parents[1]
