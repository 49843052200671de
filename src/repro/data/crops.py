"""Random crops of photographs, for training."""

from __future__ import annotations

import numpy as np
import torch

from repro.data.images import read_size
from repro.data.leaves import dead_leaves
from repro.data.registry import kodak_hashes
from repro.data.sets import Photo, PhotoSet
from repro.errors import ReproError, UsageError
from repro.files import sha256_bytes
from repro.progress import track


def crop_pool(photo_set: PhotoSet, n: int, size: int = 224, seed: int = 0) -> torch.Tensor:
    """``n`` random crops in random order, torch.uint8 (n, 3, size, size), RGB on 0–255.

    The same set, ``n``, ``size`` and ``seed`` give the same crops. A photo's share of them is proportional to the
    square root of its area. If the set asks for dead leaves, half of the crops are such pictures (the paper crops
    224 px). Raises :class:`UsageError` for a bad ``n`` or ``size`` and :class:`ReproError` for a photo that is too
    small, cannot be read, or is one of Kodak's, which are for evaluation only.
    """
    if n < 1 or size < 8:
        raise UsageError(f"{n} crops of {size} px: ask for at least 1 crop of at least 8 px")
    rng = np.random.default_rng(seed)
    generated = n // 2 if photo_set.dead_leaves else 0
    place = rng.permutation(n)  # where in the pool each crop goes
    try:
        pool = torch.empty((n, 3, size, size), dtype=torch.uint8)
    except RuntimeError as error:
        raise UsageError(f"{n} crops of {size} px take {3 * n * size * size / 1e9:.0f} GB; ask for fewer") from error
    shares = np.bincount(_choose(photo_set, n - generated, size, rng), minlength=len(photo_set))
    done = 0
    for photo, share in track(list(zip(photo_set, shares, strict=True)), "cropping"):
        if share:
            picture = _training_pixels(photo)
            for _ in range(share):
                pool[place[done]] = _crop(picture, size, rng)
                done += 1
    for i in track(range(generated), "dead leaves"):
        pool[place[done + i]] = _planes(dead_leaves(size, (seed, i)))
    return pool


def _choose(photo_set: PhotoSet, count: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """``count`` indices of photos to crop, at even spacing along the photos' weights laid end to end."""
    weights = []
    for photo in photo_set:
        height, width = read_size(photo.path)
        if min(height, width) < size:
            raise ReproError(f"{photo.path}: {width}×{height} px is smaller than a crop of {size} px; remove it")
        weights.append(np.sqrt(height * width))
    # In random order, so that a pool smaller than the set takes different photos for a different seed.
    order = rng.permutation(len(weights))
    ends = np.cumsum(np.array(weights)[order])
    return order[np.searchsorted(ends, (np.arange(count) + rng.random()) / count * ends[-1], side="right")]


def _training_pixels(photo: Photo) -> np.ndarray:
    """The photo's pixels. Raises :class:`ReproError` if the file or the pixels are Kodak's."""
    picture = photo.rgb()
    if not kodak_hashes().isdisjoint({photo.sha256, sha256_bytes(picture.tobytes())}):
        raise ReproError(f"{photo.path}: is a Kodak photo, which is for evaluation only; train on another set")
    return picture


def _crop(picture: np.ndarray, size: int, rng: np.random.Generator) -> torch.Tensor:
    top, left = (int(rng.integers(side - size + 1)) for side in picture.shape[:2])
    return _planes(picture[top : top + size, left : left + size])


def _planes(picture: np.ndarray) -> torch.Tensor:
    """(H, W, 3) → (3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
