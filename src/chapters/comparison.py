"""One photo by several encoders at one size: pictures to be looked at closely, with what each costs and how far off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from chapters.jpeg import Box
from chapters.style import LOOKS, SMALLEST, WIDTH, figure, kodak_or_sample, show_image
from repro.data import Photo
from repro.encoder import models
from repro.encoder.encode import Settings, encode_picture
from repro.encoder.images import Picture
from repro.evaluation import match_size, measure_many
from repro.evaluation.measure import Measurement
from repro.jpeg.codestream import decode

#: Photo → a part of it that shows what an encoder does: skin, hair or feathers before a smooth background.
CROPS = {
    "kodim04.png": Box(270, 170, 260, 260),
    "kodim15.png": Box(80, 370, 260, 260),
    "kodim23.png": Box(105, 90, 230, 230),
    "astronaut.png": Box(30, 130, 200, 200),
    "coffee.png": Box(60, 150, 200, 200),
}
PEERS = ("pillow-420-progressive", "mozjpeg-420")


@dataclass(frozen=True)
class Version:
    """One picture of a comparison: what made it, the pixels that it decodes to, its file and what that measures."""

    label: str
    pixels: np.ndarray
    data: bytes = b""
    values: Measurement | None = None

    @property
    def words(self) -> str:
        """Two lines under the picture."""
        if self.values is None:
            return f"{self.pixels.nbytes:,} bytes\nas it is"
        v = self.values
        similar = f" · MS-SSIM {v['ms_ssim']:.3f}" if v["ms_ssim"] is not None else ""
        return f"{len(self.data):,} bytes · MSE {v['mse']:.0f}\nLPIPS {v['lpips']:.3f}{similar}"


def shipped_methods() -> list[str]:
    """The sets of the paper's kind that this installation has, tables first."""
    paper = [name for name in models.shipped() if models.load(name).method != models.TRELLIS]
    return sorted(paper, key=lambda name: (name != models.TABLES, name))


def versions(
    rgb: np.ndarray,
    bpp: float | None,
    peers: Sequence[str] = PEERS,
    ours: Sequence[str] = ("tables",),
    *,
    quality: float | None = None,
) -> list[Version]:
    """The original, each peer and each of our model sets, all at the size of our first set's largest file in ``bpp``.

    Or, with ``bpp`` None, of its file at ``quality``: that takes one encoding, not a search over several. The other
    sets stay at or under that size, a peer is the smallest file that is not under it: none of ours is given more bytes
    than a peer.
    """
    picture = Picture(rgb)
    first = encode_picture(picture, Settings(quality=quality, bpp=bpp, model=ours[0])).data
    size = len(first)
    exact = 8 * size / (rgb.shape[0] * rgb.shape[1])
    files = {LOOKS[codec].label: match_size(codec, rgb, size)[1] for codec in peers}
    files[LOOKS[ours[0]].label] = first
    for name in ours[1:]:
        files[LOOKS[name].label] = encode_picture(picture, Settings(bpp=exact, model=name)).data
    measured = measure_many(rgb, list(files.values()))
    made = [Version(label, decode(d), d, v) for (label, d), v in zip(files.items(), measured, strict=True)]
    return [Version("original", rgb), *made]


def closeup(shown: Sequence[Version], crop: Box, **imshow: Any) -> Figure:
    """The same part of every version, three in a row (of four, two), each with its bytes and its measures of the whole
    photo. ``imshow`` goes to :func:`chapters.style.show_image`."""
    columns = 2 if len(shown) == 4 else 3
    rows = -(-len(shown) // columns)
    fig, axes = figure(rows * (WIDTH / columns * crop.height / crop.width + 0.68), rows, columns)
    for ax in axes.ravel():
        ax.axis("off")
    for ax, version in zip(axes.ravel(), shown, strict=False):
        ax.axis("on")
        show_image(ax, crop.of(version.pixels), version.label, **imshow)
        ax.set_xlabel(version.words, fontsize=SMALLEST)
    return fig


@dataclass(frozen=True)
class Frames:
    """What :func:`bookkit.frames_slider` takes."""

    frames: list[Figure] | list[bytes]
    labels: list[str]
    alts: list[str]


def closeups(
    photo: Photo, rates: Sequence[float], ours: Sequence[str] | None = None, crop: Box | None = None
) -> Frames:
    """:func:`closeup` of ``photo`` at each of ``rates`` (bits per pixel), for a slider."""
    rgb, box = photo.rgb(), crop or CROPS[photo.name]
    every = {rate: versions(rgb, rate, ours=ours or shipped_methods()) for rate in rates}
    return Frames(
        [closeup(shown, box) for shown in every.values()],
        [f"{rate:g} bpp" for rate in rates],
        [_alt(photo.name, rate, shown) for rate, shown in every.items()],
    )


def exam_photos(data_dir: Path | str | None = None) -> tuple[Photo, ...]:
    """Kodak's photos, spread over the set, where they are at hand, else the shipped samples; never trained on."""
    chosen = kodak_or_sample(data_dir)
    every = chosen.items
    return every[::4] + every[2::4] + every[1::2] if chosen.name == "kodak" else every


def _alt(name: str, rate: float, shown: Sequence[Version]) -> str:
    told = "; ".join(f"{v.label}: {v.words}".replace("\n", ", ") for v in shown)
    return f"The same part of {name.partition('.')[0]} at about {rate:g} bits per pixel. {told}."
