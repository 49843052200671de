"""The training step of :mod:`repro.plain` for a copy of one of our models, against which ours is timed and tested.

It shares no arithmetic with :mod:`repro.training`, only the numbers (weights, tables) that are copied: trunks are
torchvision's own, and LPIPS is from the package ``lpips``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torchvision
from torch import nn

from repro import attention, plain
from repro.losses import LossWeights
from repro.metrics import LPIPS
from repro.model import LearnedJPEG
from repro.training import Recipe

ROUNDING = {"third-order": plain.round_third_order, "straight-through": plain.round_straight_through}


def plain_twin(model: LearnedJPEG, loss: LossWeights, recipe: Recipe) -> Callable[[torch.Tensor], float]:
    """A function that trains a copy of ``model`` by one step on crops (B, 3, S, S) on 0–255, S a multiple of 16 and at
    least 176, and returns the loss before the step. ``loss`` may differ from the default only in λ."""
    assert loss == LossWeights(lam=loss.lam), "the plain step has the default weights"
    log_Q = model.tables().detach().float().log().requires_grad_()
    network, attend = _attention(model)
    parameters = [p for p in network.parameters() if p.requires_grad]
    groups = [{"params": [log_Q], "lr": recipe.lr_tables}]
    groups += [{"params": parameters, "lr": recipe.lr_network}] if parameters else []
    distance = LPIPS().net
    return partial(
        plain.training_step,
        log_Q=log_Q,
        attend=attend,
        lpips=lambda x, y: distance(x / 127.5 - 1, y / 127.5 - 1),
        adam=torch.optim.Adam(groups),
        lam=loss.lam,
        rounding=ROUNDING[model.settings.rounding],
    )


def _attention(model: LearnedJPEG) -> tuple[nn.Module, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]]:
    """A network with the weights of ``model``, and the function (x, F) → A that it computes."""
    ours = model.attention
    if isinstance(ours, attention.RecurrentAttention):
        both = ours.merge is not None
        luma, chroma = (nn.LSTM(64, 64, batch_first=True, bidirectional=both) for _ in range(2))
        merge = nn.ModuleList([nn.Linear(128, 64) for _ in range(2)]) if both else None
        network = nn.ModuleDict({"luma": luma, "chroma": chroma} | ({"merge": merge} if merge else {}))
        network.load_state_dict(ours.state_dict())
        layers = list(merge) if merge else None
        return network, lambda x, F: plain.recurrent_attention(F, luma, chroma, layers)
    if isinstance(ours, attention.ConvolutionalAttention):
        trunk, head = _trunk(model.settings.method), nn.Conv2d(ours.head.in_channels, 128, 1)
        # both list their weights in the order of the network, but under different names
        trunk.load_state_dict(dict(zip(trunk.state_dict(), ours.trunk.state_dict().values(), strict=True)))
        head.load_state_dict(ours.head.state_dict())
        trunk.eval().requires_grad_(model.settings.trunk_trained)
        return nn.ModuleList([trunk, head]), lambda x, F: plain.convolutional_attention(x, trunk, head)
    return nn.Identity(), lambda x, F: torch.ones_like(F[:, :2])


def _trunk(method: str) -> nn.Module:
    """The trunk as torchvision builds it, cut where the paper cuts it."""
    if method.startswith("vgg"):
        return getattr(torchvision.models, method)(weights=None).features[: {"vgg16": 17, "vgg19": 19}[method]]
    whole = torchvision.models.resnet152(weights=None)
    blocks = {"resnet152-block1": 1, "resnet152-block7": 7}[method]
    return nn.Sequential(
        whole.conv1, whole.bn1, whole.relu, whole.maxpool, whole.layer1, nn.Sequential(*whole.layer2[:blocks])
    )
