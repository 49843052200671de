"""The experiments: which runs make which figure, and stored results, so that none is computed twice.

An :class:`Experiment` is frozen and serialisable; the hash of its canonical JSON is its key. Its result is
``data/results/<key>.json`` (points per image, loss curve, provenance) and ``data/checkpoints/<key>.safetensors``; a
:class:`PeerSweep`'s is ``data/results/peers/<codec>-<split>.json``, an :class:`EncoderSweep`'s
``data/results/ablations/<ablation>-<split>.json``. :func:`plan` lists what is missing, :func:`reproduce` runs it,
:func:`stored_curves` reads what is there.
"""

from repro.experiments.profiles import PROFILES, profile_of
from repro.experiments.registry import FIGURES, everything, experiments_of
from repro.experiments.run import plan, reproduce, run, step_reached
from repro.experiments.settings import Crops, EncoderSweep, Experiment, PeerSweep, Task, Variant, with_seed
from repro.experiments.store import Store, stored_curves, stored_runs

__all__ = [
    "FIGURES",
    "PROFILES",
    "Crops",
    "EncoderSweep",
    "Experiment",
    "PeerSweep",
    "Store",
    "Task",
    "Variant",
    "everything",
    "experiments_of",
    "plan",
    "profile_of",
    "reproduce",
    "run",
    "step_reached",
    "stored_curves",
    "stored_runs",
    "with_seed",
]
