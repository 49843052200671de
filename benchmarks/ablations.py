"""The ablations of chapter 10 and the peers: seconds a photo on two threads, at about equal bits per pixel."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

import paired
from repro import codecs
from repro.data import PhotoSet, photos
from repro.errors import ReproError
from repro.experiments.ablations import ABLATIONS, Encode
from repro.experiments.registry import ABLATION_QUALITIES
from repro.progress import track

#: Bits per pixel that every encoder is set to spend, where it can; threads of those that use any.
BPP, THREADS = 0.4, 2
#: The slowest takes a minute a photo: it is set as the one before it, whose qualities mean the same.
SLOW, QUICK = "best", "default"
_PHOTOS, _ROUNDS = 6, 3


def ablations(quick: bool) -> list[dict[str, Any]]:
    """A row for each: ``mean`` seconds over photos and its ``standard_error``, median and quartiles, bits per pixel.

    The slowest is timed once a photo, the others in :data:`_ROUNDS` rounds, of which each photo's median counts.
    """
    chosen = _photos()
    pictures = [photo.rgb() for photo in chosen.items[:: max(1, len(chosen) // _PHOTOS)]][: 1 if quick else _PHOTOS]
    names = [n for n in ABLATION_QUALITIES if not (ABLATIONS[n].peer and codecs.get(n).missing)]
    names = [n for n in names if not (quick and n == SLOW)]
    with _threads(THREADS):
        return [_row(name, pictures, 1 if quick else _ROUNDS) | {"photos": chosen.name} for name in names]


def _row(name: str, pictures: list[np.ndarray], rounds: int) -> dict[str, Any]:
    seconds, bits, encoder = [], [], ABLATIONS[name].encode
    for rgb in track(pictures, name, len(pictures)):
        quality = _quality(ABLATIONS[QUICK].encode if name == SLOW else encoder, rgb)
        files: list[bytes] = []

        def encode(quality: int = quality, rgb: np.ndarray = rgb, files: list[bytes] = files) -> None:
            files.append(encoder(rgb, quality))

        seconds.append(statistics.median(paired.seconds(encode) for _ in range(1 if name == SLOW else rounds)))
        bits.append(8 * len(files[0]) / (rgb.shape[0] * rgb.shape[1]))
    error = statistics.stdev(seconds) / math.sqrt(len(seconds)) if len(seconds) > 1 else 0.0
    return {
        "name": name,
        "against": None,
        "seconds": paired.spread(seconds),
        "mean": statistics.fmean(seconds),
        "standard_error": error,
        "bits_per_pixel": statistics.fmean(bits),
        "megapixels": statistics.fmean(rgb.shape[0] * rgb.shape[1] / 1e6 for rgb in pictures),
        "rounds": 1 if name == SLOW else rounds,
        "threads": THREADS,
        "remark": f"{len(seconds)} photos, {statistics.fmean(bits):.2f} bits per pixel",
    }


def _quality(encode: Encode, rgb: np.ndarray) -> int:
    """The lowest quality that spends :data:`BPP` or more; these encodings warm up what is timed afterwards."""
    low, high = 1, 100
    while low < high:
        middle = (low + high) // 2
        enough = 8 * len(encode(rgb, middle)) >= BPP * rgb.shape[0] * rgb.shape[1]
        low, high = (low, middle) if enough else (middle + 1, high)
    return low


def _photos() -> PhotoSet:
    try:
        return photos("kodak")
    except ReproError:
        return photos("sample")


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
