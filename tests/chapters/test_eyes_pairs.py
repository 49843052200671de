"""The blind test's pairs: which photos and peers take part, and that no metric's direction is reversed."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from chapters import eyes
from repro.data import photos


def jpeg(rgb: np.ndarray, quality: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def test_photos_take_part_at_every_rate_and_peers_in_turn() -> None:
    made = eyes.pairs(
        photos("sample"), lambda rgb, *_: (jpeg(rgb, 80), jpeg(rgb, 10)), ("jpegli-420", "mozjpeg"), (0.5, 1.0), 20
    )
    assert len(made) == 8 and len({pair.name for pair in made}) == 8
    assert [(pair.peer, pair.rate) for pair in made[:4]] == [
        ("jpegli 4:2:0", "0.5 bpp"),
        ("mozjpeg", "1 bpp"),
        ("mozjpeg", "0.5 bpp"),
        ("jpegli 4:2:0", "1 bpp"),
    ]
    assert made[0].original.shape == (336, 336, 3) and made[2].original.shape == (300, 336, 3)
    for pair in made:
        assert pair.measures.keys() == eyes.better().keys()
        for metric, (ours, theirs) in pair.measures.items():
            assert (ours < theirs) == (eyes.better()[metric] == "lower"), f"{metric}: the finer file is nearer"


@pytest.mark.parametrize(
    ("count", "indices"), [(1, [0]), (2, [0, 2]), (3, [0, 1, 2]), (4, [0, 1, 2, 3]), (9, [0, 1, 2, 3])]
)
def test_few_photos_are_spread_over_the_set(count: int, indices: list[int]) -> None:
    every = photos("sample")
    assert eyes.spread(every, count) == [every.items[i] for i in indices]


def test_the_middle_of_a_photo_is_shown() -> None:
    china = photos("sample").items[2]
    rgb = china.rgb()
    top, left = (rgb.shape[0] - 336) // 2, (rgb.shape[1] - 336) // 2
    assert np.array_equal(eyes.middle(china), rgb[top : top + 336, left : left + 336])
