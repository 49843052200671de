"""Where results are kept, and the curves that they make."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro.errors import ReproError
from repro.evaluation import Curve
from repro.experiments.registry import Experiment, PeerSweep, Wanted, experiments_of


@dataclass(frozen=True)
class Store:
    """Where results are kept and where runs work: ``data/`` and ``runs/`` of the checkout unless told otherwise."""

    data: Path
    scratch: Path

    @classmethod
    def default(cls) -> Store:
        """The checkout that the package is installed from; else the folder where the program was started."""
        root = Path(__file__).resolve().parents[3]
        root = root if (root / "pyproject.toml").exists() else Path.cwd()
        return cls(root / "data", root / "runs")

    def result_path(self, wanted: Wanted) -> Path:
        folder = "results/peers" if isinstance(wanted, PeerSweep) else "results"
        return self.data / folder / f"{wanted.key}.json"

    def checkpoint_path(self, experiment: Experiment) -> Path:
        return self.data / "checkpoints" / f"{experiment.key}.safetensors"

    def load(self, wanted: Wanted) -> dict[str, Any] | None:
        """The stored result, or None. Raises :class:`ReproError` where the file is broken or another's."""
        path = self.result_path(wanted)
        if not path.exists():
            return None
        try:
            result = json.loads(path.read_text())
            if isinstance(wanted, PeerSweep):
                held = [{point["setting"] for point in photo["points"]} for photo in result["photos"].values()]
                return result if all(settings.issuperset(wanted.qualities) for settings in held) else None
            stored = result["experiment"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ReproError(f"{path}: not a result of this program; delete it and run `repro reproduce`") from error
        if json.dumps(stored, sort_keys=True, separators=(",", ":")) != wanted.canonical:
            raise ReproError(f"{path}: holds another experiment than its name; delete it and run `repro reproduce`")
        return result


def stored_results(figure: str, profile: str, store: Store | None = None) -> list[tuple[Wanted, dict[str, Any]]]:
    """What ``figure`` needs, each with its stored result. Raises :class:`ReproError` where one is missing."""
    place = store or Store.default()
    found = []
    for wanted in experiments_of(figure, profile):
        result = place.load(wanted)
        if result is None:
            command = f"repro reproduce --figure {figure} --profile {profile}"
            raise ReproError(f"{place.result_path(wanted)}: no stored result; run `{command}`")
        found.append((wanted, result))
    return found


def stored_curves(figure: str, profile: str, store: Store | None = None) -> dict[str, Curve]:
    """Series name → its curve, from stored results alone. Raises :class:`ReproError` where one is missing."""
    peers = {}
    for wanted, result in stored_results(figure, profile, store):
        if isinstance(wanted, PeerSweep):
            chosen = {
                photo: tuple(p for p in kept["points"] if p["setting"] in wanted.qualities)
                for photo, kept in result["photos"].items()
            }
            peers[wanted.codec] = Curve(result["name"], chosen)
    runs = stored_runs(figure, profile, "images", store)
    return peers | {name: Curve.from_runs(name, by_lambda) for name, by_lambda in runs.items()}


def stored_runs(figure: str, profile: str, part: str, store: Store | None = None) -> dict[str, dict[float, Any]]:
    """Series name → λ → one ``part`` of the trained model's result: "images", "log", "tables", "seconds", …"""
    runs: dict[str, dict[float, Any]] = {}
    for wanted, result in stored_results(figure, profile, store):
        if not isinstance(wanted, PeerSweep):
            runs.setdefault(wanted.series, {})[wanted.loss.lam] = result[part]
    return runs
