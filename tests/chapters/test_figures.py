"""The pictures of chapters 1 and 2: that they can be read, and that what they show is so."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from chapters import artefacts, attention, jpeg, networks, style, zigzag
from repro import codecs
from repro.attention import METHODS
from repro.codecs import CODECS
from repro.data import photos
from repro.errors import ReproError
from repro.experiments import Experiment, Store, experiments_of
from repro.jpeg.codestream import decode
from repro.jpeg.tables import quality_tables
from repro.model import LearnedJPEG, save_checkpoint


@pytest.fixture(scope="module")
def rgb() -> np.ndarray:
    return photos("sample").items[3].rgb()[80:240, 120:360]


@pytest.fixture(scope="module")
def A(rgb) -> np.ndarray:
    return attention.maps(attention.build("lstm"), rgb)


def chapter_1(rgb: np.ndarray) -> dict[str, Figure]:
    y = artefacts.luma(rgb)
    row, col = jpeg.edge_block(y)
    block, box = y[8 * row : 8 * row + 8, 8 * col : 8 * col + 8], jpeg.around(row, col, rgb)
    sizes = artefacts.file_sizes(rgb, [10, 50])
    return {
        "levels": jpeg.levels({"a": rgb, "b": rgb}, box),
        "workflow": jpeg.workflow(),
        "planes": jpeg.colour_planes(rgb),
        "block": jpeg.block_in_photo(y, row, col),
        "basis": jpeg.basis(),
        "rebuild": zigzag._canvas(block, zigzag.parts(block)).fig,
        "tables": jpeg.tables(quality_tables(50)),
        "frame": jpeg.block_frame(jpeg.code_block(block, quality_tables(20)[0])),
        "edge": artefacts.edge(10),
        "errors": artefacts.errors(rgb, rgb, box),
        "blocking": artefacts.blocking({"original": rgb}),
        "where bits go": artefacts.where_bits_go(rgb, [10, 50]),
        "sizes": artefacts.compare_sizes(sizes, [10, 50], y.size),
    }


def chapter_2(rgb: np.ndarray, A: np.ndarray) -> dict[str, Figure]:
    return {
        "convolutional": networks.convolutional(),
        "recurrent": networks.recurrent(),
        "reach": attention.reach_maps({"one": np.eye(64), "other": np.eye(64)}, 3, 3),
        "responses": attention.response_plot({"x": np.arange(5.0), "y": np.arange(5.0)}),
        "frequency": attention.mean_by_frequency(A),
        "band": attention.band_slider(rgb, A)[0][1],
        "bands of networks": attention.networks_slider(rgb, {"one": A, "other": A})[0][2],
        "recurrent maps": attention.recurrent_maps(rgb, {"one": A, "two": A, "three": A}),
    }


#: Figures that are plots of numbers; the others are pictures and diagrams.
PLOTS = {"basis", "rebuild", "edge", "blocking", "where bits go", "sizes", "responses"}


def test_every_figure_can_be_read(rgb, A):
    for name, fig in {**chapter_1(rgb), **chapter_2(rgb, A)}.items():
        fig.draw_without_rendering()
        written = [t for t in fig.findobj(Text) if t.get_visible() and t.get_text().strip()]
        assert written, name
        assert min(t.get_fontsize() for t in written) >= style.SMALLEST, name
        assert fig.get_figwidth() <= style.WIDTH, name
        assert fig.get_facecolor()[:3] == to_rgb(style.PAPER), name
        if name in PLOTS:
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


def test_table_is_markdown():
    assert style.table([{"a": 1, "b": 2}]).data == "| a | b |\n| --- | --- |\n| 1 | 2 |"


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


def test_a_flat_block_costs_14_bits():
    block = jpeg.code_block(np.full((8, 8), 200), quality_tables(50)[0])
    assert (block.z_hat[0, 0], block.kept, block.bits, block.error) == (36, 1, 14, 0)


def test_edge_block_finds_the_edge():
    y = np.full((64, 64), 100.0)
    y[24:32, 44:] = 220
    assert jpeg.edge_block(y) == (3, 5)


def test_ringing_needs_an_edge_inside_a_block():
    assert artefacts.off_by(10, clear=1) > 8
    assert artefacts.off_by(10, at=8) < 5


def test_blocks_show_at_their_borders(rgb):
    flat = np.kron(np.arange(20)[None] * 10, np.ones((8, 8))).astype(np.uint8)
    steps = artefacts.border_steps(np.repeat(flat[..., None], 3, axis=2))
    assert steps[7] == pytest.approx(10) and steps[:7].max() < 1e-9
    coarse = codecs.get("pillow-444").encode(rgb, 5)
    steps = artefacts.border_steps(decode(coarse))
    assert steps[7] > 2 * steps[:7].mean()


def test_what_bits_are_spent_on_adds_up(rgb):
    spent = artefacts.spend(rgb, 30)
    data = codecs.get("pillow-444-default").encode(rgb, 30)
    assert sum(spent.values()) == pytest.approx(8 * len(data) / rgb[..., 0].size)
    assert min(spent.values()) > 0


def test_the_three_ways_to_write_are_ordered(rgb):
    default, optimised, progressive = artefacts.file_sizes(rgb, [10, 50]).values()
    assert (progressive <= optimised).all() and (optimised < default).all()


def test_our_inverse_is_libjpegs(rgb):
    agreement = jpeg.inverse_agreement(rgb, 50)
    assert agreement["equal"] > 0.95 and agreement["within_one"] > 0.99 and agreement["largest"] <= 4


def test_energy_gathers_in_few_coefficients(rgb):
    assert 0.5 < jpeg.energy_share(artefacts.luma(rgb), 10) < 1
    noise = np.random.default_rng(0).uniform(0, 255, (64, 64))
    assert jpeg.energy_share(noise, 10) == pytest.approx(10 / 63, abs=0.03)


def test_a_block_is_the_sum_of_its_64_cosines(rgb):
    samples = artefacts.luma(rgb)[16:24, 32:40]
    made = zigzag.parts(samples)
    assert [part.at for part in made[:6]] == [(0, 0), (0, 1), (1, 0), (2, 0), (1, 1), (0, 2)] and len(made) == 64
    assert np.allclose(made[0].so_far, samples.mean()) and np.allclose(made[-1].so_far, samples)
    for before, part in itertools.pairwise(made):
        lost = before.error**2 - part.error**2
        assert lost == pytest.approx(part.F**2 / 64, abs=1e-9), "what a cosine mends is its own square (Parseval)"
    assert f"off by {made[7].error:.1f} levels" in made[7].words


def test_frames_of_the_rebuild_differ_and_are_alike_in_size(rgb):
    frames, labels, _, _ = zigzag.rebuild_slider(artefacts.luma(rgb)[16:24, 32:40])
    assert len({frame.tobytes() for frame in frames}) == 64 == len(labels)
    assert {frame.shape for frame in frames} == {frames[0].shape} and frames[0].dtype == np.uint8


def test_bands_share_out_the_64_coefficients():
    counted = sum(attention.in_band(*band).astype(int) for band in attention.BANDS.values())
    assert (counted == 1).all()


def test_sliders_have_words_for_every_frame(rgb, A):
    for frames, labels, alts, captions in (
        jpeg.block_slider(artefacts.luma(rgb)[:8, :8], [10, 50]),
        zigzag.rebuild_slider(artefacts.luma(rgb)[:8, :8]),
        attention.band_slider(rgb, A),
        attention.networks_slider(rgb, {"one": A, "other\n(second line)": A / 2}),
    ):
        assert len(frames) == len(set(labels)) == len(set(alts)) == len(set(captions))
        assert not any("\n" in words for words in (*alts, *captions))


def test_attention_of_one_half_halves_the_contrast(rgb):
    (kept, bpp), (faded, fewer) = (attention.pre_edit(rgb, np.full((8, 8), a), 90) for a in (1.0, 0.5))
    assert faded.std() / kept.std() == pytest.approx(0.5, abs=0.12)
    assert fewer < bpp


def test_what_each_network_sees(rgb):
    row, col = 10, 14
    lstm = attention.reach(attention.build("lstm"), rgb, row, col)
    assert lstm[8 * row : 8 * row + 8, 8 * col + 8 :].max() == 0, "an LSTM knows nothing of what comes later"
    assert lstm[8 * row : 8 * row + 8, 8 * col - 8 : 8 * col].max() > 0
    vgg = attention.reach(attention.build("vgg16"), rgb, row, col)
    assert vgg[:, : 8 * (col - 4)].max() == 0 and vgg[8 * row - 8 : 8 * row].max() > 0
    assert attention.blocks_reached(vgg) > attention.blocks_reached(lstm)


def test_anatomy_is_of_the_running_network():
    vgg, lstm = attention.anatomy(["vgg16", "lstm"], side=32)
    assert (vgg["features"], vgg["A"]) == ("(256, 4, 4)", "(2, 4, 4, 8, 8)")
    assert vgg["parameters, rest"] == f"{256 * 128 + 128:,}"
    assert lstm["parameters, rest"] == f"{2 * 4 * 64 * (64 + 64 + 2):,}"


def test_building_a_network_leaves_the_callers_random_numbers(rgb):
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


def test_contrast_is_followed(rgb):
    F = attention.coefficients(attention.to_tensor(rgb))[0, :2].abs().numpy()
    assert attention.follows_contrast(F, rgb) > 0.5
    assert attention.follows_contrast(-F, rgb) < -0.5
