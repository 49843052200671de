"""Profile ``paper``: its runs and their order, and its first steps, exactly as in the paper, for every method.

Batch, crops, trunks, precision and learning rates are the paper's. Only the photographs are dead leaves, and a trunk
whose weights are not at hand starts from random ones. All methods together take half a minute on two cores.
As a run takes hours, it must also be possible to stop it at any time.
"""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from repro import attention, weights
from repro.attention import CONVOLUTIONAL
from repro.data.leaves import dead_leaves
from repro.errors import UsageError
from repro.experiments import Experiment, Store, Variant, everything, experiments_of, paper, profile_of
from repro.losses import LossWeights
from repro.model import LearnedJPEG, ModelSettings
from repro.training import PAPER_RECIPE, Recipe, new_model, train

PAPER = profile_of("paper")
METHODS = ("vgg19", "resnet152-block1", "resnet152-block7", "lstm", "bilstm", "tables")
STEPS = 4
#: The factor between a table's variable and its entries (section 6.2). Adam's first steps are about the learning rate
#: each, so an entry moves by about the learning rate over s.
S = 1e-5
STEP = PAPER_RECIPE.lr_tables / S


@pytest.fixture(scope="module")
def crops() -> torch.Tensor:
    made = np.stack([dead_leaves(PAPER.crops.size, seed) for seed in range(2 * PAPER_RECIPE.batch)])
    return torch.from_numpy(made).permute(0, 3, 1, 2).contiguous()


def at_hand(method: str) -> bool:
    return any(row.source for row in weights.status() if row.name == method.split("-")[0])


def begun(method: str) -> Experiment:
    """A run of the profile, cut off after a few steps."""
    run = PAPER.run(Variant(method, PAPER.rounding), 0.01)
    pretrained = method not in CONVOLUTIONAL or at_hand(method)
    model = replace(run.model, pretrained=pretrained)
    return replace(run, model=model, recipe=replace(run.recipe, steps=STEPS, log_every=STEPS // 2))


def network_of(model: LearnedJPEG) -> dict[str, torch.Tensor]:
    """A copy of the attention network's weights and buffers; empty for tables alone."""
    return {} if model.attention is None else {k: v.clone() for k, v in model.attention.state_dict().items()}


def test_every_run_is_by_the_papers_recipe() -> None:
    begun = paper.first_pair_begun()
    learned = [e for e in everything("paper") if isinstance(e, Experiment) and not e.model.keep_dc and e not in begun]
    assert {e.model.method for e in learned} == set(METHODS), "each is tried here"
    for e in learned:
        of_its_method = PAPER.run(Variant(e.model.method, PAPER.rounding), 0.01)
        assert e.recipe == PAPER_RECIPE and e.crops == PAPER.crops
        assert replace(e.model, trunk_input="imagenet", minmax=False) == of_its_method.model
        assert e.model.trunk_trained == (e.model.method in CONVOLUTIONAL)
    told = {"steps": 20_000, "batch": 8, "lr_tables": 1e-6, "lr_network": 1e-6, "schedule": "constant"}
    assert asdict(PAPER_RECIPE) == asdict(PAPER_RECIPE) | told | {"tables_start": 0}
    assert PAPER.crops.size == 224


def test_the_pair_that_has_begun_is_the_whole_one_but_for_its_steps() -> None:
    whole = [e for e in paper.with_and_without_ms_ssim() if e.loss.lam == paper.ONE]
    for short, e in zip(paper.first_pair_begun(), whole, strict=True):
        assert 0 < short.recipe.steps == paper.FIRST_STEPS < e.recipe.steps and short.folder == e.folder
        assert replace(short, series=e.series, recipe=e.recipe, snapshots=e.snapshots) == e
        assert set(short.snapshots) <= set(e.snapshots) and short in experiments_of("5", "paper")


def test_with_dc_kept_nothing_else_differs_from_the_stored_run() -> None:
    frozen, kept = paper.trunk_frozen(), paper.trunk_frozen(keep_dc=True)
    assert frozen in experiments_of("ours", "cpu") and Store.default().load(frozen) is not None
    assert replace(kept, series=frozen.series, model=replace(kept.model, keep_dc=False)) == frozen != kept


def test_kept_dc_is_one_and_the_rest_as_before(crops: torch.Tensor) -> None:
    x = crops[:1, :, :32, :32].float()
    as_it_is, kept = (LearnedJPEG(ModelSettings("vgg16", pretrained=False, keep_dc=keep)) for keep in (False, True))
    kept.load_state_dict(as_it_is.state_dict())
    before, after = as_it_is(x).A, kept(x).A
    assert before is not None and after is not None
    assert (after[..., 0, 0] == 1).all() and (before[..., 0, 0] < 1).all()
    rest = torch.arange(64).view(8, 8) > 0
    assert torch.equal(before[..., rest], after[..., rest])
    after.sum().backward()
    assert kept.attention is not None and kept.attention.head.bias.grad.view(2, 64)[:, 0].tolist() == [0, 0]  # type: ignore


def test_the_baselines_input_leaves_the_mean_in(crops: torch.Tensor) -> None:
    ours, theirs = (attention.build("vgg16", trunk_input=kind, pretrained=False) for kind in attention.TRUNK_INPUTS)
    assert isinstance(ours, attention.ConvolutionalAttention) and isinstance(theirs, attention.ConvolutionalAttention)
    theirs.load_state_dict(ours.state_dict())
    x = crops[:1, :, :32, :32].float()
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (weights.IMAGENET_MEAN, weights.IMAGENET_STD))
    torch.testing.assert_close(ours.features(x), theirs.trunk((x / 255 - mean) / std))
    torch.testing.assert_close(theirs.features(x), theirs.trunk(x / 255))
    with pytest.raises(UsageError, match="unknown trunk input 'caffe'; choose from imagenet, unit"):
        attention.build("vgg16", trunk_input="caffe")


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

    after = network_of(trained.model)
    assert after.keys() == network.keys() and bool(network) == (method != "tables")
    learns = dict(before.attention.named_parameters()) if before.attention is not None else {}
    for name in network:
        change = (after[name] - network[name]).abs().max().item()
        assert change <= 1.5 * run.recipe.lr_network * STEPS, name
        assert (change > 0) == (name in learns), f"{name}: trained along, but batch norms keep what they counted"


@pytest.mark.parametrize("method", ["vgg16", "resnet152-block1"])
def test_a_trained_trunk_goes_on_with_the_same_bits(method: str, crops: torch.Tensor, tmp_path: Path) -> None:
    """Convolutions are stored channels last, and Adam's moments must be restored in the same layout."""
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
