"""Run time, judged: the paper's Fig. 11 (steps a second in training) and Fig. 12 (seconds a photo of encoding).

What takes ``stored`` takes the tables as :func:`repro.experiments.bench.load` gives them; the verdict is "not yet"
where a table is not stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from repro.experiments.bench import Row, seconds_in_words
from repro.experiments.claims import verdicts as v

Stored = Mapping[str, Mapping[str, Any]]

#: "about 57% higher", and what "about" may mean.
CLAIMED, ABOUT = 1.57, 0.15
#: How many times less is "far less".
FAR = 2.0
#: The paper's encoder, what it is compared with, and our encoder without any network.
OURS, RIVALS, TABLES = "VGG-19 attention", ("Ballé et al. 2017", "factorised prior"), "tables alone"

_METHODS = {
    "vgg19": "VGG-19",
    "resnet152-block1": "ResNet-152 block 1",
    "resnet152-block7": "ResNet-152 block 7",
}


def training_rows(stored: Stored) -> list[Row]:
    """A row a method and setting, with ``method``, ``program`` ("train" or "plain"), ``trunk`` ("trained" or "frozen"),
    ``precision``, ``steps_per_second``, and for ResNet the ``ratio`` to VGG-19 of the same setting.
    The times are TensorBoard's.
    """
    return list(stored.get("training", {"rows": []})["rows"])


def setting_of(row: Row) -> str:
    """A row's program, trunk and precision in words."""
    who = "plain step" if row["program"] == "plain" else "our training"
    return f"{who}, trunk {row['trunk']}, {'32 bits' if row['precision'] == '32-true' else 'bfloat16'}"


def label_of(row: Row) -> str:
    """A row's method in words."""
    return _METHODS[row["method"]]


def operations(method: str, side: int = 224) -> float:
    """Multiplications with an addition that the trunk of ``method`` does for one crop of ``side`` pixels squared."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from repro.attention import ConvolutionalAttention

    network = ConvolutionalAttention(method, pretrained=False)
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        network.features(torch.zeros(1, 3, side, side))
    return counted.get_total_flops() / 2


def judge_training(stored: Stored) -> v.Judged:
    """Fig. 11: ResNet trains about 57 % faster than VGG-19, trunk trained, in 32 bits as in the paper.

    Reproduced if the quartiles of the ratio reach into 1.57 ± 0.15 at one depth or the other; in part if ResNet is
    faster, but by another amount. What bfloat16 makes of it is told, and does not decide.
    """
    trained = [row for row in training_rows(stored) if "ratio" in row and row["trunk"] == "trained"]
    ratios = [row["ratio"] for row in trained if row["precision"] == "32-true"]
    if not ratios:
        return v.Judged(v.NOT_YET, "no training in 32 bits has been timed")
    held = any(r["low"] <= CLAIMED + ABOUT and r["high"] >= CLAIMED - ABOUT for r in ratios)
    groups: dict[str, list[str]] = {}
    for row in sorted(trained, key=lambda row: row["precision"]):  # 32 bits first
        groups.setdefault(setting_of(row), []).append(f"{label_of(row)} {ratio_in_words(row)}")
    told = "; ".join(f"{setting}: {', '.join(words)}" for setting, words in groups.items())
    return v.Judged(_verdict(held, any(r["low"] > 1 for r in ratios)), f"speed against VGG-19 ({told})")


def _verdict(whole: bool, part: bool) -> str:
    return v.REPRODUCED if whole else v.PARTLY if part else v.NOT


def ratio_in_words(row: Row) -> str:
    """ "3.30 times (3.21–3.38)"."""
    return "{median:.2f} times ({low:.2f}–{high:.2f})".format(**row["ratio"])


def coded(stored: Stored, task: str = "encode") -> dict[str, Row]:
    """Coder → its row of the table ``inference`` for ``task`` ("encode" or "decode"), of those that could be timed."""
    rows = stored.get("inference", {"rows": []})["rows"]
    return {row["coder"]: row for row in rows if row["task"] == task and "mean" in row}


def absent(stored: Stored) -> list[str]:
    """A line for each coder that could not be timed, which says how to have it."""
    rows = stored.get("inference", {"rows": []})["rows"]
    return [f"{row['coder']}: {row['remark']}" for row in rows if row["task"] == "encode" and "mean" not in row]


def judge_inference(stored: Stored) -> v.Judged:
    """Fig. 12: "far less inference time", at most half of the mean over photos of both learned codecs.

    In part: of one of them.
    """

    def less(ours: Row, rival: Row) -> bool:
        return bool(ours["mean"] * FAR <= rival["mean"])

    return _against_rivals(stored, less, lambda row: seconds_in_words(row["mean"]), "mean time to encode a photo")


def judge_stability(stored: Stored) -> v.Judged:
    """Fig. 12: "more stability", a smaller standard error over photos than both learned codecs have.

    In part: than one of them has.
    """

    def smaller(ours: Row, rival: Row) -> bool:
        return bool(ours["standard_error"] < rival["standard_error"])

    def told(row: Row) -> str:
        return f"{seconds_in_words(row['standard_error'])} ({100 * share(row):.1f} % of the mean)"

    return _against_rivals(stored, smaller, told, "standard error over photos")


def share(row: Row) -> float:
    """The standard error as a share of the mean."""
    return float(row["standard_error"] / row["mean"])


def _against_rivals(
    stored: Stored, wins: Callable[[Row, Row], bool], told: Callable[[Row], str], what: str
) -> v.Judged:
    found = coded(stored)
    missing = [name for name in (OURS, *RIVALS) if name not in found]
    if missing:
        return v.Judged(v.NOT_YET, f"not timed: {', '.join(missing)}")
    won = [wins(found[OURS], found[rival]) for rival in RIVALS]
    shown = [name for name in (OURS, *RIVALS, TABLES) if name in found]
    evidence = f"{what}: " + ", ".join(f"{name} {told(found[name])}" for name in shown)
    return v.Judged(_verdict(all(won), any(won)), evidence)


def numbers(stored: Stored) -> dict[str, str]:
    """What the chapter's prose says, by glue name; "not timed" where a coder is not at hand."""
    words: dict[str, str] = {}
    for row in training_rows(stored):
        key = f"{row['program']}_{row['trunk']}_{row['precision'].partition('-')[0]}_{row['method'].rpartition('-')[2]}"
        words[f"speed_{key}"] = f"{row['steps_per_second']['median']:.2f}"
        if "ratio" in row:
            words[f"ratio_{key}"] = ratio_in_words(row)
    for task in ("encode", "decode"):
        found = coded(stored, task)
        for name, key in _KEYS.items():
            words |= {f"{task}_{key}_{what}": told for what, told in _of_coder(found.get(name)).items()}
    return words | _times(coded(stored), coded(stored, "decode"))


_KEYS = {TABLES: "tables", "VGG-16 attention": "vgg16", OURS: "vgg19", RIVALS[0]: "balle", RIVALS[1]: "factorised"}


def _of_coder(row: Row | None) -> dict[str, str]:
    names = ("mean", "share", "bpp", "operations", "transform", "start")
    if row is None:
        return dict.fromkeys(names, "not timed")
    seconds = {"mean": row["mean"], "transform": row.get("transform_seconds"), "start": row.get("start_seconds")}
    return {name: seconds_in_words(value) for name, value in seconds.items() if value} | {
        "share": f"{100 * share(row):.1f} %",
        "bpp": f"{row['bits_per_pixel']:.1f}",
        "operations": f"{row.get('operations_per_pixel', 0):,.0f}",
    }


def _times(encode: Mapping[str, Row], decode: Mapping[str, Row]) -> dict[str, str]:
    """How many times as long one takes as another."""
    pairs: Mapping[str, tuple[Mapping[str, Row], str, str]] = {
        "vgg19_over_balle": (encode, OURS, RIVALS[0]),
        "vgg19_over_factorised": (encode, OURS, RIVALS[1]),
        "balle_over_tables": (encode, RIVALS[0], TABLES),
        "factorised_over_tables": (encode, RIVALS[1], TABLES),
        "decode_balle_over_jpeg": (decode, RIVALS[0], TABLES),
        "decode_factorised_over_jpeg": (decode, RIVALS[1], TABLES),
    }
    return {
        name: f"{found[one]['mean'] / found[other]['mean']:.2g}" if {one, other} <= found.keys() else "not timed"
        for name, (found, one, other) in pairs.items()
    }
