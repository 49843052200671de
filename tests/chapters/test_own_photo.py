"""What chapter 11 shows of its photo: the size of a file, and the attention map."""

from __future__ import annotations

import numpy as np
import pytest

from chapters import own_photo
from repro.encoder.images import Picture


def photo(height: int = 40, width: int = 60) -> np.ndarray:
    """(H, W, 3) uint8: calm on the left, busy on the right."""
    down, across = np.mgrid[:height, :width]
    busy = 60 * ((down + across) % 2) * (across >= width // 2)
    return np.repeat((120 + across // 4 + busy)[..., None], 3, axis=2).astype(np.uint8)


def test_a_file_is_counted() -> None:
    assert own_photo.words(Picture(photo()), b"12" * 300) == "0.6 kB, 2.000 bits per pixel"


@pytest.mark.parametrize("samples", [photo(43, 61), photo(43, 61)[..., 0]], ids=["colour", "grey"])
def test_attention_fades_beyond_the_sets_last_model(samples: np.ndarray) -> None:
    found = own_photo.attention_map(Picture(samples), 30)
    assert found.shape == (6, 8) and 0 < found.min() < found.max() <= 1
    assert own_photo.attention_map(Picture(samples), 80).min() > found.min()
