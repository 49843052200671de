"""The benchmarks: they run, and what they store is read, judged and drawn as it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import bench as program
import paired
from repro.errors import ReproError
from repro.experiments import bench
from repro.experiments.store import Store

ROOT = Path(__file__).resolve().parents[2]


def timed(name: str = "a step", **limits: float) -> dict[str, Any]:
    return paired.row(name, [1.0, 2.0, 3.0], [10.0, 20.0, 60.0], against="another", **limits)  # type: ignore[arg-type]


def test_ratios_are_taken_pair_by_pair() -> None:
    assert timed(at_least=8)["ratio"] == {"median": 10, "low": 10, "high": 15}
    assert timed(at_most=15)["ratio"]["median"] == pytest.approx(0.1)
    assert timed()["seconds"] == {"median": 2, "low": 1.5, "high": 2.5}
    assert paired.spread([3.0]) == {"median": 3, "low": 3, "high": 3}


def test_turns_are_taken_and_warm_up_is_not_counted() -> None:
    calls: list[str] = []
    times = paired.interleaved({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=2, warm_up=1)
    assert "".join(calls) == "ab" + "ab" + "ba"
    assert {name: len(seconds) for name, seconds in times.items()} == {"a": 2, "b": 2}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (timed(at_least=8), True),
        (timed(at_least=11), False),
        (timed(at_most=0.2), True),
        (timed(at_most=0.05), False),
        (timed(), None),
        ({"name": "fit", "exponent": 1.0, "at_most": 1.05, "peak_mib": 3000, "peak_mib_at_most": 2500}, False),
        ({"name": "fit", "exponent": 1.0, "at_most": 1.05, "peak_mib": 2000, "peak_mib_at_most": 2500}, True),
        (
            {
                "name": "cold",
                "seconds": {"median": 0.8},
                "seconds_at_most": 0.9,
                "peak_mib": 200,
                "peak_mib_at_most": 286,
            },
            True,
        ),
        (
            {
                "name": "cold",
                "seconds": {"median": 1.0},
                "seconds_at_most": 0.9,
                "peak_mib": 200,
                "peak_mib_at_most": 286,
            },
            False,
        ),
        ({"name": "cosine", "cosine": {"tables": 1.0, "network": 0.99}, "cosine_at_least": 0.999}, False),
    ],
)
def test_limits(row: dict[str, Any], expected: bool | None) -> None:
    assert bench.reached(row) is expected
    assert bench.missed({"table": {"rows": [row]}}) == ([f"table: {row['name']}"] if expected is False else [])
    assert bench.cells(row)[-1] == {True: "reached", False: "missed", None: ""}[expected]


def test_missing_or_broken_results_are_named(tmp_path: Path) -> None:
    store = Store(tmp_path, tmp_path)
    with pytest.raises(ReproError, match=r"bench.json: no stored benchmarks; run `make bench`"):
        bench.load(store)
    (tmp_path / "results").mkdir()
    for broken in ("not json", "[]", '{"step": {"rows": []}}'):
        (tmp_path / bench.BENCH).write_text(broken)
        with pytest.raises(ReproError, match="delete it and run `make bench`"):
            bench.load(store)


def test_the_published_benchmarks_are_whole_and_reach_what_was_asked() -> None:
    stored = bench.load()
    asked = {
        "step", "accuracy", "sweep", "roofline", "encode", "size", "lambdas", "start", "book", "inference", "training",
        "efforts",
    }  # fmt: skip
    assert stored.keys() == asked
    assert all(table["rows"] for table in stored.values())
    assert bench.missed(stored) == []
    assert not any(table["provenance"]["modified"] for table in stored.values())


@pytest.mark.slow
def test_the_command_measures_stores_and_judges(tmp_path: Path) -> None:
    """All of our own tables but the encoder's (see ``test_bench_encode``), in their quick form."""
    out = tmp_path / "bench.json"
    command = [sys.executable, "benchmarks/bench.py", "--quick", "--out", str(out)]
    tables = ["step", "accuracy", "sweep", "roofline"]
    done = subprocess.run([*command, *tables], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    stored = json.loads(out.read_text())
    assert list(stored) == tables and all(f"== {name}" in done.stdout for name in tables)
    assert done.returncode == int(bool(bench.missed(stored))), done.stderr
    assert stored["step"]["rows"][0]["loss_difference"] < 1e-3
    assert stored["accuracy"]["rows"][0]["cosine"]["tables"] > 0.999


def test_an_unknown_table_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["bench.py", "nonsense"])
    with pytest.raises(SystemExit, match=r"^2$"):
        program.main()
    assert "no such table: nonsense; choose from step" in capsys.readouterr().err
