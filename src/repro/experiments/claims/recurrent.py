"""Section 6.8: LSTM and BiLSTM attention against convolutional attention (Figs. 4 and 15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from repro.evaluation.bdrate import Curves
from repro.experiments.claims import verdicts as v
from repro.experiments.claims.loss import STANDARD, Seeds, paper_gains
from repro.experiments.settings import Variant

CNN, LSTM, BILSTM, STRETCHED = (
    Variant("vgg16").series,
    Variant("lstm").series,
    Variant("bilstm").series,
    Variant("lstm", minmax=True).series,
)
FIGURE_15 = (STANDARD, CNN, LSTM, BILSTM, STRETCHED)
_NAMES = {STANDARD: "standard JPEG", LSTM: "LSTM", BILSTM: "BiLSTM"}
#: "Lower BPP levels", and where MS-SSIM is said to saturate.
LOW_RATES, HIGH_RATES = (0.25, 0.28, 0.30), (0.36, 0.42)
#: A run overshoots that ends this much above the least loss that it had.
OVERSHOOT = 1.05

Log = Sequence[Mapping[str, float]]


def judge_below(curves: Seeds) -> v.Judged:
    """Fig. 15: LSTM and BiLSTM attention are below convolutional attention in MS-SSIM."""
    found = [paper_gains(curves, other, CNN, metrics=["ms_ssim"]) for other in (LSTM, BILSTM)]
    evidence = f"CNN against LSTM: {v.told(found[0])}; against BiLSTM: {v.told(found[1])}"
    return v.Judged(v.together(v.wins(g) for g in found), evidence)


def judge_order(curves: Seeds) -> v.Judged:
    """Fig. 15: BiLSTM is lower than a single LSTM."""
    return _over(curves, BILSTM, LSTM, "LSTM against BiLSTM")


def judge_stretching(curves: Seeds) -> v.Judged:
    """Section 6.8: min-max normalisation of the map degrades the performance."""
    return _over(curves, STRETCHED, LSTM, "LSTM without normalisation against with")


def judge_low_rates(curves: Seeds) -> v.Judged:
    """Section 6.8: at low rates the recurrent models struggle to beat standard JPEG (here: are not clearly better)."""
    found = [paper_gains(curves, STANDARD, other, LOW_RATES, ["ms_ssim"]) for other in (LSTM, BILSTM)]
    flat = [g for f in found for g in f]
    turned = {v.REPRODUCED: v.NOT, v.NOT: v.REPRODUCED}
    verdict = v.wins(flat) if all(found) else v.NOT_YET
    evidence = f"LSTM against standard JPEG: {v.told(found[0])}; BiLSTM: {v.told(found[1])}"
    return v.Judged(turned.get(verdict, verdict), evidence)


def judge_saturation(curves: Seeds) -> v.Judged:
    """Section 6.8: MS-SSIM saturates as bits increase (here: rises by less than half of what standard JPEG's does)."""
    found = {name: _rise(curves, name) for name in (STANDARD, LSTM, BILSTM)}
    rises = {name: rise for name, rise in found.items() if rise is not None}
    if len(rises) < len(found):
        return v.Judged(v.NOT_YET, "the curves do not reach these rates")
    parts = [v.REPRODUCED if rises[n] < 0.5 * rises[STANDARD] else v.NOT for n in (LSTM, BILSTM)]
    told = ", ".join(f"{_NAMES[name]} {rise:+.4f}" for name, rise in rises.items())
    low, high = HIGH_RATES
    return v.Judged(v.together(parts), f"MS-SSIM from {low:g} to {high:g} bpp (paper's counting): {told}")


def judge_rates(logs: Mapping[float, Log]) -> v.Judged:
    """Section 6.8: learning rates above the smallest overshoot. ``logs``: learning rate → log."""
    smallest, *larger = sorted(logs)
    over = {rate: overshoot(logs[rate]) for rate in logs}
    parts = [v.REPRODUCED if over[rate] > OVERSHOOT else v.NOT for rate in larger]
    told = ", ".join(f"{learning_rate(rate)}: {value:.2f}" for rate, value in sorted(over.items()))
    lowest = min(logs, key=lambda rate: _smooth(logs[rate])[-1])
    evidence = f"the loss's end over its least value: {told}; {learning_rate(lowest)} ends lowest"
    if over[smallest] > OVERSHOOT:
        return v.Judged(v.NOT, evidence)
    return v.Judged(v.together(parts), evidence)


def learning_rate(rate: float) -> str:
    """ "1e-6", as the paper writes learning rates."""
    return f"{rate:.0e}".replace("e-0", "e-")


def overshoot(log: Log) -> float:
    """Where the loss ends, over the least that it was, both means of some rows."""
    smooth = _smooth(log)
    return float(smooth[-1] / smooth.min())


def _smooth(log: Log, window: int = 10) -> np.ndarray:
    losses = np.array([row["loss"] for row in log])
    window = min(window, len(losses))
    return np.convolve(losses, np.ones(window) / window, "valid")


def _over(curves: Seeds, anchor: str, test: str, label: str) -> v.Judged:
    found = paper_gains(curves, anchor, test, metrics=["ms_ssim"])
    return v.Judged(v.wins(found), f"{label}: {v.told(found)}")


def _rise(curves: Mapping[str, Curves], name: str) -> float | None:
    """How much MS-SSIM rises over :data:`HIGH_RATES`; None where a curve does not reach both."""
    ends = paper_gains(curves, name, name, HIGH_RATES, ["ms_ssim"])
    return ends[1].test - ends[0].test if len(ends) == 2 else None
