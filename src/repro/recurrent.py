"""Several LSTMs in parallel on the CPU, forward and backward, each on one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, TypeVar

import torch
from torch import nn
from torch.autograd.function import once_differentiable

T = TypeVar("T")


def read_side_by_side(networks: Sequence[nn.LSTM], sequences: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    """The output (B, n, 64 or 128) of each network for its sequence (B, n, 64); a network may be listed twice. They run
    in parallel on a CPU if only their weights need gradients, each on one thread; otherwise one after the other."""
    alone = torch.is_grad_enabled() and not any(sequence.requires_grad for sequence in sequences)
    if sequences[0].device.type != "cpu" or not alone:
        return [lstm(sequence)[0] for lstm, sequence in zip(networks, sequences, strict=True)]
    return _Read.apply(networks, *sequences, *(weight for lstm in networks for weight in lstm.parameters()))


class _Read(torch.autograd.Function):
    """The outputs (B, n, 64 or 128) of several LSTMs for their sequences, each on one CPU thread.

    An LSTM's products are small and wait for each other: two threads on one LSTM take three times as long as one.
    ``tensors`` are the sequences, then each network's weights in order. Sequences get no gradient.
    """

    @staticmethod
    def forward(ctx: Any, networks: Sequence[nn.LSTM], *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        def read(lstm: nn.LSTM, sequence: torch.Tensor) -> torch.Tensor:
            with torch.enable_grad(), torch.autocast("cpu", dtype, enabled=coarse):
                return lstm(sequence)[0]

        coarse, dtype = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")
        ctx.networks = networks
        ctx.outputs = _side_by_side(read, networks, tensors[: len(networks)])
        return tuple(output.detach() for output in ctx.outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        def back(lstm: nn.LSTM, output: torch.Tensor, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return torch.autograd.grad(output, list(lstm.parameters()), gradient)

        found = _side_by_side(back, ctx.networks, ctx.outputs, gradients)
        return (None, *[None] * len(ctx.networks), *(g for network in found for g in network))


def _side_by_side(task: Callable[..., T], *arguments: Sequence[Any]) -> list[T]:
    """``map(task, *arguments)`` on as many workers as PyTorch has threads, each on a single thread."""
    return list(_readers(torch.get_num_threads()).map(task, *arguments))


@lru_cache(maxsize=2)
def _readers(count: int) -> ThreadPoolExecutor:
    """``count`` threads, each of which computes its products on itself alone."""

    def settle() -> None:
        torch.get_num_threads()  # the first call in a thread sets it to the process's number
        torch.set_num_threads(1)

    readers = ThreadPoolExecutor(count, "reader", settle)
    list(readers.map(time.sleep, [0.01] * count))  # start all threads now
    torch.set_num_threads(count)  # PyTorch took the 1 as the default of later threads
    return readers
