"""Sensitivities share out the distortion; tables learn downhill, along the gradient of what they cost in truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from repro import metrics
from repro.data import photos
from repro.errors import ReproError
from repro.jpeg.tables import quality_tables
from repro.stages import decode, to_tensor
from repro.training.sensitivity import Coarseness, _errors, measure
from repro.trellis import planes, sensitivity
from repro.trellis import tables as learning
from repro.trellis.planes import DctPlanes, Weights


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    """Two parts of shipped photographs, of 192 px: MS-SSIM needs 161."""
    photo = photos("sample").items[0].rgb()
    return np.stack([photo[100:292, 160:352], photo[300:492, 40:232]])


RATE = Coarseness(50, 60.0)


@pytest.fixture(scope="module")
def measured(crops: np.ndarray) -> sensitivity.Sensitivity:
    return measure(crops, (RATE,))


def plain(dct: DctPlanes) -> list[Weights]:
    return [Weights(np.ones((1, 64), np.float32), np.zeros(len(p.F), np.int64)) for p in dct.planes]


def test_mean_squared_error_is_worth_what_colours_say(measured: sensitivity.Sensitivity) -> None:
    """An error of 1 in Y is one of 1 in R, G and B; Cb and Cr enter by the squares of their factors. Errors of the
    three that come together, in the same place, make it somewhat more or less."""
    of_y, of_cb, of_cr = 1.0, (0.344136**2 + 1.772**2) / 3, (1.402**2 + 0.714136**2) / 3
    for plane, expected in enumerate((of_y, of_cb, of_cr)):
        assert np.median(measured.of["mse"][1, plane]) == pytest.approx(expected, rel=0.25)
    assert measured.of["mse"][0, 1, :, 0].mean() > 2.5 * of_cb, "in 4:2:0 a sample of chroma is seen in four pixels"


@pytest.mark.parametrize("term", ["lpips", "ms_ssim"])
def test_shares_add_up_to_the_distortion(crops: np.ndarray, term: str) -> None:
    """Weights times squared errors are what the decoder's picture has of a term beyond a picture without errors."""
    found = measure(crops[:1], (RATE,))
    x = to_tensor(crops[0]).float()
    dct = planes.forward_dct(crops[0], "4:4:4")
    errors = _errors(dct, quality_tables(RATE.quality), RATE.lam)
    weighed = sum(
        (found.of[term][1, i][row] * np.square(e)).sum()
        for i, (e, row) in enumerate(zip(errors, sensitivity.classes(dct), strict=True))
    )
    parts = [torch.from_numpy(plane.F + e) for plane, e in zip(dct.planes, errors, strict=True)]
    metric = {"lpips": metrics.lpips, "ms_ssim": lambda a, b: 1 - metrics.ms_ssim(a, b)}[term]
    assert weighed / x[0, 0].numel() == pytest.approx(metric(x, decode(dct, parts)).item(), rel=0.1)


def test_busy_places_forgive_more(measured: sensitivity.Sensitivity) -> None:
    of = measured.of["ms_ssim"][0, 0]
    classes = np.flatnonzero(of[:, 1:6].any(1))
    assert of[classes[0], 1:6].mean() > 2 * of[classes[-1], 1:6].mean()


def test_weights_mix_the_terms(measured: sensitivity.Sensitivity, crops: np.ndarray) -> None:
    dct = learning.examples_of(crops[:1], plain)[0].dct
    alone = measured.weights(dct, {"mse": 1.0})
    both = measured.weights(dct, {"mse": 1.0, "ms_ssim": 1000.0})
    for a, b, plane in zip(alone, both, dct.planes, strict=True):
        assert a.by_frequency.shape == (sensitivity.CLASSES, 64) and len(a.row) == len(plane.F)
        assert (b.by_frequency >= a.by_frequency).all() and (b.by_frequency > a.by_frequency).any()
    (grey,) = measured.weights(planes.DctPlanes(dct.planes[:1], 192, 192, "grey"), {"mse": 1.0})
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
    """Against the slope of a line through what several tables cost, in all of luma's AC, and in all of chroma's: whole
    bits of codes make the cost jump from table to table."""
    examples, lam = learning.examples_of(crops, plain), 60.0
    start = 0.9 * learning.first_guess(examples, lam)

    def gradient(tables: np.ndarray) -> np.ndarray:
        return np.sum([learning._gradient(example, tables, lam, 2, 1) for example in examples], axis=0)

    def cost(tables: np.ndarray) -> float:
        total = 0.0
        for example in examples:
            z = planes.trellis_quantize(example.dct, example.weights, tables, lam)
            total += lam * planes.bits(example.dct, z)
            for i, (plane, numbers) in enumerate(zip(example.dct.planes, z, strict=True)):
                back = numbers * planes.steps(tables, i)
                total += float(np.square(plane.F - back).sum())
        return total

    for table, close in ((0, 0.1), (1, 0.3)):  # chroma of small crops has few codes, and so larger jumps
        direction = np.zeros((2, 8, 8))
        direction[table] = 1
        direction[:, 0, 0] = 0
        ways = np.linspace(-0.15, 0.15, 9)
        tables = [start * np.exp(way * direction) for way in ways]
        slope = np.polyfit(ways, [cost(at) for at in tables], 1)[0]
        assert np.mean([(gradient(at) * direction).sum() for at in tables]) == pytest.approx(slope, rel=close)


def test_learning_goes_downhill(crops: np.ndarray) -> None:
    examples, lam = learning.examples_of(crops, plain), 60.0
    start = np.clip(quality_tables(70).astype(float), 1, 255)
    learned = learning.learn(examples, lam, start=start, steps=15, batch=2, rate=0.1)
    assert learned.shape == (2, 8, 8) and learned.min() >= 1 and learned.max() <= 255
    assert learning.objective(examples, learned, lam) < 0.97 * learning.objective(examples, start, lam)


def test_learning_is_the_same_again(crops: np.ndarray) -> None:
    examples = learning.examples_of(crops, plain)
    first, second = (learning.learn(examples, 40.0, steps=3, batch=1, seed=4) for _ in range(2))
    np.testing.assert_array_equal(first, second)
