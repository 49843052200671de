"""The pictures and tables of chapters 3, 4 and 5: they can be read, and are correct."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chapters import comparison, quantisation, style, tables
from chapters.style import Box
from encoder_stand_in import stand_in
from repro import codecs
from repro.data import Photo, photos
from repro.encoder import models
from repro.errors import UsageError
from repro.evaluation import Match, measure
from repro.experiments import claims
from repro.jpeg.codestream import decode
from repro.jpeg.tables import quality_tables

PEERS = ("pillow-420-progressive", "mozjpeg-420")


@pytest.fixture(scope="module")
def rgb() -> np.ndarray:
    """A part of a shipped photo, large enough for MS-SSIM, whose sides are not whole blocks."""
    return np.ascontiguousarray(photos("sample").items[3].rgb()[80:261, 120:363])


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An installation that ships two sets: Annex K's tables, and coarser ones in place of a network's."""
    folder = tmp_path_factory.mktemp("models")
    models.save(stand_in(name="tables"), folder / "tables")
    coarser = (stand_in().tables * 1.3).clip(1, 255)
    models.save(stand_in(name="vgg16", tables=coarser), folder / "vgg16")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "_shipped_folder", lambda: folder)
        yield folder


@pytest.fixture(scope="module")
def versions(rgb: np.ndarray, shipped: Path) -> list[comparison.Version]:
    return comparison.versions(rgb, 0.6, PEERS, ("tables", "vgg16"))


def test_a_slider_compares_learned_tables_with_annex_k() -> None:
    annex_k = quality_tables(20)
    same = quantisation.Beside(0.02, 0.3, annex_k, 20, annex_k)
    assert same.coarser(1, 10) == same.coarser(48, 64) == 1
    coarse = annex_k.copy()
    coarse[0, 0, 1] *= 10  # the first of nine slow patterns
    other = quantisation.Beside(0.04, 0.4, coarse, 25, annex_k)
    assert other.coarser(1, 10) == 2 and other.coarser(48, 64) == 1
    frames, labels, alts, captions = quantisation.lambda_slider([same, other])
    assert labels == ["0.02", "0.04"] and len(frames) == 2 and "are 2.00 times Annex K's" in captions[1]
    assert all(caption in alt for alt, caption in zip(alts, captions, strict=True))


# --- chapter 3


def test_a_film_says_what_its_files_take(rgb: np.ndarray) -> None:
    files = {quality: codecs.get("pillow-444").encode(rgb, quality) for quality in range(5, 95, 6)}
    film = [(10 * i, quality_tables(q), data) for i, (q, data) in enumerate(files.items())]
    frames, labels, alts, captions = quantisation.film_slider(film, rgb, Box(20, 30, 96, 96))
    assert len(frames) == len(set(captions)) == 9 and labels[0] == "0" and labels[-1] == "140"
    gaps = np.diff([int(label) for label in labels])
    assert (np.diff(gaps) >= 0).all() and gaps[-1] > gaps[0], "more of the start, where most happens"
    for label, alt, caption in zip(labels, alts, captions, strict=True):
        values = measure(rgb, film[int(label) // 10][2])
        assert f"{values['bpp']:.2f} bits per pixel" in caption and f"MSE of {values['mse']:.0f}." in caption
        assert caption in alt


# --- chapter 5: tables of numbers


def a_match(name: str, ours: tuple[float, float, float | None], theirs: tuple[float, float, float | None]) -> Match:
    values = ({"bpp": b, **dict(zip(claims.METRICS, v, strict=True))} for b, v in ((0.25, ours), (0.26, theirs)))
    return Match(name, *values, 12)


def test_matches_in_numbers() -> None:
    matches = [
        a_match("one.png", (10.04, 0.1234, 0.98765), (12.0, 0.2, 0.9)),
        a_match("two.png", (14.0, 0.2, 0.9), (12.0, 0.2, 0.95)),
        a_match("small.png", (5.0, 0.1, None), (6.0, 0.3, None)),
    ]
    head, rows = tables.matched(matches)
    assert head == ["photo", "bits per pixel, ours / Pillow", "MSE", "LPIPS", "MS-SSIM"]
    assert [row[0] for row in rows] == ["one", "small", "two"], "by name"
    assert rows[0] == ["one", "0.250 / 0.260", "10.0 / 12.0", "0.123 / 0.200", "0.9877 / 0.9000"]
    assert rows[1] == ["small", "0.250 / 0.260", "5.0 / 6.0", "0.100 / 0.300", "–"]
    assert tables.wins(matches) == {"mse": 2, "lpips": 2, "ms_ssim": 1}, "equal is no win, and nor is unknown"


# --- chapter 5: pictures at equal size


def test_none_of_ours_has_more_bytes_than_a_peer(rgb: np.ndarray, versions: list[comparison.Version]) -> None:
    labels = [style.LOOKS[name].label for name in (*PEERS, "tables", "vgg16")]
    assert [v.label for v in versions] == ["original", *labels]
    original, first_peer, second_peer, tables_, vgg = versions
    size = len(tables_.data)
    assert 0.55 * 181 * 243 < 8 * size <= 0.6 * 181 * 243, "ours is as large as the rate allows"
    assert len(vgg.data) <= size
    for peer, codec in zip((first_peer, second_peer), PEERS, strict=True):
        files = (codecs.get(codec).encode(rgb, q) for q in range(1, 101))
        assert peer.data == next(file for file in files if len(file) >= size), "the smallest that is not under it"
    assert np.array_equal(original.pixels, rgb) and not original.data and original.values is None
    for version in versions[1:]:
        assert np.array_equal(version.pixels, decode(version.data))
        values = measure(rgb, version.data)
        assert all(v == pytest.approx(values[key], rel=1e-5) for key, v in (version.values or {}).items() if v)


@pytest.fixture
def photo(rgb: np.ndarray, tmp_path: Path) -> Photo:
    Image.fromarray(rgb).save(tmp_path / "part.png")
    return Photo("part.png", tmp_path / "part.png", "0")


def test_closeups_for_the_slider(photo: Photo, shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(comparison.CROPS, "part.png", Box(20, 30, 90, 100))
    frames, labels, alts = comparison.closeups(photo, [0.4, 0.8])
    assert labels == ["0.4 bpp", "0.8 bpp"] and len(frames) == len(alts) == 2
    for rate, fig, alt in zip((0.4, 0.8), frames, alts, strict=True):
        assert [ax.get_title() for ax in fig.axes[3:5]] == ["learned tables", "VGG-16 attention"], "all that ships"
        assert alt.startswith(f"The same part of part at about {rate:g} bits per pixel. original: 131,949 bytes")
        assert "\n" not in alt and all(ax.get_xlabel().replace("\n", ", ") in alt for ax in fig.axes[:5])


def test_an_unknown_set_is_refused(rgb: np.ndarray, shipped: Path) -> None:
    with pytest.raises(UsageError, match="unknown model 'vgg19'; choose from tables, vgg16"):
        comparison.versions(rgb, 0.6, (), ("vgg19",))


def test_crops_lie_within_their_photos() -> None:
    sizes = {photo.name: photo.rgb().shape[:2] for photo in photos("sample")}
    sizes |= {"kodim04.png": (768, 512), "kodim15.png": (512, 768), "kodim23.png": (512, 768)}
    for name, box in [*comparison.CROPS.items(), *quantisation.PARTS.items()]:
        height, width = sizes[name]
        assert min(box) >= 0 and box.top + box.height <= height and box.left + box.width <= width, name
    for box in comparison.CROPS.values():
        assert 3 * box.width >= style.WIDTH * 72, "a pixel of the photo is no more than a point on the page"
