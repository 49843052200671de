"""Sensitivities are second derivatives; tables learn downhill, along the gradient of what they cost in truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from repro.data import photos
from repro.errors import ReproError
from repro.jpeg.tables import quality_tables
from repro.rdo import planes, sensitivity
from repro.rdo.planes import Analysed, Weights
from repro.training import tables as learning
from repro.training.sensitivity import measure


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    """Two parts of shipped photographs, of 192 px: MS-SSIM needs 161."""
    photo = photos("sample").items[0].rgb()
    return np.stack([photo[100:292, 160:352], photo[300:492, 40:232]])


@pytest.fixture(scope="module")
def measured(crops: np.ndarray) -> sensitivity.Sensitivity:
    """Of paler crops, which no error takes to black or white."""
    pale = (70 + 0.45 * crops).astype(np.uint8)
    return measure(pale, quality_tables(70).numpy(), 20.0, probes=2)


def plain(analysed: Analysed) -> list[Weights]:
    return [Weights(np.ones((1, 64), np.float32), np.zeros(len(p.F), np.int64)) for p in analysed.planes]


def test_mean_squared_error_is_worth_what_colours_say(measured: sensitivity.Sensitivity) -> None:
    """An error of 1 in Y is one of 1 in R, G and B; Cb and Cr enter by the squares of their factors."""
    of_y, of_cb, of_cr = 2.0, 2 * (0.344136**2 + 1.772**2) / 3, 2 * (1.402**2 + 0.714136**2) / 3
    full = measured.of["mse"][1]
    seen = np.abs(full).max(axis=(1, 2)) > 0
    assert seen.all()
    for plane, expected in enumerate((of_y, of_cb, of_cr)):
        values = full[plane][full[plane] != 0]
        assert np.median(values) == pytest.approx(expected, rel=0.02)


def test_half_as_many_samples_of_chroma_are_worth_nearly_four_times_as_much(
    measured: sensitivity.Sensitivity,
) -> None:
    """A block's mean becomes 14 whole samples on each axis, two of 3/4 and two of 1/4 beyond its edges."""
    full, half = measured.of["mse"][1], measured.of["mse"][0]
    expected = 4 * ((14 + 2 * 0.75**2 + 2 * 0.25**2) / 16) ** 2
    for plane in (1, 2):
        low = [np.median(values[plane][:, 0][values[plane][:, 0] != 0]) for values in (full, half)]
        assert low[1] / low[0] == pytest.approx(expected, rel=0.06)
        assert half[plane][:, 63].mean() < 0.3 * half[plane][:, 1].mean(), "the triangle filter takes fine detail away"


def test_busy_places_forgive_more(measured: sensitivity.Sensitivity) -> None:
    of = measured.of["ms_ssim"][0, 0]
    classes = np.flatnonzero(of[:, 1:6].any(1))
    assert of[classes[0], 1:6].mean() > 2 * of[classes[-1], 1:6].mean()


def test_weights_mix_the_terms(measured: sensitivity.Sensitivity, crops: np.ndarray) -> None:
    analysed = learning.examples_of(crops[:1], plain)[0].analysed
    alone = measured.weights(analysed, {"mse": 1.0})
    both = measured.weights(analysed, {"mse": 1.0, "ms_ssim": 1000.0})
    for a, b, plane in zip(alone, both, analysed.planes, strict=True):
        assert a.by_frequency.shape == (sensitivity.CLASSES, 64) and len(a.row) == len(plane.F)
        assert (b.by_frequency >= a.by_frequency).all() and (b.by_frequency > a.by_frequency).any()
    (grey,) = measured.weights(planes.Analysed(analysed.planes[:1], 192, 192, "grey"), {"mse": 1.0})
    np.testing.assert_array_equal(grey.by_frequency, alone[0].by_frequency)


def test_sensitivities_are_stored_and_read(measured: sensitivity.Sensitivity, tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    sensitivity.save(path, measured, {"seed": 0})
    again = sensitivity.load(path)
    for name in sensitivity.TERMS:
        np.testing.assert_array_equal(again.of[name], measured.of[name])
    path.write_bytes(path.read_bytes()[:-100])
    for broken in (path, tmp_path / "none.safetensors"):
        with pytest.raises(ReproError, match=str(broken)):
            sensitivity.load(broken)


def test_the_gradient_of_a_table_is_that_of_what_it_costs(crops: np.ndarray) -> None:
    """Against the difference over a step in all of luma's AC, and in all of chroma's."""
    examples, lam = learning.examples_of(crops, plain), 60.0
    at = 0.9 * learning.first_guess(examples, lam)
    of = sum(learning._gradient(example, at, lam, 1) for example in examples)

    def cost(tables: np.ndarray) -> float:
        total = 0.0
        for example in examples:
            z = planes.optimise(example.analysed, example.weights, tables, lam)
            total += lam * planes.bits(example.analysed, z)
            for i, (plane, numbers) in enumerate(zip(example.analysed.planes, z, strict=True)):
                back = numbers * planes.steps(tables, i)
                total += float(np.square(plane.F - back).sum())
        return total

    for table in (0, 1):
        direction = np.zeros((2, 8, 8))
        direction[table] = 1
        direction[:, 0, 0] = 0
        step = 0.01
        difference = (cost(at * np.exp(step * direction)) - cost(at * np.exp(-step * direction))) / (2 * step)
        assert (of * direction).sum() == pytest.approx(difference, rel=0.15)


def test_learning_goes_downhill(crops: np.ndarray) -> None:
    examples, lam = learning.examples_of(crops, plain), 60.0
    start = np.clip(quality_tables(70).numpy().astype(float), 1, 255)
    learned = learning.learn(examples, lam, start=start, steps=15, batch=2, rate=0.1)
    assert learned.shape == (2, 8, 8) and learned.min() >= 1 and learned.max() <= 255
    assert learning.objective(examples, learned, lam) < 0.97 * learning.objective(examples, start, lam)


def test_learning_is_the_same_again(crops: np.ndarray) -> None:
    examples = learning.examples_of(crops, plain)
    first, second = (learning.learn(examples, 40.0, steps=3, batch=1, seed=4) for _ in range(2))
    np.testing.assert_array_equal(first, second)
