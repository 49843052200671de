"""RGB to YCbCr and back: the JFIF conversion that every JPEG decoder undoes.

Source: JFIF 1.02 (ITU-T T.871), section 7: BT.601 weights, full range 0–255, chroma centred on 128.
"""

from __future__ import annotations

import torch

from repro.jpeg.checks import check_image

_RGB_TO_YCBCR = (
    (0.299, 0.587, 0.114),
    (-0.168735892, -0.331264108, 0.5),
    (0.5, -0.418687589, -0.081312411),
)
_YCBCR_TO_RGB = (
    (1.0, 0.0, 1.402),
    (1.0, -0.344136286, -0.714136286),
    (1.0, 1.772, 0.0),
)


def rgb_to_ycbcr(x: torch.Tensor) -> torch.Tensor:
    """(B, 3, H, W) RGB on 0–255 → (B, 3, H, W) Y, Cb, Cr on 0–255 (chroma centred on 128). Not rounded."""
    return _mix(check_image(x, "RGB image"), _RGB_TO_YCBCR) + _centre(x)


def ycbcr_to_rgb(x: torch.Tensor) -> torch.Tensor:
    """(B, 3, H, W) Y, Cb, Cr on 0–255 → (B, 3, H, W) RGB. Neither rounded nor clipped: 0–255 only for valid colours."""
    return _mix(check_image(x, "YCbCr image") - _centre(x), _YCBCR_TO_RGB)


def _mix(x: torch.Tensor, matrix: tuple[tuple[float, ...], ...]) -> torch.Tensor:
    return (x.new_tensor(matrix) @ x.flatten(2)).view_as(x)


def _centre(x: torch.Tensor) -> torch.Tensor:
    return x.new_tensor([0.0, 128.0, 128.0]).view(1, 3, 1, 1)
