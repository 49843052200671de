"""The processes that share one training: started together, and their group ended before any of them ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning_fabric import Fabric


@contextmanager
def processes(**how: Any) -> Iterator[Fabric]:
    """Fabric, launched as ``how`` says (its own arguments), for :func:`~repro.training.loop.train`.

    With the block ends the processes' group, too. Fabric ends only NCCL's. Gloo's would go with its threads into the
    interpreter's own end, where a process was seen to abort ("terminate called without an active exception"), for
    which torchrun ends the others.
    """
    fabric = Fabric(**how)
    fabric.launch()
    try:
        yield fabric
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
