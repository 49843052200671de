"""What it takes to resume an interrupted run: the model, Adam's moments and the log, as safetensors without code.

A file records what the run is made of: the settings, and whatever else the caller names (code, photos, weights). Only a
run made of the same resumes from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as as_safetensors
from torch import nn

from repro.errors import ReproError
from repro.files import atomic_write


@dataclass
class Progress:
    """How far a run is: steps done, the log's rows, the seconds it took, and the machines that it ran on, each with the
    step at which it took over."""

    step: int = 0
    log: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    machines: list[dict[str, str | int]] = field(default_factory=list)

    def goes_on_with(self, machine: dict[str, str]) -> None:
        """Record the machine that runs the next steps, unless it ran the last ones too."""
        if not self.machines or self.machines[-1] | machine != self.machines[-1]:
            self.machines.append({"from_step": self.step, **machine})


def save(
    path: Path,
    made_of: Mapping[str, str],
    learned: Mapping[str, torch.Tensor],
    optimiser: torch.optim.Optimizer,
    progress: Progress,
) -> None:
    """Write the run's state atomically. ``learned``: the part of the model's state dict that training changes;
    ``made_of``: what the run is made of, name → value or hash (:func:`restore` compares them).

    Raises :class:`ReproError` if the file cannot be written (the disk is full, say); an older one is then kept.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {f"model.{k}": v.contiguous().clone() for k, v in learned.items()}
    for index, values in optimiser.state_dict()["state"].items():
        tensors |= {f"adam.{index}.{k}": v.cpu().contiguous() for k, v in values.items()}
    header = {
        "made_of": json.dumps(dict(made_of), sort_keys=True),
        "step": str(progress.step),
        "log": json.dumps(progress.log),
        "seconds": json.dumps(progress.seconds),
        "machines": json.dumps(progress.machines),
    }
    atomic_write(path, as_safetensors(tensors, header))


def restore(path: Path, made_of: Mapping[str, str], model: nn.Module, optimiser: torch.optim.Optimizer) -> Progress:
    """Load the checkpoint's state into ``model`` and ``optimiser``, and return the run's progress.

    Raises :class:`ReproError` if the file is unreadable, or was made of something else; the message says of what.
    """
    try:
        with safe_open(str(path), framework="pt") as stored:
            header = stored.metadata() or {}
            tensors = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise ReproError(f"{path}: not a readable checkpoint ({error}); delete it to start again") from error
    then = json.loads(header.get("made_of", "{}"))
    others = sorted(what for what in then.keys() | made_of.keys() if then.get(what) != made_of.get(what))
    if others:
        raise ReproError(
            f"{path}: belongs to a run with other {' and other '.join(others)}; move it away, or delete it"
        )
    model.load_state_dict(_under("model.", tensors), strict=False)
    state = optimiser.state_dict()
    indices = {int(key.split(".")[1]) for key in tensors if key.startswith("adam.")}
    state["state"] = {i: _under(f"adam.{i}.", tensors) for i in indices}
    optimiser.load_state_dict(state)
    for variable, values in optimiser.state.items():
        for name, moment in values.items():
            if moment.shape == variable.shape:  # fused Adam needs the same memory layout for both
                values[name] = torch.empty_like(variable).copy_(moment)
    log, seconds, machines = (json.loads(header[name]) for name in ("log", "seconds", "machines"))
    return Progress(int(header["step"]), log, seconds, machines)


def step_of(path: Path) -> int:
    """The number of steps done at the checkpoint at ``path``; 0 if it is missing or unreadable."""
    try:
        with safe_open(str(path), framework="pt") as stored:
            return int((stored.metadata() or {}).get("step", 0))
    except (SafetensorError, OSError):
        return 0


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
