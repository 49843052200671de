"""From settings, crops and a seed to a trained model: steps, log, checkpoints, TensorBoard."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

from repro.errors import ReproError
from repro.jpeg.tables import quality_tables
from repro.losses import LossWeights
from repro.model import LearnedJPEG, ModelSettings
from repro.progress import bar
from repro.runtime import processor
from repro.training import checkpoint
from repro.training.board import Board
from repro.training.devices import one_device
from repro.training.pool import Pool
from repro.training.recipe import Recipe, batch_indices
from repro.training.step import Stepper


@dataclass
class Trained:
    """A trained model, its log (one row of numbers every ``log_every`` steps), the seconds that training took, and the
    machines that it ran on, each with its first step."""

    model: LearnedJPEG
    log: list[dict[str, float]]
    seconds: float
    machines: list[dict[str, str | int]]


def new_model(settings: ModelSettings, recipe: Recipe) -> LearnedJPEG:
    """A model before training; what is random in it depends on ``recipe.seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = LearnedJPEG(settings)
    if recipe.tables_start:
        model.tables.set(quality_tables(recipe.tables_start))
    return model


def train(
    settings: ModelSettings,
    loss: LossWeights,
    recipe: Recipe,
    crops: torch.Tensor | Pool,
    *,
    folder: Path | None = None,
    made_of: Mapping[str, str] | None = None,
    fabric: Fabric | None = None,
    observe: Callable[[int, LearnedJPEG], None] | None = None,
    micro_batch: int | None = None,
    compile: bool = False,
) -> Trained:
    """Minimise λ d + r (Eq. 7) over the model's tables and attention.

    crops
        (n, 3, S, S) uint8 RGB, or a :class:`~repro.training.Pool` with precomputed features. MS-SSIM needs S ≥ 161;
        the paper has S = 224.
    folder
        for checkpoints and TensorBoard's logs; a run found there is resumed. None: nothing is written.
    made_of
        what the run depends on besides the settings (code, photos, weights): name → value or hash. A checkpoint made
        of others is refused.
    observe
        called as ``observe(step, model)`` before the first step and at each row of the log (for films, Fig. 13).
    micro_batch, compile
        change how a step is computed, not what it computes: see :class:`~repro.training.step.Stepper`.

    Raises :class:`ReproError` if the loss or the weights are no longer finite (the last good checkpoint is kept, and
    named), if a checkpoint is found that cannot be resumed or is past ``recipe.steps``, or if memory runs out;
    :class:`UsageError` if ``recipe.batch`` does not divide over the processes or ``micro_batch`` is below 1.
    """
    fabric = fabric or one_device("cpu")
    pool = crops if isinstance(crops, Pool) else Pool(crops)
    stepper = Stepper(new_model(settings, recipe), loss, recipe, fabric, micro_batch)
    run, path = checkpoint.Progress(), folder / "checkpoint.safetensors" if folder else None
    made_of = {"settings": json.dumps([_chosen(s) for s in (settings, loss, recipe)]), **(made_of or {})}
    if path and path.exists():
        run = checkpoint.restore(path, made_of, stepper.raw, stepper.optimiser)
        if run.step > recipe.steps:
            raise ReproError(
                f"{path}: a run that is at step {run.step} already, past {recipe.steps}; move it away, or ask for more"
            )
    elif path and fabric.is_global_zero:  # marks the folder as this run's from the start
        checkpoint.save(path, made_of, stepper.raw.learned_state(), stepper.optimiser, run)
    run.goes_on_with(processor(fabric.device) | {"products": str(stepper.dtype).removeprefix("torch.")})
    stepper.set_up(compile=compile)
    started, before, model = time.perf_counter(), run.seconds, stepper.raw

    def chosen(step: int) -> torch.Tensor:
        """This process's share of the step's crops."""
        return batch_indices(step, len(pool), recipe.batch, recipe.seed)[fabric.global_rank :: fabric.world_size]

    with ExitStack() as stack:
        progress = stack.enter_context(bar(recipe.steps, f"train {settings.method} λ={loss.lam:g}"))
        board = stack.enter_context(Board(folder / "tensorboard")) if folder and fabric.is_global_zero else None
        batches = stack.enter_context(pool.reading_ahead(chosen, fabric.device))
        progress.update(run.step)
        if observe and run.step == 0:
            observe(0, model)
        while run.step < recipe.steps:
            batch = batches(run.step)
            logged = (run.step + 1) % recipe.log_every == 0 or run.step + 1 == recipe.steps
            terms = stepper(run.step, batch, tell=logged)
            _check(terms["loss"], "the loss is", run.step, path)
            run.step += 1
            progress.update()
            if logged:
                run.log.append({"step": float(run.step), **stepper.mean(terms)})
                progress.set_postfix(loss=f"{run.log[-1]['loss']:.3g}")
                if board is not None:
                    board.show(model, run.log[-1], batch.x.float(), recipe.steps)
                if observe:
                    observe(run.step, model)
            run.seconds = before + time.perf_counter() - started
            if path and fabric.is_global_zero and (run.step % recipe.checkpoint_every == 0 or run.step == recipe.steps):
                learned = model.learned_state()
                _check(
                    torch.stack([v.float().sum() for v in learned.values()]).sum(), "weights add up to", run.step, path
                )
                checkpoint.save(path, made_of, learned, stepper.optimiser, run)
    return Trained(model, run.log, run.seconds, run.machines)


def _chosen(settings: ModelSettings | LossWeights | Recipe) -> dict[str, Any]:
    """The settings that differ from their defaults, by name, so that adding a setting keeps older checkpoints valid.

    How often a checkpoint is written is left out, and the number of steps too if the learning rate is constant: a run
    can then resume from where a shorter one ended.
    """
    differing = {f.name: getattr(settings, f.name) for f in fields(settings) if getattr(settings, f.name) != f.default}
    left_out = {"checkpoint_every"} | ({"steps"} if differing.get("schedule") == "constant" else set())
    return {name: differing[name] for name in sorted(differing) if name not in left_out}


def _check(value: torch.Tensor, what: str, step: int, path: Path | None) -> None:
    """Raise :class:`ReproError`, naming the step and what is kept, if ``value`` is not finite."""
    if not torch.isfinite(value):
        kept = f"last good checkpoint: {path}, step {checkpoint.step_of(path)}" if path else "nothing was stored"
        raise ReproError(
            f"training stopped at step {step}: {what} {float(value)}; {kept}; try a smaller λ or a lower learning rate"
        )
