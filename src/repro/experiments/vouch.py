"""Code was rewritten and should give the same numbers: repeat a sample of the stale results, stamp the others.

A change of a module that numbers depend on makes every result stale (:mod:`repro.experiments.fingerprint`). To
compute all of them anew after a change that only tidied takes hours and proves little more than a sample does: of every
kind of run one is begun again and its first losses compared with the stored log, and its model, where it is kept, is
measured on a photo. Where both agree, the results of that kind are stamped with today's code, and say so.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment

from repro import codecs
from repro.data import photos
from repro.errors import ReproError
from repro.evaluation import evaluate_model
from repro.evaluation.measure import measure_many
from repro.experiments.fingerprint import code_of, why_stale
from repro.experiments.inputs import inputs_of
from repro.experiments.rungs import measure_rung
from repro.experiments.settings import EncoderSweep, Experiment, PeerSweep, Wanted
from repro.experiments.store import Store
from repro.files import atomic_write
from repro.model import load_checkpoint
from repro.progress import track
from repro.runtime import provenance
from repro.training import batch_indices, new_model
from repro.training.step import Stepper

#: Largest relative difference of a file's number, and of a loss while training: what another machine or number of
#: threads may make of it. The same code on an AMD processor was up to 0.7 % from an Intel one's losses after 20 steps,
#: where rounding is of third order or maps are stretched: what falls to either side by a hair decides the next step.
TOLERANCE, TOLERANCE_TRAINED = 2e-3, 1e-2
_STEPS = 20


def stale(wanted: Iterable[Wanted], store: Store) -> dict[str, list[Wanted]]:
    """Kind of run → those of its results that only other code keeps from being shown."""
    found: dict[str, list[Wanted]] = {}
    for w in {w.key: w for w in wanted}.values():
        result = store.read(w)
        if result is not None and why_stale(w, result) and not why_stale(w, result | {"code": code_of(w)}):
            found.setdefault(_kind(w), []).append(w)
    return found


def vouch(wanted: Iterable[Wanted], store: Store, data_dir: Path | None = None) -> dict[str, str]:
    """Repeat one result of each kind and stamp that kind where it came out the same; returns kind → what differs."""
    kinds, failed = stale(wanted, store), {}
    for kind, members in track(list(kinds.items()), "vouch", total=len(kinds)):
        chosen = min(members, key=lambda w: _effort(w, store))
        result = store.read(chosen)
        assert result is not None
        differs = _differs(chosen, result, store, data_dir)
        if differs:
            failed[kind] = f"{chosen.key}: {differs}"
            continue
        for member in members:
            _stamp(member, store, chosen.key)
    return failed


def _effort(wanted: Wanted, store: Store) -> tuple[bool, int]:
    """How little it takes to repeat: one whose model is at hand, and the fewest steps."""
    if not isinstance(wanted, Experiment):
        return False, 0
    return not store.checkpoint_path(wanted).exists(), wanted.recipe.steps


def _kind(wanted: Wanted) -> str:
    """What runs have in common whose numbers the same code makes."""
    if not isinstance(wanted, Experiment):
        return wanted.key
    made, terms = wanted.model, wanted.loss
    flags = (made.method, made.rounding, made.table_param, made.trunk_trained, made.minmax)
    return " ".join(map(str, (*flags, bool(terms.gamma), bool(terms.sigma), wanted.recipe.precision)))


def _differs(wanted: Wanted, result: Mapping[str, Any], store: Store, data_dir: Path | None) -> str:
    photo = next(iter(photos(wanted.evaluation, data_dir)))
    if isinstance(wanted, PeerSweep):
        stored = result["photos"][photo.name]["points"][:2]
        peer, rgb = codecs.get(wanted.codec), photo.rgb()
        again = measure_many(rgb, [peer.encode(rgb, int(point["setting"])) for point in stored])
        return next((d for one, other in zip(stored, again, strict=True) if (d := _apart(one, other))), "")
    if isinstance(wanted, EncoderSweep):
        stored = result["photos"][photo.name]["points"][:1]
        (point,) = measure_rung(wanted, photo.rgb(), [int(stored[0]["setting"])])
        return _apart(stored[0], {name: value for name, value in point.items() if name != "seconds"})
    if store.checkpoint_path(wanted).exists():
        model, _ = load_checkpoint(store.checkpoint_path(wanted))
        (measured,) = evaluate_model(model, [photo]).values()
        if differs := _apart(result["images"][photo.name], measured):
            return differs
    return _losses_apart(wanted, result["log"], store, data_dir)


def _losses_apart(wanted: Experiment, log: list[dict[str, float]], store: Store, data_dir: Path | None) -> str:
    """Train for a few steps and compare with the log."""
    stored = {int(row["step"]): row for row in log if row["step"] <= _STEPS}
    pool, _ = inputs_of(wanted, photos(wanted.crops.split, data_dir), store.scratch / "cache")
    recipe, fabric = wanted.recipe, Fabric(accelerator="cpu", devices=1, plugins=[LightningEnvironment()])
    stepper = Stepper(new_model(wanted.model, recipe), wanted.loss, recipe, fabric)
    stepper.set_up()
    for step in range(max(stored, default=0)):
        batch = pool.batch(batch_indices(step, len(pool), recipe.batch, recipe.seed), fabric.device)
        terms = stepper.mean(stepper(step, batch, tell=True))
        if step + 1 in stored and (differs := _apart(stored[step + 1], terms, TOLERANCE_TRAINED)):
            return f"step {step + 1}: {differs}"
    return "" if stored else "its log has no step that could be compared"


def _apart(stored: Mapping[str, Any], again: Mapping[str, Any], tolerance: float = TOLERANCE) -> str:
    """The first number that differs by more than ``tolerance``, in words; empty where none does."""
    for name in again:
        one, other = stored.get(name), again[name]
        if one is None and other is None:
            continue
        if one is None or other is None or not math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance):
            return f"{name} was {one}, now {other}"
    return ""


def _stamp(wanted: Wanted, store: Store, by: str) -> None:
    result = store.read(wanted)
    if result is None:
        raise ReproError(f"{store.result_path(wanted)}: is gone; run `repro reproduce`")
    made = provenance()
    told = {"repeated": by, "commit": made["commit"], "modified": made["modified"], "date": made["date"]}
    result |= {"code": code_of(wanted), "vouched": told}
    atomic_write(store.result_path(wanted), json.dumps(result, indent=1) + "\n")
