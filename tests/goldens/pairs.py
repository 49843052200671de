"""Pairs of pictures for the stored goldens, made from recipes: no picture is stored.

A recipe is ``{"source": …, "height": …, "width": …, "change": …, "amount": …}``. This module needs only NumPy, Pillow
and scikit-image, so that the programs that make the goldens can run outside this project's environment.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image
from skimage import data

Recipe = dict[str, Any]

RECIPES: list[Recipe] = [
    {"source": source, "height": height, "width": width, "change": change, "amount": amount}
    for source, height, width, change, amount in [
        ("astronaut", 512, 512, "jpeg", 5),
        ("astronaut", 512, 512, "jpeg", 50),
        ("astronaut", 161, 161, "jpeg", 10),
        ("astronaut", 176, 208, "noise", 25),
        ("coffee", 400, 600, "jpeg", 20),
        ("coffee", 333, 487, "noise", 60),
        ("coffee", 161, 503, "blur", 9),
        ("chelsea", 300, 451, "jpeg", 1),
        ("chelsea", 163, 165, "shift", 12),
        ("chelsea", 224, 224, "same", 0),
        ("chelsea", 255, 257, "negative", 0),
        ("chelsea", 240, 240, "negative red", 0),
        ("noise", 192, 176, "noise", 120),
        ("noise", 162, 177, "negative", 0),
        ("ramp", 176, 300, "noise", 3),
        ("ramp", 256, 256, "blur", 15),
        ("flat", 170, 170, "noise", 2),
    ]
]


def pair(recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """The two uint8 pictures (H, W, 3) of ``recipe``: the source, and the source with its change."""
    picture = _source(recipe["source"])[: recipe["height"], : recipe["width"]]
    assert picture.shape == (recipe["height"], recipe["width"], 3), recipe
    return picture, _change(picture, recipe["change"], recipe["amount"])


def _source(name: str) -> np.ndarray:
    if name == "noise":
        return np.random.default_rng(7).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    if name == "ramp":
        rows, cols = np.mgrid[:512, :512]
        return np.stack([rows // 2, cols // 2, (rows + cols) // 4], axis=-1).astype(np.uint8)
    if name == "flat":
        return np.full((512, 512, 3), (90, 120, 200), dtype=np.uint8)
    return np.asarray(getattr(data, name)())


def _change(picture: np.ndarray, change: str, amount: int) -> np.ndarray:
    if change == "jpeg":
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "JPEG", quality=amount, subsampling=0)
        return np.asarray(Image.open(stream))
    if change == "noise":
        noise = np.random.default_rng(11).normal(0, amount, picture.shape)
        return np.asarray(np.clip(np.round(picture + noise), 0, 255), dtype=np.uint8)
    if change == "blur":  # a box, by sums of shifted copies
        shifts = [np.roll(picture.astype(np.float64), s, axis=(0, 1)) for s in range(amount)]
        return np.round(np.mean(shifts, axis=0)).astype(np.uint8)
    if change == "shift":
        return np.clip(picture.astype(int) + amount, 0, 255).astype(np.uint8)
    red = np.array([1, 0, 0], dtype=bool)
    negative = 255 - picture
    return {"same": picture, "negative": negative, "negative red": np.where(red, negative, picture)}[change]
