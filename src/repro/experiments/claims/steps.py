"""Section 6.7: rate, MSE and MS-SSIM during training, with and without attention (Figs. 13 and 14)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from repro.experiments.claims.claim import NOT, PARTLY, REPRODUCED, Effect, Judgement, claim
from repro.experiments.claims.verdicts import together

#: metric → 1 or −1: the paper says that it rises or falls during training.
DIRECTIONS = {"bpp": -1, "mse": 1, "ms_ssim": -1}
_SHORT = {"bpp": "bits", "mse": "MSE", "ms_ssim": "MS-SSIM"}
_EVIDENCE = "bits per pixel {:.2f} → {:.2f}, MSE {:.1f} → {:.1f}, MS-SSIM {:.4f} → {:.4f}"
#: Smallest share of the changes from one snapshot to the next that must go that way.
MOSTLY = 0.75

Means = dict[str, np.ndarray]


def means(snapshots: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Means:
    """Arrays from snapshots (step → photo → point): "step", and the mean over photos of each of :data:`DIRECTIONS`."""
    steps = sorted(snapshots, key=int)
    found = {"step": np.array([int(s) for s in steps])}
    for metric in DIRECTIONS:
        found[metric] = np.array([np.mean([p[metric] for p in snapshots[s].values()]) for s in steps])
    return found


@claim(
    15,
    "6.7, Fig. 13, 14",
    "with the training step, bits fall, the mean square error grows and MS-SSIM falls",
    figure="13",
    on=lambda evidence: evidence.on_the_way(),
    twice=True,
)
def judge_directions(runs: Mapping[str, Means]) -> Judgement:
    """In every run, each metric goes the paper's way from first to last snapshot, and mostly from one to the next."""
    parts, evidence, shown = [], [], []
    for name, run in runs.items():
        shares = []
        for metric, sign in DIRECTIONS.items():
            shares.append(float((sign * np.diff(run[metric]) > 0).mean()))
            right = sign * (run[metric][-1] - run[metric][0]) > 0
            change = sign * (run[metric][-1] - run[metric][0]) / max(run[metric][0], run[metric][-1])
            shown.append(Effect(name, _SHORT[metric], ((float(change),) * 3,)))
            parts.append(REPRODUCED if right and shares[-1] >= MOSTLY else PARTLY if right else NOT)
        ends = _EVIDENCE.format(*(run[metric][at] for metric in DIRECTIONS for at in (0, -1)))
        way = "all" if min(shares) == 1 else f"at least {100 * min(shares):.0f} %"
        evidence.append(f"{name}: {ends} ({way} of the changes go the paper's way)")
    return Judgement(together(parts), "; ".join(evidence), tuple(shown))
