"""Another encoder with a part of ours: how much of what is saved is the tables' work, and how much the trellis's?

mozjpeg is the only one of the peers that can be asked: its package takes quantisation tables and then searches with its
own trellis, by its own λ. jpegli's takes a quality and nothing else.
"""

from __future__ import annotations

import numpy as np

from repro import codecs
from repro.encoder import models


def mozjpeg_learned(rgb: np.ndarray, quality: int) -> bytes:
    """``rgb`` (H, W, 3) uint8 by mozjpeg in 4:2:0, with the tables that were learned through our trellis.

    ``quality``, 1–100, is the scale of :data:`repro.encoder.models.TRELLIS`.
    """
    codec = codecs.get("mozjpeg-420")
    codec.check_installed()
    tables = models.load(models.TRELLIS).at(quality).tables
    # its own encode knows qualities only; jpeglib, below, takes tables in their place
    return codec._encode(np.ascontiguousarray(rgb), tables.astype(np.uint16))
