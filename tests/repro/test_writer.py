"""Whatever the coefficients, other programs read the same ones from our files, and codes are as short as libjpeg's.

The oracles are jpeglib (libjpeg's coefficients), Pillow (libjpeg-turbo) and, where it is installed, djpeg.
"""

from __future__ import annotations

import heapq
import io
import itertools
import math
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import get_args

import jpeglib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from repro.data import photos
from repro.jpeg import codes, scans, symbols, writer
from repro.jpeg.codestream import decode, read
from repro.jpeg.coefficients import Coefficients
from repro.jpeg.huffman import code_lengths, count_bits
from repro.jpeg.tables import ZIGZAG, quality_tables
from repro.jpeg.writer import Scans, write

EVERY = get_args(Scans)


def coefficients(height: int, width: int, subsampling: str, tables: np.ndarray, seed: int, density: float, most: int):
    """Random coefficients of up to ``most`` in magnitude; a share ``density`` of the AC coefficients is not zero."""
    rng = np.random.default_rng(seed)
    planes = []
    for component in range(1 if subsampling == "grey" else 3):
        half = 2 if component and subsampling == "4:2:0" else 1
        shape = tuple(math.ceil(math.ceil(side / half) / 8) for side in (height, width))
        plane = rng.integers(-most, most + 1, (*shape, 8, 8)) * (rng.random((*shape, 8, 8)) < density)
        plane[..., 0, 0] = rng.integers(-most, most + 1, shape)
        planes.append(plane.astype(np.int16))
    return Coefficients(tuple(planes), tables[: len(planes)], height, width)


def tables_of(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(1, 256, (count, 8, 8)).astype(np.uint16)


def assert_same(data: bytes, c: Coefficients) -> None:
    again = read(data)
    assert (again.height, again.width) == (c.height, c.width)
    np.testing.assert_array_equal(again.tables, c.tables)
    for theirs, ours in zip(again.planes, c.planes, strict=True):
        np.testing.assert_array_equal(theirs[: ours.shape[0], : ours.shape[1]], ours)


def djpeg_complaint(data: bytes) -> str:
    """Warnings of libjpeg-turbo's program about the file: extraneous bytes, data that end too soon, …"""
    if not shutil.which("djpeg"):
        return ""
    return subprocess.run(["djpeg", "-outfile", "/dev/null"], input=data, capture_output=True).stderr.decode()


def libjpegs(c: Coefficients) -> bytes:
    """The sequential file that libjpeg writes, with codes optimised for the picture."""
    jpeg = jpeglib.from_dct(*c.planes, qt=c.tables)
    jpeg.height, jpeg.width = c.height, c.width
    if len(c.planes) > 1:
        jpeg.samp_factor = np.array([[2 if c.subsampling == "4:2:0" else 1] * 2, [1, 1], [1, 1]], np.int16)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "out.jpg")
        jpeg.write_dct(str(path), flags=["+OPTIMIZE_CODING"])
        return path.read_bytes()


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    subsampling=st.sampled_from(["grey", "4:2:0", "4:4:4"]),
    tables=st.integers(2, 3),
    seed=st.integers(0, 2**32),
    density=st.sampled_from([0.0, 0.02, 0.2, 1.0]),
    most=st.sampled_from([1, 3, 100, 1023]),
    scans=st.sampled_from(EVERY),
)
def test_every_file_holds_the_coefficients(height, width, subsampling, tables, seed, density, most, scans):
    tables = tables_of(1 if subsampling == "grey" else tables)
    c = coefficients(height, width, subsampling, tables, seed, density, most)
    data = write(c, scans=scans)
    assert_same(data, c)
    assert djpeg_complaint(data) == ""


@pytest.mark.parametrize("subsampling", ["grey", "4:2:0", "4:4:4"])
@pytest.mark.parametrize("size", [(1, 1), (17, 33), (64, 40)])
def test_sequential_files_are_as_long_as_libjpegs(size, subsampling):
    c = coefficients(*size, subsampling, tables_of(1 if subsampling == "grey" else 2), 3, 0.2, 60)
    assert len(write(c, scans="sequential")) == len(libjpegs(c))


@pytest.mark.parametrize("scans", EVERY)
def test_runs_of_blocks_longer_than_one_symbol_can_tell(scans):
    """70,000 blocks end together, but an EOB run holds at most 32,767."""
    plane = np.zeros((250, 280, 8, 8), np.int16)
    plane[249, 279, 0, 3] = plane[0, 0, 2, 2] = 9
    c = Coefficients((plane,), tables_of(1), 2000, 2240)
    assert_same(write(c, scans=scans), c)
    assert djpeg_complaint(write(c, scans=scans)) == ""


@pytest.mark.parametrize("scans", EVERY)
def test_the_largest_steps_of_dc_and_runs_of_zeros(scans):
    plane = np.zeros((2, 3, 8, 8), np.int16)
    plane[..., 0, 0] = [[1023, -1024, 1023], [-1024, 1023, -1023]]  # differences of ±2047: category 11
    plane[0, 1].flat[ZIGZAG[[1, 18, 63]]] = 1023, -1023, 1  # one ZRL, then two
    c = Coefficients((plane,), tables_of(1), 16, 24)
    assert_same(write(c, scans=scans), c)


def test_what_baseline_jpeg_cannot_hold_is_refused():
    plane = np.zeros((1, 1, 8, 8), np.int16)
    plane[0, 0, 0, 1] = -1024
    with pytest.raises(ValueError, match="AC from -1023 to 1023, got -1024 to 0"):
        write(Coefficients((plane,), tables_of(1), 8, 8))


def photo(subsampling: str = "4:2:0") -> Coefficients:
    stream = io.BytesIO()
    Image.fromarray(photos("sample").items[0].rgb()).save(
        stream, "JPEG", quality=80, subsampling={"4:4:4": 0, "4:2:0": 2}[subsampling]
    )
    return read(stream.getvalue())


@pytest.mark.parametrize("scans", ["interleaved", "searched"])
def test_a_file_cut_at_a_tenth_shows_colour(scans, monkeypatch):
    c = photo()
    data = write(c, scans=scans)
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    shown = decode(data[: len(data) // 10]).astype(float)
    whole = decode(data).astype(float)
    grey = np.abs(shown - shown.mean(2, keepdims=True)).mean()
    assert grey > 0.5 * np.abs(whole - whole.mean(2, keepdims=True)).mean()


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_one_pass_is_about_as_small_as_a_search(subsampling):
    c = photo(subsampling)
    one, searched, smallest = (len(write(c, scans=scans)) for scans in ("interleaved", "searched", "smallest"))
    assert smallest <= min(one, searched) and one < 1.02 * searched
    assert searched < 0.98 * len(write(c, scans="sequential"))


def test_cb_and_cr_share_a_table_where_theirs_agree():
    tables = tables_of(3)
    tables[2] = tables[1]
    data = write(coefficients(9, 9, "4:2:0", tables, 0, 0.1, 9))
    assert data.count(b"\xff\xdb") == 2 and len(read(data).tables) == 2
    assert write(coefficients(9, 9, "4:2:0", tables_of(3), 0, 0.1, 9)).count(b"\xff\xdb") == 3


@pytest.mark.parametrize("scans", EVERY)
@pytest.mark.parametrize("subsampling", ["grey", "4:2:0"])
def test_the_header_is_jfifs(scans, subsampling):
    c = coefficients(40, 40, subsampling, tables_of(1 if subsampling == "grey" else 2), 0, 0.1, 9)
    data = write(c, scans=scans)
    assert data[:20] == b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
    frame = next(at for at in range(len(data)) if data[at] == 0xFF and data[at + 1] in (0xC0, 0xC2))
    assert data[frame + 10 : frame + 10 + 3 * len(c.planes) : 3] == bytes((1, 2, 3))[: len(c.planes)]


def huffman(counts: np.ndarray) -> int:
    """Bits of Huffman codes, built with a heap, for ``counts`` and one more symbol that is counted once."""
    heap = [(int(count), (i,)) for i, count in enumerate(counts) if count] + [(1, (len(counts),))]
    length = np.zeros(len(counts) + 1, int)
    heapq.heapify(heap)
    while len(heap) > 1:
        (a, below_a), (b, below_b) = heapq.heappop(heap), heapq.heappop(heap)
        length[list(below_a + below_b)] += 1
        heapq.heappush(heap, (a + b, below_a + below_b))
    return int((length[:-1] * counts).sum() + length[-1])


@settings(max_examples=60, deadline=None)
@given(counts=st.lists(st.integers(0, 2**20), min_size=1, max_size=256).filter(any))
def test_codes_are_huffmans_and_no_longer_than_16_bits(counts):
    padded = np.zeros(256, np.int64)
    padded[: len(counts)] = counts
    lengths = codes.optimal_code_lengths(padded)
    assert ((lengths > 0) == (padded > 0)).all() and lengths.max() <= 16
    assert (0.5 ** lengths[lengths > 0]).sum() < 1, "a prefix code (Kraft) that leaves the code of all ones free"
    spent, least = int(lengths @ padded), huffman(padded)
    assert spent <= least if lengths.max() < 16 else spent < 1.01 * least


def test_codes_of_counts_that_grow_like_fibonaccis_are_shortened():
    counts = np.zeros(256, np.int64)
    counts[:40] = np.round(1.618 ** np.arange(40))
    lengths = codes.optimal_code_lengths(counts)
    assert lengths.max() == 16 and (0.5 ** lengths[:40]).sum() < 1


def test_codes_count_up_and_no_code_begins_another():
    lengths = codes.optimal_code_lengths(np.arange(256) ** 2)
    made = codes.codes(lengths)
    texts = sorted(format(made[i], f"0{lengths[i]}b") for i in range(256) if lengths[i])
    assert not any(b.startswith(a) for a, b in itertools.pairwise(texts))
    assert not any(set(text) == {"1"} for text in texts)


@pytest.mark.parametrize("symbols, expected", [(1, b"\x7f"), (3, b"\x1f"), (8, b"\0"), (9, b"\0\x7f")])
def test_the_last_byte_is_filled_up_with_ones(symbols, expected):
    """T.81, F.1.2.3, for symbols with the code 0."""
    lengths = np.zeros((5, 256), np.int64)
    lengths[0, 0] = 1
    assert codes.pack(np.zeros(symbols, np.uint32), lengths, symbols) == expected


def counted(z: np.ndarray, first: int, last: int, longest: int) -> dict[int, int]:
    coded, _ = symbols.band_symbols(symbols.nonzeros(z, np.arange(64)), first, last, longest, symbols.AC)
    return {int(s) & 255: int(n) for s, n in zip(*np.unique(coded >> 16, return_counts=True), strict=True)}


def test_symbols_are_those_of_the_standard():
    z = np.zeros((3, 64), np.int16)
    z[0, [1, 19, 63]] = 3, -1, 5  # runs of 0, 17 (one ZRL and 1) and 43 (two ZRL and 11); no end of block
    z[1, 2] = -8  # a run of 1, category 4, end of block
    assert counted(z, 1, 63, symbols.SEQUENTIAL) == {0x02: 1, 0xF0: 3, 0x11: 1, 0xB3: 1, 0x14: 1, 0x00: 2}


def test_symbols_of_a_progressive_band():
    z = np.zeros((9, 64), np.int16)
    z[0, 2], z[6, 5], z[6, 1] = 1, -2, 9  # position 1 is outside the band
    # Block 0 ends early, and so do the next five: 4 to 7 ends. Block 6 fills the band; the last two are empty.
    assert counted(z, 2, 5, symbols.PROGRESSIVE) == {0x01: 1, 0x20: 1, 0x32: 1, 0x10: 1}


@pytest.mark.parametrize("value, bits", [(0, 0), (1, 1), (-1, 1), (2, 2), (-7, 3), (1023, 10), (-2046, 11)])
def test_categories(value, bits):
    assert symbols.category(value) == bits


def test_bits_of_a_sequential_file_are_counted_like_the_books_function_counts_them():
    stream = io.BytesIO()
    Image.fromarray(photos("sample").items[0].rgb()[..., 1]).save(stream, "JPEG", quality=60)
    c = read(stream.getvalue())
    data = write(c, scans="sequential")
    start = data.index(b"\xff\xda") + 10
    total = int(count_bits(c.planes[0], 0, code_lengths(data)).sum())
    assert -(-total // 8) == len(data[start:-2].replace(b"\xff\x00", b"\xff"))


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    density=st.sampled_from([0.01, 0.2, 1.0]),
    most=st.sampled_from([1, 3, 40, 1023]),
    low=st.integers(1, 3),
)
def test_last_bits_may_come_later(seed, density, most, low):
    c = coefficients(40, 72, "4:2:0", tables_of(2), seed, density, most)
    assert_same(refined(c, low), c)
    assert djpeg_complaint(refined(c, low)) == ""


def refined(c: Coefficients, low: int) -> bytes:
    """A file with ``low`` refinement scans per component."""
    planes = [plane.reshape(*plane.shape[:2], 64) for plane in c.planes]
    ac = [
        scan
        for i, plane in enumerate(planes)
        for scan in scans.approximated(symbols.nonzeros(plane.reshape(-1, 64), ZIGZAG), i, low)
    ]
    return writer.file(c, progressive=True, scans=[scans.dc_scan(planes), *ac])


def test_refinement_scans_of_more_blocks_and_bits_than_one_symbol_can_tell():
    """40,000 blocks in a row are empty; then 100 have 63 correction bits each, of which at most 1,000 may wait."""
    plane = np.zeros((200, 202, 8, 8), np.int16)
    plane[-1, -100:] = np.random.default_rng(0).integers(2, 4, (100, 8, 8))
    c = Coefficients((plane,), tables_of(1), 1600, 1616)
    assert_same(refined(c, 1), c)
    assert djpeg_complaint(refined(c, 1)) == ""


def test_at_high_quality_refinement_scans_are_smaller():
    stream = io.BytesIO()
    Image.fromarray(photos("sample").items[0].rgb()[:256, :256]).save(stream, "JPEG", quality=98, subsampling=0)
    c = read(stream.getvalue())
    data = write(c)
    assert_same(data, c)
    headers = [part[: 6 + 2 * part[2]] for part in data.split(b"\xff\xda")[1:]]  # the last byte: known bits, added bits
    refines = [header[-1] >> 4 > 0 for header in headers]
    assert any(refines) and refines == sorted(refines), "they come last, after a first look at every component"
    planes = [plane.reshape(*plane.shape[:2], 64) for plane in c.planes]
    plain = [scan for i, plane in enumerate(planes) for scan in scans.ac_scans(plane.reshape(-1, 64), i)]
    assert len(data) < 0.99 * len(writer.file(c, progressive=True, scans=[scans.dc_scan(planes), *plain]))


def test_a_component_is_cut_where_that_takes_fewer_bits():
    c = photo()
    z = c.planes[0].reshape(-1, 64)
    best = scans.ac_scans(z, 0)
    spent = len(write(c)) - len(write(Coefficients((c.planes[0] * 0, *c.planes[1:]), c.tables, c.height, c.width)))
    assert sum(scan.bits for scan in best) / 8 == pytest.approx(spent, rel=0.1)
    flat = np.zeros_like(z)
    flat[:, ZIGZAG[1]] = z[:, ZIGZAG[1]]
    assert len(scans.ac_scans(flat, 0)) == 1, "with one frequency alone a second scan has nothing to hold"


def test_quality_tables_are_written_as_they_are():
    tables = quality_tables(77).astype(np.uint16)
    np.testing.assert_array_equal(read(write(coefficients(8, 8, "4:4:4", tables, 0, 0.1, 5))).tables, tables)
