"""Helpers of the encoder's tests: a model set that needs no training, and a photograph."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data as photos

from repro.encoder import models
from repro.jpeg.tables import quality_tables

ANCHORS = (10, 20, 35, 50, 65, 80, 92)


def stand_in(**changes) -> models.ModelSet:
    """A set with Annex K's tables at libjpeg's qualities: with it, the encoder can be checked against libjpeg 4:4:4."""
    fields = {
        "name": "stand-in",
        "method": "tables",
        "lams": np.geomspace(0.001, 0.1, len(ANCHORS)),
        "qualities": np.array(ANCHORS, dtype=float),
        "tables": np.stack([quality_tables(q) for q in ANCHORS]).astype(float),
    }
    return models.ModelSet(**(fields | changes))


def astronaut(height: int = 256, width: int = 256) -> np.ndarray:
    return np.ascontiguousarray(photos.astronaut()[:height, :width])


def decode(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def save(path: Path, samples: np.ndarray, **options) -> Path:
    Image.fromarray(samples).save(path, **options)
    return path
