"""What a run is called and what its profile sets; which photographs a split may be, known without looking at them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repro.data import photos, sets
from repro.data.sets import SPLITS, hashes_of
from repro.errors import ReproError
from repro.experiments import (
    PROFILES,
    Experiment,
    Variant,
    experiments_of,
    profile_of,
    with_seed,
)
from repro.experiments.profiles import LAMBDAS
from repro.experiments.registry import WEIGHTS, figures_of


def learned(figure: str, profile: str) -> list[Experiment]:
    return [e for e in experiments_of(figure, profile) if isinstance(e, Experiment)]


def but_for_a_point(experiment: Experiment) -> str:
    """All settings except λ and the seed, which make another point or another curve of the same name, and except the
    steps at which a run is measured."""
    return replace(with_seed(experiment, 0), loss=replace(experiment.loss, lam=1.0), snapshots=()).canonical


def shared(experiments: Iterable[Experiment]) -> dict[str, set[str]]:
    """Map each series name that stands for several settings to these settings."""
    found: dict[str, set[str]] = {}
    for e in experiments:
        found.setdefault(e.series, set()).add(but_for_a_point(e))
    return {name: settings for name, settings in found.items() if len(settings) > 1}


# --- names of curves


def test_variants_that_differ_have_names_that_differ() -> None:
    variants = [
        Variant(method, rounding, gamma, sigma, trained, pretrained, minmax)
        for method in ("tables", "vgg16", "resnet152-block1", "lstm")
        for rounding in LAMBDAS
        for gamma, sigma in WEIGHTS
        for trained in (False, True)
        for pretrained in (False, True)
        for minmax in (False, True)
    ]
    assert len({v.series for v in variants}) == len(set(variants)) == len(variants)


@pytest.mark.parametrize("profile", PROFILES)
def test_no_two_models_of_a_figure_share_a_name(profile: str) -> None:
    """Within a figure a name is a curve, whose models differ only in λ and seed."""
    for figure in figures_of(profile):
        assert not shared(learned(figure, profile)), figure


@pytest.mark.parametrize("profile", PROFILES)
def test_a_name_is_the_same_curve_in_every_figure(profile: str) -> None:
    """Otherwise figures could not be compared: the VGG of Fig. 8 is that of Fig. 5."""
    figures = {"5", "7", "8", "10", "15", "ours"} & set(figures_of(profile))
    drawn = [e for figure in sorted(figures) for e in learned(figure, profile)]
    assert not shared(drawn)


@pytest.mark.parametrize("profile", PROFILES)
def test_one_point_for_each_lambda_and_seed(profile: str) -> None:
    for figure in figures_of(profile):
        points = [(e.series, e.loss.lam, e.seed) for e in learned(figure, profile)]
        assert len(points) == len(set(points)), figure


# --- profiles


def test_the_recipe_depends_on_the_network_alone() -> None:
    """Losses, seeds, λ and min-max are compared between models trained alike."""
    p = profile_of("cpu")
    base = p.recipe_of(Variant("vgg16"))
    for variant in (Variant("vgg16", sigma=0.0), Variant("vgg16", gamma=0.0), Variant("resnet152-block7")):
        assert p.recipe_of(variant) == base
    assert p.recipe_of(Variant("lstm")) == p.recipe_of(Variant("bilstm")) == p.recipe_of(Variant("lstm", minmax=True))
    trained = p.recipe_of(Variant("vgg16", trunk_trained=True))
    assert trained.lr_network < base.lr_network and replace(trained, lr_network=base.lr_network) == base
    for rounding in LAMBDAS:
        steps = {p.recipe_of(Variant(m, rounding)).steps for m in ("tables", "vgg16", "lstm")}
        assert len(steps) == 1, "as many steps for each"


@pytest.mark.parametrize("profile", PROFILES)
def test_seeds_repeat_a_curve_and_change_nothing_else(profile: str) -> None:
    p = profile_of(profile)
    variant = Variant(p.vgg, p.rounding)
    first, again = p.narrow_curve(variant), p.seeded(variant)
    assert [e.loss.lam for e in first] == list(p.narrow[p.rounding])
    assert len(again) == len(first) * (len(p.seeds) - 1)
    for i, seed in enumerate(p.seeds[1:]):
        part = again[i * len(first) : (i + 1) * len(first)]
        assert [e.seed for e in part] == [seed] * len(part)
        assert [with_seed(e, 0) for e in part] == first, "the seed is all that differs"
    keys = {e.key for e in (*p.curve(variant), *again)}
    assert len(keys) == len(p.lambdas[p.rounding]) + len(again)


def test_nothing_is_chosen_on_what_it_is_judged_on() -> None:
    """Recipes are tried on "tune", where no figure is measured, and every figure's models train on "train" alone."""
    for profile in PROFILES:
        for figure in figures_of(profile):
            uses = {(e.evaluation, e.crops.split) for e in learned(figure, profile)}
            measured = {"tune"} if figure == "tuning" else {"sample" if profile == "smoke" else "kodak"}
            assert uses <= {(split, "train") for split in measured}


# --- which photographs a split may be


def at_hand() -> list[Any]:
    """The splits, those whose photographs are not on this machine marked as skipped."""
    marks = []
    for split in SPLITS:
        try:
            photos(split)
        except ReproError as error:
            marks.append(pytest.param(split, marks=pytest.mark.skip(reason=str(error).partition(";")[0])))
        else:
            marks.append(pytest.param(split))
    return marks


@pytest.mark.parametrize("split", at_hand())
def test_the_hash_is_known_without_the_photographs(split: str) -> None:
    assert photos(split).sha256 in hashes_of(split) or split == "hdrplus"


def test_any_part_of_a_split_is_known_and_nothing_else() -> None:
    assert len(hashes_of("train")) == 4, "each part, both, and what is shipped"
    assert {s: len(hashes_of(s)) for s in ("val", "tune", "check", "kodak", "sample", "content-types", "hdrplus")} == {
        **{"val": 2, "tune": 2, "check": 2, "kodak": 1, "sample": 1, "content-types": 1, "hdrplus": 0},
    }
    every = [h for s in SPLITS for h in hashes_of(s)]
    assert len(every) == len(set(every)), "no set passes for another"


@pytest.mark.parametrize("source", ["at hand", "shipped"])
def test_tuning_and_checking_share_no_photograph(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if source == "shipped":
        monkeypatch.delenv(sets.ENVIRONMENT, raising=False)
        monkeypatch.setattr(sets, "cache_dir", lambda: tmp_path)
    whole, tune, check = (photos(split) for split in ("val", "tune", "check"))
    assert (*tune.items, *check.items) == whole.items, "together they are the whole, in order"
    assert 0 <= len(tune) - len(check) <= 1
    for attribute in ("sha256", "name"):
        ours, theirs = ({getattr(p, attribute) for p in half} for half in (tune, check))
        assert not ours & theirs and len(ours) == len(tune) and len(theirs) == len(check)
    known = {p.sha256 for p in (*photos("train"), *photos("sample"))}
    assert not known & {p.sha256 for p in whole}


@pytest.mark.parametrize("split", at_hand())
def test_no_split_shares_a_photograph_with_the_examination(split: str) -> None:
    examined = sets.kodak_hashes()
    assert split == "kodak" or not examined & {p.sha256 for p in photos(split)}
