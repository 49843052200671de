"""Beyond one machine: a sweep on a real Dask cluster of processes on this machine, some of which are killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from dask_machines import Machines, eventually, machines
from repro import cli
from repro.cluster import objection
from repro.errors import ReproError
from repro.experiments import FIGURES, Crops, Experiment, PeerSweep, Store, Task, cluster, plan, reproduce
from repro.losses import LossWeights
from repro.model import ModelSettings
from repro.training import Recipe

#: At most a minute on one thread, which is long enough to be killed halfway.
LONG = Experiment(
    series="tables, long enough to be killed",
    profile="smoke",
    model=ModelSettings(),
    loss=LossWeights(lam=0.02),
    recipe=Recipe(steps=160, batch=2, log_every=1, checkpoint_every=10),
    crops=Crops(count=4, size=168, split="hdrplus"),
    evaluation="hdrplus",
)
SHORT = replace(LONG, recipe=replace(LONG.recipe, steps=2))
#: MS-SSIM does not take crops as small as this one's.
FAILING = replace(SHORT, crops=replace(SHORT.crops, size=64))
SWEEP = PeerSweep("pillow-444", (15, 40), "hdrplus")


@pytest.fixture(scope="module")
def two(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """Two workers for tests that do not harm them. Their environment names the photos and looks like a Slurm job's."""
    slurm = {"SLURM_JOB_ID": "1", "SLURM_JOB_NAME": "sweep", "SLURM_NTASKS": "2", "SLURM_NODEID": "0"}
    with machines(tmp_path_factory.mktemp("machines")) as made:
        for rank, name in enumerate(("one", "two")):
            made.start(name, REPRO_DATA=str(folder), SLURM_PROCID=str(rank), SLURM_LOCALID=str(rank), **slurm)
        yield made


def store_in(folder: Path) -> Store:
    return Store(folder / "data", folder / "runs")


def step_of(checkpoint: Path) -> int:
    with safe_open(str(checkpoint), framework="pt") as stored:
        return int(stored.metadata()["step"])


def steps_seen(folder: Path) -> list[list[int]]:
    """Steps of the losses in each TensorBoard file below ``folder``."""
    return [
        [event.step for event in EventFileLoader(str(path)).Load() if any(v.tag == "loss" for v in event.summary.value)]
        for path in folder.rglob("events.*")
    ]


@pytest.mark.slow
def test_a_killed_workers_run_goes_on_at_another(folder: Path, tmp_path: Path) -> None:
    alone, together = store_in(tmp_path / "alone"), store_in(tmp_path / "together")
    wanted: list[Task] = [LONG, SHORT, SWEEP]
    checkpoint = together.scratch / LONG.key / "checkpoint.safetensors"
    with machines(tmp_path, "one", "two") as made, ThreadPoolExecutor(1) as pool:
        from distributed import Client

        ended = pool.submit(reproduce, wanted, together, folder, scheduler=made.url)
        eventually(lambda: checkpoint.exists() and step_of(checkpoint) >= 10, 120)
        with Client(made.url.replace("dask:", "tcp:"), set_as_default=False) as client:
            (busy,) = [w for w, keys in client.processing().items() if any(LONG.key in key for key in keys)]
            name = client.scheduler_info(n_workers=-1)["workers"][busy]["name"]
        made.workers[name].send_signal(signal.SIGKILL)
        made.workers[name].wait()
        reached = step_of(checkpoint)
        assert together.load(LONG) is None, "it was killed on its way"
        assert ended.result(300) == {}
    assert plan(wanted, together) == []
    steps = LONG.recipe.steps
    assert 10 <= reached < steps and list(range(reached + 1, steps + 1)) in steps_seen(checkpoint.parent)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as on the workers: sums of floats depend on the number of threads
    try:
        assert reproduce([LONG], alone, folder) == {}
    finally:
        torch.set_num_threads(threads)
    ours, theirs = together.load(LONG), alone.load(LONG)
    assert ours is not None and theirs is not None
    assert all(ours[part] == theirs[part] for part in ("log", "images", "tables"))
    assert ours["provenance"]["command"] == theirs["provenance"]["command"] and ours["provenance"]["threads"] == 1
    shared = [path for path in (together.scratch / "cache").rglob("*") if path.is_file()]
    begun = min(int(path.name.split(".")[3]) for path in together.scratch.rglob("events.*"))  # in whole seconds
    assert shared and max(path.stat().st_mtime for path in shared) < begun + 1, "what runs share was there before them"
    assert not list(tmp_path.rglob(".shared-*")), "what was lent for asking is gone"


@pytest.mark.slow
def test_one_failure_does_not_stop_the_rest(
    two: Machines, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted: list[Task] = [FAILING, SHORT, SWEEP]
    monkeypatch.setitem(FIGURES, "5", lambda profile: wanted)
    monkeypatch.chdir(tmp_path)  # folders are relative to here, where the workers are not
    (tmp_path / "store").mkdir()
    call = ["reproduce", "--figure", "5", "--profile", "smoke", "--store", "store", "--data", os.path.relpath(folder)]
    assert cli.run([*call, "--scheduler", two.url]) == 1
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith(f"repro: {FAILING.key}: the picture is 64×64 px; MS-SSIM")
    assert last == "repro: 1 of 3 experiments failed; the others are stored; run it again"
    assert plan(wanted, Store(tmp_path / "store", tmp_path / "store" / "runs")) == [FAILING]


def test_folders_that_are_not_shared_are_told(
    two: Machines, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each process has its own folder under this name, as each machine has its own disk."""
    monkeypatch.chdir(tmp_path)
    told = r"worker tcp://127.0.0.1:\d+: folder /proc/self/cwd/data: not shared, or read-only there, shared here; "
    with pytest.raises(ReproError, match=told + "put --store on a file system that all machines share"):
        reproduce([SHORT], store_in(Path("/proc/self/cwd")), folder, scheduler=two.url)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_other_photos_are_told(two: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers' environment names photos, ours does not."""
    monkeypatch.delenv("REPRO_DATA", raising=False)
    told = r"photos 'hdrplus': 2 of HDR\+ \([0-9a-f]{8}\) there, missing or damaged here; put the photos on"
    with pytest.raises(ReproError, match=told):
        reproduce([SHORT], store_in(tmp_path), scheduler=two.url)


def test_other_code_is_told(tmp_path: Path) -> None:
    ours = cluster._view("token", store_in(tmp_path), [], None)
    theirs = json.loads(json.dumps(ours))
    assert objection("w", ours, theirs) is None
    (mend,) = [mend for mend, things in theirs.items() if "torch" in things]
    theirs[mend]["torch"] = "1.0"
    assert (objection("w", ours, theirs) or "").startswith(f"worker w: torch: 1.0 there, {ours[mend]['torch']} here")
    del theirs[mend]["torch"]
    assert "torch: missing there" in (objection("w", ours, theirs) or "")


@pytest.mark.slow
def test_what_kills_its_workers_is_given_up(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "1")
    with machines(tmp_path, "one", "two") as made, cluster.connect(made.url, store_in(tmp_path), folder, []) as there:
        eventually(lambda: len(there.workers()) == 2)
        monkeypatch.setattr("repro.cluster.IDLE_SECONDS", 5)
        ((_, error),) = there.each(os._exit, {"deadly": 1})
        assert str(error).startswith("lost 2 workers, the last tcp://127.0.0.1:")
        ((_, error),) = there.each(print, {"any": "thing"})
        assert str(error) == f"{made.url}: has no worker; start some with `dask worker` and run it again"


def test_workers_come_and_schedulers_go(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "repro.py").write_text("raise ModuleNotFoundError('not installed')\n")
    with machines(tmp_path, "one") as made, cluster.connect(made.url, store_in(tmp_path), folder, []) as there:
        made.start("without", PYTHONPATH=str(tmp_path / "path"))
        eventually(lambda: there.workers() and len(there.known) == 2)
        assert len(there.workers()) == 1
        assert "cannot run this program (ModuleNotFoundError('not installed')); install it there" in there.idle()
        assert list(there.each(print, {"any": "thing", "other": "thing"})) == [("any", None), ("other", None)]
        monkeypatch.setattr("repro.cluster.IDLE_SECONDS", 5)
        made.scheduler.kill()
        ((_, error),) = there.each(print, {"any": "thing"})
        assert str(error) == f"{made.url}: the scheduler was lost; run it again, what was reached is kept"


@contextmanager
def silent() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@contextmanager
def another() -> Iterator[int]:
    """A server that speaks first, as an SSH server does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            with listener.accept()[0] as call:
                call.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
                call.recv(1)

        threading.Thread(target=greet, daemon=True).start()
        yield listener.getsockname()[1]


@contextmanager
def closed() -> Iterator[int]:
    with silent() as port:
        pass
    yield port


@pytest.mark.parametrize("port", [closed, silent, another], ids=lambda port: port.__name__)
def test_no_scheduler_there(
    port: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("repro.cluster.CONNECT_SECONDS", 1)
    with port() as number:
        call = ["reproduce", "--profile", "smoke", "--store", str(tmp_path)]
        assert cli.run([*call, "--scheduler", f"dask://127.0.0.1:{number}"]) == 1
        assert capfd.readouterr().err == (
            f"repro: dask://127.0.0.1:{number}: no Dask scheduler answers there; "
            "start one with `dask scheduler` or correct the address\n"
        )


def test_dask_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ReproError, match=r"distributed is not installed; run: pip install .repro\[cluster\]"):
        reproduce([SHORT], store_in(tmp_path), scheduler="dask://127.0.0.1:8786")


@pytest.mark.parametrize("address", ["", "tcp://h:1", "dask://h", "dask://:1", "dask://h:99999", "dask://h:1/x"])
def test_what_is_no_address_is_refused(address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["reproduce", "--profile", "smoke", "--store", str(tmp_path), "--scheduler", address]) == 2
    told = f"repro: --scheduler {address}: is not an address; write dask://HOST:PORT, or local\n"
    assert capsys.readouterr().err == told


def test_jobs_are_this_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["reproduce", "--jobs", "2", "--scheduler", "dask://h:1"]) == 2
    assert capsys.readouterr().err.startswith("repro: --jobs is for this machine; ")
