"""Kill, fill, forbid, overload: what the commands do when the machine fails them; data/results/faults.json.

python tools/faults.py                           # all: 200 kills, every case, 2,000 photos; an hour
    python tools/faults.py --share 0.1 --photos 100  # fewer; nothing is kept unless --out says where
    python tools/faults.py --only cases              # one part: kills, cases or load
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import fault_kills
import fault_load
import fault_places
from repro.experiments.store import Store
from repro.files import atomic_write
from repro.runtime import provenance

RESULT = "results/faults.json"
PHOTOS = 2000
PARTS = ("kills", "cases", "load")


def say(text: str) -> None:
    """Print a line on standard error for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def kills(share: float, seed: int, minutes: float) -> list[dict[str, Any]]:
    """Kill each command ``share`` of its times, all commands at once."""

    def each(work: fault_kills.Work) -> dict[str, Any]:
        return asdict(fault_kills.kill(work, math.ceil(share * work.kills), seed, seconds=60 * minutes, told=say))

    with ThreadPoolExecutor(len(fault_kills.WORKS)) as pool:
        return list(pool.map(each, fault_kills.WORKS))


def cases(chosen: Callable[[fault_places.Case], bool] = lambda case: True) -> list[dict[str, Any]]:
    """Try each case, and return what came of it."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="repro-faults-cases-") as name:
        Path(name).chmod(0o755)
        place = fault_places.prepared(Path(name))
        for number, case in enumerate(fault_places.CASES):
            if chosen(case):
                outcome = fault_places.outcome(case, place(str(number)))
                rows.append({"kind": case.kind, "name": case.name, "outcome": outcome})
                say(f"{case.kind}: {case.name}: {outcome}")
    return rows


def load(count: int) -> dict[str, Any]:
    """Encode ``count`` photos with two jobs, and on a cluster."""
    found = {}
    for name, work in (("two jobs", fault_load.two_jobs), ("cluster", fault_load.cluster)):
        found[name] = work(count)
        say(f"{name}: {json.dumps(found[name])}")
    return found


def faults_of(result: dict[str, Any]) -> list[str]:
    """All faults in a result, a line each."""
    found = [f"{one['name']}: {fault}" for one in result.get("kills", []) for fault in one["faults"]]
    wrong = (one for one in result.get("cases", []) if one["outcome"].startswith("wrong"))
    found += [f"{one['kind']}: {one['name']}: {one['outcome']}" for one in wrong]
    return found + [f"{name}: {fault}" for name, one in result.get("load", {}).items() for fault in one["faults"]]


def report(result: dict[str, Any]) -> str:
    """The figures, for a terminal."""
    lines = []
    for one in result.get("kills", []):
        lines.append(
            f"{one['name']}: killed {one['kills']} times, {one['in_the_middle']} of them between its first file and "
            f"its last, and went on to the end {one['rounds']} times: {len(one['faults'])} faults"
        )
    counts = Counter((one["kind"], one["outcome"].partition(":")[0]) for one in result.get("cases", []))
    lines += [f"{kind}: {count} {outcome}" for (kind, outcome), count in sorted(counts.items())]
    for name, one in result.get("load", {}).items():
        lines.append(f"{name}: {one['files']} of {one['photos']} files; megabytes: {json.dumps(one['megabytes'])}")
    return "\n".join(lines)


def main() -> int:
    """Run, print and store; return 1 if there is a fault."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the 200 kills (%(default)s)")
    parser.add_argument("--minutes", type=float, default=math.inf, help="after which no more is killed (%(default)s)")
    parser.add_argument("--photos", type=int, default=PHOTOS, help="for the load (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (%(default)s)")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part, or some (all)")
    parser.add_argument("--out", type=Path, help="where the result is kept")
    options = parser.parse_args()
    parts = options.only or PARTS
    began, made = time.perf_counter(), provenance()
    result: dict[str, Any] = {}
    if "kills" in parts:
        result["kills"] = kills(options.share, options.seed, options.minutes)
    if "cases" in parts:
        result["cases"] = cases()
    if "load" in parts:
        result["load"] = load(options.photos)
    result["seed"], result["seconds"] = options.seed, round(time.perf_counter() - began)
    found = faults_of(result)
    print(report(result))
    for fault in found:
        print(fault, file=sys.stderr)
    whole = parts == PARTS and (options.share, options.photos) == (1, PHOTOS)
    out = options.out or (Store.default().data / RESULT if whole else None)
    if out:
        atomic_write(out, json.dumps(result | {"provenance": made}, indent=1, ensure_ascii=False) + "\n")
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main())
