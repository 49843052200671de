"""The reader's own photo: what is taken, what is refused and in which words, and the window of chapter 11."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from chapters import own_photo
from repro.encoder.images import Picture


def photo(height: int = 40, width: int = 60) -> np.ndarray:
    """(H, W, 3) uint8: calm on the left, busy on the right."""
    down, across = np.mgrid[:height, :width]
    busy = 60 * ((down + across) % 2) * (across >= width // 2)
    return np.repeat((120 + across // 4 + busy)[..., None], 3, axis=2).astype(np.uint8)


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def test_what_was_made_is_counted() -> None:
    made = own_photo.make(Picture(photo()), 30, "fast")
    assert Image.open(io.BytesIO(made.data)).size == (60, 40)
    assert made.words.endswith(f"{8 * len(made.data) / 2400:.3f} bits per pixel")


def test_without_weights_the_default_sets_own_knowledge_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repro.weights.status", list)
    found = own_photo.known(Picture(photo(43, 61)), 30)
    assert found.ratio and found.values.shape == (6, 8) and found.values.mean() == pytest.approx(1)
    assert found.values[:, 0].mean() > found.values[:, -1].mean(), "an error in a calm place is worth more"


@pytest.mark.parametrize("samples", [photo(43, 61), photo(43, 61)[..., 0]], ids=["colour", "grey"])
def test_with_weights_attention_is_shown(samples: np.ndarray) -> None:
    found = own_photo.known(Picture(samples), 30)
    assert "vgg16" in found.words and not found.ratio and found.values.shape == (6, 8)
    assert 0 < found.values.min() < found.values.max() <= 1
    eased = own_photo.known(Picture(samples), 80)
    assert eased.values.min() > found.values.min(), "beyond the set's last model attention fades less"
