"""The JPEG floor: properties of each stage, and agreement with libjpeg on what a file holds and shows."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.fft import dctn
from skimage import data as photos

from repro.errors import ReproError, UsageError
from repro.jpeg import blocks, color, dct, tables
from repro.jpeg import codestream as cs


def image(height: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 255


def photo_jpeg(height: int, width: int, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(photos.astronaut()[:height, :width]).save(stream, "JPEG", **options)
    return stream.getvalue()


def test_colour_round_trip() -> None:
    x = image(16, 16)
    assert torch.allclose(color.ycbcr_to_rgb(color.rgb_to_ycbcr(x)), x, atol=1e-3)


def test_grey_has_no_chroma() -> None:
    grey = torch.full((1, 3, 8, 8), 77.0)
    assert torch.allclose(color.rgb_to_ycbcr(grey), torch.tensor([77.0, 128, 128]).view(1, 3, 1, 1).expand_as(grey))


def test_colour_agrees_with_pillow() -> None:
    rgb = photos.astronaut()[:64, :64]
    pillow = np.asarray(Image.fromarray(rgb).convert("YCbCr")).astype(np.float32)
    ours = color.rgb_to_ycbcr(torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float())[0].permute(1, 2, 0).numpy()
    assert np.abs(ours - pillow).max() <= 1.0


@given(st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=25, deadline=None)
def test_blocks_round_trip(height: int, width: int) -> None:
    x = image(height, width)
    padded = blocks.pad(x)
    assert padded.shape[-2] % 8 == padded.shape[-1] % 8 == 0
    assert torch.equal(padded[..., :height, :width], x)
    assert torch.equal(padded[..., -1, -1], x[..., -1, -1])
    assert torch.equal(blocks.from_blocks(blocks.to_blocks(padded)), padded)


def test_block_holds_its_pixels() -> None:
    x = torch.arange(16.0 * 24).view(1, 1, 16, 24)
    assert torch.equal(blocks.to_blocks(x)[0, 0, 1, 2], x[0, 0, 8:16, 16:24])


def test_dct_is_orthonormal_and_agrees_with_scipy() -> None:
    d = dct.dct_matrix()
    assert torch.allclose(d @ d.T, torch.eye(8, dtype=torch.float64), atol=1e-14)
    x = torch.randn(1, 1, 2, 3, 8, 8, dtype=torch.float64)
    expected = dctn(x.numpy(), axes=(-2, -1), norm="ortho")
    assert np.allclose(dct.dct(x).numpy(), expected)
    assert torch.allclose(dct.idct(dct.dct(x)), x)
    assert torch.allclose(dct.dct(x).square().sum(), x.square().sum())


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 75, 90, 100])
def test_quality_tables_are_libjpegs(quality: int) -> None:
    with Image.open(io.BytesIO(photo_jpeg(16, 16, quality=quality))) as opened:
        theirs = opened.quantization  # type: ignore[attr-defined]
    assert [theirs[i] for i in (0, 1)] == [t.flatten().tolist() for t in tables.quality_tables(quality)]


def test_quality_out_of_range() -> None:
    with pytest.raises(UsageError, match="quality 0"):
        tables.quality_tables(0)


def test_zigzag_is_a_permutation_that_walks_the_diagonals() -> None:
    assert sorted(tables.ZIGZAG.tolist()) == list(range(64))
    assert tables.ZIGZAG[:10].tolist() == [0, 1, 8, 16, 9, 2, 3, 10, 17, 24]


@pytest.mark.parametrize("size", [(64, 64), (33, 17), (1, 1), (9, 200)])
@pytest.mark.parametrize("subsampling", [0, 2])
@pytest.mark.parametrize("progressive", [True, False])
def test_codestream_round_trip(size: tuple[int, int], subsampling: int, progressive: bool) -> None:
    original = cs.read(photo_jpeg(*size, subsampling=subsampling, quality=70))
    data = cs.write(original, progressive=progressive)
    again = cs.read(data)
    assert (again.height, again.width) == size
    assert np.array_equal(again.tables, original.tables)
    assert all(np.array_equal(a, b) for a, b in zip(again.planes, original.planes, strict=True))


def test_grey_codestream() -> None:
    stream = io.BytesIO()
    Image.fromarray(photos.camera()[:50, :70]).save(stream, "JPEG", quality=60)
    c = cs.read(stream.getvalue())
    assert c.subsampling == "grey"
    assert np.array_equal(cs.decode(cs.write(c)), cs.decode(stream.getvalue()))


def test_optimised_and_progressive_files_shrink() -> None:
    c = cs.read(photo_jpeg(512, 512, subsampling=0, quality=30))
    plain, optimal, progressive = (
        len(cs.write(c, progressive=p, optimise=o)) for p, o in [(False, False), (False, True), (True, True)]
    )
    assert progressive < optimal < plain


@pytest.mark.parametrize("subsampling", [0, 2])
@pytest.mark.parametrize("quality", [10, 50, 90])
def test_prediction_is_what_libjpeg_shows(subsampling: int, quality: int) -> None:
    data = photo_jpeg(255, 249, subsampling=subsampling, quality=quality)
    ours = cs.predict_decode(cs.read(data))[0].permute(1, 2, 0).numpy()
    difference = np.abs(ours - cs.decode(data))
    assert np.mean(difference <= 1) > 0.996
    assert difference.max() <= 3


def test_icc_profile_survives() -> None:
    profile = bytes(range(256)) * 400  # two chunks
    data = cs.write(cs.read(photo_jpeg(32, 32)), icc=profile)
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.info["icc_profile"] == profile


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"not a jpeg at all", photo_jpeg(64, 64)[:300]])
def test_broken_files_are_refused(data: bytes) -> None:
    with pytest.raises(ReproError, match="not a readable JPEG"):
        cs.read(data)
    with pytest.raises(ReproError, match="not a readable JPEG"):
        cs.decode(data)


def test_misfits_are_refused() -> None:
    plane = np.zeros((2, 2, 8, 8), np.int16)
    table = np.ones((1, 8, 8), np.uint16)
    with pytest.raises(ValueError, match="do not cover 17×16"):
        cs.Coefficients((plane,), table, 16, 17)
    with pytest.raises(ValueError, match="entries must be 1–255"):
        cs.Coefficients((plane,), table * 0, 16, 16)
    with pytest.raises(ValueError, match="neither 4:4:4"):
        cs.Coefficients((plane, plane[:, :0], plane), np.ones((2, 8, 8), np.uint16), 16, 16)


def test_shapes_and_ranges_are_checked() -> None:
    with pytest.raises(ValueError, match=r"expected shape \(B, 3, H, W\), got \(3, 8, 8\)"):
        color.rgb_to_ycbcr(torch.zeros(3, 8, 8))
    with pytest.raises(ValueError, match="uint8"):
        color.rgb_to_ycbcr(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    with pytest.raises(ValueError, match="pad the image first"):
        blocks.to_blocks(torch.zeros(1, 1, 9, 8))
    with pytest.raises(ValueError, match=r"8, 8\), got"):
        dct.dct(torch.zeros(8, 8))


def test_first_use_in_inference_mode_leaves_training_possible() -> None:
    dct._matrix.cache_clear()
    with torch.inference_mode():
        dct.dct(blocks.to_blocks(image(16, 16)))
    x = image(16, 16).requires_grad_()
    dct.idct(dct.dct(blocks.to_blocks(x))).sum().backward()
    assert x.grad is not None
