"""Add up the answers of many readers to the book's blind test: what they preferred, and whom the metrics agree with.

    python tools/votes.py answers/*.json
    python tools/votes.py answers                # every *.json in the folder

Each file is as saved by the page "Your eyes". Of several files of one sitting, the one with the most answers counts.
Any other file gets one line, is left out, and makes the exit code 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from repro.errors import ReproError, one_line

FORMAT, VERSION = "repro eyes", 1
CHOICES = ("ours", "theirs", "neither")
#: Number of bootstrap draws.
DRAWS = 4000
#: Fields of every answer, with their types.
_FIELDS: dict[str, type | tuple[type, ...]] = {
    "pair": str,
    "peer": str,
    "rate": str,
    "choice": str,
    "first": str,
    "seconds": (int, float),
    "metrics": dict,
}


@dataclass(frozen=True)
class Answer:
    """What one reader said of a pair, and which picture each metric finds nearer; both are one of :data:`CHOICES`."""

    reader: str
    photo: str
    pair: str
    peer: str
    rate: str
    choice: str
    metrics: Mapping[str, str]


@dataclass(frozen=True)
class Sitting:
    """All answers of one reader to one set of pairs."""

    test: str
    name: str
    answers: tuple[Answer, ...]


def read(path: Path) -> Sitting:
    """Read the answers in the file ``path``. Raises :class:`ReproError` if it is not such a file."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReproError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise ReproError(f"{path}: is no JSON; save your answers from the page again") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise ReproError(f"{path}: holds no answers of the blind test; save them with the page's button")
    if told.get("version") != VERSION:
        raise ReproError(f"{path}: is of version {told.get('version')!r}, not {VERSION}; use the tool of its book")
    if not isinstance(told.get("answers"), list) or not all(isinstance(told.get(k), str) for k in ("test", "sitting")):
        raise ReproError(f"{path}: is incomplete; save your answers from the page again")
    reader = f"{told['test']} {told['sitting']}"
    answers = tuple(_answer(path, reader, number, one) for number, one in enumerate(told["answers"], 1))
    if len({answer.pair for answer in answers}) < len(answers):
        raise ReproError(f"{path}: answers a pair twice; save your answers from the page again")
    return Sitting(told["test"], told["sitting"], answers)


def _answer(path: Path, reader: str, number: int, told: Any) -> Answer:
    for key, kind in _FIELDS.items():
        if not isinstance(told, dict) or not isinstance(told.get(key), kind):
            raise ReproError(f"{path}: answer {number} has no {key}; save your answers from the page again")
    for said in (told["choice"], *told["metrics"].values()):
        if said not in CHOICES:
            raise ReproError(f"{path}: answer {number} says {said!r}; it must be {', '.join(CHOICES[:2])} or neither")
    photo = told["pair"].removesuffix(f" · {told['peer']} · {told['rate']}")
    return Answer(reader, photo, told["pair"], told["peer"], told["rate"], told["choice"], told["metrics"])


def gather(paths: Iterable[Path]) -> tuple[list[Sitting], list[str]]:
    """The fullest file of every sitting, and a line for each file that holds no answers."""
    sittings: dict[tuple[str, str], Sitting] = {}
    bad = []
    for path in paths:
        try:
            one = read(path)
        except ReproError as error:
            bad.append(one_line(str(error)))
            continue
        known = sittings.get((one.test, one.name))
        if known is None or len(one.answers) > len(known.answers):
            sittings[one.test, one.name] = one
    return list(sittings.values()), bad


def share(answers: Sequence[Answer], hits: Sequence[bool]) -> str:
    """How many of ``answers`` are ``hits``, in per cent, with a 95 % interval.

    Its ends are the outer ends of two intervals: Clopper and Pearson's, exact for independent answers; and that of a
    bootstrap that draws readers and photos, as the answers of one reader, or on one photo, are alike. The second has no
    width if all answers are the same.
    """
    if not answers:
        return "–"
    exact = binomtest(sum(hits), len(hits)).proportion_ci(0.95, method="exact")
    low, high = _by_bootstrap(answers, hits)
    ends = min(exact.low, low), max(exact.high, high)
    return f"{100 * sum(hits) / len(hits):.0f} % ({100 * ends[0]:.0f} to {100 * ends[1]:.0f})"


def _by_bootstrap(answers: Sequence[Answer], hits: Sequence[bool]) -> tuple[float, float]:
    readers, photos = (
        list(dict.fromkeys(names)) for names in zip(*((a.reader, a.photo) for a in answers), strict=True)
    )
    asked = np.zeros((len(readers), len(photos)))
    hit = np.zeros_like(asked)
    for answer, one in zip(answers, hits, strict=True):
        place = readers.index(answer.reader), photos.index(answer.photo)
        asked[place] += 1
        hit[place] += one
    rng = np.random.default_rng(0)
    drawn_readers, drawn_photos = (rng.multinomial(n, [1 / n] * n, DRAWS) for n in asked.shape)
    of_hit, of_asked = (((drawn_readers @ table) * drawn_photos).sum(1) for table in (hit, asked))
    low, high = np.quantile(of_hit[of_asked > 0] / of_asked[of_asked > 0], [0.025, 0.975])
    return float(low), float(high)


def preferences(answers: Sequence[Answer]) -> list[list[str]]:
    """A row for all answers, each peer and each rate."""
    groups: dict[str, Callable[[Answer], bool]] = {"all": lambda _: True}
    for peer in dict.fromkeys(a.peer for a in answers):
        groups[f"against {peer}"] = lambda a, peer=peer: a.peer == peer  # type: ignore[misc]
    for rate in sorted(dict.fromkeys(a.rate for a in answers)):
        groups[f"at {rate}"] = lambda a, rate=rate: a.rate == rate  # type: ignore[misc]
    return [[name, *_votes([a for a in answers if belongs(a)])] for name, belongs in groups.items()]


def agreement(answers: Sequence[Answer]) -> list[list[str]]:
    """A row per metric: what it says of the answered pairs, and how often it agrees when a reader could tell."""
    rows = []
    for metric in dict.fromkeys(m for a in answers for m in a.metrics):
        judged = [a for a in answers if metric in a.metrics]
        both = [a for a in judged if "neither" not in (a.choice, a.metrics[metric])]
        agreed = share(both, [a.choice == a.metrics[metric] for a in both])
        said = [a.metrics[metric] for a in judged]
        rows.append([metric, str(said.count("ours")), str(said.count("theirs")), agreed])
    return rows


def _votes(answers: Sequence[Answer]) -> list[str]:
    choices = [a.choice for a in answers]
    told = [a for a in answers if a.choice != "neither"]
    return [*(str(choices.count(choice)) for choice in CHOICES), share(told, [a.choice == "ours" for a in told])]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows under a heading, aligned in columns."""
    lines = [head, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def report(sittings: Sequence[Sitting]) -> str:
    """What all readers preferred, and whom the metrics agree with."""
    answers = [answer for sitting in sittings for answer in sitting.answers]
    tests = len({sitting.test for sitting in sittings})
    pairs = len({(sitting.test, answer.pair) for sitting in sittings for answer in sitting.answers})
    return "\n".join(
        [
            f"answers: {len(answers)}; sittings: {len(sittings)}; pairs: {pairs}, of {tests} version(s) of the test",
            "",
            table(["nearer to the original", "ours", "the peer", "can't tell", "ours, of those told apart"],
                  preferences(answers)),
            "",
            table(["metric", "ours", "the peer", "agrees with readers"], agreement(answers)),
            "",
            "Intervals are of 95 %: Clopper and Pearson's, or wider where answers of one reader, or to one photo, are",
            "alike (a bootstrap over readers and photos). Of few readers or photos they are still too narrow.",
        ]
    )  # fmt: skip


def files(places: Iterable[Path]) -> list[Path]:
    """The files that are named, and every ``*.json`` in folders that are named."""
    return [path for place in places for path in (sorted(place.glob("*.json")) if place.is_dir() else [place])]


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("places", nargs="+", type=Path, metavar="FILE", help="saved answers, or a folder of them")
    sittings, bad = gather(files(parser.parse_args().places))
    for line in bad:
        print(line, file=sys.stderr)
    if any(sitting.answers for sitting in sittings):
        print(report(sittings))
    else:
        print("no answers: save some with the button of the page “Your eyes”", file=sys.stderr)
        return 1
    return int(bool(bad))


if __name__ == "__main__":
    raise SystemExit(main())
