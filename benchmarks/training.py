"""Fig. 11: steps per second of real trainings, read back from the event files that they write for TensorBoard.

Each training is the beginning of a long one, stopped after a few steps. The methods take turns, so that what slows the
machine for a while slows all of them. The plain step of the paper's equations is timed beside them, by itself.
"""

from __future__ import annotations

import functools
import itertools
import multiprocessing
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

import paired
from repro.data import crop_pool, photos
from repro.model import LearnedJPEG, ModelSettings
from repro.training import PAPER_RECIPE, Pool, Recipe, batch_indices, new_model, precomputed_pool, train
from step import CROPS, LOSS, RECIPE
from twin import plain_twin

METHODS = {
    "vgg19": "VGG-19",
    "resnet152-block1": "ResNet-152 block 1",
    "resnet152-block7": "ResNet-152 block 7",
}
REFERENCE = "vgg19"
#: Steps between rows of the log. Those before the first row warm up, and are not counted.
LOG_EVERY = 3
#: The plain step is slow: it is taken once for this many of ours.
PLAIN_EVERY = 5
REMARK = "random weights: the time of a step does not depend on their values"


@dataclass(frozen=True)
class Setting:
    """A group of bars: who takes the step (``train`` or ``plain``), whether the trunk is trained, and the recipe."""

    program: str
    trunk: str
    precision: str
    paper: bool

    @property
    def label(self) -> str:
        """The group's name."""
        who = "plain step, " if self.program == "plain" else ""
        return f"{who}trunk {self.trunk}, {'32 bits' if self.precision == '32-true' else 'bfloat16'}"

    @property
    def recipe(self) -> Recipe:
        """The paper's recipe, or the fast one with the paper's batch."""
        return replace(PAPER_RECIPE if self.paper else RECIPE, precision=self.precision, log_every=LOG_EVERY)

    def model(self, method: str) -> ModelSettings:
        """The model that is trained."""
        return ModelSettings(
            method=method,
            pretrained=False,
            rounding="third-order" if self.paper else "straight-through",
            table_param="paper" if self.paper else "log",
            trunk_trained=self.trunk == "trained",
        )


SETTINGS = (
    Setting("train", "trained", "32-true", True),
    Setting("train", "trained", "bf16-mixed", False),
    Setting("train", "frozen", "bf16-mixed", False),
    Setting("plain", "trained", "32-true", True),
)

#: (setting, method) → seconds per step, one for each interval between rows of the log (``plain``: for each step).
Times = dict[tuple[Setting, str], list[float]]


def training(quick: bool) -> list[dict[str, Any]]:
    """A row per setting and method: seconds per step, steps per second, and ResNet's speed relative to VGG-19's."""
    methods = ("resnet152-block1",) if quick else tuple(METHODS)
    settings, rounds, steps = (SETTINGS[2:], 1, 3 * LOG_EVERY) if quick else (SETTINGS, 3, 5 * LOG_EVERY)
    crops = crop_pool(photos("train"), 8 if quick else CROPS, size=224, seed=0)
    times: Times = {(setting, method): [] for setting in settings for method in methods}
    spawn = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="repro-bench-")))
        # separate processes: our training tunes the memory of its process, which must not help the other
        by = {name: stack.enter_context(ProcessPoolExecutor(1, spawn)) for name in ("train", "plain")}
        work: dict[str, Callable[..., list[float]]] = {
            "train": functools.partial(logged, folder=folder),
            "plain": timed,
        }
        for turn in range(rounds):
            for setting, method in list(times)[:: -1 if turn % 2 else 1]:
                done = by[setting.program].submit(work[setting.program], setting, method, crops, steps)
                times[setting, method] += done.result()
    return [_row(times, setting, method) for setting, method in times]


def _row(times: Times, setting: Setting, method: str) -> dict[str, Any]:
    mine, reference = times[setting, method], times.get((setting, REFERENCE), [])
    name = f"{METHODS[method]}, {setting.label}"
    more: dict[str, Any] = {
        "method": method,
        "program": setting.program,
        "trunk": setting.trunk,
        "precision": setting.precision,
        "steps_per_second": paired.spread([1 / seconds for seconds in mine]),
        "steps": len(mine) * (1 if setting.program == "plain" else LOG_EVERY),
        "remark": REMARK,
    }
    if method == REFERENCE or not reference:
        return {"name": name, "seconds": paired.spread(mine), **more}
    return paired.row(name, mine, reference, against=f"{METHODS[REFERENCE]}, same setting", **more)


class _Enough(Exception):
    """The training has run for as long as was wanted."""


def logged(setting: Setting, method: str, crops: torch.Tensor, steps: int, *, folder: Path) -> list[float]:
    """Seconds per step of a training that is stopped after ``steps``, from its event file."""

    def stop(step: int, model: LearnedJPEG) -> None:
        if step >= steps:
            raise _Enough

    pool = _pool(setting, method, folder, crops)
    with tempfile.TemporaryDirectory(dir=folder) as out:
        with suppress(_Enough):
            train(setting.model(method), LOSS, setting.recipe, pool, folder=Path(out), observe=stop)
        return seconds_a_step(Path(out, "tensorboard"))


_POOLS: dict[tuple[Setting, str], Pool] = {}


def _pool(setting: Setting, method: str, folder: Path, crops: torch.Tensor) -> Pool:
    """The crops with their precomputed values, made once in this process, as ``repro train`` makes them."""
    if (setting, method) not in _POOLS:
        model = new_model(setting.model(method), setting.recipe)
        _POOLS[setting, method] = precomputed_pool(crops, model, LOSS, setting.recipe.dtype, folder)
    return _POOLS[setting, method]


def seconds_a_step(folder: Path, tag: str = "loss") -> list[float]:
    """Wall seconds per step between successive rows of ``tag`` in TensorBoard's event files in ``folder``.

    What comes before the first row, start and warm-up, is not counted.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-untyped]

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    rows = events.Scalars(tag)
    return [(b.wall_time - a.wall_time) / (b.step - a.step) for a, b in itertools.pairwise(rows)]


def timed(setting: Setting, method: str, crops: torch.Tensor, steps: int) -> list[float]:
    """Seconds of each plain step, after one as a warm-up; one step for every ``PLAIN_EVERY`` of ``steps``."""
    step, recipe = _plain(setting, method), setting.recipe
    found = []
    for number in range(1 + steps // PLAIN_EVERY):
        x = crops[batch_indices(number, len(crops), recipe.batch, recipe.seed)].float()
        found.append(paired.seconds(functools.partial(step, x)))
    return found[1:]


@functools.cache
def _plain(setting: Setting, method: str) -> Callable[[torch.Tensor], float]:
    return plain_twin(new_model(setting.model(method), setting.recipe), LOSS, setting.recipe)
