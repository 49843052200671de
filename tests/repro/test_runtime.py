"""Provenance: true of this machine, valid as JSON, and free of private paths."""

from __future__ import annotations

import json
import platform
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy
import pytest
import torch

from repro import runtime


def test_it_is_true_of_this_process() -> None:
    found = json.loads(json.dumps(runtime.provenance()))
    assert found["python"] == platform.python_version()
    assert found["versions"]["numpy"] == numpy.__version__
    assert found["threads"] == torch.get_num_threads()
    assert (found["gpu"] is not None) == torch.cuda.is_available()
    assert found["cores"] >= 1 and found["cpu"]
    assert timedelta() <= datetime.now(UTC) - datetime.fromisoformat(found["date"]) < timedelta(minutes=2)


def test_commit_is_gits_own_answer() -> None:
    folder = Path(runtime.__file__).parent
    done = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    found = runtime.provenance()
    assert found["commit"] in (done.stdout.strip(), None)
    assert (found["commit"] is None) == (found["modified"] is None)


def test_outside_a_checkout_there_is_no_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runtime, "__file__", str(tmp_path / "runtime.py"))
    assert (runtime.provenance()["commit"], runtime.provenance()["modified"]) == (None, None)


def test_private_paths_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    command = "/home/ann/bin/repro reproduce --data /home/ann/photos --store=/home/ann/kept --scheduler=dask://ann:1"
    monkeypatch.setattr("sys.argv", [*command.split(), "--jobs", "2"])
    public = "repro reproduce --data '…/photos' '--store=…/kept' '--scheduler=dask://…' --jobs 2"
    assert runtime.provenance()["command"] == public
