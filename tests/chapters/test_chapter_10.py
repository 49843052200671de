"""Chapter 10's pictures, tables and words: that what they show is so."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from chapters import beyond, comparison, content_types, failures, style, trellis
from chapters.origin import sweeps_origin
from encoder_curves import ALTERNATIVES, FACTORS, encoder_curve, write_results
from repro.data import Photo, PhotoSet, photos
from repro.data.content_types import CONTENT_TYPES
from repro.evaluation import Curve, measure
from repro.experiments import Store
from repro.experiments.ablations import ABLATIONS
from repro.experiments.beyond import EFFORTS, EncoderCurves, of_figure, targets
from repro.experiments.content_types import ContentTypeSavings
from repro.jpeg.codestream import decode


@pytest.fixture(scope="module")
def rgb() -> np.ndarray:
    return np.ascontiguousarray(photos("sample").items[3].rgb()[80:261, 120:363])


@pytest.fixture(scope="module")
def encoders() -> EncoderCurves:
    return EncoderCurves({n: encoder_curve(n, f, 1 / f) for n, f in (FACTORS | ALTERNATIVES).items()})


@pytest.fixture(scope="module")
def choice(rgb: np.ndarray) -> trellis.Choice:
    return trellis.choice(rgb, 30)


def assert_readable(made: Figure) -> None:
    made.savefig(io.BytesIO(), format="png")
    written = [t for t in made.findobj(Text) if t.get_visible() and t.get_text().strip()]
    assert written and min(t.get_fontsize() for t in written) >= style.SMALLEST
    assert made.get_figwidth() <= style.WIDTH


def test_the_figures_can_be_read(encoders: EncoderCurves, choice: trellis.Choice) -> None:
    for made in (
        beyond.savings_against_time(encoders, encoders.seconds()),
        beyond.curves_plot(encoders),
        trellis.block_plot(choice.block),
        trellis.worth_plot(),
        trellis.tables_plot(30),
        trellis.way_plot(trellis.Way((0, 1, 2), (1.0, 0.9, 0.8))),
    ):
        assert_readable(made)
    assert len({look.marker for look in beyond.ABLATION_LOOKS.values()}) == len(beyond.ABLATION_LOOKS)


def test_tables_show_what_was_saved(encoders: EncoderCurves) -> None:
    head, rows = beyond.saving_rows(encoders)
    assert len(rows) == len(FACTORS) - 1 and len(head) == len(rows[-1]) and str(rows[-1][1]).startswith("-40.0 (")
    _, rows = beyond.saving_rows(encoders, beyond.ALTERNATIVES)
    assert [str(row[1])[:5] for row in rows] == ["-20.0", "-21.0", "-22.0", "-25.0"]
    assert str(beyond.step_rows(encoders)[1][-1][1]).startswith("-20.0 ("), "0.6 against 0.75"
    assert beyond.time_rows(encoders.seconds())[1][0][1:] == ["1,000", "0"]
    rows = beyond.target_rows(targets(encoders))[1]
    assert rows[0][0] == "fast" and "(the better)" in str(rows[-1][1])
    apart = {"mozjpeg-420": encoder_curve("mozjpeg", 0.01), "fast": encoders.curves["fast"]}
    assert beyond.cell(EncoderCurves(apart).saving("fast", "mozjpeg-420", "mse")) == "–"


def test_words_and_losses(encoders: EncoderCurves) -> None:
    said = beyond.words(encoders)
    assert said["fast_pillow_mse"].startswith("20.0 % fewer bits")
    assert said["best_better_mse"] == said["best_jpegli_mse"] != said["best_mozjpeg_mse"]
    curves = {name: encoder_curve(name) for name in ("mozjpeg-420", "default")}
    worse = {**curves["default"].images}
    worse["photo03"] = tuple({**p, "bpp": 1.2 * (p["bpp"] or 0)} for p in worse["photo03"])
    made = EncoderCurves(curves | {"default": Curve("default", worse)})
    assert beyond.lost(made, "default", "mozjpeg-420", "lpips") == "1 of the 8"
    assert beyond.lost_everywhere(made, "default", "mozjpeg-420") == "1 of the 8 each time"
    assert beyond.listed(["a", "b", "c"]) == "a, b and c" and beyond.listed([]) == "none of them"


def test_pages_say_where_results_came_from(store: Store, encoders: EncoderCurves) -> None:
    write_results(store, "check")
    found = of_figure("beyond", "check", store)
    said = sweeps_origin(found.results)
    assert said["time"] == "10 min" and said["measured on"] == "made" and "model.json" in said["shipped files"]
    assert beyond.measured(found) == "8 photos"
    assert "replace results that are not stored" in beyond.measured(encoders)
    assert "nothing here is a finding" in sweeps_origin(encoders.results)["results"]


def test_a_blocks_numbers_are_those_of_the_photo(choice: trellis.Choice) -> None:
    block = choice.block
    assert (np.abs(block.chosen.ravel()[1:]) <= np.abs(block.rounded.ravel()[1:])).all()
    assert block.dropped > 0 and block.bits[1] < block.bits[0] and block.errors[1] >= block.errors[0]
    assert 0 < choice.bits_saved < 100 and choice.error_added > 0 and 0 < choice.zeroed < 100


def test_the_descent_never_rises(rgb: np.ndarray) -> None:
    way = trellis.way(rgb[:48, :64], 30, 2)
    assert way.steps == (0, 1, 2) and 1 == way.objective[0] >= way.objective[1] >= way.objective[2]


@pytest.fixture(scope="module")
def versions(rgb: np.ndarray) -> list[comparison.Version]:
    small = np.ascontiguousarray(rgb[:176, :176])
    made = [comparison.Version("original", small)]
    for label, quality in (("mozjpeg 4:2:0", 30), ("ours", 35)):
        data = ABLATIONS["mozjpeg-420"].encode(small, quality)
        made.append(comparison.Version(label, decode(data), data, measure(small, data)))
    return made


def test_peers_get_no_fewer_bytes(rgb: np.ndarray) -> None:
    shown = failures.by_every_encoder(rgb[:64, :64], 1.5, failures.PEERS[:2])
    assert [v.label for v in shown] == ["original", "JPEG 4:2:0, progressive", "mozjpeg 4:2:0", "ours"]
    assert all(len(v.data) >= len(shown[-1].data) for v in shown[1:-1])


def test_parts_under_the_curtain_lie_in_their_photos(
    versions: list[comparison.Version], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Photo, "rgb", lambda self: versions[0].pixels)
    monkeypatch.setattr(failures, "versions", lambda *_, **__: versions)
    at_hand = PhotoSet("made", "", "", tuple(Photo(name, Path(name), "0") for name in ("x.png", *failures.SHOWN)))
    made = failures.by_photo(at_hand, 20, 3)
    assert list(made.pictures) == ["kodim04", "kodim05", "kodim15"], "in order, as many as asked for"
    assert made.crops["kodim04"] == (140, 20, 36, 156), "cut to the photo"
    for name, (top, left) in failures.SHOWN.items():
        upright = name in ("kodim04.png", "kodim19.png")
        height, width = {"k": (768, 512) if upright else (512, 768), "a": (512, 512), "c": (400, 600)}[name[0]]
        assert top + 336 <= height and left + 448 <= width


def test_the_worst_photo_is_shown_where_it_is_worst(
    versions: list[comparison.Version], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(versions[0].pixels).save(tmp_path / "photo03", "PNG")
    monkeypatch.setattr(Photo, "rgb", lambda self: versions[0].pixels)
    monkeypatch.setattr(failures, "by_every_encoder", lambda *_: versions)
    curves = EncoderCurves({name: encoder_curve(name) for name in ("mozjpeg-420", "default")})
    at_hand = PhotoSet("made", "", "", (Photo("photo03", tmp_path / "photo03", "0"),))
    (found,) = failures.worst(curves, at_hand, 0.4)
    assert found.name == "photo03" and found.percent == pytest.approx(0, abs=0.1)
    made = failures.gallery([found])
    assert made.labels == ["photo03"] and made.alts[0].startswith("photo03: ") and made.alts[0].count("MSE") == 2
    (other,) = failures.worst(curves, PhotoSet("made", "", "", (Photo("other", tmp_path / "photo03", "0"),)), 0.4)
    assert other.percent is None


def test_the_worst_square_is_found() -> None:
    more = np.zeros((400, 500))
    more[230:330, 290:400] = 1
    box = failures._most(more, 200)
    assert (box.height, box.width) == (200, 200) and box.of(more).sum() == more.sum()
    original = np.zeros((64, 80, 3), np.uint8)
    theirs, ours = original.copy(), original.copy()
    theirs[:16], ours[48:, 64:] = 9, 9
    shown = [comparison.Version(name, pixels) for name, pixels in (("o", original), ("a", theirs), ("b", ours))]
    assert failures.where_worse(shown, 16) == (48, 64, 16, 16)


def test_content_types_in_words_a_table_and_a_gallery(rgb: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    few = ("portrait", "page", "tiny")
    factors = {name: FACTORS[name] for name in ("pillow-420-progressive", "mozjpeg-420", "jpegli-420", *EFFORTS)}
    curves = {}
    for encoder, factor in factors.items():
        points = {n: encoder_curve(n, 1.2 if n == "page" and encoder in EFFORTS else factor, photos=1) for n in few}
        images = {name: made.images["photo00"] for name, made in points.items()}
        images["tiny"] = tuple({**p, "ms_ssim": None} for p in images["tiny"])
        curves[encoder] = Curve(encoder, images)
    found = ContentTypeSavings(EncoderCurves(curves))
    said = content_types.words(found)
    assert said["default_mozjpeg_lpips"] == "page of text (+33 %)" and said["fast_mozjpeg"] == "4 of 11"
    assert said["default_mozjpeg_everywhere"] == "page of text"
    assert said["without"] == "tiny photo in MS-SSIM (too small a picture)"
    assert_readable(content_types.savings_plot(found))
    _, rows = content_types.saving_rows(found)
    by_label = {str(row[0]).partition(":")[0]: row for row in rows}
    assert by_label["page of text"][2] == "+33 / +41" and by_label["tiny photo"][4] == "– / –"

    values = measure(rgb, ABLATIONS["pillow-420-progressive"].encode(rgb, 50))
    names = ("original", "mozjpeg 4:2:0", "ours")
    monkeypatch.setattr(
        content_types, "versions", lambda of, *_, **__: [comparison.Version(n, of, b"", values) for n in names]
    )
    made = content_types.gallery(found, 20, 2)
    assert made.labels == ["portrait", "tiny photo"] and CONTENT_TYPES["tiny"].label in made.alts[1]
    assert made.alts[0].startswith("portrait. Bits of ours against mozjpeg 4:2:0: −17 % at equal MSE, ")
