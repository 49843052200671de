"""The paper's training step, written straight from its equations: eager, 32 bits, every term computed anew.

The yardstick of the benchmarks, and an independent oracle in the tests: it shares no arithmetic with ``repro``, only
the numbers (weights, tables) that :func:`twin` copies. LPIPS and MS-SSIM are those of ``lpips`` and ``pytorch-msssim``.
"""

from __future__ import annotations

import math
from dataclasses import asdict

import lpips
import pytorch_msssim
import torch
import torch.nn.functional as nnf
import torchvision
from torch import nn

from repro import attention
from repro.losses import LossWeights
from repro.metrics import LPIPS
from repro.model import LearnedJPEG
from repro.training import Recipe

YCBCR = torch.tensor([[0.299, 0.587, 0.114], [-0.168735892, -0.331264108, 0.5], [0.5, -0.418687589, -0.081312411]])
RGB = torch.tensor([[1.0, 0.0, 1.402], [1.0, -0.344136286, -0.714136286], [1.0, 1.772, 0.0]])
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


class PlainStep:
    """One step of Adam on the loss of Eq. 7 for a batch (B, 3, S, S) on 0–255; S a multiple of 8, at least 161.

    attend
        a function from (pixels on 0–255, coefficients (B, 3, rows, cols, 8, 8)) to A (B, 2, rows, cols, 8, 8), with
        its ``parameters`` to train; None for tables alone.
    distance
        LPIPS as the package builds it, weights loaded.
    """

    def __init__(
        self,
        Q: torch.Tensor,
        attend: nn.Module | None,
        distance: lpips.LPIPS,
        *,
        lam: float,
        rounding: str,
        lr_tables: float,
        lr_network: float,
        gamma: float = 500,
        sigma: float = 1000,
        alpha: float = 10,
        beta: float = 1,
    ) -> None:
        self.log_Q = Q.float().log().requires_grad_()
        self.attend, self.distance, self.rounding = attend, distance, rounding
        self.lam, self.gamma, self.sigma, self.alpha, self.beta = lam, gamma, sigma, alpha, beta
        groups = [{"params": [self.log_Q], "lr": lr_tables}]
        if attend is not None:
            groups.append({"params": [p for p in attend.parameters() if p.requires_grad], "lr": lr_network})
        self.adam = torch.optim.Adam(groups)

    def __call__(self, x: torch.Tensor) -> float:
        """Update once; returns the loss before the update."""
        loss = self.loss(x)
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        with torch.no_grad():
            self.log_Q.clamp_(0, math.log(255))
        return float(loss.detach())

    def loss(self, x: torch.Tensor) -> torch.Tensor:
        """Eqs. 3–9, in their order."""
        Q = self.log_Q.exp()
        steps = Q[[0, 1, 1]].view(1, 3, 1, 1, 8, 8)
        F = _dct(_blocks(_mix(x, YCBCR) + _shift(128) - 128))
        A = torch.ones_like(F[:, :2]) if self.attend is None else self.attend(x, F)
        z_hat = self._round(F * A[:, [0, 1, 1]] / steps)
        y = _mix(_unblocks(_idct(z_hat * steps)) + 128 - _shift(128), RGB).clamp(0, 255)
        d = nnf.mse_loss(y, x)
        d = d + self.gamma * self.distance(x / 127.5 - 1, y / 127.5 - 1).mean()
        d = d + self.sigma * (1 - pytorch_msssim.ms_ssim(x, y, data_range=255, size_average=True))
        r = self.alpha * (1 / Q).sum() + self.beta * (A[:, 0].mean() + A[:, 1].mean())
        return self.lam * d + r

    def _round(self, z: torch.Tensor) -> torch.Tensor:
        rest = z - z.detach().round()
        smooth = rest**3 if self.rounding == "third-order" else rest
        return z.detach().round() + smooth - smooth.detach()


class ConvolutionalAttention(nn.Module):
    """A trunk of torchvision, run at every step, and the 1×1 convolution on top of it (Fig. 3)."""

    def __init__(self, trunk: nn.Module, head: nn.Conv2d) -> None:
        super().__init__()
        self.trunk, self.head = trunk, head

    def forward(self, x: torch.Tensor, F: torch.Tensor) -> torch.Tensor:
        mean, std = MEAN.view(1, 3, 1, 1), STD.view(1, 3, 1, 1)
        A = torch.sigmoid(self.head(self.trunk((x / 255 - mean) / std)))
        return A.unflatten(1, (2, 8, 8)).permute(0, 1, 4, 5, 2, 3)


class RecurrentAttention(nn.Module):
    """An LSTM over the luma blocks, another over those of both chroma planes (Fig. 4)."""

    def __init__(self, luma: nn.LSTM, chroma: nn.LSTM, merge: nn.ModuleList | None) -> None:
        super().__init__()
        self.luma, self.chroma, self.merge = luma, chroma, merge

    def forward(self, x: torch.Tensor, F: torch.Tensor) -> torch.Tensor:
        maps = [self._read(i, F[:, plane].flatten(1, 2).flatten(2) / 128) for plane, i in ((0, 0), (1, 1), (2, 1))]
        A = torch.stack([maps[0], (maps[1] + maps[2]) / 2], dim=1)
        return A.view(F.shape[0], 2, *F.shape[2:])

    def _read(self, index: int, sequence: torch.Tensor) -> torch.Tensor:
        h = (self.luma, self.chroma)[index](sequence)[0]
        return (1 + h) / 2 if self.merge is None else torch.sigmoid(self.merge[index](h))


def twin(model: LearnedJPEG, loss: LossWeights, recipe: Recipe) -> PlainStep:
    """The plain step of a copy of ``model``."""
    return PlainStep(
        model.tables().detach(),
        _network(model),
        LPIPS().net,
        rounding=model.settings.rounding,
        lr_tables=recipe.lr_tables,
        lr_network=recipe.lr_network,
        **asdict(loss),
    )


def _network(model: LearnedJPEG) -> nn.Module | None:
    ours = model.attention
    theirs: ConvolutionalAttention | RecurrentAttention
    if isinstance(ours, attention.RecurrentAttention):
        both = ours.merge is not None
        luma, chroma = (nn.LSTM(64, 64, batch_first=True, bidirectional=both) for _ in range(2))
        theirs = RecurrentAttention(
            luma, chroma, nn.ModuleList([nn.Linear(128, 64) for _ in range(2)]) if both else None
        )
        theirs.load_state_dict(ours.state_dict())
        return theirs
    if not isinstance(ours, attention.ConvolutionalAttention):
        return None
    theirs = ConvolutionalAttention(_trunk(model.settings.method), nn.Conv2d(ours.head.in_channels, 128, 1))
    # both list their weights in the order of the network, under other names
    pairs = zip(theirs.trunk.state_dict(), ours.trunk.state_dict().values(), strict=True)
    theirs.trunk.load_state_dict(dict(pairs))
    theirs.head.load_state_dict(ours.head.state_dict())
    theirs.trunk.eval().requires_grad_(model.settings.trunk_trained)
    return theirs


def _trunk(method: str) -> nn.Module:
    """As torchvision builds it, cut where the paper cuts it."""
    if method.startswith("vgg"):
        return getattr(torchvision.models, method)(weights=None).features[: {"vgg16": 17, "vgg19": 19}[method]]
    whole = torchvision.models.resnet152(weights=None)
    blocks = {"resnet152-block1": 1, "resnet152-block7": 7}[method]
    return nn.Sequential(
        whole.conv1, whole.bn1, whole.relu, whole.maxpool, whole.layer1, nn.Sequential(*whole.layer2[:blocks])
    )


def _mix(x: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    return torch.stack([sum(w * x[:, c] for c, w in enumerate(row)) for row in matrix.tolist()], dim=1)


def _shift(by: float) -> torch.Tensor:
    return torch.tensor([0.0, by, by]).view(1, 3, 1, 1)


def _blocks(x: torch.Tensor) -> torch.Tensor:
    return x.unfold(2, 8, 8).unfold(3, 8, 8)


def _unblocks(b: torch.Tensor) -> torch.Tensor:
    batch, planes, rows, cols = b.shape[:4]
    return b.permute(0, 1, 2, 4, 3, 5).reshape(batch, planes, 8 * rows, 8 * cols)


def _cosines() -> torch.Tensor:
    """(64, 64): row 8v + u is the pattern of frequency (v, u)."""
    n = torch.arange(8.0)
    one = torch.cos((2 * n[None] + 1) * n[:, None] * math.pi / 16) / 2
    one[0] /= math.sqrt(2)
    return torch.kron(one, one)


def _dct(b: torch.Tensor) -> torch.Tensor:
    return (b.flatten(-2) @ _cosines().T).unflatten(-1, (8, 8))


def _idct(F: torch.Tensor) -> torch.Tensor:
    return (F.flatten(-2) @ _cosines()).unflatten(-1, (8, 8))
