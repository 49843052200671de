"""A ResNet-152 trunk without its published weights: distilled from VGG-16.

It stands in for torchvision's file where that is not available. Trained from random weights, it predicts VGG-16's
features at the third max-pool, through a 1×1 adapter at each of the two depths that the paper uses. Its shape and cost
are ResNet-152's; its features approximate VGG-16's. Numbers made with it are labelled "distilled trunk".
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from repro.attention import ConvolutionalAttention
from repro.files import atomic_path, sha256_bytes
from repro.progress import bar
from repro.training import checkpoint
from repro.training.recipe import batch_indices

STUDENT, TEACHER = "resnet152-block7", "vgg16"
#: The bottlenecks of ``layer2`` after which the paper takes its features, counted from 0.
DEPTHS = {"block1": 0, "block7": 6}
_WARM_UP = 100


@dataclass(frozen=True)
class DistilRecipe:
    """How the trunk learns: AdamW, a short warm-up, then a cosine to 0; every other batch is mirrored.

    There are ``crops`` training crops of ``size`` pixels a side, and ``batch`` of them in each of ``steps`` updates.
    """

    steps: int = 2000
    batch: int = 16
    crops: int = 2048
    size: int = 160
    lr: float = 2e-3
    decay: float = 0.01
    seed: int = 0
    checkpoint_every: int = 100


class Student(nn.Module):
    """ResNet-152 from conv1 to conv3_block7, with an adapter at each depth to the teacher's 256 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = ConvolutionalAttention(STUDENT, pretrained=False).trunk
        for module in self.trunk.modules():
            if isinstance(last := getattr(module, "bn3", None), nn.BatchNorm2d):
                nn.init.zeros_(last.weight)  # a deep network learns faster if its blocks start as identities
        self.adapters = nn.ModuleDict({name: nn.Conv2d(512, 256, 1) for name in DEPTHS})
        self.to(memory_format=torch.channels_last)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Normalised (B, 3, H, W) → for each depth by its name, features (B, 256, H/8, W/8)."""
        found = {}
        for name, part in self.trunk.named_children():
            if name != "layer2":
                x = part(x)
        for index, block in enumerate(self.trunk.get_submodule("layer2").children()):
            x = block(x)
            for depth, last in DEPTHS.items():
                if index == last:
                    found[depth] = self.adapters[depth](x)
        return found


def distil(crops: torch.Tensor, recipe: DistilRecipe, folder: Path, precision: torch.dtype = torch.bfloat16) -> Student:
    """Train a :class:`Student` on (n, 3, S, S) uint8 crops on the CPU; a run found in ``folder`` is resumed.

    The loss is the squared error against the teacher's features, each channel divided by about its variance, summed
    over both depths. Predicting each channel's mean would give a little under 1 at each depth.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        student = Student()
    teacher = ConvolutionalAttention(TEACHER).requires_grad_(False)
    optimiser = torch.optim.AdamW(student.parameters(), recipe.lr, weight_decay=recipe.decay, fused=True)
    path = folder / "checkpoint.safetensors"
    made_of = {"settings": json.dumps(asdict(recipe)), "crops": sha256_bytes(crops.contiguous().numpy().tobytes())}
    run = checkpoint.restore(path, made_of, student, optimiser) if path.exists() else checkpoint.Progress()
    scale = _scale(teacher, crops)
    started, before = time.perf_counter(), run.seconds
    student.train()
    with bar(recipe.steps, "distil") as progress:
        progress.update(run.step)
        while run.step < recipe.steps:
            for group in optimiser.param_groups:
                group["lr"] = recipe.lr * _rate(run.step, recipe.steps)
            x = crops[batch_indices(run.step, len(crops), recipe.batch, recipe.seed)].float()
            x = x.flip(-1) if run.step % 2 else x
            with torch.autocast("cpu", precision, enabled=precision is not torch.float32):
                target = teacher.features(x).float()
                seen = student(teacher.normalised(x).contiguous(memory_format=torch.channels_last))
            losses = {name: ((maps.float() - target) ** 2 / scale).mean() for name, maps in seen.items()}
            optimiser.zero_grad()
            torch.stack(list(losses.values())).sum().backward()
            optimiser.step()
            run.step += 1
            progress.update()
            run.seconds = before + time.perf_counter() - started
            if run.step % 10 == 0 or run.step == recipe.steps:
                run.log.append({"step": float(run.step), **{name: float(v.detach()) for name, v in losses.items()}})
                progress.set_postfix(**{name: f"{run.log[-1][name]:.3f}" for name in DEPTHS})
            if run.step % recipe.checkpoint_every == 0 or run.step == recipe.steps:
                checkpoint.save(path, made_of, student.state_dict(), optimiser, run)
    student.eval()
    return student


@torch.no_grad()
def explained(student: Student, crops: torch.Tensor) -> dict[str, float]:
    """Depth → share of the teacher's variance on ``crops`` (n, 3, S, S) that the student explains, channels' mean."""
    teacher = ConvolutionalAttention(TEACHER)
    target = teacher.features(crops.float())
    seen = student.eval()(teacher.normalised(crops.float()))
    variance = target.var((0, 2, 3))
    varies = variance > 0  # a constant channel has no variance to explain
    missed = {name: ((maps - target) ** 2).mean((0, 2, 3)) for name, maps in seen.items()}
    return {name: float(1 - (error[varies] / variance[varies]).mean()) for name, error in missed.items()}


def save_trunk(
    path: Path, student: Student, recipe: DistilRecipe, source: str, explains: dict[str, float], made: dict[str, Any]
) -> None:
    """Write the trunk alone, in 16 bits and with torchvision's names. The header says how it was made: recipe, photos
    (``source``), :func:`explained` (``explains``) and provenance (``made``)."""
    state = student.trunk.state_dict()
    small = {name: (t.half() if t.is_floating_point() else t).contiguous() for name, t in state.items()}
    header = {"recipe": asdict(recipe), "source": source, "explained": explains, "provenance": made}
    with atomic_path(path) as temporary:
        save_file(small, temporary, metadata={key: json.dumps(value) for key, value in header.items()})


@torch.no_grad()
def _scale(teacher: ConvolutionalAttention, crops: torch.Tensor) -> torch.Tensor:
    """What each channel's squared error is divided by, (1, 256, 1, 1): its variance on the first 64 crops, plus a tenth
    of the mean variance, so that a channel that is nearly always 0 does not outweigh the others where it is not."""
    variance = teacher.features(crops[:64].float()).var((0, 2, 3), keepdim=True)
    return variance + 0.1 * variance.mean()


def _rate(step: int, steps: int) -> float:
    """The factor on the learning rate: a linear warm-up, times a cosine that falls to 0."""
    return min(1.0, (step + 1) / _WARM_UP) * 0.5 * (1 + math.cos(math.pi * step / steps))
