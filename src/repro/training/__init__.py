"""One training loop, on Lightning Fabric: CPU, one GPU or several, full or mixed precision.

A run is a function of its settings, its crops and its seed: which crops make batch number t is computed from t alone,
so a run that was killed goes on from its last checkpoint and ends with the same bits as one that was not. (To the bit
it also depends on the machine: on the size of the parts of a batch that fit into memory, and on whether there is room
on disk for a frozen trunk's features, which are kept in 16 bits.)
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
