"""What a training runs on: one device, or several processes that share it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment


def one_device(accelerator: str) -> Fabric:
    """Fabric on one device of this machine, "cpu" or "cuda"."""
    # its environment is named, as Fabric would else take a Slurm job's tasks for the processes of one training
    return Fabric(accelerator=accelerator, devices=1, plugins=[LightningEnvironment()])


@contextmanager
def processes(**how: Any) -> Iterator[Fabric]:
    """Fabric, launched with its own arguments ``how``, for :func:`~repro.training.train`.

    At its end the block also ends the group of processes. Fabric does so for NCCL alone. A group of Gloo would last
    until the interpreter ends, where its threads were seen to abort the process ("terminate called without an active
    exception"), for which torchrun ends the others.
    """
    fabric = Fabric(**how)
    fabric.launch()
    try:
        yield fabric
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
