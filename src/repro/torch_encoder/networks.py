"""Encode with a network: sets with attention, and checkpoints of ``repro train``."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import torch

from repro.attention import CONVOLUTIONAL, ConvolutionalAttention, attend
from repro.encoder.images import Picture
from repro.encoder.models import ModelSet, Parameters
from repro.encoder.search import Encoder
from repro.encoder.tables_encoder import PAPERS_SCANS, encode_fast
from repro.errors import ReproError
from repro.files import version
from repro.jpeg.coefficients import Coefficients
from repro.jpeg.writer import write
from repro.model import LearnedJPEG, load_checkpoint
from repro.regions import Part, Region, pixels, quantise
from repro.stages import forward_dct, to_tensor


class AttentionEncoder(Encoder):
    """Encodes ``picture`` with a set that has attention, at any quality.

    A trunk's features cost seconds per megapixel. They are computed once and kept, 16 MB per megapixel, unless ``once``
    says that only one quality will be asked for. ``attention`` is the set's own unless given. Raises
    :class:`ReproError` if its weights are not at hand.
    """

    def __init__(
        self,
        picture: Picture,
        models: ModelSet,
        *,
        scans: str = "interleaved",
        once: bool = False,
        attention: ConvolutionalAttention | None = None,
    ) -> None:
        self.picture, self.models, self.scans = picture, models, scans
        self.attention = attention or attention_of(models.method)
        self.x = to_tensor(picture.samples)
        self._once = once
        self._kept: list[tuple[Region, torch.Tensor]] = []

    def encode(self, quality: float) -> bytes:
        """The file at a quality from 1 to 100."""
        return write(self.quantise(self.models.at(quality)), scans=PAPERS_SCANS[self.scans], icc=self.picture.icc)

    @torch.no_grad()
    def quantise(self, p: Parameters) -> Coefficients:
        """Ẑ = round(A ⊙ F / Q) with the tables and head of ``p``."""
        return quantise(self.x, p.tables, self.parts(p))

    def parts(self, p: Parameters) -> Iterator[Part]:
        """Yield F and A by region. The maps are eased towards 1 if the quality lies above the set's last model."""
        assert p.head is not None
        weight, bias = (torch.from_numpy(array) for array in p.head)
        for region, features in self._features():
            A = self.attention.maps(features, (weight, bias))  # head passed in, not set: threads share the network
            eased = A if p.strength == 1 else 1 - p.strength * (1 - A)  # 1 − (1 − A) loses A's last bits
            yield Part(region, forward_dct(pixels(self.x, region)), eased)

    def _features(self) -> Iterator[tuple[Region, torch.Tensor]]:
        if self._once:
            return self.attention.tiles(self.x)
        if not self._kept:
            self._kept = list(self.attention.tiles(self.x))
        return iter(self._kept)


@functools.lru_cache(maxsize=2)
def attention_of(method: str) -> ConvolutionalAttention:
    """Return the attention of ``method`` with its trunk's ImageNet weights; cached, since reading them takes long.

    Raises :class:`ReproError` if there is no such trunk, or its weights are not at hand.
    """
    if method not in CONVOLUTIONAL:
        raise ReproError(f"unknown method {method!r} of a model set; it must be one of {', '.join(CONVOLUTIONAL)}")
    return ConvolutionalAttention(method).eval()


def trained(path: Path) -> LearnedJPEG:
    """Return the model of a checkpoint that ``repro train`` wrote; read once, and again when the file has changed.

    Raises :class:`ReproError` if it, or the weights of its trunk, cannot be read.
    """
    return _trained(path, version(path))


@functools.lru_cache(maxsize=1)
def _trained(path: Path, _version: tuple[str | int, ...]) -> LearnedJPEG:
    return load_checkpoint(path)[0].eval()


def encode_trained(picture: Picture, checkpoint: Path, scans: str, *, fast: bool) -> bytes:
    """Encode ``picture`` by a model of any method that ``repro train`` wrote; of a grey picture, only luma.

    ``fast``: by libjpeg-turbo with the model's tables, for a model without attention.
    """
    model = trained(checkpoint)
    tables = model.integer_tables().numpy()
    if fast:
        return encode_fast(picture, tables, scans)
    x = to_tensor(picture.samples)
    return write(quantise(x, tables, attend(model.attention, x)), scans=PAPERS_SCANS[scans], icc=picture.icc)
