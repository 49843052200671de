"""Chapter 10: its pictures, tables and words are correct."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from chapters import beyond, comparison, content_types, speed
from chapters.tables import sweeps_origin
from encoder_curves import ABLATED, FACTORS, encoder_curve, write_results
from repro.data import Photo, PhotoSet, photos
from repro.evaluation import Curve
from repro.experiments import Store
from repro.experiments.beyond import EFFORTS, HIGH, LOW, EncoderCurves, stored, targets
from repro.experiments.content_types import ContentTypeSavings
from repro.experiments.registry import PLAIN


@pytest.fixture(scope="module")
def rgb() -> np.ndarray:
    return np.ascontiguousarray(photos("sample").items[3].rgb()[80:261, 120:363])


@pytest.fixture(scope="module")
def encoders() -> EncoderCurves:
    return EncoderCurves({n: encoder_curve(n, f, 1 / f) for n, f in (FACTORS | ABLATED).items()})


def test_tables_show_what_was_saved(encoders: EncoderCurves) -> None:
    head, rows = beyond.saving_rows(encoders, {"best": "the best", "fast": "the fast"}, LOW)
    assert len(head) == len(rows[0]) == 6 and [row[0] for row in rows] == ["the best", "the fast"]
    assert str(rows[0][1]).startswith("−20.0 (") and str(rows[1][2]).startswith("+6.7 (")
    assert speed.time_rows({"fast": (0.05, 0.04, 0.1)})[1] == [["fast", "20.0", "50.0", "40.0", "100"]]
    found = targets(encoders)
    head, rows = beyond.target_rows(found)
    assert [row[:2] for row in rows[:3]] == [
        ["fast", "0.3–0.8 bpp"],
        ["fast", "0.8–2.5 bpp"],
        ["default", "0.3–0.8 bpp"],
    ]
    assert str(rows[2][1 + 1]).endswith("; asked ≤ −8: not reached") and str(rows[4][6]).endswith("): reported")
    assert beyond.rival_rows(found)[1][0][2:4] == ["jpegli 4:2:0, not adaptive (100 %)"] * 2
    assert beyond.blurred_rows(encoders, ["default"])[1][0][1].endswith("(0.80 times mozjpeg's)")
    apart = {"mozjpeg": encoder_curve("mozjpeg", 0.01), "fast": encoders.curves["fast"]}
    assert beyond.cell(EncoderCurves(apart).saving("fast", "mozjpeg", "mse", HIGH)) == "–"


def test_losers_and_where_they_are_shown() -> None:
    curves = {name: encoder_curve(name) for name in ("mozjpeg", "jpegli-420", "default")}
    worse = {**curves["default"].images}
    worse["photo03"] = tuple({**p, "bpp": 1.2 * (p["bpp"] or 0)} for p in worse["photo03"])
    made = EncoderCurves(curves | {"default": Curve("default", worse)})
    at_hand = PhotoSet("made", "", "", tuple(Photo(name, Path(name), "0") for name in ("photo02", "photo03")))
    found = beyond.worst(made, at_hand, ("lpips", "ms_ssim"), LOW)
    assert found == {"photo03": "photo03: +20 % bits at equal LPIPS against mozjpeg"}
    other = PhotoSet("made", "", "", (Photo("other", Path("other"), "0"),))
    assert "no loser" in beyond.worst(made, other, ("lpips",), LOW)["other"]


def test_pages_say_where_results_came_from(store: Store) -> None:
    write_results(store, "check")
    found = stored("check", store)
    said = sweeps_origin(found.results)
    assert (
        said["time"] == f"{0.8 * len(found.results):.0f} min"
        and said["measured on"] == "made"
        and "SHA256SUMS" in said["shipped files"]
    )


def test_peers_get_no_fewer_bytes(rgb: np.ndarray) -> None:
    shown = comparison.versions(rgb[:64, :64], 1.5, (PLAIN, "mozjpeg-420"), ("trellis",))
    assert [v.label for v in shown] == ["original", "JPEG 4:2:0, progressive", "mozjpeg 4:2:0", "ours"]
    assert all(len(v.data) >= len(shown[-1].data) for v in shown[1:-1])


def test_the_worst_square_is_found() -> None:
    more = np.zeros((400, 500))
    more[230:330, 290:400] = 1
    box = comparison._most(more, 200)
    assert (box.height, box.width) == (200, 200) and box.of(more).sum() == more.sum()
    original = np.zeros((64, 80, 3), np.uint8)
    theirs, ours = original.copy(), original.copy()
    theirs[:16], ours[48:, 64:] = 9, 9
    shown = [comparison.Version(name, pixels) for name, pixels in (("o", original), ("a", theirs), ("b", ours))]
    assert comparison.where_worse(shown, 16) == (48, 64, 16, 16)


def test_content_types_in_words_and_a_table() -> None:
    few = ("portrait", "page", "tiny")
    factors = {name: FACTORS[name] for name in (PLAIN, "mozjpeg", "jpegli-420", *EFFORTS)}
    curves = {}
    for encoder, factor in factors.items():
        points = {n: encoder_curve(n, 1.2 if n == "page" and encoder in EFFORTS else factor, photos=1) for n in few}
        images = {name: made.images["photo00"] for name, made in points.items()}
        images["tiny"] = tuple({**p, "ms_ssim": None} for p in images["tiny"])
        curves[encoder] = Curve(encoder, images)
    found = ContentTypeSavings(EncoderCurves(curves))
    assert content_types.not_compared(found) == "tiny photo in MS-SSIM (too small a picture)"
    assert content_types.needed(found, "portrait").startswith("−17 % at equal SSIMULACRA 2, ")
    _, rows = content_types.content_type_rows(found)
    by_label = {str(row[0]).partition(":")[0]: row for row in rows}
    assert by_label["page of text"][2] == "+33 / +41" and by_label["tiny photo"][4] == "– / –"
