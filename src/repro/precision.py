"""Run computations in full float32 precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def full_precision(x: torch.Tensor) -> Iterator[None]:
    """Disable autocast on the device of ``x``, and TF32 in convolutions. bfloat16 has 8 bits of precision and TF32 11:
    too few for pixels, coefficients and variances, which are small differences of large squares."""
    cudnn = torch.backends.cudnn
    before, cudnn.allow_tf32 = cudnn.allow_tf32, False
    try:
        with torch.autocast(x.device.type, enabled=False):
            yield
    finally:
        cudnn.allow_tf32 = before
