"""``tools/gpu_minutes.py`` from end to end, with tiny settings: its bugs must not waste minutes of a rented GPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import gpu_minutes
from repro.attention import METHODS
from repro.experiments import Experiment, Store, paper
from repro.training import checkpoint


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OUT": str(folder / "out"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, gpu_minutes.__file__, "--quick", "--jobs", "2", "--scratch", folder / "scratch"]
    return subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True, timeout=600)


@pytest.mark.slow
def test_tests_times_and_runs_are_brought_back(tmp_path: Path) -> None:
    done = call(tmp_path, "--minutes", "9")
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(tmp_path / "out" / "results.zip") as brought:
        brought.extractall(tmp_path / "data")
    store, runs = Store(tmp_path / "data", tmp_path / "none"), gpu_minutes.wanted(True)
    assert [e.model.method for e in runs] == ["vgg19", "tables", "lstm"], "the most wanted first"
    results = [store.load(e) for e in runs]
    assert all(result is not None for result in results), "they are results like any other"
    assert "passed" in (tmp_path / "data" / "tests.txt").read_text()
    peak, *rows = json.loads((tmp_path / "data" / "speed.json").read_text())
    assert peak["flops_per_second"] > 0 and [row["method"] for row in rows] == list(METHODS)
    assert all(row["steps_per_second"] > 0 and row["share_of_peak"] > 0 for row in rows)  # a busy machine's peak is low
    models = {path.name for path in (tmp_path / "out").glob("*.safetensors")}
    assert models == {f"{e.key}.safetensors" for e in runs}


@pytest.mark.slow
def test_what_is_cut_off_is_brought_back_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run's state comes in pieces. Joined, and put into a folder of runs, it is where the next call resumes."""
    (e, *_) = gpu_minutes.wanted(True)
    store, out = Store(tmp_path / "data", tmp_path / "scratch"), tmp_path / "out"
    out.mkdir()

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(sys.modules["repro.experiments.run"], "evaluate_model", cut)
        gpu_minutes.run(e, store)
    monkeypatch.setattr(gpu_minutes, "PIECE", 5_000_000)
    (told,) = gpu_minutes.bring_back([e], store, out)
    assert told == f"{e.key}  {e.describe()}: at step 2"
    pieces = sorted(out.glob(f"{e.folder}.state.*"))
    joined = tmp_path / "runs" / e.key / "checkpoint.safetensors"
    joined.parent.mkdir(parents=True)
    joined.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    assert len(pieces) > 3 and checkpoint.step_of(joined) == 2
    again = Store(tmp_path / "other", tmp_path / "runs")
    gpu_minutes.run(e, again)
    assert (again.load(e) or {})["provenance"]["machines"][0]["from_step"] == 0


def test_it_runs_what_the_plan_says() -> None:
    assert gpu_minutes.wanted(False) == paper.runs("all")
    assert all(isinstance(e, Experiment) for e in gpu_minutes.wanted(True))
