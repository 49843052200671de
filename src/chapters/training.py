"""A training as it goes: the loss and its parts, and on the way the tables, and a picture that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure

from chapters.attention import coded
from chapters.jpeg import Box
from chapters.learned import draw_tables, square_pairs
from chapters.style import OKABE_ITO, figure, show_image
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
    ax.set(xlabel="step", ylabel="terms of Eq. 7", ylim=(0, None))
    ax.legend()
    return fig


@dataclass(frozen=True)
class Still:
    """The tables (2, 8, 8) at a step, and what a file of a photo that they make comes to: pixels, rate and MSE."""

    step: int
    tables: np.ndarray
    pixels: np.ndarray
    bpp: float
    mse: float

    @property
    def words(self) -> str:
        """Tables and file in numbers."""
        return (
            f"Step {self.step}: the first luma entry is {self.tables[0, 0, 0]:.0f}, the last "
            f"{self.tables[0, 7, 7]:.0f}, the first chroma entry {self.tables[1, 0, 0]:.0f}. A file of the photo takes "
            f"{self.bpp:.2f} bits per pixel, with an MSE of {self.mse:.0f}."
        )


def stills(film: Film, rgb: np.ndarray, count: int = 9) -> list[Still]:
    """The frames of ``film`` that :meth:`Film.stills` chooses and what they make of ``rgb``, (H, W, 3)."""
    found = []
    for i in film.stills(count):
        pixels, bpp = coded(rgb, film.tables[i])
        mse = float(np.square(pixels.astype(float) - rgb).mean())
        found.append(Still(film.steps[i], film.tables[i], pixels, bpp, mse))
    return found


def film_frames(
    made: Sequence[Still], rgb: np.ndarray, box: Box
) -> tuple[list[Figure], list[str], list[str], list[str]]:
    """Frames, labels, alternative texts and captions for :func:`bookkit.frames_slider`; ``box`` is what is seen."""
    captions = [still.words for still in made]
    alts = [f"Both tables, a part of the photo, and the same part of the file. {words}" for words in captions]
    return [_frame(still, rgb, box) for still in made], [str(still.step) for still in made], alts, captions


def _frame(still: Still, rgb: np.ndarray, box: Box) -> Figure:
    fig, axes = square_pairs(2)
    draw_tables(axes[0], still.tables, f"step {still.step}")
    show_image(axes[1, 0], box.of(rgb), "part of the photo", interpolation="nearest")
    show_image(axes[1, 1], box.of(still.pixels), f"{still.bpp:.2f} bpp, MSE {still.mse:.0f}", interpolation="nearest")
    return fig
