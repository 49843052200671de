"""What several test modules share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from repro.book.project import Project

# Libraries read this when they are imported: a test must not fight with the rest of a small machine for its cores.
os.environ.setdefault("OMP_NUM_THREADS", "2")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def smoke() -> Project:
    """This checkout at profile ``smoke``, every notebook executed and the book built from them, strictly."""
    from repro.book.build import make

    project = Project(ROOT, "smoke")
    make(project)
    return project


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a model set that needs no training: Annex K's tables. See ``encoder_stand_in``."""
    from encoder_stand_in import stand_in
    from repro.encoder.models import save

    folder = tmp_path_factory.mktemp("models") / "stand-in"
    save(stand_in(), folder)
    return str(folder)
