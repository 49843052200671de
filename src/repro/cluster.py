"""Work on a Dask cluster: each worker takes one item at a time; if a worker is lost, another repeats its item.

A worker takes part if it sees the same code, folders and so on as this machine. Each such worker is given one unit of
a Dask resource, and each item requires one; Dask does the rest.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

from repro.errors import ReproError, UsageError, needs_extra

if TYPE_CHECKING:
    from distributed import Client, Future, Worker

T = TypeVar("T")
#: How to fix a difference → name of a thing → what is seen of it (a version, say).
View = dict[str, dict[str, str]]

#: Seconds to wait for a scheduler's answer.
CONNECT_SECONDS = 10
#: Seconds without any worker before the remaining items are given up: a replacement, or a batch job, takes a while.
IDLE_SECONDS = 60
#: Seconds between two checks of which workers are there.
POLL_SECONDS = 1


@dataclass
class Cluster:
    """Workers that can be used. Made by :func:`connect`.

    look
        called here and on each new worker; the answers must be equal.
    prepare
        called on the worker before each item, with the number of its threads.
    known
        worker → why it cannot be used, or None if it can.
    resource
        name of the Dask resource of which each usable worker has one unit.
    """

    address: str
    client: Client
    look: Callable[[], View]
    prepare: Callable[[int], None]
    known: dict[str, str | None] = field(default_factory=dict)
    resource: str = field(default_factory=lambda: f"repro-{uuid4().hex}")

    def each(
        self,
        work: Callable[[Any], Any],
        items: Mapping[str, T],
        load: Callable[[T], Any] = lambda item: item,
        *,
        ahead: int = 1,
    ) -> Iterator[tuple[str, Any]]:
        """Call ``load`` on each item here, and ``work`` on what it returns on the cluster; yield (name, result) or
        (name, error) as items end. ``ahead``: how many items each worker is given at once.

        If a worker is lost, Dask gives its item to another, until the item has lost more workers than the scheduler's
        ``allowed-failures``. A worker that only lost its connection may work on, so that two do the same item. If the
        scheduler or all workers are lost, every item that is left yields that error.
        """
        waiting: deque[str] = deque(items)
        running: dict[str, Future] = {}
        one_ended = Event()
        seen = time.monotonic()
        try:
            while waiting or running:
                one_ended.clear()
                count = len(self.workers())
                seen = time.monotonic() if count else seen
                if time.monotonic() - seen > IDLE_SECONDS:
                    raise ReproError(self.idle())
                ended = [name for name, future in running.items() if future.done()]
                for name in ended:
                    future = running.pop(name)
                    if future.cancelled():  # the connection was lost and restored
                        waiting.appendleft(name)
                    else:
                        yield name, _error(future) or future.result()
                while waiting and len(running) < ahead * count:  # what a worker holds is lost with it
                    name = waiting.popleft()
                    try:
                        running[name] = self._submit(name, work, load(items[name]))
                        running[name].add_done_callback(lambda _: one_ended.set())
                    except ReproError as error:
                        yield name, error
                if not ended and (waiting or running):
                    one_ended.wait(POLL_SECONDS)
        except ReproError as error:
            yield from ((name, error) for name in [*running, *waiting])
        finally:
            self.client.cancel(list(running.values()))

    def workers(self) -> set[str]:
        """The workers that are there and can be used; new ones are first asked what they see.

        Raises :class:`ReproError` if the scheduler is lost.
        """
        there = set(self._ask(self.client.nthreads))
        new = sorted(there.difference(self.known))
        if new:
            self.known |= self._examine(new)
            if ours := [worker for worker in new if self.known.get(worker, "") is None]:
                self._ask(self.client.run, _offer, self.resource, workers=ours, on_error="ignore")
        return {worker for worker in there if self.known.get(worker, "died when it was asked") is None}

    def idle(self) -> str:
        """Why no worker can be used, for an error message."""
        nobody = f"{self.address}: has no worker; start some with `dask worker` and run it again"
        return next((reason for reason in self.known.values() if reason), nobody)

    def _examine(self, workers: list[str]) -> dict[str, str | None]:
        """Worker → why it cannot be used, or None if it can."""
        ours = self.look()
        seen = self._ask(self.client.run, _aside, self.look, workers=workers, on_error="return")
        return {worker: objection(worker, ours, theirs) for worker, theirs in seen.items()}

    def _ask(self, question: Callable[..., T], *arguments: Any, **options: Any) -> T:
        try:
            return question(*arguments, **options)
        except OSError as error:
            raise ReproError(
                f"{self.address}: the scheduler was lost; run it again, what was reached is kept"
            ) from error

    def _submit(self, name: str, work: Callable[[Any], Any], item: Any) -> Future:
        key, resources = f"{name}-{uuid4().hex}", {self.resource: 1}
        return self.client.submit(_on_worker, self.prepare, work, item, key=key, resources=resources)


@contextmanager
def connect(scheduler: str, look: Callable[[], View], prepare: Callable[[int], None]) -> Iterator[Cluster]:
    """Wait until the Dask scheduler at ``dask://HOST:PORT`` has a worker, and yield its :class:`Cluster`.

    Raises :class:`UsageError` for another kind of address, and :class:`ReproError` if Dask is not installed, no
    scheduler answers, no worker comes, or a worker does not see what this machine sees.
    """
    address = _address(scheduler)
    with needs_extra("cluster", f"--scheduler {scheduler}"):
        from distributed import Client
    try:
        with ThreadPoolExecutor(1) as apart:  # a notebook has its own event loop in this thread
            apart.submit(asyncio.run, _greet(address)).result()
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except Exception as error:
        raise ReproError(
            f"{scheduler}: no Dask scheduler answers there; start one with `dask scheduler` or correct the address"
        ) from error
    with client:
        cluster = Cluster(scheduler, client, look, prepare)
        started = time.monotonic()
        while not cluster.workers() and not any(cluster.known.values()) and time.monotonic() - started < IDLE_SECONDS:
            time.sleep(POLL_SECONDS)
        if any(cluster.known.values()) or not cluster.workers():
            raise ReproError(cluster.idle())
        yield cluster


def objection(worker: str, ours: View, theirs: View | Exception) -> str | None:
    """The first difference between what ``worker`` sees and what we see, and how to fix it; None if there is none."""
    if isinstance(theirs, Exception):
        return f"worker {worker}: cannot run this program ({' '.join(str(theirs).split())}); install it there"
    for fix, things in ours.items():
        for name, here in things.items():
            there = theirs.get(fix, {}).get(name, "missing")
            if there != here:
                return f"worker {worker}: {name}: {there} there, {here} here; {fix}"
    return None


def _address(scheduler: str) -> str:
    """Dask's own form of ``dask://HOST:PORT``. Raises :class:`UsageError` for anything else."""
    parts = urlsplit(scheduler)
    with suppress(ValueError):  # a port that is not a number
        if parts.scheme == "dask" and parts.hostname and parts.port and scheduler == f"dask://{parts.netloc}":
            return f"tcp://{parts.netloc}"
    raise UsageError(f"--scheduler {scheduler}: is not an address; write dask://HOST:PORT, or local")


async def _greet(address: str) -> None:
    """Check that a scheduler answers: ``Client`` waits forever on a port that accepts connections but is silent."""
    from distributed.comm.core import connect

    comm = await asyncio.wait_for(connect(address, timeout=CONNECT_SECONDS), CONNECT_SECONDS)
    await comm.close()


def _error(future: Future) -> Exception | None:
    """The error that ended an item, if one did."""
    from distributed import KilledWorker

    error = future.exception()
    if isinstance(error, KilledWorker):
        return ReproError(
            f"lost {error.allowed_failures + 1} workers, the last {error.last_worker.address}: out of memory, or of "
            "time? See their logs and run it again; what it reached is kept"
        )
    return error


async def _offer(resource: str, dask_worker: Worker) -> None:
    """Run on the worker: offer one unit of ``resource``, so that it takes one item at a time."""
    await dask_worker.set_resources(**{resource: 1})


async def _aside(look: Callable[[], View]) -> View:
    """Run on the worker: look in a thread, so that the worker keeps answering its scheduler."""
    return await asyncio.to_thread(look)


def _on_worker(prepare: Callable[[int], None], work: Callable[[Any], Any], item: Any) -> Any:
    from distributed import get_worker

    prepare(get_worker().state.nthreads)
    return work(item)
