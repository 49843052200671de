"""Curves of chapter 10's encoders with savings known by construction, and stored results made from them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from made_curves import curve
from repro.data.sets import hashes_of
from repro.evaluation import Curve
from repro.experiments import EncoderSweep, Store
from repro.experiments.numerics import assets_of, numerics_of
from repro.experiments.registry import ABLATION_QUALITIES, COMPARED_QUALITIES, PLAIN, RIVALS

#: Encoder → its bits as a multiple of plain JPEG's, at every quality.
FACTORS = {
    PLAIN: 1.0,
    **dict.fromkeys(RIVALS, 0.95),
    "mozjpeg": 0.9,
    "jpegli-420": 0.85,
    "jpegli-420-noaq": 0.8,
    "fast": 0.8,
    "default": 0.75,
    "best": 0.6,
}
ABLATED = {name: 0.9 for name in ABLATION_QUALITIES}


def encoder_curve(
    name: str, factor: float = 1.0, seconds: float = 1.0, photos: int = 8, points: int = 8, **worse: float
) -> Curve:
    """A curve at ``factor`` times the bits, with scores that grow with the logarithm of the rate, and times."""
    made = curve(name, worse, saved=factor, photos=photos, points=points, rates=(0.15, 4.0))
    images = {}
    for i, (photo, of) in enumerate(made.images.items()):
        scores = [60 + 40 * np.log10((p["bpp"] or 0) / factor) - i for p in of]
        images[photo] = tuple(
            {
                **p,
                "ssimulacra2": score,
                "butteraugli": 10 ** ((100 - score) / 40),
                "mse_y_blurred": (p["mse"] or 0) / 100,
                "seconds": seconds,
            }
            for p, score in zip(of, scores, strict=True)
        )
    return Curve(name, images)


def write_results(store: Store, evaluation: str) -> None:
    """Write results of every encoder as they would be stored, for photos that do not exist."""
    made: dict[str, Any] = {"commit": "0123456789abcdef", "modified": False, "date": "2026-01-01T00:00:00"}
    made |= {"cpu": "a processor", "gpu": None, "cores": 2, "threads": 1, "versions": {"torch": "2"}}
    made |= {"data": {"evaluation": {"source": "made", "sha256": next(iter(hashes_of(evaluation)), "")}}}
    for name, qualities in {**COMPARED_QUALITIES, **(ABLATION_QUALITIES if evaluation == "check" else {})}.items():
        sweep = EncoderSweep(name, qualities, evaluation)
        kept = {}
        for photo, of in encoder_curve(name, (FACTORS | ABLATED)[name], points=len(qualities)).images.items():
            points = [{**p, "setting": quality} for p, quality in zip(of, qualities, strict=True)]
            kept[photo] = {"sha256": "0", "seconds": 6.0, "points": points}
        result = {"name": name, "ablation": name, "evaluation": evaluation, "photos": kept, "seconds": 48.0}
        result |= {"numerics": numerics_of(sweep), "assets": assets_of(sweep), "provenance": made}
        store.result_path(sweep).parent.mkdir(parents=True, exist_ok=True)
        store.result_path(sweep).write_text(json.dumps(result))
