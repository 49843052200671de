"""What it takes to go on with a run that was cut off: the model, Adam's moments, the log; as safetensors, no code.

A file says what made it: the settings, and whatever else the caller names (code, photos, weights). Only a run that is
made of the same goes on from it.
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
    """How far a run is: steps done, the log's rows, the seconds that they took, and the machines that did them, each
    with the step at which it began."""

    step: int = 0
    log: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    machines: list[dict[str, str | int]] = field(default_factory=list)

    def goes_on_with(self, machine: dict[str, str]) -> None:
        """Note the machine of the next steps, unless it is that of the last ones."""
        if not self.machines or self.machines[-1] | machine != self.machines[-1]:
            self.machines.append({"from_step": self.step, **machine})


def save(
    path: Path,
    made_of: Mapping[str, str],
    learned: Mapping[str, torch.Tensor],
    optimiser: torch.optim.Optimizer,
    progress: Progress,
) -> None:
    """Write the run's state, whole or not at all: what was ``learned`` of a model; ``made_of``: what in words → which.

    Raises :class:`ReproError` where the disk is full; the file that was there before stays.
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
    """Bring ``model`` and ``optimiser`` to where the checkpoint left them.

    Raises :class:`ReproError` where it is unreadable or was made of something else, and says of what.
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
            if moment.shape == variable.shape:  # a fused Adam goes through both as they lie in memory
                values[name] = torch.empty_like(variable).copy_(moment)
    log, seconds, machines = (json.loads(header[name]) for name in ("log", "seconds", "machines"))
    return Progress(int(header["step"]), log, seconds, machines)


def step_of(path: Path) -> int:
    """How many steps the run had done that wrote the checkpoint at ``path``; 0 where there is none to read."""
    try:
        with safe_open(str(path), framework="pt") as stored:
            return int((stored.metadata() or {}).get("step", 0))
    except (SafetensorError, OSError):
        return 0


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
