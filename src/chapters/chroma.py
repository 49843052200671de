"""Chapter 10: one picture with half of chroma and with all of it at one size, and where the encoder changes over."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from chapters.comparison import Version, closeup
from chapters.jpeg import Box
from repro.encoder import chroma, models
from repro.encoder.images import Picture
from repro.encoder.trellis_encoder import TrellisEncoder
from repro.evaluation import measure_many
from repro.jpeg.codestream import decode
from repro.trellis import planes, sensitivity
from repro.trellis.scans import smallest

#: Qualities at which it is asked what is kept.
SCALE = range(5, 101, 5)


def both_ways(rgb: np.ndarray, quality: int) -> list[Version]:
    """The original, and by the trellis alone: half of chroma, and all of it at ``quality``; half is given no fewer
    bytes."""
    whole = _file(rgb, quality, chroma.FULL)
    halves = (_file(rgb, q, chroma.HALF) for q in range(quality, 101))
    half = next(data for data in halves if len(data) >= len(whole))
    named = {"half of chroma": half, "all of chroma": whole}
    values = measure_many(rgb, list(named.values()))
    shown = [Version(name, decode(data), data, v) for (name, data), v in zip(named.items(), values, strict=True)]
    return [Version("original", rgb), *shown]


def both_plot(shown: list[Version], box: Box) -> Figure:
    """The same part of each, enlarged."""
    return closeup(shown, box, interpolation="nearest")


def changes_over(rgb: np.ndarray) -> int | None:
    """The least quality of :data:`SCALE` at which the encoder keeps all of the chroma of ``rgb``; None: it never
    does."""
    encoder = TrellisEncoder(Picture(rgb), models.load(models.TRELLIS))
    return next((q for q in SCALE if encoder.prepare(q).dct.subsampling == chroma.FULL), None)


def _file(rgb: np.ndarray, quality: int, subsampling: str) -> bytes:
    trellis = models.load(models.TRELLIS)
    p = trellis.at(quality)
    assert p.lam is not None  # every set for the trellis has one
    dct = planes.forward_dct(rgb, subsampling)
    tables = chroma.tables_for(subsampling, p.tables)
    z = planes.trellis_quantize(dct, sensitivity.shipped().weights(dct, trellis.metric_weights), tables, 1 / p.lam)
    return smallest(planes.assemble(dct, z, tables))
