"""What the machine can do (peak of a matrix product, memory bandwidth) and how near the training step comes to it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

import paired
from repro.data import crop_pool, photos
from step import CPU, RECIPE, ready, settings_of

_SIDE = 2048
#: Without LSTMs, as the operations of the kernel that runs them are not counted.
METHODS = (("tables alone", "tables", False), ("VGG-19, frozen", "vgg19", False), ("VGG-19, trained", "vgg19", True))


class BytesTouched(TorchDispatchMode):
    """Sums the bytes that operators read and write as if nothing stayed in a cache: an upper bound of the traffic."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if not func.is_view:
            for leaf in tree_leaves((args, kwargs, found)):
                if isinstance(leaf, torch.Tensor):
                    self.total += leaf.numel() * leaf.element_size()
        return found


def roofline(quick: bool) -> list[dict[str, Any]]:
    """Rows of peaks (``flops_per_second``, ``bytes_per_second``) and of steps (``flops``, ``bytes``, ``seconds``)."""
    rounds = 2 if quick else 15
    rows = [_product("matrix product, 32 bits", torch.float32, rounds)]
    rows.append(_product("matrix product, bfloat16", torch.bfloat16, rounds))
    rows.append(_copy(rounds))
    crops = crop_pool(photos("train"), 8, size=224, seed=0)
    with tempfile.TemporaryDirectory(prefix="repro-bench-") as folder:
        for label, method, trained in METHODS[: 1 if quick else None]:
            rows.append(_step(label, method, trained, crops, Path(folder), rounds))
    return rows


def _product(name: str, dtype: torch.dtype, rounds: int) -> dict[str, Any]:
    a, b = (torch.rand(_SIDE, _SIDE).to(dtype) for _ in range(2))
    seconds = _fastest(lambda: a @ b, rounds)
    return {"name": name, "flops_per_second": 2 * _SIDE**3 / seconds, "seconds": paired.spread([seconds])}


def _copy(rounds: int) -> dict[str, Any]:
    source = torch.rand(1 << 26)
    target = torch.empty_like(source)
    seconds = _fastest(lambda: target.copy_(source), rounds)
    return {"name": "copy", "bytes_per_second": 2 * 4 * source.numel() / seconds, "seconds": paired.spread([seconds])}


def _step(label: str, method: str, trained: bool, crops: torch.Tensor, folder: Path, rounds: int) -> dict[str, Any]:
    stepper, pool = ready(settings_of(method, trained), RECIPE, crops, folder)
    batch = pool.batch(torch.arange(8), CPU)
    with FlopCounterMode(display=False) as counted:
        stepper(0, batch)
    with BytesTouched() as touched:
        stepper(0, batch)
    times = paired.interleaved({label: lambda: stepper(0, batch)}, rounds=rounds, name=label)[label]
    return {
        "name": label,
        "flops": counted.get_total_flops(),
        "bytes": touched.total,
        "seconds": paired.spread(times),
    }


def _fastest(work: Callable[[], object], rounds: int) -> float:
    """Seconds of the fastest of ``rounds`` calls, as a peak is the best of many."""
    return min(paired.interleaved({"": work}, rounds=rounds, warm_up=2)[""])
