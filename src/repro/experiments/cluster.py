"""A sweep on a Dask cluster: one run at a time on each worker; what a lost worker began, another goes on with.

Workers see our folders under our names: results, checkpoints and shared inputs lie there, so only the names of runs
travel, and nothing is lost with a worker. A run wants all threads of its worker. So each worker that sees what we see
gets one unit of a resource of Dask's, which a run takes; Dask does the rest.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import torch

from repro import __version__
from repro.data import photos
from repro.errors import ReproError, UsageError
from repro.experiments.store import Store
from repro.files import atomic_write
from repro.runtime import provenance

if TYPE_CHECKING:
    from distributed import Client, Future, Worker

T = TypeVar("T")

#: Seconds until a scheduler that does not answer is given up.
CONNECT_SECONDS = 10
#: Seconds without any worker until what is left is given up: a killed one's successor, or a batch job, takes some.
IDLE_SECONDS = 60
#: Seconds between two looks at who is there.
POLL_SECONDS = 1


@dataclass
class Cluster:
    """Workers that share our folders, code and photos. Made by :func:`connect`.

    known
        worker → why it cannot work for us, or None.
    resource
        the name of what each worker that can has one of.
    """

    address: str
    client: Client
    store: Store
    data_dir: Path | None
    splits: tuple[str, ...]
    known: dict[str, str | None] = field(default_factory=dict)
    resource: str = field(default_factory=lambda: f"repro-{uuid4().hex}")

    def each(self, work: Callable[[T], None], items: Mapping[str, T]) -> Iterator[tuple[str, Exception | None]]:
        """Call ``work`` with each item on the cluster; yield name and error, if any, as they end.

        Dask gives a run whose worker was lost to another, where its checkpoint lets it go on, until it has lost as many
        as the scheduler's ``allowed-failures`` says. Should the lost worker live and only have lost its connection,
        both write the same bits.
        """
        waiting: deque[str] = deque(items)
        running: dict[str, Future] = {}
        seen = time.monotonic()
        try:
            while waiting or running:
                count = len(self.workers())
                seen = time.monotonic() if count else seen
                if time.monotonic() - seen > IDLE_SECONDS:
                    raise ReproError(self.idle())
                ended = [name for name, future in running.items() if future.done()]
                for name in ended:
                    future = running.pop(name)
                    if future.cancelled():  # the connection broke and came back
                        waiting.appendleft(name)
                    else:
                        yield name, _error(future)
                while waiting and len(running) < count:  # handed out early, a run would be lost with its worker
                    name = waiting.popleft()
                    running[name] = self._submit(name, work, items[name])
                if not ended:
                    time.sleep(POLL_SECONDS)
        except ReproError as error:
            yield from ((name, error) for name in [*running, *waiting])
        finally:
            self.client.cancel(list(running.values()))

    def workers(self) -> set[str]:
        """The workers that are there and can work for us; new ones are asked what they see.

        Raises :class:`ReproError` where the scheduler is lost.
        """
        there = set(self._ask(self.client.nthreads))
        new = sorted(there.difference(self.known))
        if new:
            self.known |= self._examine(new)
            if ours := [worker for worker in new if self.known.get(worker, "") is None]:
                self._ask(self.client.run, _offer, self.resource, workers=ours, on_error="ignore")
        return {worker for worker in there if self.known.get(worker, "died when it was asked") is None}

    def idle(self) -> str:
        """Why nobody works, for an error message."""
        nobody = f"{self.address}: has no worker; start some with `dask worker` and run it again"
        return next((reason for reason in self.known.values() if reason), nobody)

    def _examine(self, workers: list[str]) -> dict[str, str | None]:
        """Worker → why it cannot work for us, or None."""
        token = f".shared-{uuid4().hex}"
        arguments = token, self.store, self.splits, self.data_dir
        folders = self.store.data, self.store.scratch
        try:
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True)
                atomic_write(folder / token, "")
            ours = _view(*arguments)
            seen = self._ask(self.client.run, _view_aside, *arguments, workers=workers, on_error="return")
        finally:
            for folder in folders:
                (folder / token).unlink(missing_ok=True)
        return {worker: _objection(worker, ours, theirs) for worker, theirs in seen.items()}

    def _ask(self, question: Callable[..., T], *arguments: Any, **options: Any) -> T:
        try:
            return question(*arguments, **options)
        except OSError as error:
            raise ReproError(
                f"{self.address}: the scheduler was lost; run it again, what was reached is kept"
            ) from error

    def _submit(self, name: str, work: Callable[[T], None], item: T) -> Future:
        key, resources = f"{name}-{uuid4().hex}", {self.resource: 1}
        return self.client.submit(_work, work, item, sys.argv, key=key, resources=resources)


@contextmanager
def connect(scheduler: str, store: Store, data_dir: Path | None, splits: Iterable[str]) -> Iterator[Cluster]:
    """The cluster of the Dask scheduler at ``dask://HOST:PORT``, once it has a worker.

    ``store`` and ``data_dir`` are absolute. Raises :class:`UsageError` for another kind of address and
    :class:`ReproError` where Dask is not installed, no scheduler answers, no worker comes, or where one does not see
    the folders, code or photos (of ``splits``) that we see.
    """
    address = _address(scheduler)
    try:
        from distributed import Client
    except ImportError as error:
        raise ReproError(f"{scheduler}: Dask is not installed; `pip install distributed`") from error
    try:
        with ThreadPoolExecutor(1) as apart:  # a notebook has its own event loop in this thread
            apart.submit(asyncio.run, _greet(address)).result()
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except Exception as error:
        raise ReproError(
            f"{scheduler}: no Dask scheduler answers there; start one with `dask scheduler` or correct the address"
        ) from error
    with client:
        cluster = Cluster(scheduler, client, store, data_dir, tuple(splits))
        started = time.monotonic()
        while not cluster.workers() and not any(cluster.known.values()) and time.monotonic() - started < IDLE_SECONDS:
            time.sleep(POLL_SECONDS)
        if any(cluster.known.values()) or not cluster.workers():
            raise ReproError(cluster.idle())
        yield cluster


def _address(scheduler: str) -> str:
    """What Dask calls ``dask://HOST:PORT``."""
    parts = urlsplit(scheduler)
    with suppress(ValueError):  # a port that is no number
        if parts.scheme == "dask" and parts.hostname and parts.port and scheduler == f"dask://{parts.netloc}":
            return f"tcp://{parts.netloc}"
    raise UsageError(f"--scheduler {scheduler}: is not an address; write dask://HOST:PORT, or local")


async def _greet(address: str) -> None:
    """See that a scheduler answers: ``Client`` waits without end for a port that takes a call and says nothing."""
    from distributed.comm.core import connect

    comm = await asyncio.wait_for(connect(address, timeout=CONNECT_SECONDS), CONNECT_SECONDS)
    await comm.close()


def _error(future: Future) -> Exception | None:
    """The error that ended a run, if one did."""
    from distributed import KilledWorker

    error = future.exception()
    if isinstance(error, KilledWorker):
        return ReproError(
            f"lost {error.allowed_failures + 1} workers, the last {error.last_worker.address}: out of memory, or of "
            "time? See their logs and run it again; what it reached is kept"
        )
    return error


async def _offer(resource: str, dask_worker: Worker) -> None:
    """On the worker: take one run at a time."""
    await dask_worker.set_resources(**{resource: 1})


def _work(work: Callable[[T], None], item: T, command: list[str]) -> None:
    """On the worker: run ``work`` on all its threads, with our command line, which results give as their provenance."""
    from distributed import get_worker

    torch.set_num_threads(get_worker().state.nthreads)
    sys.argv[:] = command
    # with it, Lightning would take Slurm's tasks, which are our workers, for the processes of one training
    os.environ.pop("SLURM_NTASKS", None)
    work(item)


def _view(token: str, store: Store, splits: Iterable[str], data_dir: Path | None) -> dict[str, dict[str, str]]:
    """What must look alike here and on a worker: how to fix a difference → name → what is seen."""
    here = provenance()
    folders = {}
    for folder in (store.data, store.scratch):
        seen = (folder / token).exists() and os.access(folder, os.W_OK)
        folders[f"folder {folder}"] = "shared" if seen else "not shared, or read-only"
    sets = {}
    for split in splits:
        name = f"photos {split!r}"
        try:
            found = photos(split, data_dir)
            sets[name] = f"{found.source} ({found.sha256[:8]})"
        except ReproError:  # if so at both ends, each run reports it
            sets[name] = "missing or damaged"
    code = {"repro": __version__, "commit": str(here["commit"]), "python": here["python"]}
    return {
        "install the same requirements.lock and checkout there": code | here["versions"],
        "put --store on a file system that all machines share": folders,
        "put the photos on a file system that all machines share and name it by --data": sets,
    }


async def _view_aside(*arguments: Any) -> dict[str, dict[str, str]]:
    """As :func:`_view`, in a thread, so that the worker keeps answering its scheduler."""
    return await asyncio.to_thread(_view, *arguments)


def _objection(
    worker: str, ours: dict[str, dict[str, str]], theirs: dict[str, dict[str, str]] | Exception
) -> str | None:
    if isinstance(theirs, Exception):
        return f"worker {worker}: cannot run this program ({' '.join(str(theirs).split())}); install it there"
    for fix, things in ours.items():
        for name, here in things.items():
            there = theirs.get(fix, {}).get(name, "missing")
            if there != here:
                return f"worker {worker}: {name}: {there} there, {here} here; {fix}"
    return None
