"""How a model is trained: how long, how fast, from where; and what follows from the step's number alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from repro.errors import UsageError
from repro.runtime import has_bfloat16

#: Lightning Fabric's names, and the type of the products in the trunk and in LPIPS.
PRECISIONS = {"32-true": torch.float32, "bf16-mixed": torch.bfloat16}


@dataclass(frozen=True)
class Recipe:
    """How long, how fast and from where a model trains; the defaults are the fast recipe for two cores.

    steps, batch
        updates, and crops in each.
    lr_tables, lr_network
        Adam's learning rates for the table variables and for the attention network.
    schedule
        "cosine" falls to 0 over the run; "constant" is the paper's.
    tables_start
        IJG quality whose tables are the start; 0: uniform in 1–2, the paper's.
    seed
        of the weights' start and of the order of crops.
    precision
        "bf16-mixed": products of the trunk and of LPIPS in bfloat16 where the machine has them; "32-true": none.
    log_every, checkpoint_every
        steps between two rows of the log, and between two checkpoints.
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
        """The type of the products that need not be exact; 32 bits too where the machine has no faster ones."""
        return PRECISIONS[self.precision] if has_bfloat16() else torch.float32


#: Section 6.2 of the paper, to the letter. Steps of 1e-6 reach weights of 32 bits; only products are coarser.
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
    """(batch,) which of ``count`` crops make batch number ``step``: shuffled again each epoch, from ``step`` alone."""
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
