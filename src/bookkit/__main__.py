"""``python -m bookkit``: what ``make book`` calls."""

from __future__ import annotations

import sys

from bookkit.cli import run

sys.exit(run())
