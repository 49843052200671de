"""Run what has no result, resume what was cut off, store the outcome; never compute a result twice."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from repro.data import PhotoSet, crop_pool, photos
from repro.errors import ReproError
from repro.evaluation import evaluate_model, peer_curve
from repro.experiments.registry import Experiment, PeerSweep, Wanted
from repro.experiments.store import Store
from repro.files import atomic_path, atomic_write, sha256_bytes
from repro.model import LearnedJPEG, save_checkpoint
from repro.progress import track
from repro.runtime import provenance
from repro.training import new_model, train, trunk_features


def run(wanted: Wanted, store: Store, data_dir: Path | None = None) -> None:
    """Compute and store one result, unless it is stored; resumes what was cut off."""
    if store.load(wanted) is not None:
        return
    store.result_path(wanted).parent.mkdir(parents=True, exist_ok=True)
    evaluation = photos(wanted.evaluation, data_dir)
    if isinstance(wanted, PeerSweep):
        origin = provenance() | {"data": {"evaluation": _describe(evaluation)}}
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
    crops, features, weights = _inputs(experiment, source, store.scratch / "cache")
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
            "data": {"train": _describe(source), "evaluation": _describe(evaluation)},
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
            _inputs(experiment, photos(experiment.crops.split, data_dir), store.scratch / "cache")
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


def _inputs(
    experiment: Experiment, source: PhotoSet, cache: Path
) -> tuple[torch.Tensor, torch.Tensor | None, dict[str, str]]:
    """Crops, frozen-trunk features (both memory-mapped from the cache) and which weights made them."""
    spec = experiment.crops
    stem = sha256_bytes(f"{source.sha256} {asdict(spec)}".encode())[:16]
    crops = _memo(
        cache / f"crops-{stem}.npy", lambda: crop_pool(source, spec.count, size=spec.size, seed=spec.seed).numpy()
    )
    model = new_model(experiment.model, experiment.recipe)
    weights = {} if model.attention is None else {experiment.model.method: str(model.attention.source)}
    features = None
    if model.frozen_trunk is not None:
        trunk = f"{experiment.model.method} {weights} {experiment.model.pretrained or experiment.recipe.seed}"
        name = sha256_bytes(f"{stem} {trunk}".encode())[:16]
        features = _memo(cache / f"features-{name}.npy", lambda: _features(model, crops))
    return crops, features, weights


def _features(model: LearnedJPEG, crops: torch.Tensor) -> np.ndarray:
    found = trunk_features(model, crops)
    assert found is not None
    return found.numpy()


def _memo(path: Path, make: Callable[[], np.ndarray]) -> torch.Tensor:
    """An array computed once and memory-mapped ever after, read only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        array = make()
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            np.save(stream, array)
    # "c": copy on write, as PyTorch asks for writable memory; nothing is written.
    return torch.from_numpy(np.load(path, mmap_mode="c"))


def _describe(photo_set: PhotoSet) -> dict[str, Any]:
    return {
        "name": photo_set.name,
        "source": photo_set.source,
        "sha256": photo_set.sha256,
        "count": len(photo_set.items),
    }
