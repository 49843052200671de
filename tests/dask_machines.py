"""A real Dask cluster of processes on this machine, some of which the tests kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Machines:
    """A scheduler, and its workers' processes by name."""

    url: str
    scheduler: subprocess.Popen[bytes]
    start: Callable[..., None]
    workers: dict[str, subprocess.Popen[bytes]]


@contextmanager
def machines(folder: Path, *names: str) -> Iterator[Machines]:
    """A cluster while the block runs. Its ``start`` adds a worker, with extra environment variables if given."""
    with ExitStack() as stack:

        def launch(name: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments],
                cwd=folder,
                env=os.environ | environment,
                stdout=log,
                stderr=log,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        def start(name: str, **environment: str) -> None:
            options = f"--no-nanny --nthreads 1 --no-dashboard --local-directory {folder} --name {name}"
            made.workers[name] = launch(name, "worker", address, *options.split(), **environment)

        told = folder / "scheduler.json"
        scheduler = launch(
            "scheduler", *f"scheduler --host 127.0.0.1 --port 0 --no-dashboard --scheduler-file {told}".split()
        )
        address = eventually(lambda: json.loads(told.read_text())["address"] if told.exists() else None)
        made = Machines(address.replace("tcp:", "dask:"), scheduler, start, {})
        for name in names:
            start(name)
        yield made


def eventually(look: Callable[[], Any], seconds: float = 60) -> Any:
    """Return what ``look`` finds, once it finds something; fail after ``seconds``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := look():
                return found
        except (OSError, ValueError):  # a file is still being written
            pass
        time.sleep(0.05)
    raise AssertionError("it did not come")
