"""Two encoders on one photo at one file size, for comparisons by eye and by number."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from repro import codecs
from repro.evaluation.curves import PhotoLike
from repro.evaluation.measure import Measurement, measure_many, rgb_to_tensor
from repro.jpeg.codestream import write
from repro.model import LearnedJPEG
from repro.progress import track


@dataclass(frozen=True)
class Match:
    """One photo by two encoders: ``ours``, and ``theirs`` at the lowest ``quality`` with at least as many bytes."""

    photo: str
    ours: Measurement
    theirs: Measurement
    quality: int


def match_size(codec: str, rgb: np.ndarray, size: int) -> tuple[int, bytes]:
    """(quality, file): the lowest quality at which ``codec`` spends ``size`` bytes or more on ``rgb``, by bisection.

    If a higher quality gives a smaller file, as mozjpeg's 70 may, the quality found need not be the lowest. The file is
    smaller than ``size`` only if even that of quality 100 is.
    """
    peer = codecs.get(codec)
    encode = cache(lambda quality: peer.encode(rgb, quality))
    qualities = range(peer.lowest, 101)
    place = bisect_left(qualities, size, key=lambda quality: len(encode(quality)))
    quality = qualities[min(place, len(qualities) - 1)]
    return quality, encode(quality)


def versus(encode: Callable[[np.ndarray], bytes], codec: str, photos: Iterable[PhotoLike]) -> list[Match]:
    """Measure every photo as coded by ``encode``, and by the peer ``codec`` in at least as many bytes."""
    matches = []
    for photo in track(photos, f"against {codec}"):
        rgb = photo.rgb()
        file = encode(rgb)
        quality, peer = match_size(codec, rgb, len(file))
        ours, theirs = measure_many(rgb, [file, peer])
        matches.append(Match(photo.name, ours, theirs, quality))
    return matches


def encoder_of(model: LearnedJPEG, *, progressive: bool = True) -> Callable[[np.ndarray], bytes]:
    """``model`` as a function from pixels, (H, W, 3) uint8, to the bytes of a standard file."""

    @torch.no_grad()
    def encode(rgb: np.ndarray) -> bytes:
        x = rgb_to_tensor(rgb, next(model.parameters()).device)
        return write(model.coefficients(x), progressive=progressive)

    return encode
