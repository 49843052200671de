"""Chapter 10, last part: one picture by every encoder at one size, and photos on which ours is not the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from chapters.comparison import Frames, Version, closeup, versions
from chapters.jpeg import Box
from chapters.style import LOOKS
from repro.data import Photo, PhotoSet
from repro.experiments.beyond import MODERN_PEERS, PLAIN, EncoderCurves
from repro.experiments.claims import SHORT

#: Who is shown beside the original, and our set.
PEERS, OURS = (PLAIN, *MODERN_PEERS), "trellis"
#: The pair that shows at first.
FIRST = LOOKS[MODERN_PEERS[0]].label, LOOKS[OURS].label
#: The pair of the start page.
BEFORE_AFTER = LOOKS[PLAIN].label, LOOKS[OURS].label
#: Pixels a side of a crop that shows where one encoder is worse than another.
_CROP = 200
#: Pixels under the curtain, down and across: what six originals may weigh in a page of at most 5 MiB.
_VIEW = 336, 448
#: Photos that are shown under the curtain, each with the top left corner of the part that is: skin, hair, text, fine
#: lines, smooth sky and out-of-focus green. Chosen for what is in them, not for how they come out.
SHOWN = {
    "kodim04.png": (140, 20),
    "kodim05.png": (110, 160),
    "kodim15.png": (0, 250),
    "kodim19.png": (100, 64),
    "kodim20.png": (110, 50),
    "kodim23.png": (90, 60),
    "astronaut.png": (0, 0),
    "coffee.png": (10, 60),
}


@dataclass(frozen=True)
class Loss:
    """A picture that ``metric`` says ours does worse on, by ``percent`` of bits (None where no curve was measured)."""

    name: str
    metric: str
    percent: float | None
    versions: list[Version]
    box: Box

    @property
    def words(self) -> str:
        """For a caption."""
        if self.percent is None:
            return f"{self.short}: in the place of photos that are not at hand, no loser"
        bits = f": {self.percent:+.0f} % bits at equal {SHORT[self.metric]}"
        return f"{self.short}{bits.replace('-', '−')}"

    @property
    def short(self) -> str:
        """The picture's name, short enough to stand beside a slider."""
        return self.name.partition(".")[0]


def by_every_encoder(rgb: np.ndarray, bpp: float, peers: Sequence[str] = PEERS) -> list[Version]:
    """The original (H, W, 3) uint8, the peers, and ours at its default effort, none of them in fewer bytes."""
    return versions(rgb, bpp, peers=peers, ours=(OURS,))


@dataclass(frozen=True)
class Pictures:
    """What :func:`bookkit.curtain` takes: photo → name → (picture, words), and the part of each photo."""

    pictures: dict[str, dict[str, tuple[np.ndarray | bytes, str]]]
    crops: dict[str, Box]


def by_photo(photos: PhotoSet, quality: float, count: int | None = None) -> Pictures:
    """Each photo of :data:`SHOWN` that is at hand (``count`` at most) by every encoder, at the size of our ``quality``.

    A file is whole, and so are its measures; only what is shown is cropped. The peers get no fewer bytes than ours.
    """
    known = {photo.name: photo for photo in photos if photo.name in SHOWN}
    made = Pictures({}, {})
    for name, (top, left) in [(n, at) for n, at in SHOWN.items() if n in known][:count]:
        rgb, short = known[name].rgb(), name.partition(".")[0]
        shown = versions(rgb, None, peers=PEERS, ours=(OURS,), quality=quality)
        made.pictures[short] = {v.label: (v.data or v.pixels, _measures(v)) for v in shown}
        made.crops[short] = Box(top, left, min(_VIEW[0], rgb.shape[0] - top), min(_VIEW[1], rgb.shape[1] - left))
    return made


def _measures(version: Version) -> str:
    """Bits and measures of a version in one line."""
    if version.values is None:
        return "24 bpp, as it is"
    v = version.values
    told = [f"{v['bpp']:.3f} bpp"]
    told += [f"{SHORT[m]} {v[m]:.3f}" for m in ("lpips", "ms_ssim") if v[m] is not None]
    return " · ".join(told)


def worst(
    encoders: EncoderCurves, photos: PhotoSet, bpp: float, metrics: Sequence[str] = ("lpips", "ms_ssim")
) -> list[Loss]:
    """For each of ``metrics`` the photo that our default effort does worst on against mozjpeg.

    Photos without a figure, and photos that are not at hand, are left out; where that leaves none, the first one is
    shown as it comes.
    """
    known = {photo.name: photo for photo in photos}
    found: dict[str, tuple[str, float | None]] = {}
    for metric in metrics:
        ranked = [(name, p) for name, p in encoders.losses("default", MODERN_PEERS[0], metric) if name in known]
        found |= {name: (metric, p) for name, p in ranked[:1] if name not in found}
    found = found or {photo.name: ("lpips", None) for photo in photos.items[:1]}
    return [_loss(known[name], metric, percent, bpp) for name, (metric, percent) in found.items()]


def loss_plot(found: Loss) -> Figure:
    """Its versions side by side, at the crop."""
    return closeup(found.versions, found.box)


def gallery(found: Sequence[Loss]) -> Frames:
    """:func:`loss_plot` of each, for a slider."""
    said = ["; ".join(f"{v.label}: {v.words}".replace("\n", ", ") for v in one.versions[1:]) for one in found]
    alts = [f"{one.words}. {words}" for one, words in zip(found, said, strict=True)]
    return Frames([loss_plot(one) for one in found], [one.short for one in found], alts)


def _loss(photo: Photo, metric: str, percent: float | None, bpp: float) -> Loss:
    rgb = photo.rgb()
    shown = by_every_encoder(rgb, bpp, MODERN_PEERS[:1])
    return Loss(photo.name, metric, percent, shown, where_worse(shown))


def where_worse(shown: Sequence[Version], side: int = _CROP) -> Box:
    """The square of ``side`` pixels in which the last version's error, squared, exceeds that of the one before most.

    The first version is the original.
    """
    theirs, ours = (np.square(v.pixels.astype(float) - shown[0].pixels).sum(2) for v in shown[-2:])
    return _most(ours - theirs, side)


def _most(more: np.ndarray, side: int) -> Box:
    """Where ``more``, (H, W), is largest in sum, on a grid of 16 pixels."""
    height, width = (min(side, whole) for whole in more.shape)
    total = np.pad(more, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    sums = total[height:, width:] - total[:-height, width:] - total[height:, :-width] + total[:-height, :-width]
    top, left = np.unravel_index(sums[::16, ::16].argmax(), sums[::16, ::16].shape)
    return Box(16 * int(top), 16 * int(left), height, width)
