"""LearnedJPEG: the differentiable encoder and decoder, Eqs. 4–6.

It has two outputs. Training: ẑ ⊙ Q → inverse DCT → x̂ → loss. Encoding: integers ẑ, and Q rounded to integers →
:class:`repro.jpeg.codestream.Coefficients` → a standard file. The decoder knows nothing of attention and does not undo
it: A < 1 shrinks a coefficient for good.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as nnf
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as as_safetensors
from torch import nn
from torch.autograd.function import once_differentiable

from repro import attention
from repro.errors import ReproError, UsageError
from repro.files import atomic_write
from repro.jpeg.codestream import Coefficients
from repro.precision import full_precision
from repro.regions import TABLE_OF, attended, quantise
from repro.rounding import ROUNDINGS
from repro.stages import check_image, check_range, forward_dct, from_blocks, idct, pad, ycbcr_to_rgb

#: The paper's scaling factor: the optimisation variable is Q·s, so that Adam at 1e-6 moves Q by 0.1 a step.
S = 1e-5


class LearnedTables(nn.Module):
    """Q^(L) and Q^(C) as optimisation variables, kept in 1–255 (section 6.2).

    ``"paper"`` stores Q·s with s = 1e-5. ``"log"`` stores log Q, so that steps are relative and ordinary learning rates
    work. Both can hold the same tables. Raises :class:`UsageError` for another ``kind``.
    """

    def __init__(self, kind: str = "log") -> None:
        super().__init__()
        if kind not in ("log", "paper"):
            raise UsageError(f"unknown table parametrisation {kind!r}; choose 'log' or 'paper'")
        self.kind = kind
        self.variable = nn.Parameter(torch.empty(2, 8, 8))
        self.set(torch.rand(2, 8, 8) + 1)  # the paper's start: uniform in 1–2

    @torch.no_grad()
    def set(self, Q: torch.Tensor | np.ndarray) -> None:
        """Set the tables to ``Q`` (2, 8, 8), clipped to 1–255."""
        clipped = torch.as_tensor(Q).to(self.variable).clamp(1, 255)
        self.variable.copy_(clipped * S if self.kind == "paper" else clipped.log())

    @torch.no_grad()
    def clip(self) -> None:
        """Clip the tables to 1–255; called after each optimiser step."""
        self.set(self())

    def forward(self) -> torch.Tensor:
        """Q (2, 8, 8) float, luma then chroma."""
        return self.variable / S if self.kind == "paper" else self.variable.exp()


class Output(NamedTuple):
    """Result of a pass: x̂ (B, 3, H, W) RGB in 0–255; ẑ (B, 3, rows, cols, 8, 8); A (B, 2, …) or None; Q (2, 8, 8)."""

    x_hat: torch.Tensor
    z_hat: torch.Tensor
    A: torch.Tensor | None
    Q: torch.Tensor


@dataclass(frozen=True)
class ModelSettings:
    """Everything needed to rebuild a :class:`LearnedJPEG`; stored in every checkpoint."""

    method: str = "tables"
    rounding: str = "third-order"
    table_param: str = "log"
    trunk_trained: bool = False
    pretrained: bool = True
    minmax: bool = False
    start: float = 0.0
    trunk_input: str = "imagenet"
    keep_dc: bool = False


class LearnedJPEG(nn.Module):
    """Blocks → DCT → attention → table → rounding → inverse, 4:4:4, differentiable end to end."""

    def __init__(self, settings: ModelSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or ModelSettings()
        if self.settings.rounding not in ROUNDINGS:
            raise UsageError(f"unknown rounding {self.settings.rounding!r}; choose from {', '.join(ROUNDINGS)}")
        self.tables = LearnedTables(self.settings.table_param)
        self.attention = attention.build(
            self.settings.method,
            pretrained=self.settings.pretrained,
            minmax=self.settings.minmax,
            start=self.settings.start,
            trunk_input=self.settings.trunk_input,
            keep_dc=self.settings.keep_dc,
        )
        if self.frozen_trunk is not None:
            self.frozen_trunk.requires_grad_(False)

    @property
    def frozen_trunk(self) -> nn.Module | None:
        """The trunk if it is not trained: it need not be stored, and its features can be computed once. Else None."""
        if self.settings.trunk_trained or not isinstance(self.attention, attention.ConvolutionalAttention):
            return None
        return self.attention.trunk

    def transform_and_attend(
        self, x: torch.Tensor, features: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(B, 3, H, W) RGB on 0–255 → F (B, 3, rows, cols, 8, 8), and A (B, 2, rows, cols, 8, 8) or None."""
        padded = pad(check_range(check_image(x)))
        with full_precision(x):
            F = forward_dct(padded)
        return F, None if self.attention is None else self.attention(padded, F, features).float()

    def forward(self, x: torch.Tensor, features: torch.Tensor | None = None) -> Output:
        """Compress and decompress (B, 3, H, W) RGB on 0–255 of any size; see :class:`Output`. Eqs. 4–6.

        ``features``: the trunk's, if they were computed before, (B, channels, rows, cols). Raises ``ValueError`` for
        another shape, a type that is not float, or values outside 0–255.
        """
        F, A = self.transform_and_attend(x, features)
        Q = self.tables()
        steps = Q[TABLE_OF].view(1, 3, 1, 1, 8, 8)
        with full_precision(x):
            z_hat = ROUNDINGS[self.settings.rounding](_Divided.apply(F, A, steps))
            decoded = ycbcr_to_rgb(from_blocks(idct(z_hat * steps)) + 128)
            decoded = nnf.hardtanh(decoded, 0.0, 255.0)  # like clamp, but its backward is one pass over memory
        return Output(decoded[..., : x.shape[-2], : x.shape[-1]], z_hat, A, Q)

    def integer_tables(self) -> torch.Tensor:
        """Q (2, 8, 8) as a file holds it: int64 in 1–255."""
        return self.tables().detach().round().clamp(1, 255).to(torch.int64)

    @torch.no_grad()
    def coefficients(self, x: torch.Tensor) -> Coefficients:
        """Encode one photo, (1, 3, H, W) float RGB on 0–255, to the integers and tables that go into the file.

        It works region by region, so that beyond the coefficients themselves a large photo takes no more memory than
        a small one; only an LSTM reads it whole. Raises ``ValueError`` as :meth:`forward` does.
        """
        check_range(check_image(x))
        with full_precision(x):
            return quantise(x, self.integer_tables().cpu().numpy(), attention.attend(self.attention, x))

    def learned_state(self) -> dict[str, torch.Tensor]:
        """What training changes: the state dict without a frozen trunk, on the CPU."""
        skip = "attention.trunk." if self.frozen_trunk is not None else None
        return {
            k: v.detach().cpu().contiguous()
            for k, v in self.state_dict().items()
            if skip is None or not k.startswith(skip)
        }


def trunk_of(model: LearnedJPEG) -> dict[str, str]:
    """Identify the weights of the frozen trunk of ``model``, which is on the CPU: "trunk" is their SHA-256, "weights"
    their source. Empty if no trunk is frozen.

    If these are in a checkpoint's ``extra``, :func:`load_checkpoint` can refuse it when it finds other weights.
    """
    if model.frozen_trunk is None or model.attention is None:
        return {}
    digest = sha256_tensors(model.frozen_trunk.state_dict().values())
    return {"trunk": digest, "weights": str(model.attention.source)}


def sha256_tensors(tensors: Iterable[torch.Tensor]) -> str:
    """SHA-256 of the bytes of ``tensors`` on the CPU, one after the other."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def save_checkpoint(path: Path | str, model: LearnedJPEG, extra: dict[str, Any] | None = None) -> None:
    """Write ``model`` atomically as safetensors, without code; settings and ``extra`` stand as JSON in the header."""
    header = {"settings": json.dumps(asdict(model.settings)), "extra": json.dumps(extra or {})}
    atomic_write(path, as_safetensors(model.learned_state(), header))


def load_checkpoint(path: Path | str) -> tuple[LearnedJPEG, dict[str, Any]]:
    """Load the model that :func:`save_checkpoint` wrote, and its ``extra``. Runs no code from the file.

    Raises :class:`ReproError` if the file is missing, is not such a checkpoint, holds values that are not finite, or
    names other weights for its frozen trunk than are found here (:func:`trunk_of`).
    """
    try:
        with safe_open(str(path), framework="pt") as stored:
            header = stored.metadata() or {}
            state = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118 (not a dict)
        extra = json.loads(header["extra"])
        trunk, weights = extra.get("trunk"), extra.get("weights")
        model = LearnedJPEG(ModelSettings(**json.loads(header["settings"])))
        missing, unexpected = model.load_state_dict(state, strict=False)
    except FileNotFoundError as error:
        raise ReproError(f"{path}: no such checkpoint; train one with `repro train`") from error
    except UsageError as error:  # an unknown method, say
        raise ReproError(f"{path}: {error}; train it again, or install the version that wrote it") from error
    except (SafetensorError, OSError, KeyError, TypeError, AttributeError, RuntimeError, json.JSONDecodeError) as error:
        raise ReproError(f"{path}: not a checkpoint of this program ({error}); train it again") from error
    trunk_only = all(model.frozen_trunk is not None and key.startswith("attention.trunk.") for key in missing)
    if unexpected or not trunk_only:
        raise ReproError(f"{path}: holds other weights than its settings ask for; train it again")
    if not all(v.isfinite().all() for v in state.values()):
        raise ReproError(f"{path}: holds values that are not numbers (NaN); train it again")
    found = trunk_of(model) if trunk is not None else {}
    if found and trunk != found["trunk"]:
        raise ReproError(
            f"{path}: was trained with other weights of the trunk ({weights}) than are found here "
            f"({found['weights']}); bring those back, `repro weights status` says what is read, or train it again"
        )
    return model, extra


class _Divided(torch.autograd.Function):
    """z = F ⊙ A / Q, (B, 3, rows, cols, 8, 8), Eqs. 4 and 5. Cb and Cr share A^(C); without A, it is 1. ``steps`` is Q
    as (1, 3, 1, 1, 8, 8). The derivative is written out: it takes half as many passes over memory as autograd's.
    """

    @staticmethod
    def forward(ctx: Any, F: torch.Tensor, A: torch.Tensor | None, steps: torch.Tensor) -> torch.Tensor:
        z = (F if A is None else attended(F, A)) / steps
        ctx.save_for_backward(F, A, steps, z)
        return z

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor]:
        F, A, steps, z = ctx.saved_tensors
        of_F, of_A = None, None
        of_steps = -(gradient * z).sum((0, 2, 3), keepdim=True) / steps
        if ctx.needs_input_grad[0]:
            of_F = (gradient if A is None else attended(gradient, A)) / steps
        if A is not None:
            product = gradient * F
            of_A = torch.stack([product[:, 0], product[:, 1] + product[:, 2]], 1).div_(steps[:, :2])
        return of_F, of_A, of_steps
