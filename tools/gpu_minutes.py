"""What to do with twelve minutes of a GPU: test the training there, time it, and train what fits of the paper's runs.

    python tools/gpu_minutes.py --data PHOTOS --state runs --out FOLDER

In this order: ``tests/repro/test_gpu.py``; steps per second of every method, and their share of the peak of a matrix
product; the runs of profile ``paper`` without a stored result, the most wanted first and several at a time. Each is
stored as it ends. When the time is up, runs still going are ended; they resume from their last checkpoint another day.

``--out`` (or the variable OUT) is where to put what is to be brought back, in files of at most 15 MiB: ``results.zip``
(unpack it in ``data/``; it also has the tests' output and the times), the models, and the states of runs that were cut
off, in pieces to be joined: ``cat NAME.state.* > runs/NAME/checkpoint.safetensors``. ``--state`` is a folder of runs
begun elsewhere, which resume. ``--quick`` tries all of this in a minute or two on a processor, with tiny settings.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from tempfile import gettempdir

import torch
from torch.utils.flop_counter import FlopCounterMode

from repro.attention import CONVOLUTIONAL, METHODS
from repro.data import photos
from repro.experiments import Crops, Experiment, Store, paper, run
from repro.experiments.inputs import inputs_of
from repro.experiments.run import step_reached
from repro.files import atomic_write
from repro.losses import LossWeights
from repro.model import ModelSettings
from repro.training import PAPER_RECIPE, Pool, Recipe, new_model, one_device
from repro.training.step import Stepper

ROOT = Path(__file__).resolve().parents[1]
#: Bytes of a piece of a run's state, and seconds that the tests may take.
PIECE, TESTS_SECONDS = 15 << 20, 120
#: Seconds kept for collecting the results.
LAST = 20


def wanted(quick: bool) -> list[Experiment]:
    """The runs, the most wanted first. ``quick``: one for each kind of network, so short that it ends in seconds."""
    runs = paper.runs("all")
    if not quick:
        return runs
    first = {e.model.method: e for e in reversed(runs) if e.model.method in ("vgg19", "tables", "lstm")}
    tiny = Recipe(steps=2, batch=2, log_every=1, checkpoint_every=1, lr_tables=1e-6, lr_network=1e-6, tables_start=0)
    return [
        replace(e, recipe=tiny, crops=Crops(count=4, size=176), evaluation="sample", snapshots=())
        for e in sorted(first.values(), key=runs.index)
    ]


def test(out: Path, quick: bool) -> bool:
    """Run the tests on the GPU, with their output in a file; whether they passed."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/repro/test_gpu.py"]
    command += ["-k", "batch or parts or (losses and tables)"] if quick else []
    environment = os.environ | ({"REPRO_TRY": "cpu"} if quick else {})
    with (out / "tests.txt").open("w") as log:
        try:
            done = subprocess.run(command, cwd=ROOT, env=environment, stdout=log, stderr=log, timeout=TESTS_SECONDS)
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0


def speeds(quick: bool) -> list[dict[str, float | str]]:
    """Steps per second of every method by the paper's recipe, trunk trained, and the share of the machine's peak."""
    device = torch.device("cpu" if quick else "cuda")
    peak, rows = _peak(device, 256 if quick else 8192), list[dict[str, float | str]]()
    recipe, side, count = replace(PAPER_RECIPE, batch=1 if quick else 8), 176 if quick else 224, 1 if quick else 30
    pool = Pool(torch.randint(0, 256, (recipe.batch, 3, side, side), dtype=torch.uint8))
    for method in METHODS:
        settings = ModelSettings(method, table_param="paper", trunk_trained=method in CONVOLUTIONAL, pretrained=False)
        step = Stepper(new_model(settings, recipe), LossWeights(lam=0.01), recipe, one_device(device.type))
        step.set_up()
        batch = pool.batch(torch.arange(recipe.batch), device)
        with FlopCounterMode(display=False) as counted:
            step(0, batch)
        seconds = _seconds(lambda step=step, batch=batch: step(1, batch), count, device)
        operations = counted.get_total_flops() + _of_lstms(method, recipe.batch * (side // 8) ** 2)
        rows.append({"method": method, "steps_per_second": 1 / seconds, "share_of_peak": operations / seconds / peak})
    return [{"method": "matrix product, bfloat16", "flops_per_second": peak}, *rows]


def _of_lstms(method: str, blocks: int) -> int:
    """Operations of three LSTMs forward and backward, which the counter does not see: 64 inputs and units, 4 gates."""
    directions = {"lstm": 1, "bilstm": 2}.get(method, 0)
    return 3 * 3 * directions * blocks * 2 * 4 * 64 * (64 + 64)


def _peak(device: torch.device, side: int) -> float:
    a, b = (torch.rand(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * side**3 / _seconds(lambda: a @ b, 10, device)


def _seconds(work: object, count: int, device: torch.device) -> float:
    """Seconds of one call: the mean of ``count`` calls after three that are not counted."""
    for i in range(3 + count):
        if i == 3:
            _wait(device)
            started = time.perf_counter()
        work()  # type: ignore[operator]
    _wait(device)
    return (time.perf_counter() - started) / count


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def train(runs: list[Experiment], store: Store, options: argparse.Namespace, ends: float) -> None:
    """Run each in a process of its own, ``options.jobs`` at a time, until all are stored or the time is up."""
    waiting = [e for e in runs if store.load(e) is None]
    going: list[subprocess.Popen[bytes]] = []
    while (waiting or going) and time.monotonic() < ends:
        going = [process for process in going if process.poll() is None]
        while waiting and len(going) < options.jobs:
            command = [sys.executable, __file__, "--one", waiting.pop(0).key, *sys.argv[1:]]
            log = (store.scratch / "runs.txt").open("ab")
            going.append(subprocess.Popen([*command, "--scratch", str(store.scratch)], stdout=log, stderr=log))
        time.sleep(0.5)
    for process in going:
        process.kill()  # safe at any moment: a checkpoint is whole or not there
        process.wait()


def bring_back(runs: list[Experiment], store: Store, out: Path) -> list[str]:
    """Put results, models and states into ``out``, and return a line on each run."""
    told = []
    with zipfile.ZipFile(out / "results.zip", "w", zipfile.ZIP_DEFLATED) as results:
        for name in ("tests.txt", "speed.json", "runs.txt"):
            if (store.scratch / name).exists():
                results.write(store.scratch / name, name)
        for e in runs:
            if store.load(e) is None:
                told.append(f"{e.key}  {e.describe()}: at step {step_reached(e, store)}")
                continue
            told.append(f"{e.key}  {e.describe()}: stored")
            results.write(store.result_path(e), f"results/{e.key}.json")
            if store.checkpoint_path(e).exists():
                shutil.copy(store.checkpoint_path(e), out / f"{e.key}.safetensors")
        results.writestr("told.txt", "\n".join(told))
    for e in sorted(runs, key=lambda e: step_reached(e, store), reverse=True):
        if store.load(e) is None and step_reached(e, store):
            state = (store.scratch / e.folder / "checkpoint.safetensors").read_bytes()
            for i in range(0, len(state), PIECE):
                atomic_write(out / f"{e.folder}.state.{i // PIECE}", state[i : i + PIECE])
    return told


def main() -> int:
    """See the module."""
    started = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with the photos (default: REPRO_DATA)")
    parser.add_argument(
        "--state", type=Path, default=ROOT / "runs", help="runs begun elsewhere, as `repro reproduce` leaves them"
    )
    parser.add_argument("--out", type=Path, default=os.environ.get("OUT", ROOT / "runs" / "brought-back"))
    parser.add_argument("--minutes", type=float, default=12, help="after which everything has ended")
    parser.add_argument("--jobs", type=int, default=4, help="runs at a time")
    parser.add_argument("--quick", action="store_true", help="tiny settings, on a processor")
    parser.add_argument("--scratch", type=Path, default=Path(gettempdir(), "gpu-minutes"), help="where runs work")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    runs, store = wanted(options.quick), Store(options.scratch / "data", options.scratch)
    if options.one:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // options.jobs))
        run(next(e for e in runs if e.key == options.one), store, options.data)
        return 0
    ends = started + 60 * options.minutes - LAST
    for folder in (options.out, store.data):
        folder.mkdir(parents=True, exist_ok=True)
    for e in runs:
        begun, here = options.state / e.folder / "checkpoint.safetensors", store.scratch / e.folder
        if begun.exists() and not here.exists():
            shutil.copytree(begun.parent, here)
    passed = test(store.scratch, options.quick)
    print(f"{time.monotonic() - started:.0f} s: tests {'passed' if passed else 'FAILED, see tests.txt'}", flush=True)
    rows = speeds(options.quick)
    atomic_write(store.scratch / "speed.json", json.dumps(rows, indent=1))
    print(f"{time.monotonic() - started:.0f} s:", *(f"\n  {row}" for row in rows), flush=True)
    inputs_of(runs[0], photos(runs[0].crops.split, options.data), store.scratch / "cache")  # all runs share them
    train(runs, store, options, ends)
    print(*bring_back(runs, store, options.out), sep="\n")
    print(f"{time.monotonic() - started:.0f} s: {options.out}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
