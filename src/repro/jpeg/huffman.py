"""Count where the bits of a baseline JPEG file go: run lengths, categories and Huffman codes, block by block.

Source: ITU-T T.81, F.1.2 (coding of DC differences and of AC runs), B.2.4.2 (the DHT segment). The book uses this to
count what :mod:`repro.jpeg.writer` and other programs write. The sums agree with the file to the bit.
"""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image

from repro.errors import ReproError
from repro.jpeg.segments import DHT, segments
from repro.jpeg.tables import ZIGZAG

#: (class, index) → symbol → code length in bits. Class 0 is DC, 1 is AC; index 0 is luma, 1 is chroma.
CodeLengths = dict[tuple[int, int], dict[int, int]]
#: Symbols of T.81: sixteen zeros in a row; end of block (all remaining coefficients are zero).
ZRL, EOB = 0xF0, 0x00


def code_lengths(data: bytes) -> CodeLengths:
    """The Huffman code lengths that the JPEG file ``data`` defines before its first scan.

    Raises :class:`ReproError` if a table is cut off.
    """
    lengths: CodeLengths = {}
    for segment in segments(data):
        if segment.marker == DHT:
            try:
                _read_tables(data[segment.start + 4 : segment.end], lengths)
            except ValueError as error:  # zip's
                raise ReproError("not a readable JPEG file (a table of Huffman codes is cut off)") from error
    return lengths


@functools.cache
def annex_k() -> CodeLengths:
    """The code lengths of Annex K.3, used by encoders that do not optimise their Huffman tables for the picture."""
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "JPEG", optimize=False)
    return code_lengths(stream.getvalue())


def count_bits(plane: np.ndarray, index: int, lengths: CodeLengths | None = None) -> np.ndarray:
    """Count the bits that each coefficient of a plane Ẑ costs in a sequential scan.

    plane
        whole numbers (rows, cols, 8, 8), blocks coded in raster order (as in 4:4:4 and grey files)
    index
        0 for luma's codes, 1 for chroma's
    lengths
        code lengths; None: Annex K's

    Returns int64 (rows, cols, 65) in zigzag order: the DC difference, 63 AC coefficients (a run of zeros is charged to
    the coefficient that ends it), and the end of block. Raises ``KeyError`` for a value without a code.
    """
    if plane.ndim != 4 or plane.shape[2:] != (8, 8):
        raise ValueError(f"plane: expected (rows, cols, 8, 8), got {plane.shape}")
    dc, ac = (dict((lengths or annex_k())[kind, index]) for kind in (0, 1))
    blocks = plane.reshape(-1, 64)[:, ZIGZAG].astype(np.int64)
    bits = np.zeros((len(blocks), 65), dtype=np.int64)
    for n, difference in enumerate(np.diff(blocks[:, 0], prepend=0)):
        category = int(abs(difference)).bit_length()
        bits[n, 0] = dc[category] + category
    for n, block in enumerate(blocks):
        last = 0
        for position in np.flatnonzero(block[1:]) + 1:
            skipped, run = divmod(int(position) - last - 1, 16)
            category = int(abs(block[position])).bit_length()
            bits[n, position] = (skipped * ac[ZRL] if skipped else 0) + ac[16 * run + category] + category
            last = int(position)
        if last < 63:
            bits[n, 64] = ac[EOB]
    return bits.reshape(*plane.shape[:2], 65)


def _read_tables(segment: bytes, lengths: CodeLengths) -> None:
    """Parse a DHT segment: for each table its class and index, 16 counts (codes of length 1, 2, …), and the symbols."""
    while segment:
        counts, end = segment[1:17], 17 + sum(segment[1:17])
        each = [length for length, count in enumerate(counts, start=1) for _ in range(count)]
        lengths[segment[0] >> 4, segment[0] & 15] = dict(zip(segment[17:end], each, strict=True))
        segment = segment[end:]
