"""After a rewrite: what came out the same is stamped, what did not is named, and what can be kept is kept."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repro import cli
from repro.experiments import Crops, Experiment, PeerSweep, Store, Wanted, plan, reproduce
from repro.experiments.fingerprint import code_of, why_stale
from repro.experiments.vouch import stale, vouch
from repro.losses import LossWeights
from repro.model import ModelSettings
from repro.training import Recipe

RUN = importlib.import_module("repro.experiments.run")
ONE = Experiment(
    series="tables",
    profile="smoke",
    model=ModelSettings(),
    loss=LossWeights(lam=0.02),
    recipe=Recipe(steps=2, batch=2, log_every=1),
    crops=Crops(count=4, size=168, split="hdrplus"),
    evaluation="hdrplus",
)
OTHER = replace(ONE, loss=LossWeights(lam=0.1))
SWEEP = PeerSweep("pillow-444", (15, 40), "hdrplus")
EVERY: list[Wanted] = [ONE, OTHER, SWEEP]


@pytest.fixture
def store(folder: Path, tmp_path: Path) -> Store:
    """Three results, all of which other code has made."""
    place = Store(tmp_path / "data", tmp_path / "runs")
    assert reproduce(EVERY, place, folder) == {}
    for wanted in EVERY:
        change(place, wanted, code=code_of(wanted) | {"evaluation.measure": "00000000", "jpeg.dct": "00000000"})
    return place


def change(place: Store, wanted: Wanted, **parts: Any) -> None:
    path = place.result_path(wanted)
    path.write_text(json.dumps(json.loads(path.read_text()) | parts))


def test_a_kind_is_what_the_same_code_makes(store: Store) -> None:
    kinds = stale(EVERY, store)
    assert sorted(len(members) for members in kinds.values()) == [1, 2]
    assert [ONE, OTHER] in kinds.values() and [SWEEP] in kinds.values()


def test_what_comes_out_the_same_is_stamped(store: Store, folder: Path) -> None:
    assert plan(EVERY, store) != []
    assert vouch(EVERY, store, folder) == {}
    assert plan(EVERY, store) == [] and stale(EVERY, store) == {}
    stamped = store.load(OTHER)
    assert stamped is not None and stamped["vouched"]["repeated"] == ONE.key, "of two alike one was repeated"
    assert stamped["provenance"] == json.loads(store.result_path(OTHER).read_text())["provenance"]


def test_one_whose_model_is_at_hand_is_repeated(store: Store, folder: Path) -> None:
    store.checkpoint_path(min([ONE, OTHER], key=lambda w: w.recipe.steps)).unlink()
    assert vouch([ONE, OTHER], store, folder) == {}
    stamped = store.load(ONE)
    assert stamped is not None and stamped["vouched"]["repeated"] == OTHER.key


def test_a_run_whose_model_was_not_kept_is_judged_by_its_log(store: Store, folder: Path) -> None:
    store.checkpoint_path(ONE).unlink()
    store.checkpoint_path(OTHER).unlink()
    assert vouch([ONE, OTHER], store, folder) == {}
    result = store.read(ONE)
    assert result is not None
    result["log"][1]["loss"] *= 1.02
    change(store, ONE, log=result["log"], code={"jpeg.dct": "00000000"})
    assert "step 2: loss was" in next(iter(vouch([ONE], store, folder).values()))


@pytest.mark.parametrize("what", ["log", "images"])
def test_what_comes_out_otherwise_is_named_and_left(what: str, store: Store, folder: Path) -> None:
    result = store.read(ONE)
    assert result is not None
    if what == "log":
        result["log"][1]["loss"] *= 1.02
        says = "step 2: loss was"
    else:
        result["images"]["a.png"]["mse"] *= 1.01
        says = "mse was"
    for wanted in (ONE, OTHER):
        change(store, wanted, **({what: result[what]} if wanted == ONE else {}))
    failed = vouch([ONE, OTHER], store, folder)
    assert len(failed) == 1 and says in next(iter(failed.values())) and ONE.key in next(iter(failed.values()))
    assert plan([ONE, OTHER], store) == [ONE, OTHER], "nothing was stamped"


def test_other_photographs_cannot_be_vouched_for(store: Store) -> None:
    result = store.read(ONE)
    assert result is not None
    sample = replace(ONE, evaluation="sample")
    path = store.result_path(sample)
    path.write_text(json.dumps(result | {"experiment": json.loads(sample.canonical)}))
    assert "other photographs" in why_stale(sample, result | {"code": code_of(sample)})
    assert stale([sample], store) == {}


def test_only_measuring_changed_so_nothing_is_trained_again(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = store.read(ONE)
    assert before is not None
    change(store, ONE, code=code_of(ONE) | {"evaluation.measure": "00000000"})
    monkeypatch.setattr(RUN, "train", lambda *_, **__: pytest.fail("trained again"))
    assert reproduce([ONE], store, folder) == {}
    after = store.load(ONE)
    assert after is not None and after["images"] == before["images"] and after["log"] == before["log"]
    assert after["provenance"]["measured"]["date"] and after["seconds"]["train"] == before["seconds"]["train"]


def test_other_training_code_trains_again(store: Store, folder: Path) -> None:
    change(store, ONE, code=code_of(ONE) | {"losses": "00000000"}, log=[])
    assert reproduce([ONE], store, folder) == {}
    after = store.load(ONE)
    assert after is not None and len(after["log"]) == 2 and "measured" not in after["provenance"]


def test_a_deleted_result_comes_back_the_same(store: Store, folder: Path) -> None:
    """Same seed, same machine: the same numbers, also where nothing of the run is left."""
    before = store.read(ONE)
    assert before is not None
    store.result_path(ONE).unlink()
    store.checkpoint_path(ONE).unlink()
    afresh = Store(store.data, store.scratch.parent / "elsewhere")
    assert plan([ONE], afresh) == [ONE] and reproduce([ONE], afresh, folder) == {}
    after = afresh.load(ONE)
    assert after is not None
    assert {k: after[k] for k in ("images", "tables", "log")} == {k: before[k] for k in ("images", "tables", "log")}


def test_the_command_says_what_is_stale_and_repeats_nothing_when_asked(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Store, "default", classmethod(lambda cls: store))
    monkeypatch.setattr("repro.experiments.everything", lambda profile: EVERY)
    assert cli.run(["vouch", "--dry-run", "--profile", "smoke"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 2 and sum("2 made by other code" in line for line in out) == 1
    assert plan(EVERY, store) != []
