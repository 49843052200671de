"""A training as it goes: the loss and its parts, and the tables' way from their start to where the loss wants them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from repro.figures.style import OKABE_ITO, cells, figure
from repro.losses import LossWeights
from repro.model import LearnedJPEG


@dataclass
class Film:
    """The tables at the steps that :func:`repro.training.train` lets it see; pass it as ``observe``."""

    steps: list[int] = field(default_factory=list)
    tables: list[np.ndarray] = field(default_factory=list)

    def __call__(self, step: int, model: LearnedJPEG) -> None:
        self.steps.append(step)
        self.tables.append(model.tables().detach().cpu().double().numpy())

    def stills(self, count: int) -> list[int]:
        """Indices of ``count`` frames, spread so that the start, where most happens, is seen; first and last are in."""
        last = len(self.steps) - 1
        return sorted({round(last * (i / max(count - 1, 1)) ** 1.6) for i in range(count)})


def loss_curve(log: Sequence[Mapping[str, float]], loss: LossWeights) -> Figure:
    """The loss of Eq. 7 and its two sides, λ·d and r, at each logged step."""
    fig, axes = figure(2.9)
    ax = axes[0, 0]
    steps = [row["step"] for row in log]
    lines = {
        "loss": [row["loss"] for row in log],
        "λ · distortion": [loss.lam * row["d"] for row in log],
        "rate term": [row["rate"] for row in log],
    }
    colors, markers = ("black", "vermillion", "blue"), ("", "s", "o")
    for (label, values), color, marker in zip(lines.items(), colors, markers, strict=True):
        ax.plot(steps, values, label=label, color=OKABE_ITO[color], marker=marker, markersize=4)
    ax.set(xlabel="step", ylim=(0, None))
    ax.legend()
    return fig


def two_tables(Q: np.ndarray, title: str) -> Figure:
    """Luma and chroma table, (2, 8, 8), as coloured squares with their whole numbers; light is fine, dark is coarse."""
    fig, axes = figure(3.75, 1, 2)
    for ax, table, name in zip(axes[0], np.rint(Q).astype(int), ("luma", "chroma"), strict=True):
        cells(ax, table, f"{name}, {title}", cmap="cividis_r", norm=LogNorm(1, 255))
    return fig


def film_frames(film: Film, count: int = 7) -> tuple[list[Figure], list[str], list[str]]:
    """Pictures, labels and alternative texts for :func:`repro.book.frames_slider`."""
    chosen = film.stills(count)
    frames = [two_tables(film.tables[i], f"step {film.steps[i]}") for i in chosen]
    labels = [str(film.steps[i]) for i in chosen]
    alts = [
        f"Both tables after {film.steps[i]} steps: the first luma entry is {film.tables[i][0, 0, 0]:.0f}, "
        f"the last {film.tables[i][0, 7, 7]:.0f}; the first chroma entry is {film.tables[i][1, 0, 0]:.0f}."
        for i in chosen
    ]
    return frames, labels, alts
