"""RGB to YCbCr and back, as JFIF defines it for all JPEG decoders.

Source: JFIF 1.02 (ITU-T T.871), section 7: BT.601 weights, full range 0–255, chroma centred on 128.
"""

from __future__ import annotations

import numpy as np

from repro.compiled import compiled

RGB_TO_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168735892, -0.331264108, 0.5], [0.5, -0.418687589, -0.081312411]])
YCBCR_TO_RGB = np.array([[1.0, 0.0, 1.402], [1.0, -0.344136286, -0.714136286], [1.0, 1.772, 0.0]])
#: The values of Y, Cb and Cr that stand for zero.
CENTRE = np.array([0.0, 128.0, 128.0])


def rgb_to_ycbcr(rgb: np.ndarray) -> np.ndarray:
    """(H, W, 3) RGB on 0–255 → float32 (3, H, W): Y, Cb, Cr on 0–255 (chroma centred on 128). Not rounded."""
    planes = np.empty((3, *rgb.shape[:2]), np.float32)
    _convert(rgb, RGB_TO_YCBCR.astype(np.float32), CENTRE.astype(np.float32), planes)
    return planes


def ycbcr_to_rgb(planes: np.ndarray) -> np.ndarray:
    """(3, H, W) Y, Cb, Cr on 0–255 → float32 (H, W, 3) RGB. Neither rounded nor clipped, so colours outside the RGB
    gamut leave 0–255."""
    centred = planes - CENTRE.astype(np.float32)[:, None, None]
    return np.tensordot(centred, YCBCR_TO_RGB.astype(np.float32), (0, 1))


@compiled()
def _convert(rgb: np.ndarray, matrix: np.ndarray, offset: np.ndarray, planes: np.ndarray) -> None:
    for y in range(rgb.shape[0]):
        for x in range(rgb.shape[1]):
            r, g, b = np.float32(rgb[y, x, 0]), np.float32(rgb[y, x, 1]), np.float32(rgb[y, x, 2])
            for c in range(3):
                planes[c, y, x] = matrix[c, 0] * r + matrix[c, 1] * g + matrix[c, 2] * b + offset[c]
