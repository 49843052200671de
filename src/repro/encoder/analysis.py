"""A picture that is written at several qualities: what does not depend on the quality is found once.

DCT coefficients cost less to make than to keep. A trunk's features cost seconds per megapixel: they are kept where
they are asked for again, in memory while they are small beside the picture's other needs, else in a temporary file.
"""

from __future__ import annotations

import functools
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from repro.attention import ConvolutionalAttention, analyse
from repro.encoder.images import Picture
from repro.encoder.models import Parameters
from repro.errors import ReproError
from repro.jpeg.codestream import Coefficients
from repro.jpeg.regions import Part, Region, pixels, quantise, transform
from repro.model import LearnedJPEG, load_checkpoint

#: Features of up to so many bytes are kept in memory: those of 16 megapixels by a VGG.
KEPT_BYTES = 256 << 20


class Analysis:
    """``picture`` before the ``attention`` network, None for learned tables alone.

    ``once`` says that it will be written at one quality, so that nothing has to be kept.
    """

    def __init__(self, picture: Picture, attention: ConvolutionalAttention | None = None, *, once: bool = False):
        self.x = to_tensor(picture)
        self.attention = attention
        self._once = once
        self._kept: _Kept | None = None

    @torch.no_grad()
    def quantise(self, p: Parameters) -> Coefficients:
        """Ẑ = round(A ⊙ F / Q) with the tables and head of ``p``.

        Raises :class:`ReproError` where the temporary file cannot be written.
        """
        if self.attention is not None:
            return quantise(self.x, p.tables, self.parts(p))
        with one_thread():
            return quantise(self.x, p.tables, analyse(None, self.x))

    def parts(self, p: Parameters) -> Iterator[Part]:
        """F and A by region, of a set with attention: maps are eased towards 1 where the quality lies above the set's
        last model."""
        assert self.attention is not None and p.head is not None
        weight, bias = (torch.from_numpy(array) for array in p.head)
        self.attention.head.load_state_dict({"weight": weight[..., None, None], "bias": bias})
        for region, features in self._features(self.attention):
            A = self.attention.maps(features)
            eased = A if p.strength == 1 else 1 - p.strength * (1 - A)  # 1 − (1 − A) is A less its last bits
            yield Part(region, transform(pixels(self.x, region)), eased)

    def _features(self, network: ConvolutionalAttention) -> Iterator[tuple[Region, torch.Tensor]]:
        if self._kept is not None:
            yield from self._kept
            return
        kept = None if self._once else _Kept(self.x.shape[-2] * self.x.shape[-1] // 64 * network.head.in_channels * 4)
        for region, features in network.tiles(self.x):
            if kept is not None:
                kept.append(region, features)
            yield region, features
        self._kept = kept


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch with one thread: where work is over so soon that threads wait for each other longer than they work, on a
    busy machine much; and where several jobs share the cores, or times are compared."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Kept:
    """Features by region, in the order in which they came; ``size`` is about their number of bytes."""

    def __init__(self, size: int) -> None:
        self._file = io.BytesIO() if size <= KEPT_BYTES else tempfile.TemporaryFile(prefix="repro-")  # noqa: SIM115
        self._index: list[tuple[Region, torch.Size]] = []

    def append(self, region: Region, features: torch.Tensor) -> None:
        """Features are (1, channels, rows, cols) float32, and lie in memory as channels last."""
        try:
            self._file.write(features.permute(0, 2, 3, 1).contiguous().numpy().data)
        except OSError as error:
            raise ReproError(
                f"{tempfile.gettempdir()}: a temporary file cannot be written ({error.strerror}); free some space there"
            ) from error
        self._index.append((region, features.shape))

    def __iter__(self) -> Iterator[tuple[Region, torch.Tensor]]:
        self._file.seek(0)
        for region, (batch, channels, rows, cols) in self._index:
            stored = np.empty((batch, rows, cols, channels), np.float32)
            self._file.readinto(stored.data)
            yield region, torch.from_numpy(stored).permute(0, 3, 1, 2)


@functools.lru_cache(maxsize=2)
def attention_of(method: str) -> ConvolutionalAttention | None:
    """The trunk of ``method`` with its ImageNet weights, None for ``"tables"``; read once a process, for it takes long.

    Raises :class:`ReproError` where the weights are not at hand.
    """
    return None if method == "tables" else ConvolutionalAttention(method).eval()


@functools.lru_cache(maxsize=1)
def trained(path: Path) -> LearnedJPEG:
    """The model of a checkpoint that ``repro train`` wrote; read once a process.

    Raises :class:`ReproError` where it, or the weights of its trunk, cannot be read.
    """
    return load_checkpoint(path)[0].eval()


def quantise_trained(picture: Picture, model: LearnedJPEG) -> Coefficients:
    """What a file of ``picture`` by a trained model holds, any method; of a grey picture, the luma."""
    x = to_tensor(picture)
    return quantise(x, model.integer_tables().numpy(), analyse(model.attention, x))


def to_tensor(picture: Picture) -> torch.Tensor:
    """(1, 1 or 3, H, W) uint8, a view of the samples."""
    samples = picture.samples if picture.samples.flags.writeable else picture.samples.copy()  # else torch warns
    return torch.from_numpy(samples.reshape(picture.height, picture.width, -1)).permute(2, 0, 1)[None]
