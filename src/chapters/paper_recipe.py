"""Chapter 9 on the paper's own recipe: which planned runs are stored, their course, where they end, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from chapters.own_rate import Models, has_rate
from chapters.style import LOOKS, OKABE_ITO, figure, plot
from chapters.tables import Rows
from repro.experiments import Experiment, Variant, paper
from repro.experiments.claims import Evidence
from repro.experiments.claims.own_rate import COUNTING
from repro.experiments.objective import Outcome, outcome
from repro.experiments.profiles import profile_of
from repro.experiments.store import Store, require
from repro.model import load_checkpoint
from repro.training import PAPER_RECIPE

#: A run and its stored result.
Run = tuple[Experiment, Mapping[str, Any]]
#: Number of log rows in a running mean.
_SMOOTH = 20
#: Colour and line of each short training that shows what A does to Q.
_PULLED = (("vermillion", "--"), ("blue", "-"), ("sky", ":"), ("black", "-."))
#: Ticks of the axis of bits per pixel.
_BITS = (0.2, 0.4, 0.8, 1.6)
#: Key of a log → title of its panel.
_LOGGED = {"loss": "loss", "A_dc": "A of luma's DC", "Q_dc": "step of luma's DC", "mse": "MSE of the crops"}
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
#: What the text reports of where tables end, with its format.
_TOLD = (("dc", "{:.1f}"), ("objective", "{:.2f}"))


def frozen(store: Store | None = None, *, keep_dc: bool = False) -> Run:
    """The run with the trunk frozen, and its result. Raises :class:`ReproError` if it is not stored."""
    run = paper.trunk_frozen(keep_dc=keep_dc)
    return run, require(run, store or Store.default(), "repro reproduce --figure ours")


def label(run: Experiment) -> str:
    """ "VGG-19, without MS-SSIM, λ = 0.01", and the number of steps if these are not all of the recipe's."""
    if run.profile != "paper":
        kept = ", A = 1 for DC" if run.model.keep_dc else ""
        return f"VGG-16, trunk frozen{kept}, λ = {run.loss.lam:g}"
    after = "" if run.recipe.steps == PAPER_RECIPE.steps else f", {run.recipe.steps:,} steps"
    return f"{_kind(run)}, λ = {run.loss.lam:g}{after}"


def _kind(run: Experiment) -> str:
    return ", ".join([LOOKS[run.model.method].label.removesuffix(" attention"), *_notes(run)])


def _notes(run: Experiment) -> list[str]:
    """What distinguishes a run from the paper's own, apart from its method."""
    return [
        *(["map stretched"] if run.model.minmax else []),
        *(["fed 0–1"] if run.model.trunk_input == "unit" else []),
        *(["without MS-SSIM"] if not run.loss.sigma else []),
        *(["without LPIPS"] if not run.loss.gamma else []),
        *(["half the weights"] if run.loss.sigma == 500 else []),
        *(["trunk frozen, A = 1 for DC"] if run.model.keep_dc else []),
    ]


def plan_rows(stored: Iterable[Run]) -> Rows:
    """One row per kind of model in the plan, in order of priority: the λ that are stored and the λ that are missing."""
    have = {run.key for run, _ in stored}
    kinds: dict[str, tuple[list[str], list[str]]] = {}
    for run in paper.runs("all"):
        kinds.setdefault(_kind(run), ([], []))[run.key not in have].append(f"{run.loss.lam:g}")
    rows: list[list[object]] = [[name, *(", ".join(part) or "–" for part in parts)] for name, parts in kinds.items()]
    return ["model", "λ stored", "λ missing"], rows


def plan_words(stored: Sequence[Run], begun: Sequence[Run] = ()) -> str:
    """How much of the plan is stored: the runs, how long they trained on which machine, and those only ``begun``."""
    runs = paper.runs("all")
    ended = f"Of the {len(runs)} models of the plan, these are stored: {_each(stored)}."
    if not stored:
        ended = f"None of the {len(runs)} models of the plan is stored yet."
    if not begun:
        return ended
    return f"{ended} Stored before their end, out of {PAPER_RECIPE.steps:,} steps, are {_each(begun)}."


def _each(runs: Sequence[Run]) -> str:
    return "; ".join(
        f"{label(run)} ({result['seconds']['train'] / 3600:.1f} hours on {_machine(result['provenance'])})"
        for run, result in runs
    )


def _machine(made: Mapping[str, Any]) -> str:
    return f"{made['gpu'] or made['cpu']}, commit {str(made['commit'])[:10]}, {made['date'][:10]}"


def error_grew(runs: Iterable[Run]) -> str:
    """A sentence on whether the error grew during the stored runs of tables alone; empty if there are none."""
    logs = [result["log"] for run, result in runs if run.model.method == "tables"]
    grew = [_of_log(log, "mse")[1] for log in logs]
    if not logs:
        return ""
    if all(mse[-1] > 2 * mse[0] for mse in grew):
        return "Without a network the error grows meanwhile."
    return "Without a network the error does not grow everywhere."


def on_the_way(runs: Sequence[Run]) -> Figure:
    """Plot each run's log (running means) and files against the step: six panels, a line per run.

    Of runs by the paper's recipe, only those at the plan's first λ are drawn.
    """
    shown = [(run, result) for run, result in runs if run.profile != "paper" or run.loss.lam == paper.ONE]
    fig, axes = figure(5.4, 2, 3, sharex=True)
    panels = [*_LOGGED.items(), ("nonzero", "coefficients not zero, %"), ("bpp", "bits per pixel, files")]
    for ax, (name, title) in zip(axes.flat, panels, strict=True):
        for run, result in shown:
            color = _color(run)
            look: dict[str, Any] = {"color": color, "linestyle": _line(run), "label": label(run)}
            steps, values = _of_files(run, result) if name == "bpp" else _of_log(result["log"], name)
            ax.plot(steps, values, **look, marker="o" if name == "bpp" else "", markersize=4)
            if name == "Q_dc" and not len(steps):  # an older log: only the final value is known
                ax.plot(run.recipe.steps, result["tables"][0][0][0], "o", color=color)
        ax.set(title=title)
        if name in ("loss", "bpp", "mse"):
            ax.set_yscale("log")
        if name == "bpp":
            ax.set_yticks(_BITS, [f"{bits:g}" for bits in _BITS])
            ax.minorticks_off()
    axes[0, 1].set_ylim(0, 1.05)
    axes[0, 2].set_ylim(0, 265)
    for ax in axes[1]:
        ax.set_xlabel("step")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=2)
    return fig


def _color(run: Experiment) -> str:
    """The method's colour; black for ResNet at block 1, whose own is also the BiLSTM's."""
    return OKABE_ITO["black"] if run.model.method == "resnet152-block1" else LOOKS[run.model.method].color


def _line(run: Experiment) -> str:
    """The line style of a run: solid for the paper's loss and settings."""
    if run.profile != "paper":
        return "-." if run.model.keep_dc else "--"
    if not run.loss.sigma:
        return ":"
    return "-." if _notes(run) else "-"


def _of_log(log: Sequence[Mapping[str, float]], name: str) -> tuple[np.ndarray, np.ndarray]:
    rows = [row for row in log if name in row]
    values = np.array([row[name] for row in rows]) * (100 if name == "nonzero" else 1)
    width = min(_SMOOTH, len(rows))
    if not width:
        return np.array([]), np.array([])
    steps = np.array([row["step"] for row in rows])
    return steps[width - 1 :], np.convolve(values, np.ones(width) / width, "valid")


def _of_files(run: Experiment, result: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    measured = {int(step): images for step, images in result.get("snapshots", {}).items()}
    measured[run.recipe.steps] = result["images"]
    steps = sorted(step for step in measured if step)  # not step 0, where tables keep nearly everything
    return np.array(steps), np.array([np.mean([p["bpp"] for p in measured[step].values()]) for step in steps])


def ended(evidence: Evidence, runs: Sequence[Run]) -> Models:
    """The models of ``runs`` that can be compared with plain JPEG, and ours at the same λ with either rounding."""
    ours: dict[str, dict[float, Any]] = {**evidence.parts("ours", "images"), **evidence.parts("5", "images")}
    models: dict[str, Mapping[str, Any]] = {
        f"paper's: {label(run)}": result["images"] for run, result in runs if has_rate(evidence, result["images"])
    }
    for lam in sorted({run.loss.lam for run, _ in runs}):
        for method, rounding in (("tables", "third-order"), ("tables", "straight-through"), ("vgg16", "third-order")):
            found = ours.get(Variant(method, rounding).series, {}).get(lam)
            if found is not None:
                name = LOOKS[method].label.removesuffix(" attention")
                models[f"ours: {name}, {rounding}, λ = {lam:g}"] = found
    return models


def unended(begun: Sequence[Run], ended: Sequence[Run]) -> list[Run]:
    """Those of ``begun`` whose complete run is not stored."""
    folders = {run.folder for run, _ in ended}
    return [(run, result) for run, result in begun if run.folder not in folders]


def whose(runs: Iterable[Run], part: str) -> list[Run]:
    """Those of ``runs`` whose method's name contains ``part``: "lstm", "resnet"."""
    return [(run, result) for run, result in runs if part in run.model.method]


def mean_rows(evidence: Evidence, runs: Iterable[Run]) -> Rows:
    """One row per run, and one for plain JPEG at the lowest quality measured: bits in both countings, and metrics."""
    coarsest = evidence.plain().mean().images["mean"][0]
    named = {label(run): result["images"] for run, result in runs}
    named[f"plain JPEG, quality {coarsest['setting']:g}"] = {"mean": {**coarsest, "bpp_sequential": coarsest["bpp"]}}
    forms = {COUNTING: "{:.3f}", "bpp_sequential": "{:.3f}", "mse": "{:.0f}", "lpips": "{:.3f}", "ms_ssim": "{:.3f}"}
    rows: list[list[object]] = [
        [name, *(form.format(np.mean([p[what] for p in images.values()])) for what, form in forms.items())]
        for name, images in named.items()
    ]
    return ["model", "bits per pixel, paper's counting", "of the file", "MSE", "LPIPS", "MS-SSIM"], rows


def reach_rows(found: Mapping[str, tuple[int, float, float]]) -> Rows:
    """One row per network: trainable weights, A of luma's DC, its largest change in one step, and the highest A that
    the paper's steps can reach. ``found``: network → the first three."""
    rows: list[list[object]] = [
        [name, f"{count:,}", f"{A:.2f}", _scientific(most), f"{min(A + PAPER_RECIPE.steps * most, 1):.2f}"]
        for name, (count, A, most) in found.items()
    ]
    after = f"after {PAPER_RECIPE.steps:,} steps, at most"
    return ["network", "weights that learn", "A of luma's DC", "moves at most, a step", after], rows


def _scientific(value: float) -> str:
    """ "1.7 · 10⁻³"."""
    digits, power = f"{value:.1e}".split("e")
    return f"{digits} · 10{str(int(power)).translate(_SUPERSCRIPT)}"


def map_rows(runs: Sequence[Run], at: int, enough: float) -> Rows:
    """One row per run: A of luma's DC at training step ``at`` and when it reached ``enough``, both as running means,
    and the luma DC step."""
    rows: list[list[object]] = []
    for run, result in runs:
        log = _until(result, at)
        steps, A = _of_log(log, "A_dc")
        there = steps[enough <= A]
        never = "never" if at >= PAPER_RECIPE.steps else "not yet"
        when = "–" if run.model.method == "tables" else f"{there[0]:,.0f}" if len(there) else never
        rows.append([label(run), f"{A[-1]:.3f}", when, f"{log[-1]['Q_dc']:.1f}"])
    return ["model", "A of luma's DC", f"came to {enough:.2f} at step", "step of luma's DC"], rows


def loss_at(run: Run, at: int) -> float:
    """The running mean of a run's loss at training step ``at``."""
    return float(_of_log(_until(run[1], at), "loss")[1][-1])


def _until(result: Mapping[str, Any], at: int) -> list[Mapping[str, float]]:
    """The rows of a result's log up to training step ``at``."""
    return [row for row in result["log"] if row["step"] <= at]


def after_first_steps(evidence: Evidence, begun: Sequence[Run]) -> Models:
    """The first pair as stored before its end, and tables alone by the same recipe after as many steps."""
    run, result = tables_alone(evidence)
    at, name = paper.FIRST_STEPS, f"{_kind(run)}, λ = {run.loss.lam:g}"
    models = {label(run): result["images"] for run, result in begun}
    return {**models, f"{name}, {at:,} steps": result["snapshots"][str(at)]}


def tables_alone(evidence: Evidence, lam: float = paper.ONE) -> Run:
    """Tables alone by the paper's recipe, by default at the first pair's λ. Raises :class:`ReproError` if they are not
    stored."""
    run = next(e for e in paper.tables_and_recurrent() if e.model.method == "tables" and e.loss.lam == lam)
    return run, require(run, evidence.store or Store.default(), "repro reproduce --profile paper --figure ours")


def beside_ours(runs: Iterable[Run], store: Store | None = None) -> list[Outcome]:
    """Where tables alone end at each λ of ``runs``: by the paper's recipe, then by ours with either rounding."""
    found = []
    for run, result in runs:
        if run.model.method == "tables":
            found.append(outcome(run, result))
            for rounding in ("third-order", "straight-through"):
                ours = profile_of("cpu").run(Variant("tables", rounding), run.loss.lam)
                found.append(outcome(ours, require(ours, store or Store.default())))
    return found


def in_words(ends: Sequence[Outcome]) -> str:
    """The luma DC steps and the λ·d + r of :func:`beside_ours`, in two sentences per λ."""
    told = []
    for paper_end, third, straight in zip(*[iter(ends)] * 3, strict=True):
        steps, sums = ([form.format(getattr(o, what)) for o in (paper_end, third, straight)] for what, form in _TOLD)
        told.append(
            f"At λ = {paper_end.experiment.loss.lam:g}, tables alone end with a luma DC step of {steps[0]} by the "
            f"paper's recipe, of {steps[1]} by ours with its rounding, "
            f"and of {steps[2]} by ours with straight-through. "
            f"λ·d + r on files comes to {sums[0]}, {sums[1]} and {sums[2]}."
        )
    return " ".join(told)


def tables_of(evidence: Evidence) -> dict[str, torch.Tensor]:
    """Tables (2, 8, 8) trained alone with third-order rounding, by our recipe and, if stored, by the paper's."""
    lam = paper.TWO[-1]
    ours = evidence.parts("ours", "tables")[Variant("tables", "third-order").series][lam]
    found = {f"ours, λ = {lam:g}": ours}
    for run, result in evidence.by_the_paper():
        if run.model.method == "tables":
            found[f"the paper's, λ = {run.loss.lam:g}"] = result["tables"]
    return {name: torch.tensor(Q) for name, Q in found.items()}


@torch.no_grad()
def a_of_dc(run: Experiment, crops: torch.Tensor, store: Store | None = None) -> float:
    """The mean of A for luma's DC that a stored model gives ``crops`` (B, 3, H, W); 1 without attention. Raises
    :class:`ReproError` if its checkpoint is missing."""
    model, _ = load_checkpoint((store or Store.default()).checkpoint_path(run))
    A = model(crops.float()).A
    return 1.0 if A is None else float(A[:, 0, ..., 0, 0].mean())


def slope_rows(found: Mapping[tuple[float, float], Mapping[str, float]]) -> Rows:
    """One row per (A, Q): its slopes, a column per name."""
    names = list(next(iter(found.values())))
    rows: list[list[object]] = [
        [f"{A:g}", f"{Q:g}", *(f"{slopes[name]:+,.1f}" for name in names)] for (A, Q), slopes in found.items()
    ]
    return ["A", "step Q", *names], rows


def pull_plot(logs: Mapping[str, Sequence[Mapping[str, float]]]) -> Figure:
    """Plot the luma DC step against the training step, a line per run."""
    fig, ax = plot(3.0)
    for (name, log), (color, line) in zip(logs.items(), _PULLED, strict=True):
        steps, values = ([row[key] for row in log] for key in ("step", "Q_dc"))
        ax.plot(steps, values, color=OKABE_ITO[color], linestyle=line, marker="o", label=name)
    ax.set(xlabel="step of training", ylabel="step of luma's DC")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return fig


def pushed_rows(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Rows:
    """One row per model and term of d: by how much the term changes if the luma DC step grows by one per cent.

    ``found``: model → term → "measured" or the rounding that reports it → change.
    """
    rows: list[list[object]] = [
        [model, term, *(f"{value:+.2f}" for value in by.values())]
        for model, terms in found.items()
        for term, by in terms.items()
    ]
    first = next(iter(next(iter(found.values())).values()))
    return ["tables", "term of d", *first], rows
