"""Figs. 13 and 14, and the results of recipes: rate and quality during training, and where runs end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from chapters.style import FAINT, INK, LOOKS, OKABE_ITO, figure, legend_below, plot
from chapters.tables import Rows
from repro.evaluation import Curve
from repro.experiments.claims import METRICS, SHORT
from repro.experiments.claims.recurrent import learning_rate
from repro.experiments.claims.steps import DIRECTIONS, Means
from repro.experiments.objective import Outcome

_LOOKS = {
    "bpp": ("blue", "o", "bits per pixel"),
    "mse": ("vermillion", "s", "MSE"),
    "ms_ssim": ("green", "D", "MS-SSIM"),
}
_RUNS = (("vermillion", "s", "-"), ("blue", "o", "--"))


def normalised_plot(runs: Mapping[str, Means]) -> Figure:
    """Plot bits, MSE and MS-SSIM, already normalised to 0–1, against the step: a panel per run. ``runs``: by title."""
    fig, axes = figure(3.1, 1, len(runs), sharey=True)
    for ax, (title, run) in zip(axes[0], runs.items(), strict=True):
        for metric in DIRECTIONS:
            color, marker, label = _LOOKS[metric]
            ax.plot(run["step"], run[metric], marker=marker, color=OKABE_ITO[color], label=label)
        ax.set(title=title, xlabel="step")
    axes[0, 0].set_ylabel("normalised to 0–1")
    legend_below(fig)
    return fig


def true_units_plot(runs: Mapping[str, Means]) -> Figure:
    """Plot bits, MSE and MS-SSIM in true units against step + 1 (logarithmic): a panel per metric, a line per run."""
    fig, axes = figure(3.1, 1, len(DIRECTIONS))
    for ax, metric in zip(axes[0], DIRECTIONS, strict=True):
        for (title, run), (color, marker, line) in zip(runs.items(), _RUNS, strict=False):
            ax.plot(run["step"] + 1, run[metric], marker=marker, linestyle=line, color=OKABE_ITO[color], label=title)
        ax.set(title=_LOOKS[metric][2], xlabel="step + 1", xscale="log")
    legend_below(fig, 2)
    return fig


def recipe_rows(found: Sequence[Outcome]) -> Rows:
    """One row per recipe: steps, learning rates, and Eq. 7 evaluated on files, with each kind's lowest marked."""
    best = {kind(o): min(other.objective for other in found if kind(other) == kind(o)) for o in found}
    rows = [
        [
            kind(o),
            o.experiment.recipe.steps,
            _rate(o.experiment.recipe.lr_tables),
            "" if o.experiment.model.method == "tables" else _rate(o.experiment.recipe.lr_network),
            f"{o.objective:.2f}" + (" (least)" if o.objective == best[kind(o)] else ""),
            f"{o.bpp:.3f}",
            f"{o.dc:.0f}",
        ]
        for o in found
    ]
    head = ["model", "steps", "rate of tables", "of the network", "λ·d + r on files"]
    return [*head, "bits per pixel", "luma DC step"], rows


def doubling_rows(pairs: Sequence[tuple[Outcome, Outcome]]) -> Rows:
    """One row per model: what doubling the steps changes."""
    formats = {"objective": ".2f", "bpp": ".3f", "mse": ".1f", "lpips": ".3f", "ms_ssim": ".4f"}
    rows = []
    for once, twice in pairs:
        steps = f"{once.experiment.recipe.steps} → {twice.experiment.recipe.steps}"
        changes = [f"{getattr(once, what):{form}} → {getattr(twice, what):{form}}" for what, form in formats.items()]
        changes[0] += f" ({100 * (twice.objective / once.objective - 1):+.1f} %)"
        rows.append([kind(once), steps, *changes])
    return ["model", "steps", "λ·d + r on files", "bits per pixel", "MSE", "LPIPS", "MS-SSIM"], rows


def recipe_points(found: Sequence[Outcome], names: Sequence[str], line: Curve) -> Figure:
    """Plot where recipes end, each metric against rate, labelled by ``names``, with the curve ``line`` to compare."""
    fig, axes = figure(3.4, 1, 3)
    colors = ["blue", "vermillion", "green", "orange", "purple", "sky", "black"]
    for ax, metric in zip(axes[0], METRICS, strict=True):
        for o, name, color, marker in zip(found, names, colors, "osD^vPX", strict=False):
            ax.plot(o.bpp, getattr(o, metric), marker, color=OKABE_ITO[color], label=name, markersize=7)
        rates = [o.bpp for o in found]
        points = [p for p in line.mean().images["mean"] if 0.5 * min(rates) < (p["bpp"] or 0) < 2 * max(rates)]
        x, y = ([p[key] for p in points] for key in ("bpp", metric))
        ax.plot(x, y, "-", color=FAINT, linewidth=4, zorder=0, label="tables, straight-through")
        ax.set(title=SHORT[metric], xlabel="bits per pixel")
    legend_below(fig, 2)
    return fig


def ratio_plot(lines: Mapping[str, Mapping[float, float]]) -> Figure:
    """Plot ratios of objectives against λ. ``lines``: label → λ → ratio."""
    fig, ax = plot(2.9)
    ax.axhline(1, color=INK, linewidth=1)
    for (label, ratios), (color, marker, line) in zip(lines.items(), _RUNS, strict=False):
        ax.plot(list(ratios), list(ratios.values()), marker=marker, linestyle=line, color=OKABE_ITO[color], label=label)
    ax.set(xscale="log", xlabel="λ", ylabel="ratio of λ·d + r")
    ax.legend()
    return fig


def recipe_label(o: Outcome) -> str:
    """A short name of a recipe for a legend: "VGG, 1,000 steps at 0.03"."""
    recipe = o.experiment.recipe
    of_network = o.experiment.model.method != "tables"
    return f"{'VGG' if of_network else 'tables'}, {recipe.steps:,} steps at {_rate(recipe.lr_tables)}"


def kind(o: Outcome) -> str:
    """ "VGG-16, trunk trained, third-order"."""
    made = o.experiment.model
    name = LOOKS[made.method].label.removesuffix(" attention")
    return f"{name}{', trunk trained' if made.trunk_trained else ''}, {made.rounding}"


def _rate(value: float) -> str:
    """A learning rate: "0.03", "1e-6"."""
    return f"{value:g}" if value >= 1e-4 else learning_rate(value)
