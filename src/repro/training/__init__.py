"""One training loop, on Lightning Fabric: CPU, one GPU or several, full or mixed precision.

A run is a function of its settings, its crops and its seed. Which crops make batch number t depends on t and the seed
alone, so a run that was killed resumes from its last checkpoint and ends bit for bit like an uninterrupted one. (The
bits also depend on the machine: on how large a part of a batch fits into memory, and on whether the disk has room for a
frozen trunk's features, which are kept in 16 bits.)
"""

from repro.training.devices import one_device, processes
from repro.training.loop import Trained, new_model, train
from repro.training.pool import Pool, precomputed_pool
from repro.training.recipe import PAPER_RECIPE, PRECISIONS, Recipe, batch_indices, learning_rate

__all__ = [
    "PAPER_RECIPE",
    "PRECISIONS",
    "Pool",
    "Recipe",
    "Trained",
    "batch_indices",
    "learning_rate",
    "new_model",
    "one_device",
    "precomputed_pool",
    "processes",
    "train",
]
