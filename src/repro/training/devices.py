"""Where a training runs: on one device, or in several processes that share the work."""

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
    """Fabric on one device of this machine; ``accelerator`` is "cpu", "cuda", "mps" or "auto"."""
    # name the environment: otherwise Fabric takes the tasks of a Slurm job for the processes of one training
    return Fabric(accelerator=accelerator, devices=1, plugins=[LightningEnvironment()])


@contextmanager
def processes(accelerator: str, devices: int, **how: Any) -> Iterator[Fabric]:
    """Yield a launched Fabric for :func:`~repro.training.train`. ``how``: further arguments to Fabric, for several
    devices.

    Raises :class:`UsageError` if the machine does not have these devices.

    On exit, the process group is destroyed too. Fabric does so for NCCL only. A Gloo group would live until the
    interpreter exits, where its threads have been seen to abort the process ("terminate called without an active
    exception"), whereupon torchrun ends the other processes.
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
