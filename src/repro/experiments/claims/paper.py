"""Every claim of the paper, and who judges it on what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from repro.errors import ReproError
from repro.experiments.claims import loss, recurrent, steps, times, trunks
from repro.experiments.claims.evidence import Evidence
from repro.experiments.claims.verdicts import NOT_TESTABLE, NOT_YET, Judged


@dataclass(frozen=True)
class Claim:
    """One claim of the paper: its number in the book, where it stands, its words, our verdict and the evidence.

    ``figure`` names the runs that it is judged on, ``page`` where the book tells it.
    """

    number: int
    where: str
    words: str
    figure: str = ""
    page: str = ""
    judge: Callable[[Evidence], Judged] | None = field(default=None, compare=False, repr=False)
    verdict: str = NOT_YET
    evidence: str = ""

    @property
    def command(self) -> str:
        """What computes the evidence again; empty where nothing does."""
        if self.figure in ("11", "12"):
            return "make bench"
        return f"repro reproduce --figure {self.figure}" if self.figure else ""


def all_claims(evidence: Evidence | None = None) -> list[Claim]:
    """Every claim of the paper, judged where the stored results allow it; else "not yet", and why."""
    found = evidence or Evidence()
    return [_judged(claim, found) for claim in CLAIMS]


def _judged(claim: Claim, evidence: Evidence) -> Claim:
    if claim.judge is None:
        return claim
    try:
        judged = claim.judge(evidence)
    except ReproError as error:  # it begins with a file's name, which is nothing for a page
        judged = Judged(NOT_YET, str(error).partition(": ")[2] or str(error))
    return replace(claim, verdict=judged.verdict, evidence=judged.evidence)


def _page(name: str, label: str) -> str:
    return f"../notebooks/{name}.html#{label}"


_LOSS, _TRUNKS = _page("05_first_experiment", "ch-first-experiment"), _page("06_resnet", "ch-resnet")
_RECURRENT, _TIME = _page("07_lstm", "ch-lstm"), _page("08_run_time", "ch-run-time")
_STEPS = _page("09_steps", "ch-steps")

#: Every claim of the paper, in its order.
CLAIMS = (
    Claim(
        1,
        "6.4, Fig. 5",
        "with MS-SSIM in the loss, “our approach outperforms the baseline at every point” in MS-SSIM (0.25–0.42 bpp)",
        "5",
        _LOSS,
        lambda e: loss.judge_ms_ssim(e.seeds("5")),
    ),
    Claim(
        2,
        "6.4, Fig. 5",
        "“Without decreasing other metrics, we increase the MS-SSIM”",
        "5",
        _LOSS,
        lambda e: loss.judge_harmless(e.seeds("5")),
    ),
    Claim(
        3,
        "6.4, Fig. 6",
        "“our result looks better in terms of color and pixel blocks” (0.315 bpp)",
        "6",
        _LOSS,
        lambda e: loss.judge_pictures(e.seeds("5")),
    ),
    Claim(
        4,
        "6.4, Fig. 7",
        "smaller weights are “better than the baseline but not as good as larger weights”",
        "7",
        _LOSS,
        lambda e: loss.judge_weights(e.seeds("5", "7")),
    ),
    Claim(
        5,
        "6.4, Fig. 7",
        "replacing LPIPS by MS-SSIM “improves the MS-SSIM score without decreasing other metrics”",
        "7",
        _LOSS,
        lambda e: loss.judge_no_lpips(e.seeds("5", "7")),
    ),
    Claim(
        6,
        "6.5, Fig. 8",
        "VGG and ResNet: “both methods are better than the traditional JPEG method”",
        "8",
        _TRUNKS,
        lambda e: trunks.judge_standard(e.seeds("8")),
    ),
    Claim(
        7,
        "6.5, Fig. 8",
        "in MSE and LPIPS, ResNet and VGG are “almost identical”",
        "8",
        _TRUNKS,
        lambda e: trunks.judge_alike(e.seeds("8")),
    ),
    Claim(
        8,
        "6.5, Fig. 8",
        "in MS-SSIM, “the score of ResNet is lower than VGG in bpp interval [0.26, 0.31]”",
        "8",
        _TRUNKS,
        lambda e: trunks.judge_lower(e.seeds("8")),
    ),
    Claim(
        9,
        "6.5, Fig. 9",
        "“no obvious difference in raw eyes at the same bit rate”",
        "9",
        _TRUNKS,
        lambda e: trunks.judge_eyes(e.seeds("8")),
    ),
    Claim(
        10,
        "6.5, Fig. 10",
        "“after adding MS-SSIM, ResNet performs better than VGG in the bpp interval [0.3 to 0.38]”",
        "10",
        _TRUNKS,
        lambda e: trunks.judge_better(e.seeds("10")),
    ),
    Claim(
        11,
        "6.5, 7",
        "combining ResNet and MS-SSIM gives “a better overall performance than the two changes alone”",
        "10",
        _TRUNKS,
        lambda e: trunks.judge_both(e.seeds("10")),
    ),
    Claim(
        12,
        "6.5, Fig. 11",
        "“with the same settings, the speed of ResNet is about 57% higher than VGG”",
        "11",
        _TIME,
        lambda e: times.judge_training(e.times),
    ),
    Claim(
        13,
        "6.6, Fig. 12",
        "“far less inference time than the model of baseline”, Ballé et al.",
        "12",
        _TIME,
        lambda e: times.judge_inference(e.times),
    ),
    Claim(
        14,
        "6.6, Fig. 12",
        "“as well as more stability”",
        "12",
        _TIME,
        lambda e: times.judge_stability(e.times),
    ),
    Claim(
        15,
        "6.7, Fig. 13, 14",
        "with the training step, bits fall, the mean square error grows and MS-SSIM falls",
        "13",
        _STEPS,
        lambda e: steps.judge_directions(e.on_the_way()),
    ),
    Claim(
        16,
        "6.8, Fig. 15",
        "“LSTM and Bi-LSTM based models perform sub-optimally as compared to their CNN-only counterpart”",
        "15",
        _RECURRENT,
        lambda e: recurrent.judge_below(e.seeds("15")),
    ),
    Claim(
        17,
        "6.8, Fig. 15",
        "Bi-LSTM “leads to performance lower than a single LSTM layer”",
        "15",
        _RECURRENT,
        lambda e: recurrent.judge_order(e.seeds("15")),
    ),
    Claim(
        18,
        "6.8",
        "min–max normalisation of the attention map “resulted in further degrading the performance”",
        "15",
        _RECURRENT,
        lambda e: recurrent.judge_stretching(e.seeds("15")),
    ),
    Claim(
        19,
        "6.8",
        "“any LR greater than 1e-6 leads to over-shooting”",
        "15",
        _RECURRENT,
        lambda e: recurrent.judge_rates(e.lstm_logs()),
    ),
    Claim(
        20,
        "6.8, Fig. 15",
        "at lower rates “these models still are struggling to beat the vanilla JPEG baseline”",
        "15",
        _RECURRENT,
        lambda e: recurrent.judge_low_rates(e.seeds("15")),
    ),
    Claim(
        21,
        "6.8, Fig. 15",
        "as bits per pixel increase, “the MS-SSIM saturates”",
        "15",
        _RECURRENT,
        lambda e: recurrent.judge_saturation(e.seeds("15")),
    ),
    Claim(
        22,
        "6.1, 6.2",
        "trained on HDR+, which we do not have, and on weights “optimal” by experiments that are not shown",
        verdict=NOT_TESTABLE,
        evidence="the photographs are not at hand, and the paper does not report its search",
    ),
)

#: Numbers of the claims that stand for the paper's four contributions (its abstract): MS-SSIM in the loss and that it
#: costs nothing, ResNet, the time to encode, LSTM.
MAIN = (1, 2, 10, 13, 16)
