"""TIFF files of every kind of samples, written here or by tifffile and libtiff (TIFF 6.0; Adobe's technical notes)."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import imagecodecs
import numpy as np
import tifffile

from format_pictures import (
    ALPHA,
    BLACK_WHITE,
    GREY,
    RGB,
    UNKNOWN,
    Case,
    H,
    W,
    lab,
    levels,
    on_white,
    pack,
    turned,
    ycbcr,
)

UNCOMPRESSED, LZW, JPEG, DEFLATE, PACKBITS, LZMA, ZSTD = 1, 5, 7, 8, 32773, 34925, 50000
_COMPRESSED: dict[int, Callable[[bytes], bytes | bytearray]] = {
    UNCOMPRESSED: bytes,
    LZW: imagecodecs.lzw_encode,
    DEFLATE: imagecodecs.zlib_encode,
    LZMA: imagecodecs.lzma_encode,
    ZSTD: imagecodecs.zstd_encode,
}
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_RATIONAL, _UNDEFINED, _LONG, _SHORT, _ASCII = 5, 7, 4, 3, 2
_LONGS = (256, 257, 273, 278, 279, 324, 325, 34665, 40965)


def tiff(
    strips: Sequence[bytes | bytearray], tags: dict[int, Any], order: str = "<", size: tuple[int, int] = (W, H)
) -> bytes:
    """A TIFF file (TIFF 6.0) of these strips, or tiles if ``tags`` say so. A dictionary as a tag's value becomes a
    directory of its own."""
    out = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
    offsets = []
    for strip in strips:
        offsets.append(len(out))
        out += strip + bytes(len(strip) % 2)
    places, counts = (324, 325) if 322 in tags else (273, 279)
    tags = {256: size[0], 257: size[1], 278: size[1], places: offsets, counts: [len(s) for s in strips]} | tags
    struct.pack_into(order + "I", out, 4, _directory(out, tags, order))
    return bytes(out)


def _directory(out: bytearray, tags: dict[int, Any], order: str) -> int:
    """Append a directory, and return its position."""
    entries = []
    for tag, value in sorted(tags.items()):
        value = _directory(out, value, order) if isinstance(value, dict) else value
        if isinstance(value, bytes):
            kind, content, count = (_ASCII if tag == 1 else _UNDEFINED), value, len(value)
        else:
            values = [value] if isinstance(value, int) else list(value)
            count = len(values)
            if tag in (529, 532):
                kind = _RATIONAL
                content = b"".join(struct.pack(order + "II", round(v * 10_000), 10_000) for v in values)
            else:
                kind = _LONG if tag in _LONGS else _SHORT
                content = struct.pack(f"{order}{count}{'I' if kind == _LONG else 'H'}", *values)
        if len(content) > 4:
            place = len(out)
            out += content + bytes(len(content) % 2)
            content = struct.pack(order + "I", place)
        entries.append(struct.pack(order + "HHI", tag, kind, count) + content.ljust(4, b"\0"))
    place = len(out)
    out += struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)
    return place


def compressed(rows: bytes, row: int, compression: int, fill_order: int = 1, strip_rows: int = H) -> list[bytes]:
    """Cut ``rows`` of ``row`` bytes each into strips of ``strip_rows`` rows, and compress these."""
    strips = [rows[i : i + strip_rows * row] for i in range(0, len(rows), strip_rows * row)]
    if compression == PACKBITS:  # row by row
        packed = (b"".join(imagecodecs.packbits_encode(s[i : i + row]) for i in range(0, len(s), row)) for s in strips)
    else:
        packed = (bytes(_COMPRESSED[compression](strip)) for strip in strips)
    return [strip.translate(_REVERSED) if fill_order == 2 else strip for strip in packed]


def tiff_grey() -> Iterator[Case]:
    """One channel: bits, polarity, byte order, bit order, compression, strips."""
    ways = product((1, 2, 4, 6, 8, 10, 12, 14, 16, 32), (0, 1), "<>", (1, 2), (*_COMPRESSED, PACKBITS), (H, 7))
    for bits, polarity, order, fill, compression, strip_rows in ways:
        shown = levels(GREY, bits)
        rows = pack(shown if polarity else 2**bits - 1 - shown, bits, order)
        tags = {258: bits, 259: compression, 262: polarity, 266: fill, 277: 1, 278: strip_rows}
        yield Case(
            f"{bits} bits, {'black' if polarity else 'white'} is 0, {order}, fill order {fill}, "
            f"compression {compression}, strips of {strip_rows}",
            tiff(compressed(rows, len(rows) // H, compression, fill, strip_rows), tags, order),
            shown / (2**bits - 1),
            rare=fill == 2 or not ((bits <= 8 and bits != 6) or (bits == 16 and polarity)),
        )


def tiff_palette() -> Iterator[Case]:
    """Palettes of 16-bit colours and, as some programs write them, of 8-bit ones."""
    rng = np.random.default_rng(0)
    for bits, order, compression, fill, largest in product(
        (1, 2, 4, 8, 16), "<>", (UNCOMPRESSED, LZW), (1, 2), (255, 65535)
    ):
        colours, indices = rng.integers(0, largest + 1, (3, 2**bits)), rng.integers(0, 2**bits, (H, W))
        rows = pack(indices, bits, order)
        tags = {258: bits, 259: compression, 262: 3, 266: fill, 277: 1, 320: colours.ravel().tolist()}
        yield Case(
            f"palette of {bits} bits, {order}, compression {compression}, fill order {fill}, colours to {largest}",
            tiff(compressed(rows, len(rows) // H, compression, fill), tags, order),
            colours[:, indices].transpose(1, 2, 0) / largest,
            rare=fill == 2 or bits == 16,
        )


def tiff_channels() -> Iterator[Case]:
    """Several channels, by tifffile: colours, alpha, types, byte order, planes, tiles, compression, predictor."""
    inks = np.dstack([1 - RGB, np.zeros((H, W))])
    colours: dict[str, tuple[np.ndarray, np.ndarray, dict[str, Any]]] = {
        "grey": (GREY, GREY, {"photometric": "minisblack"}),
        "white is 0": (1 - GREY, GREY, {"photometric": "miniswhite"}),
        "grey, alpha": (np.dstack([GREY, ALPHA]), on_white(GREY), {"photometric": "minisblack", "extrasamples": [2]}),
        "RGB": (RGB, RGB, {"photometric": "rgb"}),
        "RGB, alpha": (np.dstack([RGB, ALPHA]), on_white(RGB), {"photometric": "rgb", "extrasamples": [2]}),
        "RGB, premultiplied": (
            np.dstack([RGB * ALPHA[..., None], ALPHA]),
            on_white(RGB),
            {"photometric": "rgb", "extrasamples": [1]},
        ),
        "RGB, more": (np.dstack([RGB, ALPHA]), RGB, {"photometric": "rgb", "extrasamples": [0]}),
        "CMYK": (inks, RGB, {"photometric": "separated"}),
        "CMYK, more": (np.dstack([inks, ALPHA]), RGB, {"photometric": "separated", "extrasamples": [0]}),
    }
    types = ("u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8")
    compressions = ((None, 1), ("zlib", 1), ("zlib", 2), ("zlib", 3), ("lzw", 1), ("lzw", 2), ("packbits", 1))
    ways = product(colours, types, "<>", ("contig", "separate"), (None, (16, 16)), compressions, (False, True))
    for colour, kind, order, planes, tile, (compression, predictor), big in ways:
        values, shown, options = colours[colour]
        if ((predictor == 3) != (kind[0] == "f") and predictor > 1) or (values.ndim == 2 and planes == "separate"):
            continue
        if big and (tile or compression):
            continue
        white = 1 if kind[0] == "f" else np.iinfo(kind).max
        samples = (values if kind[0] == "f" else np.round(values * white)).astype(order + kind)
        if values.ndim == 3:
            samples = np.moveaxis(samples, -1, 0) if planes == "separate" else samples
            options = options | {"planarconfig": planes}
        stream = io.BytesIO()
        tifffile.imwrite(
            stream, samples, byteorder=order, tile=tile, rowsperstrip=None if tile else 10, bigtiff=big, metadata=None,
            compression=compression, predictor=predictor if predictor > 1 else None, **options,
        )  # fmt: skip
        common = colour == "RGB" or (colour in ("RGB, alpha", "CMYK") and planes == "contig" and kind == "u1")
        yield Case(
            f"{colour}, {kind}, {order}, {planes}, {'tiles' if tile else 'strips'}, {compression}, "
            f"predictor {predictor}{', BigTIFF' if big else ''}",
            stream.getvalue(),
            shown,
            3 if colour == "RGB, premultiplied" else 2,
            rare=not (common and kind in ("u1", "u2") and not (big and order == ">")),
        )


def tiff_fax() -> Iterator[Case]:
    """Black and white, by libtiff, and again with the bits of each byte reversed."""
    for compression, polarity in product(("ccittrle", "ccittfax3", "ccittfax4"), (0, 1)):
        rows = BLACK_WHITE.astype(bool) if polarity else BLACK_WHITE == 0
        data = bytes(imagecodecs.tiff_encode(rows, compression=compression, photometric=polarity))
        yield Case(f"{compression}, {'black' if polarity else 'white'} is 0", data, BLACK_WHITE)
        page = tifffile.TiffFile(io.BytesIO(data)).pages.first
        strips = [data[at : at + n] for at, n in zip(page.dataoffsets, page.databytecounts, strict=True)]
        tags = {258: 1, 259: int(page.compression), 262: polarity, 266: 2, 277: 1, 278: H}
        for order in "<>":
            reverse = tiff([strip.translate(_REVERSED) for strip in strips], tags, order)
            yield Case(f"{compression}, {polarity}, fill order 2, {order}", reverse, BLACK_WHITE)


def tiff_jpeg() -> Iterator[Case]:
    """JPEG with separate tables, as tifffile writes it; the second decoder is libtiff."""
    for sub, tile, kind in product(((1, 1), (2, 1), (2, 2), (4, 1)), (None, (32, 32)), ("rgb", "ycbcr", "minisblack")):
        samples = {"rgb": levels(RGB, 8), "ycbcr": ycbcr(RGB), "minisblack": levels(GREY, 8)}[kind].astype(np.uint8)
        stream = io.BytesIO()
        tifffile.imwrite(
            stream, samples, photometric=kind, compression="jpeg", compressionargs={"level": 98}, tile=tile,
            metadata=None, subsampling=sub if kind == "ycbcr" else None,
        )  # fmt: skip
        shown = np.asarray(imagecodecs.tiff_decode(stream.getvalue(), asrgb=True))[..., :3] / 255
        yield Case(f"JPEG, {kind}, {sub}, {tile}", stream.getvalue(), shown[..., 0] if kind == "minisblack" else shown)


def tiff_ycbcr() -> Iterator[Case]:
    """Coefficients, ranges, subsampling, planes."""
    ways = product(
        ((0.299, 0.114), (0.2126, 0.0722)), (True, False), (1, 2), (UNCOMPRESSED, LZW), ((1, 1), (2, 2), (2, 1))
    )
    for (red, blue), full, planes, compression, (across, down) in ways:
        samples = ycbcr(RGB, red, blue, full)
        if (across, down) != (1, 1):
            if planes == 2:
                continue
            samples = _subsampled(samples, across, down)
        strips = [samples.tobytes()] if planes == 1 else [samples[..., i].tobytes() for i in range(3)]
        reference = (0, 255, 128, 255, 128, 255) if full else (16, 235, 128, 240, 128, 240)
        tags = {258: [8] * 3, 259: compression, 262: 6, 277: 3, 284: planes, 530: [across, down], 532: reference}
        tags[529] = (red, 1 - red - blue, blue)
        yield Case(
            f"YCbCr {red}, {'full' if full else 'limited'} range, {across}×{down}, planes {planes}, "
            f"compression {compression}",
            tiff([_COMPRESSED[compression](strip) for strip in strips], tags),
            RGB,
            4.5 if (across, down) == (1, 1) else 60,
            rare=True,
        )


def tiff_lab() -> Iterator[Case]:
    """CIELab, ICCLab and ITULab."""
    for photometric, bits, compression in product((8, 9, 10), (8, 16), (UNCOMPRESSED, LZW)):
        samples = lab(RGB) * (2.55 if bits == 8 else 655.35, *[1 if bits == 8 else 256] * 2)
        samples = np.round(samples).astype(np.int64) + (0 if photometric == 8 else np.array([0, 1, 1]) << (bits - 1))
        strip = _COMPRESSED[compression]((samples % 2**bits).astype(f"<u{bits // 8}").tobytes())
        tags = {258: [bits] * 3, 259: compression, 262: photometric, 277: 3}
        yield Case(
            f"Lab {photometric}, {bits} bits, compression {compression}",
            tiff([strip], tags),
            RGB,
            6,
            rare=bits == 16 or photometric > 8,
        )


def tiff_rare() -> Iterator[Case]:
    """Other bit depths of RGB, several extra channels, other inks, and values without a known white."""
    for bits, order, planes in product((1, 2, 4, 5, 10, 12, 14), "<>", (1, 2)):
        samples = levels(RGB, bits)
        strips = [pack(samples, bits)] if planes == 1 else [pack(samples[..., i], bits) for i in range(3)]
        tags = {258: [bits] * 3, 259: 1, 262: 2, 277: 3, 284: planes}
        yield Case(
            f"RGB of {bits} bits, planes {planes}, {order}",
            tiff(strips, tags, order),
            samples / (2**bits - 1),
            rare=True,
        )
    for extra, bits, order in product(
        ([0], [1], [2], [0, 0], [1, 0], [2, 0], [0, 2], [2, 2], [0, 0, 0]), (8, 16), "<>"
    ):
        for name, colours, photometric in (("grey", GREY, 1), ("RGB", RGB, 2)):
            stored = colours * (ALPHA if colours.ndim == 2 else ALPHA[..., None]) if extra[0] == 1 else colours
            samples = levels(np.dstack([stored, *[ALPHA] * len(extra)]), bits)
            tags = {258: [bits] * samples.shape[2], 259: 1, 262: photometric, 277: samples.shape[2], 338: extra}
            yield Case(
                f"{name}, extra samples {extra}, {bits} bits, {order}",
                tiff([pack(samples, bits, order)], tags, order),
                colours if extra[0] == 0 else on_white(colours),
                3,
                rare=True,
            )
    inks = np.dstack([255 - levels(RGB, 8), np.zeros((H, W))]).astype(np.uint8).tobytes()
    four = {258: [8] * 4, 259: 1, 262: 5, 277: 4}
    yield Case("CMYK by name", tiff([inks], four | {332: 1}), RGB, 2)
    yield Case("four other inks", tiff([inks], four | {332: 2}), UNKNOWN, rare=True)
    bits_12 = bytes(imagecodecs.jpeg8_encode(levels(GREY, 12).astype(np.uint16), level=95, bitspersample=12))
    yield Case("12-bit JPEG", tiff([bits_12], {258: 12, 259: JPEG, 262: 1, 277: 1}), GREY, 12, rare=True)
    small = levels(GREY, 15).astype("<u4").tobytes()
    yield Case("32 bits, white unknown", tiff([small], {258: 32, 259: 1, 262: 1, 277: 1}), UNKNOWN, rare=True)
    mask = {258: 1, 259: 1, 262: 4, 277: 1}
    yield Case("a mask", tiff([pack(BLACK_WHITE, 1)], mask), BLACK_WHITE, rare=True)


def tiff_orientations() -> Iterator[Case]:
    """All eight orientations."""
    for orientation, order, compression, bits in product(range(1, 9), "<>", (UNCOMPRESSED, LZW), (8, 16)):
        stored = levels(turned(RGB, orientation), bits)
        tags = {258: [bits] * 3, 259: compression, 262: 2, 274: orientation, 277: 3}
        strip = _COMPRESSED[compression](pack(stored, bits, order))
        yield Case(
            f"orientation {orientation}, {order}, compression {compression}, {bits} bits",
            tiff([strip], tags, order, (stored.shape[1], stored.shape[0])),
            RGB,
        )


def _subsampled(samples: np.ndarray, across: int, down: int) -> np.ndarray:
    """TIFF's order: for each block all luma, then one Cb and one Cr."""
    blocks = samples.reshape(H // down, down, W // across, across, 3)
    luma = blocks[..., 0].transpose(0, 2, 1, 3).reshape(H // down, W // across, -1)
    return np.concatenate([luma, np.round(blocks[..., 1:].mean((1, 3)))], axis=2).astype(np.uint8)
