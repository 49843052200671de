"""JPEG's stages, in NumPy and in PyTorch, and their agreement with libjpeg on what a file holds and shows."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.fft import dctn
from skimage import data as photos

from repro import stages
from repro.errors import ReproError, UsageError
from repro.jpeg import blocks, color, dct, tables, transform
from repro.jpeg import codestream as cs

RNG = np.random.default_rng(0)


def photo_jpeg(height: int, width: int, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(photos.astronaut()[:height, :width]).save(stream, "JPEG", **options)
    return stream.getvalue()


def test_colour_agrees_with_pillow_and_comes_back() -> None:
    rgb = photos.astronaut()[:64, :72]
    pillow = np.asarray(Image.fromarray(rgb).convert("YCbCr")).astype(np.float32)
    ours = color.rgb_to_ycbcr(rgb)
    assert np.abs(np.moveaxis(ours, 0, -1) - pillow).max() <= 1.0
    assert np.abs(color.ycbcr_to_rgb(ours) - rgb).max() < 1e-3


def test_grey_has_no_chroma() -> None:
    assert np.allclose(color.rgb_to_ycbcr(np.full((1, 1, 3), 77.0)).ravel(), [77, 128, 128])


@given(st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=25, deadline=None)
def test_blocks_round_trip(height: int, width: int) -> None:
    plane = RNG.random((height, width))
    padded = blocks.pad(plane)
    assert padded.shape[0] % 8 == padded.shape[1] % 8 == 0
    assert np.array_equal(padded[:height, :width], plane) and padded[-1, -1] == plane[-1, -1]
    assert np.array_equal(blocks.from_blocks(blocks.to_blocks(padded)), padded)


def test_block_holds_its_pixels() -> None:
    plane = np.arange(16.0 * 24).reshape(16, 24)
    assert np.array_equal(blocks.to_blocks(plane)[1, 2], plane[8:16, 16:24])


def test_dct_is_orthonormal_and_agrees_with_scipy() -> None:
    d = dct.dct_matrix()
    assert np.allclose(d @ d.T, np.eye(8), atol=1e-14)
    x = RNG.normal(size=(2, 3, 8, 8))
    F = dct.dct(x)
    assert np.allclose(F, dctn(x, axes=(-2, -1), norm="ortho"))
    assert np.allclose(dct.idct(F), x) and np.allclose(np.square(F).sum(), np.square(x).sum())


@given(
    height=st.integers(1, 50),
    width=st.integers(1, 50),
    subsampling=st.sampled_from(["grey", "4:2:0", "4:4:4"]),
    threads=st.integers(1, 3),
    sharp=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_the_stages_in_one_go_are_the_stages(
    height: int, width: int, subsampling: str, threads: int, sharp: bool
) -> None:
    rgb = np.tile(photos.astronaut()[200 : 200 + height, 300 : 300 + width], (8, 1, 1))  # more rows than a thread takes
    samples = rgb[..., 0] if subsampling == "grey" else rgb
    found = transform.transform(samples, subsampling, threads, sharp_chroma=sharp)
    planes = samples[None].astype(np.float32) if subsampling == "grey" else color.rgb_to_ycbcr(rgb)
    for i, (F, plane) in enumerate(zip(found, planes, strict=True)):
        if i and subsampling == "4:2:0":
            plane = blocks.subsample_sharply(plane) if sharp else blocks.subsample(plane)
        whole = blocks.pad(plane)
        expected = dct.dct(blocks.to_blocks(whole - 128)).reshape(*(side // 8 for side in whole.shape), 64)
        np.testing.assert_allclose(F, expected[: F.shape[0], : F.shape[1], tables.ZIGZAG], atol=2e-3)
        half = 2 if i and subsampling == "4:2:0" else 1
        assert F.shape[:2] == tuple(math.ceil(math.ceil(side / half) / 8) for side in samples.shape[:2])


@given(height=st.integers(1, 40), width=st.integers(1, 40))
@settings(max_examples=20, deadline=None)
def test_sharp_chroma_is_the_means_plus_what_the_decoder_loses_of_them(height: int, width: int) -> None:
    plane = np.random.default_rng(height).uniform(0, 255, (height, width)).astype(np.float32)
    mean = blocks.subsample(plane)
    shown = blocks.upsample(mean)  # the decoder's 2 · ⌈H/2⌉ rows
    lost = mean - blocks.subsample(shown)
    np.testing.assert_allclose(blocks.subsample_sharply(plane), mean + lost, atol=1e-3)


def test_sharp_chroma_comes_back_nearer_to_the_original() -> None:
    cb = color.rgb_to_ycbcr(photos.astronaut())[1]
    sharp, plain = (
        np.square(blocks.upsample(halve(cb)) - cb).mean() for halve in (blocks.subsample_sharply, blocks.subsample)
    )
    assert sharp < 0.8 * plain


@pytest.mark.parametrize("size", [(40, 56), (33, 17), (1, 1)])
def test_both_kinds_of_stages_agree(size: tuple[int, int]) -> None:
    """Stages for arrays and for tensors agree, from pixels to coefficients and back."""
    rgb = photos.astronaut()[100 : 100 + size[0], 200 : 200 + size[1]]
    x = stages.to_tensor(rgb).float()
    planes, theirs = color.rgb_to_ycbcr(rgb), stages.rgb_to_ycbcr(x)
    assert np.allclose(planes, theirs[0], atol=1e-4)
    for i, plane in enumerate(planes):
        padded = blocks.pad(plane)
        assert np.array_equal(padded, stages.pad(torch.from_numpy(plane)[None, None])[0, 0])
        F = dct.dct(blocks.to_blocks(padded - 128))
        assert np.allclose(F, stages.forward_dct(stages.pad(x))[0, i], atol=1e-3)
        assert np.allclose(dct.idct(F), stages.idct(torch.from_numpy(F)[None, None])[0, 0], atol=1e-3)
        half = blocks.subsample(plane)
        expected = torch.nn.functional.avg_pool2d(stages.pad(torch.from_numpy(plane)[None, None], 2), 2)
        assert np.allclose(half, expected[0, 0], atol=1e-4)
        assert np.allclose(blocks.upsample(half), stages.upsample(expected)[0, 0], atol=1e-4)
    assert np.allclose(color.ycbcr_to_rgb(planes), stages.ycbcr_to_rgb(theirs)[0].permute(1, 2, 0), atol=1e-3)


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
    plain = len(photo_jpeg(512, 512, subsampling=0, quality=30))
    assert len(cs.write(c, progressive=True)) < len(cs.write(c, progressive=False)) < plain


@pytest.mark.parametrize("subsampling", [0, 2])
@pytest.mark.parametrize("quality", [10, 50, 90])
def test_prediction_is_what_libjpeg_shows(subsampling: int, quality: int) -> None:
    data = photo_jpeg(255, 249, subsampling=subsampling, quality=quality)
    ours = cs.predict_decode(cs.read(data))
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
        stages.rgb_to_ycbcr(torch.zeros(3, 8, 8))
    with pytest.raises(ValueError, match="uint8"):
        stages.rgb_to_ycbcr(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    with pytest.raises(ValueError, match="pad the image first"):
        stages.to_blocks(torch.zeros(1, 1, 9, 8))
    with pytest.raises(ValueError, match="pad the plane first"):
        blocks.to_blocks(np.zeros((9, 8)))
    for each in (dct.dct, stages.dct):
        with pytest.raises(ValueError, match=r"8, 8\), got"):
            each(torch.zeros(8, 7) if each is stages.dct else np.zeros((8, 7)))


def test_first_use_in_inference_mode_leaves_training_possible() -> None:
    stages._both_ways.cache_clear()
    x = torch.rand(1, 3, 16, 16) * 255
    with torch.inference_mode():
        stages.forward_dct(x)
    x.requires_grad_()
    stages.idct(stages.forward_dct(x)).sum().backward()
    assert x.grad is not None
