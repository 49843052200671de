"""Twelve models of one sweep: together, as `repro reproduce --jobs` trains them, against one after another."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

import paired
from repro.data import crop_pool, photos
from repro.experiments.run import Here
from repro.losses import LossWeights
from repro.model import ModelSettings
from repro.training import Recipe, new_model, precomputed_pool, train
from repro.training.step import Stepper
from step import CPU, ready

SETTINGS = ModelSettings(method="vgg16", rounding="straight-through", start=2.0)
LAMBDAS = tuple(0.001 * 1.6**i for i in range(12))


@dataclass(frozen=True)
class Scale:
    """How many models, steps and crops; the published sweeps have 400 steps and 512 crops per model."""

    models: int = 12
    steps: int = 50
    crops: int = 64

    @property
    def recipe(self) -> Recipe:
        """The fast recipe, shortened."""
        return Recipe(steps=self.steps, checkpoint_every=self.steps)


def sweep(quick: bool) -> list[dict[str, Any]]:
    """Two rows: from nothing, where each model is a command that also prepares its inputs; and the steps alone.

    A third row shows what one batched step for all models would bring: the loss of many pictures at once.
    """
    scale = Scale(2, 2, 4) if quick else Scale()
    rows = [_from_nothing(scale), _steps_alone(scale)]
    return rows if quick else [*rows, _batched()]


def _from_nothing(scale: Scale) -> dict[str, Any]:
    lambdas = LAMBDAS[: scale.models]
    with tempfile.TemporaryDirectory(prefix="repro-bench-") as folder:

        def alone() -> None:
            for i, lam in enumerate(lambdas):
                code = f"import sweep; sweep.one({lam}, {str(Path(folder, f'alone{i}'))!r}, sweep.{scale})"
                subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, check=True)

        def together() -> None:
            prepare(Path(folder, "together"), scale)
            jobs = torch.get_num_threads()
            for _, error in Here(jobs).each(
                partial(one, folder=str(Path(folder, "together")), scale=scale), {str(lam): lam for lam in lambdas}
            ):
                if error is not None:
                    raise error

        times = paired.interleaved({"together": together, "alone": alone}, rounds=1, warm_up=0, name="sweep")
    name = f"{scale.models} models, from nothing"
    return paired.row(
        name,
        times["together"],
        times["alone"],
        against="a command each",
        at_least=2.0 if scale.models == 12 else None,
        remark=f"{scale.steps} steps on {scale.crops} crops each; VGG-16, frozen",
    )


def prepare(folder: Path, scale: Scale) -> Any:
    """The crops with their precomputed values, from ``folder`` or made there."""
    crops = crop_pool(photos("train"), scale.crops, seed=0)
    model = new_model(SETTINGS, scale.recipe)
    return precomputed_pool(crops, model, LossWeights(lam=1), scale.recipe.dtype, folder)


def one(lam: float, folder: str, scale: Scale) -> None:
    """Train one of the models."""
    train(SETTINGS, LossWeights(lam=lam), scale.recipe, prepare(Path(folder), scale))


def _steps_alone(scale: Scale) -> dict[str, Any]:
    """With everything prepared: one process on all cores against one process per core, each training its own model."""
    with tempfile.TemporaryDirectory(prefix="repro-bench-") as folder:
        prepare(Path(folder), scale)
        jobs = torch.get_num_threads()
        items = {str(i): i for i in range(2 * jobs)}
        many = partial(_timed, folder=folder, scale=scale)
        with tempfile.TemporaryDirectory(prefix="repro-bench-") as notes:
            for _, error in Here(jobs).each(partial(many, notes=notes), items):
                if error is not None:
                    raise error
            together = [float(Path(notes, name).read_text()) / jobs for name in items]
        with tempfile.TemporaryDirectory(prefix="repro-bench-") as notes:
            for i in items.values():
                many(i, notes=notes)
            alone = [float(Path(notes, name).read_text()) for name in items]
    return paired.row(
        "a model's steps, one process a core", together, alone, against="one process on all cores", steps=scale.steps
    )


def _timed(index: int, folder: str, scale: Scale, notes: str) -> None:
    trained = train(SETTINGS, LossWeights(lam=LAMBDAS[index]), scale.recipe, prepare(Path(folder), scale))
    Path(notes, str(index)).write_text(str(trained.seconds))


def _batched() -> dict[str, Any]:
    """A step of 12 × 4 crops against twelve steps of 4: what one batched step for twelve models could save."""
    crops = crop_pool(photos("train"), 48, seed=0)
    programs = {}
    with tempfile.TemporaryDirectory(prefix="repro-bench-") as folder:
        for batch in (48, 4):
            stepper, pool = ready(SETTINGS, Recipe(batch=batch), crops, Path(folder))
            batches = [pool.batch(part, CPU) for part in torch.arange(48).split(batch)]
            programs[batch] = partial(_each, stepper, batches)
        times = paired.interleaved({str(k): p for k, p in programs.items()}, rounds=5, name="batched")
    return paired.row("12 models' crops in one batch", times["48"], times["4"], against="4 crops at a time")


def _each(stepper: Stepper, batches: list[Any]) -> None:
    for batch in batches:
        stepper(0, batch)
