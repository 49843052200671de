"""The experiments: which runs make which figure, and the memo that never computes one twice.

An :class:`Experiment` is frozen and serialisable; the hash of its canonical JSON is its key. Its result is
``data/results/<key>.json`` (points per image, loss curve, provenance) and ``data/checkpoints/<key>.safetensors``.
:func:`plan` lists what a figure needs and has; :func:`reproduce` runs what is missing and resumes what was cut off.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from repro.data import PhotoSet, crop_pool, photos
from repro.errors import ReproError, UsageError
from repro.evaluation import evaluate_model
from repro.files import atomic_path, atomic_write, sha256_bytes
from repro.losses import LossWeights
from repro.model import ModelSettings, save_checkpoint
from repro.progress import track
from repro.runtime import provenance
from repro.training import PAPER_RECIPE, Recipe, new_model, train, trunk_features

#: λ of the published curves: chosen to cover 0.2–0.6 bpp on the tuning photos about evenly.
LAMBDAS = (0.002, 0.01, 0.02, 0.04, 0.08, 0.16)
#: λ in the baseline's scripts.
PAPER_LAMBDAS = (0.001, 0.0025, 0.005, 0.01, 0.05, 0.1)
PROFILES = ("smoke", "cpu", "paper")


@dataclass(frozen=True)
class Crops:
    """Training crops: how many, how large (pixels a side), drawn by which seed, from which split."""

    count: int = 512
    size: int = 224
    seed: int = 0
    split: str = "train"


@dataclass(frozen=True)
class Experiment:
    """One trained model and its evaluation. Equal experiments have equal keys; ``series`` only labels the curve."""

    series: str = field(metadata={"label": True})
    profile: str
    model: ModelSettings
    loss: LossWeights
    recipe: Recipe
    crops: Crops = Crops()
    evaluation: str = "kodak"

    @property
    def canonical(self) -> str:
        """JSON with sorted keys, without the label."""
        settings = asdict(self)
        del settings["series"]
        return json.dumps(settings, sort_keys=True, separators=(",", ":"))

    @property
    def key(self) -> str:
        """16 hexadecimal digits that name the result."""
        return sha256_bytes(self.canonical.encode())[:16]


@dataclass(frozen=True)
class Store:
    """Where results are kept and where runs work: ``data/`` and ``runs/`` of the checkout unless told otherwise."""

    data: Path
    scratch: Path

    @classmethod
    def default(cls) -> Store:
        """The checkout that the package is installed from; else the folder where the program was started."""
        root = Path(__file__).resolve().parents[2]
        root = root if (root / "pyproject.toml").exists() else Path.cwd()
        return cls(root / "data", root / "runs")

    def result_path(self, experiment: Experiment) -> Path:
        return self.data / "results" / f"{experiment.key}.json"

    def checkpoint_path(self, experiment: Experiment) -> Path:
        return self.data / "checkpoints" / f"{experiment.key}.safetensors"

    def load(self, experiment: Experiment) -> dict[str, Any] | None:
        """The stored result, or None. Raises :class:`ReproError` where the file is broken or another experiment's."""
        path = self.result_path(experiment)
        if not path.exists():
            return None
        try:
            result = json.loads(path.read_text())
            stored = result["experiment"]
        except (ValueError, KeyError) as error:
            raise ReproError(f"{path}: not a result of this program; delete it and run `repro reproduce`") from error
        if json.dumps(stored, sort_keys=True, separators=(",", ":")) != experiment.canonical:
            raise ReproError(
                f"{path}: holds another experiment than its name says; delete it and run `repro reproduce`"
            )
        return result


def figure_5(profile: str) -> list[Experiment]:
    """Fig. 5: the baseline (γ = 500, σ = 0) and the paper's loss (σ = 1000), each with VGG and with tables alone."""
    recipe, crops, evaluation, lambdas, methods = _profile(profile)
    return [
        Experiment(
            series=f"{method}, {'MSE + LPIPS + MS-SSIM' if sigma else 'MSE + LPIPS'}",
            profile=profile,
            model=ModelSettings(
                method=method,
                table_param="paper" if profile == "paper" else "log",
                trunk_trained=profile == "paper",
                start=0.0 if profile == "paper" or method == "tables" else 2.0,
            ),
            loss=LossWeights(lam=lam, sigma=sigma),
            recipe=recipe,
            crops=crops,
            evaluation=evaluation,
        )
        for method in methods
        for sigma in (1000.0, 0.0)
        for lam in lambdas
    ]


#: Figure of the paper → the experiments that it needs at a profile.
FIGURES = {"5": figure_5}


def _profile(profile: str) -> tuple[Recipe, Crops, str, tuple[float, ...], tuple[str, ...]]:
    """Recipe, crops, evaluation split, λ set and methods of a profile."""
    if profile == "smoke":
        return Recipe(steps=2, batch=2, log_every=1), Crops(count=4), "sample", LAMBDAS[::3], ("tables", "vgg16")
    if profile == "cpu":
        return Recipe(), Crops(), "kodak", LAMBDAS, ("tables", "vgg16")
    if profile == "paper":
        return PAPER_RECIPE, Crops(count=20_000), "kodak", PAPER_LAMBDAS, ("vgg19",)
    raise UsageError(f"unknown profile {profile!r}; choose from {', '.join(PROFILES)}")


def experiments_of(figure: str, profile: str) -> list[Experiment]:
    """The experiments of a figure of the paper. Raises :class:`UsageError` on an unknown figure or profile."""
    if figure not in FIGURES:
        raise UsageError(f"unknown figure {figure!r}; choose from {', '.join(FIGURES)}")
    return FIGURES[figure](profile)


def run(experiment: Experiment, store: Store, data_dir: Path | None = None) -> dict[str, Any]:
    """Train, evaluate and store one experiment; a stored result is returned as it is. Resumes what was cut off."""
    stored = store.load(experiment)
    if stored is not None:
        return stored
    evaluation = photos(experiment.evaluation, data_dir)
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
    for path in (store.checkpoint_path(experiment), store.result_path(experiment)):
        path.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(store.checkpoint_path(experiment), trained.model, {"experiment": experiment.key})
    atomic_write(store.result_path(experiment), json.dumps(result, indent=1) + "\n")
    return result


def plan(experiments: Iterable[Experiment], store: Store) -> list[Experiment]:
    """Those without a stored result, each once."""
    missing = {e.key: e for e in experiments if store.load(e) is None}
    return list(missing.values())


def reproduce(
    experiments: Iterable[Experiment], store: Store, data_dir: Path | None = None, jobs: int = 1
) -> dict[str, str]:
    """Run what has no result, ``jobs`` at a time; returns key → error for those that failed.

    One failure does not stop the rest. What runs share (crops, trunk features) is computed before they part ways.
    """
    missing = plan(experiments, store)
    failed: dict[str, str] = {}
    if not missing:
        return failed
    for experiment in {(e.model.method, e.crops): e for e in missing}.values():
        _inputs(experiment, photos(experiment.crops.split, data_dir), store.scratch / "cache")
    if jobs == 1:
        for experiment in track(missing, "experiments"):
            try:
                run(experiment, store, data_dir)
            except ReproError as error:
                failed[experiment.key] = str(error)
        return failed
    threads = max(1, (os.cpu_count() or 1) // jobs)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_worker, initargs=(threads,)) as pool:
        futures = {pool.submit(run, e, store, data_dir): e.key for e in missing}
        for future in track(as_completed(futures), "experiments", total=len(futures)):
            try:
                future.result()
            except Exception as error:  # a lost worker (killed, out of memory) is reported like any other failure
                failed[futures[future]] = f"{type(error).__name__}: {error}"
    return failed


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
        name = sha256_bytes(f"{stem} {experiment.model.method} {weights}".encode())[:16]
        features = _memo(cache / f"features-{name}.npy", lambda: _features(model, crops))
    return crops, features, weights


def _features(model: Any, crops: torch.Tensor) -> np.ndarray:
    found = trunk_features(model, crops)
    assert found is not None
    return found.numpy()


def _memo(path: Path, make: Any) -> torch.Tensor:
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


def with_seed(experiment: Experiment, seed: int) -> Experiment:
    """The same experiment from another seed, for spreads."""
    return replace(experiment, recipe=replace(experiment.recipe, seed=seed), crops=replace(experiment.crops, seed=seed))
