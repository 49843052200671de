"""Encoding with the trellis: three efforts, qualities, bits that are met, time that is kept, files that open."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ImageCms

from encoder_stand_in import astronaut, decode, save
from repro.encoder import models
from repro.encoder.encode import Settings, encode_file, encode_picture
from repro.encoder.images import Picture
from repro.errors import ReproError, UsageError
from repro.jpeg import codestream
from repro.metrics import lpips, ms_ssim, mse

SETTINGS = Settings(model="trellis", quality=30)


def shown(data: bytes) -> torch.Tensor:
    return torch.from_numpy(np.array(decode(data).convert("RGB"))).permute(2, 0, 1)[None].float()


def encode(picture: Picture, **changes: object) -> bytes:
    fields = {"model": "trellis", "quality": None if "bpp" in changes else 30} | changes
    return encode_picture(picture, Settings(**fields)).data  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def by_effort() -> dict[str, bytes]:
    picture = Picture(astronaut())
    return {effort: encode(picture, effort=effort, bpp=0.5) for effort in ("fast", "default", "best")}


def test_more_effort_is_a_better_picture(by_effort: dict[str, bytes]) -> None:
    """Within the same bits LPIPS falls from effort to effort."""
    x = torch.from_numpy(astronaut()).permute(2, 0, 1)[None].float()
    seen = {effort: lpips(x, shown(data)).item() for effort, data in by_effort.items()}
    assert seen["best"] < seen["default"] < seen["fast"] and seen["best"] < 0.9 * seen["fast"]
    sizes = [len(data) for data in by_effort.values()]
    assert max(sizes) < 1.05 * min(sizes)


def test_a_quality_is_the_same_for_every_effort() -> None:
    """The files stay of one size, about."""
    sizes = [len(encode(Picture(astronaut()), effort=effort)) for effort in ("fast", "default", "best")]
    assert max(sizes) < 1.2 * min(sizes)


@pytest.mark.parametrize("effort", ["fast", "default"])
def test_fewer_bits_than_libjpeg_for_the_picture(effort: str) -> None:
    """Better in all three metrics than libjpeg 4:2:0, progressive, with more bits."""
    photo = astronaut(384, 512)
    ours = encode(Picture(photo), effort=effort)
    pillow = [by_pillow(photo, q) for q in range(10, 60, 2)]
    theirs = next(data for data in pillow if len(data) >= len(ours))
    x = torch.from_numpy(photo).permute(2, 0, 1)[None].float()
    a, b = shown(ours), shown(theirs)
    assert mse(x, a) < mse(x, b) and lpips(x, a) < lpips(x, b) and ms_ssim(x, a) > ms_ssim(x, b)


def by_pillow(photo: np.ndarray, quality: int) -> bytes:
    from repro import codecs

    return codecs.get("pillow-420-progressive").encode(photo, quality)


@pytest.mark.parametrize("effort", ["fast", "default"])
def test_files_grow_with_quality(effort: str) -> None:
    picture = Picture(astronaut(128, 128))
    sizes = [len(encode(picture, effort=effort, quality=q)) for q in (1, 10, 30, 50, 75, 95, 100)]
    assert sizes == sorted(sizes) and sizes[-1] > 5 * sizes[0]


def test_quality_100_is_close_to_the_original() -> None:
    """Tables of ones, and all of chroma: what is lost is rounding."""
    data = encode(Picture(astronaut(64, 64)), effort="fast", quality=100)
    found = codestream.read(data)
    assert (found.tables == 1).all() and found.subsampling == "4:4:4"
    x = torch.from_numpy(astronaut(64, 64)).permute(2, 0, 1)[None].float()
    assert (x - shown(data)).abs().mean() < 1


@pytest.mark.parametrize("bpp", [0.3, 1.0])
@pytest.mark.parametrize("effort", ["fast", "default", "best"])
def test_bits_are_met(effort: str, bpp: float, tmp_path: Path) -> None:
    source = save(tmp_path / "photo.png", astronaut(192, 192))
    seconds = 6.0 if effort == "best" else None
    settings = Settings(model="trellis", bpp=bpp, effort=effort, seconds=seconds)  # type: ignore[arg-type]
    report = encode_file(source, tmp_path / "photo.jpg", settings)
    assert 0.95 * bpp <= report.bpp <= bpp


def test_bits_that_cannot_be_met_are_refused() -> None:
    with pytest.raises(ReproError, match="bits per pixel cannot be met"):
        encode(Picture(astronaut(64, 64)), effort="fast", bpp=0.001)


def test_a_time_limit_returns_the_best_so_far() -> None:
    picture = Picture(astronaut(256, 256))
    encode(picture, effort="default")  # networks are read, and code is compiled, once
    start = time.monotonic()
    data = encode(picture, effort="best", seconds=0.5)
    assert time.monotonic() - start < 6
    decode(data)


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (17, 33), (200, 16)])
@pytest.mark.parametrize("effort", ["fast", "default", "best"])
def test_every_size_opens(size: tuple[int, int], effort: str) -> None:
    for samples in (astronaut(*size), astronaut(*size)[..., 0].copy()):
        image = decode(encode(Picture(samples), effort=effort))
        assert image.size == size[::-1] and image.mode == ("RGB" if samples.ndim == 3 else "L")


def test_a_profile_is_kept_within_the_bits() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = Picture(astronaut(192, 192), icc=profile)
    data = encode(picture, effort="best", bpp=1.2, seconds=3.0)
    assert decode(data).info["icc_profile"] == profile and 8 * len(data) <= 1.2 * 192 * 192


def test_the_same_again() -> None:
    picture = Picture(astronaut(96, 96))
    assert encode(picture, effort="default") == encode(picture, effort="default")


def test_efforts_that_a_model_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--effort best: 'tables' does not have it; use --effort default"):
        encode_picture(Picture(astronaut(8, 8)), Settings(model="tables", effort="best"))
    with pytest.raises(UsageError, match="--seconds: only --effort best has a time limit"):
        Settings(model="trellis", seconds=3)
    with pytest.raises(UsageError, match="--seconds -1: must be a number above 0"):
        Settings(model="trellis", effort="best", seconds=-1)


def test_a_set_for_the_trellis_is_stored_with_its_metric_weights(tmp_path: Path) -> None:
    chosen = models.load("trellis")
    models.save(chosen, tmp_path / "copy")
    again = models.load(str(tmp_path / "copy"))
    assert again.metric_weights == chosen.metric_weights and again.at(33).lam == pytest.approx(chosen.at(33).lam)
    lams = [chosen.at(q).lam for q in (5, 20, 40, 60, 80, 95, 99, 100)]
    assert all(a < b for a, b in itertools.pairwise(lams))  # type: ignore[operator]


def test_metric_weights_and_the_trellis_belong_together() -> None:
    from encoder_stand_in import stand_in

    with pytest.raises(ReproError, match="needs metric weights for the trellis"):
        stand_in(metric_weights={"mse": 1.0})
    with pytest.raises(ReproError, match="needs metric weights for the trellis"):
        stand_in(method="trellis")
