"""The blind test's pairs: the middle of photos, ours and a peer at equal size, and what the metrics say of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bookkit.eyes import Pair
from chapters import attention
from chapters.style import LOOKS
from repro.data import Photo, PhotoSet
from repro.evaluation import measure_many
from repro.experiments.claims import SHORT
from repro.metrics import METRICS, butteraugli_installed

#: Side of what is shown, in pixels: on a phone it fits pixel for pixel, on a desk two fit beside each other.
SIDE = 336
#: The metrics that judge the pairs, too.
JUDGES = ("ssimulacra2", "ms_ssim", "mse", "lpips", "butteraugli")
#: (rgb, peer, bits per pixel) → two files of equal size, ours and the peer's.
Make = Callable[[np.ndarray, str, float], tuple[bytes, bytes]]


def judges() -> dict[str, str]:
    """Of :data:`JUDGES` those that are at hand, by name and label; Butteraugli needs its program."""
    return {name: SHORT[name] for name in JUDGES if name != "butteraugli" or butteraugli_installed()}


def better() -> dict[str, str]:
    """Label of each judge → which of two values is the better: "lower" or "higher"."""
    return {label: METRICS[name].better for name, label in judges().items()}


def middle(photo: Photo) -> np.ndarray:
    """The middle of a photo, at most :data:`SIDE` pixels high and wide, uint8 (H, W, 3)."""
    return np.ascontiguousarray(attention.middle(photo.rgb(), SIDE))


def spread(photos: PhotoSet, count: int) -> list[Photo]:
    """At most ``count`` photos, spread evenly over the set's order."""
    items = list(photos)
    return [items[i * len(items) // count] for i in range(count)] if count < len(items) else items


def pairs(photos: PhotoSet, make: Make, peers: Sequence[str], rates: Sequence[float], count: int) -> list[Pair]:
    """At most ``count`` pairs: photos :func:`spread` over the set, each at every rate, the peers in turn."""
    made = []
    for i, photo in enumerate(spread(photos, -(-count // len(rates)))):
        rgb = middle(photo)
        for j, bpp in enumerate(rates):
            peer = peers[(i + j) % len(peers)]
            files = make(rgb, peer, bpp)
            ours, theirs = measure_many(rgb, files, more=("ssimulacra2", "butteraugli"))
            values = {label: (ours[name], theirs[name]) for name, label in judges().items()}
            measures = {label: (a, b) for label, (a, b) in values.items() if a is not None and b is not None}
            name, rate = photo.name.partition(".")[0], f"{bpp:g} bpp"
            made.append(Pair(name, LOOKS[peer].label, rate, rgb, *files, measures))
    return made[:count]
