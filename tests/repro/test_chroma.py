"""How much chroma a file keeps: decided by cost, for each picture and quality."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from encoder_stand_in import astronaut, decode
from repro.encoder import chroma, trellis_set
from repro.encoder.encode import Settings, encode_picture
from repro.encoder.images import Picture
from repro.encoder.trellis_encoder import TrellisEncoder
from repro.jpeg import blocks, codestream, color
from repro.metrics import mse

SET = trellis_set.load()


def page(side: int = 192) -> np.ndarray:
    """Small letters, red and blue on white."""
    image = Image.new("RGB", (side, side), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(11)
    for line, top in enumerate(range(6, side - 12, 15)):
        draw.text((6, top), "the quick brown fox jumps over", ("#0044cc", "#b00020")[line % 2], font)
    return np.asarray(image)


def kept(samples: np.ndarray, quality: float, effort: str = "fast", scans: str = "interleaved") -> str:
    settings = Settings(quality=quality, effort=effort, scans=scans)  # type: ignore[arg-type]
    return codestream.read(encode_picture(Picture(samples), settings).data).subsampling


def tensor(samples: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(samples.copy()).permute(2, 0, 1)[None].float()


def test_half_at_few_bits_all_at_many() -> None:
    found = [kept(astronaut(192, 192), quality) for quality in (5, 20, 40, 90, 98)]
    assert found[:3] == ["4:2:0"] * 3 and found[-1] == "4:4:4"
    assert found == sorted(found)  # once kept, never dropped again


def test_coloured_letters_need_all_of_it_long_before_a_face_does() -> None:
    assert (kept(page(), 45), kept(astronaut(192, 192), 45)) == ("4:4:4", "4:2:0")


@pytest.mark.parametrize("effort", ["fast", "default"])
@pytest.mark.parametrize("scans", ["interleaved", "sequential", "smallest"])
def test_both_efforts_and_all_kinds_of_file(effort: str, scans: str) -> None:
    assert kept(page(), 60, effort, scans) == "4:4:4"


@pytest.mark.parametrize("effort", ["fast", "default"])
def test_grey_has_nothing_to_decide(effort: str) -> None:
    assert kept(page()[..., 0].copy(), 90, effort) == "grey"
    assert kept(np.tile(astronaut(400, 400)[..., 0], (1, 2)), 30, effort) == "grey"  # large enough for several bands


def test_a_decoder_shows_more_for_the_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page at a quality that keeps all chroma, against half the chroma at a quality that takes more bits."""
    whole = TrellisEncoder(Picture(page()), SET).encode(60)
    monkeypatch.setattr(chroma, "subsampling_for", lambda *_: chroma.HALF)
    halved = TrellisEncoder(Picture(page()), SET)
    rival = next(data for data in (halved.encode(q) for q in range(60, 100, 2)) if len(data) >= len(whole))
    x = tensor(page())
    errors = [mse(x, tensor(np.array(decode(data).convert("RGB")))).item() for data in (whole, rival)]
    assert errors[0] < 0.8 * errors[1]


@pytest.mark.parametrize("size", [(64, 64), (33, 18)])
def test_what_half_cannot_show_is_the_error_of_one_chroma_for_four_pixels(size: tuple[int, int]) -> None:
    height, width = size
    rgb = astronaut(height, width)
    y, *halved = color.rgb_to_ycbcr(rgb)
    shown = [np.repeat(np.repeat(blocks.subsample(c), 2, 0), 2, 1)[:height, :width] for c in halved]
    error = np.square(color.ycbcr_to_rgb(np.stack([y, *shown])) - rgb)[: height // 2 * 2, : width // 2 * 2].mean()
    assert chroma.lost_by_half(rgb) == pytest.approx(error, rel=0.05)  # leaves out how errors of Cb and Cr combine


@pytest.mark.parametrize(
    ("channel", "cb", "cr"), [(0, -0.168736, 0.5), (1, -0.331264, -0.418688), (2, 0.5, -0.081312)], ids="RGB"
)
def test_what_half_of_one_colour_loses_by_hand(channel: int, cb: float, cr: float) -> None:
    """One of four pixels has 40 more of red, green or blue. Its chroma is off the mean by three quarters of the change,
    that of the others by a quarter. R, G and B take 0, −0.344136 and 1.772 of Cb, and 1.402, −0.714136 and 0 of Cr."""
    rgb = np.full((2, 2, 3), 128, np.uint8)
    rgb[0, 1, channel] += 40
    of_cb, of_cr = (0.344136**2 + 1.772**2) / 3, (1.402**2 + 0.714136**2) / 3
    spread = (0.75**2 + 3 * 0.25**2) / 4
    assert chroma.lost_by_half(rgb) == pytest.approx(40**2 * spread * (of_cb * cb**2 + of_cr * cr**2), rel=1e-4)


def test_a_checkerboard_of_two_colours_is_lost_by_half() -> None:
    rgb = np.full((64, 64, 3), 128, np.uint8)
    rgb[::2, ::2] = rgb[1::2, 1::2] = (200, 100, 100)
    assert chroma.subsampling_for(chroma.lost_by_half(rgb), SET.median_lam(50)) == chroma.FULL
    assert chroma.subsampling_for(chroma.lost_by_half(rgb), 1e9) == chroma.HALF  # bits are expensive


@pytest.mark.parametrize("shape", [(96, 96), (2, 200), (1, 200), (200, 1)])
def test_colours_that_change_between_squares_only_are_kept(shape: tuple[int, int]) -> None:
    """Squares of 2 × 2 pixels, as in an enlarged picture: one chroma per square is exact, but decoders interpolate."""
    height, width = shape
    small = np.random.default_rng(0).choice([0, 255], (-(-height // 2), -(-width // 2), 3)).astype(np.uint8)
    rgb = np.kron(small, np.ones((2, 2, 1), np.uint8))[:height, :width]
    assert kept(rgb, 100) == "4:4:4"


def test_a_file_within_bits_may_keep_all_of_it() -> None:
    _, data = TrellisEncoder(Picture(page()), SET).within(4 * page()[..., 0].size, "page")
    assert codestream.read(data).subsampling == "4:4:4"


def test_the_quality_from_which_all_of_it_is_kept() -> None:
    def kept(rgb: np.ndarray) -> list[int]:
        encoder = TrellisEncoder(Picture(rgb), SET)
        return [q for q in range(25, 101, 15) if encoder.prepare(q).dct.subsampling == chroma.FULL]

    assert kept(page())[0] <= 55
    assert not kept(np.repeat(page()[..., :1], 3, 2))  # three equal channels have no chroma
