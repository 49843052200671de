"""What stored models do to a photo: the maps that they make of it, and the photo by each of them at one rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from torch import nn

from chapters import attention
from chapters.comparison import Version, closeup
from chapters.jpeg import Box
from chapters.rate_distortion import look_of
from chapters.tables import DECIMALS, Rows
from repro import codecs
from repro.data import Photo
from repro.evaluation import encoder_of, measure_many, paper_bpp
from repro.evaluation.measure import file_tables
from repro.experiments import Experiment, Store, experiments_of
from repro.experiments.claims import METRICS, SHORT, Evidence
from repro.experiments.claims.loss import PORTRAIT_RATE, STANDARD
from repro.experiments.registry import PEER_QUALITIES
from repro.jpeg.codestream import decode
from repro.model import load_checkpoint


def checkpoints(evidence: Evidence, figure: str, series: str) -> dict[float, Path]:
    """λ → file of the trained model, first seed, the smallest λ first."""
    store = evidence.store or Store.default()
    runs = [e for e in experiments_of(figure, evidence.profile) if isinstance(e, Experiment)]
    chosen = sorted((e for e in runs if (e.series, e.seed) == (series, 0)), key=lambda e: e.loss.lam)
    return {e.loss.lam: store.checkpoint_path(e) for e in chosen}


def network_of(evidence: Evidence, figure: str, series: str, lam: float = 0.02) -> nn.Module:
    """The attention network trained at the λ nearest ``lam``. Raises :class:`ReproError` where it is missing."""
    found = checkpoints(evidence, figure, series)
    model, _ = load_checkpoint(found[min(found, key=lambda known: abs(known - lam))])
    assert model.attention is not None
    return model.attention.requires_grad_(False)


def map_rows(found: Mapping[str, np.ndarray]) -> Rows:
    """One row a network: means of its map, how much luma's differs from block to block, and how alike the first's."""
    first = _per_block(next(iter(found.values())))
    rows: list[list[object]] = [
        [
            name,
            f"{A[0].mean():.3f}",
            f"{A[1].mean():.3f}",
            f"{_per_block(A).std():.3f}",
            f"{np.corrcoef(_per_block(A), first)[0, 1]:+.2f}",
        ]
        for name, A in found.items()
    ]
    return ["attention", "mean, luma", "mean, chroma", "spread over blocks, luma", "correlation with the first"], rows


def at_one_rate(
    evidence: Evidence, photo: Photo, series: Sequence[str], bpp: float = PORTRAIT_RATE, figure: str = "8"
) -> list[Version]:
    """The photo, standard JPEG and models of ``figure``, each at the quality or λ that comes nearest to ``bpp``.

    Bits are counted as the paper does.
    """
    rgb = photo.rgb()
    standard = codecs.get(STANDARD)
    chosen = {
        "standard JPEG": _nearest([(f"quality {q}", partial(standard.encode, rgb, q)) for q in PEER_QUALITIES], bpp)
    }
    for name in series:
        files = [
            (f"λ = {lam:g}", partial(_encode, path, rgb)) for lam, path in checkpoints(evidence, figure, name).items()
        ]
        chosen[_label(name, series)] = _nearest(files, bpp)
    measured = measure_many(rgb, [data for _, data in chosen.values()])
    made = [Version("original", rgb)]
    for (label, (setting, data)), values in zip(chosen.items(), measured, strict=True):
        made.append(Version(f"{label}\n{setting}: {values['bpp_paper']:.3f} bpp", decode(data), data, values))
    return made


def _label(name: str, among: Sequence[str]) -> str:
    """What tells a series from the others: its method, or else its loss."""
    label = look_of(name).label.partition(", loss")[0]
    alike = sum(look_of(other).label.partition(", loss")[0] == label for other in among)
    return label if alike == 1 else f"loss with{'' if 'MS-SSIM' in name else 'out'} MS-SSIM"


def portrait(versions: Sequence[Version], crop: Box) -> Figure:
    """:func:`closeup` with room for titles of two lines."""
    fig = closeup(versions, crop)
    fig.set_figheight(fig.get_figheight() + 0.55)
    return fig


def portrait_rows(versions: Sequence[Version]) -> Rows:
    """What each of :func:`at_one_rate` measures, the original left out."""
    metrics = (*METRICS, "mse_chroma", "blocking")
    decimals = {**DECIMALS, "mse_chroma": 1, "blocking": 2}
    rows: list[list[object]] = []
    for one in versions:
        if one.values is not None:
            told = [f"{one.values[k]:.{decimals[k]}f}" for k in metrics]
            rows.append([one.label.replace("\n", ", "), f"{one.values['bpp']:.3f}", *told])
    return ["at the paper's bits per pixel", "bits of the file", *(SHORT[k] for k in metrics)], rows


def _per_block(A: np.ndarray) -> np.ndarray:
    """A^(L) of each block, averaged over all but the mean."""
    return A[0][..., attention.in_band(1, 14)].mean(-1).ravel()


def _encode(checkpoint: Path, rgb: np.ndarray) -> bytes:
    return encoder_of(load_checkpoint(checkpoint)[0])(rgb)


def _nearest(ways: Sequence[tuple[str, Callable[[], bytes]]], bpp: float) -> tuple[str, bytes]:
    """(setting, file) of the one nearest to ``bpp`` as the paper counts; ``ways`` go from least bits to most."""

    @cache
    def made(i: int) -> tuple[bytes, float]:
        data = ways[i][1]()
        return data, paper_bpp(decode(data), file_tables(data)) - bpp

    low, high = 0, len(ways) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if made(middle)[1] < 0 else (low, middle)
    best = min(low, high, key=lambda i: abs(made(i)[1]))
    return ways[best][0], made(best)[0]
