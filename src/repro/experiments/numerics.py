"""Is a stored result still valid? It is stale if the numerical code, the photos, the weights or the assets changed.

The code has an explicit version, :data:`NUMERICS`, that each result stores. ``tests/repro/test_stored_results.py``
recomputes part of the stored results and fails if a number changes although no version was raised.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from repro import weights
from repro.data.sets import hashes_of
from repro.experiments.settings import EncoderSweep, Experiment, PeerSweep, Sweep, Task

if TYPE_CHECKING:
    from repro.experiments.ablations import Ablation

#: Part of the code → its version. Raise it in the commit that changes numbers on purpose, beyond the tolerances of the
#: test above: results that used this part are then stale, and ``repro reproduce`` computes them again. Leave it alone
#: if code only moves or gets faster. If a change affects only some results, delete their files instead.
NUMERICS = {
    "training": 1,  # what a trained model is: crops, loss, model, optimiser
    "evaluation": 1,  # what is measured of a file: bits and metrics
    "peers": 1,  # the files of other encoders
    "encoder": 2,  # the files of our encoder and its ablations
}


def numerics_of(task: Task) -> dict[str, int]:
    """The versions that the numbers of ``task`` depend on."""
    if isinstance(task, Experiment):
        part = "training"
    else:
        part = "peers" if isinstance(task, PeerSweep) or ablation_of(task).peer else "encoder"
    return {name: NUMERICS[name] for name in (part, "evaluation")}


def assets_of(task: Task) -> dict[str, str]:
    """Asset → SHA-256, for all assets that the numbers of ``task`` depend on."""
    return ablation_of(task).hashes() if isinstance(task, EncoderSweep) else {}


def ablation_of(task: Sweep) -> Ablation:
    """The ablation that a sweep measures."""
    from repro.experiments.ablations import ABLATIONS  # imports Numba, which most results do not need

    return ABLATIONS[task.encoder]


def why_stale(task: Task, result: Mapping[str, Any]) -> str:
    """Why the stored ``result`` is no longer valid, in a few words; empty if it is valid."""
    stored, now = result.get("numerics", {}), numerics_of(task)
    changed = [name for name in now if stored.get(name) != now[name]]
    if changed:
        return f"made by another version of the code ({', '.join(changed)})"
    held, shipped = result.get("assets", {}), assets_of(task)
    others = sorted(name for name in shipped.keys() | held.keys() if shipped.get(name) != held.get(name))
    if others:
        return f"made with other files of the package ({', '.join(others)})"
    splits = {"evaluation": task.evaluation}
    if isinstance(task, Experiment):
        splits["train"] = task.crops.split
    return _other_inputs(splits, result)


def trained_alike(experiment: Experiment, result: Mapping[str, Any]) -> bool:
    """Whether training again would give a stored result's model, so that only the measuring has to be repeated."""
    same = result.get("numerics", {}).get("training") == NUMERICS["training"]
    return same and not _other_inputs({"train": experiment.crops.split}, result)


def _other_inputs(splits: Mapping[str, str], result: Mapping[str, Any]) -> str:
    """Which photos or weights of a result are not the known ones; empty if all are."""
    made = result.get("provenance", {})
    for use, split in splits.items():
        known = hashes_of(split)
        if known and made.get("data", {}).get(use, {}).get("sha256") not in known:
            return f"made with other photos ({split})"
    for name, source in made.get("weights", {}).items():
        digest = re.search(r"sha256 ([0-9a-f]+)", str(source))
        if digest and not any(digest[1].startswith(h) or h.startswith(digest[1]) for h in weights.hashes_of(name)):
            return f"made with other weights ({name})"
    return ""
