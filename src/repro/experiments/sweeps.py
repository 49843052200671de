"""Sweeps: an encoder's files at several qualities, measured photo by photo, and stored.

A result is ``{"name", "evaluation", "photos": {name: {"sha256", "points", "seconds"}}, "seconds", "numerics",
"provenance"}``, with ``"ablation"`` and ``"assets"`` for an ablation. A point is what
:func:`repro.evaluation.measure_settings` returns; its ``setting`` is the quality.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from repro import codecs
from repro.data import PhotoSet
from repro.evaluation import measure_settings
from repro.evaluation.curves import Point
from repro.experiments.inputs import describe
from repro.experiments.numerics import ablation_of, assets_of, numerics_of, why_stale
from repro.experiments.settings import PeerSweep, Sweep
from repro.files import atomic_write
from repro.progress import track
from repro.runtime import provenance
from repro.threads import one_thread

if TYPE_CHECKING:
    from repro.experiments.store import Store

#: Metrics of chapter 10's files in addition to :data:`repro.evaluation.measure.MEASURED`.
WIDE_METRICS = ("ssimulacra2", "butteraugli", "mse_y_blurred")


def measure_sweep(task: Sweep, store: Store, evaluation: PhotoSet) -> None:
    """Measure a sweep and store it.

    Continues after the last photo of an interrupted sweep, and keeps stored qualities that are still valid.
    """
    path, part = store.result_path(task), store.scratch / f"{task.key}.json"
    kept = _kept(task, part, path)
    with one_thread():
        result: dict[str, Any] = {
            **_named(task),
            "evaluation": task.evaluation,
            "photos": {photo.name: kept[photo.name] for photo in evaluation if photo.name in kept},
            "numerics": numerics_of(task),
            "provenance": provenance() | {"data": {"evaluation": describe(evaluation)}},
        }
        for photo in track(evaluation, task.key):
            stored = result["photos"].get(photo.name, {})
            stored = stored if stored.get("sha256") == photo.sha256 else {"points": []}
            due = sorted(set(task.qualities) - {point["setting"] for point in stored["points"]})
            if due:
                begun = time.perf_counter()
                points = [*stored["points"], *measure_photo(task, photo.rgb(), due)]
                points.sort(key=lambda point: point["setting"] or 0)
                seconds = round(stored.get("seconds", 0.0) + time.perf_counter() - begun, 2)
                result["photos"][photo.name] = {"sha256": photo.sha256, "points": points, "seconds": seconds}
                part.parent.mkdir(parents=True, exist_ok=True)
                atomic_write(part, json.dumps(result))
    result["seconds"] = round(sum(photo.get("seconds", 0.0) for photo in result["photos"].values()), 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, json.dumps(result, indent=1) + "\n")
    part.unlink(missing_ok=True)


def measure_photo(task: Sweep, rgb: np.ndarray, qualities: Sequence[int]) -> list[Point]:
    """One point for each of ``qualities`` of the photo ``rgb``, (H, W, 3) uint8."""
    if isinstance(task, PeerSweep):
        return measure_settings(rgb, codecs.get(task.encoder).encode, qualities)
    return measure_settings(rgb, ablation_of(task).encode, qualities, more=WIDE_METRICS)


def _named(task: Sweep) -> dict[str, Any]:
    if isinstance(task, PeerSweep):
        return {"name": codecs.get(task.encoder).label}
    return {"name": ablation_of(task).label, "ablation": task.encoder, "assets": assets_of(task)}


def _kept(task: Sweep, *paths: Path) -> dict[str, Any]:
    """The stored photos of the first of these files that can be read and is still valid; empty if none is."""
    for path in paths:
        try:
            stored = json.loads(path.read_text())
            if not why_stale(task, stored):
                return dict(stored["photos"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return {}
