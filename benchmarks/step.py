"""The training step: ours against the plain one."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

import paired
from repro.data import crop_pool, photos
from repro.losses import LossWeights
from repro.model import ModelSettings
from repro.training import Pool, Recipe, batch_indices, new_model, precomputed_pool
from repro.training.step import Stepper
from twin import plain_twin

#: Label, method, whether the trunk is trained, and the least ratio of our step's speed to the plain step's.
METHODS: tuple[tuple[str, str, bool, float | None], ...] = (
    ("tables alone", "tables", False, None),
    ("VGG-19, frozen", "vgg19", False, 8.0),
    ("VGG-19, trained", "vgg19", True, 2.5),
    ("ResNet-152 block 1, frozen", "resnet152-block1", False, None),
    ("ResNet-152 block 1, trained", "resnet152-block1", True, None),
    ("ResNet-152 block 7, frozen", "resnet152-block7", False, None),
    ("ResNet-152 block 7, trained", "resnet152-block7", True, None),
    ("LSTM", "lstm", False, 3.0),
    ("BiLSTM", "bilstm", False, None),
)
CROPS = 16
CPU = torch.device("cpu")
#: The paper's batch and crop size; everything else is the fast recipe.
RECIPE = Recipe(batch=8, steps=1000)
LOSS = LossWeights(lam=0.02)


def steps(quick: bool) -> list[dict[str, Any]]:
    """A row per method: seconds of a step, and the relative difference of the two losses before the first step."""
    crops = crop_pool(photos("train"), CROPS, size=224, seed=0)
    chosen = METHODS[:1] if quick else METHODS
    with tempfile.TemporaryDirectory(prefix="repro-bench-") as folder:
        return [_row(*method, crops, Path(folder), rounds=2 if quick else 15) for method in chosen]


def settings_of(method: str, trained: bool) -> ModelSettings:
    """The model to be timed. Its weights are random, which does not affect the time."""
    return ModelSettings(method=method, pretrained=False, rounding="straight-through", trunk_trained=trained)


def ready(settings: ModelSettings, recipe: Recipe, crops: torch.Tensor, folder: Path) -> tuple[Stepper, Pool]:
    """Our step for a new model, set up on the CPU, and the crops with their precomputed values, in ``folder``."""
    model = new_model(settings, recipe)
    stepper = Stepper(model, LOSS, recipe, Fabric(accelerator="cpu", devices=1))
    stepper.set_up()
    return stepper, precomputed_pool(crops, model, LOSS, recipe.dtype, folder)


def _row(
    label: str, method: str, trained: bool, at_least: float | None, crops: torch.Tensor, folder: Path, rounds: int
) -> dict[str, Any]:
    settings = settings_of(method, trained)
    losses = {"ours": list[float](), "plain": list[float]()}
    with _process(_our_steps, settings, crops, folder) as ours, _process(_plain_steps, settings, crops) as theirs:
        work = {
            "ours": lambda: losses["ours"].append(ours(len(losses["ours"]))),
            "plain": lambda: losses["plain"].append(theirs(len(losses["plain"]))),
        }
        times = paired.interleaved(work, rounds=rounds, warm_up=3, name=label)
    return paired.row(
        label,
        times["ours"],
        times["plain"],
        against="plain step",
        at_least=at_least,
        loss_difference=abs(losses["ours"][0] / losses["plain"][0] - 1),
    )


@contextmanager
def _process(steps: Callable[..., None], *arguments: Any) -> Iterator[Callable[[int], float]]:
    """A function that takes the step of a number, and returns its loss. It runs in a process of its own: our step
    tunes the memory and threads of its process, which must not help the other."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=steps, args=(there, *arguments))
    process.start()

    def step(number: int) -> float:
        here.send(number)
        return here.recv()

    try:
        yield step
    finally:
        here.send(None)
        process.join()


def _our_steps(orders: Connection, settings: ModelSettings, crops: torch.Tensor, folder: Path) -> None:
    stepper, pool = ready(settings, RECIPE, crops, folder)
    with pool.reading_ahead(_chosen, CPU) as batches:
        while (number := orders.recv()) is not None:
            orders.send(float(stepper(number, batches(number))["loss"]))


def _plain_steps(orders: Connection, settings: ModelSettings, crops: torch.Tensor) -> None:
    step = plain_twin(new_model(settings, RECIPE), LOSS, RECIPE)
    while (number := orders.recv()) is not None:
        orders.send(step(crops[_chosen(number)].float()))


def _chosen(step: int) -> torch.Tensor:
    return batch_indices(step, CROPS, RECIPE.batch, RECIPE.seed)
