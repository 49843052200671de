"""The whole step on a GPU, without having one: PyTorch's fake tensors have a device and a shape, but no numbers.

An operation on tensors of two devices raises, so a constant that stays on the CPU is found here and not in the first
minute on a rented machine. Only PyTorch's engine needs a driver: :func:`backward` stands in for it.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from repro import losses, model
from repro.attention import CONVOLUTIONAL, METHODS
from repro.losses import LossWeights
from repro.metrics.lpips import LPIPS
from repro.model import ModelSettings
from repro.runtime import has_bfloat16
from repro.training import PAPER_RECIPE, new_model
from repro.training.pool import Batch
from repro.training.step import Stepper

CUDA = torch.device("cuda", 0)
#: Side in pixels: the smallest in whole blocks for MS-SSIM; and that of a crop for an LSTM, which works block by block.
SIDE, SIDE_RECURRENT = 168, 64


def moved(module: nn.Module) -> dict[nn.Parameter, nn.Parameter]:
    """Move every parameter and buffer, and nothing else, as ``module.to("cuda")`` does. Returns old → new."""
    new: dict[nn.Parameter, nn.Parameter] = {}
    for part in module.modules():
        for name, value in part._parameters.items():
            if value is not None:
                new.setdefault(value, nn.Parameter(torch.empty_like(value, device=CUDA), value.requires_grad))
                part._parameters[name] = new[value]
        for name, value in part._buffers.items():
            if value is not None:
                part._buffers[name] = torch.empty_like(value, device=CUDA)
    return new


def backward(loss: torch.Tensor) -> None:
    """``loss.backward()``, node by node; fails if a gradient changes device on its way."""
    root: Any = loss.grad_fn
    waiting: dict[Any, int] = defaultdict(int)
    unseen, seen = [root], {root}
    while unseen:
        for node, _ in unseen.pop().next_functions:
            if node is not None:
                waiting[node] += 1
                unseen += [node] if node not in seen else []
                seen.add(node)
    gradients: dict[Any, dict[int, torch.Tensor]] = defaultdict(dict, {root: {0: torch.ones_like(loss)}})
    ready = [root]
    while ready:
        node = ready.pop()
        given = gradients.pop(node, {})
        if hasattr(node, "variable"):
            node.variable.grad = given[0]
            continue
        call = node.apply if hasattr(node, "apply") else node  # nodes in Python or in C++
        passed = call(*(given.get(i) for i in range(len(node._input_metadata))))
        passed = passed if isinstance(passed, tuple) else (passed,)
        for (following, place), gradient in zip(node.next_functions, passed, strict=False):
            if following is None:
                continue
            if gradient is not None:
                wanted, so_far = following._input_metadata[place], gradients[following]
                assert gradient.device == wanted.device, f"{node} hands a gradient on {gradient.device} to {following}"
                gradient = gradient.sum_to_size(wanted.shape).to(wanted.dtype)  # as the engine does
                so_far[place] = so_far[place] + gradient if place in so_far else gradient
            waiting[following] -= 1
            ready += [following] if not waiting[following] else []


class Fabric:
    """The part of Lightning's Fabric that the step uses, on the GPU that is not there."""

    device, world_size = CUDA, 1

    def setup(self, network: nn.Module, optimiser: torch.optim.Optimizer) -> tuple[nn.Module, torch.optim.Optimizer]:
        new = moved(network)
        for group in optimiser.param_groups:
            group["params"] = [new[p] for p in group["params"]]
        for old in list(optimiser.state):  # the real one moves parameters in place
            optimiser.state[new[old]] = optimiser.state.pop(old)
        return network, optimiser

    def backward(self, loss: torch.Tensor) -> None:
        backward(loss)


@pytest.fixture
def without_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace what asks for numbers, or for a driver (autocast, and cuDNN before an LSTM)."""
    monkeypatch.setattr(model, "check_range", lambda x: x)
    monkeypatch.setattr(torch, "isfinite", lambda loss: True)
    every = lambda t: torch.zeros(len(t), t.dim(), dtype=torch.int64, device=t.device)  # noqa: E731
    monkeypatch.setattr(torch.Tensor, "nonzero", every)
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_: True)
    monkeypatch.setattr(torch.backends.cudnn, "enabled", False)


def stepper_of(method: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Stepper, int]:
    """The step of ``method`` by the paper's recipe, to be called in fake tensor mode, and the side of its crops."""
    settings = ModelSettings(method, table_param="paper", trunk_trained=method in CONVOLUTIONAL, pretrained=False)
    recurrent, distance = method in ("lstm", "bilstm"), LPIPS()
    loss = LossWeights(0.01, sigma=0) if recurrent else LossWeights(0.01)
    monkeypatch.setattr(losses, "lpips_on", lambda device: moved(distance) and distance)
    stepper = Stepper(new_model(settings, PAPER_RECIPE), loss, PAPER_RECIPE, Fabric())  # type: ignore[arg-type]
    return stepper, SIDE_RECURRENT if recurrent else SIDE


def step(stepper: Stepper, side: int) -> dict[str, torch.Tensor]:
    stepper.set_up()
    return stepper(0, Batch(torch.empty(2, 3, side, side, dtype=torch.uint8, device=CUDA)), tell=True)


@pytest.mark.parametrize("method", METHODS)
def test_no_tensor_of_the_step_stays_on_the_cpu(
    method: str, without_numbers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stepper, side = stepper_of(method, monkeypatch)
    with FakeTensorMode(allow_non_fake_inputs=True), warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # raised when autocast disables itself
        terms = step(stepper, side)
        assert {name: value.device for name, value in terms.items()} == dict.fromkeys(terms, CUDA)
        learned = [p for group in stepper.optimiser.param_groups for p in group["params"]]
        moments = [m for values in stepper.optimiser.state.values() for m in values.values()]
        assert all(p.grad is not None and p.grad.device == CUDA for p in learned), "each learns"
        assert len(stepper.optimiser.state) == len(learned) and {m.device for m in moments} == {CUDA}


def test_restored_moments_follow_to_the_gpu(without_numbers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    stepper, side = stepper_of("vgg19", monkeypatch)
    for group in stepper.optimiser.param_groups:
        for p in group["params"]:
            moments = {name: torch.zeros_like(p) for name in ("exp_avg", "exp_avg_sq")}
            stepper.optimiser.state[p] = {"step": torch.tensor(3.0), **moments}
    with FakeTensorMode(allow_non_fake_inputs=True):
        step(stepper, side)
        assert {m.device for values in stepper.optimiser.state.values() for m in values.values()} == {CUDA}


@pytest.mark.parametrize(("generation", "expected"), [(7, torch.float32), (8, torch.bfloat16)])
def test_products_are_in_bfloat16_where_a_gpu_has_them(
    generation: int, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A T4 (compute capability 7.5) would only emulate it; an A100 (8.0) has it."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(major=generation))
    assert PAPER_RECIPE.dtype is expected
    assert has_bfloat16(CUDA) == (expected is torch.bfloat16)
