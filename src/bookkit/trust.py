"""Tables and a picture for the page on what the encoder promises, from the stored test campaigns."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from bookkit.markdown import code, plain, table
from bookkit.project import Project
from repro.errors import listed

#: Possible outcomes for a damaged picture, in the order of the bars → the page's words.
OUTCOMES = {
    "encoded": "were encoded",
    "encoded with a note": "were encoded with a note",
    "refused": "were refused in one line",
    "fault": "became something else",
}
#: How a decoder's picture is compared with Pillow's; see ``tools/decoders.py``.
_COMPARED = {
    "smooth": "every sample",
    "repeated": "every sample; of 4:2:0, with chroma repeated",
    "own": "every sample; of 4:2:0, brightness",
}
_COMPARED_OTHERWISE = {
    "stb_image": "every sample; of 4:2:0 up to 4 pixels wide, brightness",
    "jpegtran -copy all": "every sample and all metadata, rewritten without decoding",
    "img2pdf, poppler": "every byte in the PDF; without a profile, every sample",
    "JPEG XL and back": "every byte",
    "jpeginfo -c": "only says whether the file is sound",
}


def stored(project: Project, name: str) -> dict[str, Any]:
    """A campaign's result, ``data/results/NAME.json``."""
    return json.loads((project.root / "data" / "results" / f"{name}.json").read_text(encoding="utf-8"))


def made(result: Mapping[str, Any]) -> str:
    """When, how and where a campaign was run, in a sentence."""
    by, minutes = result["provenance"], round(result.get("seconds", 0) / 60)
    took = f", which took {minutes} minutes" if minutes > 1 else ""
    commits = [commit[:10] for commit in (by["commit"], *by.get("further_commits", ()))]
    ran = f"Made on {by['date'][:10]} by {code(by['command'])}{took}, at commit"
    if len(commits) > 1:
        ran = f"Made in several runs, one of them on {by['date'][:10]} by {code(by['command'])}, at commits"
    return f"{ran} {listed(list(map(code, commits)))}, on {plain(by['cpu'])} with {by['cores']} cores.\n"


def glance(project: Project) -> str:
    """Table of promises: the tests of each, the number of trials, and how often the promise was broken."""
    fuzz, census, faults, decoded = (stored(project, name) for name in ("fuzz", "formats", "faults", "decoders"))
    pictures, kinds, parsers = fuzz["pictures"], census["formats"], fuzz["parsers"]["targets"].values()
    files = sum(o["right"] + o["refused"] + len(o["wrong"]) for o in kinds)
    opened = f"files in {len(decoded['decoders'])} decoders"
    cases = [one["outcome"].startswith("wrong") for one in faults["cases"]]
    rows = [
        ("the right picture or a clear refusal", "damaged pictures", pictures["count"], len(pictures["faults"])),
        ("", "kinds of files", files, sum(len(o["wrong"]) for o in kinds)),
        ("", "inputs to our own readers", sum(o["executions"] for o in parsers), _faults_of(parsers)),
        ("nothing is lost", "kills", sum(o["kills"] for o in faults["kills"]), _faults_of(faults["kills"])),
        ("", "other faults of a machine", len(cases), sum(cases)),
        (
            "the file opens everywhere",
            opened,
            decoded["files"]["count"] * len(decoded["decoders"]),
            len(decoded["faults"]),
        ),
    ]
    head = ["promise", "what tries it", "tried", "promise broken"]
    return table(head, [[promise, what, f"{tried:,}", _times(broken)] for promise, what, tried, broken in rows])


def _faults_of(each: Iterable[Mapping[str, Any]]) -> int:
    return sum(len(one["faults"]) for one in each)


def _times(count: int) -> str:
    return {0: "never", 1: "once"}.get(count, f"{count:,} times")


# --- damaged pictures


def damaged(project: Project) -> str:
    """What became of the damaged pictures: in words, as bars by format, and in numbers."""
    found = stored(project, "fuzz")["pictures"]
    counts, limits = found["outcomes"], found["limits"]
    shares = [f"{_share(counts[key], found['count'])} {words}" for key, words in OUTCOMES.items() if counts.get(key)]
    words = (
        f"Of {found['count']:,} damaged pictures of {len(found['formats'])} formats, made from "
        f"{found['sound_pictures']} sound ones, {listed(shares)}. "
        f"{'' if found['faults'] else 'Nothing else happened. '}The slowest took {found['slowest']['seconds']:.1f} s "
        f"({plain(found['slowest']['kind'])}), of {limits['seconds']} s allowed; the one that needed most memory "
        f"{found['largest']['mib']} MiB of {limits['mib']} MiB.\n"
    )
    head = ["format", "tried", *map(_short, OUTCOMES.values())]
    ordered = sorted(found["formats"].items(), key=lambda item: -sum(item[1].values()))
    rows = [[plain(n), f"{sum(c.values()):,}", *(f"{c.get(key, 0):,}" for key in OUTCOMES)] for n, c in ordered]
    numbers = f":::{{dropdown}} The same in numbers\n{table(head, rows)}:::\n"
    return "\n".join([words, bars(dict(ordered), listed(shares)), numbers, made(found)])


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}\u00a0%" if part / whole >= 0.005 else f"{part:,}"


def _short(words: str) -> str:
    return words.removeprefix("were ").removeprefix("became ")


def bars(counts: Mapping[str, Mapping[str, int]], summary: str) -> str:
    """A figure with a bar of shares for each format, in the theme's colours, and one alternative text."""
    keys = "".join(
        f'<span><i class="{_class(key)}"></i>{escape(_short(words))}</span>' for key, words in OUTCOMES.items()
    )
    rows = []
    for name, found in counts.items():
        whole = sum(found.values())
        parts = "".join(
            f'<i class="{_class(key)}" style="width: {100 * found[key] / whole:.2f}%"></i>'
            for key in OUTCOMES
            if found.get(key)
        )
        rows.append(f"<b>{escape(name)}</b><span>{parts}</span><em>{whole:,}</em>")
    alt = f"A bar for each of {len(counts)} formats, divided by what became of its damaged pictures: {summary} in all."
    return (
        f'<figure class="repro-bars"><div role="img" aria-label="{escape(alt)}"><div class="keys">{keys}</div>'
        f'<div class="bars">{"".join(rows)}</div></div><figcaption>What became of damaged pictures, by format; the '
        "numbers at the right say how many were tried.</figcaption></figure>\n"
    )


def _class(outcome: str) -> str:
    return outcome.replace(" ", "-")


def parsers(project: Project) -> str:
    """Table of the parsers that were fuzzed with coverage guidance: how many inputs each got, and what was found."""
    found = stored(project, "fuzz")["parsers"]
    rows = [
        [plain(name), f"{one['executions']:,}", f"{one['corpus']:,}", _number(one["faults"])]
        for name, one in found["targets"].items()
    ]
    seconds = sum(one["seconds"] for one in found["targets"].values())
    told = table(["reader", "inputs", "reached something new", "faults"], rows)
    return f"{told}\n{made({**found, 'seconds': seconds})}"


def kinds(project: Project) -> str:
    """Table of formats: how many kinds of files are read correctly, refused, or read wrongly."""
    result = stored(project, "formats")
    rows = [
        [plain(o["format"]), f"{o['right']:,}", f"{o['refused']:,}", _number(o["wrong"])] for o in result["formats"]
    ]
    return f"{table(['format', 'shown rightly', 'refused', 'wrong'], rows)}\n{made(result)}"


# --- faults of the machine


def faults(project: Project) -> str:
    """Kills, other faults of a machine, and many photos at once: what was tried, with what result."""
    result = stored(project, "faults")
    head = ["what was killed", "kills", "half done", "then went on to the end", "faults"]
    rows = [
        [_command(o["told"]), o["kills"], o["in_the_middle"], f"{o['rounds']} times", _number(o["faults"])]
        for o in result["kills"]
    ]
    found = [f"- {_command(o['told'])}: {_briefly(fault)}" for o in result["kills"] for fault in o["faults"]]
    parts = [table(head, rows), *(["What was found:\n", *found, ""] if found else [])]
    cases: dict[str, Counter[str]] = {}
    for one in result["cases"]:
        cases.setdefault(one["kind"], Counter())[one["outcome"].partition(":")[0]] += 1
    rows = [[plain(k), sum(c.values()), c["right"], c["not tried"], c["wrong"] or "none"] for k, c in cases.items()]
    parts.append(table(["what went wrong", "cases", "right", "not possible here", "faults"], rows))
    parts += [_load(name, one) for name, one in result["load"].items()]
    return "\n".join([*parts, made(result)])


def _command(told: str) -> str:
    command, _, rest = told.partition(":")
    return f"{code(command)}:{plain(rest)}"


def _briefly(fault: str) -> str:
    """A fault without the command line of the process that it names."""
    return plain(fault.partition(": python ")[0])


def _load(name: str, found: Mapping[str, Any]) -> str:
    """A sentence or two on how many photos went through, and on the growth of memory."""
    seen = list(found["megabytes"].values())
    killed = f", of which one worker was killed after {found['killed_after']:,}" if "killed_after" in found else ""
    through = f"{found['files']:,} of {found['photos']:,} photos went through {_LOADS.get(name, plain(name))}{killed}."
    lasting = [who for who in seen[-1] if who in seen[0]] if seen else []
    grew = [f"{seen[0][who]:.0f} MB early on and {seen[-1][who]:.0f} MB at the end ({plain(who)})" for who in lasting]
    return f"{through} Memory was {', '.join(grew)}.\n" if grew else f"{through}\n"


_LOADS = {"two jobs": "`--jobs 2`", "cluster": "a Dask cluster of two workers (without Dask's profiler)"}


def _number(found: Sequence[object]) -> str:
    return str(len(found)) if found else "none"


# --- decoders


def decoders(project: Project) -> str:
    """Table of decoders: whose code each is, what was compared, and how far it is from Pillow."""
    result = stored(project, "decoders")
    files, furthest = result["files"], max(row.get("furthest") or 0 for row in result["decoders"])
    words = (
        f"{len(result['decoders'])} decoders opened {files['count']} files of {len(files['efforts'])} models and "
        f"efforts, from {files['pixels'][0]} pixel to {files['pixels'][1] / 1e6:.0f} megapixels. {files['grey']} are "
        f"grey, {files['profiles']} have a colour profile and {files['metadata']} other metadata. "
        f"{_times(len(result['faults'])).capitalize()} did one complain or show another size, and none was further "
        f"from Pillow's picture than {furthest} of 255 levels.\n"
    )
    rows = [
        [
            _named(row["name"], row["version"]),
            plain(row["built_on"]),
            _COMPARED_OTHERWISE.get(row["name"]) or _COMPARED[row["chroma"]],
            *("–" if row.get(key) is None else str(row[key]) for key in ("furthest", "furthest_of_libjpeg")),
        ]
        for row in result["decoders"]
    ]
    rows += [[plain(name), "", "not on the machine", "", ""] for name in result["missing"]]
    head = ["decoder", "whose code", "what is compared", "levels apart, our files", "libjpeg's files"]
    return f"{words}\n{table(head, rows)}\n{made(result)}"


def _named(name: str, version: str) -> str:
    version = re.sub(r"-\d\S*", "", version)  # drop Debian's revision
    return plain(f"libjpeg {version}" if name.startswith("libjpeg ") else f"{name} {version}")
