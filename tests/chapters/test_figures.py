"""The book's style, and the pictures of chapters 1 and 2: that they can be read, and that their words are right."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from chapters import attention, diagrams, jpeg, style
from repro import plain
from repro.attention import METHODS
from repro.codecs import CODECS
from repro.data import photos
from repro.errors import ReproError
from repro.experiments import Experiment, Store, experiments_of
from repro.jpeg.tables import ANNEX_K
from repro.model import LearnedJPEG, save_checkpoint


@pytest.fixture(scope="module")
def rgb() -> np.ndarray:
    return photos("sample").items[3].rgb()[80:240, 120:360]


@pytest.fixture(scope="module")
def A(rgb) -> np.ndarray:
    return attention.maps(attention.build("lstm"), rgb)


@pytest.fixture(scope="module")
def block() -> torch.Tensor:
    return torch.randint(0, 256, (8, 8), generator=torch.manual_seed(0)).float()


def rebuilt(block: torch.Tensor) -> jpeg.Slider:
    """Chapter 1's sum of cosines."""
    F, D = plain.dct(block - 128), plain.dct_matrix()
    order = plain.zigzag(np.arange(64).reshape(8, 8)).tolist()
    cosines = [F[i // 8, i % 8] * torch.outer(D[i // 8], D[i % 8]) for i in order]
    return jpeg.rebuild_slider(block, F, order, list(128 + torch.stack(cosines).cumsum(0)))


def figures(rgb: np.ndarray, A: np.ndarray, block: torch.Tensor) -> dict[str, Figure]:
    y = rgb.mean(2)
    box, steps = jpeg.around(*jpeg.edge_block(y), rgb), torch.rand(8, 24)
    spent = dict.fromkeys(("headers", "luma: means", "luma: detail", "luma: end of block", "chroma: all"), 0.2)
    return {
        "levels": jpeg.levels({"a": rgb, "b": rgb}, box),
        "workflow": diagrams.workflow(),
        "planes": jpeg.colour_planes(rgb, [y, y, y]),
        "block": jpeg.block_in_photo(y, 2, 3),
        "tables": jpeg.tables(ANNEX_K),
        "frame": jpeg.block_slider(block, plain.dct(block - 128), {50: (block, block, 1)})[0][0],
        "errors": jpeg.errors(rgb, rgb, y, box),
        "convolutional": diagrams.convolutional(),
        "recurrent": diagrams.recurrent(),
        "reach": attention.reach_maps({"one": torch.eye(64), "other": np.eye(64)}, 3, 3),
        "frequency": attention.mean_by_frequency(A.mean((1, 2))),
        "band": attention.band_slider(rgb, A)[0][1],
        "bands of networks": attention.networks_slider(rgb, {"one": A, "other": A})[0][2],
        "recurrent maps": attention.recurrent_maps(rgb, {"one": A, "two": A, "three": A}),
        "plot: basis": jpeg.basis(plain.dct_matrix()),
        "plot: edge": jpeg.edge(steps, steps, steps[0, :8], steps[1, :8]),
        "plot: blocking": jpeg.blocking({"original": steps[0, :8]}),
        "plot: where bits go": jpeg.where_bits_go({10: spent, 50: spent}),
        "plot: sizes": jpeg.compare_sizes(dict.fromkeys("abc", np.array([0.2, 0.4])), [10, 50]),
        "plot: responses": attention.response_plot({"x": torch.arange(5.0), "y": np.arange(5.0)}),
    }


def test_every_figure_can_be_read(rgb, A, block):
    for name, fig in figures(rgb, A, block).items():
        fig.draw_without_rendering()
        written = [t for t in fig.findobj(Text) if t.get_visible() and t.get_text().strip()]
        assert written, name
        assert min(t.get_fontsize() for t in written) >= style.SMALLEST, name
        assert fig.get_figwidth() <= style.WIDTH, name
        assert fig.get_facecolor()[:3] == to_rgb(style.PAPER), name
        if name.startswith("plot"):
            bare = [ax for ax in fig.axes if ax.get_xticks().size and not ax.get_xlabel()]
            assert not bare, f"{name}: an axis without a name"


def test_methods_tell_apart_without_colour():
    looks = style.LOOKS
    assert set(looks) == {*METHODS, *CODECS, "trellis"}
    assert len({look.marker for look in looks.values()}) == len(looks)
    assert {look.color for look in looks.values()} <= set(style.OKABE_ITO.values())


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


def test_edge_block_finds_the_edge():
    y = np.full((64, 64), 100.0)
    y[24:32, 44:] = 220
    assert jpeg.edge_block(y) == (3, 5)


def test_the_rebuilt_block_says_what_it_shows(block):
    frames, labels, _, captions = rebuilt(block)
    assert len({frame.tobytes() for frame in frames}) == 64 == len(labels)
    assert captions[1].startswith("Place 1, row 0, column 1:") and captions[2].startswith("Place 2, row 1, column 0:")
    after_the_mean = float((block - block.mean()).square().mean().sqrt())
    assert f"off by {after_the_mean:.1f} levels" in captions[0] and "off by 0.0 levels" in captions[-1]


def test_sliders_have_words_for_every_frame(rgb, A, block):
    for frames, labels, alts, captions in (
        jpeg.block_slider(block, block, {10: (block, block, 7), 50: (block, block, 9)}),
        rebuilt(block),
        attention.band_slider(rgb, A),
        attention.networks_slider(rgb, {"one": A, "other\n(second line)": A / 2}),
    ):
        assert len(frames) == len(set(labels)) == len(set(alts)) == len(set(captions))
        assert not any("\n" in words for words in (*alts, *captions))


def test_bands_share_out_the_64_coefficients():
    counted = sum(attention.in_band(*band).astype(int) for band in attention.BANDS.values())
    assert (counted == 1).all()


def test_building_a_network_leaves_the_callers_random_numbers():
    before = torch.random.get_rng_state()
    attention.build("lstm", 3)
    assert torch.equal(before, torch.random.get_rng_state())


def test_shows_the_trained_network_where_there_is_one(tmp_path, monkeypatch):
    monkeypatch.setattr(Store, "default", lambda: Store(tmp_path / "data", tmp_path / "runs"))
    fresh = attention.network_to_show("vgg16")
    assert not fresh.trained and fresh.words.startswith("untrained")
    stored = next(e for e in experiments_of("5", "cpu") if isinstance(e, Experiment) and e.model.method == "vgg16")
    path = Store.default().checkpoint_path(stored)
    path.parent.mkdir(parents=True)
    save_checkpoint(path, LearnedJPEG(stored.model))
    trained = attention.network_to_show("vgg16")
    assert trained.trained and f"λ = {stored.loss.lam:g}" in trained.words
