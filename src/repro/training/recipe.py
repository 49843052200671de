"""How a model is trained: steps, learning rates and start; and each step's crops and learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from repro.errors import UsageError
from repro.runtime import has_bfloat16

#: Lightning Fabric's name → type of the products in the trunk and in LPIPS.
PRECISIONS = {"32-true": torch.float32, "bf16-mixed": torch.bfloat16}


@dataclass(frozen=True)
class Recipe:
    """Steps, learning rates and start of a training; the defaults are the fast recipe for two cores.

    steps, batch
        number of updates, and crops in each.
    lr_tables, lr_network
        Adam's learning rates for the table variables and for the attention network.
    schedule
        "cosine" falls to 0 over the run; "constant" is the paper's.
    tables_start
        IJG quality of the initial tables; 0: uniform in 1–2, the paper's.
    seed
        of the initial weights and of the order of crops.
    precision
        "bf16-mixed": products of the trunk and of LPIPS in bfloat16 if that is faster here; "32-true": in 32 bits.
    log_every, checkpoint_every
        steps between two rows of the log, and between two checkpoints.

    Raises :class:`UsageError` for a value that is unknown or out of range.
    """

    steps: int = 400
    batch: int = 4
    lr_tables: float = 0.03
    lr_network: float = 1e-3
    schedule: str = "cosine"
    tables_start: int = 25
    seed: int = 0
    precision: str = "bf16-mixed"
    log_every: int = 10
    checkpoint_every: int = 100

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "log_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} = {getattr(self, name)}: must be 1 or more")
        for name in ("lr_tables", "lr_network"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise UsageError(f"{name} = {getattr(self, name)}: must be above 0")
        if self.schedule not in ("cosine", "constant"):
            raise UsageError(f"unknown schedule {self.schedule!r}; choose 'cosine' or 'constant'")
        if self.precision not in PRECISIONS:
            raise UsageError(f"unknown precision {self.precision!r}; choose from {', '.join(PRECISIONS)}")

    @property
    def dtype(self) -> torch.dtype:
        """The type of the products that need not be exact: float32, too, on a machine where bfloat16 is not faster."""
        return PRECISIONS[self.precision] if has_bfloat16() else torch.float32


#: Section 6.2 of the paper, to the letter. Weights have 32 bits, so steps of 1e-6 count; only products are coarser.
PAPER_RECIPE = Recipe(
    steps=20_000,
    batch=8,
    lr_tables=1e-6,
    lr_network=1e-6,
    schedule="constant",
    tables_start=0,
    checkpoint_every=100,
)


def batch_indices(step: int, count: int, batch: int, seed: int) -> torch.Tensor:
    """(batch,) indices, below ``count``, of the crops in batch number ``step``. Each epoch has its own order, fixed by
    ``seed``."""
    places = torch.arange(step * batch, (step + 1) * batch)
    order = {
        epoch: torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
        for epoch in sorted({int(p) // count for p in places})
    }
    return torch.stack([order[int(p) // count][int(p) % count] for p in places])


def learning_rate(recipe: Recipe, step: int) -> float:
    """The factor on both learning rates at ``step``."""
    if recipe.schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * step / recipe.steps))
