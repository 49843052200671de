"""What a training runs on: one device, or several processes that share it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.utilities.exceptions import MisconfigurationException

from repro.errors import UsageError


def one_device(accelerator: str) -> Fabric:
    """Fabric on one device of this machine, as "cpu", "cuda", "mps" or "auto"."""
    # its environment is named, as Fabric would else take a Slurm job's tasks for the processes of one training
    return Fabric(accelerator=accelerator, devices=1, plugins=[LightningEnvironment()])


@contextmanager
def processes(accelerator: str, devices: int, **how: Any) -> Iterator[Fabric]:
    """Fabric, launched, for :func:`~repro.training.train`; ``how``: further arguments of its own for several devices.

    Raises :class:`UsageError` where the machine has no such devices.

    At its end the block also ends the group of processes. Fabric does so for NCCL alone. A group of Gloo would last
    until the interpreter ends, where its threads were seen to abort the process ("terminate called without an active
    exception"), for which torchrun ends the others.
    """
    try:
        fabric = one_device(accelerator) if devices == 1 else Fabric(accelerator=accelerator, devices=devices, **how)
    except (RuntimeError, ValueError, MisconfigurationException) as error:
        why = " ".join(str(error).split())
        instead = "--devices 1" if accelerator == "cpu" else "--accelerator cpu"
        where = f"{devices} × accelerator {accelerator}: not on this machine"
        raise UsageError(f"{where} ({why}); use {instead}") from error
    fabric.launch()
    try:
        yield fabric
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
