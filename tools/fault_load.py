"""Many photos: memory stays flat with two jobs, and a cluster survives the loss of a worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from fault_kills import LIMIT, environment, photos

#: Different pictures; the rest are links to them under other names.
DIFFERENT = 200
#: Side of a picture in pixels.
SIDE = 64
#: For Dask's own processes. A worker's profiler keeps an hour of samples, tens of megabytes that are not ours.
_NO_PROFILER = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "false"}
#: Seconds for all photos.
_ALL = 3600


def two_jobs(count: int) -> dict[str, Any]:
    """``repro encode --jobs 2`` of ``count`` photos: each process's megabytes after a tenth, half and nearly all."""
    with tempfile.TemporaryDirectory(prefix="repro-faults-load-") as name:
        folder = _many(Path(name), count)
        process = _encode(folder, "--jobs", "2")
        seen = _watch(process, folder / "out", (count // 10, count // 2, count - 20))
        return {"photos": count, "megabytes": seen} | _ended(process, folder, count)


def cluster(count: int) -> dict[str, Any]:
    """The same on a Dask cluster of two workers, one of which is killed halfway."""
    with tempfile.TemporaryDirectory(prefix="repro-faults-dask-") as name, ExitStack() as stack:
        folder = _many(Path(name), count)

        def launch(*arguments: str) -> subprocess.Popen[bytes]:
            log = stack.enter_context((folder / f"{len(list(folder.glob('*.log')))}.log").open("wb"))
            command = [sys.executable, "-m", "dask", *arguments, "--no-dashboard"]
            process = subprocess.Popen(command, cwd=folder, env=environment() | _NO_PROFILER, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        told = folder / "scheduler.json"
        launch("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(told))
        _until(told.exists)
        time.sleep(1)
        address = json.loads(told.read_text())["address"]
        options = ("--no-nanny", "--nthreads", "1", "--local-directory", str(folder))
        workers = [launch("worker", address, *options) for _ in range(2)]
        process = _encode(folder, "--scheduler", address.replace("tcp:", "dask:"))
        pids = [worker.pid for worker in workers]
        seen = _watch(process, folder / "out", (count // 10, count // 2), others=pids)
        workers[0].kill()
        seen |= _watch(process, folder / "out", (count - 20,), others=pids[1:])
        return {"photos": count, "killed_after": count // 2, "megabytes": seen} | _ended(process, folder, count)


def _many(folder: Path, count: int) -> Path:
    photos(folder / "photos", min(DIFFERENT, count), SIDE)
    made = sorted((folder / "photos").iterdir())
    for number in range(len(made), count):
        os.link(made[number % len(made)], folder / "photos" / f"{number:05}.png")
    return folder


def _encode(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "repro", "encode", "photos", "-o", "out", "--quiet", *options]
    with (folder / "said").open("wb") as said:
        return subprocess.Popen(command, cwd=folder, env=environment(), stdout=said, stderr=said)


def _watch(
    process: subprocess.Popen[bytes], out: Path, counts: tuple[int, ...], others: list[int] | None = None
) -> dict[str, dict[str, float]]:
    """Photos done → process → resident megabytes, each time one of ``counts`` is reached."""
    seen = {}
    for count in counts:
        _until(partial(_reached, process, out, count), _ALL)
        if process.poll() is not None:
            break
        begun = psutil.Process(process.pid).children()
        pids = others or [one.pid for one in begun if "spawn_main" in " ".join(one.cmdline())]
        named = {"program": process.pid} | {f"worker {number + 1}": pid for number, pid in enumerate(pids)}
        seen[str(count)] = {name: round(psutil.Process(pid).memory_info().rss / 1e6, 1) for name, pid in named.items()}
    return seen


def _reached(process: subprocess.Popen[bytes], out: Path, count: int) -> bool:
    return process.poll() is not None or _done(out) >= count


def _done(out: Path) -> int:
    return sum(not entry.name.startswith(".") for entry in os.scandir(out)) if out.is_dir() else 0


def _until(look: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not look() and time.monotonic() < end:
        time.sleep(0.1)


def _ended(process: subprocess.Popen[bytes], folder: Path, count: int) -> dict[str, Any]:
    """How it ended: the number of files, and any faults."""
    code, faults = process.wait(LIMIT), []
    files = {path.name: path.read_bytes() for path in (folder / "out").iterdir()}
    if code:
        faults.append(f"ended with {code}: {(folder / 'said').read_text()[-300:]}")
    if len(files) != count:
        faults.append(f"{len(files)} of {count} files")
    made = min(DIFFERENT, count)
    different = {files.get(f"{n:04}.jpg") for n in range(made)}
    if not set(files.values()) <= different:
        faults.append("files of the same photo differ")
    return {"files": len(files), "faults": faults}
