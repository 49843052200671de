"""The rungs of chapter 10, measured alike: files at each quality, photo by photo, and what was stored of that.

A result is ``{"name", "ablation", "evaluation", "photos": {name: {"sha256", "points", "seconds"}}, "seconds",
"numerics", "assets", "provenance"}``. A point has what :func:`repro.evaluation.measure` gives, ``ssimulacra2``,
``setting`` (the quality) and ``seconds`` of encoding on one thread, beside whatever else the machine had to do.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from repro.data import PhotoSet
from repro.encoder.analysis import one_thread
from repro.evaluation import measure_many
from repro.evaluation.curves import Point
from repro.experiments.grafts import rung_of
from repro.experiments.inputs import describe
from repro.experiments.numerics import assets_of, numerics_of, why_stale
from repro.experiments.settings import EncoderSweep
from repro.files import atomic_write
from repro.progress import track
from repro.runtime import provenance

if TYPE_CHECKING:
    from repro.experiments.ablations import Encode
    from repro.experiments.store import Store


#: Pixels a side of a part of the photo that is encoded before times are taken.
_WARM = 64


def climb(wanted: EncoderSweep, store: Store, evaluation: PhotoSet) -> None:
    """Measure a rung and store it; goes on where it was cut off, photo by photo, and keeps what is still so."""
    path, part = store.result_path(wanted), store.scratch / f"{wanted.key}.json"
    with one_thread():
        result: dict[str, Any] = {
            "name": rung_of(wanted.ablation).label,
            "ablation": wanted.ablation,
            "evaluation": wanted.evaluation,
            "photos": _kept(wanted, part, path),
            "numerics": numerics_of(wanted),
            "assets": assets_of(wanted),
            "provenance": provenance() | {"data": {"evaluation": describe(evaluation)}},
        }
        for photo in track(evaluation.items, wanted.key, len(evaluation)):
            known = result["photos"].get(photo.name, {})
            known = known if known.get("sha256") == photo.sha256 else {"points": [], "seconds": 0.0}
            due = sorted(set(wanted.qualities) - {point["setting"] for point in known["points"]})
            if due:
                begun = time.perf_counter()
                points = sorted([*known["points"], *measure_rung(wanted, photo.rgb(), due)], key=lambda p: p["setting"])
                seconds = round(known["seconds"] + time.perf_counter() - begun, 2)
                result["photos"][photo.name] = {"sha256": photo.sha256, "points": points, "seconds": seconds}
                part.parent.mkdir(parents=True, exist_ok=True)
                atomic_write(part, json.dumps(result))
    result["seconds"] = round(sum(photo["seconds"] for photo in result["photos"].values()), 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, json.dumps(result, indent=1) + "\n")
    part.unlink(missing_ok=True)


def measure_rung(wanted: EncoderSweep, rgb: np.ndarray, qualities: Sequence[int]) -> list[Point]:
    """A point of the photo ``rgb``, (H, W, 3) uint8, at each of ``qualities``."""
    return measure_encoder(rung_of(wanted.ablation).encode, rgb, qualities)


def measure_encoder(encode: Encode, rgb: np.ndarray, qualities: Sequence[int]) -> list[Point]:
    """As :func:`measure_rung`, of any function of pixels and quality."""
    files, seconds = [], []
    encode(rgb[:_WARM, :_WARM], qualities[0])  # what is compiled or read at first is no part of the times
    for quality in qualities:
        begun = time.perf_counter()
        files.append(encode(rgb, quality))
        seconds.append(time.perf_counter() - begun)
    measured = measure_many(rgb, files, more=["ssimulacra2"])
    points = []
    for quality, took, values in zip(qualities, seconds, measured, strict=True):
        values |= {"seconds": took}
        rounded = {name: None if value is None else float(f"{value:.6g}") for name, value in values.items()}
        points.append({"setting": quality, **rounded})
    return points


def _kept(wanted: EncoderSweep, *paths: Path) -> dict[str, Any]:
    """The photos of the first file that is there, can be read, and was made with what is here now."""
    for path in paths:
        try:
            stored = json.loads(path.read_text())
            if stored["ablation"] == wanted.ablation and not why_stale(wanted, stored):
                return dict(stored["photos"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return {}
