"""What a model trained at one λ gains over plain JPEG at the model's own rate, as a picture and as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from chapters.rate_distortion import forest
from chapters.tables import Rows
from repro.errors import ReproError
from repro.evaluation import Curve, Gain
from repro.experiments.claims import METRICS, SHORT, Evidence, OwnRate
from repro.experiments.claims.own_rate import COUNTING, PLAIN, decibels

#: Model → photo → point.
Models = Mapping[str, Mapping[str, Any]]
#: Counting of bits → words.
_COUNTINGS = {"bpp_sequential": "the file", COUNTING: "the paper's"}


def gain_rows(evidence: Evidence, models: Models) -> Rows:
    """Two rows per model, one for each counting of bits: its gain over plain JPEG at its own rate, in decibels."""
    rows: list[list[object]] = []
    for name, images in models.items():
        for counting, words in _COUNTINGS.items():
            plain = _plain(evidence, counting)
            cells = (_cell(images, plain, counting, m) for m in METRICS)
            rows.append([name, words, f"{_mean(images, counting):.3f}", *cells])
    return ["model", "bits of", "bits per pixel", *(f"{SHORT[m]}, dB" for m in METRICS)], rows


def has_rate(evidence: Evidence, images: Mapping[str, Any]) -> bool:
    """Whether plain JPEG reaches the model's rate on at least one photo, in the paper's counting."""
    return _gain(images, _plain(evidence, COUNTING), COUNTING, METRICS[0]) is not None


def gain_plot(evidence: Evidence, models: Models) -> Figure:
    """Plot :func:`gain_rows` in the paper's counting of bits, leaving out any metric in which plain JPEG cannot be
    compared with the model on every photo."""
    plain, rows = _plain(evidence, COUNTING), {}
    for name, images in models.items():
        gains = {m: _gain(images, plain, COUNTING, m) for m in METRICS}
        rows[f"{name}\n({_mean(images, COUNTING):.2f} bpp)"] = {
            m: decibels(gain) for m, gain in gains.items() if gain is not None and len(gain.photos) == len(images)
        }
    return forest(rows, "", "gain over plain JPEG, dB of the error (right: better)")


def _plain(evidence: Evidence, counting: str) -> Curve:
    return evidence.plain().counted(counting) if counting == COUNTING else evidence.plain()


def _mean(images: Mapping[str, Any], counting: str) -> float:
    return float(np.mean([p[counting] for p in images.values()]))


def _gain(images: Mapping[str, Any], plain: Curve, counting: str, metric: str) -> Gain | None:
    try:
        model = OwnRate({"model": {0.0: images}}, plain, "", counting, least=1)
        (found,) = model.gains(PLAIN, "model", (1e-3, 1e3), [metric])
    except ReproError:
        return None
    return found


def _cell(images: Mapping[str, Any], plain: Curve, counting: str, metric: str) -> str:
    found = _gain(images, plain, counting, metric)
    if found is None:
        return "–"
    if len(found.photos) < len(images):
        return f"– (plain JPEG reaches its rate on {len(found.photos)} of {len(images)} photos)"
    mean, low, high = decibels(found)
    return f"{mean:+.2f} ({low:+.2f} to {high:+.2f})"
