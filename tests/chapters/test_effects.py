"""The small pictures of the claims table, read back from their SVG."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from bookkit import html
from chapters import tables
from chapters.effects import effect_picture, in_words
from repro.experiments.claims import NOT, NOT_TESTABLE, NOT_YET, REPRODUCED, Claim, Effect, Judgement

SVG = "{http://www.w3.org/2000/svg}"
ABOVE, BELOW, AROUND = (0.10, 0.05, 0.15), (-0.05, -0.08, -0.02), (0.01, -0.04, 0.06)


def test_places_are_to_scale_and_marks_tell_what_is_clear() -> None:
    """Upwards is above zero, intervals are drawn to scale, and a hollow mark means not clear."""
    root = ElementTree.fromstring(effect_picture([Effect("", "MSE", (ABOVE, BELOW, AROUND))]).text)
    zero = next(float(line.get("y1", "")) for line in root.iter(f"{SVG}line") if line.get("y1") == line.get("y2"))
    marks = list(root.iter(f"{SVG}circle"))
    heights = [zero - float(mark.get("cy", "")) for mark in marks]
    assert heights[0] > 0 > heights[1]
    assert heights[1] / heights[0] == pytest.approx(-0.5, abs=0.02) and heights[2] / heights[0] == pytest.approx(
        0.1, abs=0.02
    )
    intervals = [line for line in root.iter(f"{SVG}line") if line.get("y1") != line.get("y2")]
    for line, (middle, low, high), height in zip(intervals, (ABOVE, BELOW, AROUND), heights, strict=True):
        ends = sorted(zero - float(line.get(end, "")) for end in ("y1", "y2"))
        scale = heights[0] / ABOVE[0]
        assert ends == pytest.approx([low * scale, high * scale], abs=0.15) and height == pytest.approx(
            middle * scale, abs=0.15
        )
    assert [mark.get("fill") == mark.get("stroke") for mark in marks] == [True, True, False]


def test_a_tiny_effect_looks_tiny() -> None:
    root = ElementTree.fromstring(effect_picture([Effect("", "MSE", ((0.001, 0.0005, 0.002),))]).text)
    zero = next(float(line.get("y1", "")) for line in root.iter(f"{SVG}line") if line.get("y1") == line.get("y2"))
    (mark,) = root.iter(f"{SVG}circle")
    assert 0 < zero - float(mark.get("cy", "")) < 1.5


def test_it_is_told_in_words() -> None:
    assert (
        in_words(Effect("LSTM", "MSE", (ABOVE, ABOVE, AROUND)))
        == "LSTM, MSE: 2 of 3 above zero, 1 of 3 not clear of zero"
    )
    assert in_words(Effect("", "MSE", (BELOW, BELOW))) == "MSE: all below zero"
    assert in_words(Effect("", "MSE", (AROUND,))) == "MSE: not clear of zero"
    text = effect_picture([Effect('a "b" <c>', "", (ABOVE,))]).text
    (root,) = [ElementTree.fromstring(text)]
    assert root.get("aria-label") == 'a "b" <c>: above zero' and root.get("role") == "img"
    assert effect_picture([]).text == ""


def a_claim(ours: str, paper: Judgement | None) -> Claim:
    return Claim(
        1, "6.4", "it is better", "5", None, ours, "better in MSE", (Effect("", "MSE", (ABOVE,)),), True, paper
    )


def test_a_row_has_both_verdicts_and_why_they_disagree() -> None:
    claims = [
        a_claim(REPRODUCED, Judgement(NOT, "worse in MSE", (Effect("", "MSE", (BELOW,)),))),
        a_claim(REPRODUCED, Judgement(REPRODUCED, "better as well")),
        a_claim(REPRODUCED, Judgement(NOT_YET, "not stored: x; run `y`")),
        a_claim(REPRODUCED, Judgement(NOT_TESTABLE, "no file of its rate")),
        a_claim(REPRODUCED, None),
    ]
    head, rows = tables.claim_rows(claims)
    assert head[1:3] == ["by our recipe", "by the paper's"]
    shown = html.table(head, rows).text
    assert shown.count("<svg") == 6 and "<code>y</code>" in shown
    told = [str(only) for (only,) in rows[1::2]]
    assert ["The recipes disagree" in words for words in told] == [True, False, False, False, False]
    assert "third-order" in told[0] and "VGG-19 trained" in told[0] and "The paper's" not in told[4]
    assert shown.count('<td colspan="3">') == len(claims)
    glance = html.table(*tables.verdict_rows(claims)).text
    assert "<svg" not in glance and glance.count("sd-badge") == shown.count("sd-badge")
