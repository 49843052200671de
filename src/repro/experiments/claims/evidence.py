"""What verdicts are computed from: stored curves of every seed, logs, snapshots and times, read on demand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from repro.evaluation import Curve
from repro.experiments import bench, paper
from repro.experiments.claims import recurrent, steps
from repro.experiments.claims.own_rate import COUNTING, PLAIN, OwnRate
from repro.experiments.registry import LSTM_RATES, experiments_of
from repro.experiments.settings import Experiment, PeerSweep
from repro.experiments.store import Store, require, stored_runs, stored_seeds, sweep_curve


@dataclass(frozen=True)
class Evidence:
    """What is stored at a profile, read on demand. Raises :class:`ReproError` if something is missing.

    ``first_steps``: for profile ``paper``, use the runs as they were after their first steps, whatever their rates.
    """

    profile: str = "cpu"
    store: Store = field(default_factory=Store.default)
    first_steps: bool = False
    _read: dict[str, Any] = field(default_factory=dict, compare=False)

    def seeds(self, *figures: str) -> Mapping[str, tuple[Curve, ...]]:
        """Series → its curve for each seed. If several figures have a series, the one with most seeds counts."""
        found: dict[str, tuple[Curve, ...]] = {}
        for figure in figures:
            if figure not in self._read:
                self._read[figure] = stored_seeds(figure, self.profile, self.store)
            for name, curves in self._read[figure].items():
                found[name] = max(found.get(name, ()), curves, key=len)
        return found

    def compared(self, *figures: str) -> Mapping[str, tuple[Curve, ...]] | OwnRate:
        """What judges compare: :meth:`seeds`, or by the paper's own recipe whatever pairs of models are stored."""
        return self.own_rate(figures[-1]) if self.profile == "paper" else self.seeds(*figures)

    def own_rate(self, figure: str) -> OwnRate:
        """The stored models by the paper's recipe, of all figures. Errors name the command that runs ``figure``."""
        runs: dict[str, dict[float, Any]] = {}
        for run, result in self.begun() if self.first_steps else self.by_the_paper():
            runs.setdefault(run.series.removesuffix(paper.BEGUN), {})[run.loss.lam] = result["images"]
        planned: dict[str, set[float]] = {}
        for run in paper.runs("all"):
            planned.setdefault(run.series, set()).add(run.loss.lam)
        command = f"repro reproduce --profile paper --figure {figure}"
        return OwnRate(runs, self.plain().counted(COUNTING), command, anywhere=self.first_steps, planned=planned)

    def by_the_paper(self) -> list[tuple[Experiment, dict[str, Any]]]:
        """The stored runs of profile ``paper``, most important first, each with its result."""
        return self._stored(paper.runs("all"))

    def begun(self) -> list[tuple[Experiment, dict[str, Any]]]:
        """The stored runs of the first pair of profile ``paper`` after their first steps, each with its result."""
        return self._stored(paper.first_pair_begun())

    def _stored(self, runs: list[Experiment]) -> list[tuple[Experiment, dict[str, Any]]]:
        found = [(run, self.store.load(run)) for run in runs]
        return [(run, result) for run, result in found if result is not None]

    def plain(self) -> Curve:
        """The curve of plain JPEG, in bits of the file."""
        if PLAIN not in self._read:
            sweep = next(e for e in experiments_of("5", "paper") if isinstance(e, PeerSweep) and e.encoder == PLAIN)
            self._read[PLAIN] = sweep_curve(sweep, require(sweep, self.store))
        curve: Curve = self._read[PLAIN]
        return curve

    def first(self, *figures: str) -> dict[str, Curve]:
        """Series → its first seed's curve, for plots."""
        return {name: curves[0] for name, curves in self.seeds(*figures).items()}

    def parts(self, figure: str, part: str) -> dict[str, dict[float, Any]]:
        """Series → λ → one ``part`` of the first seed's result."""
        return stored_runs(figure, self.profile, part, self.store)

    def on_the_way(self) -> dict[str, steps.Means]:
        """ "with attention" and "without attention" → the means of Figs. 13 and 14, step by step."""
        runs = {name: next(iter(r.values())) for name, r in self.parts("13", "snapshots").items()}
        named = {"without attention" if name.startswith("tables") else "with attention": r for name, r in runs.items()}
        return {name: steps.means(snapshots) for name, snapshots in named.items()}

    def lstm_logs(self) -> dict[float, recurrent.Log]:
        """Learning rate → log of the LSTM's run."""
        logs = self.parts("15", "log")
        return {rate: next(iter(logs[f"lstm, learning rate {rate:.0e}"].values())) for rate in LSTM_RATES}

    @property
    def times(self) -> dict[str, dict[str, Any]]:
        """The stored benchmarks."""
        return bench.load(self.store)
