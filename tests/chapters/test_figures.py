"""The book's style, and the pictures of chapters 1 and 2: they can be read, and their words are right."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from chapters import attention, jpeg, style
from repro import plain
from repro.errors import ReproError


@pytest.fixture(scope="module")
def block() -> torch.Tensor:
    return torch.randint(0, 256, (8, 8), generator=torch.manual_seed(0)).float()


def rebuilt(block: torch.Tensor) -> style.Slider:
    """Chapter 1's sum of cosines."""
    F, D = plain.dct(block - 128), plain.dct_matrix()
    order = plain.zigzag(np.arange(64).reshape(8, 8)).tolist()
    cosines = [F[i // 8, i % 8] * torch.outer(D[i // 8], D[i % 8]) for i in order]
    return jpeg.rebuild_slider(block, F, order, list(128 + torch.stack(cosines).cumsum(0)))


def test_no_text_is_too_small_and_no_figure_too_wide():
    """As set in the sources: the page shows a figure at its own size, so its text has that size, too."""
    for path in Path(style.__file__).parent.glob("*.py"):
        source = path.read_text(encoding="utf-8")
        sizes = re.findall(r"""(?:fontsize|\bsize|labelsize"|\.size")[=:]\s*([\d.]+)""", source)
        assert all(float(size) >= style.SMALLEST for size in sizes), path.name
        assert all(float(width) <= style.WIDTH for width in re.findall(r"figsize=\(([\d.]+)", source)), path.name


def test_numbers_in_cells_stand_out():
    axes = style.figure(2)[1]
    values = np.linspace(0, 255, 64).reshape(8, 8)
    shown = style.cells(axes[0, 0], values, cmap="gray", vmin=0, vmax=255)
    for text, grey in zip(axes[0, 0].texts, shown.to_rgba(values)[..., 0].ravel(), strict=True):
        assert abs(to_rgb(text.get_color())[0] - grey) > 0.35


def test_book_photo_takes_what_is_there(tmp_path, monkeypatch):
    monkeypatch.delenv("REPRO_DATA", raising=False)
    monkeypatch.setattr("repro.data.sets.cache_dir", lambda: tmp_path)
    assert style.book_photo("kodim23").name == "coffee.png"
    with pytest.raises(ReproError, match="no photo of that name"):
        style.book_photo("kodim23", instead="tea.png")
    (tmp_path / "kodak").mkdir()
    (tmp_path / "kodak" / "kodim01.png").write_bytes(b"")
    with pytest.raises(ReproError, match="holds 1 of the 24"):
        style.book_photo("kodim23")


def test_the_rebuilt_block_says_what_it_shows(block):
    frames, labels, _, captions = rebuilt(block)
    assert len({frame.tobytes() for frame in frames}) == 64 == len(labels)
    assert captions[1].startswith("Place 1, row 0, column 1:") and captions[2].startswith("Place 2, row 1, column 0:")
    after_the_mean = float((block - block.mean()).square().mean().sqrt())
    assert f"off by {after_the_mean:.1f} levels" in captions[0] and "off by 0.0 levels" in captions[-1]


def test_bands_share_out_the_64_coefficients():
    counted = sum(attention.in_band(*band).astype(int) for band in attention.BANDS.values())
    assert (counted == 1).all()


def test_building_a_network_leaves_the_callers_random_numbers():
    before = torch.random.get_rng_state()
    attention.build("lstm", 3)
    assert torch.equal(before, torch.random.get_rng_state())
