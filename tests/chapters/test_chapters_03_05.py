"""The pictures and tables of chapters 3, 4 and 5: that they can be read, and that what they show is so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from bookkit import frames_slider
from chapters import comparison, findings, learned, loss, quantisation, rate_distortion, style, tables
from chapters.jpeg import Box
from chapters.rate_distortion import Pair
from encoder_stand_in import stand_in
from made_curves import PAPER, SEQUENTIAL, curve, curves_of, names_of
from repro import codecs
from repro.data import Photo, photos
from repro.encoder import models
from repro.errors import ReproError, UsageError
from repro.evaluation import Curve, Match, gain_at_rate, measure
from repro.experiments import Experiment, claims, experiments_of
from repro.experiments.claims import recurrent, trunks
from repro.experiments.claims.loss import FIGURE_5, FIGURE_7
from repro.experiments.claims.loss import PAPER as OURS
from repro.jpeg.codestream import decode
from repro.jpeg.tables import quality_tables

QUALITIES = [5, 10, 30, 75]


@pytest.fixture(scope="module")
def rgb() -> np.ndarray:
    """A part of a shipped photo, of sides that are not whole blocks and large enough for MS-SSIM."""
    return np.ascontiguousarray(photos("sample").items[3].rgb()[80:261, 120:363])


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An installation that ships two sets: Annex K's tables, and coarser ones in the place of a network's."""
    folder = tmp_path_factory.mktemp("models")
    models.save(stand_in(name="tables"), folder / "tables")
    coarser = (stand_in().tables * 1.3).clip(1, 255)
    models.save(stand_in(name="vgg16", tables=coarser), folder / "vgg16")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "_shipped_folder", lambda: folder)
        models.load.cache_clear()
        yield folder
    models.load.cache_clear()


@pytest.fixture(scope="module")
def versions(rgb: np.ndarray, shipped: Path) -> list[comparison.Version]:
    return comparison.versions(rgb, 0.6, ours=("tables", "vgg16"))


@pytest.fixture(scope="module")
def curves() -> dict[str, Curve]:
    """Figure 5 with learned tables and the paper's encoder better than the others by about a tenth."""
    better = {"mse": 0.9, "lpips": 0.9, "ms_ssim": 0.9}
    return curves_of(changed={name: curve(name, better, noise=0.05) for name in (findings.TABLES, OURS)})


def chapter_3(rgb: np.ndarray) -> dict[str, Figure]:
    z = np.linspace(-0.49, 1.99, 50)
    lines = {"Eq. 3 as printed": -z, "Eq. 3, sign corrected": z, "straight-through": np.ones(50)}
    Q, pair = np.linspace(4, 100, 7), {"Eq. 3, sign corrected": z[:7], "straight-through": 100 * z[:7]}
    slopes = {place: np.linspace(1, 2, 7) for place in ("DC", "row 0, column 1", "row 2, column 2")}
    reported = dict.fromkeys(slopes, pair)
    log = [{"step": step, "loss": 1.02, "d": 50.0, "rate": 0.02} for step in (1.0, 2.0)]
    film = [(step, quality_tables(25), codecs.get("pillow-444").encode(rgb, 25)) for step in (0, 5)]
    return {
        "equation 3": quantisation.equation_slider(z, lines, lines, [0.3])[0][0],
        "descent": quantisation.path_plot(lines, 3),
        "slopes": quantisation.slope_plot(Q, slopes, reported),
        "slopes by crop": quantisation.crop_plot(slopes, reported),
        "Adam": quantisation.adam_plot({"Q·s, the paper's, at 1e-6": Q, "log Q, ours, at 0.03": Q}),
        "film": quantisation.film_slider(film, rgb, Box(20, 30, 96, 96))[0][0],
        "loss": quantisation.loss_plot(log, 0.02),
    }


def chapter_4(rgb: np.ndarray) -> dict[str, Figure]:
    pictures = dict.fromkeys(("lighter", "noise", "blur", "JPEG"), rgb)
    terms = dict.fromkeys(("MSE", "γ · LPIPS", "σ · (1 − MS-SSIM)"), np.arange(4.0, 0, -1))
    rising = np.array([0.2, 0.4, 0.9, 1.8])
    return {
        "equally wrong": loss.damage_row(pictures, dict.fromkeys(pictures, (150, 0.3, 0.9)), Box(20, 30, 100, 100)),
        "gradients": loss.gradient_maps(rgb, dict.fromkeys(("MSE", "LPIPS", "MS-SSIM"), rgb[..., 0])),
        "terms": loss.term_bars(terms, QUALITIES),
        "rate": loss.rate_plot(QUALITIES, 50 * rising, rising, rising + 0.1),
    }


def chapter_5(curves: dict[str, Curve], versions: list[comparison.Version]) -> dict[str, Figure]:
    plain, learned = findings.same_coding(curves)
    pair = Pair("learned tables against plain JPEG", plain, learned, "tables")
    return {
        "rate and distortion": rate_distortion.rd_plot(curves, findings.MAIN_LINES),
        "every curve": rate_distortion.rd_plot({name: curves[name] for name in names_of("5")}),
        "two countings": rate_distortion.two_countings(curves, FIGURE_5),
        "gains": rate_distortion.gain_plot([pair], findings.MATCHED_RATES, shaded=(0.25, 0.42)),
        "savings": rate_distortion.savings_plot(findings.compare(curves, findings.ENCODERS)),
        "closeup": comparison.closeup(versions, Box(20, 30, 100, 100)),
    }


#: Figures that are plots of numbers; the others are pictures.
PLOTS = {
    *("equation 3", "descent", "slopes", "slopes by crop", "Adam", "loss", "terms", "rate"),
    *("rate and distortion", "every curve", "two countings", "gains", "savings"),
}


def test_every_figure_can_be_read(
    rgb: np.ndarray,
    curves: dict[str, Curve],
    versions: list[comparison.Version],
) -> None:
    figures = {
        **chapter_3(rgb),
        **chapter_4(rgb),
        **chapter_5(curves, versions),
    }
    assert figures.keys() >= PLOTS
    for name, fig in figures.items():
        fig.draw_without_rendering()  # a figure that pyplot does not know has no canvas that would
        written = [t for t in fig.findobj(Text) if t.get_visible() and t.get_text().strip()]
        assert written, name
        assert min(t.get_fontsize() for t in written) >= style.SMALLEST, name
        assert fig.get_figwidth() <= style.WIDTH, name
        assert fig.get_facecolor()[:3] == to_rgb(style.PAPER), name
        # Cut to what is drawn, as the book does, it must still be no wider, or its text would shrink on the page.
        assert fig.get_tightbbox().width <= style.WIDTH + 0.02, name
        if name in PLOTS:
            bare = [ax for ax in fig.axes if ax.get_xticks().size and not ax.get_xlabel()]
            assert not bare, f"{name}: an axis without a name"


def line_of(ax: Axes, label: str) -> tuple[np.ndarray, np.ndarray]:
    (found,) = [line for line in ax.get_lines() if line.get_label() == label]
    x, y = found.get_data()
    return np.asarray(x, dtype=float), np.asarray(y, dtype=float)


def test_a_slider_compares_learned_tables_with_annex_k() -> None:
    annex_k = quality_tables(20)
    same = learned.Beside(0.02, 0.3, annex_k, 20, annex_k)
    assert same.coarser(1, 10) == same.coarser(48, 64) == 1
    coarse = annex_k.copy()
    coarse[0, 0, 1] *= 10  # the first of nine slow patterns
    other = learned.Beside(0.04, 0.4, coarse, 25, annex_k)
    assert other.coarser(1, 10) == 2 and other.coarser(48, 64) == 1
    frames, labels, alts, captions = learned.lambda_slider([same, other])
    assert labels == ["0.02", "0.04"] and len(frames) == 2 and "are 2.00 times Annex K's" in captions[1]
    assert all(caption in alt for alt, caption in zip(alts, captions, strict=True))


# --- chapter 3


def test_a_film_says_what_its_files_take(rgb: np.ndarray) -> None:
    files = {quality: codecs.get("pillow-444").encode(rgb, quality) for quality in range(5, 95, 6)}
    film = [(10 * i, quality_tables(q), data) for i, (q, data) in enumerate(files.items())]
    frames, labels, alts, captions = quantisation.film_slider(film, rgb, Box(20, 30, 96, 96), count=5)
    assert len(frames) == len(set(captions)) == 5 and labels[0] == "0" and labels[-1] == "140"
    gaps = np.diff([int(label) for label in labels])
    assert (np.diff(gaps) >= 0).all() and gaps[-1] > gaps[0], "more of the start, where most happens"
    for label, alt, caption in zip(labels, alts, captions, strict=True):
        values = measure(rgb, film[int(label) // 10][2])
        assert f"{values['bpp']:.2f} bits per pixel" in caption and f"MSE of {values['mse']:.0f}." in caption
        assert caption in alt


# --- chapter 5: curves


#: The lines of each plot of curves.
LINES = {
    "main": findings.MAIN_LINES,
    "figure 5": FIGURE_5,
    "figure 7": FIGURE_7,
    "figure 8": ("pillow-444", *trunks.names(0.0)),
    "figure 10": ("pillow-444", *trunks.names(1000.0)),
    "figure 15": recurrent.FIGURE_15,
}


@pytest.mark.parametrize("names", LINES.values(), ids=LINES)
def test_looks_of_one_plot_tell_apart_without_colour(names: tuple[str, ...]) -> None:
    looks = [rate_distortion.look_of(name) for name in names]
    assert len({(look.marker, look.linestyle) for look in looks}) == len(names)
    assert len({look.label for look in looks}) == len(names)


@pytest.mark.parametrize("figure", ["5", "7", "8", "10", "15"])
@pytest.mark.parametrize("profile", ["smoke", "cpu"])
def test_every_stored_curve_has_a_look(profile: str, figure: str) -> None:
    for e in experiments_of(figure, profile):
        name = e.series if isinstance(e, Experiment) else e.codec
        method = e.model.method if isinstance(e, Experiment) else e.codec
        assert rate_distortion.look_of(name).color == style.LOOKS[method].color, "the colour is the method's"


def test_losses_of_one_method_tell_apart(curves: dict[str, Curve]) -> None:
    """Fig. 7 is of VGG attention alone, four times: by their lines only, curves on top of each other are one."""
    lines = rate_distortion.rd_plot(dict.fromkeys(FIGURE_7, curves[OURS])).axes[0].get_lines()
    assert len({line.get_marker() for line in lines}) == len({line.get_color() for line in lines}) == len(lines) == 4


def test_each_row_has_its_own_counting(curves: dict[str, Curve]) -> None:
    fig = rate_distortion.two_countings(curves, FIGURE_5)
    above, below = np.array(fig.axes).reshape(2, 3)
    for paper, file in zip(above, below, strict=True):
        for one, other in zip(paper.get_lines(), file.get_lines(), strict=True):
            coding = 1 if one.get_label() == rate_distortion.look_of("pillow-444").label else SEQUENTIAL
            assert np.allclose(one.get_xdata(), PAPER / coding * np.asarray(other.get_xdata()))
            assert np.array_equal(one.get_ydata(), other.get_ydata())
        assert len(paper.patches) == 1 and not file.patches, "the paper's range is one of its own counting"
    assert (above[0].get_ylabel(), below[0].get_ylabel()) == ("the paper's counting", "the file itself")


def test_gains_are_drawn_with_their_intervals(curves: dict[str, Curve]) -> None:
    pair = Pair("tables against JPEG", curves["pillow-444"], curves[findings.TABLES], "tables")
    fig = rate_distortion.gain_plot([pair], findings.MATCHED_RATES)
    for ax, metric in zip(fig.axes, claims.METRICS, strict=True):
        assert ax.get_title() == f"{claims.SHORT[metric]} {'gained' if metric == 'ms_ssim' else 'saved'}"
        x, y = line_of(ax, "tables against JPEG")
        assert x.tolist() == list(findings.MATCHED_RATES)
        found = [gain_at_rate(pair.anchor, pair.test, rate, metric) for rate in x]
        assert y.tolist() == [g.mean for g in found] and min(y) > 0, "better is up in every plot"
        (band,) = ax.collections
        corners = band.get_paths()[0].vertices
        ends = [end for g in found for end in (g.low, g.high)]
        assert (corners[:, 1].min(), corners[:, 1].max()) == pytest.approx((min(ends), max(ends)))


def test_gains_that_cannot_be_compared_are_not_drawn(curves: dict[str, Curve]) -> None:
    short = Pair("short", curves["pillow-444"], curve("short", rates=(0.1, 0.41)), "tables")
    never = Pair("never", curves["pillow-444"], curve("never", rates=(2.0, 3.0)), "vgg16")
    ax = rate_distortion.gain_plot([short, never], findings.MATCHED_RATES).axes[0]
    assert line_of(ax, "short")[0].tolist() == [0.25, 0.30, 0.35, 0.40]
    assert line_of(ax, "never")[0].size == 0


# --- chapter 5: tables of numbers


def a_match(name: str, ours: tuple[float, float, float | None], theirs: tuple[float, float, float | None]) -> Match:
    values = ({"bpp": b, **dict(zip(claims.METRICS, v, strict=True))} for b, v in ((0.25, ours), (0.26, theirs)))
    return Match(name, *values, 12)


def test_matches_in_numbers() -> None:
    matches = [
        a_match("one.png", (10.04, 0.1234, 0.98765), (12.0, 0.2, 0.9)),
        a_match("two.png", (14.0, 0.2, 0.9), (12.0, 0.2, 0.95)),
        a_match("small.png", (5.0, 0.1, None), (6.0, 0.3, None)),
    ]
    head, rows = tables.matched(matches)
    assert head == ["photo", "bits per pixel, ours / Pillow", "MSE", "LPIPS", "MS-SSIM"]
    assert [row[0] for row in rows] == ["one", "small", "two"], "by name"
    assert rows[0] == ["one", "0.250 / 0.260", "10.0 / 12.0", "0.123 / 0.200", "0.9877 / 0.9000"]
    assert rows[1] == ["small", "0.250 / 0.260", "5.0 / 6.0", "0.100 / 0.300", "–"]
    assert tables.wins(matches) == {"mse": 2, "lpips": 2, "ms_ssim": 1}, "equal is no win, and nor is unknown"


def test_savings_seed_by_seed() -> None:
    seeds = [curve("test", saved=share) for share in (0.8, 0.9)]
    head, rows = tables.seed_rows({"test against anchor": claims.savings(curve("anchor"), seeds)})
    assert head == ["bits, %", "each seed", "all", "95 % interval, photos and seeds"]
    assert [row[0] for row in rows] == [
        f"test against anchor, at equal {short}" for short in ("MSE", "LPIPS", "MS-SSIM")
    ]
    assert all(row[1:] == ["-20.0, -10.0", "-15.0", "-20.0 to -10.0"] for row in rows)


# --- chapter 5: pictures at equal size


def test_none_of_ours_has_more_bytes_than_a_peer(rgb: np.ndarray, versions: list[comparison.Version]) -> None:
    labels = [style.LOOKS[name].label for name in (*comparison.PEERS, "tables", "vgg16")]
    assert [v.label for v in versions] == ["original", *labels]
    original, first_peer, second_peer, tables_, vgg = versions
    size = len(tables_.data)
    assert 0.55 * 181 * 243 < 8 * size <= 0.6 * 181 * 243, "ours is as large as the rate allows"
    assert len(vgg.data) <= size
    for peer, codec in zip((first_peer, second_peer), comparison.PEERS, strict=True):
        files = (codecs.get(codec).encode(rgb, q) for q in range(1, 101))
        assert peer.data == next(file for file in files if len(file) >= size), "the smallest that is not under it"
    assert np.array_equal(original.pixels, rgb) and not original.data and original.values is None
    for version in versions[1:]:
        assert np.array_equal(version.pixels, decode(version.data))
        values = measure(rgb, version.data)
        assert all(v == pytest.approx(values[key], rel=1e-5) for key, v in (version.values or {}).items() if v)


@pytest.fixture
def photo(rgb: np.ndarray, tmp_path: Path) -> Photo:
    Image.fromarray(rgb).save(tmp_path / "part.png")
    return Photo("part.png", tmp_path / "part.png", "0")


def test_closeups_for_the_slider(photo: Photo, shipped: Path) -> None:
    made = comparison.closeups(photo, [0.4, 0.8], crop=Box(20, 30, 90, 100))
    assert made.labels == ["0.4 bpp", "0.8 bpp"] and len(made.frames) == len(made.alts) == 2
    for rate, fig, alt in zip((0.4, 0.8), made.frames, made.alts, strict=True):
        assert [ax.get_title() for ax in fig.axes[3:5]] == ["learned tables", "VGG-16 attention"], "all that ships"
        assert alt.startswith(f"The same part of part at about {rate:g} bits per pixel. original: 131,949 bytes")
        assert "\n" not in alt and all(ax.get_xlabel().replace("\n", ", ") in alt for ax in fig.axes[:5])
    box = frames_slider(made.frames, made.labels, made.alts, description="Size")
    assert len(box.children[1].children) == 2


def test_an_unknown_set_is_refused(rgb: np.ndarray, shipped: Path) -> None:
    with pytest.raises(UsageError, match="unknown model 'vgg19'; choose from tables, vgg16"):
        comparison.versions(rgb, 0.6, ours=("vgg19",))


def test_crops_lie_within_their_photos() -> None:
    sizes = {photo.name: photo.rgb().shape[:2] for photo in photos("sample")}
    sizes |= {"kodim04.png": (768, 512), "kodim15.png": (512, 768), "kodim23.png": (512, 768)}
    for name, box in [*comparison.CROPS.items(), *quantisation.PARTS.items()]:
        height, width = sizes[name]
        assert min(box) >= 0 and box.top + box.height <= height and box.left + box.width <= width, name
    for box in comparison.CROPS.values():
        assert 3 * box.width >= style.WIDTH * 72, "a pixel of the photo is no more than a point on the page"


def test_the_exam_is_on_kodak_where_it_is_at_hand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = [f"kodim{i:02}.png" for i in range(1, 25)]
    kodak = SimpleNamespace(name="kodak", items=tuple(names))
    monkeypatch.setattr(comparison, "kodak_or_sample", lambda folder: kodak)
    chosen = comparison.exam_photos()
    assert sorted(chosen) == names and len(chosen) == 24, "each once"
    assert list(chosen[:6]) == names[::4], "a few of them are spread over the set"
    monkeypatch.undo()
    monkeypatch.delenv("REPRO_DATA", raising=False)
    monkeypatch.setattr("repro.data.sets.cache_dir", lambda: tmp_path)
    assert comparison.exam_photos() == photos("sample").items
    (tmp_path / "kodak").mkdir()
    (tmp_path / "kodak" / "kodim01.png").write_bytes(b"")
    with pytest.raises(ReproError, match="holds 1 of the 24"):  # a damaged set is no reason to take another
        comparison.exam_photos()
