"""Pictures of chapter 3: stand-ins for rounding, what each tells a table, and how far one step of Adam moves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure

from chapters.attention import coefficients, to_tensor
from chapters.style import INK, OKABE_ITO, figure, use
from repro.model import LearnedTables
from repro.rounding import ROUNDINGS, round_straight_through, round_third_order

Rounding = Callable[[torch.Tensor], torch.Tensor]
#: Names in a legend; the printed formula is not a rounding of ours, it only stands in pictures.
PRINTED, THIRD, STRAIGHT = "Eq. 3 as printed", "Eq. 3, sign corrected", "straight-through"
NAMES = {"third-order": THIRD, "straight-through": STRAIGHT}
#: Name → colour and line.
_LINES = {PRINTED: ("vermillion", ":"), THIRD: ("blue", "-"), STRAIGHT: ("green", "--")}


def printed_derivative(z: torch.Tensor) -> torch.Tensor:
    """−3 (⌊z⌋ − z)²: the derivative of Eq. 3 as the paper prints it."""
    return -3 * (z.round() - z).square()


#: What Eq. 3 comes to and what it hands back, by name; straight-through's value is rounding itself.
_VALUES: dict[str, Rounding] = {
    PRINTED: lambda z: z.round() - (z - z.round()) ** 3,
    THIRD: lambda z: z.round() + (z - z.round()) ** 3,
}
_DERIVATIVES: dict[str, Rounding] = {
    PRINTED: printed_derivative,
    THIRD: lambda z: _derivative(round_third_order, z),
    STRAIGHT: lambda z: _derivative(round_straight_through, z),
}


def equation_3(at: float) -> Figure:
    """What Eq. 3 is as printed and as it must be: the function, and its derivative, with marks at z = ``at``."""
    use()
    z, here = torch.linspace(-0.49, 1.99, 1201, dtype=torch.float64), torch.tensor([at], dtype=torch.float64)
    fig = Figure(figsize=(5.6, 3.5), layout="constrained")
    left, right = fig.subplots(1, 2)
    left.plot(z, _broken(z.round(), z), color=INK, lw=3, alpha=0.35, label="rounding")
    left.plot(here, here.round(), "D", color=INK, alpha=0.35, markersize=9)
    for ax, lines in ((left, _VALUES), (right, _DERIVATIVES)):
        ax.axvline(at, color="#999999", linewidth=1)
        for name, line in lines.items():
            ax.plot(z, _broken(line(z), z) if ax is left else line(z), **_line(name))
            ax.plot(here, line(here), "o", color=_line(name)["color"], zorder=3)
    right.axhline(0, color=INK, linewidth=1)
    left.set(title="value", xlabel="z")
    right.set(title="derivative", xlabel="z")
    handles = [left.get_lines()[0], *(line for line in right.get_lines() if line.get_label() in _LINES)]
    fig.legend(handles=handles, loc="outside lower center", ncols=2)
    return fig


def equation_slider(places: Sequence[float]) -> tuple[list[Figure], list[str], list[str], list[str]]:
    """Frames, labels, alternative texts and captions for ``bookkit.frames_slider``: :func:`equation_3` by z."""
    captions = []
    for at in places:
        here = torch.tensor([at], dtype=torch.float64)
        told = [f"{_signed(of(here))} ({name})" for name, of in _DERIVATIVES.items()]
        captions.append(f"z = {at:g} rounds to {round(at)}. A wish to move it is multiplied by {'; '.join(told)}.")
    alts = [f"A staircase and its two stand-ins on the left, three derivatives on the right. {c}" for c in captions]
    return [equation_3(at) for at in places], [f"{at:g}" for at in places], alts, captions


@dataclass(frozen=True)
class Walk:
    """Where gradient descent takes a number z, step by step, and where it ends after rounding."""

    name: str
    z: list[float]

    @property
    def end(self) -> int:
        """The whole number that it ends at."""
        return round(self.z[-1])


def walks(start: float = 1.35, target: float = 3.0, rate: float = 0.05, steps: int = 40) -> list[Walk]:
    """Descent on (⌊z⌋ − target)² from ``start`` with each stand-in's derivative."""
    found = []
    for name, derivative in _DERIVATIVES.items():
        z = [torch.tensor(start, dtype=torch.float64)]
        for _ in range(steps):
            z.append(z[-1] - rate * 2 * (z[-1].round() - target) * derivative(z[-1]))
        found.append(Walk(name, [float(v) for v in z]))
    return found


def walk_plot(found: Sequence[Walk], target: float = 3.0) -> Figure:
    """:func:`walks`, one line each."""
    fig, axes = figure(2.9)
    ax = axes[0, 0]
    ax.axhline(target, color="#666666", ls="--", lw=1, label="where the loss is least")
    for walk in found:
        ax.plot(walk.z, **_line(walk.name))
    ax.set(xlabel="step of gradient descent", ylabel="z, before rounding")
    fig.legend(loc="outside lower center", ncols=4)
    return fig


@dataclass(frozen=True)
class Slopes:
    """How the squared error of one coefficient changes with its step Q: measured, and as each rounding reports it."""

    place: tuple[int, int]
    Q: np.ndarray
    measured: np.ndarray
    reported: Mapping[str, np.ndarray]

    def share(self, rounding: str) -> float:
        """Reported slope over measured slope, summed over all entries: 1 would be the truth."""
        return float(self.reported[rounding].sum() / self.measured.sum())

    def scatter(self, rounding: str) -> float:
        """Root mean square of reported less measured, over the mean measured slope: 0 would be the truth."""
        return float(np.sqrt(((self.reported[rounding] - self.measured) ** 2).mean()) / self.measured.mean())


def slopes(photos: Sequence[np.ndarray], place: tuple[int, int], Q: np.ndarray) -> Slopes:
    """d/dQ of the mean of (F − ⌊F/Q⌋ Q)² over all luma blocks of ``photos`` at frequency ``place`` = (v, u).

    Measured: the central difference over a tenth of Q on each side, which smooths over the jumps of rounding.
    """
    F = torch.cat([_luma(p, place) for p in photos])
    reported = {name: np.array([_reported(F, q, rounding) for q in Q]) for name, rounding in ROUNDINGS.items()}
    return Slopes(place, np.asarray(Q), np.array([_measured(F, q) for q in Q]), reported)


def slopes_of_crops(crops: torch.Tensor, place: tuple[int, int], Q: float) -> Slopes:
    """:func:`slopes` at one step ``Q``, crop by crop: entry i is that of crop i alone, as one small batch sees it.

    ``crops`` are (n, 3, S, S) uint8, as training takes them.
    """
    every = [_luma(crop.permute(1, 2, 0).numpy(), place) for crop in crops]
    reported = {name: np.array([_reported(F, Q, rounding) for F in every]) for name, rounding in ROUNDINGS.items()}
    return Slopes(place, np.full(len(every), Q), np.array([_measured(F, Q) for F in every]), reported)


def crop_plot(found: Sequence[Slopes]) -> Figure:
    """:func:`slopes_of_crops` of several coefficients: reported against measured, a point for each crop."""
    fig, axes = figure(3.1, 1, len(found))
    for ax, one in zip(axes[0], found, strict=True):
        truth = np.linspace(one.measured.min(), one.measured.max(), 50)
        ax.axhline(0, color=INK, linewidth=1)
        ax.plot(truth, truth, color=INK, lw=4, alpha=0.3, label="the truth")
        for (name, values), marker in zip(one.reported.items(), ("o", "^"), strict=True):
            ax.plot(one.measured, values, marker, ms=4, alpha=0.75, **{**_line(NAMES[name]), "linestyle": ""})
        ax.set(title=_place(one.place), xlabel="measured slope")
        if max(np.abs(v).max() for v in one.reported.values()) > 5 * truth[-1]:
            ax.set_yscale("symlog", linthresh=truth[-1])
            ax.set_yticks([tick for tick in ax.get_yticks() if tick == 0 or abs(tick) > 5 * truth[-1]])  # or they meet
            ax.set_title(f"{_place(one.place)}, powers of ten")
    axes[0, 0].set_ylabel("reported slope")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig


def slope_plot(found: Sequence[Slopes]) -> Figure:
    """:func:`slopes` of several coefficients side by side."""
    fig, axes = figure(3.2, 1, len(found))
    for ax, one in zip(axes[0], found, strict=True):
        ax.axhline(0, color=INK, linewidth=1)
        ax.plot(one.Q, one.measured, color=INK, lw=4, alpha=0.3, label="measured")
        for name, values in one.reported.items():
            ax.plot(one.Q, values, **_line(NAMES[name]))
        ax.set(title=_place(one.place), xlabel="step Q")
    axes[0, 0].set_ylabel("slope of the squared error")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig


def moves(steps: int, rates: Mapping[str, float]) -> dict[str, list[float]]:
    """The first luma entry, from 1.5 upwards, when every gradient says "coarser": parametrisation → Q after each step.

    ``rates`` gives Adam's learning rate for each parametrisation of :class:`repro.model.LearnedTables`.
    """
    found = {}
    for kind, rate in rates.items():
        tables = LearnedTables(kind)
        tables.set(torch.full((2, 8, 8), 1.5))
        adam = torch.optim.Adam(tables.parameters(), lr=rate)
        path = [float(tables().detach()[0, 0, 0])]
        for _ in range(steps):
            adam.zero_grad()
            tables.variable.sum().neg().backward()
            adam.step()
            tables.clip()
            path.append(float(tables().detach()[0, 0, 0]))
        found[kind] = path
    return found


def steps_to(path: Sequence[float], value: float) -> int:
    """The first step at which ``path`` has reached ``value``. Raises ``ValueError`` where it never does."""
    reached = [i for i, q in enumerate(path) if q >= value]
    if not reached:
        raise ValueError(f"the path ends at {path[-1]:.3g} and does not reach {value:g}")
    return reached[0]


def moves_plot(found: Mapping[str, Sequence[float]]) -> Figure:
    """:func:`moves` against the step, on a logarithmic scale of Q."""
    fig, axes = figure(2.9)
    ax = axes[0, 0]
    labels = {"paper": "Q·s, the paper's, at 1e-6", "log": "log Q, ours, at 0.03"}
    for (kind, path), name in zip(found.items(), (THIRD, STRAIGHT), strict=True):
        ax.plot(path, **{**_line(name), "label": labels[kind]})
    ax.axhline(255, color="#666666", ls=":", lw=1, label="255, the largest a file can hold")
    ax.set(xlabel="step of Adam", ylabel="Q", yscale="log", yticks=[1, 2, 5, 10, 20, 50, 100, 255])
    ax.set_yticklabels(["1", "2", "5", "10", "20", "50", "100", "255"])
    ax.minorticks_off()
    ax.legend(loc="lower right")
    return fig


def _signed(number: torch.Tensor) -> str:
    return f"{float(number) + 0.0:+.2f}".replace("-", "−").replace("+0.00", "0")


def _line(name: str) -> dict[str, str]:
    color, style = _LINES[name]
    return {"label": name, "color": OKABE_ITO[color], "linestyle": style}


def _derivative(rounding: Rounding, z: torch.Tensor) -> torch.Tensor:
    """What ``rounding`` hands back for each entry of ``z``."""
    leaf = z.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(rounding(leaf).sum(), leaf)
    return gradient


def _broken(value: torch.Tensor, z: torch.Tensor) -> np.ndarray:
    """``value`` with a gap wherever rounding jumps, so that no line joins what is not joined."""
    jumps = np.abs(np.diff(z.round().numpy(), append=z.round().numpy()[-1:])) > 0
    return np.where(jumps, np.nan, value.numpy())


def _luma(rgb: np.ndarray, place: tuple[int, int]) -> torch.Tensor:
    """Every luma block's coefficient at ``place`` = (v, u)."""
    return coefficients(to_tensor(rgb))[0, 0, :, :, place[0], place[1]].flatten().double()


def _place(place: tuple[int, int]) -> str:
    return "DC" if place == (0, 0) else f"row {place[0]}, column {place[1]}"


def _measured(F: torch.Tensor, Q: float) -> float:
    return (_error(F, 1.1 * Q) - _error(F, 0.9 * Q)) / (0.2 * Q)


def _error(F: torch.Tensor, Q: float) -> float:
    return float((F - (F / Q).round() * Q).square().mean())


def _reported(F: torch.Tensor, Q: float, rounding: Rounding) -> float:
    step = torch.tensor(Q, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad((F - rounding(F / step) * step).square().mean(), step)
    return float(gradient)
