"""The training objective, measured on files: to choose recipes, and to see whether training has converged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from repro.experiments.profiles import ONE_LAMBDA, profile_of
from repro.experiments.registry import doubled, recipes, tuning
from repro.experiments.settings import Experiment, Variant
from repro.experiments.store import Store, require, stored_results
from repro.losses import LossWeights


@dataclass(frozen=True)
class Outcome:
    """A run and its outcome: Eq. 7 on files; rate and metrics, averaged over photos; the luma table's DC step."""

    experiment: Experiment
    objective: float
    bpp: float
    mse: float
    lpips: float
    ms_ssim: float
    dc: float


def outcome(experiment: Experiment, result: Mapping[str, Any]) -> Outcome:
    """λ·d + r of a stored result: d from its decoded files; r, which hardly differs between photos, as last logged."""
    points = list(result["images"].values())
    bpp, mse, lpips, ms_ssim = (float(np.mean([p[k] for p in points])) for k in ("bpp", "mse", "lpips", "ms_ssim"))
    objective = on_files(experiment.loss, points, result["log"][-1]["rate"])
    return Outcome(experiment, objective, bpp, mse, lpips, ms_ssim, result["tables"][0][0][0])


def on_files(loss: LossWeights, points: Sequence[Mapping[str, Any]], rate: float) -> float:
    """λ·d + r, Eq. 7: d from the means over ``points`` of MSE, LPIPS and MS-SSIM; r is ``rate``."""
    mse, lpips, ms_ssim = (float(np.mean([p[k] for p in points])) for k in ("mse", "lpips", "ms_ssim"))
    return loss.lam * (mse + loss.gamma * lpips + loss.sigma * (1 - ms_ssim)) + rate


def tried() -> list[Outcome]:
    """Every recipe that was tried on the tuning photos, in the registry's order."""
    return _outcomes(tuning("cpu"))


def doublings(profile: str = "cpu", store: Store | None = None) -> list[tuple[Outcome, Outcome]]:
    """(published run, the same with twice the steps) at one λ, for each kind of model for which this was tried."""
    p = profile_of(profile)
    twice = doubled(profile)
    once = [p.run(Variant(e.model.method, e.model.rounding), e.loss.lam) for e in twice]
    return list(zip(_outcomes(once, store), _outcomes(twice, store), strict=True))


def third_order_recipes() -> list[Outcome]:
    """The paper's rounding at one λ: tables alone and VGG by the fast recipe, and the other recipes that were tried."""
    p = profile_of("cpu")
    lam = ONE_LAMBDA["third-order"]
    published = [p.run(Variant("tables", "third-order"), lam), p.run(Variant(p.vgg, "third-order"), lam)]
    return _outcomes([*published, *recipes("cpu")])


def ends(*figures: str, profile: str = "cpu", store: Store | None = None) -> dict[str, dict[float, Outcome]]:
    """Series → λ → outcome of the first seed's run, for every model of these figures."""
    found: dict[str, dict[float, Outcome]] = {}
    for figure in figures:
        for task, result in stored_results(figure, profile, store):
            if isinstance(task, Experiment) and task.seed == 0:
                found.setdefault(task.series, {})[task.loss.lam] = outcome(task, result)
    return found


def _outcomes(experiments: Sequence[Experiment], store: Store | None = None) -> list[Outcome]:
    return [outcome(e, require(e, store or Store.default())) for e in experiments]
