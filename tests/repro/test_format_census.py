"""Files of every kind of samples in the formats that are read, written by other libraries: read rightly, or refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import format_census as census
import format_tiff as tiff


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
