"""How long will it take? From what like runs took, else from the benchmark of the training step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any

from repro.errors import ReproError
from repro.experiments import bench
from repro.experiments.settings import EncoderSweep, Experiment, PeerSweep, Task
from repro.experiments.store import Store

#: What a measurement of 24 photos takes where none is stored, and a peer's file at one quality on each of them.
_EVALUATION, _QUALITY = 30.0, 15.0
#: What a file of an ablation takes to make and to measure where none is stored, and how many photos there are.
_FILE, _SLOW_FILES, _PHOTOS = 1.0, {"best": 5.0}, 24
#: The benchmark's batch, and its names of methods.
_BATCH = 8
_BENCHED = {
    ("tables", False): "tables alone",
    ("lstm", False): "LSTM",
    ("bilstm", False): "BiLSTM",
    **{
        (method, trained): f"{name}, {'trained' if trained else 'frozen'}"
        for method, name in {
            "vgg16": "VGG-19",
            "vgg19": "VGG-19",
            "resnet152-block1": "ResNet-152 block 1",
            "resnet152-block7": "ResNet-152 block 7",
        }.items()
        for trained in (False, True)
    },
}


@dataclass(frozen=True)
class Estimate:
    """Seconds of one run on one core, or on whatever the stored runs had."""

    store: Store

    def seconds(self, task: Task, reached: int = 0) -> float:
        """Of training ``task`` from step ``reached`` on, and measuring it."""
        if isinstance(task, PeerSweep):
            return _QUALITY * len(task.qualities)
        if isinstance(task, EncoderSweep):
            guessed = _PHOTOS * _SLOW_FILES.get(task.ablation, _FILE)
            return len(task.qualities) * self._sweeps.get(task.key, self._sweeps.get(task.ablation, guessed))
        steps, evaluations = task.recipe.steps - reached, 1 + sum(at >= reached for at in task.snapshots)
        like = self._runs.get(_kind(task.model.method, task.model.trunk_trained, task.recipe.batch))
        if like:
            a_step, an_evaluation = (median(values) for values in zip(*like, strict=True))
            return steps * a_step + evaluations * an_evaluation
        return steps * self._benched(task) + evaluations * _EVALUATION

    @cached_property
    def _runs(self) -> dict[str, list[tuple[float, float]]]:
        """Kind of run → (seconds a step, seconds of measuring) of each stored one."""
        found: dict[str, list[tuple[float, float]]] = {}
        for path in sorted((self.store.data / "results").glob("*.json")):
            try:
                result = json.loads(path.read_text())
                made, recipe = result["experiment"]["model"], result["experiment"]["recipe"]
                a_step = result["seconds"]["train"] / recipe["steps"]
                took = (a_step, result["seconds"]["evaluate"])
                found.setdefault(_kind(made["method"], made["trunk_trained"], recipe["batch"]), []).append(took)
            except (ValueError, KeyError, TypeError):
                continue  # not a result of a run; if it should be one, loading it reports the error
        return found

    @cached_property
    def _sweeps(self) -> dict[str, float]:
        """Key, or ablation alone → seconds that one quality took on all photos, where such a sweep is stored."""
        found: dict[str, float] = {}
        for path in sorted((self.store.data / "results" / "ablations").glob("*.json")):
            try:
                result = json.loads(path.read_text())
                files = [len(photo["points"]) for photo in result["photos"].values()]
                seconds = len(files) * result["seconds"] / sum(files)
                found[f"ablations/{path.stem}"] = found[result["ablation"]] = seconds
            except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError):
                continue
        return found

    def _benched(self, task: Experiment) -> float:
        rows: Mapping[str, Any] = self._steps
        name = _BENCHED[task.model.method, task.model.trunk_trained]
        return float(rows[name]) * task.recipe.batch / _BATCH if name in rows else 1.0

    @cached_property
    def _steps(self) -> dict[str, float]:
        try:
            table = bench.load(self.store).get("step", {"rows": []})
        except ReproError:
            return {}
        return {row["name"]: row["seconds"]["median"] for row in table["rows"] if "seconds" in row}


def hours(seconds: float) -> str:
    """ "40 s", "12 min" or "3.4 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _kind(method: str, trained: bool, batch: int) -> str:
    return f"{method} {trained} {batch}"
