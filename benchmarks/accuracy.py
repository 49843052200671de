"""What the coarser products of the fast step do to the gradient, and to the end of a whole training."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import paired
from repro.data import crop_pool, photos
from repro.model import LearnedJPEG
from repro.training import PRECISIONS, new_model, precomputed_pool, train
from step import CPU, LOSS, METHODS, RECIPE, ready, settings_of


def accuracy(quick: bool) -> list[dict[str, Any]]:
    """For each method, a row with the cosine between its gradients at both precisions, over tables and over the
    network's weights. Then, for some, a row on how far apart 100 steps end, compared with two seeds."""
    crops = crop_pool(photos("train"), 32, size=224, seed=0)
    with tempfile.TemporaryDirectory(prefix="repro-bench-") as folder:
        rows = [_gradient(*method[:3], crops[:8], Path(folder)) for method in (METHODS[:1] if quick else METHODS)]
        if not quick:
            rows += [_ending(*method[:3], crops, Path(folder)) for method in (METHODS[0], METHODS[1], METHODS[7])]
    return rows


def _gradient(label: str, method: str, trained: bool, crops: torch.Tensor, folder: Path) -> dict[str, Any]:
    gradients = {}
    for precision in PRECISIONS:
        recipe = replace(RECIPE, precision=precision)
        stepper, pool = ready(settings_of(method, trained), recipe, crops, folder)
        stepper(0, pool.batch(torch.arange(len(crops)), CPU))
        gradients[precision] = _parts(stepper.raw)
    exact, coarse = gradients["32-true"], gradients["bf16-mixed"]
    cosines = {part: float(torch.cosine_similarity(exact[part], coarse[part], 0)) for part in exact}
    return {"name": f"{label}: cosine of gradients", "cosine": cosines, "cosine_at_least": 0.999}


def _parts(model: LearnedJPEG) -> dict[str, torch.Tensor]:
    """The gradients of the tables and of the network, each as one vector in double precision."""
    named = [(name, p.grad) for name, p in model.named_parameters() if p.grad is not None]
    parts = {"tables": [g for n, g in named if n.startswith("tables")]}
    parts["network"] = [g for n, g in named if not n.startswith("tables")]
    return {name: torch.cat([g.flatten().double() for g in grads]) for name, grads in parts.items() if grads}


def _ending(label: str, method: str, trained: bool, crops: torch.Tensor, folder: Path) -> dict[str, Any]:
    ends = {}
    for precision, seed in (("32-true", 0), ("bf16-mixed", 0), ("32-true", 1)):
        recipe = replace(RECIPE, steps=100, batch=4, precision=precision, seed=seed, log_every=1)
        pool = precomputed_pool(crops, new_model(settings_of(method, trained), recipe), LOSS, recipe.dtype, folder)
        log = train(settings_of(method, trained), LOSS, recipe, pool).log[-32:]
        ends[precision, seed] = {
            metric: paired.spread([row[metric] for row in log])["median"] for metric in ("mse", "lpips", "ms_ssim")
        }
    exact, coarse, other = ends["32-true", 0], ends["bf16-mixed", 0], ends["32-true", 1]
    apart = {
        metric: {"precision": abs(coarse[metric] / exact[metric] - 1), "seed": abs(other[metric] / exact[metric] - 1)}
        for metric in exact
    }
    return {"name": f"{label}: end of 100 steps", "apart": apart}
