"""Experiments: what a result is named by, what is computed and never twice, and the messages if something is wrong."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from safetensors.torch import load_file

from chapters.tables import origin
from repro import cli, codecs, runtime
from repro.data import crop_pool, photos
from repro.errors import ReproError, UsageError
from repro.evaluation import evaluate_model, measure
from repro.evaluation.measure import MEASURED
from repro.experiments import (
    FIGURES,
    Crops,
    Experiment,
    PeerSweep,
    Store,
    Task,
    experiments_of,
    inputs,
    numerics,
    plan,
    reproduce,
    run,
    stored_curves,
    stored_runs,
    with_seed,
)
from repro.experiments.numerics import why_stale
from repro.files import sha256_bytes, sha256_file
from repro.jpeg.tables import quality_tables
from repro.losses import LossWeights
from repro.model import ModelSettings, load_checkpoint
from repro.training import Recipe, new_model, train
from repro.training.pool import trunk_features

#: The module: in the package, its name stands for the function.
RUN = importlib.import_module("repro.experiments.run")
#: Two steps on four crops of two small pictures, measured on the shipped photographs.
TINY = Experiment(
    series="tables, tiny",
    profile="smoke",
    model=ModelSettings(),
    loss=LossWeights(lam=0.02),
    recipe=Recipe(steps=2, batch=2, log_every=1),
    crops=Crops(count=4, size=168, split="hdrplus"),
    evaluation="sample",
)
#: The same, but measured on the two pictures that it was trained on, which takes a second less.
QUICK = replace(TINY, evaluation="hdrplus")
#: MS-SSIM does not take such small crops, so training stops at the first step.
FAILING = replace(QUICK, crops=replace(QUICK.crops, size=64))
SWEEP = PeerSweep("pillow-444", (15, 40), "hdrplus")
#: What the fixture ``done`` stores.
DONE: list[Task] = [replace(SWEEP, evaluation="sample"), TINY, replace(TINY, loss=LossWeights(lam=0.1))]


@pytest.fixture(scope="module")
def done(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with the results of :data:`DONE`."""
    place = Store(tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("runs"))
    assert reproduce(DONE, place, folder) == {}
    return place


def in_figure_5(monkeypatch: pytest.MonkeyPatch, *wanted: Task) -> None:
    monkeypatch.setitem(FIGURES, "5", lambda profile: list(wanted))


def contents(place: Path) -> dict[str, tuple[int, bytes]]:
    """Map every file below ``place`` to its modification time and content."""
    return {str(p): (p.stat().st_mtime_ns, p.read_bytes()) for p in sorted(place.rglob("*")) if p.is_file()}


def same_model(one: Path, other: Path) -> bool:
    """Whether two checkpoints hold the same bits (their headers are not always written in the same order)."""
    ours, theirs = load_file(one), load_file(other)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


# --- keys


def variants(settings: Any) -> Iterator[tuple[str, Any]]:
    """Yield ``settings`` with one field changed, for every field, also of nested settings."""
    other = {"schedule": "constant", "precision": "32-true"}  # strings that are checked when they are set
    for field in fields(settings):
        value = getattr(settings, field.name)
        if is_dataclass(value):
            for name, changed in variants(value):
                yield f"{field.name}.{name}", replace(settings, **{field.name: changed})
        else:
            if isinstance(value, bool):
                changed = not value
            elif isinstance(value, tuple):
                changed = (*value, 7)
            else:
                changed = other.get(field.name, f"{value}-2") if isinstance(value, str) else value + 1
            yield field.name, replace(settings, **{field.name: changed})


def test_equal_experiments_have_equal_keys() -> None:
    recipe, crops = Recipe(steps=2, batch=2, log_every=1), Crops(4, 168, 0, "hdrplus")
    again = Experiment("another label", "smoke", ModelSettings(), LossWeights(0.02), recipe, crops, "sample")
    assert again != TINY and again.key == TINY.key, "the label is for legends alone"
    one, other = (replace(TINY, loss=LossWeights(lam=lam)) for lam in (1, 1.0))
    assert one.key == other.key, "whole weights are the same numbers"
    assert re.fullmatch(r"[0-9a-f]{16}", TINY.key)


def test_any_other_field_changes_the_key() -> None:
    keys = {name: changed.key for name, changed in variants(TINY)}
    assert keys.pop("series") == TINY.key
    assert {"profile", "evaluation", "model.method", "loss.sigma", "recipe.seed", "crops.split"} <= keys.keys()
    assert len({TINY.key, *keys.values()}) == 1 + len(keys), "two different experiments share a key"


def test_golden_key() -> None:
    """The key of one experiment of figure 5. If keys changed, no stored result would be found any more."""
    experiment = Experiment(
        "a label",
        "cpu",
        ModelSettings("vgg16", "third-order", "log", False, True, False, 2.0),
        LossWeights(0.02, 500.0, 1000.0, 10.0, 1.0),
        Recipe(400, 4, 0.03, 1e-3, "cosine", 25, 0, "32-true", 10, 100),
        Crops(512, 224, 0, "train"),
        "kodak",
        (0, 10),
    )
    assert experiment.key == "7091f8f1e78acdf1"
    told = {k: v for k, v in asdict(experiment).items() if k != "series"}
    assert told["model"].pop("trunk_input") == "imagenet" and told["model"].pop("keep_dc") is False
    assert json.loads(experiment.canonical) == json.loads(json.dumps(told))
    other = replace(experiment, model=replace(experiment.model, trunk_input="unit"))
    assert json.loads(other.canonical)["model"]["trunk_input"] == "unit" and other.key != experiment.key


def test_another_seed_is_another_experiment() -> None:
    other = with_seed(TINY, 7)
    assert (other.recipe.seed, other.crops.seed) == (7, 7)
    assert other.key != TINY.key and with_seed(other, 0) == TINY


# --- the figures


def test_what_is_unknown_is_refused_with_the_choice() -> None:
    with pytest.raises(UsageError, match="unknown figure '99'; choose from 5, 7, 8, 10, 13, 15, ours, tuning, encoder"):
        experiments_of("99", "cpu")
    with pytest.raises(UsageError, match="figure 12 is a measurement of time; run `make bench`"):
        experiments_of("12", "cpu")
    assert experiments_of("14", "cpu") == experiments_of("13", "cpu"), "two figures of the same runs"
    with pytest.raises(UsageError, match="unknown profile 'fast'; choose from smoke, cpu, paper"):
        experiments_of("5", "fast")


# --- the store


@pytest.mark.parametrize("wanted", [TINY, SWEEP], ids=["model", "peer"])
@pytest.mark.parametrize("text", ["", '{"experiment": {"prof', "[]", '{"name": "p", "photos": []}', "\xff"])
def test_a_broken_result_is_told(store: Store, wanted: Task, text: str) -> None:
    path = store.result_path(wanted)
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ReproError, match="not a result of this program; delete it") as caught:
        store.load(wanted)
    assert str(caught.value).startswith(f"{path}: ")


def test_another_experiments_result_is_told(store: Store) -> None:
    path = store.result_path(TINY)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"experiment": json.loads(QUICK.canonical)}))
    with pytest.raises(ReproError, match="holds another experiment than its name") as caught:
        store.load(TINY)
    assert str(caught.value).startswith(f"{path}: ")
    path.write_text(json.dumps({"experiment": json.loads(TINY.canonical), "log": []}, indent=3))
    assert (store.read(TINY) or {})["log"] == [], "how the JSON is laid out does not matter"


def test_a_sweep_lacks_what_was_not_measured(store: Store) -> None:
    path = store.result_path(SWEEP)
    path.parent.mkdir(parents=True)
    points = {"a.png": [{"setting": 15}, {"setting": 40}], "b.png": [{"setting": 15}]}
    photos_ = {name: {"sha256": "0", "points": held} for name, held in points.items()}
    path.write_text(json.dumps({"name": "p", "photos": photos_}))
    assert store.read(SWEEP) is None, "a photo lacks quality 40"
    assert store.read(replace(SWEEP, qualities=(15,))) is not None, "more than was asked for does no harm"


# --- results that no longer fit the code, photos or weights


def _changed(result: dict[str, Any], what: str) -> dict[str, Any]:
    """``result`` as other code, photos or weights would have made it."""
    changed = json.loads(json.dumps(result))
    if what == "training":
        changed["numerics"]["training"] -= 1
    elif what == "no version":
        del changed["numerics"]
    elif what == "photos":
        changed["provenance"]["data"]["evaluation"]["sha256"] = "0" * 64
    elif what == "weights":
        changed["provenance"]["weights"] = {"vgg16": "a file (sha256 000000000000)"}
    return changed


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("training", "made by another version of the code (training)"),
        ("no version", "made by another version of the code (training, evaluation)"),
        ("photos", "made with other photos (sample)"),
        ("weights", "made with other weights (vgg16)"),
    ],
)
def test_a_stale_result_is_refused_by_name_and_run_again(
    what: str, says: str, done: Store, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = done.load(TINY)
    assert stored is not None and why_stale(TINY, stored) == ""
    path = store.result_path(TINY)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(_changed(stored, what)))
    assert store.load(TINY) is None and plan([TINY], store) == [TINY]
    in_figure_5(monkeypatch, TINY)
    with pytest.raises(ReproError) as caught:
        stored_curves("5", "smoke", store)
    assert str(caught.value) == f"{path}: {says}; run `repro reproduce --figure 5 --profile smoke`"


def test_plan_has_each_missing_result_once(done: Store, store: Store) -> None:
    relabelled = replace(QUICK, series="the same under another name")
    planned = plan([QUICK, SWEEP, relabelled, SWEEP, FAILING, QUICK], store)
    assert [e.key for e in planned] == [SWEEP.key, QUICK.key, FAILING.key]
    long, again = replace(QUICK, recipe=replace(QUICK.recipe, steps=5)), with_seed(QUICK, 1)
    assert plan([long, again, QUICK], store) == [QUICK, again, long], "short ones first, further seeds later"
    assert plan([*DONE, QUICK], done) == [QUICK]
    assert not list(store.data.parent.glob("*")), "to plan is not to write"


# --- a whole run


def test_a_result_has_all_that_made_it(done: Store, folder: Path) -> None:
    result = json.loads(done.result_path(TINY).read_text())
    assert result["key"] == TINY.key and result["experiment"] == json.loads(TINY.canonical)
    sample = photos("sample")
    assert list(result["images"]) == [photo.name for photo in sample]
    measured = {"bpp", "bpp_paper", "bpp_sequential", *MEASURED}
    assert all(point.keys() == measured and None not in point.values() for point in result["images"].values())
    assert [row["step"] for row in result["log"]] == [1, 2]
    assert all({"loss", "rate", "mse", "lpips", "ms_ssim", "d", "nonzero"} <= row.keys() for row in result["log"])
    assert np.shape(result["tables"]) == (2, 8, 8)
    assert result["seconds"].keys() == {"train", "evaluate"} and min(result["seconds"].values()) > 0

    made = result["provenance"]
    here = runtime.provenance()
    for key in ("command", "commit", "python", "platform", "versions", "cpu", "cores", "threads", "gpu"):
        assert made[key] == here[key], key
    assert made["cpu"] and made["versions"]["torch"] == torch.__version__.partition("+")[0]
    assert datetime.now(UTC) - datetime.fromisoformat(made["date"]) < timedelta(hours=1)
    assert made["seed"] == 0 and made["weights"] == {}, "learned tables need no network's weights"
    trained_on = photos("hdrplus", folder)
    for role, photo_set in {"train": trained_on, "evaluation": sample}.items():
        described = {"name": photo_set.name, "source": photo_set.source, "sha256": photo_set.sha256}
        assert made["data"][role] == {**described, "count": len(photo_set)}, role
    lines = [f"{sha256_file(folder / 'hdrplus' / name)}  {name}\n" for name in ("a.png", "b.png")]
    assert made["data"]["train"]["sha256"] == sha256_bytes("".join(lines).encode())


def test_a_checkpoint_is_the_model_that_was_measured(done: Store) -> None:
    model, extra = load_checkpoint(done.checkpoint_path(TINY))
    result = done.load(TINY)
    assert result is not None and extra == {"experiment": TINY.key} and model.settings == TINY.model
    assert np.allclose(model.tables().detach().numpy(), result["tables"], atol=6e-4)
    assert not np.allclose(result["tables"], quality_tables(25)), "training has moved them"
    chelsea = photos("sample").items[1]
    assert evaluate_model(model, [chelsea]) == {"chelsea.png": pytest.approx(result["images"]["chelsea.png"], rel=1e-4)}


def test_a_sweep_is_measured_on_real_files(done: Store) -> None:
    sweep = DONE[0]
    held = json.loads(done.result_path(sweep).read_text())
    assert held["name"] == codecs.get("pillow-444").label
    assert held["provenance"]["data"]["evaluation"]["sha256"] == photos("sample").sha256
    chelsea = photos("sample").items[1]
    expected = measure(chelsea.rgb(), codecs.get("pillow-444").encode(chelsea.rgb(), 40))
    point = {k: v for k, v in held["photos"]["chelsea.png"]["points"][1].items() if k != "seconds"}
    assert point == pytest.approx({"setting": 40, **expected}, rel=1e-5)


def test_nothing_is_computed_twice(done: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("this was computed before")

    for name in ("train", "evaluate_model", "measure_sweep", "photos"):
        monkeypatch.setattr(RUN, name, never)
    monkeypatch.setattr(inputs, "crop_pool", never)
    before = contents(done.data)
    assert reproduce(DONE, done, folder) == {}
    for wanted in DONE:
        run(wanted, done, folder)
    assert contents(done.data) == before


def test_another_seed_draws_other_crops(folder: Path, tmp_path: Path) -> None:
    source = photos("hdrplus", folder)
    for seed in (0, 5, 0):
        pool, weights = inputs.inputs_of(with_seed(QUICK, seed), source, tmp_path)
        assert torch.equal(pool.crops, crop_pool(source, 4, size=168, seed=seed))
        assert pool.features is None and weights == {}, "tables alone have no network"
    assert len(list(tmp_path.glob("crops-*"))) == len(list(tmp_path.glob("perception-*"))) == 2


def test_a_frozen_trunk_is_asked_once(folder: Path, tmp_path: Path) -> None:
    network = replace(QUICK, model=ModelSettings(method="vgg16", pretrained=False))
    source = photos("hdrplus", folder)
    first, weights = inputs.inputs_of(network, source, tmp_path)
    expected = trunk_features(new_model(network.model, network.recipe), first.crops)
    assert expected is not None and torch.equal(first.features, expected) and weights == {"vgg16": "random"}
    made = sorted(p.stat().st_mtime_ns for p in tmp_path.rglob("*.npy"))
    again, _ = inputs.inputs_of(network, source, tmp_path)
    assert torch.equal(again.features, expected)
    assert sorted(p.stat().st_mtime_ns for p in tmp_path.rglob("*.npy")) == made
    trained_along = replace(network, model=replace(network.model, trunk_trained=True))
    moving, _ = inputs.inputs_of(trained_along, source, tmp_path)
    assert moving.features is None, "a trunk that changes is asked at every step"


def test_a_qualities_range_grows_without_measuring_again(folder: Path, store: Store, tmp_path: Path) -> None:
    run(SWEEP, store, folder)
    before = json.loads(store.result_path(SWEEP).read_text())["photos"]
    wider = replace(SWEEP, qualities=(15, 25, 40))
    assert plan([wider], store) == [wider]
    run(wider, store, folder)
    after = json.loads(store.result_path(SWEEP).read_text())["photos"]
    for name, photo in after.items():
        assert [p["setting"] for p in photo["points"]] == [15, 25, 40]
        assert photo["points"][::2] == before[name]["points"]
    assert plan([wider, SWEEP], store) == []
    fewer = tmp_path / "fewer"
    (fewer / "hdrplus").mkdir(parents=True)
    (fewer / "hdrplus" / "a.png").write_bytes((folder / "hdrplus" / "a.png").read_bytes())
    run(replace(SWEEP, qualities=(15, 50)), store, fewer)
    assert list(json.loads(store.result_path(SWEEP).read_text())["photos"]) == ["a.png"], "the other is no longer there"


def test_one_failure_does_not_stop_the_rest(folder: Path, store: Store) -> None:
    nowhere = replace(QUICK, evaluation="nowhere")
    too_large = replace(QUICK, crops=replace(QUICK.crops, size=400))
    failed = reproduce([FAILING, nowhere, too_large, QUICK, SWEEP], store, folder)
    assert failed.keys() == {FAILING.key, nowhere.key, too_large.key}
    assert "smaller than a crop of 400 px" in failed[too_large.key]
    assert "64×64 px; MS-SSIM" in failed[FAILING.key] and "unknown split 'nowhere'" in failed[nowhere.key]
    assert store.load(QUICK) is not None and store.load(SWEEP) is not None
    for e in (FAILING, nowhere):
        assert not store.result_path(e).exists() and not store.checkpoint_path(e).exists()
    assert plan([FAILING, nowhere, QUICK, SWEEP], store) == [FAILING, nowhere], "what failed is tried again"


class _Steps:
    """Counts the steps of trainings, and stops them, as Ctrl-C does, once ``stop_after`` are taken."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from repro.training.step import Stepper

        self.taken, self.stop_after = 0, -1
        descend = Stepper.__call__

        def counted(stepper: Stepper, *arguments: Any, **options: Any) -> dict[str, torch.Tensor]:
            if self.taken == self.stop_after:
                raise KeyboardInterrupt
            self.taken += 1
            return descend(stepper, *arguments, **options)

        monkeypatch.setattr(Stepper, "__call__", counted)


def test_a_run_that_was_cut_off_goes_on(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    longer = replace(QUICK, recipe=replace(QUICK.recipe, steps=5, checkpoint_every=2))
    whole, cut = (Store(tmp_path / name, tmp_path / name / "runs") for name in ("whole", "cut"))
    steps = _Steps(monkeypatch)
    assert reproduce([longer], whole, folder) == {} and steps.taken == 5
    steps.taken, steps.stop_after = 0, 3
    with pytest.raises(KeyboardInterrupt):
        reproduce([longer], cut, folder)
    assert cut.load(longer) is None and not cut.checkpoint_path(longer).exists()
    steps.taken, steps.stop_after = 0, -1
    assert reproduce([longer], cut, folder) == {}
    assert steps.taken == 3, "its last checkpoint was of step 2"
    ours, theirs = cut.load(longer), whole.load(longer)
    assert ours is not None and theirs is not None
    assert all(ours[key] == theirs[key] for key in ("images", "log", "tables"))
    assert same_model(cut.checkpoint_path(longer), whole.checkpoint_path(longer))


def test_a_run_that_other_code_began_is_refused(folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its checkpoint differs in its numbers, but may have cost hours: it is neither used nor deleted."""
    steps = _Steps(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setitem(numerics.NUMERICS, "training", 0)
        assert reproduce([QUICK], store, folder) == {} and steps.taken == 2
    assert store.load(QUICK) is None, "stale"
    state = store.scratch / QUICK.key / "checkpoint.safetensors"
    (error,) = reproduce([QUICK], store, folder).values()
    assert error.startswith(f"{state}: belongs to a run with other code; move it away") and steps.taken == 2
    state.rename(state.with_suffix(".old"))
    assert reproduce([QUICK], store, folder) == {} and steps.taken == 4, "it was trained again"
    assert store.load(QUICK) is not None
    store.result_path(QUICK).unlink()
    store.checkpoint_path(QUICK).unlink()
    assert reproduce([QUICK], store, folder) == {} and steps.taken == 4, "but not what today's code trained"


# --- snapshots during training

#: Measured before the first step, halfway and at the end; the only checkpoint comes after the second measurement.
FILMED = replace(QUICK, recipe=replace(QUICK.recipe, steps=4, checkpoint_every=4), snapshots=(0, 2, 4))


@pytest.fixture(scope="module")
def filmed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with the result of :data:`FILMED`."""
    place = Store(tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("runs"))
    assert reproduce([FILMED], place, folder) == {}
    return place


def test_snapshots_are_measurements_of_the_model_on_its_way(folder: Path, filmed: Store) -> None:
    result = filmed.load(FILMED)
    assert result is not None and list(result["snapshots"]) == ["0", "2", "4"]
    assert result["snapshots"]["4"] == result["images"], "the last is the result"
    pool, _ = inputs.inputs_of(FILMED, photos("hdrplus", folder), filmed.scratch / "cache")
    seen: dict[int, Any] = {}

    def observe(step: int, model: Any) -> None:
        seen[step] = evaluate_model(model, photos("hdrplus", folder)) if step in FILMED.snapshots else None

    train(FILMED.model, FILMED.loss, FILMED.recipe, pool, observe=observe)
    assert sorted(seen) == [0, 1, 2, 3, 4]
    assert {int(step): of for step, of in result["snapshots"].items()} == {step: seen[step] for step in (0, 2, 4)}


def test_snapshots_survive_a_cut(folder: Path, store: Store, filmed: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off after step 3, with no checkpoint yet, it starts again but measures only what has not been measured."""
    steps, measured = _Steps(monkeypatch), []

    def counted(model: Any, of: Any) -> Any:
        measured.append(steps.taken)
        return evaluate_model(model, of)

    monkeypatch.setattr(RUN, "evaluate_model", counted)
    steps.stop_after = 3
    with pytest.raises(KeyboardInterrupt):
        reproduce([FILMED], store, folder)
    kept = store.scratch / FILMED.key / "snapshots.json"
    assert measured == [0, 2] and list(json.loads(kept.read_text())) == ["0", "2"]
    steps.taken, steps.stop_after = 0, -1
    assert reproduce([FILMED], store, folder) == {}
    assert measured == [0, 2, 4, 4], "of step 4 its snapshot and its result"
    ours, theirs = store.load(FILMED), filmed.load(FILMED)
    assert ours is not None and theirs is not None
    assert all(ours[key] == theirs[key] for key in ("snapshots", "images", "log", "tables"))


def test_snapshots_before_a_checkpoint_are_not_lost(
    folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that resumes at step 2 does not see steps 0 and 2 again, and still has their snapshots."""
    filmed = replace(FILMED, recipe=replace(FILMED.recipe, checkpoint_every=2))
    steps = _Steps(monkeypatch)
    steps.stop_after = 3
    with pytest.raises(KeyboardInterrupt):
        reproduce([filmed], store, folder)
    steps.taken, steps.stop_after = 0, -1
    assert reproduce([filmed], store, folder) == {} and steps.taken == 2
    assert list((store.load(filmed) or {})["snapshots"]) == ["0", "2", "4"]


def test_a_long_run_goes_on_from_a_short_one(
    folder: Path, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a constant learning rate a step does not depend on how many follow, so two lengths share their first steps."""
    recipe = replace(FILMED.recipe, schedule="constant", checkpoint_every=1)
    short, long = (
        replace(FILMED, recipe=replace(recipe, steps=steps), snapshots=tuple(range(steps + 1))) for steps in (2, 4)
    )
    whole = Store(tmp_path / "whole", tmp_path / "whole" / "runs")
    assert reproduce([long], whole, folder) == {}
    steps = _Steps(monkeypatch)
    assert reproduce([long, short], store, folder) == {} and steps.taken == 4, "the short one first, then two more"
    ours, theirs, begun = store.load(long), whole.load(long), store.load(short)
    assert ours is not None and theirs is not None and begun is not None
    assert all(ours[key] == theirs[key] for key in ("snapshots", "images", "log", "tables"))
    assert same_model(store.checkpoint_path(long), whole.checkpoint_path(long))
    assert begun["images"] == theirs["snapshots"]["2"] and list(begun["snapshots"]) == ["0", "1", "2"]
    (error,) = reproduce([short], whole, folder).values()
    assert "a run that is at step 4 already, past 2" in error and steps.taken == 4


def test_runs_that_differ_from_their_first_step_share_nothing() -> None:
    constant = replace(QUICK, recipe=replace(QUICK.recipe, schedule="constant"))
    others = [
        QUICK,
        replace(QUICK, recipe=replace(QUICK.recipe, steps=3)),
        constant,
        with_seed(constant, 1),
        replace(constant, loss=LossWeights(lam=0.1)),
        replace(constant, recipe=replace(constant.recipe, lr_tables=1e-3)),
    ]
    assert len({e.folder for e in others}) == len(others)
    assert replace(constant, recipe=replace(constant.recipe, steps=3)).folder == constant.folder


def test_a_model_that_was_trained_is_not_trained_again(
    folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(RUN, "evaluate_model", cut)
        reproduce([QUICK], store, folder)
    steps = _Steps(monkeypatch)
    assert reproduce([QUICK], store, folder) == {} and steps.taken == 0
    result = store.load(QUICK)
    assert result is not None and len(result["log"]) == 2 and result["seconds"]["train"] > 0


def test_a_sweep_that_was_cut_off_goes_on(folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    peer = codecs.get("pillow-444")

    def cut(rgb: np.ndarray, quality: int) -> bytes:
        encoded.append(quality)
        if len(encoded) > 2:
            raise KeyboardInterrupt
        return peer.encode(rgb, quality)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setitem(codecs.CODECS, "pillow-444", replace(peer, _encode=cut))
        run(SWEEP, store, folder)
    assert plan([SWEEP], store) == [SWEEP], "one of two photos is not a curve"
    run(SWEEP, store, folder)
    assert set(json.loads(store.result_path(SWEEP).read_text())["photos"]) == {"a.png", "b.png"}


def test_a_new_way_of_measuring_trains_nothing(folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reproduce([QUICK], store, folder) == {}
    before = store.load(QUICK)
    assert before is not None
    old = before | {"numerics": before["numerics"] | {"evaluation": 0}}
    store.result_path(QUICK).write_text(json.dumps(old))
    monkeypatch.setattr(RUN, "train", lambda *_, **__: pytest.fail("trained again"))
    assert reproduce([QUICK], store, folder) == {}
    after = store.load(QUICK)
    assert after is not None and after["images"] == before["images"] and after["log"] == before["log"]
    assert after["provenance"]["measured"]["date"] and after["seconds"]["train"] == before["seconds"]["train"]


@pytest.mark.slow
def test_two_at_a_time_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    wanted: list[Task] = [QUICK, FAILING, replace(QUICK, loss=LossWeights(lam=0.1)), SWEEP]
    one, two = (Store(tmp_path / name, tmp_path / name / "runs") for name in ("one", "two"))
    before = torch.get_num_threads()
    # Each of two processes gets half of the cores, and sums of floats depend on the number of threads.
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))
    try:
        assert reproduce(wanted, one, folder).keys() == {FAILING.key}
    finally:
        torch.set_num_threads(before)
    failed = reproduce(wanted, two, folder, jobs=2)
    assert failed.keys() == {FAILING.key} and "64×64 px; MS-SSIM" in failed[FAILING.key]
    for e in (wanted[0], wanted[2]):
        assert isinstance(e, Experiment)
        ours, theirs = ({k: json.dumps((s.load(e) or {})[k]) for k in ("images", "log", "tables")} for s in (one, two))
        assert ours == theirs
        assert same_model(one.checkpoint_path(e), two.checkpoint_path(e))
    sweeps = [json.loads(s.result_path(SWEEP).read_text())["photos"] for s in (one, two)]
    assert without_seconds(sweeps[0]) == without_seconds(sweeps[1])


def without_seconds(photos: dict[str, Any]) -> dict[str, Any]:
    """A sweep's points without their times."""
    return {
        name: [{k: v for k, v in point.items() if k != "seconds"} for point in of["points"]]
        for name, of in photos.items()
    }


# --- what is drawn and said from stored results


def test_curves_come_from_stored_results_alone(done: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep, first, second = DONE
    assert isinstance(sweep, PeerSweep)
    in_figure_5(monkeypatch, replace(sweep, qualities=(40,)), first, second)
    curves = stored_curves("5", "smoke", done)
    assert list(curves) == ["pillow-444", "tables, tiny"]
    peer, learned = curves.values()
    assert peer.name == codecs.get("pillow-444").label
    for photo in photos("sample"):
        assert [p["setting"] for p in peer.images[photo.name]] == [40], "a quality that no one asked for stays out"
        by_lambda = {p["setting"]: p for p in learned.images[photo.name]}
        for e in (first, second):
            assert isinstance(e, Experiment)
            stored = (done.load(e) or {})["images"][photo.name]
            assert by_lambda.pop(e.loss.lam) == {**stored, "setting": e.loss.lam}
        assert not by_lambda


def test_a_missing_result_is_told_with_its_command(done: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    in_figure_5(monkeypatch, *DONE, QUICK)
    for ask in (stored_curves, origin, lambda figure, profile, store: stored_runs(figure, profile, "log", store)):
        with pytest.raises(ReproError, match=r"run `repro reproduce --figure 5 --profile smoke`") as caught:
            ask("5", "smoke", done)
        assert str(caught.value).startswith(f"{done.result_path(QUICK)}: no stored result")
        assert "\n" not in str(caught.value)


def test_origin_tells_every_variant(done: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results of two machines, seeds and networks: what holds for one is not said of all."""
    place = Store(tmp_path, tmp_path)
    network = replace(with_seed(TINY, 3), model=ModelSettings(method="vgg16"))
    (tmp_path / "results").mkdir()
    for e, changes in (
        (TINY, {}),
        (network, {"cpu": "Another", "gpu": None, "seed": 3, "weights": {"vgg16": "a file"}, "modified": True}),
    ):
        result = done.load(TINY) or {}
        result["provenance"] |= {"commit": "0123456789abcdef", "modified": False, "cpu": "One"} | changes
        result["seconds"] = {"train": 90.0, "evaluate": 30.0}
        place.result_path(e).write_text(json.dumps(result | {"experiment": json.loads(e.canonical)}))
    in_figure_5(monkeypatch, TINY, network)
    told = origin("5", "smoke", place)
    assert told["models"].endswith("; seed 0; seed 3")
    tables, vgg = told["recipe"].split("; ")
    assert tables == "tables: 2 steps of 2 crops, Adam at 0.03 (log tables), cosine"
    assert vgg == "vgg16: 2 steps of 2 crops, Adam at 0.03 (log tables), 0.001 (head), cosine"
    assert told["weights"] == "vgg16: a file"
    assert told["commit"] == "0123456789; 0123456789 and changes"
    assert told["machine"].startswith("One, ") and "; Another, " in told["machine"]
    assert told["time"] == "3 min of training, 1 min of measuring"


# --- repro reproduce


@pytest.fixture
def place(tmp_path: Path) -> Path:
    made = tmp_path / "store"
    made.mkdir()
    return made


def test_dry_run_prints_the_plan_and_runs_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_figure_5(monkeypatch, SWEEP, QUICK)
    assert cli.run(["reproduce", "--figure", "5", "--profile", "smoke", "--dry-run", "--store", str(place)]) == 0
    out, err = capsys.readouterr()
    head, *lines, total = out.splitlines()
    assert head == "figure 5, profile smoke: 2 of 2 results are missing"
    assert [line.partition(", about")[0] for line in lines] == [f"  {e.key}  {e.describe()}" for e in (SWEEP, QUICK)]
    assert total.startswith("about ") and total.endswith(" one after the other")
    assert err == "" and not list(place.iterdir())


def test_command_runs_what_is_missing_and_then_has_nothing_left(
    place: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_figure_5(monkeypatch, QUICK)
    call = ["reproduce", "--figure", "5", "--profile", "smoke", "--store", str(place), "--data", str(folder)]
    assert cli.run(call) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"stored 1 results in {place / 'results'}"
    assert Store(place, place / "runs").load(QUICK) is not None
    before = contents(place)
    for arguments in (call, [*call, "--dry-run"]):
        assert cli.run(arguments) == 0
        said = capsys.readouterr().out
        assert said == f"figure 5, profile smoke: 1 results stored in {place}; nothing left to do\n"
    assert contents(place) == before


def test_command_goes_on_with_what_was_cut_off_or_begins_anew(
    place: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    longer = replace(QUICK, recipe=replace(QUICK.recipe, steps=5, checkpoint_every=2))
    in_figure_5(monkeypatch, QUICK, longer)
    call = ["reproduce", "--figure", "5", "--profile", "smoke", "--store", str(place), "--data", str(folder)]
    steps = _Steps(monkeypatch)
    steps.stop_after = 2 + 3
    with pytest.raises(KeyboardInterrupt):
        reproduce([QUICK, longer], Store(place, place / "runs"), folder)
    capsys.readouterr()
    assert cli.run([*call, "--dry-run"]) == 0
    _, stored, begun, _ = capsys.readouterr().out.splitlines()
    assert stored == f"  {QUICK.key}  {QUICK.describe()}: stored"
    assert begun.startswith(f"  {longer.key}  {longer.describe()}, about ") and begun.endswith(", begun (step 2)")
    steps.taken, steps.stop_after = 0, -1
    assert cli.run([*call, "--resume"]) == 0 and steps.taken == 3
    Store(place, place / "runs").result_path(longer).unlink()
    Store(place, place / "runs").checkpoint_path(longer).unlink()
    assert cli.run([*call, "--restart"]) == 0 and steps.taken == 3 + 5


def test_a_sweep_that_was_cut_off_begins_anew_only_if_asked(
    place: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_figure_5(monkeypatch, SWEEP)
    call = ["reproduce", "--figure", "5", "--profile", "smoke", "--store", str(place), "--data", str(folder)]
    part = place / "runs" / f"{SWEEP.key}.json"
    part.parent.mkdir(parents=True)
    part.write_text("{}")
    monkeypatch.setattr("repro.experiments.reproduce", lambda *_: {})
    assert cli.run([*call, "--resume"]) == 0 and part.exists()
    assert cli.run([*call, "--restart"]) == 0 and not part.exists()


def test_command_runs_only_what_is_named(place: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(QUICK, recipe=replace(QUICK.recipe, seed=1))
    in_figure_5(monkeypatch, QUICK, SWEEP, other)
    call = ["reproduce", "--figure", "5", "--profile", "smoke", "--store", str(place), "--data", str(folder)]
    assert cli.run([*call, "--only", other.key, "--only", SWEEP.key]) == 0
    store = Store(place, place / "runs")
    assert store.load(QUICK) is None and store.load(SWEEP) is not None and store.load(other) is not None


def test_command_names_what_failed(
    place: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_figure_5(monkeypatch, FAILING, SWEEP)
    call = ["reproduce", "--figure", "5", "--profile", "smoke", "--store", str(place), "--data", str(folder)]
    assert cli.run(call) == 1
    *_, first, last = (line for line in capsys.readouterr().err.splitlines() if "note:" not in line)
    assert first.startswith(f"repro: {FAILING.key}: the picture is 64×64 px")
    assert last.startswith("repro: 1 of 2 experiments failed; the others are stored")
    assert Store(place, place / "runs").load(SWEEP) is not None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--figure", "99"], "unknown figure '99'; choose from 5, 7, 8, 10, 13, 15, ours, tuning, encoder"),
        (["--figure", "5", "--only", "abc"], "figure 5, profile cpu has no abc; --dry-run shows what it has"),
        (["--figure", "5", "--profile", "fast"], "unknown profile 'fast'; choose from smoke, cpu, paper"),
        (["--figure", "encoder", "--profile", "paper"], "it is made at profile cpu"),
        (["--store", "no/such/folder"], "no/such/folder: no such folder; make it first"),
        (["--jobs", "0"], "'--jobs'"),
    ],
)
def test_wrong_calls_are_refused_in_one_line(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["reproduce", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and says in err and err.startswith("repro: ") and err.count("\n") == 1


def test_all_figures_share_their_experiments(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["reproduce", "--profile", "smoke", "--dry-run", "--store", str(place)]) == 0
    planned = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:-1]]
    keys = [e.key for name in FIGURES for e in experiments_of(name, "smoke")]
    assert len(planned) == len(set(planned)) and set(planned) == set(keys)
    assert len(keys) > len(planned), "the figures have models in common"


@pytest.mark.slow
def test_workers_end_with_the_program_that_is_killed(folder: Path, tmp_path: Path) -> None:
    """If it is killed outright, no worker keeps working."""
    script = (
        "from repro.experiments.run import Here\nimport os, sys, time\n"
        "def work(name):\n    open(os.path.join(sys.argv[1], name), 'w').write(str(os.getpid())); time.sleep(600)\n"
        "if __name__ == '__main__':\n    list(Here(2).each(work, {'a': 'a', 'b': 'b'}))\n"
    )
    (tmp_path / "killed.py").write_text(script)
    program = subprocess.Popen([sys.executable, str(tmp_path / "killed.py"), str(tmp_path)])
    marks = [tmp_path / "a", tmp_path / "b"]
    _wait_until(lambda: all(mark.exists() and mark.read_text() for mark in marks))
    workers = [int(mark.read_text()) for mark in marks]
    program.kill()
    program.wait()
    _wait_until(lambda: not any(_alive(pid) for pid in workers))


def _wait_until(true: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)


def _alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
