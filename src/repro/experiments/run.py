"""Run experiments without a result, resume interrupted ones, store results; never compute one twice."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import AbstractContextManager, nullcontext, suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any, TypeVar

import torch

from repro.cluster import Cluster
from repro.data import PhotoSet, photos
from repro.data.sets import named_dir
from repro.errors import ReproError
from repro.evaluation import evaluate_model
from repro.experiments.cluster import connect
from repro.experiments.inputs import describe, inputs_of
from repro.experiments.numerics import NUMERICS, numerics_of, trained_alike
from repro.experiments.settings import Crops, Experiment, Task
from repro.experiments.store import Store
from repro.experiments.sweeps import measure_sweep
from repro.files import alone, atomic_write
from repro.model import LearnedJPEG, load_checkpoint, save_checkpoint
from repro.progress import note, track
from repro.runtime import provenance
from repro.training import checkpoint, one_device, train
from repro.workers import end_with_program

T = TypeVar("T")

#: A larger model is not stored with the results and stays in the run's folder. A trained VGG-19 has 9.3 MB.
KEPT_BYTES = 10_000_000


def run(task: Task, store: Store, data_dir: Path | None = None) -> None:
    """Compute and store one result, unless it is stored; resume an interrupted run.

    Waits while another process computes the same result into the same store.
    """
    waiting = partial(note, f"{task.key}: another process computes it; waiting for that")
    name = task.folder if isinstance(task, Experiment) else task.key
    with alone(store.scratch / f"{name}.lock", waiting):
        if store.load(task) is None:
            _run(task, store, data_dir)


def _run(task: Task, store: Store, data_dir: Path | None) -> None:
    store.result_path(task).parent.mkdir(parents=True, exist_ok=True)
    evaluation = photos(task.evaluation, data_dir)
    if isinstance(task, Experiment):
        _train_and_evaluate(task, store, data_dir, evaluation)
    else:
        measure_sweep(task, store, evaluation)


def _train_and_evaluate(experiment: Experiment, store: Store, data_dir: Path | None, evaluation: PhotoSet) -> None:
    trained = _kept(experiment, store) or _train(experiment, store, data_dir, evaluation)
    started = time.perf_counter()
    images = evaluate_model(trained.model, evaluation)
    result = {
        "key": experiment.key,
        "experiment": json.loads(experiment.canonical),
        "images": images,
        "tables": trained.model.tables().detach().double().numpy().round(3).tolist(),
        **trained.parts,
        "numerics": numerics_of(experiment),
        "seconds": {
            "train": round(trained.seconds, 2),
            "evaluate": round(time.perf_counter() - started, 2),
        },
        "provenance": trained.origin | {"data": trained.origin["data"] | {"evaluation": describe(evaluation)}},
    }
    if sum(v.numel() * v.element_size() for v in trained.model.learned_state().values()) <= KEPT_BYTES:
        store.checkpoint_path(experiment).parent.mkdir(parents=True, exist_ok=True)
        save_checkpoint(store.checkpoint_path(experiment), trained.model, {"experiment": experiment.key})
    atomic_write(store.result_path(experiment), json.dumps(result, indent=1) + "\n")


@dataclass(frozen=True)
class _Trained:
    """A trained model, other parts of its result ("log", "snapshots"), seconds of training, and provenance."""

    model: LearnedJPEG
    parts: dict[str, Any]
    seconds: float
    origin: dict[str, Any]


def _train(experiment: Experiment, store: Store, data_dir: Path | None, evaluation: PhotoSet) -> _Trained:
    source, folder = photos(experiment.crops.split, data_dir), store.scratch / experiment.folder
    versions = numerics_of(experiment) if experiment.snapshots else {"training": NUMERICS["training"]}
    pool, weights = inputs_of(experiment, source, store.scratch / "cache")
    made_of = {
        "code": json.dumps(versions, sort_keys=True),
        "photos": source.sha256,
        "weights": json.dumps(weights, sort_keys=True),
    }
    if not (folder / "checkpoint.safetensors").exists():  # without it, nothing says what made the other files there
        shutil.rmtree(folder, ignore_errors=True)
    on_the_way = _Snapshots(folder / "snapshots.json", experiment.snapshots, evaluation)
    observe = on_the_way if experiment.snapshots else None
    trained = train(
        experiment.model,
        experiment.loss,
        experiment.recipe,
        pool,
        folder=folder,
        made_of=made_of,
        fabric=one_device("cuda" if torch.cuda.is_available() else "cpu"),
        observe=observe,
    )
    parts = {"log": trained.log} | ({"snapshots": on_the_way.asked()} if experiment.snapshots else {})
    origin = provenance() | {
        "seed": experiment.recipe.seed,
        "weights": weights,
        "machines": trained.machines,
        "data": {"train": describe(source)},
    }
    return _Trained(trained.model.cpu(), parts, trained.seconds, origin)


def _kept(experiment: Experiment, store: Store) -> _Trained | None:
    """The stored model, if it need not be trained again because only the code that measures it has changed."""
    result, path = store.read(experiment), store.checkpoint_path(experiment)
    if result is None or not path.exists() or experiment.snapshots or not trained_alike(experiment, result):
        return None
    model, header = load_checkpoint(path)
    if header.get("experiment") != experiment.key:
        return None
    measured = provenance()
    origin = result["provenance"] | {"measured": {k: measured[k] for k in ("commit", "modified", "date", "command")}}
    return _Trained(model, {"log": result["log"]}, result["seconds"]["train"], origin)


@dataclass(frozen=True)
class _Snapshots:
    """Measure the model at each of ``steps`` and keep the numbers in a file, which survives an interrupted run."""

    path: Path
    steps: tuple[int, ...]
    evaluation: PhotoSet

    def __call__(self, step: int, model: LearnedJPEG) -> None:
        kept = self.read()
        if step in self.steps and str(step) not in kept:
            kept[str(step)] = evaluate_model(deepcopy(model).cpu(), self.evaluation)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(self.path, json.dumps(kept))

    def read(self) -> dict[str, Any]:
        """Step → photo → point, including steps that only a longer run asks for."""
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def asked(self) -> dict[str, Any]:
        """As :meth:`read`, for ``steps`` alone."""
        return {step: images for step, images in self.read().items() if int(step) in self.steps}


def step_reached(task: Task, store: Store) -> int:
    """How many steps of an interrupted run are kept; 0 if it has not begun."""
    if not isinstance(task, Experiment):
        return 0
    return checkpoint.step_of(store.scratch / task.folder / "checkpoint.safetensors")


def plan(experiments: Iterable[Task], store: Store) -> list[Task]:
    """The experiments without a stored result, each once: short ones first, further seeds later."""
    missing = {e.key: e for e in experiments if store.load(e) is None}
    return sorted(missing.values(), key=lambda e: e.recipe.steps * (1 + e.seed) if isinstance(e, Experiment) else 0)


def reproduce(
    experiments: Iterable[Task],
    store: Store,
    data_dir: Path | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
) -> dict[str, str]:
    """Run what has no result. Return key → error for runs that failed; these do not stop the others.

    Runs ``jobs`` at a time here, or on the workers of the Dask ``scheduler`` (dask://HOST:PORT), which must see the
    store's folders as this machine does. What runs share (crops, trunk features) is computed first. Raises
    :class:`ReproError` if no cluster answers, or if one of its workers differs from this machine.
    """
    missing = plan(experiments, store)
    if not missing:
        return {}
    at: AbstractContextManager[Here | Cluster] = nullcontext(Here(jobs))
    if scheduler is not None:
        store = Store(store.data.absolute(), store.scratch.absolute())
        named = named_dir(data_dir)
        data_dir = named and named.absolute()
        at = connect(scheduler, store, data_dir, _splits(missing))
    with at as place:
        inputs = _shared(missing)
        for _ in track(place.each(partial(_prepare, store=store, data_dir=data_dir), inputs), "inputs", len(inputs)):
            pass  # an error here occurs again in the run itself
        runs = place.each(partial(run, store=store, data_dir=data_dir), {e.key: e for e in missing})
        ended = track(runs, "experiments", len(missing))
        return {key: _one_line(error) for key, error in ended if error is not None}


@dataclass(frozen=True)
class Here:
    """This machine, which runs ``jobs`` tasks at a time. A single task gets all cores."""

    jobs: int

    def each(self, work: Callable[[T], None], items: Mapping[str, T]) -> Iterator[tuple[str, Exception | None]]:
        """Call ``work`` with each item; yield name and error, or None, as they end. As :meth:`Cluster.each`."""
        jobs = min(self.jobs, len(items))
        if jobs <= 1:
            for name, item in items.items():
                yield name, _error_of(partial(work, item))
            return
        threads = max(1, (os.cpu_count() or 1) // jobs)
        spawn = get_context("spawn")
        with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_begin_worker, initargs=(threads,)) as pool:
            futures: dict[Future[None], str] = {pool.submit(work, item): name for name, item in items.items()}
            try:
                for future in as_completed(futures):  # a lost process (killed, out of memory) is an error like others
                    yield futures[future], _error_of(future.result)
            except BaseException:  # Ctrl-C: begin nothing new and do not wait; what was reached is kept
                pool.shutdown(wait=False, cancel_futures=True)
                for process in active_children():
                    process.terminate()
                raise


def _begin_worker(threads: int) -> None:
    """Use a share of the cores, and end when the program does."""
    torch.set_num_threads(threads)
    end_with_program()


def _error_of(call: Callable[[], Any]) -> Exception | None:
    try:
        call()
    except Exception as error:
        return error
    return None


def _shared(missing: Iterable[Task]) -> dict[str, list[Experiment]]:
    """One experiment for each distinct input (λ makes no difference), grouped by crops."""
    groups: dict[Crops, dict[Experiment, Experiment]] = {}
    for e in missing:
        if isinstance(e, Experiment):
            groups.setdefault(e.crops, {}).setdefault(replace(e, series="", loss=replace(e.loss, lam=1.0)), e)
    return {f"inputs-{i}": list(group.values()) for i, group in enumerate(groups.values())}


def _prepare(experiments: Iterable[Experiment], store: Store, data_dir: Path | None) -> None:
    """Compute the inputs of these experiments, one after the other."""
    for experiment in experiments:
        with suppress(ReproError):  # the next one may have what it needs
            inputs_of(experiment, photos(experiment.crops.split, data_dir), store.scratch / "cache")


def _splits(missing: Iterable[Task]) -> list[str]:
    """The splits that the tasks need photos of."""
    return sorted({e.evaluation for e in missing} | {e.crops.split for e in missing if isinstance(e, Experiment)})


def _one_line(error: Exception) -> str:
    """An error as one line; one from another library begins with its type."""
    return str(error) if isinstance(error, ReproError) else f"{type(error).__name__}: {' '.join(str(error).split())}"
