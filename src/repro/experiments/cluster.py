"""Experiments on a Dask cluster: one run at a time on each worker. If a worker is lost, another continues its run.

Workers see our folders under the same names. Results, checkpoints and shared inputs are kept there, so only the
descriptions of runs travel, and nothing is lost with a worker. A run uses all threads of its worker.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import torch

from repro import __version__, cluster
from repro.cluster import Cluster, View
from repro.data import photos
from repro.errors import ReproError
from repro.experiments.store import Store
from repro.files import atomic_write
from repro.runtime import provenance


@contextmanager
def connect(scheduler: str, store: Store, data_dir: Path | None, splits: Iterable[str]) -> Iterator[Cluster]:
    """The cluster of the Dask scheduler at ``dask://HOST:PORT``, once it has a worker.

    ``store`` and ``data_dir`` must be absolute. Raises what :func:`repro.cluster.connect` raises, also if a worker does
    not see the same folders, code or photos (of ``splits``) as this machine.
    """
    token = f".shared-{uuid4().hex}"
    look, prepare = partial(_view, token, store, tuple(splits), data_dir), partial(_prepare, list(sys.argv))
    folders = store.data, store.scratch
    try:
        for folder in folders:  # a file by which workers recognise it, for as long as they work
            folder.mkdir(parents=True, exist_ok=True)
            atomic_write(folder / token, "")
        with cluster.connect(scheduler, look, prepare) as made:
            yield made
    finally:
        for folder in folders:
            (folder / token).unlink(missing_ok=True)


def _prepare(command: list[str], nthreads: int) -> None:
    """On the worker: use all its threads, and take over our command line, which results record as provenance."""
    torch.set_num_threads(nthreads)
    sys.argv[:] = command
    # if it is set, Lightning takes Slurm's tasks, which are our workers, for the processes of one training
    os.environ.pop("SLURM_NTASKS", None)


def _view(token: str, store: Store, splits: Iterable[str], data_dir: Path | None) -> View:
    """What must be the same here and on a worker: how to fix a difference → name → what is seen."""
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
        except ReproError:  # if both ends agree on this, each run reports it
            sets[name] = "missing or damaged"
    code = {"repro": __version__, "commit": str(here["commit"]), "python": here["python"]}
    return {
        "install the same requirements.lock and checkout there": code | here["versions"],
        "put --store on a file system that all machines share": folders,
        "put the photos on a file system that all machines share and name it by --data": sets,
    }
