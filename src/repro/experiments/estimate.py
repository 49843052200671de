"""Estimate how long a run will take from stored runs of the same kind."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from repro.experiments.settings import Experiment, PeerSweep, Task
from repro.experiments.store import Store

#: Seconds per crop and step, and to measure 24 photos, if no run of the kind is stored.
_CROP, _EVALUATION = 0.1, 30.0
#: Seconds for a peer at one quality on all photos, for one file of an ablation, and of slow ones; number of photos.
_QUALITY, _FILE, _SLOW_FILES, _PHOTOS = 15.0, 1.0, {"best": 6.0}, 24


@dataclass(frozen=True)
class Estimate:
    """Seconds of one run on one core, or on whatever the stored runs used."""

    store: Store

    def seconds(self, task: Task, reached: int = 0) -> float:
        """Seconds to train ``task`` from step ``reached`` on, and to measure it."""
        if isinstance(task, PeerSweep):
            return _QUALITY * len(task.qualities)
        if not isinstance(task, Experiment):
            return _PHOTOS * len(task.qualities) * _SLOW_FILES.get(task.encoder, _FILE)
        steps, evaluations = task.recipe.steps - reached, 1 + sum(at >= reached for at in task.snapshots)
        like = self._runs.get((task.model.method, task.model.trunk_trained), [(_CROP, _EVALUATION)])
        a_crop, an_evaluation = (median(values) for values in zip(*like, strict=True))
        return steps * task.recipe.batch * a_crop + evaluations * an_evaluation

    @cached_property
    def _runs(self) -> dict[tuple[str, bool], list[tuple[float, float]]]:
        """(method, whether its trunk is trained) → (seconds per crop and step, and to measure) of each stored run."""
        found: dict[tuple[str, bool], list[tuple[float, float]]] = {}
        for path in sorted((self.store.data / "results").glob("*.json")):
            try:
                result = json.loads(path.read_text())
                made, recipe = result["experiment"]["model"], result["experiment"]["recipe"]
                a_crop = result["seconds"]["train"] / (recipe["steps"] * recipe["batch"])
                kind = made["method"], made["trunk_trained"]
                found.setdefault(kind, []).append((a_crop, result["seconds"]["evaluate"]))
            except (ValueError, KeyError, TypeError):
                continue  # not a result of a run; if it should be one, loading it reports the error
        return found


def hours(seconds: float) -> str:
    """ "40 s", "12 min" or "3.4 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
