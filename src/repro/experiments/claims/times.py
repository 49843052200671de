"""Run time: the paper's Fig. 11 (training steps per second) and Fig. 12 (seconds to encode a photo).

``stored`` are the tables as :func:`repro.experiments.bench.load` returns them; the verdict is "not yet" if a table is
not stored.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from repro.experiments.bench import Row, seconds_in_words
from repro.experiments.claims.claim import NOT, NOT_YET, PARTLY, REPRODUCED, Effect, Judgement, claim
from repro.experiments.claims.own_rate import METHODS

Stored = Mapping[str, Mapping[str, Any]]
Point = tuple[float, float, float]

#: "about 57% higher", and the tolerance of "about".
CLAIMED, ABOUT = 1.57, 0.15
#: "Far less" is at least this many times less.
FAR = 2.0
#: The paper's encoder, the learned codecs that it is compared with, and our encoder without any network.
OURS, LEARNED, TABLES = "VGG-19 attention", ("Ballé et al. 2017", "factorised prior"), "tables alone"


def training_rows(stored: Stored) -> list[Row]:
    """One row per method and setting, with ``method``, ``program`` ("train" or "plain"), ``trunk`` ("trained" or
    "frozen"), ``precision``, ``steps_per_second``, and for ResNet the ``ratio`` to VGG-19 in the same setting. Times of
    "train" are TensorBoard's; "plain" steps are timed directly.
    """
    return list(stored.get("training", {"rows": []})["rows"])


def coded(stored: Stored, task: str = "encode") -> dict[str, Row]:
    """Coder → its row of the table ``inference`` for ``task`` ("encode" or "decode"), if it could be timed."""
    rows = stored.get("inference", {"rows": []})["rows"]
    return {row["coder"]: row for row in rows if row["task"] == task and "mean" in row}


@claim(
    12,
    "6.5, Fig. 11",
    "“with the same settings, the speed of ResNet is about 57% higher than VGG”",
    figure="11",
    on=lambda evidence: evidence.times,
)
def judge_training(stored: Stored) -> Judgement:
    """With trained trunks, in 32 bits as in the paper: the quartiles of the ratio overlap 1.57 ± 0.15 at one depth or
    the other; in part if ResNet is faster by another amount. Times in bfloat16 are shown but do not decide.
    """
    trained = [row for row in training_rows(stored) if "ratio" in row and row["trunk"] == "trained"]
    ratios = [row["ratio"] for row in trained if row["precision"] == "32-true"]
    if not ratios:
        return Judgement(NOT_YET, "no training in 32 bits has been timed")
    held = any(r["low"] <= CLAIMED + ABOUT and r["high"] >= CLAIMED - ABOUT for r in ratios)
    groups: dict[str, list[str]] = {}
    for row in trained:
        if row["precision"] == "32-true":
            groups.setdefault(setting_of(row), []).append(f"{label_of(row)} {ratio_in_words(row)}")
    each = "; ".join(f"{setting}: {', '.join(words)}" for setting, words in groups.items())
    faster = tuple(
        Effect(
            setting_of(row).replace(", trunk trained", ""),
            label_of(row).removeprefix("ResNet-152 "),
            (_logarithms(row["ratio"]),),
        )
        for row in sorted(trained, key=lambda row: row["precision"])
    )
    return Judgement(_verdict(held, any(r["low"] > 1 for r in ratios)), f"speed against VGG-19 ({each})", faster)


@claim(
    13,
    "6.6, Fig. 12",
    "“far less inference time than the model of baseline”, Ballé et al.",
    figure="12",
    on=lambda evidence: evidence.times,
)
def judge_inference(stored: Stored) -> Judgement:
    """The mean over photos is at most half that of both learned codecs; in part, that of one of them."""
    return _against_learned(
        stored,
        lambda ours, other: ours["mean"] * FAR <= other["mean"],
        lambda row: seconds_in_words(row["mean"]),
        "mean time to encode a photo",
        lambda ours, other: _ratio(other["mean"] / ours["mean"], share(ours), share(other)),
    )


@claim(14, "6.6, Fig. 12", "“as well as more stability”", figure="12", on=lambda evidence: evidence.times)
def judge_stability(stored: Stored) -> Judgement:
    """The standard error over photos is smaller than that of both learned codecs; in part, than that of one."""
    return _against_learned(
        stored,
        lambda ours, other: ours["standard_error"] < other["standard_error"],
        lambda row: f"{seconds_in_words(row['standard_error'])} ({100 * share(row):.1f} % of the mean)",
        "standard error over photos",
        lambda ours, other: _ratio(other["standard_error"] / ours["standard_error"]),
    )


def share(row: Row) -> float:
    """The standard error as a share of the mean."""
    return float(row["standard_error"] / row["mean"])


def setting_of(row: Row) -> str:
    """A row's program, trunk and precision in words."""
    who = "plain step" if row["program"] == "plain" else "our training"
    return f"{who}, trunk {row['trunk']}, {'32 bits' if row['precision'] == '32-true' else 'bfloat16'}"


def label_of(row: Row) -> str:
    """A row's method in words."""
    return METHODS[row["method"]]


def ratio_in_words(row: Row) -> str:
    """ "3.30 times (3.21–3.38)"."""
    return "{median:.2f} times ({low:.2f}–{high:.2f})".format(**row["ratio"])


def _logarithms(ratio: Mapping[str, float]) -> Point:
    """Logarithms of a ratio's median and quartiles: 0 if both sides are equal."""
    return math.log(ratio["median"]), math.log(ratio["low"]), math.log(ratio["high"])


def _ratio(value: float, *relative_errors: float) -> Point:
    """The logarithm of a ratio, and its 95 % interval from the relative standard errors of its terms, if given."""
    middle, reach = math.log(value), 1.96 * math.hypot(*relative_errors)
    return middle, middle - reach, middle + reach


def _against_learned(
    stored: Stored,
    wins: Callable[[Row, Row], bool],
    words: Callable[[Row], str],
    what: str,
    ahead: Callable[[Row, Row], Point],
) -> Judgement:
    found = coded(stored)
    missing = [name for name in (OURS, *LEARNED) if name not in found]
    if missing:
        return Judgement(NOT_YET, f"not timed: {', '.join(missing)}")
    won = [wins(found[OURS], found[other]) for other in LEARNED]
    shown = [name for name in (OURS, *LEARNED, TABLES) if name in found]
    evidence = f"{what}: " + ", ".join(f"{name} {words(found[name])}" for name in shown)
    effects = tuple(Effect(f"against {other}", "", (ahead(found[OURS], found[other]),)) for other in LEARNED)
    return Judgement(_verdict(all(won), any(won)), evidence, effects)


def _verdict(whole: bool, part: bool) -> str:
    return REPRODUCED if whole else PARTLY if part else NOT
