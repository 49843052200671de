"""Our training step has the same losses as the paper's, written straight from its equations (repro.plain)."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import pytest
from test_training import crops

from repro.losses import LossWeights
from repro.model import ModelSettings
from repro.training import PRECISIONS, Recipe, batch_indices, new_model, precomputed_pool, train
from twin import plain_twin

#: Enough steps to show a learning rate or moment that is off by a few per cent; and enough to show another gradient.
STEPS, FEW = 50, 15
RECIPE = Recipe(steps=STEPS, batch=2, schedule="constant", lr_tables=0.01, lr_network=1e-4, log_every=1)
LOSS = LossWeights(lam=0.02)
#: Largest relative difference of a loss, at the start and later. Rounding magnifies tiny differences: if one
#: coefficient rounds to the other side in one of the programs, the loss shows it, and the next steps start from there.
#: An LSTM passes its rounding errors on from block to block.
FIRST, AT_FIRST, AT_FIRST_LSTM, LATER = 5, 1e-3, 4e-3, 1e-2


@functools.cache
def plain_losses(settings: ModelSettings, steps: int) -> list[float]:
    pool, step = crops(), plain_twin(new_model(settings, RECIPE), LOSS, RECIPE)
    batches = (pool[batch_indices(i, len(pool), RECIPE.batch, RECIPE.seed)].float() for i in range(steps))
    return [step(x) for x in batches]


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("tables", {"rounding": "third-order"}),
        ("tables", {"rounding": "straight-through"}),
        ("vgg16", {}),
        ("vgg16", {"trunk_trained": True}),
        ("vgg19", {}),
        ("resnet152-block1", {}),
        ("resnet152-block7", {}),
        ("lstm", {}),
        ("bilstm", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value.values())) or "frozen",
)
def test_steps_are_the_papers(precision: str, method: str, options: dict[str, object], tmp_path: Path) -> None:
    settings = ModelSettings(method=method, pretrained=False, **{"rounding": "straight-through"} | options)  # type: ignore[arg-type]
    steps = STEPS if method in ("tables", "vgg16") and not settings.trunk_trained else FEW
    recipe = replace(RECIPE, precision=precision, steps=steps)
    pool = precomputed_pool(crops(), new_model(settings, recipe), LOSS, recipe.dtype, tmp_path)
    ours = [row["loss"] for row in train(settings, LOSS, recipe, pool).log]
    theirs = plain_losses(settings, steps)
    assert len(ours) == steps and ours[-1] != ours[0]
    at_first = AT_FIRST_LSTM if method.endswith("lstm") and precision != "32-true" else AT_FIRST
    assert ours[:FIRST] == pytest.approx(theirs[:FIRST], rel=at_first)
    assert ours == pytest.approx(theirs, rel=LATER)
