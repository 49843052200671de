"""TensorBoard's logs of a run. They are optional: if they cannot be written, training goes on without them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from repro.model import LearnedJPEG
from repro.progress import note


class Board:
    """A context manager, inside which :meth:`show` writes to TensorBoard's logs in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: Any = None

    def __enter__(self) -> Board:
        from torch.utils.tensorboard import SummaryWriter

        self._before = threading.excepthook
        threading.excepthook = self._hook
        with self._optional():
            self._writer = SummaryWriter(self._folder, flush_secs=30)
        return self

    def __exit__(self, *_: object) -> None:
        with self._optional():
            if self._writer is not None:
                self._writer.close()
        threading.excepthook = self._before

    @torch.no_grad()
    def show(self, model: LearnedJPEG, row: dict[str, float], x: torch.Tensor, steps: int) -> None:
        """Log the numbers of ``row`` and, about ten times in ``steps``, the first crop of ``x`` before and after.

        ``x`` is (B, 3, H, W) float RGB on 0–255; ``row["step"]`` is the step.
        """
        if self._writer is None:
            return
        with self._optional():
            step = int(row["step"])
            for name, value in row.items():
                if name != "step":
                    self._writer.add_scalar(name, value, step)
            if step % max(steps // 10, 1) == 0:
                pair = torch.cat([x[0], model(x[:1]).x_hat[0]], dim=-1)
                self._writer.add_image("original | compressed", (pair / 255).clamp(0, 1), step)

    @contextmanager
    def _optional(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._writer = None
            note(f"{self._folder}: cannot be written ({error.strerror}); training goes on without TensorBoard's logs")

    def _hook(self, raised: threading.ExceptHookArgs) -> None:
        """Ignore an OSError of TensorBoard's writer thread: its next call raises the error again."""
        if not isinstance(raised.exc_value, OSError):
            self._before(raised)
