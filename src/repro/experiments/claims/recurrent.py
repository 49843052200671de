"""Section 6.8: LSTM and BiLSTM attention against convolutional attention (Figs. 4 and 15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from repro.evaluation import value_at_rate
from repro.experiments.claims import verdicts as v
from repro.experiments.claims.claim import NOT, NOT_YET, REPRODUCED, Effect, Judgement, claim
from repro.experiments.claims.loss import STANDARD
from repro.experiments.claims.own_rate import OwnRate
from repro.experiments.claims.verdicts import Seeds, judgement, paper_gains
from repro.experiments.settings import Variant

CNN, LSTM, BILSTM = (Variant(method).series for method in ("vgg16", "lstm", "bilstm"))
STRETCHED = Variant("lstm", minmax=True).series
FIGURE_15 = (STANDARD, CNN, LSTM, BILSTM, STRETCHED)
_NAMES = {STANDARD: "standard JPEG", CNN: "CNN", LSTM: "LSTM", BILSTM: "BiLSTM"}
#: The paper's "lower BPP levels", and the rates between which MS-SSIM is said to saturate.
LOW_RATES, HIGH_RATES = (0.25, 0.28, 0.30), (0.36, 0.42)
#: A run overshoots if its loss ends at more than this many times its minimum.
OVERSHOOT = 1.05

Log = Sequence[Mapping[str, float]]


@claim(
    16,
    "6.8, Fig. 15",
    "“LSTM and Bi-LSTM based models perform sub-optimally as compared to their CNN-only counterpart”",
    figure="15",
    twice=True,
)
def judge_below(curves: Seeds | OwnRate) -> Judgement:
    """Convolutional attention is better than both in MS-SSIM."""
    others = {"CNN against LSTM": LSTM, "CNN against BiLSTM": BILSTM}
    found = {name: paper_gains(curves, other, CNN, metrics=["ms_ssim"]) for name, other in others.items()}
    return judgement(v.together(map(v.wins, found.values())), found)


@claim(17, "6.8, Fig. 15", "Bi-LSTM “leads to performance lower than a single LSTM layer”", figure="15", twice=True)
def judge_order(curves: Seeds | OwnRate) -> Judgement:
    """A single LSTM is better in MS-SSIM."""
    found = {"LSTM against BiLSTM": paper_gains(curves, BILSTM, LSTM, metrics=["ms_ssim"])}
    return judgement(v.wins(*found.values()), found)


@claim(
    18,
    "6.8",
    "min–max normalisation of the attention map “resulted in further degrading the performance”",
    figure="15",
    twice=True,
)
def judge_stretching(curves: Seeds | OwnRate) -> Judgement:
    """The LSTM without normalisation is better in MS-SSIM."""
    found = {"LSTM without normalisation against with": paper_gains(curves, STRETCHED, LSTM, metrics=["ms_ssim"])}
    return judgement(v.wins(*found.values()), found)


@claim(
    19,
    "6.8",
    "“any LR greater than 1e-6 leads to over-shooting”",
    figure="15",
    on=lambda evidence: evidence.lstm_logs(),
)
def judge_rates(logs: Mapping[float, Log]) -> Judgement:
    """All learning rates above the smallest overshoot; the smallest does not. ``logs``: learning rate → log."""
    smallest, *larger = sorted(logs)
    over = {rate: overshoot(logs[rate]) for rate in sorted(logs)}
    lowest = min(logs, key=lambda rate: _smooth(logs[rate])[-1])
    each = ", ".join(f"{learning_rate(rate)}: {value:.2f}" for rate, value in over.items())
    evidence = f"the loss's end over its least value: {each}; {learning_rate(lowest)} ends lowest"
    shown = tuple(Effect(learning_rate(rate), "", ((end - 1,) * 3,)) for rate, end in over.items())
    if over[smallest] > OVERSHOOT:
        return Judgement(NOT, evidence, shown)
    verdict = v.together(REPRODUCED if over[rate] > OVERSHOOT else NOT for rate in larger)
    return Judgement(verdict, evidence, shown)


@claim(
    20,
    "6.8, Fig. 15",
    "at lower rates “these models still are struggling to beat the vanilla JPEG baseline”",
    figure="15",
    twice=True,
)
def judge_low_rates(curves: Seeds | OwnRate) -> Judgement:
    """The recurrent models are not clearly better than standard JPEG at low rates."""
    others = {"LSTM against standard JPEG": LSTM, "BiLSTM against standard JPEG": BILSTM}
    found = {name: paper_gains(curves, STANDARD, other, LOW_RATES, ["ms_ssim"]) for name, other in others.items()}
    verdict = v.wins([g for f in found.values() for g in f]) if all(found.values()) else NOT_YET
    return judgement({REPRODUCED: NOT, NOT: REPRODUCED}.get(verdict, verdict), found)


@claim(21, "6.8, Fig. 15", "as bits per pixel increase, “the MS-SSIM saturates”", figure="15")
def judge_saturation(curves: Seeds) -> Judgement:
    """MS-SSIM of both rises by less than half as much as standard JPEG's."""
    found, photos = rises(curves)
    if not found:
        return Judgement(NOT_YET, v.UNREACHED)
    half = 0.5 * found[STANDARD]  # a saturated curve rises by less than this
    verdict = v.together(REPRODUCED if found[n] < half else NOT for n in (LSTM, BILSTM))
    each = ", ".join(f"{_NAMES[name]} {rise:+.4f}" for name, rise in found.items())
    low, high = HIGH_RATES
    shown = tuple(Effect(_NAMES[n], "MS-SSIM", (((half - found[n]) / half,) * 3,)) for n in (LSTM, BILSTM))
    rates = f"MS-SSIM from {low:g} to {high:g} bpp (paper's counting)"
    return Judgement(verdict, f"{rates}, on the {photos} photos that reach both: {each}", shown)


def rises(curves: Seeds) -> tuple[dict[str, float], int]:
    """Series → how much MS-SSIM rises from the lower of :data:`HIGH_RATES` to the higher; and on how many photos.

    Easy photos, whose MS-SSIM is high, never reach high rates, so all means are over the photos that reach both rates
    in every series. Empty if these are not :func:`~repro.experiments.claims.verdicts.enough`.
    """
    ends = {
        name: [
            [value_at_rate(curve, rate, "ms_ssim").values for rate in HIGH_RATES]
            for curve in v.counted(curves[name], "bpp_paper")
        ]
        for name in _NAMES
    }
    photos = set.intersection(*(set(values) for seeds in ends.values() for seed in seeds for values in seed))
    if len(photos) < v.enough(curves[STANDARD]):
        return {}, len(photos)
    rise = {name: np.mean([high[p] - low[p] for low, high in seeds for p in photos]) for name, seeds in ends.items()}
    return {name: float(mean) for name, mean in rise.items()}, len(photos)


def learning_rate(rate: float) -> str:
    """ "1e-6", as the paper writes learning rates."""
    return f"{rate:.0e}".replace("e-0", "e-")


def overshoot(log: Log) -> float:
    """The final loss over the smallest, both as means of ten rows of the log."""
    smooth = _smooth(log)
    return float(smooth[-1] / smooth.min())


def _smooth(log: Log) -> np.ndarray:
    losses = np.array([row["loss"] for row in log])
    window = min(10, len(losses))
    return np.convolve(losses, np.ones(window) / window, "valid")
