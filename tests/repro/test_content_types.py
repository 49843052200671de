"""Content types: images that are the same everywhere, and the savings on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from made_curves import curve
from repro import data
from repro.data import content_types as pictures
from repro.data.content_types import CONTENT_TYPES, draw
from repro.data.sets import hashes_of, known_sets
from repro.errors import ReproError, UsageError
from repro.evaluation import Curve
from repro.experiments import EncoderSweep, Store, content_types, run
from repro.experiments.beyond import METRICS, EncoderCurves
from repro.experiments.content_types import APART, BETTER_PEER, TOO_SMALL, ContentTypeSavings, saving
from repro.files import sha256_bytes


def test_every_image_is_the_one_that_was_measured() -> None:
    known = known_sets()["shipped/content-types"].files
    assert known.keys() == CONTENT_TYPES.keys()
    for name, digest in known.items():
        image = draw(name)
        assert image.dtype == np.uint8 and image.shape[2] == 3 and image.flags.c_contiguous, name
        assert sha256_bytes(image.tobytes()) == digest, name
    with pytest.raises(UsageError, match="unknown content type 'cat'; choose from portrait, grey"):
        draw("cat")


def test_noise_is_that_of_counted_photons() -> None:
    """Its standard deviation is that of the electrons, times the slope of the sRGB curve; the mean does not change."""
    clean, noisy = (p.astype(float)[..., 0] for p in (pictures._photo("coffee.png"), draw("noisy")))
    off = noisy - clean
    assert abs(off[(clean > 60) & (clean < 200)].mean()) < 2
    middle = off[(clean > 110) & (clean < 130)]
    expected = np.sqrt(0.19 * pictures.FULL_WELL + pictures.READ_NOISE**2) / pictures.FULL_WELL
    assert middle.std() == pytest.approx(255 * expected * 1.055 / 2.4 * 0.19 ** (1 / 2.4 - 1), rel=0.15)


def test_the_set_is_known_and_other_pixels_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = data.photos("content-types")
    assert len(found) == 11 and found.sha256 in hashes_of("content-types") and "shipped" in found.source
    assert np.array_equal(found.items[-1].rgb(), draw("tiny"))
    other = replace(CONTENT_TYPES["sky"], make=lambda: np.zeros((8, 8, 3), np.uint8))
    monkeypatch.setitem(CONTENT_TYPES, "sky", other)
    with pytest.raises(ReproError, match=r"content_types\.py: draws other pixels here for 'sky'; install Pillow"):
        data.photos("content-types")


def test_a_sweep_holds_the_hash_of_every_image(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {n: replace(c, make=lambda: np.full((16, 16, 3), 9, np.uint8)) for n, c in CONTENT_TYPES.items()}
    digest = sha256_bytes(small["sky"].make().tobytes())
    known = dict(known_sets())  # a copy, as the registry's own is shared
    known |= {"shipped/content-types": replace(known["shipped/content-types"], files=dict.fromkeys(small, digest))}
    monkeypatch.setattr(pictures, "CONTENT_TYPES", small)
    monkeypatch.setattr("repro.data.sets.known_sets", lambda: known)
    wanted = EncoderSweep("pillow-420-progressive", (13,), "content-types")
    run(wanted, store)
    result = store.read(wanted)
    assert result is not None and {p["sha256"] for p in result["photos"].values()} == {digest}
    assert result["provenance"]["data"]["evaluation"]["count"] == 11
    assert store.load(wanted) is None, "of other images than the known ones"


FACTORS = {
    "pillow-420-progressive": 1.0,
    "mozjpeg": 0.9,
    "jpegli-420": 0.85,
    "fast": 0.8,
    "default": 0.75,
    "best": 0.7,
}


@pytest.fixture(scope="module")
def found() -> ContentTypeSavings:
    """All content types are alike, except a page and a plot on which ours saves less. The tiny image has no MS-SSIM,
    and the peers' curves do not reach the sky's LPIPS."""
    saved = {"page": {"fast": 1.2, "default": 1.08, "best": 0.87}, "plot": {"default": 0.9, "best": 0.9}}
    curves = {}
    for encoder, factor in FACTORS.items():
        images = {}
        for name in CONTENT_TYPES:
            points = curve(name, saved=saved.get(name, {}).get(encoder, factor), photos=1, points=6).images["photo00"]
            images[name] = tuple(
                {**p, "ssimulacra2": 60 - 10 * np.log10(p["mse"] or 1), "butteraugli": p["mse"]} for p in points
            )
        images["tiny"] = tuple({**p, "ms_ssim": None, "ssimulacra2": None} for p in images["tiny"])
        if encoder == "default":
            images["sky"] = tuple({**p, "lpips": (p["lpips"] or 0) / 1e3} for p in images["sky"])
        curves[encoder] = Curve(encoder, images)
    return ContentTypeSavings(EncoderCurves(curves))


def test_a_saving_is_what_was_saved(found: ContentTypeSavings) -> None:
    for metric in METRICS:
        assert found.percent("portrait", "default", metric) == pytest.approx(100 * (0.75 / 0.9 - 1), abs=0.5)
        assert found.percent("page", "default", metric) == pytest.approx(20, abs=0.5)
        better = found.percent("portrait", "default", metric, BETTER_PEER)
        assert better == found.percent("portrait", "default", metric, "jpegli-420"), "the stronger one"
    assert found.percent("tiny", "default", "ms_ssim") == TOO_SMALL
    for against in ("mozjpeg", BETTER_PEER):
        assert found.percent("sky", "default", "lpips", against) == APART


def test_curves_are_compared_where_half_of_their_qualities_are_shared() -> None:
    """Two curves over one decade of rates each: the second begins at 55 % or at 45 % of the first one's decade."""
    anchor = curve("anchor", photos=1)
    late, early = (curve("test", rates=(0.1 * 10**at, 10**at), photos=1) for at in (0.55, 0.45))
    assert saving(anchor, late, "photo00", "mse") == APART
    assert saving(anchor, early, "photo00", "mse") == pytest.approx(0, abs=0.5)


def test_losses_come_with_the_worst_first(found: ContentTypeSavings) -> None:
    assert found.lost("fast", "lpips") == {"page": pytest.approx(33.3, abs=0.5)}
    assert found.lost("best", "lpips") == {}, "a draw is no loss"
    assert list(found.lost("best", "lpips", BETTER_PEER)) == ["plot", "page"]
    assert found.lost_everywhere("default") == ["page"] and found.lost_everywhere("best") == []
    assert found.tally("default") == (5, 5, 52), "lost on the page, even on the plot; three have no number"


def test_a_missing_result_is_named(store: Store) -> None:
    says = r"ablations/.*-content-types.*no stored result; run `repro reproduce --figure content-types`"
    with pytest.raises(ReproError, match=says):
        content_types.stored(store)
