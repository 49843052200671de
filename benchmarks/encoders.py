"""Encoders as programs to be timed: every photo once, at about the same bits per pixel, pixels in memory to bytes."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

import paired
from factorised import QUALITY, Factorised
from repro import codecs
from repro.encoder.encode import Settings, encode_picture
from repro.encoder.images import Picture
from repro.evaluation.matched import match_size

#: Bits per pixel that every encoder is set to spend, if it can.
BPP = 0.45


class Program:
    """``calls``, one per photo: each encodes it once and returns the bytes."""

    remark: str | None = None

    def __init__(self, pictures: Sequence[np.ndarray], calls: Sequence[Callable[[], bytes]]) -> None:
        self.megapixels = sum(rgb.shape[0] * rgb.shape[1] for rgb in pictures) / 1e6
        self.calls = calls

    def run(self) -> int:
        """Encode every photo, and return the bytes of all files."""
        return sum(len(call()) for call in self.calls)

    def cpu_seconds(self) -> float:
        """CPU seconds of one run."""
        return paired.cpu_seconds(self.run)


class ByFactorised(Program):
    """Its CPU time is spent in another process, which counts it itself."""

    def __init__(self, model: Factorised, pictures: Sequence[np.ndarray]) -> None:
        super().__init__(pictures, ())
        self._model, self._pictures = model, pictures
        self.remark = f"bmshj2018_factorized, quality {QUALITY}, {model.weights} weights"

    def run(self) -> int:
        return sum(self._model.compress(rgb)["bytes"] for rgb in self._pictures)

    def cpu_seconds(self) -> float:
        return sum(self._model.compress(rgb)["cpu_seconds"] for rgb in self._pictures)


def ours(settings: dict[str, Any], pictures: Sequence[np.ndarray]) -> Program:
    def call(rgb: np.ndarray) -> Callable[[], bytes]:
        picture = Picture(rgb)
        found = Settings(quality=encode_picture(picture, Settings(bpp=BPP, **settings)).quality, **settings)
        return lambda: encode_picture(picture, found).data

    return Program(pictures, [call(rgb) for rgb in pictures])


def theirs(name: str, pictures: Sequence[np.ndarray]) -> Program:
    def call(rgb: np.ndarray) -> Callable[[], bytes]:
        quality, _ = match_size(name, rgb, _size(rgb))
        return lambda: codecs.get(name).encode(rgb, quality)

    return Program(pictures, [call(rgb) for rgb in pictures])


def plain(pictures: Sequence[np.ndarray]) -> Program:
    """``Image.save`` with a quality and nothing else: 4:2:0, Annex K's Huffman tables, sequential."""

    def save(rgb: np.ndarray, quality: int) -> bytes:
        stream = io.BytesIO()
        Image.fromarray(rgb).save(stream, "JPEG", quality=quality)
        return stream.getvalue()

    def call(rgb: np.ndarray) -> Callable[[], bytes]:
        quality = next((q for q in range(1, 100) if len(save(rgb, q)) >= _size(rgb)), 100)
        return lambda: save(rgb, quality)

    return Program(pictures, [call(rgb) for rgb in pictures])


def _size(rgb: np.ndarray) -> int:
    return round(BPP * rgb.shape[0] * rgb.shape[1] / 8)
