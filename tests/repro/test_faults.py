"""Kills, full disks, two programs at once: the short form of ``make faults``, and the functions it relies on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import fault_kills as kills
import fault_load as load
import fault_places as places
from repro import cli
from repro.files import alone, atomic_folder, atomic_path, atomic_write

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="about processes, signals and disks of Linux")

SHORT = [case for case in places.CASES if case.short]


# ---- the short form -------------------------------------------------------------------------------------------------


def test_encode_is_killed_and_goes_on():
    (work,) = (work for work in kills.WORKS if work.name == "encode")
    outcome = kills.kill(work, 2, seed=1, told=lambda _: None)
    assert outcome.kills == 2 and outcome.faults == []


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return places.prepared(tmp_path_factory.mktemp("faults"), 6)


@pytest.mark.parametrize("case", SHORT, ids=[f"{case.kind}: {case.name}" for case in SHORT])
def test_a_fault_gives_the_right_files_or_a_clear_line(case, place):
    outcome = places.outcome(case, place(f"{case.kind} {case.name}".replace(" ", "-")))
    if outcome.startswith("not tried"):
        pytest.skip(outcome)
    assert outcome == "right"


def test_memory_is_flat():
    found = load.two_jobs(400)
    assert found["faults"] == [] and found["files"] == 400
    first, last = (found["megabytes"][done] for done in ("40", "380"))
    assert last["program"] < first["program"] + 5
    # A worker may still be loading when the other has done forty. Keeping one picture a photo would add 9 MB to each.
    assert max(last.values()) < max(first.values()) + 5


# ---- functions it relies on -----------------------------------------------------------------------------------------

KILLED = """
import os, sys, time
from pathlib import Path
from repro.files import alone, atomic_folder, atomic_path
with {what}(Path(sys.argv[1]){more}) as temporary:
    if {what} is atomic_folder:
        (temporary / "part").write_bytes(b"half")
    print("begun", flush=True)
    time.sleep(600)
"""


def begin(what: str, target: Path, more: str = "") -> subprocess.Popen[str]:
    """Begin a process that waits in the middle of ``what``."""
    script = KILLED.format(what=what, more=more)
    process = subprocess.Popen([sys.executable, "-c", script, target], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    return process


@pytest.mark.parametrize("what", [atomic_path, atomic_folder])
def test_what_a_killed_writer_left_is_cleared_by_the_next(what, tmp_path):
    target = tmp_path / "target"
    process = begin(what.__name__, target)
    left = list(tmp_path.iterdir())
    assert len(left) == 1 and left[0].name.startswith(".tmp-")
    with what(target) as temporary:  # while the first writer lives, its file is left alone
        assert temporary != left[0] and left[0].exists()
    assert {*tmp_path.iterdir()} == {target, *left}
    process.kill()
    process.wait()
    if what is atomic_folder:
        target.rmdir()
    with what(target):
        pass
    assert [*tmp_path.iterdir()] == [target]


WRITERS = """
import sys
from multiprocessing import get_context
from repro.files import atomic_write

def write(target):
    for _ in range(500):
        atomic_write(target, "whole")

if __name__ == "__main__":
    with get_context("fork").Pool(3) as pool:
        pool.map(write, [sys.argv[1]] * 3)
"""


def test_writers_of_one_file_do_not_remove_what_another_is_writing(tmp_path):
    subprocess.run([sys.executable, "-c", WRITERS, tmp_path / "target"], check=True, timeout=60)
    assert [*tmp_path.iterdir()] == [tmp_path / "target"] and (tmp_path / "target").read_text() == "whole"


def test_one_at_a_time_and_a_killed_process_holds_nobody_up(tmp_path):
    lock, told = tmp_path / "locks" / "lock", []
    process = begin("alone", lock, ", print")

    def waiting() -> None:
        told.append("waiting")
        process.kill()

    with alone(lock, waiting):
        assert told == ["waiting"] and lock.exists()
    assert not lock.exists()
    with alone(lock, pytest.fail):
        pass
    process.wait()


def test_a_second_training_in_one_folder_waits_for_the_first(tmp_path, monkeypatch):
    process, told = begin("alone", tmp_path / "run" / ".lock", ", print"), []

    def note(text: str) -> None:
        told.append(text)
        process.kill()

    monkeypatch.setattr("repro.progress.note", note)
    small = ["--steps", "1", "--crops", "1", "--batch", "1", "--gamma", "0", "--sigma", "0", "--accelerator", "cpu"]
    assert cli.run(["train", "-o", str(tmp_path / "run"), *small]) == 0
    process.wait()
    assert told == [f"{tmp_path / 'run'}: another process trains there; waiting for that"]
    assert (tmp_path / "run" / "model.safetensors").exists() and not (tmp_path / "run" / ".lock").exists()


def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("repro.files.fcntl.flock", refuse)
    for content in ("one", "two"):
        atomic_write(tmp_path / "a.txt", content)
        with alone(tmp_path / "lock", pytest.fail):
            pass
    assert [*tmp_path.iterdir()] == [tmp_path / "a.txt"] and (tmp_path / "a.txt").read_text() == "two"
