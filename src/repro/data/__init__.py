"""Photographs: which ones a run uses, where they come from, and crops of them for training.

``photos(split)`` looks first in the folder that the user names (``data_dir``, or the environment variable
``REPRO_DATA``), then in the cache that ``repro data fetch`` fills and last, except for Kodak, among the photographs
that scikit-image and scikit-learn install. Every file's SHA-256 is checked against ``registry.json``.

Kodak is for evaluation only: :func:`crop_pool` refuses its pictures, under any name, by file hash and by pixel hash.
"""

from __future__ import annotations

from repro.data.crops import crop_pool
from repro.data.images import read_rgb
from repro.data.leaves import dead_leaves
from repro.data.publishers import fetch, status
from repro.data.sets import SPLITS, Photo, PhotoSet, photos, training_photos

__all__ = [
    "SPLITS",
    "Photo",
    "PhotoSet",
    "crop_pool",
    "dead_leaves",
    "fetch",
    "photos",
    "read_rgb",
    "status",
    "training_photos",
]
