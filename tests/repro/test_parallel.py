"""The same training in other ways: two processes, parts of a batch, compiled, with values cached on disk."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_training import LOSS, SHORT, crops, settings

from repro.errors import ReproError, UsageError
from repro.training import Pool, new_model, pool, precomputed_pool, processes, train
from repro.training.step import Stepper

EXACT = replace(SHORT, precision="32-true", batch=4)
#: Sums in another order may let a coefficient or two round to the other side.
SAME = 2e-4

SCRIPT = """
import json, sys
import test_parallel as t
from repro.training import processes
with processes(accelerator="cpu", devices=2, strategy="ddp") as fabric:
    log = t.train(t.settings(sys.argv[1]), t.LOSS, t.EXACT, t.crops(6), fabric=fabric, micro_batch=1).log
    if fabric.is_global_zero:
        open(sys.argv[2], "w").write(json.dumps(log))
assert not t.torch.distributed.is_initialized()
"""


def losses(method: str = "tables", **how: object) -> list[float]:
    return [row["loss"] for row in train(settings(method), LOSS, EXACT, crops(6), **how).log]  # type: ignore[arg-type]


@functools.cache
def whole(method: str = "tables") -> list[float]:
    """Losses of one process with whole batches."""
    return losses(method)


@functools.cache
def short_run() -> float:
    """The last loss of six steps, without a cache."""
    return train(settings("vgg16"), LOSS, SHORT, crops()).log[-1]["loss"]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["vgg16", "lstm"])
def test_two_processes_train_as_one(method: str, tmp_path: Path) -> None:
    """DDP by torchrun and gloo, with accumulated gradients, gives one process's losses for the same global batch."""
    script, log = tmp_path / "ddp.py", tmp_path / "log.json"
    script.write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, script, method, log], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [row["loss"] for row in json.loads(log.read_text())] == pytest.approx(whole(method), rel=SAME)


@pytest.mark.slow
def test_the_command_trains_on_two_devices(tmp_path: Path) -> None:
    """``repro train --devices 2`` starts the second process itself; the result is one model and one log."""
    command = [sys.executable, "-m", "repro", "train", "-o", str(tmp_path / "run"), "--steps", "2", "--batch", "2"]
    options = ["--crops", "4", "--accelerator", "cpu", "--devices", "2", "--method", "tables"]
    environment = {k: v for k, v in os.environ.items() if k != "REPRO_DATA"} | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, *options], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "model.safetensors").exists()
    assert done.stdout.count("model.safetensors") == 1


def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="2 × accelerator mps: not on this machine"), processes("mps", 2):
        pytest.fail("begun")


def test_one_device_is_one_process_in_a_slurm_job_of_several_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    job = {"JOB_NAME": "job", "JOB_ID": "1", "NTASKS": "4", "NNODES": "1", "PROCID": "0", "LOCALID": "0", "NODEID": "0"}
    for name, value in job.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    with processes("cpu", 1) as fabric:
        assert fabric.world_size == 1


def test_crops_go_to_the_device_that_trains() -> None:
    """Also on a device without CUDA, such as an Apple GPU, which has no pinned memory."""
    crops = torch.zeros(4, 3, 8, 8, dtype=torch.uint8)
    batch = pool.Pool(crops).batch(torch.tensor([1, 2]), torch.device("meta"))
    assert batch.x.device.type == "meta" and batch.x.shape == (2, 3, 8, 8)


@pytest.mark.parametrize("method", ["tables", "vgg16"])
def test_a_batch_in_parts_is_the_same_batch(method: str) -> None:
    assert losses(method, micro_batch=1) == pytest.approx(whole(method), rel=SAME)
    assert losses(method, micro_batch=3) == pytest.approx(whole(method), rel=SAME)


def test_out_of_memory_halves_the_parts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    expected, known = whole(), Stepper._part

    def short_of_memory(self: Stepper, part: pool.Batch, *arguments: float) -> dict[str, torch.Tensor]:
        if len(part.x) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return known(self, part, *arguments)

    monkeypatch.setattr(Stepper, "_part", short_of_memory)
    assert losses() == pytest.approx(expected, rel=SAME)
    told = capsys.readouterr().err
    assert "out of memory: 2 crops at once from here on, 4 a step as before" in told
    assert "out of memory: 1 crops at once" in told


def test_no_memory_for_one_crop_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Stepper, "_part", never)
    with pytest.raises(ReproError, match="at 1 crops at once on each device; use a device with more memory"):
        losses()


@pytest.mark.parametrize("size", [0, -2])
def test_a_micro_batch_of_nothing_is_refused(size: int) -> None:
    with pytest.raises(UsageError, match="micro-batch"):
        losses(micro_batch=size)


@pytest.mark.slow
def test_compiled_is_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("g++") is None:
        pytest.skip("torch.compile needs a C++ compiler")
    assert losses(compile=True) == pytest.approx(whole(), rel=SAME)
    assert "does not work" not in capsys.readouterr().err


def test_without_a_compiler_training_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> object:
        def call(*_: object) -> None:
            raise RuntimeError("no C++ compiler was found\nand more")

        return call

    monkeypatch.setattr(torch, "compile", refuse)
    assert losses(compile=True) == pytest.approx(whole(), rel=1e-6)
    assert "torch.compile does not work here (no C++ compiler was found); going on without" in capsys.readouterr().err


def filled(
    folder: Path, count: int = 4, seed: int = 0, dtype: torch.dtype = torch.bfloat16, fed: str = "imagenet"
) -> Pool:
    model = new_model(replace(settings("vgg16"), trunk_input=fed), replace(SHORT, seed=seed))
    return precomputed_pool(crops(count), model, LOSS, dtype, folder)


def test_what_is_known_is_computed_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = filled(tmp_path)
    told = capsys.readouterr().err
    assert "features of 4 crops: 1 MB in" in told and "perception of 4 crops:" in told
    again = filled(tmp_path)
    assert capsys.readouterr().err == ""
    assert first.features is not None and again.features is not None and torch.equal(first.features, again.features)
    assert again.features.dtype is torch.float16 and again.features.shape == (4, 22, 22, 256)
    assert again.perception is not None and again.perception[0].dtype is torch.bfloat16
    assert len(list(tmp_path.iterdir())) == 2


def test_what_was_made_of_others_is_not_used(tmp_path: Path) -> None:
    one, other = filled(tmp_path).features, filled(tmp_path, seed=1).features
    fed_otherwise = filled(tmp_path, fed="unit").features
    assert one is not None and other is not None and not torch.equal(one, other)
    assert fed_otherwise is not None and not torch.equal(one, fed_otherwise)
    assert len(filled(tmp_path, count=3)) == 3
    perception = filled(tmp_path, dtype=torch.float32).perception
    assert perception is not None and perception[0].dtype is torch.float32


def test_a_cache_that_was_cut_off_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def cut(model: object, crops: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        if len(calls) > 1:  # the first call is for one crop, to get the size
            raise KeyboardInterrupt
        return pool_features(model, crops)  # type: ignore[arg-type]

    pool_features = pool.trunk_features
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(pool, "trunk_features", cut)
        filled(tmp_path)
    assert not list(tmp_path.iterdir())
    assert filled(tmp_path).features is not None


def test_a_full_disk_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(pool.shutil, "disk_usage", lambda _: usage(10**7, 9 * 10**6, 700_000))
    short = filled(tmp_path)
    assert short.features is None and short.perception is None and not list(tmp_path.iterdir())
    told = capsys.readouterr().err
    assert "features of 4 crops would take 1 MB" in told and "has room for 1 MB" in told
    assert "computed at each step; 2 crops would fit" in told
    trained = train(settings("vgg16"), LOSS, SHORT, short).log
    assert trained[-1]["loss"] == pytest.approx(short_run())


def test_a_cache_that_is_too_large_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pool, "MAX_CACHE", 100_000)
    assert filled(tmp_path).features is None
    assert "over 0 GB: not kept" in capsys.readouterr().err


def test_from_the_cache_training_is_the_same(tmp_path: Path) -> None:
    given = train(settings("vgg16"), LOSS, SHORT, filled(tmp_path)).log
    assert given[-1]["loss"] == pytest.approx(short_run(), rel=1e-3)
