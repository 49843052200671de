"""What it takes to go on with a run that was cut off: the model, Adam's moments, the log; as safetensors, no code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from repro.errors import ReproError
from repro.files import atomic_path


@dataclass
class Progress:
    """How far a run is: steps done, the log's rows, and the seconds that they took."""

    step: int = 0
    log: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0


def save(
    path: Path,
    identity: str,
    learned: Mapping[str, torch.Tensor],
    optimiser: torch.optim.Optimizer,
    progress: Progress,
) -> None:
    """Write the run's state, whole or not at all: what was ``learned`` of a model; ``identity`` names the settings."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {f"model.{k}": v.contiguous().clone() for k, v in learned.items()}
    for index, values in optimiser.state_dict()["state"].items():
        tensors |= {f"adam.{index}.{k}": v.cpu().contiguous() for k, v in values.items()}
    header = {
        "identity": identity,
        "step": str(progress.step),
        "log": json.dumps(progress.log),
        "seconds": json.dumps(progress.seconds),
    }
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata=header)


def restore(path: Path, identity: str, model: nn.Module, optimiser: torch.optim.Optimizer) -> Progress:
    """Bring ``model`` and ``optimiser`` to where the checkpoint left them.

    Raises :class:`ReproError` where it is unreadable or belongs to a run with other settings.
    """
    try:
        with safe_open(str(path), framework="pt") as stored:
            header = stored.metadata() or {}
            tensors = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise ReproError(f"{path}: not a readable checkpoint ({error}); delete it to start anew") from error
    if header.get("identity") != identity:
        raise ReproError(f"{path}: belongs to a run with other settings; name another folder")
    model.load_state_dict(_under("model.", tensors), strict=False)
    state = optimiser.state_dict()
    indices = {int(key.split(".")[1]) for key in tensors if key.startswith("adam.")}
    state["state"] = {i: _under(f"adam.{i}.", tensors) for i in indices}
    optimiser.load_state_dict(state)
    for variable, values in optimiser.state.items():
        for name, moment in values.items():
            if moment.shape == variable.shape:  # a fused Adam goes through both as they lie in memory
                values[name] = torch.empty_like(variable).copy_(moment)
    return Progress(int(header["step"]), json.loads(header["log"]), json.loads(header["seconds"]))


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
