"""The pairs of the blind test: the middle of photos, ours against a peer at equal size, with their metrics."""

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

#: Side in pixels of the crop that is shown: it fits a phone pixel for pixel, and two fit side by side on a desktop.
SIDE = 336
#: The metrics that judge the pairs alongside the reader.
JUDGES = ("ssimulacra2", "ms_ssim", "mse", "lpips", "butteraugli")
#: (rgb, peer, bits per pixel) → two files of equal size, ours and the peer's.
Make = Callable[[np.ndarray, str, float], tuple[bytes, bytes]]


def judges() -> dict[str, str]:
    """The available :data:`JUDGES`, name → label. Butteraugli is one only if its program is installed."""
    return {name: SHORT[name] for name in JUDGES if name != "butteraugli" or butteraugli_installed()}


def better() -> dict[str, str]:
    """Label of each judge → which value is better: "lower" or "higher"."""
    return {label: METRICS[name].better for name, label in judges().items()}


def middle(photo: Photo) -> np.ndarray:
    """The middle of a photo, uint8 (H, W, 3), at most :data:`SIDE` pixels high and wide."""
    return np.ascontiguousarray(attention.middle(photo.rgb(), SIDE))


def spread(photos: PhotoSet, count: int) -> list[Photo]:
    """At most ``count`` photos, spread evenly over the set's order."""
    items = list(photos)
    return [items[i * len(items) // count] for i in range(count)] if count < len(items) else items


def pairs(photos: PhotoSet, make: Make, peers: Sequence[str], rates: Sequence[float], count: int) -> list[Pair]:
    """At most ``count`` pairs: photos :func:`spread` over the set, each at every rate, with the peers in rotation."""
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
