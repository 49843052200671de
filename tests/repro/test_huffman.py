"""The bit counts of repro.jpeg.huffman, against what libjpeg writes."""

from __future__ import annotations

import numpy as np
import pytest

from repro import codecs
from repro.data import photos
from repro.jpeg.codestream import read
from repro.jpeg.huffman import annex_k, code_lengths, count_bits


def scan_bytes(data: bytes) -> int:
    """Length of the entropy-coded data of a file with one scan, without stuffed zeros."""
    start = data.index(b"\xff\xda")
    start += 2 + int.from_bytes(data[start + 2 : start + 4], "big")
    return len(data[start:-2].replace(b"\xff\x00", b"\xff"))


@pytest.mark.parametrize("codec", ["pillow-444-default", "pillow-444"])
@pytest.mark.parametrize("quality", [3, 30, 90])
def test_the_sum_is_the_files_length(codec, quality):
    rgb = photos("sample").items[3].rgb()[:160, :240]
    data = codecs.get(codec).encode(rgb, quality)
    lengths = code_lengths(data)
    total = sum(count_bits(plane, min(i, 1), lengths).sum() for i, plane in enumerate(read(data).planes))
    assert -(-total // 8) == scan_bytes(data)


def test_a_block_by_hand():
    plane = np.zeros((1, 1, 8, 8), dtype=np.int16)
    plane[0, 0, 0, 0], plane[0, 0, 0, 1], plane[0, 0, 7, 7] = 5, -1, 1
    bits = count_bits(plane, 0)[0, 0]
    # T.81, Tables K.3 and K.5: category 3 has a 3-bit code; 0/1 a 2-bit, ZRL an 11-bit, run 13 category 1 an 11-bit one
    assert bits[0] == 3 + 3
    assert bits[1] == 2 + 1
    assert bits[63] == 3 * 11 + 11 + 1
    assert bits.sum() == bits[[0, 1, 63]].sum(), "nothing follows the last coefficient, so no end of block"


def test_codes_fill_their_trees():
    for table in annex_k().values():
        assert sum(2.0**-length for length in table.values()) < 1, "prefix codes (Kraft), the all-ones code left free"


@pytest.mark.parametrize("lacks", [0x00, 0xF0, 0xE1])
def test_what_has_no_code_is_not_counted(lacks):
    plane = np.zeros((1, 2, 8, 8), dtype=np.int16)
    plane[0, 0, 7, 7] = 1
    ac = {symbol: 4 for symbol in (0x00, 0xF0, 0xE1) if symbol != lacks}
    with pytest.raises(KeyError):
        count_bits(plane, 0, {(0, 0): {0: 1}, (1, 0): ac})


def test_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"\(rows, cols, 8, 8\), got \(8, 8\)"):
        count_bits(np.zeros((8, 8), dtype=np.int16), 0)
