"""Where results are kept, and curves from stored results."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro.errors import ReproError
from repro.evaluation import Curve
from repro.experiments.numerics import why_stale
from repro.experiments.registry import experiments_of
from repro.experiments.settings import Experiment, PeerSweep, Sweep, Task


@dataclass(frozen=True)
class Store:
    """Where results are kept and where runs work: ``data/`` and ``runs/`` of the checkout by default."""

    data: Path
    scratch: Path

    @classmethod
    def default(cls) -> Store:
        """The store in the checkout that the package is installed from, or else in the current folder."""
        root = Path(__file__).resolve().parents[3]
        root = root if (root / "pyproject.toml").exists() else Path.cwd()
        return cls(root / "data", root / "runs")

    def result_path(self, task: Task) -> Path:
        """Path of the task's result, which need not exist yet."""
        return self.data / "results" / f"{task.key}.json"

    def checkpoint_path(self, experiment: Experiment) -> Path:
        """Path of the trained model, which need not exist yet."""
        return self.data / "checkpoints" / f"{experiment.key}.safetensors"

    def forget(self, task: Task) -> None:
        """Remove the state of an interrupted run or sweep."""
        if isinstance(task, Experiment):
            shutil.rmtree(self.scratch / task.folder, ignore_errors=True)
        else:
            (self.scratch / f"{task.key}.json").unlink(missing_ok=True)

    def load(self, task: Task) -> dict[str, Any] | None:
        """The stored result; None if there is none, if it lacks qualities of a sweep, or if it is stale.

        Raises :class:`ReproError` if the file is broken or holds another experiment.
        """
        result = self.read(task)
        return None if result is None or why_stale(task, result) else result

    def read(self, task: Task) -> dict[str, Any] | None:
        """As :meth:`load`, but return a stale result as well."""
        path = self.result_path(task)
        if not path.exists():
            return None
        try:
            result = json.loads(path.read_text())
            if not isinstance(task, Experiment):
                held = [{point["setting"] for point in photo["points"]} for photo in result["photos"].values()]
                enough = all(settings.issuperset(task.qualities) for settings in held)
                return result if enough else None
            stored = result["experiment"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ReproError(f"{path}: not a result of this program; delete it and run `repro reproduce`") from error
        if json.dumps(stored, sort_keys=True, separators=(",", ":")) != task.canonical:
            raise ReproError(f"{path}: holds another experiment than its name; delete it and run `repro reproduce`")
        return result


def stored_results(figure: str, profile: str, store: Store | None = None) -> list[tuple[Task, dict[str, Any]]]:
    """Each task of ``figure`` with its stored result. Raises :class:`ReproError` if one is missing or stale."""
    place, command = store or Store.default(), f"repro reproduce --figure {figure} --profile {profile}"
    return [(task, require(task, place, command)) for task in experiments_of(figure, profile)]


def require(task: Task, store: Store, command: str = "repro reproduce") -> dict[str, Any]:
    """The stored result. Raises :class:`ReproError`, naming the file and ``command``, if it is missing or stale."""
    result = store.read(task)
    reason = "no stored result" if result is None else why_stale(task, result)
    if result is None or reason:
        raise ReproError(f"{store.result_path(task)}: {reason}; run `{command}`")
    return result


def stored_curves(figure: str, profile: str, store: Store | None = None) -> dict[str, Curve]:
    """Series name → its curve (of models, the first seed's), from stored results alone.

    Raises :class:`ReproError` if one is missing or stale.
    """
    return {name: curves[0] for name, curves in stored_seeds(figure, profile, store).items()}


def sweep_curve(task: Sweep, result: Mapping[str, Any]) -> Curve:
    """The curve of a sweep's stored result, at the qualities of ``task``."""
    images = {
        photo: tuple(point for point in kept["points"] if point["setting"] in task.qualities)
        for photo, kept in result["photos"].items()
    }
    return Curve(result["name"], images)


def stored_seeds(figure: str, profile: str, store: Store | None = None) -> dict[str, tuple[Curve, ...]]:
    """Series name → its curve for each seed that was run, first seed first; peers have one curve."""
    found: dict[str, tuple[Curve, ...]] = {}
    runs: dict[tuple[int, str], dict[float, Any]] = {}
    for task, result in stored_results(figure, profile, store):
        if isinstance(task, PeerSweep):
            found[task.encoder] = (sweep_curve(task, result),)
        elif isinstance(task, Experiment):
            runs.setdefault((task.seed, task.series), {})[task.loss.lam] = result["images"]
    for (_, name), by_lambda in sorted(runs.items(), key=lambda run: run[0][0]):
        found[name] = (*found.get(name, ()), Curve.from_runs(name, by_lambda))
    return found


def stored_runs(figure: str, profile: str, part: str, store: Store | None = None) -> dict[str, dict[float, Any]]:
    """Series name → λ → one ``part`` of the first seed's result: "images", "log", "tables", …"""
    runs: dict[str, dict[float, Any]] = {}
    for task, result in stored_results(figure, profile, store):
        if isinstance(task, Experiment) and task.seed == 0:
            runs.setdefault(task.series, {})[task.loss.lam] = result[part]
    return runs
