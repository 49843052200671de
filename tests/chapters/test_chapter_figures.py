"""The pictures and tables of chapters 3, 4 and 5: that they can be read, and that what they show is so."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import same_color, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from bookkit import frames_slider, html
from chapters import comparison, learned, loss, rate_distortion, rounding, style, tables, training
from chapters.attention import to_tensor
from chapters.jpeg import Box
from chapters.rate_distortion import Pair
from encoder_stand_in import stand_in
from made_curves import PAPER, SEQUENTIAL, curve, curves_of, names_of
from repro import codecs
from repro.data import Photo, photos
from repro.encoder import models
from repro.errors import ReproError, UsageError
from repro.evaluation import BDRate, Curve, Match, compare_at_rate, measure
from repro.experiments import Experiment, claims, experiments_of
from repro.experiments.claims import Claim, recurrent, trunks, worth
from repro.experiments.claims.loss import BASELINE, BASELINE_THIRD, FIGURE_5, FIGURE_7
from repro.experiments.claims.loss import PAPER as OURS
from repro.jpeg.codestream import decode
from repro.jpeg.tables import quality_tables
from repro.losses import Distortion, LossWeights
from repro.metrics import lpips, ms_ssim
from repro.model import ModelSettings
from repro.training import Recipe, Trained, train

QUALITIES = [5, 10, 30, 75]
WEIGHTS = LossWeights(lam=0.02)
#: A step and blocks of the chapter's places, few enough to take no time.
PLACES = ((0, 0), (0, 1), (2, 2))
STEPS = np.linspace(4, 100, 7)


@pytest.fixture(scope="module")
def rgb() -> np.ndarray:
    """A part of a shipped photo, of sides that are not whole blocks and large enough for MS-SSIM."""
    return np.ascontiguousarray(photos("sample").items[3].rgb()[80:261, 120:363])


@pytest.fixture(scope="module")
def crops() -> torch.Tensor:
    picture = torch.from_numpy(photos("sample").items[0].rgb().copy()).permute(2, 0, 1)
    return torch.stack([picture[:, 40 * i : 40 * i + 168, 60 * i : 60 * i + 168] for i in range(4)])


@pytest.fixture(scope="module")
def film() -> training.Film:
    return training.Film()


@pytest.fixture(scope="module")
def trained(crops: torch.Tensor, film: training.Film) -> Trained:
    """Six steps, seen by ``film`` at their start and after every second."""
    settings = ModelSettings(method="tables", rounding="straight-through")
    return train(settings, WEIGHTS, Recipe(steps=6, batch=2, log_every=2), crops, observe=film)


@pytest.fixture(scope="module")
def damaged(rgb: np.ndarray) -> list[loss.Damaged]:
    return loss.equally_wrong(rgb, target=150.0)


@pytest.fixture(scope="module")
def over_steps(rgb: np.ndarray) -> list[rounding.Slopes]:
    return [rounding.slopes([rgb], place, STEPS) for place in PLACES]


@pytest.fixture(scope="module")
def by_crop(crops: torch.Tensor) -> list[rounding.Slopes]:
    return [rounding.slopes_of_crops(crops, place, 32.0) for place in PLACES]


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
    return curves_of(changed={name: curve(name, better, noise=0.05) for name in (worth.TABLES, OURS)})


def chapter_3(
    rgb: np.ndarray,
    over_steps: list[rounding.Slopes],
    by_crop: list[rounding.Slopes],
    film: training.Film,
    log: list[dict[str, float]],
) -> dict[str, Figure]:
    return {
        "equation 3": rounding.equation_3(0.3),
        "walks": rounding.walk_plot(rounding.walks()),
        "slopes": rounding.slope_plot(over_steps),
        "slopes by crop": rounding.crop_plot(by_crop),
        "moves": rounding.moves_plot(rounding.moves(150, {"paper": 1e-6, "log": 0.03})),
        "film": training.film_frames(training.stills(film, rgb, 2), rgb, Box(20, 30, 96, 96))[0][0],
        "loss": training.loss_curve(log, WEIGHTS),
    }


def chapter_4(rgb: np.ndarray, damaged: list[loss.Damaged]) -> dict[str, Figure]:
    shown = damaged[-1].pixels
    return {
        "equally wrong": loss.damage_row(damaged, Box(20, 30, 100, 100)),
        "complaints": loss.complaint_maps(shown, loss.complaints(rgb, shown)),
        "terms": loss.term_bars(loss.terms(rgb, QUALITIES, WEIGHTS), QUALITIES),
        "rate": loss.rate_plot(loss.rate_check(rgb, QUALITIES)),
    }


def chapter_5(curves: dict[str, Curve], versions: list[comparison.Version]) -> dict[str, Figure]:
    plain, learned = worth.same_coding(curves)
    pair = Pair("learned tables against plain JPEG", plain, learned, "tables")
    return {
        "rate and distortion": rate_distortion.rd_plot(curves, worth.MAIN),
        "every curve": rate_distortion.rd_plot({name: curves[name] for name in names_of("5")}),
        "two countings": rate_distortion.two_countings(curves, FIGURE_5),
        "gains": rate_distortion.gain_plot([pair], worth.MATCHED_RATES, shaded=(0.25, 0.42)),
        "savings": rate_distortion.savings_plot(worth.comparisons(curves)),
        "closeup": comparison.closeup(versions, Box(20, 30, 100, 100)),
    }


#: Figures that are plots of numbers; the others are pictures.
PLOTS = {
    *("equation 3", "walks", "slopes", "slopes by crop", "moves", "loss", "terms", "rate"),
    *("rate and distortion", "every curve", "two countings", "gains", "savings"),
}


def test_every_figure_can_be_read(
    rgb: np.ndarray,
    over_steps: list[rounding.Slopes],
    by_crop: list[rounding.Slopes],
    film: training.Film,
    trained: Trained,
    damaged: list[loss.Damaged],
    curves: dict[str, Curve],
    versions: list[comparison.Version],
) -> None:
    figures = {
        **chapter_3(rgb, over_steps, by_crop, film, trained.log),
        **chapter_4(rgb, damaged),
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


# --- chapter 3: rounding


def test_the_printed_sign_is_the_mirror_image() -> None:
    z = torch.linspace(-2.4, 2.4, 49, dtype=torch.float64)
    residue = z - z.round()
    assert torch.allclose(rounding.printed_derivative(z), -3 * residue**2)
    left, right = rounding.equation_3(0.3).axes
    for name, factor in ((rounding.PRINTED, -3), (rounding.THIRD, 3)):
        x, slope = line_of(right, name)
        assert np.allclose(slope, factor * (x - np.rint(x)) ** 2)
    assert np.array_equal(line_of(right, rounding.STRAIGHT)[1], np.ones(1201))
    # The drawn slopes are the derivatives of the drawn curves, wherever these have no gap.
    for name in (rounding.PRINTED, rounding.THIRD):
        x, value = line_of(left, name)
        slope = line_of(right, name)[1]
        drawn = np.diff(value) / np.diff(x)
        there = np.isfinite(drawn)
        assert there.mean() > 0.98
        assert np.allclose(drawn[there], ((slope[1:] + slope[:-1]) / 2)[there], atol=0.01)


def test_the_slider_says_what_becomes_of_a_gradient() -> None:
    frames, labels, alts, captions = rounding.equation_slider([1.0, 1.4])
    assert labels == ["1", "1.4"] and len(frames) == 2 and all(c in a for a, c in zip(alts, captions, strict=True))
    at_rest = "multiplied by 0 (Eq. 3 as printed); 0 (Eq. 3, sign corrected); +1.00 (straight-through)"
    assert at_rest in captions[0], "on a whole number Eq. 3 hears nothing"
    assert "−0.48 (Eq. 3 as printed); +0.48" in captions[1]


def test_where_each_walk_ends() -> None:
    printed, third, straight = rounding.walks(start=1.3, target=3.0)
    assert [w.name for w in (printed, third, straight)] == [rounding.PRINTED, rounding.THIRD, rounding.STRAIGHT]
    assert all(len(w.z) == 41 and w.z[0] == 1.3 for w in (printed, third, straight))
    assert printed.z[-1] < 1.3 and all(b <= a for a, b in itertools.pairwise(printed.z)), "downhill is up"
    assert 1.3 < third.z[-1] <= 2.0 and third.end == 2, "it comes to rest at the next whole number"
    assert straight.end == 3 and straight.z[-1] == straight.z[-2], "at the target nothing pulls any more"


def test_a_walk_from_above_is_the_mirror_image() -> None:
    printed, third, straight = rounding.walks(start=4.7, target=3.0)
    assert printed.z[-1] > 4.7 and third.z[-1] < 4.7 and straight.end == 3
    assert all(len(set(w.z)) == 1 for w in rounding.walks(start=3.2, target=3.0)), "nothing is left to learn"


@pytest.fixture
def uniform(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coefficients that are spread evenly over −1000 to 1000, in the place of a photo's."""
    F = torch.linspace(-1000, 1000, 200_001, dtype=torch.float64)
    monkeypatch.setattr(rounding, "_luma", lambda rgb, place: F)


def test_slopes_of_evenly_spread_coefficients(uniform: None) -> None:
    """Fine steps leave an error of Q²/12, whose slope is Q/6; the stand-ins report 2 Q E r² and 6 Q E r⁴."""
    Q = 2000 / np.array([101, 151, 251, 401])  # whole stairs, so that as many numbers lie below as above their middles
    found = rounding.slopes([np.empty(0)], (0, 1), Q)
    assert np.allclose(found.measured, Q / 6, rtol=0.02)
    assert np.allclose(found.reported["straight-through"], Q / 6, rtol=1e-3)
    assert found.share("straight-through") == pytest.approx(1, abs=0.01)
    assert found.scatter("straight-through") < 0.02
    assert np.allclose(found.reported["third-order"], 0.075 * Q, rtol=0.05)
    assert found.share("third-order") == pytest.approx(0.45, abs=0.02), "less than half of the truth"


def test_slopes_where_everything_is_rounded_to_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is F², whatever the step: its slope is 0, and only straight-through says otherwise."""
    F = torch.linspace(-3, 3, 1001, dtype=torch.float64)
    monkeypatch.setattr(rounding, "_luma", lambda rgb, place: F)
    found = rounding.slopes([np.empty(0)], (2, 2), np.array([10.0, 20.0]))
    assert np.array_equal(found.measured, [0, 0])
    r2, r4 = (float(((F / 10) ** power).mean()) for power in (2, 4))
    assert found.reported["straight-through"][0] == pytest.approx(2 * 10 * r2)
    assert found.reported["third-order"][0] == pytest.approx(6 * 10 * r4)


def test_reported_slopes_are_those_of_the_equation(rgb: np.ndarray, over_steps: list[rounding.Slopes]) -> None:
    for place, found in zip(PLACES, over_steps, strict=True):
        F = rounding._luma(rgb, place).numpy()
        assert len(F) == 23 * 31 and np.array_equal(found.Q, STEPS) and found.place == place
        for i, Q in enumerate(STEPS):
            z, r = F / Q, F / Q - np.rint(F / Q)
            for name, g in (("straight-through", 1.0), ("third-order", 3 * r**2)):
                expected = (-2 * Q * r * (np.rint(z) - g * z)).mean()
                assert found.reported[name][i] == pytest.approx(expected, rel=1e-6, abs=1e-9)
            wider, finer = (((F - np.rint(F / q) * q) ** 2).mean() for q in (1.1 * Q, 0.9 * Q))
            assert found.measured[i] == pytest.approx((wider - finer) / (0.2 * Q))


def test_share_and_scatter_by_hand() -> None:
    measured = np.array([1.0, 3.0])
    found = rounding.Slopes((0, 0), measured, measured, {"a": np.array([2.0, 2.0]), "b": np.array([-1.0, -3.0])})
    assert found.share("a") == 1 and found.scatter("a") == pytest.approx(1 / 2)
    assert found.share("b") == -1 and found.scatter("b") == pytest.approx(np.sqrt((4 + 36) / 2) / 2)


def test_slopes_by_crop_are_of_each_crop_alone(crops: torch.Tensor, by_crop: list[rounding.Slopes]) -> None:
    for place, found in zip(PLACES, by_crop, strict=True):
        assert np.array_equal(found.Q, np.full(4, 32.0))
        for i, crop in enumerate(crops):
            alone = rounding.slopes([crop.permute(1, 2, 0).numpy()], place, np.array([32.0]))
            assert found.measured[i] == alone.measured[0]
            assert all(found.reported[name][i] == alone.reported[name][0] for name in alone.reported)


def test_slopes_are_drawn_as_found(over_steps: list[rounding.Slopes], by_crop: list[rounding.Slopes]) -> None:
    for ax, found in zip(rounding.slope_plot(over_steps).axes, over_steps, strict=True):
        assert np.array_equal(line_of(ax, "measured"), (found.Q, found.measured))
        assert np.array_equal(line_of(ax, rounding.THIRD), (found.Q, found.reported["third-order"]))
    fig = rounding.crop_plot(by_crop)
    for ax, found in zip(fig.axes, by_crop, strict=True):
        assert np.array_equal(line_of(ax, rounding.STRAIGHT), (found.measured, found.reported["straight-through"]))
        x, y = line_of(ax, "the truth")
        assert np.array_equal(x, y)
        assert (ax.get_yscale() == "symlog") == ("powers of ten" in ax.get_title()), "a scale that bends is named"
    titles = [ax.get_title().partition(", powers")[0] for ax in fig.axes]
    assert titles == ["DC", "row 0, column 1", "row 2, column 2"]


def test_how_far_adam_moves_a_table() -> None:
    found = rounding.moves(200, {"paper": 1e-6, "log": 0.03})
    for path in found.values():
        assert path[0] == pytest.approx(1.5) and len(path) == 201
        assert all(a <= b for a, b in itertools.pairwise(path)) and path[-1] <= 255 * (1 + 1e-5)
    # Adam's first step is its learning rate: 1e-6 / s is a tenth, 0.03 of log Q are 3 %.
    assert found["paper"][1] - found["paper"][0] == pytest.approx(0.1, rel=1e-3)
    assert found["log"][1] / found["log"][0] == pytest.approx(np.exp(0.03), rel=1e-3)
    assert found["log"][-1] == pytest.approx(255, rel=1e-4) and found["paper"][-1] < 100
    assert found["log"][101] / found["log"][100] == pytest.approx(np.exp(0.03), rel=1e-3), "3 % all the way"
    assert rounding.steps_to(found["log"], 50) < rounding.steps_to(found["paper"], 20)


def test_steps_to_counts_from_the_start() -> None:
    assert [rounding.steps_to([1.5, 2.0, 2.5], value) for value in (1.0, 2.0, 2.2)] == [0, 1, 2]
    with pytest.raises(ValueError, match=r"ends at 2.5 and does not reach 3"):
        rounding.steps_to([1.5, 2.0, 2.5], 3)


# --- chapter 3: a training


def test_the_film_sees_the_start_and_the_end(film: training.Film, trained: Trained) -> None:
    assert film.steps == [0, 2, 4, 6] and len(film.tables) == 4
    assert np.allclose(film.tables[0], quality_tables(25).numpy(), rtol=1e-6)
    assert np.array_equal(film.tables[-1], trained.model.tables().detach().double().numpy())
    assert not np.array_equal(film.tables[-1], film.tables[-2]), "frames are copies, not the table that goes on"


@pytest.mark.parametrize(("frames", "count"), [(25, 7), (4, 7), (2, 2), (101, 5), (1, 3)])
def test_stills_show_most_of_the_start(frames: int, count: int) -> None:
    made = training.Film(list(range(0, 10 * frames, 10)), [np.zeros((2, 8, 8))] * frames)
    chosen = made.stills(count)
    assert chosen[0] == 0 and chosen[-1] == frames - 1
    assert chosen == sorted(set(chosen)) and len(chosen) <= count
    gaps = np.diff(chosen)
    if frames > 2 * count:
        assert len(chosen) == count and (np.diff(gaps) >= 0).all() and gaps[-1] > gaps[0]


def test_frames_say_what_they_show(rgb: np.ndarray, film: training.Film, trained: Trained) -> None:
    made = training.stills(film, rgb, count=3)
    frames, labels, alts, captions = training.film_frames(made, rgb, Box(20, 30, 96, 96))
    assert labels[0] == "0" and labels[-1] == "6" and len(frames) == len(labels) == len(alts) == len(set(captions))
    last = film.tables[-1]
    for number in (last[0, 0, 0], last[0, 7, 7], last[1, 0, 0]):
        assert f" {number:.0f}" in alts[-1]
    for ax, table, name in zip(frames[-1].axes[:2], last, ("luma", "chroma"), strict=True):
        assert ax.get_title() == f"step 6: {name}"
        assert [int(t.get_text()) for t in ax.texts] == np.rint(table).astype(int).ravel().tolist()
    box = frames_slider(frames, labels, alts, description="Step")
    assert len(box.children[1].children) == len(labels)


def test_a_still_is_what_an_encoder_with_these_tables_makes(rgb: np.ndarray) -> None:
    (still,) = training.stills(training.Film([0], [quality_tables(40).double().numpy()]), rgb)
    by_pillow = decode(codecs.get("pillow-444-default").encode(rgb, 40))
    assert np.abs(still.pixels.astype(int) - by_pillow).mean() < 0.5
    assert still.mse == pytest.approx(np.square(by_pillow.astype(float) - rgb).mean(), rel=0.02)


def test_learned_tables_stand_beside_those_that_take_as_many_bits() -> None:
    plain, ours = curve("pillow-444"), curve("tables, MSE", saved=0.8)
    by_tens = {photo: tuple({**p, "setting": 10 + 10 * p["setting"]} for p in of) for photo, of in plain.images.items()}
    plain = Curve("pillow-444", by_tens)
    settings = [p["setting"] for p in ours.mean().images["mean"]]
    tables = dict.fromkeys(settings, quality_tables(20).tolist())
    found = learned.by_lambda(tables, ours, plain)
    assert 0 < len(found) < len(settings), "what lies beyond plain JPEG's ends is left out"
    by_quality = {p["setting"]: p["bpp"] for p in plain.mean().images["mean"]}
    for one in found:
        near = sorted(by_quality, key=lambda q: abs(q - one.quality))[:2]
        assert min(by_quality[q] for q in near) * 0.9 <= one.bpp <= max(by_quality[q] for q in near) * 1.1
        assert np.array_equal(one.annex_k, quality_tables(one.quality)) and one.first[0] == quality_tables(20)[0, 0, 0]
    same = learned.Beside(1, 0.3, quality_tables(20).numpy(), 20, quality_tables(20).numpy())
    assert same.coarser(1, 10) == same.coarser(48, 64) == 1
    frames, labels, alts, captions = learned.lambda_slider(found[:2])
    assert len(frames) == 2 == len(set(labels)) == len(set(alts)) == len(set(captions))


def test_the_loss_is_the_sum_of_its_sides(trained: Trained) -> None:
    ax = training.loss_curve(trained.log, WEIGHTS).axes[0]
    steps, total = line_of(ax, "loss")
    assert steps.tolist() == [2, 4, 6] and total.tolist() == [row["loss"] for row in trained.log]
    assert np.allclose(line_of(ax, "λ · distortion")[1] + line_of(ax, "rate term")[1], total, rtol=1e-5)
    assert ax.get_ylim()[0] == 0, "a part looks as large as it is"


# --- chapter 4: the loss


def test_four_damages_are_equally_wrong(rgb: np.ndarray, damaged: list[loss.Damaged]) -> None:
    assert [one.name for one in damaged] == ["lighter", "noise", "blur", "JPEG"]
    save = codecs.get("pillow-444").encode
    for one in damaged:
        error = ((one.pixels.astype(float) - rgb) ** 2).mean()
        assert one.pixels.shape == rgb.shape and one.pixels.dtype == np.uint8
        assert one.mse == pytest.approx(error, rel=1e-4) and error <= 150
        if one.name == "JPEG":  # whose qualities are whole: the next lower one is worse than was asked for
            quality = next(q for q in range(1, 101) if np.array_equal(decode(save(rgb, q)), one.pixels))
            assert ((decode(save(rgb, quality - 1)).astype(float) - rgb) ** 2).mean() > 150
        else:
            assert error > 0.9 * 150
        x, y = (torch.from_numpy(p.copy()).permute(2, 0, 1)[None].float() for p in (rgb, one.pixels))
        assert (one.lpips, one.ms_ssim) == (pytest.approx(float(lpips(x, y))), pytest.approx(float(ms_ssim(x, y))))


def test_the_others_do_not_call_them_equal(damaged: list[loss.Damaged]) -> None:
    lighter, *others = damaged
    assert lighter.lpips < 0.2 * min(o.lpips for o in others) and lighter.ms_ssim > max(o.ms_ssim for o in others)
    fig = loss.damage_row(damaged, Box(0, 0, 80, 80))
    for ax, one in zip(fig.axes, damaged, strict=True):
        assert np.array_equal(ax.get_images()[0].get_array(), one.pixels[:80, :80])
        assert ax.get_xlabel() == f"MSE {one.mse:.0f}\nLPIPS {one.lpips:.3f}\nMS-SSIM {one.ms_ssim:.3f}"


def test_noise_repeats_by_its_seed(rgb: np.ndarray) -> None:
    first, again, other = (loss.equally_wrong(rgb[:164, :164], 60.0, seed)[1].pixels for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_complaints_are_gradients(rgb: np.ndarray, damaged: list[loss.Damaged]) -> None:
    shown = damaged[-1].pixels
    found = loss.complaints(rgb, shown)
    assert list(found) == ["MSE", "LPIPS", "MS-SSIM"]
    for strength in found.values():
        assert strength.shape == rgb.shape[:2] and strength.min() >= 0
        assert strength.mean() == pytest.approx(1, rel=1e-4)
    off = np.abs(rgb.astype(float) - shown).sum(-1)
    assert np.allclose(found["MSE"], off / off.mean(), atol=1e-3), "MSE asks where the error is, in proportion"
    assert np.corrcoef(found["MSE"].ravel(), found["MS-SSIM"].ravel())[0, 1] < 0.9, "the others do not"


def test_terms_add_up_to_the_distortion(rgb: np.ndarray) -> None:
    for weights in (WEIGHTS, LossWeights(lam=1, gamma=200.0, sigma=3000.0)):
        found = loss.terms(rgb, QUALITIES, weights)
        assert list(found) == ["MSE", "γ · LPIPS", "σ · (1 − MS-SSIM)"]
        x = to_tensor(rgb)[..., : rgb.shape[0], : rgb.shape[1]]
        for i, quality in enumerate(QUALITIES):
            y = decode(codecs.get("pillow-444").encode(rgb, quality))
            d = Distortion(weights)(x, to_tensor(y)[..., : rgb.shape[0], : rgb.shape[1]])["d"]
            assert sum(values[i] for values in found.values()) == pytest.approx(float(d), rel=1e-4)
            assert found["MSE"][i] == pytest.approx(((y.astype(float) - rgb) ** 2).mean(), rel=1e-4)
        assert all((np.diff(values) < 0).all() for values in found.values()), "each falls with quality"


def test_bars_stack_to_the_sum_and_to_a_hundred(rgb: np.ndarray) -> None:
    found = loss.terms(rgb, QUALITIES, WEIGHTS)
    total = sum(found.values())
    for ax, top in zip(loss.term_bars(found, QUALITIES).axes, (total, np.full(len(QUALITIES), 100.0)), strict=True):
        bars = [container.patches for container in ax.containers]
        assert len(bars) == 3
        assert np.allclose([b.get_y() + b.get_height() for b in bars[-1]], top)
        assert np.allclose(sum(np.array([b.get_height() for b in row]) for row in bars), top)
        assert len({b[0].get_hatch() for b in bars}) == 3, "they tell apart without colour"
        assert [t.get_text() for t in ax.get_xticklabels()] == [str(q) for q in QUALITIES]


def test_the_rate_term_rises_with_real_bits(rgb: np.ndarray) -> None:
    found = loss.rate_check(rgb, QUALITIES)
    assert (np.diff(found.r) > 0).all() and all((np.diff(bpp) > 0).all() for bpp in found.bpp.values())
    for i, quality in enumerate(QUALITIES):
        data = codecs.get("pillow-444").encode(rgb, quality)
        assert found.bpp["the file"][i] == 8 * len(data) / (181 * 243)
        assert found.bpp["the paper's counting"][i] == measure(rgb, data)["bpp_paper"]
        assert found.r[i] == pytest.approx(10 * (1 / quality_tables(quality).double()).sum().item(), rel=1e-5)
    ax = loss.rate_plot(found).axes[0]
    assert np.array_equal(line_of(ax, "the file"), (found.r, found.bpp["the file"]))
    r, proportional = line_of(ax, "proportional")
    assert np.ptp(proportional / r) < 1e-9 and (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert [t.get_text() for t in ax.texts] == [str(q) for q in QUALITIES]


def test_a_refusal_is_its_line() -> None:
    small = torch.zeros(1, 3, 160, 240)
    assert loss.refusal(ms_ssim, small, small).startswith("the picture is 240×160 px; MS-SSIM")
    with pytest.raises(ValueError, match="nothing was refused"):
        loss.refusal(ms_ssim, torch.zeros(1, 3, 161, 161), torch.zeros(1, 3, 161, 161))

    def broken() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):  # what is no refusal is not told as one
        loss.refusal(broken)


# --- chapter 5: curves


#: The lines of each plot of curves.
LINES = {
    "main": worth.MAIN,
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
@pytest.mark.parametrize("profile", ["smoke", "cpu", "paper"])
def test_every_stored_curve_has_a_look(profile: str, figure: str) -> None:
    for e in experiments_of(figure, profile):
        name = e.series if isinstance(e, Experiment) else e.codec
        method = e.model.method if isinstance(e, Experiment) else e.codec
        assert rate_distortion.look_of(name).color == style.LOOKS[method].color, "the colour is the method's"


def test_looks_say_what_is_special() -> None:
    terms = "MSE + LPIPS + MS-SSIM, straight-through"
    labels = {
        worth.TABLES: "learned tables",
        OURS: "VGG-16 attention",
        BASELINE: "VGG-16 attention, loss without MS-SSIM",
        worth.TABLES_THIRD: "learned tables, the paper's rounding",
        BASELINE_THIRD: "VGG-16 attention, loss without MS-SSIM, the paper's rounding",
        FIGURE_7[1]: "VGG-16 attention, half the weights",
        FIGURE_7[3]: "VGG-16 attention, loss without LPIPS",
        f"vgg16, trunk trained, {terms}": "VGG-16 attention, trunk trained",
        f"vgg16, random trunk, {terms}": "VGG-16 attention, random trunk",
        f"vgg16, trunk trained, random trunk, {terms}": "VGG-16 attention, trunk trained, random trunk",
        recurrent.STRETCHED: f"{style.LOOKS['lstm'].label}, map stretched",
    }
    for name, label in labels.items():
        assert rate_distortion.look_of(name).label == label
        assert (rate_distortion.look_of(name).linestyle == "-") == (label in ("learned tables", "VGG-16 attention"))


def test_curves_are_means_over_photos(curves: dict[str, Curve]) -> None:
    fig = rate_distortion.rd_plot(curves, FIGURE_5, rates=(0.2, 0.6), shaded=(0.25, 0.42))
    for ax, metric in zip(fig.axes, claims.METRICS, strict=True):
        assert ax.get_title() == f"{claims.SHORT[metric]} {'↑' if metric == 'ms_ssim' else '↓'}"
        assert ax.get_xlim() == (0.2, 0.6)
        shown: list[float] = []
        for name, line in zip(FIGURE_5, ax.get_lines(), strict=True):
            points = curves[name].images.values()
            x, y = (np.mean([[p[key] for p in photo] for photo in points], axis=0) for key in ("bpp", metric))
            assert np.allclose(line.get_data(), (x, y)), name
            assert line.get_label() == rate_distortion.look_of(name).label
            shown += y[(x >= 0.2) & (x <= 0.6)].tolist()
        low, high = ax.get_ylim()
        assert low < min(shown) and max(shown) < high and high - low < 1.2 * (max(shown) - min(shown))
    hollow = [same_color(line.get_markerfacecolor(), "white") for line in fig.axes[0].get_lines()]
    assert hollow == [False, True, False], "the baseline's loss"
    (band,) = fig.axes[0].patches
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((0.25, 0.42))
    legend = [text.get_text() for text in fig.legends[0].get_texts()]
    assert legend == [rate_distortion.look_of(name).label for name in FIGURE_5]


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
    pair = Pair("tables against JPEG", curves["pillow-444"], curves[worth.TABLES], "tables")
    fig = rate_distortion.gain_plot([pair], worth.MATCHED_RATES)
    for ax, metric in zip(fig.axes, claims.METRICS, strict=True):
        assert ax.get_title() == f"{claims.SHORT[metric]} {'gained' if metric == 'ms_ssim' else 'saved'}"
        x, y = line_of(ax, "tables against JPEG")
        assert x.tolist() == list(worth.MATCHED_RATES)
        sign = 1 if metric == "ms_ssim" else -1
        found = [compare_at_rate(pair.anchor, pair.test, rate, metric) for rate in x]
        assert y.tolist() == [sign * d.difference for d in found] and min(y) > 0, "better is up in every plot"
        (band,) = ax.collections
        corners = band.get_paths()[0].vertices
        ends = [end for d in found for end in (sign * d.low, sign * d.high)]
        assert (corners[:, 1].min(), corners[:, 1].max()) == pytest.approx((min(ends), max(ends)))


def test_gains_that_cannot_be_compared_are_not_drawn(curves: dict[str, Curve]) -> None:
    short = Pair("short", curves["pillow-444"], curve("short", rates=(0.1, 0.41)), "tables")
    never = Pair("never", curves["pillow-444"], curve("never", rates=(2.0, 3.0)), "vgg16")
    ax = rate_distortion.gain_plot([short, never], worth.MATCHED_RATES).axes[0]
    assert line_of(ax, "short")[0].tolist() == [0.25, 0.30, 0.35, 0.40]
    assert line_of(ax, "never")[0].size == 0


def test_savings_stand_in_their_rows() -> None:
    values = [(-5.0, -9.0, -4.0), (2.0, -1.0, 8.0), (0.5, 0.25, 0.625)]
    turns = {"first": values, "second\nagainst third": values[1:] + values[:1]}
    compared = {
        label: {m: BDRate(m, *figures, {}, {}, None) for m, figures in zip(claims.METRICS, turn, strict=True)}
        for label, turn in turns.items()
    }
    ax = rate_distortion.savings_plot(compared).axes[0]
    assert [t.get_text() for t in ax.get_yticklabels()] == list(compared)
    assert ax.get_ylim()[0] > ax.get_ylim()[1], "the first row is on top"
    assert len(ax.containers) == 3
    for metric, container in zip(claims.METRICS, ax.containers, strict=True):
        markers, _, (bars,) = container.lines  # type: ignore[attr-defined]
        assert markers.get_xdata().tolist() == [row[metric].mean for row in compared.values()]
        assert np.rint(markers.get_ydata()).tolist() == list(range(len(compared)))
        for (left, right), row in zip(bars.get_segments(), compared.values(), strict=True):
            assert (left[0], right[0]) == pytest.approx((row[metric].low, row[metric].high))
    shapes = {container.lines[0].get_marker() for container in ax.containers}  # type: ignore[attr-defined]
    assert len(shapes) == 3, "they tell apart without colour"


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


def test_gains_in_numbers() -> None:
    found = claims.gains(curve("a"), curve("b", {"mse": 0.9}, reach=dict.fromkeys(range(5), 0.4)), [0.3, 0.5])
    head, rows = tables.gain_rows([g for g in found if (g.metric, g.bpp) != ("lpips", 0.5)])
    assert head == ["bits per pixel", "photos", "MSE gain", "LPIPS gain", "MS-SSIM gain"]
    mse = next(g for g in found if (g.metric, g.bpp) == ("mse", 0.3))
    assert rows[0] == ["0.30", 24, f"+{mse.mean:.1f} (+{mse.low:.1f} to +{mse.high:.1f})", *rows[0][3:]]
    assert rows[0][3].replace("-", "+") == "+0.000 (+0.000 to +0.000)"
    assert rows[1][:2] == ["0.50", 19] and rows[1][3] == "–", "what was not compared is not made up"


def test_savings_in_numbers(curves: dict[str, Curve]) -> None:
    compared = worth.comparisons(curves)
    head, rows = tables.saving_rows(compared)
    assert head == ["bits, %", "at equal MSE", "at equal LPIPS", "at equal MS-SSIM"]
    assert [row[0] for row in rows] == [label.replace("\n", " ") for label in compared]
    first = next(iter(compared.values()))["lpips"]
    assert rows[0][2] == f"{first.mean:+.1f} ({first.low:+.1f} to {first.high:+.1f})"


def test_savings_seed_by_seed() -> None:
    seeds = [curve("test", saved=share) for share in (0.8, 0.9)]
    head, rows = tables.seed_rows({"test against anchor": claims.savings(curve("anchor"), seeds)})
    assert head == ["bits, %", "each seed", "all", "95 % interval, photos and seeds"]
    assert [row[0] for row in rows] == [
        f"test against anchor, at equal {short}" for short in ("MSE", "LPIPS", "MS-SSIM")
    ]
    assert all(row[1:] == ["-20.0, -10.0", "-15.0", "-20.0 to -10.0"] for row in rows)


def a_claim(verdict: str, page: str = "", number: int = 1) -> Claim:
    return Claim(number, "6.4, Fig. 5", f"it is {verdict}", "5", page, verdict=verdict, evidence=f"because {verdict}")


def test_claims_as_a_table() -> None:
    told = [a_claim(claims.REPRODUCED, "../notebooks/05.html#here"), a_claim(claims.NOT_TESTABLE)]
    head, rows = tables.claim_rows(told, html.badge, html.link)
    assert head == ["the paper says (section, figure)", "verdict", "evidence"] and len(rows) == len(told)
    shown = html.table(head, rows).text
    for claim, row in zip(told, rows, strict=True):
        assert row[1:] == [html.badge(claim.verdict), f"{claim.evidence}. Again: `{claim.command}`"]
        said = f"{claim.words} ({claim.where})"
        assert row[0] == (html.link(said, claim.page) if claim.page else said)
        assert html.badge(claim.verdict).text in shown and claim.command in shown


def test_the_small_table_is_of_the_main_claims_alone() -> None:
    main = [a_claim(claims.NOT, f"../notebooks/{number}.html", number) for number in claims.MAIN]
    other = a_claim(claims.REPRODUCED, number=max(claims.MAIN) + 1)
    head, rows = tables.main_rows([other, *main], html.badge, html.link)
    assert head == ["the paper says", "here"]
    assert rows == [[html.link(c.words, c.page), html.badge(c.verdict)] for c in main]
    assert set(claims.MAIN) <= {c.number for c in claims.CLAIMS if c.judge and c.page}, "judged, and told on a page"


def test_verdicts_are_counted_with_those_that_are_not_there() -> None:
    told = [a_claim(v) for v in (claims.PARTLY, claims.NOT, claims.PARTLY)]
    assert tables.verdict_counts(told) == {
        claims.REPRODUCED: 0,
        claims.PARTLY: 2,
        claims.NOT: 1,
        claims.NOT_YET: 0,
        claims.NOT_TESTABLE: 0,
    }
    assert tables.waiting_words(told) == ""
    waiting = [*told, a_claim(claims.NOT_YET)]
    assert tables.waiting_words(waiting) == ", and 1 waits for runs that are not stored"


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


def test_words_under_a_picture_are_its_numbers(rgb: np.ndarray, versions: list[comparison.Version]) -> None:
    assert versions[0].words == "131,949 bytes\nas it is"
    last = versions[-1]
    values = last.values or {}
    expected = f"{len(last.data):,} bytes · MSE {values['mse']:.0f}\nLPIPS {values['lpips']:.3f}"
    assert last.words == f"{expected} · MS-SSIM {values['ms_ssim']:.3f}"
    small = replace(last, values={**values, "ms_ssim": None})
    assert "MS-SSIM" not in small.words


def test_a_closeup_shows_one_part_of_all(versions: list[comparison.Version]) -> None:
    box = Box(20, 30, 90, 100)
    axes = comparison.closeup(versions, box).axes
    assert len(axes) == 6
    for ax, version in zip(axes, versions, strict=False):
        assert np.array_equal(ax.get_images()[0].get_array(), version.pixels[20:110, 30:130])
        assert (ax.get_title(), ax.get_xlabel()) == (version.label, version.words)
    assert not axes[5].axison, "the place that is left over stays empty"


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


def test_shipped_methods_have_looks(shipped: Path) -> None:
    assert comparison.shipped_methods() == ["tables", "vgg16"]
    assert set(comparison.shipped_methods()) <= style.LOOKS.keys()


def test_an_unknown_set_is_refused(rgb: np.ndarray, shipped: Path) -> None:
    with pytest.raises(UsageError, match="unknown model 'vgg19'; choose from tables, vgg16"):
        comparison.versions(rgb, 0.6, ours=("vgg19",))


def test_crops_lie_within_their_photos() -> None:
    sizes = {photo.name: photo.rgb().shape[:2] for photo in photos("sample")}
    sizes |= {"kodim04.png": (768, 512), "kodim15.png": (512, 768), "kodim23.png": (512, 768)}
    for name, box in comparison.CROPS.items():
        height, width = sizes[name]
        assert min(box) >= 0 and box.top + box.height <= height and box.left + box.width <= width, name
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
