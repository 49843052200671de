"""Inputs that runs share: training crops and what is computed from them once, memory-mapped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from repro.data import PhotoSet, crop_pool
from repro.experiments.settings import Experiment
from repro.files import atomic_path, sha256_bytes
from repro.training import Pool, new_model, precomputed_pool


def inputs_of(experiment: Experiment, source: PhotoSet, cache: Path) -> tuple[Pool, dict[str, str]]:
    """Crops with what was computed from them, memory-mapped from the cache, and the source of the network's weights.

    With a GPU, crops alone: it computes the rest faster than that can be read.
    """
    spec = experiment.crops
    stem = sha256_bytes(f"{source.sha256} {asdict(spec)}".encode())[:16]
    crops = _memo(
        cache / f"crops-{stem}.npy", lambda: crop_pool(source, spec.count, size=spec.size, seed=spec.seed).numpy()
    )
    model = new_model(experiment.model, experiment.recipe)
    weights = {} if model.attention is None else {experiment.model.method: str(model.attention.source)}
    if torch.cuda.is_available():
        return Pool(crops), weights
    return precomputed_pool(crops, model, experiment.loss, experiment.recipe.dtype, cache), weights


def _memo(path: Path, make: Callable[[], np.ndarray]) -> torch.Tensor:
    """An array that is computed once and memory-mapped from then on, not to be written to."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        array = make()
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            np.save(stream, array)
    # "c": copy on write, as PyTorch asks for writable memory; nothing is written.
    return torch.from_numpy(np.load(path, mmap_mode="c"))


def describe(photo_set: PhotoSet) -> dict[str, Any]:
    """A set of photos, as recorded in provenance."""
    return {
        "name": photo_set.name,
        "source": photo_set.source,
        "sha256": photo_set.sha256,
        "count": len(photo_set.items),
    }
