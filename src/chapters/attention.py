"""Pictures of attention maps (chapters 2, 6 and 7), and the networks whose maps are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from torch import nn

from chapters import style
from chapters.style import OKABE_ITO, WIDTH, Slider, cells, show_image
from chapters.tables import Rows
from repro import attention
from repro.experiments import Experiment, Store, experiments_of
from repro.model import load_checkpoint
from repro.stages import forward_dct, pad

#: Frequency bands: name → smallest and largest v + u.
BANDS = {"mean": (0, 0), "low": (1, 2), "lower middle": (3, 4), "upper middle": (5, 7), "high": (8, 14)}


def network_to_show() -> tuple[nn.Module, str]:
    """VGG-16's attention network as trained for Fig. 5 at the λ nearest 0.02, and how it was trained, in words.

    Raises :class:`ReproError` if its checkpoint is missing.
    """
    runs = [e for e in experiments_of("5", "cpu") if isinstance(e, Experiment) and e.model.method == "vgg16"]
    chosen = min(runs, key=lambda e: (abs(e.loss.lam - 0.02), -e.loss.sigma))
    model, _ = load_checkpoint(Store.default().checkpoint_path(chosen))
    assert model.attention is not None
    return model.attention, f"trained for {chosen.recipe.steps} steps at λ = {chosen.loss.lam:g}"


def build(method: str, seed: int = 0, **options: Any) -> nn.Module:
    """A new, untrained attention network whose random weights are drawn with ``seed``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = attention.build(method, **options)
    if made is None:
        raise ValueError(f"method {method!r} has no attention network")
    return made.requires_grad_(False)


def padded_tensor(rgb: np.ndarray) -> torch.Tensor:
    """A photo (H, W, 3) as a tensor (1, 3, H, W), float on 0–255, padded to whole blocks."""
    return pad(torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float())


def middle(rgb: np.ndarray, side: int) -> np.ndarray:
    """The middle of a photo (H, W, 3), at most ``side`` pixels high and wide."""
    top, left = (max(0, n - side) // 2 for n in rgb.shape[:2])
    return rgb[top : top + side, left : left + side]


@torch.no_grad()
def maps(network: nn.Module, rgb: np.ndarray) -> np.ndarray:
    """The attention map A of one photo (H, W, 3): float32 (2, rows, cols, 8, 8), luma then chroma."""
    x = padded_tensor(rgb)
    return network(x, forward_dct(x))[0].numpy()


def reach_maps(found: Mapping[str, ArrayLike], row: int, col: int) -> Figure:
    """Plot the influence of each pixel, method → (H, W), on the block (row, col), which is framed."""
    fig, axes = style.figure(2.3, 1, len(found))
    for ax, (method, strength) in zip(axes[0], found.items(), strict=True):
        shown = show_image(ax, np.asarray(strength).clip(1e-4), method, norm=LogNorm(1e-4, 1), cmap="magma")
        ax.plot([8 * col + 3.5], [8 * row + 3.5], "s", ms=8, mfc="none", mec=OKABE_ITO["sky"], mew=1.6)
    scale = fig.colorbar(shown, ax=axes[0, -1], label="influence", shrink=0.75)
    scale.set_ticks([1e-4, 1e-3, 1e-2, 0.1, 1], labels=["0.0001", "0.001", "0.01", "0.1", "1"], minor=False)
    scale.minorticks_off()
    return fig


def response_plot(found: Mapping[str, ArrayLike]) -> Figure:
    """Plot two sets of mean responses against each other, one point per channel.

    A channel on the diagonal responds equally to both inputs.
    """
    (name_x, trained), (name_y, raw) = ((name, np.asarray(each)) for name, each in found.items())
    fig, ax = style.plot(3.6)
    top = 1.05 * max(trained.max(), raw.max())
    ax.plot([0, top], [0, top], color="#666666", ls="--", label="equal")
    ax.plot(trained, raw, "o", ms=4, color=OKABE_ITO["blue"], alpha=0.6, label="one channel")
    ax.set(xlabel=f"mean response, input {name_x}", ylabel=f"mean response, input\n{name_y}")
    ax.set(xlim=(0, top), ylim=(0, top))
    ax.legend(loc="upper left")
    return fig


def in_band(low: int, high: int) -> np.ndarray:
    """Mask of the coefficients with ``low`` ≤ v + u ≤ ``high``, bool (8, 8)."""
    order = np.add.outer(np.arange(8), np.arange(8))
    return (low <= order) & (order <= high)


def band_slider(rgb: np.ndarray, found: Mapping[str, np.ndarray]) -> Slider:
    """Frames, labels, alternative texts and captions for ``bookkit.frames_slider``, one frame per frequency band.

    ``found``: up to three maps by name, each (rows, cols, 8, 8). All frames share one colour scale.
    """
    maps = {band: {name: A[..., in_band(*of)].mean(-1) for name, A in found.items()} for band, of in BANDS.items()}
    limits = np.percentile([one for named in maps.values() for one in named.values()], [1, 99])
    frames, alts, captions = [], [], []
    for band, (low, high) in BANDS.items():
        frames.append(_band_frame(rgb, maps[band], limits))
        facts = ", ".join(f"{one.mean():.2f} for {' '.join(name.split())}" for name, one in maps[band].items())
        captions.append(f"Band “{band}” (v + u from {low} to {high}): mean A is {facts}.")
        alts.append(f"The photo and {len(found)} maps for the band of {band} frequencies; mean A is {facts}.")
    return frames, list(BANDS), alts, captions


def _band_frame(rgb: np.ndarray, named: Mapping[str, np.ndarray], limits: np.ndarray) -> Figure:
    """The photo and the maps, two per row. Narrower than the page, so that a phone shrinks the text less."""
    fig, axes = style.figure(5.4 * rgb.shape[0] / rgb.shape[1] + 1.45, 2, 2, width=5.4)
    show_image(axes[0, 0], rgb[::2, ::2], "photo")
    for ax in axes.flat[1:]:
        ax.axis("off")
    for ax, (name, one) in zip(axes.flat[-len(named) :], named.items(), strict=True):
        ax.axis("on")
        shown = show_image(ax, one, name, cmap="viridis", vmin=limits[0], vmax=limits[1], interpolation="nearest")
    fig.colorbar(shown, ax=axes, orientation="horizontal", label="A (1 keeps, 0 removes)", fraction=0.05, aspect=50)
    return fig


def mean_by_frequency(A: ArrayLike) -> Figure:
    """Plot A averaged over all blocks of a photo, (2, 8, 8): the share of each cosine that is kept."""
    fig, axes = style.figure(3.9, 1, 2)
    for ax, one, title in zip(axes[0], np.asarray(A), ("A for luma", "A for chroma"), strict=True):
        cells(ax, one, title, fmt=".2f", cmap="viridis", vmin=0, vmax=1)
    return fig


def recurrent_maps(rgb: np.ndarray, found: Mapping[str, np.ndarray]) -> Figure:
    """Plot A^(L), averaged over the AC coefficients, for up to three networks. Each title gives its map's own scale."""
    rows, cols = (1, 3) if len(found) == 2 else (2, 2)
    tall = WIDTH / cols * rgb.shape[0] / rgb.shape[1]
    fig, axes = style.figure(rows * (tall + 0.3), rows, cols)
    show_image(axes[0, 0], rgb[::2, ::2], "photo")
    for ax, (name, A) in zip(axes.flat[1:], found.items(), strict=True):
        one = A[0][..., in_band(1, 14)].mean(-1)
        show_image(ax, one, f"{name}: {one.min():.2f} to {one.max():.2f}", cmap="viridis", interpolation="nearest")
    return fig


def map_rows(found: Mapping[str, np.ndarray]) -> Rows:
    """One row per network: its map's means, the spread of luma over blocks, and the correlation with the first map."""
    first = _per_block(next(iter(found.values())))
    rows = [
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


def _per_block(A: np.ndarray) -> np.ndarray:
    """A^(L) averaged over the AC coefficients of each block, (rows · cols,)."""
    return A[0][..., in_band(1, 14)].mean(-1).ravel()
