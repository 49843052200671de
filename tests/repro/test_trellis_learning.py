"""Tables are learned by descending the true gradient of their cost."""

from __future__ import annotations

import numpy as np
import pytest
from test_trellis import even

from repro.data import photos
from repro.jpeg.tables import quality_tables
from repro.trellis import planes
from repro.trellis import tables as learning

LAM = 60.0


@pytest.fixture(scope="module")
def examples() -> list[learning.Example]:
    """Two parts of shipped photographs, 192 px square."""
    photo = photos("sample").items[0].rgb()
    return learning.examples_of(np.stack([photo[100:292, 160:352], photo[300:492, 40:232]]), even)


def test_a_guess_for_heavier_errors_is_finer() -> None:
    flat = planes.forward_dct(np.zeros((16, 16, 3), np.uint8))
    light, heavy = even(flat), [w._replace(of_band=4 * w.of_band) for w in even(flat)]
    mixed = [light[0], light[1], heavy[2]]
    guess = learning.first_guess([learning.Example(flat, mixed)], LAM)
    assert guess.shape == (3, 8, 8)
    np.testing.assert_allclose(guess[0], 2 * guess[2])
    np.testing.assert_allclose(guess[0], guess[1])


def test_the_gradient_of_a_table_is_that_of_what_it_costs(examples: list[learning.Example]) -> None:
    """Compared with the slope of a line through the costs of several tables, all AC steps of one table changing
    together: codes have whole bits, so the cost jumps from table to table."""
    start = 0.9 * learning.first_guess(examples, LAM)

    def gradient(tables: np.ndarray) -> np.ndarray:
        return np.sum([learning._gradient(example, tables, LAM, 2, 1) for example in examples], axis=0)

    def cost(tables: np.ndarray) -> float:
        total = 0.0
        for example in examples:
            z = planes.trellis_quantize(example.dct, example.weights, tables, LAM)
            total += LAM * planes.bits(example.dct, z)
            for i, (plane, numbers) in enumerate(zip(example.dct.planes, z, strict=True)):
                total += float(np.square(plane.F - numbers * planes.steps(tables, i)).sum())
        return total

    for table, close in ((0, 0.1), (1, 0.3), (2, 0.3)):  # small chroma planes have few codes, and larger jumps
        direction = np.zeros((3, 8, 8))
        direction[table] = 1
        direction[:, 0, 0] = 0
        ways = np.linspace(-0.15, 0.15, 9)
        tables = [start * np.exp(way * direction) for way in ways]
        slope = np.polyfit(ways, [cost(at) for at in tables], 1)[0]
        assert np.mean([(gradient(at) * direction).sum() for at in tables]) == pytest.approx(slope, rel=close)


def test_learning_goes_downhill(examples: list[learning.Example]) -> None:
    luma, chroma = quality_tables(70).astype(float)
    start = np.stack([luma, chroma, chroma])
    learned = learning.learn(examples, LAM, start=start, steps=15, batch=2, rate=0.1)
    assert learned.shape == (3, 8, 8) and learned.min() >= 1 and learned.max() <= 255
    assert learning.objective(examples, learned, LAM) < 0.97 * learning.objective(examples, start, LAM)


def test_learning_is_the_same_again(examples: list[learning.Example]) -> None:
    first, second = (learning.learn(examples, 40.0, steps=3, batch=1, seed=4) for _ in range(2))
    np.testing.assert_array_equal(first, second)
