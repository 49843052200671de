"""Our training step against the paper's, written straight from its equations (benchmarks/plain.py): the same losses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torchvision
from torch import nn

from repro.attention import ConvolutionalAttention, RecurrentAttention
from repro.jpeg.tables import quality_tables
from repro.losses import LossWeights
from repro.metrics import LPIPS
from repro.model import LearnedJPEG, ModelSettings
from repro.training import Recipe, batch_indices, new_model, train, trunk_features
from test_training import crops

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import plain

STEPS = 50
RECIPE = Recipe(steps=STEPS, batch=2, schedule="constant", lr_tables=0.01, lr_network=1e-4, log_every=1)
LOSS = LossWeights(lam=0.02)
#: Largest relative difference of a loss, at the start and later. Rounding decides by a hair: one coefficient that falls
#: to the other side in one of the two programs shows in the loss, and the next steps start from there.
FIRST, AT_FIRST, LATER = 5, 5e-4, 1e-2


def trunk(method: str) -> nn.Module:
    """The trunk as torchvision builds it, cut where the paper cuts it."""
    if method.startswith("vgg"):
        return getattr(torchvision.models, method)(weights=None).features[: {"vgg16": 17, "vgg19": 19}[method]]
    whole = torchvision.models.resnet152(weights=None)
    blocks = {"resnet152-block1": 1, "resnet152-block7": 7}[method]
    return nn.Sequential(
        whole.conv1, whole.bn1, whole.relu, whole.maxpool, whole.layer1, nn.Sequential(*whole.layer2[:blocks])
    )


def attention(model: LearnedJPEG) -> nn.Module | None:
    """The plain network with a copy of ``model``'s weights."""
    ours = model.attention
    if isinstance(ours, RecurrentAttention):
        bidirectional = ours.merge is not None
        luma, chroma = (nn.LSTM(64, 64, batch_first=True, bidirectional=bidirectional) for _ in range(2))
        merge = nn.ModuleList([nn.Linear(128, 64), nn.Linear(128, 64)]) if bidirectional else None
        theirs: nn.Module = plain.RecurrentAttention(luma, chroma, merge)
        theirs.load_state_dict(ours.state_dict())
        return theirs
    if not isinstance(ours, ConvolutionalAttention):
        return None
    theirs = plain.ConvolutionalAttention(trunk(model.settings.method), nn.Conv2d(ours.head.in_channels, 128, 1))
    # both list their weights in the order of the network, under other names
    pairs = zip(theirs.trunk.state_dict(), ours.trunk.state_dict().values(), strict=True)
    theirs.trunk.load_state_dict(dict(pairs))
    theirs.head.load_state_dict(ours.head.state_dict())
    theirs.trunk.eval().requires_grad_(model.settings.trunk_trained)
    return theirs


def plain_losses(settings: ModelSettings) -> list[float]:
    model, pool = new_model(settings, RECIPE), crops()
    step = plain.PlainStep(
        quality_tables(RECIPE.tables_start),
        attention(model),
        LPIPS().net,
        lam=LOSS.lam,
        rounding=settings.rounding,
        lr_tables=RECIPE.lr_tables,
        lr_network=RECIPE.lr_network,
    )
    batches = (pool[batch_indices(i, len(pool), RECIPE.batch, RECIPE.seed)].float() for i in range(STEPS))
    return [step(x) for x in batches]


@pytest.mark.slow
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
def test_fifty_steps_are_the_papers(method: str, options: dict[str, object]) -> None:
    settings = ModelSettings(method=method, pretrained=False, **{"rounding": "straight-through"} | options)  # type: ignore[arg-type]
    features = trunk_features(new_model(settings, RECIPE), crops())
    ours = [row["loss"] for row in train(settings, LOSS, RECIPE, crops(), features=features).log]
    theirs = plain_losses(settings)
    assert len(ours) == STEPS and ours[-1] != ours[0]
    assert ours[:FIRST] == pytest.approx(theirs[:FIRST], rel=AT_FIRST)
    assert ours == pytest.approx(theirs, rel=LATER)
