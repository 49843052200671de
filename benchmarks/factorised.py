"""CompressAI's factorised prior (``bmshj2018_factorized``), timed in a process of its own that waits between the calls.

CompressAI wants an older NumPy than we do, so it gets an environment of its own under ``_build``, made when it is first
asked for. Run with that environment's Python, this file is the other end of the pipe: it reads the path of an array a
line and answers with what compressing it took.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parents[1] / "_build" / "compressai"
PINS = ("compressai==1.2.8", "torch==2.14.1", "torchvision==0.29.1", "numpy==1.26.4")
QUALITY = 3
INSTALL = f"python -m venv _build/compressai && _build/compressai/bin/pip install {' '.join(PINS)}"


class Factorised:
    """The model, ready. ``compress(rgb)`` is one encoding with real entropy coding; ``close`` when done.

    Raises :class:`OSError` or ``subprocess.CalledProcessError`` where it cannot be installed or begun.
    """

    def __init__(self) -> None:
        python = str(FOLDER / "bin" / "python")
        done = FOLDER / ".installed"
        if not done.exists():
            subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True, capture_output=True)
            install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PINS]
            subprocess.run(install, check=True, capture_output=True)
            done.touch()
        self._arrays = tempfile.TemporaryDirectory(prefix="repro-bench-")
        self._process = subprocess.Popen(
            [python, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.weights: str = self._answer()["weights"]

    def compress(self, rgb: np.ndarray) -> dict[str, Any]:
        """(H, W, 3) uint8 → ``seconds``, ``cpu_seconds`` and ``bytes`` of one call of ``compress``."""
        path = Path(self._arrays.name) / f"{id(rgb)}.npy"
        if not path.exists():
            np.save(path, rgb)
        assert self._process.stdin is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process and forget the arrays."""
        self._process.communicate()
        self._arrays.cleanup()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise OSError(f"its process ended with code {self._process.wait()}")
        return json.loads(line)


def _serve() -> None:
    """The other end: one line of JSON when ready, and one for each path that comes in."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever the libraries print is no answer
    torch, zoo = importlib.import_module("torch"), importlib.import_module("compressai.zoo")
    socket.setdefaulttimeout(10)
    try:
        model, weights = zoo.bmshj2018_factorized(QUALITY, pretrained=True), "pretrained"
    except Exception:  # no network: what counts here is the time, which the weights hardly touch
        model, weights = zoo.bmshj2018_factorized(QUALITY, pretrained=False), "random"
    model.eval().update()
    print(json.dumps({"weights": weights}), file=answers, flush=True)
    arrays: dict[str, Any] = {}
    for line in sys.stdin:
        path = line.strip()
        if path not in arrays:
            arrays[path] = torch.from_numpy(np.load(path)).permute(2, 0, 1)[None]
        begun, cpu = time.perf_counter(), time.process_time()
        with torch.no_grad():
            strings = model.compress(arrays[path].float() / 255)["strings"]
        answer = {
            "seconds": time.perf_counter() - begun,
            "cpu_seconds": time.process_time() - cpu,
            "bytes": sum(len(s) for group in strings for s in group),
        }
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    _serve()
