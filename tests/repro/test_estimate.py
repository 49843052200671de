"""How long a plan will take: from what like runs took, else from the benchmark; told by a plan, which runs nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repro import cli
from repro.errors import ReproError
from repro.experiments import FIGURES, PROFILES, Experiment, PeerSweep, Store, Variant, everything, profile_of
from repro.experiments.bench import BENCH, load
from repro.experiments.estimate import Estimate, hours

CPU = profile_of("cpu")
VGG, TABLES = CPU.run(Variant("vgg16"), 0.02), CPU.run(Variant("tables"), 0.02)
TRAINED = CPU.run(Variant("vgg16", trunk_trained=True), 0.02)
SWEEP = PeerSweep("pillow-444", (10, 20, 30))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "data" / "results").mkdir(parents=True)
    return Store(tmp_path / "data", tmp_path / "runs")


def took(store: Store, experiment: Experiment, train: float, evaluate: float) -> None:
    """Store as much of a result as says how long it took."""
    result = {
        "experiment": json.loads(experiment.canonical),
        "seconds": {"train": train, "evaluate": evaluate},
    }
    store.result_path(experiment).write_text(json.dumps(result))


def benched(store: Store, **seconds: float) -> None:
    """Store a benchmark of the training step: name → seconds."""
    rows: list[dict[str, Any]] = [{"name": name, "seconds": {"median": s}} for name, s in seconds.items()]
    table = {"rows": [*rows, {"name": "a row without a time"}], "provenance": {}}
    (store.data / BENCH).write_text(json.dumps({"step": table}))


# --- seconds


def test_a_run_takes_what_like_runs_took(store: Store) -> None:
    """The median of seconds a step, times its steps, and of measuring."""
    for lam, train, evaluate in ((0.01, 80.0, 20.0), (0.02, 160.0, 30.0), (0.04, 800.0, 90.0)):
        took(store, replace(VGG, loss=replace(VGG.loss, lam=lam)), train, evaluate)
    assert VGG.recipe.steps == 800
    for steps in (800, 1600, 10):
        other = replace(VGG, recipe=replace(VGG.recipe, steps=steps, seed=1))
        assert Estimate(store).seconds(other) == pytest.approx(0.2 * steps + 30)


@pytest.mark.parametrize(
    "other",
    [TABLES, TRAINED, replace(VGG, recipe=replace(VGG.recipe, batch=8)), CPU.run(Variant("lstm"), 0.02)],
    ids=["method", "trunk", "batch", "recurrent"],
)
def test_only_like_runs_are_asked(other: Experiment, store: Store) -> None:
    alone = Estimate(store).seconds(other)
    took(store, VGG, 80_000.0, 2_000.0)
    assert Estimate(store).seconds(other) == alone


def test_without_like_runs_the_benchmark_is_asked(store: Store) -> None:
    """Its step is of eight crops, ours of four; VGG-16 costs what VGG-19 does, nearly."""
    benched(store, **{"VGG-19, frozen": 0.5, "VGG-19, trained": 3.0, "LSTM": 0.25, "tables alone": 0.125})
    evaluation = Estimate(store).seconds(TABLES) - 0.125 / 2 * TABLES.recipe.steps
    assert 10 < evaluation < 100, "measuring takes its time, too"
    for experiment, a_step in (
        (VGG, 0.25),
        (TRAINED, 1.5),
        (CPU.run(Variant("lstm"), 0.02), 0.125),
        (replace(VGG, recipe=replace(VGG.recipe, batch=8)), 0.5),
        (replace(VGG, model=replace(VGG.model, method="vgg19")), 0.25),
    ):
        expected = a_step * experiment.recipe.steps + evaluation
        assert Estimate(store).seconds(experiment) == pytest.approx(expected)
    took(store, VGG, 80.0, 20.0)
    assert Estimate(store).seconds(VGG) == pytest.approx(100), "what a run took goes before"


@pytest.mark.parametrize("profile", PROFILES)
def test_every_run_of_every_profile_has_an_estimate(profile: str, store: Store) -> None:
    wanted = everything(profile)
    assert all(Estimate(store).seconds(w) > 0 for w in wanted)
    names = {f"{n}, {t}" for n in ("VGG-19", "ResNet-152 block 1", "ResNet-152 block 7") for t in ("trained", "frozen")}
    benched(store, **dict.fromkeys({*names, "tables alone", "LSTM", "BiLSTM"}, 0.0))
    learned = [w for w in wanted if isinstance(w, Experiment)]
    longest = max(Estimate(store).seconds(w) / (1 + len(w.snapshots)) for w in learned)
    assert longest < 100, "the benchmark has a row for each kind of run"


# --- the plan


def plan_of(store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *more: str) -> list[str]:
    monkeypatch.setitem(FIGURES, "5", lambda profile: [VGG, TABLES, SWEEP])
    before = sorted(store.data.rglob("*"))
    call = ["reproduce", "--figure", "5", "--dry-run", "--store", str(store.data), *more]
    monkeypatch.setattr("repro.experiments.reproduce", lambda *_: pytest.fail("a plan runs nothing"))
    assert cli.run(call) == 0
    assert sorted(store.data.rglob("*")) == before, "and writes nothing"
    return capsys.readouterr().out.splitlines()


def test_a_plan_says_how_long_each_and_all_take(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    took(store, replace(VGG, loss=replace(VGG.loss, lam=0.3)), 7000.0, 200.0)
    took(store, replace(TABLES, loss=replace(TABLES.loss, lam=0.3)), 600.0, 60.0)
    head, *lines, last = plan_of(store, monkeypatch, capsys)
    assert head == "figure 5, profile cpu: 3 of 3 results are missing"
    assert set(lines) == {
        f"  {VGG.key}  {VGG.describe()}, about 2.0 h",
        f"  {TABLES.key}  {TABLES.describe()}, about 11 min",
        f"  {SWEEP.key}  {SWEEP.describe()}, about {hours(Estimate(store).seconds(SWEEP))}",
    }
    total = 7200 + 660 + Estimate(store).seconds(SWEEP)
    assert last == f"about {hours(total)} one after the other"


def test_a_plan_counts_only_the_steps_that_are_left(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    took(store, replace(VGG, loss=replace(VGG.loss, lam=0.3)), 7000.0, 200.0)
    monkeypatch.setattr("repro.experiments.step_reached", lambda e, _: VGG.recipe.steps // 2 if e == VGG else 0)
    *_, last = plan_of(store, monkeypatch, capsys)
    left = 3700 + Estimate(store).seconds(TABLES) + Estimate(store).seconds(SWEEP)
    assert last == f"about {hours(left)} one after the other"


@pytest.mark.parametrize("text", ["{broken", "[]", "3", '{"experiment": {}}', '{"experiment": {"model": 1}}'])
def test_a_plan_is_made_beside_what_is_broken(
    text: str, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who needs a broken file is told; whoever only wants to know how long others took goes without it."""
    for path in (store.data / BENCH, store.data / "results" / "0123456789abcdef.json"):
        path.write_text(text)
    with pytest.raises(ReproError):
        load(store)
    assert plan_of(store, monkeypatch, capsys)[-1].startswith("about ")
