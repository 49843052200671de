"""Peers: their files decode, and are of the kind that the name promises, for pictures of any size."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from repro import codecs, libjpeg_api
from repro.errors import ReproError, UsageError
from repro.evaluation.measure import file_tables
from repro.jpeg.codestream import decode
from repro.jpeg.tables import ANNEX_K

ALL = [
    pytest.param(name, marks=pytest.mark.skipif(bool(codec.missing), reason=f"needs {codec.missing}"))
    for name, codec in codecs.CODECS.items()
]
RNG = np.random.default_rng(3)


def astronaut(side: int = 64) -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[:side, 100 : 100 + side])


def header(data: bytes) -> tuple[str, list[tuple[int, int]], bool]:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        sampling = [(layer[1], layer[2]) for layer in image.layer]  # type: ignore[attr-defined]
        return str(image.format), sampling, bool(image.info.get("progressive"))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (17, 33), (40, 3), (16, 24)])
def test_any_size(name: str, height: int, width: int) -> None:
    rgb = RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)
    assert decode(codecs.get(name).encode(rgb, 90)).shape == rgb.shape


@pytest.mark.parametrize("name", ALL)
def test_pictures_are_encoded_the_right_way_round(name: str) -> None:
    """Not transposed, not BGR, and close to the original, unlike with a wrong stride or channel order."""
    rgb = astronaut()[:48]
    assert np.abs(decode(codecs.get(name).encode(rgb, 95)).astype(float) - rgb).mean() < 4
    view = astronaut()[::-1, ::-1]  # negative strides
    assert np.abs(decode(codecs.get(name).encode(view, 95)).astype(float) - view).mean() < 4


@pytest.mark.parametrize("name", ALL)
def test_files_are_what_the_name_says(name: str) -> None:
    rgb = astronaut()
    made = codecs.get(name).encode(rgb, 90)
    form, sampling, progressive = header(made)
    assert form == "JPEG"
    assert sampling == ([(2, 2), (1, 1), (1, 1)] if "420" in name else [(1, 1)] * 3)
    assert progressive == (name not in ("pillow-444", "pillow-444-default", "guetzli"))
    assert codecs.get(name).encode(rgb, 90) == made


@pytest.mark.parametrize("name", ALL)
def test_more_quality_costs_more_and_shows_more(name: str) -> None:
    rgb = astronaut()
    files = [codecs.get(name).encode(rgb, q) for q in (85, 95)]
    errors = [((decode(f).astype(float) - rgb) ** 2).mean() for f in files]
    assert len(files[0]) < len(files[1])
    assert errors[0] > errors[1]


def test_huffman_tables_change_size_and_nothing_else() -> None:
    rgb = astronaut()
    optimised, default = (codecs.get(name).encode(rgb, 20) for name in ("pillow-444", "pillow-444-default"))
    assert len(optimised) < len(default)
    assert np.array_equal(decode(optimised), decode(default))


@pytest.mark.skipif(bool(codecs.get("mozjpeg").missing), reason="needs jpeglib")
def test_mozjpeg_chooses_chroma_by_quality() -> None:
    luma = [header(codecs.get("mozjpeg").encode(astronaut(), quality))[1][0] for quality in (79, 80, 89, 90)]
    assert luma == [(2, 2), (2, 1), (2, 1), (1, 1)]


@pytest.mark.skipif(bool(codecs.get("mozjpeg").missing), reason="needs jpeglib")
def test_a_library_of_another_layout_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """libjpeg itself would end the process."""
    library = libjpeg_api._mozjpeg_library()
    for other in ({"abi": 62}, {"size": library.size + 8}):
        monkeypatch.setattr(libjpeg_api, "_mozjpeg_library", lambda other=other: replace(library, **other))
        with pytest.raises(ReproError, match=r"jpeglib: .* another layout"):
            codecs.get("mozjpeg-420").encode(astronaut(), 50)


def test_own_tables_reach_the_file() -> None:
    tables = np.stack([np.arange(1, 65).reshape(8, 8), np.arange(101, 165).reshape(8, 8)])
    made = codecs.save_with_tables(astronaut(), tables)
    assert np.array_equal(file_tables(made), tables)
    assert header(made)[1] == [(1, 1)] * 3
    assert codecs.save_with_tables(astronaut(), ANNEX_K) == codecs.get("pillow-444-default").encode(astronaut(), 50)
    one = codecs.save_with_tables(astronaut(), tables[:1])
    assert np.array_equal(file_tables(one), tables[:1])
    each = np.stack([*tables, tables[1] + 1])  # Y, Cb and Cr
    assert np.array_equal(file_tables(codecs.save_with_tables(astronaut(), each)), each)


@pytest.mark.parametrize(
    ("name", "rgb", "quality", "says"),
    [
        ("pillow-444", astronaut(), 0, "pillow-444: quality 0 .* choose from"),
        ("guetzli", astronaut(), 83, "guetzli: quality 83 .* choose from"),
        ("pillow-444", np.zeros((8, 8), np.uint8), 50, r"expected \(H, W, 3\) uint8"),
        ("pillow-444", np.zeros((8, 8, 3)), 50, r"expected \(H, W, 3\) uint8"),
        ("mozjpeg-420", np.zeros((1, 65_501, 3), np.uint8), 50, "65500"),
        ("webp", astronaut(), 50, r"'webp'.*pillow-444.*guetzli"),
    ],
)
def test_bad_input_is_told(name: str, rgb: np.ndarray, quality: int, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        codecs.get(name).encode(rgb, quality)


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        (np.ones((8, 8)), "shape"),
        (np.ones((5, 8, 8)), r"\(1 to 4, 8, 8\), got \(5, 8, 8\)"),
        (np.zeros((2, 8, 8)), "1–65535"),
        (np.full((2, 8, 8), 1.5), "whole numbers"),
    ],
)
def test_bad_tables_are_told(tables: np.ndarray, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        codecs.save_with_tables(astronaut(), tables)


def test_what_is_missing_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = replace(codecs.get("jpegli-420"), package="no_such_package")
    monkeypatch.setitem(codecs.CODECS, "jpegli-420", absent)
    with pytest.raises(ReproError, match=r"pip install no_such_package$"):
        codecs.get("jpegli-420").encode(astronaut(), 50)


GOLDENS = Path(__file__).parents[1] / "goldens"
REFERENCE = {
    "pillow 4:4:4, default Huffman": "pillow-444-default",
    "pillow 4:4:4, optimised Huffman": "pillow-444",
    "pillow 4:2:0, optimised, progressive": "pillow-420-progressive",
    "mozjpeg 4.0.3 4:2:0 (trellis, progressive)": "mozjpeg-420",
    "mozjpeg 4.0.3 4:4:4 (trellis, progressive)": "mozjpeg-444",
}
#: The programs cjpeg and cjpegli, built from their authors' sources → the codec that stands for each.
PROGRAMS = {
    "cjpegli": "jpegli-444",
    "cjpegli-420": "jpegli-420",
    "cjpegli-420-noaq": "jpegli-420-noaq",
    "mozjpeg": "mozjpeg",
    "mozjpeg-444": "mozjpeg-444",
    "mozjpeg-psnr-420": "mozjpeg-psnr-420",
    "mozjpeg-msssim-420": "mozjpeg-msssim-420",
    "mozjpeg-msssim-420-qt6": "mozjpeg-msssim6-420",
    "mozjpeg-hvs-420": "mozjpeg-hvs-420",
}


@pytest.mark.skipif("REPRO_DATA" not in os.environ, reason="needs Kodak: set REPRO_DATA")
@pytest.mark.parametrize("program", PROGRAMS)
def test_files_have_the_size_of_the_programs(program: str) -> None:
    """Two photos at every quality that was measured elsewhere, to five decimal places."""
    from repro.data import photos

    photo = {photo.name: photo.rgb() for photo in photos("kodak")}
    rows = [row for row in csv.DictReader((GOLDENS / "kodak_peers_wide.csv").open()) if row["codec"] == program]
    assert len(rows) >= 8
    for row in rows:
        rgb = photo[row["image"]]
        bpp = 8 * len(codecs.get(PROGRAMS[program]).encode(rgb, int(row["q"]))) / (rgb.shape[0] * rgb.shape[1])
        assert bpp == pytest.approx(float(row["bpp"]), abs=6e-6), row


@pytest.mark.skipif("REPRO_DATA" not in os.environ, reason="needs Kodak: set REPRO_DATA")
@pytest.mark.parametrize("label", REFERENCE)
def test_kodak_means_are_the_given_ones(label: str) -> None:
    """Means over 24 images at one quality of each codec, within 1 % of those measured elsewhere."""
    from repro.data import photos

    encode, row = codecs.get(REFERENCE[label]).encode, kodak_row(label)
    pairs = [(rgb, encode(rgb, 18)) for rgb in (photo.rgb() for photo in photos("kodak"))]
    bpp = np.mean([8 * len(made) / (rgb.size / 3) for rgb, made in pairs])
    mse = np.mean([((decode(made).astype(float) - rgb) ** 2).mean() for rgb, made in pairs])
    assert (bpp, mse) == pytest.approx((float(row["bpp"]), float(row["mse"])), rel=0.01)


@pytest.mark.skipif("REPRO_DATA" not in os.environ, reason="needs Kodak: set REPRO_DATA")
def test_a_curve_s_mean_is_the_given_one_in_every_metric() -> None:
    """One codec is enough: metrics see only pixels, whoever made them."""
    from repro.data import photos
    from repro.evaluation import rate_distortion

    label = "pillow 4:4:4, optimised Huffman"
    curve = rate_distortion(label, photos("kodak"), codecs.get(REFERENCE[label]).encode, [18])
    point, row = curve.mean().images["mean"][0], kodak_row(label)
    for column, key in {"bpp": "bpp", "mse": "mse", "lpips_alex": "lpips", "ms_ssim": "ms_ssim"}.items():
        assert point[key] == pytest.approx(float(row[column]), rel=0.01), column


def kodak_row(label: str) -> dict[str, str]:
    rows = csv.DictReader((GOLDENS / "kodak_peers.csv").open())
    return next(row for row in rows if row["codec"] == label and int(row["quality"]) == 18)
