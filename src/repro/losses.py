"""The loss that trains the encoder: distortion and rate, Eqs. 7–9 of the paper. Every weight is named."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
from torch.nn.functional import mse_loss

from repro.errors import UsageError
from repro.metrics import lpips_on
from repro.metrics.lpips import ReferenceFeatures
from repro.metrics.ms_ssim import ScaleStatistics, ms_ssim_from_difference, reference_statistics


@dataclass(frozen=True)
class LossWeights:
    """λ (rate against distortion), γ (LPIPS), σ (MS-SSIM), α (tables), β (attention), as in section 6.2.

    The baseline has γ = 500 and σ = 0. Raises :class:`UsageError` if a weight is negative or not finite.
    """

    lam: float
    gamma: float = 500.0
    sigma: float = 1000.0
    alpha: float = 10.0
    beta: float = 1.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not (math.isfinite(value) and value >= 0):
                raise UsageError(f"loss weight {name} = {value}: must be a number not below 0")
            object.__setattr__(self, name, float(value))


def rate(Q: torch.Tensor, A: torch.Tensor | None, weights: LossWeights) -> torch.Tensor:
    """r(x; θ), a scalar: α Σ 1/Q over both tables + β (mean A^(L) + mean A^(C)). Eq. 9.

    Q is (2, 8, 8) in 1–255, A is (B, 2, rows, cols, 8, 8) in 0–1 or None (A = 1: the term is the constant 2β).
    The paper's Q̄ is read as the element-wise inverse 1/Q, as in the baseline's code: finer steps cost more bits.
    """
    attention = Q.new_tensor(2.0) if A is None else A.mean(dim=(0, 2, 3, 4, 5)).sum()
    return weights.alpha * (1 / Q).sum() + weights.beta * attention


class Reference(NamedTuple):
    """What the loss needs of a batch of originals and can be computed before x̂; None for a term of weight 0.

    statistics
        MS-SSIM's, scale by scale: :func:`repro.metrics.ms_ssim.reference_statistics`.
    features
        LPIPS's, layer by layer: :meth:`repro.metrics.LPIPS.reference`.
    """

    statistics: tuple[ScaleStatistics, ...] | None
    features: ReferenceFeatures | None


class Distortion(torch.nn.Module):
    """d(x, x̂) of Eq. 8: MSE on 0–255 + γ LPIPS (AlexNet v0.1) + σ (1 − MS-SSIM); terms of weight 0 are skipped.

    ``dtype`` is that of LPIPS's products; everything else is computed in 32 bits. ``device``: the CPU if None.
    """

    def __init__(
        self, weights: LossWeights, dtype: torch.dtype = torch.float32, device: torch.device | None = None
    ) -> None:
        super().__init__()
        self.weights, self.dtype = weights, dtype
        self.lpips = lpips_on(device or torch.device("cpu")) if weights.gamma else None

    def reference(self, x: torch.Tensor, features: ReferenceFeatures | None = None) -> Reference:
        """The :class:`Reference` of (B, 3, H, W) RGB on 0–255. ``features``: LPIPS's, if they were computed before."""
        statistics = reference_statistics(x) if self.weights.sigma else None
        if self.lpips is None:
            return Reference(statistics, None)
        return Reference(statistics, self.lpips.reference(x, self.dtype) if features is None else features)

    def forward(
        self, x: torch.Tensor, x_hat: torch.Tensor, reference: Reference | None = None
    ) -> dict[str, torch.Tensor]:
        """Means over the batch, (B, 3, H, W) RGB on 0–255 → {"mse", "lpips", "ms_ssim", "d"}, terms in use only.

        Only ``x_hat`` gets a gradient. ``reference`` is :meth:`reference` of ``x``, computed here if not given.
        """
        statistics, features = reference or self.reference(x)
        d = x_hat - x
        terms = {"mse": mse_loss(x_hat, x)}
        total = terms["mse"]
        if self.lpips is not None and features is not None:
            terms["lpips"] = self.lpips.from_difference(features, d).mean()
            total = total + self.weights.gamma * terms["lpips"]
        if statistics is not None:
            terms["ms_ssim"] = ms_ssim_from_difference(statistics, d).mean()
            total = total + self.weights.sigma * (1 - terms["ms_ssim"])
        return terms | {"d": total}
