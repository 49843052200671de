"""The rows of the book's tables: (head, rows) for :func:`bookkit.html.table`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from bookkit.html import Html, badge, link, table
from chapters.effects import effect_picture
from repro.evaluation import BDRate, Gain, Match
from repro.experiments.claims import (
    MAIN,
    METRICS,
    NOT,
    NOT_TESTABLE,
    NOT_YET,
    PARTLY,
    REPRODUCED,
    SHORT,
    UNDECIDED,
    Claim,
    Judgement,
)
from repro.experiments.profiles import profile_of
from repro.experiments.settings import Experiment, PeerSweep
from repro.experiments.store import Store, stored_results
from repro.metrics import METRICS as ALL_METRICS

Rows = tuple[Sequence[str], Sequence[Sequence[object]]]
#: Metric → decimals that suffice to tell two encoders apart.
DECIMALS = {"mse": 1, "lpips": 3, "ms_ssim": 4}


def folded(words: str, head: Sequence[str], rows: Iterable[Sequence[object]], **options: Any) -> Html:
    """A table that unfolds at a click on ``words``, for numbers that a picture has shown and for provenance."""
    inside = table(head, list(rows), **options).text
    return Html(f"<details><summary>{escape(words)}</summary>{inside}</details>")


def matched(matches: Sequence[Match]) -> Rows:
    """One row per photo, by name: bits per pixel and each metric, as "ours / theirs"."""
    rows = [
        [
            m.photo.partition(".")[0],
            f"{m.ours['bpp']:.3f} / {m.theirs['bpp']:.3f}",
            *(_two(m.ours[k], m.theirs[k], DECIMALS[k]) for k in METRICS),
        ]
        for m in sorted(matches, key=lambda m: m.photo)
    ]
    return ["photo", "bits per pixel, ours / Pillow", *(SHORT[k] for k in METRICS)], rows


def wins(matches: Sequence[Match]) -> dict[str, int]:
    """Metric → number of photos on which ours is better."""
    signs = {k: -1 if ALL_METRICS[k][1] == "lower" else 1 for k in METRICS}
    return {k: sum(s * ((m.ours[k] or 0) - (m.theirs[k] or 0)) > 0 for m in matches) for k, s in signs.items()}


def gain_rows(found: Sequence[Gain]) -> Rows:
    """One row per rate, one column per metric: gain and interval; and the number of photos they are based on."""
    rates = sorted({g.bpp for g in found})
    at = {(g.bpp, g.metric): g for g in found}
    rows = [
        [
            f"{rate:.2f}",
            max(len(at[rate, k].photos) for k in METRICS if (rate, k) in at),
            *(_interval(at.get((rate, k)), DECIMALS[k]) for k in METRICS),
        ]
        for rate in rates
    ]
    return ["bits per pixel", "photos", *(f"{SHORT[k]} gain" for k in METRICS)], rows


def saving_rows(compared: Mapping[str, Mapping[str, BDRate]]) -> Rows:
    """One row per comparison: bits at equal quality in per cent, with interval."""
    rows = [
        [label.replace("\n", " "), *(f"{row[k].mean:+.1f} ({_span(row[k])})" for k in METRICS)]
        for label, row in compared.items()
    ]
    return ["bits, %", *(f"at equal {SHORT[k]}" for k in METRICS)], rows


def seed_rows(found: Mapping[str, BDRate]) -> Rows:
    """One row per metric: the BD-rate of each seed, and of all seeds with its interval."""
    rows: list[list[object]] = []
    for k in METRICS:
        each = ", ".join(f"{value:+.1f}" for value in found[k].per_seed)
        rows.append([f"at equal {SHORT[k]}", each, f"{found[k].mean:+.1f}", _span(found[k])])
    return ["bits, %", "each seed", "all", "95 % interval, photos and seeds"], rows


def claim_rows(claims: Sequence[Claim]) -> Rows:
    """Every claim, linked to its page, with both verdicts and their effects as pictures; below it the evidence, in a
    row of one cell."""
    rows = []
    for c in claims:
        ours = f"Our recipe: {c.evidence}" if c.by_paper else c.evidence
        again = f"To repeat it: `{c.command}`" if c.command else ""
        said = f"{c.words} ({c.where})"
        linked = link(said, _page(c)) if c.figure else said
        rows.append([linked, _verdict("our recipe", c), _verdict("the paper's", c.by_paper)])
        rows.append([". ".join(part for part in (ours, papers_side(c), again) if part)])
    return ["the paper says (section, figure)", "by our recipe", "by the paper's"], rows


#: Caption of a table of claims.
CLAIMS_CAPTION = (
    "In the small pictures each mark is one rate, with its interval. Above the line the model that is named first is "
    "better, or the claim's new part. What is clear of the line is filled."
)


def verdict_rows(claims: Sequence[Claim]) -> Rows:
    """:func:`claim_rows` at a glance: claims, linked to their pages, with the verdicts only."""
    rows = [
        [
            link(c.words, _page(c)) if c.figure else c.words,
            _verdict("our recipe", c, picture=False),
            _verdict("the paper's", c.by_paper, picture=False),
        ]
        for c in claims
    ]
    return ["the paper says", "by our recipe", "by the paper's"], rows


def _verdict(recipe: str, by: Claim | Judgement | None, *, picture: bool = True) -> Html:
    """A verdict as a badge above its picture, with the recipe's name for phones, on which tables have no head."""
    named = f'<span class="repro-recipe">{recipe}: </span>'
    if by is None:
        return Html(f"{named}–")
    shown = effect_picture(by.effects).text if picture else ""
    return Html(f"{named}{badge(by.verdict).text}{shown}")


def papers_side(c: Claim) -> str:
    """The evidence from runs by the paper's recipe: what is missing, what they show, or why they disagree with ours.
    Empty if no such runs are planned."""
    if c.by_paper is None:
        return ""
    told = f"The paper's: {c.by_paper.evidence}"
    if c.by_paper.verdict in (*UNDECIDED, c.verdict):
        return told
    return f"{told}. The recipes disagree. They differ in {differences(c)}"


def differences(c: Claim) -> str:
    """How the paper's recipe differs from ours, in words."""
    ours, paper = profile_of("cpu"), profile_of("paper")
    fast, slow = ours.recipes[ours.rounding], paper.recipes[paper.rounding]
    parts = [
        f"rounding ({paper.rounding}, ours {ours.rounding})",
        f"training ({slow.steps:,} steps at {slow.lr_tables:.0e} from tables of 1–2, ours {fast.steps})",
    ]
    trunk = "the trunk (VGG-19 trained, ours VGG-16 frozen)"
    return ", ".join([*parts, trunk] if c.figure != "15" or c.number == MAIN[-1] else parts)


#: Figure that a claim is judged on → the page that discusses it.
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
    """Verdict → number of claims, for every verdict, even if none has it."""
    words = (REPRODUCED, PARTLY, NOT, NOT_YET, NOT_TESTABLE)
    return {word: sum(claim.verdict == word for claim in claims) for word in words}


def claim_words(claims: Sequence[Claim]) -> dict[str, str]:
    """For glue: "claim_6" → its verdict, and so on; "tally" → the counts of all verdicts in words."""
    counts = ", ".join(f"{count} {word}" for word, count in verdict_counts(claims).items() if count)
    return {f"claim_{c.number}": c.verdict for c in claims} | {"tally": counts}


def _span(found: BDRate) -> str:
    return f"{found.low:+.1f} to {found.high:+.1f}"


def _two(ours: float | None, theirs: float | None, decimals: int) -> str:
    return "–" if ours is None or theirs is None else f"{ours:.{decimals}f} / {theirs:.{decimals}f}"


def _interval(g: Gain | None, decimals: int) -> str:
    return "–" if g is None else f"{g.mean:+.{decimals}f} ({g.low:+.{decimals}f} to {g.high:+.{decimals}f})"


def origin(figure: str, profile: str, store: Store | None = None) -> dict[str, str]:
    """The provenance of the results behind ``figure``, label → words. If runs differ, each variant is listed once.

    Raises :class:`ReproError` if a result is missing.
    """
    stored = stored_results(figure, profile, store)
    runs = [task for task, _ in stored if isinstance(task, Experiment)]
    trained = [result for task, result in stored if isinstance(task, Experiment)]
    made = [result["provenance"] for result in trained]
    trains, measures = (sum(r["seconds"][what] for r in trained) / 60 for what in ("train", "evaluate"))
    sources = [f"{e.crops.count} crops from {m['data']['train']['source']}" for e, m in zip(runs, made, strict=True)]
    return {
        "command": f"repro reproduce --figure {figure} --profile {profile}",
        "models": f"{len(trained)}, one for each method, loss and λ; {_each('seed ' + str(m['seed']) for m in made)}",
        "recipe": _grouped((e.model.method, _recipe(e)) for e in runs),
        "trained on": _each(sources),
        "measured on": _each(m["data"]["evaluation"]["source"] for m in made),
        "weights": _grouped((name, source) for m in made for name, source in m["weights"].items()) or "none",
        "peers": _each(result["name"] for task, result in stored if isinstance(task, PeerSweep)),
    } | _made(made, ("torch", "lpips"), f"{trains:.0f} min of training, {measures:.0f} min of measuring")


def sweeps_origin(results: Sequence[Mapping[str, Any]], figure: str = "beyond") -> dict[str, str]:
    """The provenance of stored encoder sweeps, as in :func:`origin`."""
    made = [result["provenance"] for result in results]
    assets = {f"{name} {digest[:12]}" for result in results for name, digest in result["assets"].items()}
    packages = ("jpeglib", "pillow", "pyjpegli", "torch")
    return {
        "command": f"repro reproduce --figure {figure}",
        "files": f"{sum(len(p['points']) for r in results for p in r['photos'].values()):,}, each decoded and measured",
        "measured on": _each(m["data"]["evaluation"]["source"] for m in made),
        "shipped files": _each(sorted(assets)),
    } | _made(made, packages, f"{sum(r['seconds'] for r in results) / 60:.0f} min")


def _made(made: Sequence[Mapping[str, Any]], packages: Sequence[str], time: str) -> dict[str, str]:
    """What the results were made with, and when, label → words."""
    return {
        "commit": _each(str(m["commit"])[:10] + (" and changes" if m["modified"] else "") for m in made),
        "versions": _each(", ".join(f"{name} {m['versions'].get(name)}" for name in packages) for m in made),
        "machine": _each(f"{m['gpu'] or m['cpu']}, {m['cores']} cores, {m['threads']} thread a run" for m in made),
        "time": time,
        "date": _each(m["date"][:10] for m in made),
    }


def _recipe(e: Experiment) -> str:
    r = e.recipe
    tables = "log tables" if e.model.table_param == "log" else "tables times s"
    head = "" if e.model.method == "tables" else f", {r.lr_network:g} (head)"
    rates = f"Adam at {r.lr_tables:g} ({tables}){head}"
    return f"{r.steps:,} steps of {r.batch} crops, {rates}, {r.schedule}"


def _grouped(named: Iterable[tuple[str, str]]) -> str:
    """ "a, b: words; c: other words" from (name, words), with names of equal words together."""
    names: dict[str, list[str]] = {}
    for name, words in dict.fromkeys(named):
        names.setdefault(words, []).append(name)
    return "; ".join(f"{', '.join(of)}: {words}" for words, of in names.items())


def _each(words: Iterable[str]) -> str:
    """``words`` without repetitions, in order, joined by "; "."""
    return "; ".join(dict.fromkeys(words))
