"""Profile ``paper``: its first steps, to the letter, for every method; what nobody here can run to the end must start.

Batch, crops, trunks, precision and learning rates are the paper's. Only the photographs are dead leaves, and a trunk
whose weights are not at hand begins with random ones. On two cores all methods together take about a minute.
"""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from repro import weights
from repro.attention import CONVOLUTIONAL
from repro.data.leaves import dead_leaves
from repro.experiments import Experiment, Variant, everything, experiments_of, profile_of
from repro.losses import LossWeights
from repro.model import LearnedJPEG, ModelSettings
from repro.training import PAPER_RECIPE, Recipe, new_model, train

PAPER = profile_of("paper")
METHODS = ("vgg19", "resnet152-block1", "resnet152-block7", "lstm", "bilstm", "tables")
STEPS = 8
#: The factor between a table's variable and its entries (section 6.2): Adam's first steps are of about the learning
#: rate each, so that an entry moves by that over s.
S = 1e-5
STEP = PAPER_RECIPE.lr_tables / S


@pytest.fixture(scope="module")
def crops() -> torch.Tensor:
    made = np.stack([dead_leaves(PAPER.crops.size, seed) for seed in range(2 * PAPER_RECIPE.batch)])
    return torch.from_numpy(made).permute(0, 3, 1, 2).contiguous()


def at_hand(method: str) -> bool:
    return any(row.source for row in weights.status() if row.name == method.split("-")[0])


def begun(method: str) -> Experiment:
    """What the profile runs, cut off after a few steps."""
    run = PAPER.run(Variant(method, PAPER.rounding), 0.01)
    pretrained = method not in CONVOLUTIONAL or at_hand(method)
    model = replace(run.model, pretrained=pretrained)
    return replace(run, model=model, recipe=replace(run.recipe, steps=STEPS, log_every=STEPS // 2))


def network_of(model: LearnedJPEG) -> dict[str, torch.Tensor]:
    """A copy of the attention network's weights and buffers; nothing for tables alone."""
    return {} if model.attention is None else {k: v.clone() for k, v in model.attention.state_dict().items()}


def test_every_method_of_the_profile_is_tried_here() -> None:
    learned = [e for e in everything("paper") if isinstance(e, Experiment)]
    assert {e.model.method for e in learned} == set(METHODS)
    for figure in ("5", "7", "8", "10"):
        for e in experiments_of(figure, "paper"):
            if isinstance(e, Experiment):
                assert (
                    e.recipe == PAPER_RECIPE
                    and replace(e.model, pretrained=True)
                    == PAPER.run(Variant(e.model.method, PAPER.rounding), 0.01).model
                )
    told = {"steps": 20_000, "batch": 8, "lr_tables": 1e-6, "lr_network": 1e-6, "schedule": "constant"}
    assert asdict(PAPER_RECIPE) == asdict(PAPER_RECIPE) | told | {"tables_start": 0, "precision": "32-true"}
    assert PAPER.crops.size == 224


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_its_first_steps_are_the_papers(method: str, crops: torch.Tensor) -> None:
    run = begun(method)
    assert run.recipe.batch == 8 and crops.shape[1:] == (3, 224, 224)
    before = new_model(run.model, run.recipe)
    tables, network = before.tables().detach().clone(), network_of(before)
    assert tables.min() >= 1 and tables.max() <= 2, "they begin in 1–2"
    trained = train(run.model, run.loss, run.recipe, crops)

    assert [row["step"] for row in trained.log] == [STEPS // 2, STEPS]
    assert all(math.isfinite(value) for row in trained.log for value in row.values())
    moved = (trained.model.tables().detach() - tables).abs()
    assert moved.max() <= 1.01 * STEP * STEPS, "no entry runs ahead"
    assert moved.mean() == pytest.approx(STEP * STEPS, rel=0.2)
    assert trained.model.tables().min() >= 1 and trained.model.tables().max() <= 255

    after = network_of(trained.model)
    assert after.keys() == network.keys() and bool(network) == (method != "tables")
    learns = dict(before.attention.named_parameters()) if before.attention is not None else {}
    for name in network:
        change = (after[name] - network[name]).abs().max().item()
        assert change <= 1.5 * run.recipe.lr_network * STEPS, name
        assert (change > 0) == (name in learns), f"{name}: trained along, but batch norms keep what they counted"


@pytest.mark.parametrize("method", ["vgg16", "resnet152-block1"])
def test_a_trained_trunk_goes_on_with_the_same_bits(method: str, crops: torch.Tensor, tmp_path: Path) -> None:
    """Convolutions lie in memory channel by channel, pixel by pixel, and Adam's moments must lie as they do."""
    settings = ModelSettings(method=method, pretrained=False, trunk_trained=True)
    recipe = Recipe(steps=3, batch=1, log_every=1, checkpoint_every=2)
    small = crops[:, :, :168, :168].contiguous()

    class Cut(Exception):
        pass

    def cut(step: int, model: LearnedJPEG) -> None:
        if step == 3:
            raise Cut

    whole = train(settings, LossWeights(lam=0.02), recipe, small, folder=tmp_path / "whole")
    with pytest.raises(Cut):
        train(settings, LossWeights(lam=0.02), recipe, small, folder=tmp_path / "cut", observe=cut)
    again = train(settings, LossWeights(lam=0.02), recipe, small, folder=tmp_path / "cut")
    assert again.log == whole.log
    for key, value in whole.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[key], value), key
