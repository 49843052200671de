"""Our efforts beside their rivals: megapixels per second on two threads, one photo on each, at about equal rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

import paired
from repro import codecs
from repro.data import PhotoSet, photos
from repro.errors import ReproError
from repro.experiments.ablations import ABLATIONS, Encode
from repro.experiments.registry import COMPARED_QUALITIES
from repro.progress import track
from repro.threads import one_thread

#: Bits per pixel that every encoder is set to spend, as for an ordinary photo; and the number of threads.
BPP, THREADS = 1.0, 2
MOZJPEG = "mozjpeg"
#: What an effort had to reach at least, as a multiple of mozjpeg's megapixels per second.
AT_LEAST = {"fast": 1.0, "default": 0.5}
#: "best" is timed once, photo by photo on both threads; and the most seconds per megapixel that it may take.
SLOW, SECONDS = "best", 10.0
_PHOTOS, _SLOW_PHOTOS, _ROUNDS = 12, 2, 5


def efforts(quick: bool) -> list[dict[str, Any]]:
    """A row for each rival and effort, timed in turn: seconds for all photos, and the ratio to mozjpeg's."""
    chosen = _photos()
    pictures = [photo.rgb() for photo in chosen.items[:: max(1, len(chosen) // _PHOTOS)]][: 2 if quick else _PHOTOS]
    names = [n for n in COMPARED_QUALITIES if n != SLOW and not (ABLATIONS[n].peer and codecs.get(n).missing)]
    with one_thread():
        programs = {name: _Program(ABLATIONS[name].encode, pictures) for name in track(names, "qualities")}
        work: dict[str, Callable[[], object]] = {name: program.run for name, program in programs.items()}
        seconds = paired.interleaved(work, rounds=2 if quick else _ROUNDS, name="efforts")
    rows = [
        paired.row(
            name,
            seconds[name],
            seconds[MOZJPEG],
            against=MOZJPEG,
            at_least=AT_LEAST.get(name),
            megapixels=program.megapixels,
            seconds_a_megapixel=[s / program.megapixels for s in seconds[name]],
            bits_per_pixel=8 * program.run() / (1e6 * program.megapixels),
            threads=THREADS,
            photos=chosen.name,
        )
        for name, program in programs.items()
    ]
    return rows if quick else [*rows, _slow(pictures[:_SLOW_PHOTOS], programs["default"]) | {"photos": chosen.name}]


class _Program:
    """Encodes every photo once, as many at a time as there are threads, at the lowest quality that spends ``BPP``."""

    def __init__(self, encode: Encode, pictures: Sequence[np.ndarray]) -> None:
        self.megapixels = sum(rgb.shape[0] * rgb.shape[1] for rgb in pictures) / 1e6
        self.qualities = [_quality(encode, rgb) for rgb in pictures]
        self.calls = [partial(encode, rgb, quality) for rgb, quality in zip(pictures, self.qualities, strict=True)]

    def run(self) -> int:
        """Encode all photos, and return the bytes of all files."""
        with ThreadPoolExecutor(THREADS) as pool:
            return sum(len(future.result()) for future in [pool.submit(call) for call in self.calls])


def _slow(pictures: Sequence[np.ndarray], like: _Program) -> dict[str, Any]:
    """The row for "best", at the qualities found for "default", which mean the same."""
    encode, seconds = ABLATIONS[SLOW].encode, []
    files: list[bytes] = []
    encode(np.ascontiguousarray(pictures[0][:128, :128]), 50)  # loads and compiles what is needed
    for rgb, quality in zip(pictures, like.qualities, strict=False):
        megapixels = rgb.shape[0] * rgb.shape[1] / 1e6
        seconds.append(paired.seconds(partial(_keep, files, encode, rgb, quality)) / megapixels)
    return {
        "name": SLOW,
        "against": None,
        "seconds": paired.spread(seconds),
        "seconds_a_megapixel": seconds,
        "seconds_at_most": SECONDS,
        "bits_per_pixel": 8 * sum(map(len, files)) / sum(rgb.shape[0] * rgb.shape[1] for rgb in pictures),
        "threads": THREADS,
        "remark": "seconds a megapixel",
    }


def _keep(files: list[bytes], encode: Encode, rgb: np.ndarray, quality: int) -> None:
    files.append(encode(rgb, quality))


def _quality(encode: Encode, rgb: np.ndarray) -> int:
    """The lowest quality that spends :data:`BPP` or more. These encodings also warm up what is timed later."""
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
