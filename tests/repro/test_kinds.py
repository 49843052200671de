"""Chapter 10, where it loses: pictures that come out the same, savings one by one, words that hold whoever wins."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.text import Text

from bookkit.cards import photo_sets
from chapters import comparison, style
from chapters import kinds as fig
from made_curves import curve
from repro import data
from repro.data import kinds as pictures
from repro.data.registry import known_sets
from repro.data.sets import hashes_of
from repro.errors import ReproError, UsageError
from repro.evaluation import Curve, measure
from repro.experiments import EncoderSweep, Store, beyond, everything, experiments_of, kinds, run
from repro.experiments import ablations as ladder
from repro.experiments.estimate import Estimate
from repro.experiments.registry import KIND_QUALITIES
from repro.files import sha256_bytes

# --- the pictures


def test_every_picture_is_the_one_that_was_measured() -> None:
    known = known_sets()["shipped/kinds"].files
    assert known.keys() == pictures.KINDS.keys()
    for name, digest in known.items():
        picture = pictures.draw(name)
        assert picture.dtype == np.uint8 and picture.shape[2] == 3 and picture.flags.c_contiguous, name
        assert sha256_bytes(picture.tobytes()) == digest, f"{name} is drawn otherwise"


def test_there_is_a_small_one_a_large_one_and_grey_ones() -> None:
    area = {name: pictures.draw(name)[..., 0].size for name in pictures.KINDS}
    assert area["tiny"] == 48 * 48 and area["large"] >= 1.9e6 and area["screenshot"] == 640 * 448
    assert all(1.4e5 < area[name] < 3e5 for name in area.keys() - {"tiny", "large"}), "seconds, not minutes"
    for name in ("grey", "texture"):
        picture = pictures.draw(name)
        assert (picture == picture[..., :1]).all()


def test_noise_is_that_of_counted_photons() -> None:
    """In proportion to the root of the light, more of it in linear light the brighter, and none of it a shift."""
    clean, noisy = (p.astype(float)[..., 0] for p in (pictures._installed("coffee.png"), pictures.draw("noisy")))
    off = noisy - clean
    assert abs(off[(clean > 60) & (clean < 200)].mean()) < 2
    middle = off[(clean > 110) & (clean < 130)]
    expected = np.sqrt(0.19 * pictures.FULL_WELL + pictures.READ_NOISE**2) / pictures.FULL_WELL
    assert middle.std() == pytest.approx(255 * expected * 1.055 / 2.4 * 0.19 ** (1 / 2.4 - 1), rel=0.15)


def test_a_kind_that_nobody_knows() -> None:
    with pytest.raises(UsageError, match="unknown kind 'cat'; choose from portrait, grey"):
        pictures.draw("cat")


def test_the_split_is_one_of_the_known_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    found = data.photos("kinds")
    assert len(found) == 11 and found.sha256 in hashes_of("kinds") and "shipped" in found.source
    assert np.array_equal(found.items[-1].rgb(), pictures.draw("tiny"))
    assert "shipped/kinds" in photo_sets() and found.sha256 in photo_sets()
    other = replace(pictures.KINDS["sky"], make=lambda: np.zeros((8, 8, 3), np.uint8))
    monkeypatch.setitem(pictures.KINDS, "sky", other)
    with pytest.raises(ReproError, match=r"kinds\.py: draws other pixels here for 'sky'; install Pillow"):
        data.photos("kinds")


# --- the plan, and a sweep


def test_every_effort_and_peer_meets_every_kind() -> None:
    rungs = (beyond.ANCHOR, *beyond.RIVALS, *beyond.EFFORTS)
    for profile in ("cpu", "paper"):
        wanted = experiments_of("kinds", profile)
        assert [w.ablation for w in wanted if isinstance(w, EncoderSweep)] == list(rungs)
        assert {w.evaluation for w in wanted} == {"kinds"} and set(wanted) <= set(everything(profile))
    for qualities in KIND_QUALITIES.values():
        assert len(qualities) == 5 and list(qualities) == sorted(set(qualities))
    smoke = experiments_of("kinds", "smoke")
    assert 0 < sum(len(w.qualities) for w in smoke if isinstance(w, EncoderSweep)) <= 2, "seconds"


def test_a_sweep_holds_the_hash_of_every_picture(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {name: replace(k, make=lambda: np.zeros((16, 16, 3), np.uint8) + 9) for name, k in pictures.KINDS.items()}
    digest = sha256_bytes(small["sky"].make().tobytes())
    known = {"shipped/kinds": replace(known_sets()["shipped/kinds"], files=dict.fromkeys(small, digest))}
    monkeypatch.setattr(pictures, "KINDS", small)
    monkeypatch.setattr("repro.data.sets.known_sets", lambda: known_sets() | known)
    wanted = EncoderSweep("pillow-420-progressive", (13,), "kinds")
    run(wanted, store)
    result = store.read(wanted)
    assert result is not None and {p["sha256"] for p in result["photos"].values()} == {digest}
    made = result["provenance"]
    assert made["data"]["evaluation"]["count"] == 11 and {"commit", "command", "cpu"} <= made.keys()
    assert store.load(wanted) is None, "of other pictures than those that are known"
    assert Estimate(store).seconds(wanted) == pytest.approx(result["seconds"], rel=0.01)


# --- the judgement


def made_of(factors: dict[str, float], **by_kind: dict[str, float]) -> kinds.Kinds:
    """Kinds with every rung at ``factors`` times the bits, and others on some kinds."""
    curves = {}
    for rung, factor in factors.items():
        images = {}
        for kind in pictures.KINDS:
            points = curve(rung, saved=by_kind.get(kind, {}).get(rung, factor), photos=1, points=6).images["photo00"]
            images[kind] = tuple({**p, "ssimulacra2": 60 - 10 * np.log10(p["mse"] or 1)} for p in points)
        curves[rung] = Curve(rung, images)
    return kinds.Kinds(beyond.Ladder(curves))


FACTORS = {
    "pillow-420-progressive": 1.0,
    "mozjpeg-420": 0.9,
    "jpegli-420": 0.85,
    "fast": 0.8,
    "default": 0.75,
    "best": 0.7,
}
PAGE = {"fast": 1.2, "default": 1.08, "best": 0.87}


@pytest.fixture(scope="module")
def found() -> kinds.Kinds:
    made = made_of(FACTORS, page=PAGE, plot={"default": 0.9, "best": 0.9})
    for rung, of in list(made.rungs.curves.items()):
        images = dict(of.images)
        images["tiny"] = tuple({**p, "ms_ssim": None, "ssimulacra2": None} for p in images["tiny"])
        if rung == "default":
            images["sky"] = tuple({**p, "lpips": (p["lpips"] or 0) / 1e3} for p in images["sky"])
        made.rungs.curves[rung] = Curve(rung, images)
    return made


def test_a_saving_is_what_was_saved(found: kinds.Kinds) -> None:
    for metric in beyond.METRICS:
        assert found.percent("portrait", "default", metric) == pytest.approx(100 * (0.75 / 0.9 - 1), abs=0.5)
        assert found.percent("page", "default", metric) == pytest.approx(20, abs=0.5)
        assert found.percent("portrait", "default", metric, beyond.BETTER) == found.percent(
            "portrait", "default", metric, "jpegli-420"
        ), "the harder one"
    assert found.percent("tiny", "default", "ms_ssim") == kinds.TOO_SMALL
    assert found.percent("sky", "default", "lpips") == found.percent("sky", "default", "lpips", "better") == kinds.APART
    low, high = found.rates("portrait")
    assert 0 < low < high


def test_losses_are_told_the_worst_first(found: kinds.Kinds) -> None:
    assert found.lost("fast", "lpips") == {"page": pytest.approx(33.3, abs=0.5)}
    assert found.lost("best", "lpips") == {}, "a draw is no loss"
    assert list(found.lost("best", "lpips", beyond.BETTER)) == ["plot", "page"]
    assert found.everywhere("default") == ["page"] and found.everywhere("best") == []
    assert found.tally("default") == (4, 4, 41)


def test_words_hold_whoever_wins(found: kinds.Kinds) -> None:
    said = kinds.words(found)
    assert said["default_mozjpeg_lpips"] == "page of text (+20 %)"
    assert said["default_mozjpeg_everywhere"] == "page of text"
    assert said["default_mozjpeg"] == "4 of 41 (4 more are even)" and said["fast_mozjpeg"] == "4 of 42"
    assert said["best_mozjpeg_lpips"] == "nothing" and said["best_mozjpeg_everywhere"] == "none of them"
    assert said["without"].startswith(
        "tiny photo in MS-SSIM and SSIMULACRA 2 (too small a picture); clear sky in LPIPS"
    )
    lost = made_of(dict.fromkeys(FACTORS, 1.0) | dict.fromkeys(beyond.EFFORTS, 1.5))
    every = kinds.words(lost)
    assert every["fast_mozjpeg"] == "44 of 44" and every["without"] == "none of them"
    assert every["default_better_everywhere"].endswith("screenshot and line drawing")
    assert every["measured"].endswith("which stand in for results that are not stored")


def test_what_is_missing_is_named_but_at_smoke(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReproError, match=r"ablations/.*-kinds.*no stored result; run `repro reproduce --figure kinds`"):
        kinds.stored(store=store)
    monkeypatch.setattr(kinds, "stand_in", lambda: made_of(FACTORS))
    made = kinds.stored("smoke", store)
    assert "nothing here is a finding" in kinds.origin(made)["results"] and "seed 0" in kinds.origin(made)["pictures"]


# --- what is shown


def test_the_figure_and_the_table_can_be_read(found: kinds.Kinds) -> None:
    made = fig.kinds_plot(found)
    made.savefig(io.BytesIO(), format="png")
    written = [t for t in made.findobj(Text) if t.get_visible() and t.get_text().strip()]
    assert min(t.get_fontsize() for t in written) >= style.SMALLEST and made.get_figwidth() <= style.WIDTH
    labels = [t.get_text() for t in made.axes[0].get_yticklabels()]
    assert labels == [pictures.KINDS[kind].label for kind in found.names]
    markers = {line.get_marker() for line in made.axes[0].lines if line.get_linestyle() == "None"}
    assert len(markers) == len(beyond.EFFORTS)
    head, rows = fig.kind_rows(found)
    assert len(rows) == 11 and all(len(row) == len(head) == 6 for row in rows)
    by_label = {str(row[0]).partition(":")[0]: row for row in rows}
    assert by_label["page of text"][2] == "+20 / +27" and by_label["tiny photo"][4] == "– / –"


def test_every_kind_has_a_frame(found: kinds.Kinds, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, ...]] = []

    def versions(rgb: np.ndarray, bpp: None, **_: object) -> list[comparison.Version]:
        asked.append(rgb.shape)
        corner = np.ascontiguousarray(rgb[:48, :48])
        values = measure(corner, ladder.get("pillow-420-progressive").encode(corner, 50))
        return [comparison.Version(name, rgb, b"", values) for name in ("original", "mozjpeg 4:2:0", "ours")]

    monkeypatch.setattr(fig, "versions", versions)
    made = fig.gallery(found, 20, 2)
    assert len(made.frames) == 2 and made.labels == ["portrait", "grey photo"] and asked[0] == (512, 512, 3)
    assert made.alts[0].startswith("portrait. Bits of ours against mozjpeg 4:2:0: −17 % at equal MSE, ")
    assert "LPIPS" in made.alts[1]
