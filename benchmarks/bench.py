"""All benchmarks: prints each table with its ratios and keeps it in data/results/bench.json, for the book.

    python benchmarks/bench.py                 # everything, about forty minutes on two cores
    python benchmarks/bench.py step encode     # these tables alone; the others stay as they are stored
    python benchmarks/bench.py --quick --out FILE   # shows that it runs; no numbers to publish

Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import encode
import paired
from accuracy import accuracy
from efforts import efforts
from inference import inference
from repro.experiments.bench import BENCH, missed, table
from repro.experiments.store import Store
from repro.files import atomic_write
from repro.runtime import provenance
from roofline import roofline
from step import steps
from sweep import sweep
from training import training

ROOT = Path(__file__).resolve().parents[1]


def book(quick: bool) -> list[dict[str, Any]]:
    """Build the book in a fresh clone, and again with nothing changed; the environment is there already."""
    if quick:
        return []
    with tempfile.TemporaryDirectory(prefix="repro-bench-") as folder:
        subprocess.run(["git", "clone", "--quiet", ROOT, Path(folder, "clone")], check=True)
        clone = Path(folder, "clone")
        environment = os.environ | {"PYTHONPATH": str(clone / "src")}

        def build() -> None:
            command = [sys.executable, "-m", "bookkit", "--profile", "cpu"]
            subprocess.run(command, cwd=clone, env=environment, check=True, capture_output=True)

        return [
            {"name": name, "seconds": paired.spread([paired.seconds(build)])} for name in ("book, cold", "book, warm")
        ]


TABLES: dict[str, Callable[[bool], list[dict[str, Any]]]] = {
    "step": steps,
    "accuracy": accuracy,
    "sweep": sweep,
    "roofline": roofline,
    "encode": encode.encode,
    "size": encode.size,
    "lambdas": encode.lambdas,
    "start": encode.start,
    "book": book,
    "training": training,
    "inference": inference,
    "efforts": efforts,
}


def main() -> int:
    """Measure, store after each table, print; return 1 if a limit was missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("tables", nargs="*", help=f"which ones (all): {', '.join(TABLES)}")
    parser.add_argument("--quick", action="store_true", help="show that it runs; measures nothing worth keeping")
    parser.add_argument("--out", type=Path, default=Store.default().data / BENCH, help="where results are kept")
    options = parser.parse_args()
    unknown = set(options.tables) - set(TABLES)
    if unknown:
        parser.error(f"no such table: {', '.join(sorted(unknown))}; choose from {', '.join(TABLES)}")
    stored = json.loads(options.out.read_text()) if options.out.exists() else {}
    for name in options.tables or TABLES:
        stored[name] = {"rows": TABLES[name](options.quick), "provenance": provenance()}
        atomic_write(options.out, json.dumps(stored, indent=1) + "\n")
        print(f"== {name}", *("  ".join(cells) for cells in table(stored[name]["rows"])[1]), "", sep="\n", flush=True)
    short = missed(stored)
    for line in short:
        print(f"missed: {line}", file=sys.stderr)
    return int(bool(short))


if __name__ == "__main__":
    raise SystemExit(main())
