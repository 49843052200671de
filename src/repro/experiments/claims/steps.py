"""Section 6.7: rate, MSE and MS-SSIM on the way through training, with and without attention (Figs. 13 and 14)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from repro.experiments.claims import verdicts as v

#: metric → which way the paper says that it goes as training goes on.
DIRECTIONS = {"bpp": -1, "mse": 1, "ms_ssim": -1}
#: Each as the evidence says it.
_TOLD = {
    "bpp": "bits per pixel {:.2f} → {:.2f}",
    "mse": "MSE {:.1f} → {:.1f}",
    "ms_ssim": "MS-SSIM {:.4f} → {:.4f}",
}
#: So many of all changes from one snapshot to the next have to go that way.
MOSTLY = 0.75

Means = dict[str, np.ndarray]


def means(snapshots: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Means:
    """Of snapshots (step → photo → point): "step", and each of :data:`DIRECTIONS` as the mean over photos."""
    steps = sorted(snapshots, key=int)
    found = {"step": np.array([int(s) for s in steps])}
    for metric in DIRECTIONS:
        found[metric] = np.array([np.mean([p[metric] for p in snapshots[s].values()]) for s in steps])
    return found


def judge_directions(runs: Mapping[str, Means]) -> v.Judged:
    """bpp falls, MSE rises and MS-SSIM falls, from the first step to the last and mostly on the way, in every run."""
    parts, told = [], []
    for name, run in runs.items():
        shares = {}
        for metric, sign in DIRECTIONS.items():
            changes = sign * np.diff(run[metric])
            shares[metric] = float((changes > 0).mean())
            right = sign * (run[metric][-1] - run[metric][0]) > 0
            parts.append(v.REPRODUCED if right and shares[metric] >= MOSTLY else v.PARTLY if right else v.NOT)
        words = ", ".join(_TOLD[metric].format(run[metric][0], run[metric][-1]) for metric in DIRECTIONS)
        least = min(shares.values())
        way = "all" if least == 1 else f"at least {100 * least:.0f} %"
        told.append(f"{name}: {words} ({way} of the changes go the paper's way)")
    return v.Judged(v.together(parts) if parts else v.NOT_YET, "; ".join(told))
