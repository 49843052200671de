"""PNG, JPEG, JPEG 2000, AVIF and WebP files of every kind of samples, written here or by imagecodecs' libraries."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import imagecodecs
import numpy as np

from format_pictures import ALPHA, GREY, RGB, UNKNOWN, Case, H, W, levels, on_white, pack, ycbcr

_KINDS: dict[str, tuple[np.ndarray, np.ndarray]] = {
    "grey": (GREY, GREY),
    "grey, alpha": (np.dstack([GREY, ALPHA]), on_white(GREY)),
    "RGB": (RGB, RGB),
    "RGB, alpha": (np.dstack([RGB, ALPHA]), on_white(RGB)),
}


def words(values: np.ndarray, bits: int) -> np.ndarray:
    """0–1 → whole numbers as uint8 or uint16."""
    return levels(values, bits).astype(np.uint8 if bits <= 8 else np.uint16)


# ---- PNG 3rd edition ------------------------------------------------------------------------------------------------

_PNG_KINDS = {"grey": 0, "RGB": 2, "palette": 3, "grey, alpha": 4, "RGB, alpha": 6}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png(samples: np.ndarray, kind: str, bits: int, chunks: Sequence[bytes] = (), interlaced: bool = False) -> bytes:
    """A PNG file of whole numbers, (H, W) or (H, W, C); ``chunks``: name and content of each chunk before the data."""
    header = b"IHDR" + struct.pack(
        ">2I5B", samples.shape[1], samples.shape[0], bits, _PNG_KINDS[kind], 0, 0, interlaced
    )
    passes = [samples[y::down, x::across] for x, y, across, down in _ADAM7] if interlaced else [samples]
    rows = b"".join(b"\0" + pack(row[None], bits) for part in passes if part.size for row in part)
    out = b"\x89PNG\r\n\x1a\n"
    for chunk in (header, *chunks, b"IDAT" + zlib.compress(rows), b"IEND"):
        out += struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return out


def png_kinds() -> Iterator[Case]:
    """Colour types, depths, interlacing, and transparency by a colour or by the palette."""
    rng = np.random.default_rng(0)
    for interlaced, bits in product((False, True), (1, 2, 4, 8, 16)):
        end = f"{bits} bits{', interlaced' if interlaced else ''}"
        grey, white = levels(GREY, bits), 2**bits - 1
        yield Case(f"grey, {end}", png(grey, "grey", bits, (), interlaced), grey / white)
        for key in (0, int(grey[10, 10]), white):
            shown = np.where(grey == key, 1, grey / white)
            chunk = b"tRNS" + struct.pack(">H", key)
            yield Case(f"grey, {key} transparent, {end}", png(grey, "grey", bits, [chunk], interlaced), shown)
        if bits <= 8:
            colours, indices = rng.integers(0, 256, (2**bits, 3)), rng.integers(0, 2**bits, (H, W))
            palette = b"PLTE" + colours.astype(np.uint8).tobytes()
            for count in (0, 1, 2 ** (bits - 1), 2**bits):
                alpha = np.full(2**bits, 255)
                alpha[:count] = rng.integers(0, 256, count)
                chunks = [palette, b"tRNS" + alpha[:count].astype(np.uint8).tobytes()] if count else [palette]
                opacity = alpha[indices][..., None] / 255
                shown = colours[indices] / 255 * opacity + 1 - opacity
                yield Case(
                    f"palette, {count} of alpha, {end}", png(indices, "palette", bits, chunks, interlaced), shown, 1.6
                )
            continue
        for name, (values, shown) in _KINDS.items():
            yield Case(f"{name}, {end}", png(levels(values, bits), name, bits, (), interlaced), shown, 2.1)
        rgb = levels(RGB, bits)
        for key in (rgb[10, 10], rgb[10, 10] ^ 1):  # a colour that occurs, and one that nearly does
            hole = (rgb == key).all(axis=2)[..., None]
            chunk = b"tRNS" + struct.pack(">3H", *key)
            yield Case(
                f"RGB, {key} transparent, {end}", png(rgb, "RGB", bits, [chunk], interlaced), np.where(hole, 1, RGB)
            )
    for bits, (name, (values, shown)) in product((8, 16), _KINDS.items()):
        yield Case(f"{name}, {bits} bits, by libpng", bytes(imagecodecs.png_encode(words(values, bits))), shown, 2.1)


# ---- JPEG (ITU-T T.81) ----------------------------------------------------------------------------------------------


def jpeg_kinds() -> Iterator[Case]:
    """Colour spaces, subsampling, precisions, lossless; the second decoder is imagecodecs' libjpeg-turbo."""
    inks = np.dstack([255 - words(RGB, 8), np.zeros((H, W), np.uint8)])
    for sub in ("444", "422", "420", "440", "411", "410"):
        factors = {"444": (1, 1), "422": (2, 1), "420": (2, 2), "440": (1, 2), "411": (4, 1), "410": (4, 2)}[sub]
        try:
            data = bytes(imagecodecs.jpeg8_encode(words(RGB, 8), level=95, subsampling=factors))
        except ValueError:
            continue
        yield Case(f"YCbCr {sub}", data, np.asarray(imagecodecs.jpeg8_decode(data)) / 255, 0.1)
    for bits, lossless in product((8, 12, 16), (False, True)):
        for name in ("grey", "RGB"):
            if bits == 16 and not lossless:
                continue
            data = bytes(
                imagecodecs.jpeg8_encode(words(_KINDS[name][0], bits), level=95, bitspersample=bits, lossless=lossless)
            )
            rare = bits > 8 or lossless
            yield Case(f"{name}, {bits} bits{', lossless' if lossless else ''}", data, _KINDS[name][0], 40, rare)
    data = bytes(imagecodecs.jpeg8_encode(words(RGB, 8), level=98, colorspace="rgb", outcolorspace="rgb"))
    yield Case("RGB as it is", data, RGB, 12)
    data = bytes(imagecodecs.jpeg8_encode(255 - inks, level=98, colorspace="cmyk", outcolorspace="cmyk"))
    yield Case("CMYK", data, RGB, 12)
    data = bytes(imagecodecs.jpeg8_encode(255 - inks, level=98, colorspace="cmyk", outcolorspace="ycck"))
    yield Case("YCCK", data, RGB, 30)


# ---- JPEG 2000 (ITU-T T.800) ----------------------------------------------------------------------------------------


def jpeg2000_kinds() -> Iterator[Case]:
    """Codestreams and files, depths, signs, colour spaces, palettes, orders of channels, subsampling."""
    for container, bits, (name, (values, shown)) in product(("jp2", "j2k"), range(1, 17), _KINDS.items()):
        data = jpeg2000(words(values, bits), codecformat=container, bitspersample=bits)
        opaque, white = "alpha" not in name, 2**bits - 1
        yield Case(
            f"{name}, {bits} bits, {container}",
            data,
            np.round(shown * white) / white if opaque else shown,
            1.01 if opaque else 255 / white + 1.5,
            rare=bits != 8 and not (bits < 8 and opaque) and name != "grey",
        )
        if bits in (8, 12, 16):
            signed = (levels(values, bits) - 2 ** (bits - 1)).astype(np.int8 if bits == 8 else np.int16)
            data = jpeg2000(signed, codecformat=container, bitspersample=bits)
            yield Case(f"{name}, {bits} bits, signed, {container}", data, shown, 3, rare=True)
    spaces = imagecodecs.JPEG2K.CLRSPC
    yield Case("sYCC", jpeg2000(ycbcr(RGB), codecformat="jp2", colorspace=spaces.SYCC, mct=False), RGB, 3)
    yield Case("e-YCC", jpeg2000(ycbcr(RGB), codecformat="jp2", colorspace=spaces.EYCC, mct=False), RGB, 3, rare=True)
    inks = np.dstack([255 - words(RGB, 8), np.zeros((H, W), np.uint8)])
    yield Case("CMYK", jpeg2000(inks, codecformat="jp2", colorspace=spaces.CMYK, mct=False), RGB, 3)
    rng = np.random.default_rng(0)
    for bits in (4, 8):
        indices, colours = rng.integers(0, 16, (H, W)).astype(np.uint8), rng.integers(0, 256, (16, 3)).astype(np.uint8)
        boxes = _box(b"pclr", struct.pack(">HB", 16, 3) + b"\7\7\7" + colours.tobytes())
        boxes += _box(b"cmap", b"".join(struct.pack(">HBB", 0, 1, i) for i in range(3)))
        yield Case(
            f"palette, indices of {bits} bits", _jp2(indices, boxes, bits), colours[indices] / 255, 0.6, rare=bits < 8
        )
    straight = words(np.dstack([RGB, ALPHA]), 8)
    premultiplied = words(np.dstack([RGB * ALPHA[..., None], ALPHA]), 8)
    for name, samples, entries, shown in (
        ("RGB", words(RGB, 8), ((0, 0, 1), (1, 0, 2), (2, 0, 3)), RGB),
        ("RGBA", straight, ((0, 0, 1), (1, 0, 2), (2, 0, 3), (3, 1, 0)), on_white(RGB)),
        ("RGBA, alpha told first", straight, ((3, 1, 0), (0, 0, 1), (1, 0, 2), (2, 0, 3)), on_white(RGB)),
        ("BGR", words(RGB[..., ::-1], 8), ((0, 0, 3), (1, 0, 2), (2, 0, 1)), RGB),
        ("ARGB", np.roll(straight, 1, axis=2), ((0, 1, 0), (1, 0, 1), (2, 0, 2), (3, 0, 3)), on_white(RGB)),
        ("RGBA, premultiplied", premultiplied, ((0, 0, 1), (1, 0, 2), (2, 0, 3), (3, 2, 0)), on_white(RGB)),
        ("RGB and one more", straight, ((0, 0, 1), (1, 0, 2), (2, 0, 3), (3, 65535, 65535)), RGB),
    ):  # fmt: skip
        cdef = _box(
            b"cdef", struct.pack(">H", len(entries)) + b"".join(struct.pack(">3H", *entry) for entry in entries)
        )
        yield Case(f"channels are {name}", _jp2(samples, cdef), shown, 2, rare=name not in ("RGB", "RGBA"))
    for space in (14, 20, 21):  # CIELab, e-sRGB, ROMM
        yield Case(f"colours of kind {space}", _jp2(words(RGB, 8), b"", space=space), UNKNOWN, rare=True)
    halved = bytearray(jpeg2000(words(RGB, 8), codecformat="j2k", mct=False))
    at = halved.find(b"\xff\x4f\xff\x51") + 42
    halved[at + 4 : at + 6] = halved[at + 7 : at + 9] = b"\2\2"  # the other channels have a quarter of the samples
    yield Case("subsampled", bytes(halved), UNKNOWN, rare=True)


def jpeg2000(samples: np.ndarray, **options: Any) -> bytes:
    """A lossless file by OpenJPEG."""
    return bytes(imagecodecs.jpeg2k_encode(np.ascontiguousarray(samples), level=0, reversible=True, **options))


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def _jp2(samples: np.ndarray, boxes: bytes, bits: int = 8, space: int = 16) -> bytes:
    """A file with these boxes in its header; ``space``: the number in ISO's list of colour spaces, 16 for sRGB."""
    channels = 1 if samples.ndim == 2 else samples.shape[2]
    header = _box(b"ihdr", struct.pack(">IIH4B", H, W, channels, bits - 1, 7, 0, 0))
    header += _box(b"colr", struct.pack(">3BI", 1, 0, 0, space)) + boxes
    start = _box(b"jP  ", b"\r\n\x87\n") + _box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
    return (
        start
        + _box(b"jp2h", header)
        + _box(b"jp2c", jpeg2000(samples, codecformat="j2k", mct=False, bitspersample=bits))
    )


# ---- AVIF and WebP --------------------------------------------------------------------------------------------------


def avif_kinds() -> Iterator[Case]:
    """Depths, chroma, alpha, matrices."""
    layouts = [layout for layout in imagecodecs.AVIF.PIXEL_FORMAT if layout.name.startswith("YUV")]
    for bits, (name, (values, shown)), layout in product((8, 10, 12), _KINDS.items(), layouts):
        if layout.name == "YUV400" and "RGB" in name:
            continue
        data = bytes(
            imagecodecs.avif_encode(words(values, bits), level=95, bitspersample=bits, pixelformat=layout, speed=10)
        )
        yield Case(f"{name}, {bits} bits, {layout.name}", data, shown, 40)
    for bits, matrix in product((8, 10, 12), imagecodecs.AVIF.MATRIX_COEFFICIENTS):
        options: dict[str, Any] = {"bitspersample": bits, "pixelformat": "yuv444", "matrix": matrix, "speed": 10}
        try:
            data = bytes(imagecodecs.avif_encode(words(RGB, bits), level=95, **options))
        except RuntimeError:  # libavif does not write this one
            continue
        yield Case(f"matrix {matrix.name}, {bits} bits", data, RGB, 20)


def webp_kinds() -> Iterator[Case]:
    """With and without loss, with and without alpha."""
    for name, lossless in product(("RGB", "RGB, alpha"), (True, False)):
        values, shown = _KINDS[name]
        data = bytes(imagecodecs.webp_encode(words(values, 8), level=95, lossless=lossless))
        yield Case(f"{name}{', lossless' if lossless else ''}", data, shown, 1.1 if lossless else 40)
