"""Every kind of samples that our formats have, in files by other libraries: read rightly, or refused with one line."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
census = importlib.import_module("format_census")
tiff = importlib.import_module("format_tiff")


@pytest.mark.parametrize("name", census.FORMATS)
def test_every_kind_is_read_rightly_or_refused(name):
    counts, wrong = census.census(name)
    assert wrong == []
    assert counts["right"] > 3


def test_a_wrong_picture_is_found():
    case = next(case for case in tiff.tiff_grey() if census.outcome(case) == "right")
    assert "levels wrong" in census.outcome(replace(case, shown=1 - case.shown))
    assert "shape" in census.outcome(replace(case, shown=case.shown[:, :-1]))
    assert census.outcome(replace(case, data=b"", rare=False)).startswith("refused: ")
    assert np.isnan(case.shown).sum() == 0
