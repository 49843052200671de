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
    """Fabric on one device of this machine, "cpu" or "cuda"."""
    # its environment is named, as Fabric would else take a Slurm job's tasks for the processes of one training
    return Fabric(accelerator=accelerator, devices=1, plugins=[LightningEnvironment()])


@contextmanager
def processes(accelerator: str, devices: int, **how: Any) -> Iterator[Fabric]:
    """Fabric, launched, for :func:`~repro.training.train`; ``how`` are further arguments of its own.

    Raises :class:`UsageError` where the machine has no such devices.

    At its end the block also ends the group of processes. Fabric does so for NCCL alone. A group of Gloo would last
    until the interpreter ends, where its threads were seen to abort the process ("terminate called without an active
    exception"), for which torchrun ends the others.
    """
    try:
        fabric = Fabric(accelerator=accelerator, devices=devices, **how)
    except (RuntimeError, MisconfigurationException) as error:
        why = " ".join(str(error).split())
        raise UsageError(f"{devices} × accelerator {accelerator}: not on this machine ({why}); choose cpu") from error
    fabric.launch()
    try:
        yield fabric
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
