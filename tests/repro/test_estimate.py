"""How long a plan will take, estimated from similar runs and printed in the plan, which runs nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from repro import cli
from repro.experiments import FIGURES, PROFILES, Experiment, PeerSweep, Store, Variant, everything, profile_of
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
    """Store just enough of a result to say how long it took."""
    result = {
        "experiment": json.loads(experiment.canonical),
        "seconds": {"train": train, "evaluate": evaluate},
    }
    store.result_path(experiment).write_text(json.dumps(result))


# --- seconds


def test_a_run_takes_what_like_runs_took(store: Store) -> None:
    """The median of the seconds per crop, times its crops and steps, plus the median of the seconds of measuring."""
    for lam, train, evaluate in ((0.01, 80.0, 20.0), (0.02, 160.0, 30.0), (0.04, 800.0, 90.0)):
        took(store, replace(VGG, loss=replace(VGG.loss, lam=lam)), train, evaluate)
    assert VGG.recipe.steps == 800
    for steps, batch in ((800, 4), (1600, 4), (10, 8)):
        other = replace(VGG, recipe=replace(VGG.recipe, steps=steps, batch=batch, seed=1))
        assert Estimate(store).seconds(other) == pytest.approx(0.05 * batch * steps + 30)


@pytest.mark.parametrize(
    "other", [TABLES, TRAINED, CPU.run(Variant("lstm"), 0.02)], ids=["method", "trunk", "recurrent"]
)
def test_only_like_runs_are_asked(other: Experiment, store: Store) -> None:
    alone = Estimate(store).seconds(other)
    took(store, VGG, 80_000.0, 2_000.0)
    assert Estimate(store).seconds(other) == alone


@pytest.mark.parametrize("profile", PROFILES)
def test_every_run_of_every_profile_has_an_estimate(profile: str, store: Store) -> None:
    wanted = everything(profile)
    assert all(Estimate(store).seconds(w) > 0 for w in wanted)


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
    """A broken file is reported when its result is needed; an estimate from other runs' times does without it."""
    (store.data / "results" / "0123456789abcdef.json").write_text(text)
    assert plan_of(store, monkeypatch, capsys)[-1].startswith("about ")
