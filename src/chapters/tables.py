"""The rows of the book's tables: (head, rows) for :func:`bookkit.html.table`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from repro.evaluation import BDRate, Gain, Match
from repro.experiments.claims import MAIN, METRICS, NOT, NOT_TESTABLE, NOT_YET, PARTLY, REPRODUCED, SHORT, Claim
from repro.metrics import METRICS as ALL_METRICS

Rows = tuple[list[str], list[list[object]]]
#: Decimals that tell two encoders apart.
DECIMALS = {"mse": 1, "lpips": 3, "ms_ssim": 4}


def matched(matches: Sequence[Match]) -> Rows:
    """One row a photo, by name: bytes as bits per pixel, and "ours / theirs" in each metric."""
    rows: list[list[object]] = [
        [
            m.photo.partition(".")[0],
            f"{m.ours['bpp']:.3f} / {m.theirs['bpp']:.3f}",
            *(_two(m.ours[k], m.theirs[k], DECIMALS[k]) for k in METRICS),
        ]
        for m in sorted(matches, key=lambda m: m.photo)
    ]
    return ["photo", "bits per pixel, ours / Pillow", *(SHORT[k] for k in METRICS)], rows


def wins(matches: Sequence[Match]) -> dict[str, int]:
    """Metric → on how many photos ours is the better one."""
    signs = {k: -1 if ALL_METRICS[k][1] == "lower" else 1 for k in METRICS}
    return {k: sum(s * ((m.ours[k] or 0) - (m.theirs[k] or 0)) > 0 for m in matches) for k, s in signs.items()}


def gain_rows(found: Sequence[Gain]) -> Rows:
    """One row a rate, one column a metric: gain and interval, and how many photos it rests on."""
    rates = sorted({g.bpp for g in found})
    at = {(g.bpp, g.metric): g for g in found}
    rows: list[list[object]] = [
        [
            f"{rate:.2f}",
            max(len(at[rate, k].photos) for k in METRICS if (rate, k) in at),
            *(_interval(at.get((rate, k)), DECIMALS[k]) for k in METRICS),
        ]
        for rate in rates
    ]
    return ["bits per pixel", "photos", *(f"{SHORT[k]} gain" for k in METRICS)], rows


def saving_rows(compared: Mapping[str, Mapping[str, BDRate]]) -> Rows:
    """One row a comparison: per cent of bits at equal quality, with interval."""
    rows: list[list[object]] = [
        [label.replace("\n", " "), *(f"{row[k].mean:+.1f} ({_span(row[k])})" for k in METRICS)]
        for label, row in compared.items()
    ]
    return ["bits, %", *(f"at equal {SHORT[k]}" for k in METRICS)], rows


def seed_rows(compared: Mapping[str, Mapping[str, BDRate]]) -> Rows:
    """One row a comparison: the BD-rate of each seed, and of all with its interval, metric by metric."""
    rows: list[list[object]] = []
    for label, row in compared.items():
        for k in METRICS:
            each = ", ".join(f"{value:+.1f}" for value in row[k].per_seed)
            rows.append([f"{label}, at equal {SHORT[k]}", each, f"{row[k].mean:+.1f}", _span(row[k])])
    return ["bits, %", "each seed", "all", "95 % interval, photos and seeds"], rows


def claim_rows(claims: Sequence[Claim], badge: Callable[[str], object], link: Callable[[str, str], object]) -> Rows:
    """Every claim with its verdict, what that rests on and how to compute it again, linked to its page."""
    rows: list[list[object]] = []
    for c in claims:
        again = f"Again: `{c.command}`" if c.command else ""
        evidence = f"{c.evidence}. {again}" if again and c.evidence else c.evidence or again
        said = f"{c.words} ({c.where})"
        rows.append([link(said, _page(c)) if c.figure else said, badge(c.verdict), evidence])
    return ["the paper says (section, figure)", "verdict", "evidence"], rows


def main_rows(claims: Sequence[Claim], badge: Callable[[str], object], link: Callable[[str, str], object]) -> Rows:
    """The claims that stand for the paper's contributions (``claims.MAIN``), linked to their pages, and verdicts."""
    rows: list[list[object]] = [[link(c.words, _page(c)), badge(c.verdict)] for c in claims if c.number in MAIN]
    return ["the paper says", "here"], rows


#: Figure that a claim is judged on → the page that tells it.
_PAGES = {
    **dict.fromkeys(("5", "6", "7"), "05_first_experiment.html#ch-first-experiment"),
    **dict.fromkeys(("8", "9", "10"), "06_resnet.html#ch-resnet"),
    **dict.fromkeys(("11", "12"), "08_run_time.html#ch-run-time"),
    "13": "09_steps.html#ch-steps",
    "15": "07_lstm.html#ch-lstm",
}


def _page(claim: Claim) -> str:
    return f"../notebooks/{_PAGES[claim.figure]}"


def verdict_counts(claims: Sequence[Claim]) -> dict[str, int]:
    """Verdict → how many claims have it, every verdict named."""
    words = (REPRODUCED, PARTLY, NOT, NOT_YET, NOT_TESTABLE)
    return {word: sum(claim.verdict == word for claim in claims) for word in words}


def waiting_words(claims: Sequence[Claim]) -> str:
    """ ", and 3 wait for runs that are not stored"; empty where none does."""
    count = verdict_counts(claims)[NOT_YET]
    return f", and {count} wait{'s' if count == 1 else ''} for runs that are not stored" if count else ""


def claim_words(claims: Sequence[Claim]) -> dict[str, str]:
    """For glue: "claim_6" → its verdict; "tally" counts the verdicts in words."""
    counts = ", ".join(f"{count} {word}" for word, count in verdict_counts(claims).items() if count)
    return {f"claim_{c.number}": c.verdict for c in claims} | {"tally": counts}


def _span(found: BDRate) -> str:
    return f"{found.low:+.1f} to {found.high:+.1f}"


def _two(ours: float | None, theirs: float | None, decimals: int) -> str:
    return "–" if ours is None or theirs is None else f"{ours:.{decimals}f} / {theirs:.{decimals}f}"


def _interval(g: Gain | None, decimals: int) -> str:
    return "–" if g is None else f"{g.mean:+.{decimals}f} ({g.low:+.{decimals}f} to {g.high:+.{decimals}f})"
