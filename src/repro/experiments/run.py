"""Run what has no result, resume what was cut off, store the outcome; never compute a result twice."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import torch

from repro.data import PhotoSet, photos
from repro.errors import ReproError
from repro.evaluation import evaluate_model, peer_curve
from repro.experiments.inputs import describe, inputs_of
from repro.experiments.registry import Experiment, PeerSweep, Wanted
from repro.experiments.store import Store
from repro.files import atomic_write
from repro.model import save_checkpoint
from repro.progress import track
from repro.runtime import provenance
from repro.training import train


def run(wanted: Wanted, store: Store, data_dir: Path | None = None) -> None:
    """Compute and store one result, unless it is stored; resumes what was cut off."""
    if store.load(wanted) is not None:
        return
    store.result_path(wanted).parent.mkdir(parents=True, exist_ok=True)
    evaluation = photos(wanted.evaluation, data_dir)
    if isinstance(wanted, PeerSweep):
        origin = provenance() | {"data": {"evaluation": describe(evaluation)}}
        path, partial = store.result_path(wanted), store.scratch / "peers" / f"{wanted.key}.json"
        if not partial.exists():
            partial.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                atomic_write(partial, path.read_bytes())
        peer_curve(wanted.codec, evaluation, wanted.qualities, store=partial, provenance=origin)
        atomic_write(path, partial.read_bytes())
        partial.unlink()
    else:
        _train_and_evaluate(wanted, store, data_dir, evaluation)


def _train_and_evaluate(experiment: Experiment, store: Store, data_dir: Path | None, evaluation: PhotoSet) -> None:
    source = photos(experiment.crops.split, data_dir)
    crops, features, weights = inputs_of(experiment, source, store.scratch / "cache")
    trained = train(
        experiment.model,
        experiment.loss,
        experiment.recipe,
        crops,
        features=features,
        folder=store.scratch / experiment.key,
    )
    started = time.perf_counter()
    images = evaluate_model(trained.model, evaluation)
    result = {
        "key": experiment.key,
        "experiment": json.loads(experiment.canonical),
        "images": images,
        "tables": trained.model.tables().detach().double().numpy().round(3).tolist(),
        "log": trained.log,
        "seconds": {"train": round(trained.seconds, 2), "evaluate": round(time.perf_counter() - started, 2)},
        "provenance": provenance()
        | {
            "seed": experiment.recipe.seed,
            "weights": weights,
            "data": {"train": describe(source), "evaluation": describe(evaluation)},
        },
    }
    store.checkpoint_path(experiment).parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(store.checkpoint_path(experiment), trained.model, {"experiment": experiment.key})
    atomic_write(store.result_path(experiment), json.dumps(result, indent=1) + "\n")


def plan(experiments: Iterable[Wanted], store: Store) -> list[Wanted]:
    """Those without a stored result, each once."""
    missing = {e.key: e for e in experiments if store.load(e) is None}
    return list(missing.values())


def reproduce(
    experiments: Iterable[Wanted], store: Store, data_dir: Path | None = None, jobs: int = 1
) -> dict[str, str]:
    """Run what has no result, ``jobs`` at a time; returns key → error for those that failed.

    One failure does not stop the rest. What runs share (crops, trunk features) is computed before they part ways.
    """
    missing = plan(experiments, store)
    failed: dict[str, str] = {}
    if not missing:
        return failed
    for experiment in {(e.model.method, e.crops): e for e in missing if isinstance(e, Experiment)}.values():
        with suppress(ReproError):  # which its run will tell
            inputs_of(experiment, photos(experiment.crops.split, data_dir), store.scratch / "cache")
    if jobs == 1:
        for wanted in track(missing, "experiments"):
            try:
                run(wanted, store, data_dir)
            except Exception as error:
                failed[wanted.key] = _told(error)
        return failed
    threads = max(1, (os.cpu_count() or 1) // jobs)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_worker, initargs=(threads,)) as pool:
        futures = {pool.submit(run, e, store, data_dir): e.key for e in missing}
        for future in track(as_completed(futures), "experiments", total=len(futures)):
            try:
                future.result()
            except Exception as error:  # a lost worker (killed, out of memory) is reported like any other failure
                failed[futures[future]] = _told(error)
    return failed


def _told(error: Exception) -> str:
    """One line: our own errors speak for themselves, others also say what they are."""
    return str(error) if isinstance(error, ReproError) else f"{type(error).__name__}: {' '.join(str(error).split())}"


def _worker(threads: int) -> None:
    torch.set_num_threads(threads)
