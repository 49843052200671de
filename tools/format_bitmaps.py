"""BMP, TGA, DDS, Netpbm, SGI, Sun, PCX, PSD, GIF, QOI, XPM and XBM files of every kind of samples.

All are written here from their specifications, except for QOI, GIF and some BMP, which imagecodecs writes, and DDS,
whose blocks are noise that imagecodecs decodes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import product

import imagecodecs
import numpy as np

from format_pictures import ALPHA, BLACK_WHITE, GREY, RGB, UNKNOWN, Case, H, W, lab, levels, on_white, pack

RGB8 = levels(RGB, 8).astype(np.uint8)
RGBA8 = levels(np.dstack([RGB, ALPHA]), 8).astype(np.uint8)


def fields(red: int, green: int, blue: int) -> tuple[np.ndarray, np.ndarray, tuple[int, int, int]]:
    """Samples of these numbers of bits packed into one word, what they show, and the channels' masks."""
    samples = [levels(RGB[..., i], bits) for i, bits in enumerate((red, green, blue))]
    word = samples[0] << (green + blue) | samples[1] << blue | samples[2]
    shown = np.dstack([s / (2**bits - 1) for s, bits in zip(samples, (red, green, blue), strict=True)])
    masks = ((2**red - 1) << (green + blue), (2**green - 1) << blue, 2**blue - 1)
    return word, shown, masks


# ---- BMP ------------------------------------------------------------------------------------------------------------

_RAW, _RLE8, _RLE4, _FIELDS, _JPEG, _PNG = range(6)


def bmp(rows: bytes, bits: int, palette: bytes = b"", compression: int = _RAW, *, masks: bytes = b"", header: int = 40,
        top_down: bool = False, size: tuple[int, int] = (W, H)) -> bytes:  # fmt: skip
    """A BMP file with a header of 12 (OS/2), 40 (then ``masks``) or 124 bytes (``masks`` within)."""
    width, height = size
    if header == 12:
        info = struct.pack("<I4H", 12, width, height, 1, bits)
    else:
        height = -height if top_down else height
        colours = len(palette) // 4
        info = struct.pack("<IiiHH6I", header, width, height, 1, bits, compression, len(rows), 2835, 2835, colours, 0)
        info += masks.ljust(header - 40, b"\0")
    start = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<I4xI", start + len(rows), start) + info + palette + rows


def _rows(samples: np.ndarray, bits: int, top_down: bool = False) -> bytes:
    """Rows from the bottom up unless ``top_down``, each padded to a multiple of four bytes."""
    samples = samples if top_down else samples[::-1]
    packed = (pack(row[None], bits, "<") for row in samples)
    return b"".join(row + bytes(-len(row) % 4) for row in packed)


def bmp_kinds() -> Iterator[Case]:
    """Palettes, bit fields, run lengths, headers, both directions."""
    rng = np.random.default_rng(0)
    for bits, top_down in product((1, 2, 4, 8), (False, True)):
        colours, indices = rng.integers(0, 256, (2**bits, 3)), rng.integers(0, 2**bits, (H, W))
        three = colours[:, ::-1].astype(np.uint8)
        four = np.hstack([three, np.zeros((2**bits, 1), np.uint8)]).tobytes()
        rows = _rows(indices, bits, top_down)
        data = bmp(rows, bits, four, top_down=top_down)
        yield Case(
            f"palette of {bits} bits{', top down' if top_down else ''}", data, colours[indices] / 255, rare=bits == 2
        )
        if not top_down:
            data = bmp(rows, bits, three.tobytes(), header=12)
            yield Case(f"palette of {bits} bits, OS/2", data, colours[indices] / 255, rare=bits == 2)
            few = max(1, 2**bits - 3)
            data = bmp(_rows(indices % few, bits), bits, four[: 4 * few])
            yield Case(f"palette of {few} colours", data, colours[indices % few] / 255, rare=bits == 2)
    for top_down in (False, True):
        end = ", top down" if top_down else ""
        yield Case(f"24 bits{end}", bmp(_rows(RGB8[..., ::-1], 8, top_down), 24, top_down=top_down), RGB)
        for fourth in (0, 255, RGBA8[..., 3:]):  # without an alpha mask, these bytes mean nothing
            samples = np.dstack([RGB8[..., ::-1], np.broadcast_to(fourth, (H, W, 1))])
            yield Case(
                f"32 bits, the last {np.max(fourth)}{end}", bmp(_rows(samples, 8, top_down), 32, top_down=top_down), RGB
            )
    for (red, green, blue), header in product(((5, 5, 5), (5, 6, 5), (4, 4, 4), (8, 8, 8), (10, 10, 10)), (40, 124)):
        word, shown, masks = fields(red, green, blue)
        bits = 16 if red + green + blue <= 16 else 32
        data = bmp(_rows(word, bits), bits, compression=_FIELDS, masks=struct.pack("<3I", *masks), header=header)
        yield Case(f"bit fields {red}, {green}, {blue}, header {header}", data, shown, rare=red not in (5, 8))
    yield Case("16 bits", bmp(_rows(fields(5, 5, 5)[0], 16), 16), fields(5, 5, 5)[1])
    for order in ((2, 1, 0, 3), (0, 1, 2, 3), (3, 2, 1, 0), (3, 0, 1, 2)):
        four_masks = [0xFF << 8 * order.index(channel) for channel in range(4)]
        rows = _rows(RGBA8[..., list(order)], 8)
        data = bmp(rows, 32, compression=_FIELDS, masks=struct.pack("<4I", *four_masks), header=124)
        yield Case(f"alpha, channels {order}", data, on_white(RGB), rare=order != (2, 1, 0, 3))
        data = bmp(rows, 32, compression=_FIELDS, masks=struct.pack("<3I", *four_masks[:3]))
        yield Case(f"no mask of alpha, channels {order}", data, RGB, rare=order != (2, 1, 0, 3))
    half = np.where(ALPHA > 0.5, 0x8000, 0)
    packed = struct.pack("<4I", *fields(5, 5, 5)[2], 0x8000)
    data = bmp(_rows(fields(5, 5, 5)[0] | half, 16), 16, compression=_FIELDS, masks=packed, header=124)
    yield Case("one bit of alpha", data, np.where(half[..., None] > 0, fields(5, 5, 5)[1], 1), rare=True)
    table = np.hstack([rng.integers(0, 256, (256, 3)), np.zeros((256, 1), int)]).astype(np.uint8)
    for name, made, indices in _run_lengths():
        yield Case(name, made(table.tobytes()), table[indices][..., 2::-1] / 255, rare=name != "RLE8")
    for compression in (_JPEG, _PNG):
        yield Case(f"compression {compression}", bmp(b"\xff\xd8", 24, compression=compression), UNKNOWN, rare=True)
    yield Case("by imagecodecs", bytes(imagecodecs.bmp_encode(RGB8)), RGB)


def _run_lengths() -> Iterator[tuple[str, Callable[[bytes], bytes], np.ndarray]]:
    """Each name, a function from a palette to the file, and the indices it shows. Windows GDI: bitmap compression."""
    indices = (np.arange(W) // 5 + np.arange(H)[:, None] // 7) % 256
    runs = b"".join(b"".join(bytes((1, value)) for value in row) + b"\0\0" for row in indices[::-1]) + b"\0\1"
    yield "RLE8", lambda colours: bmp(runs, 8, colours, _RLE8), indices
    jumps = bytes((3, 5, 0, 2, 4, 1, 2, 7, 0, 0, 0, 1))
    indices = np.zeros((3, 10), int)
    indices[2, :3], indices[1, 7:9] = 5, 7
    yield "RLE8 with jumps", lambda colours: bmp(jumps, 8, colours, _RLE8, size=(10, 3)), indices
    nibbles = bytes((5, 0x12, 0, 5, 0x34, 0x56, 0x70, 0, 0, 0, 4, 0x21, 6, 0x33, 0, 1))
    indices = np.array([[2, 1, 2, 1, 3, 3, 3, 3, 3, 3], [1, 2, 1, 2, 1, 3, 4, 5, 6, 7]])
    yield "RLE4", lambda colours: bmp(nibbles, 4, colours[:64], _RLE4, size=(10, 2)), indices


# ---- TGA (Truevision 2.0) -------------------------------------------------------------------------------------------


def tga_kinds() -> Iterator[Case]:
    """All four corners to start from, palettes, alpha, run lengths."""
    rng = np.random.default_rng(0)
    indices, colours = rng.integers(0, 100, (H, W)), rng.integers(0, 256, (100, 4))
    reds = fields(5, 5, 5)
    opacity = colours[indices][..., 3:] / 255
    bgr, bgra = colours[:, 2::-1], colours[:, [2, 1, 0, 3]]
    short = colours[:, 0] >> 3 << 10 | colours[:, 1] >> 3 << 5 | colours[:, 2] >> 3
    pictures: tuple[tuple[str, int, np.ndarray, int, int, np.ndarray], ...] = (
        ("24 bits", 2, RGB8[..., ::-1], 24, 0, RGB),
        ("32 bits, alpha", 2, RGBA8[..., [2, 1, 0, 3]], 32, 8, on_white(RGB)),
        ("32 bits, no alpha", 2, RGBA8[..., [2, 1, 0, 3]], 32, 0, RGB),
        ("16 bits", 2, reds[0], 16, 0, reds[1]),
        ("grey", 3, RGB8[..., 1], 8, 0, GREY),
        ("grey, alpha", 3, RGBA8[..., [1, 3]], 16, 8, on_white(GREY)),
        ("24 bits, runs", 10, RGB8[..., ::-1], 24, 0, RGB),
        ("grey, runs", 11, RGB8[..., 1], 8, 0, GREY),
    )
    palettes = (
        ("24", bgr, 24, 0, colours[indices][..., :3] / 255),
        ("32", bgra, 32, 8, colours[indices][..., :3] / 255 * opacity + 1 - opacity),
        ("16", short, 16, 0, colours[indices][..., :3] // 8 / 31),
    )
    for corner in range(4):  # bit 0: from the right, bit 1: from the top
        for name, kind, samples, bits, alpha, shown in pictures:
            yield Case(f"{name}, corner {corner}", _tga(samples, kind, bits, corner << 4 | alpha), shown, 1.6)
        for (depth, entries, bits, alpha, shown), first in product(palettes, (0, 7)):
            table = pack(entries, 16, "<") if bits == 16 else pack(entries, 8)
            data = _tga(indices + first, 1, 8, corner << 4 | alpha, table, (first, 100, bits))
            yield Case(f"palette of {depth} bits from {first}, corner {corner}", data, shown, 1.6)


def _tga(samples: np.ndarray, kind: int, bits: int, descriptor: int, palette: bytes = b"",
         table: tuple[int, int, int] = (0, 0, 0)) -> bytes:  # fmt: skip
    samples = samples if descriptor & 32 else samples[::-1]
    samples = samples[:, ::-1] if descriptor & 16 else samples
    rows = pack(samples, 16 if samples.ndim == 2 and bits == 16 else 8, "<")
    if kind > 8:  # packets of eight literal pixels
        step = bits
        rows = b"".join(b"\7" + rows[i : i + step] for i in range(0, len(rows), step))
    header = struct.pack("<3B2HB4H2B", 0, bool(palette), kind, *table, 0, 0, W, H, bits, descriptor)
    return header + palette + rows


# ---- DDS (Microsoft) ------------------------------------------------------------------------------------------------


def dds_kinds() -> Iterator[Case]:
    """Block compression of noise, and plain samples."""
    rng = np.random.default_rng(0)
    for name, code, number, size in (
        ("BC1", b"DXT1", 0, 8), ("BC2", b"DXT3", 0, 16), ("BC3", b"DXT5", 0, 16), ("BC4", b"ATI1", 0, 8),
        ("BC5", b"ATI2", 0, 16), ("BC4 signed", b"BC4S", 0, 8), ("BC5 signed", b"BC5S", 0, 16),
        ("BC6H", b"DX10", 95, 16), ("BC7", b"DX10", 98, 16), ("premultiplied", b"DXT2", 0, 16),
    ):  # fmt: skip
        blocks = rng.integers(1, 256, W * H // 16 * size).astype(np.uint8)
        if name == "BC7":
            blocks[::16] |= 1  # never a reserved mode
        data = _dds(blocks.tobytes(), struct.pack("<II4s20x", 32, 4, code), number)
        shown = UNKNOWN
        if name in ("BC1", "BC2", "BC3", "BC4", "BC7"):
            shown = np.asarray(imagecodecs.dds_decode(data)) / 255
            if shown.ndim == 3:
                shown = shown[..., :3] * shown[..., 3:] + 1 - shown[..., 3:]
        yield Case(name, data, shown, 9, rare=name not in ("BC1", "BC3"))
    word, shown, masks = fields(5, 6, 5)
    for name, bits, all_masks, samples, seen in (
        ("24 bits", 24, (0xFF0000, 0xFF00, 0xFF, 0), RGB8[..., ::-1], RGB),
        ("32 bits, alpha", 32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), RGBA8[..., [2, 1, 0, 3]], on_white(RGB)),
        ("5, 6, 5", 16, (*masks, 0), word, shown),
    ):  # fmt: skip
        layout = struct.pack("<II4x5I", 32, 0x40 | bool(all_masks[3]), bits, *all_masks)
        yield Case(name, _dds(pack(samples, 16 if bits == 16 else 8, "<"), layout), seen, 1.6)


def _dds(data: bytes, layout: bytes, number: int = 0) -> bytes:
    extended = struct.pack("<5I", number, 3, 0, 1, 0) if number else b""
    return (
        b"DDS "
        + struct.pack("<7I44x", 124, 0x1007, H, W, 0, 0, 0)
        + layout
        + struct.pack("<I16x", 0x1000)
        + extended
        + data
    )


# ---- Netpbm, SGI, Sun, PCX, PSD, and more ---------------------------------------------------------------------------


def netpbm_kinds() -> Iterator[Case]:
    """Any value for white, as bytes and as text."""
    for white, (name, values) in product((1, 3, 100, 255, 256, 1023, 4095, 65535), (("grey", GREY), ("RGB", RGB))):
        samples = np.round(values * white).astype(int)
        header = f"\n# a comment\n{W} {H}\n{white}\n".encode()
        plain, text = (b"P5", b"P2") if values.ndim == 2 else (b"P6", b"P3")
        data = plain + header + pack(samples, 8 if white < 256 else 16)
        yield Case(f"{name} to {white}", data, samples / white)
        yield Case(
            f"{name} to {white}, text", text + header + " ".join(map(str, samples.ravel())).encode(), samples / white
        )
    inks, size = 1 - BLACK_WHITE, f"\n{W} {H}\n".encode()
    yield Case("bitmap", b"P4" + size + pack(inks, 1), BLACK_WHITE)
    yield Case("bitmap, text", b"P1" + size + " ".join(map(str, inks.ravel())).encode(), BLACK_WHITE)
    for end, order in ((-1, "<"), (1, ">")):
        header = f"\n{W} {H}\n{end}\n".encode()
        yield Case(f"floats, {order}", b"PF" + header + RGB[::-1].astype(order + "f4").tobytes(), UNKNOWN, rare=True)
        yield Case(
            f"grey floats, {order}", b"Pf" + header + GREY[::-1].astype(order + "f4").tobytes(), UNKNOWN, rare=True
        )
    header = f"P7\nWIDTH {W}\nHEIGHT {H}\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n".encode()
    yield Case("PAM", header + RGB8.tobytes(), RGB, rare=True)


def sgi_kinds() -> Iterator[Case]:
    """8 and 16 bits, with run lengths and without. The SGI Image File Format, 1.0."""
    pictures = (("grey", GREY[..., None], GREY), ("RGB", RGB, RGB), ("RGBA", np.dstack([RGB, ALPHA]), on_white(RGB)))
    for size, runs, (name, values, shown) in product((1, 2), (False, True), pictures):
        channels = values.shape[2]
        rows = levels(values, 8 * size).transpose(2, 0, 1)[:, ::-1].reshape(-1, W)
        shape = (2 if channels == 1 else 3, W, H, channels, 0, 255 if size == 1 else 65535)
        header = struct.pack(">H2B4H2I", 474, runs, size, *shape).ljust(512, b"\0")
        body = [pack(row[None], 8 * size) for row in rows]
        if runs:
            body = [pack(np.array([[0x80 | W, *row, 0]]), 8 * size) for row in rows]
            start = 512 + 8 * len(body)
            header += struct.pack(f">{len(body)}I", *(start + i * len(body[0]) for i in range(len(body))))
            header += struct.pack(f">{len(body)}I", *map(len, body))
        yield Case(f"{name}, {8 * size} bits{', runs' if runs else ''}", header + b"".join(body), shown, 1.6)


def sun_kinds() -> Iterator[Case]:
    """Depths, palettes and both orders of colours. Sun's rasterfile.h."""
    rng = np.random.default_rng(0)
    colours, indices = rng.integers(0, 256, (3, 256)), rng.integers(0, 256, (H, W))
    filled = np.dstack([np.zeros((H, W), np.uint8), RGB8])
    for name, depth, order, samples, shown in (
        ("24 bits", 24, 1, RGB8[..., ::-1], RGB), ("24 bits, RGB", 24, 3, RGB8, RGB),
        ("32 bits", 32, 1, filled[..., [0, 3, 2, 1]], RGB), ("32 bits, RGB", 32, 3, filled, RGB),
        ("grey", 8, 1, RGB8[..., 1], GREY), ("1 bit", 1, 1, 1 - BLACK_WHITE, BLACK_WHITE),
        ("palette", 8, 1, indices, colours[:, indices].transpose(1, 2, 0) / 255),
    ):  # fmt: skip
        table = colours.astype(np.uint8).tobytes() if name == "palette" else b""
        rows = pack(samples, 1 if depth == 1 else 8)
        header = struct.pack(">8I", 0x59A66A95, W, H, depth, len(rows), order, bool(table), len(table))
        yield Case(name, header + table + rows, shown, rare=depth == 32)


def pcx_kinds() -> Iterator[Case]:
    """With run lengths and, as some programs write it, without. ZSoft's technical reference, 5."""
    rng = np.random.default_rng(0)
    colours, indices = rng.integers(0, 256, (256, 3)), rng.integers(0, 256, (H, W))
    table = b"\x0c" + colours.astype(np.uint8).tobytes()
    for runs, (name, planes, bits, shown, end) in product((True, False), (
        ("grey", RGB8[..., 1][None], 8, GREY, b"\x0c" + bytes(np.repeat(np.arange(256), 3).tolist())),
        ("RGB", RGB8.transpose(2, 0, 1), 8, RGB, b""),
        ("palette", indices[None], 8, colours[indices] / 255, table),
        ("1 bit", BLACK_WHITE[None], 1, BLACK_WHITE, b""),
    )):  # fmt: skip
        row = W * bits // 8
        header = struct.pack("<4B6H", 10, 5, runs, bits, 0, 0, W - 1, H - 1, 72, 72)
        header += (b"\0\0\0\xff\xff\xff" if bits == 1 else b"").ljust(49, b"\0") + struct.pack(
            "<BHH", len(planes), row, 1
        )
        lines = b"".join(pack(plane[y : y + 1], bits) for y in range(H) for plane in planes)
        body = b"".join(bytes((0xC1, byte)) for byte in lines) if runs else lines
        yield Case(f"{name}{'' if runs else ', no runs'}", header.ljust(128, b"\0") + body + end, shown, rare=not runs)


def psd_kinds() -> Iterator[Case]:
    """Colour modes, depths, alpha. Adobe Photoshop File Formats Specification."""
    rng = np.random.default_rng(0)
    colours, indices = rng.integers(0, 256, (3, 256)), rng.integers(0, 256, (H, W))
    rgb, alpha = list(RGB8.transpose(2, 0, 1)), RGBA8[..., 3]
    lightness, a, b = np.round(lab(RGB) * (2.55, 1, 1) + (0, 128, 128)).astype(int).transpose(2, 0, 1)
    for name, mode, bits, channels, shown in (
        ("bitmap", 0, 1, [1 - BLACK_WHITE], BLACK_WHITE),
        ("grey", 1, 8, [rgb[1]], GREY),
        ("palette", 2, 8, [indices], colours[:, indices].transpose(1, 2, 0) / 255),
        ("RGB", 3, 8, rgb, RGB),
        ("CMYK", 4, 8, [*rgb, np.full((H, W), 255)], RGB),
        ("duotone", 8, 8, [rgb[1]], GREY),
        ("Lab", 9, 8, [lightness, a, b], RGB),
        ("several channels", 7, 8, rgb, UNKNOWN),
        ("RGB and a selection", 3, 8, [*rgb, rgb[1]], RGB),
        ("RGB and transparency", 3, 8, [*rgb, alpha], on_white(RGB)),
        ("grey and transparency", 1, 8, [rgb[1], alpha], on_white(GREY)),
        ("CMYK and transparency", 4, 8, [*rgb, np.full((H, W), 255), alpha], on_white(RGB)),
        ("16 bits", 3, 16, list(levels(RGB, 16).transpose(2, 0, 1)), RGB),
        ("32 bits", 3, 32, [np.zeros((H, W), int)] * 3, UNKNOWN),
    ):  # fmt: skip
        table = colours.astype(np.uint8).tobytes() if mode == 2 else b""
        header = b"8BPS" + struct.pack(">H6xHIIHHI", 1, len(channels), H, W, bits, mode, len(table)) + table
        data = header + struct.pack(">IIH", 0, 0, 0) + b"".join(pack(channel, bits) for channel in channels)
        rare = "and" in name or bits > 8 or shown is UNKNOWN
        yield Case(name, data, shown, 6 if name == "Lab" else 1.6, rare)


def other_kinds() -> Iterator[Case]:
    """GIF, QOI, X11's formats and FITS."""
    whole = bytes(imagecodecs.gif_encode(RGB8[..., 1]))
    yield Case("GIF, grey", whole, GREY)
    larger = whole[:6] + struct.pack("<HH", W + 9, H + 9) + whole[10:]
    yield Case("GIF that its frame does not fill", larger, UNKNOWN, rare=True)
    for name, samples, shown in (("RGB", RGB8, RGB), ("RGBA", RGBA8, on_white(RGB))):
        yield Case(f"QOI, {name}", bytes(imagecodecs.qoi_encode(samples)), shown)
    for digits in (1, 2, 4):
        colours = [f"#{'f' * digits}{'8' * digits}{'0' * digits}", f"#{'0' * 3 * digits}"]
        pixels = ",\n".join('"' + "".join("ab"[v] for v in row) + '"' for row in 1 - BLACK_WHITE)
        text = (
            f'/* XPM */\nstatic char *p[] = {{\n"{W} {H} 2 1",\n"a c {colours[0]}",\n"b c {colours[1]}",\n{pixels}}};\n'
        )
        shown = BLACK_WHITE[..., None] * (1, 0x88 / 255, 0)
        yield Case(f"XPM, {digits} digits", text.encode(), shown, rare=digits != 2)
    low_first = np.packbits((1 - BLACK_WHITE).astype(np.uint8), axis=1, bitorder="little").ravel()
    listed = ", ".join(f"0x{byte:02x}" for byte in low_first)
    text = f"#define p_width {W}\n#define p_height {H}\nstatic char p_bits[] = {{\n{listed}}};\n"
    yield Case("XBM", text.encode(), BLACK_WHITE)
    cards = ("SIMPLE  =                    T", "BITPIX  =                   16", "NAXIS   =                    2",
             f"NAXIS1  = {W:20}", f"NAXIS2  = {H:20}", "END")  # fmt: skip
    header = "".join(card.ljust(80) for card in cards).ljust(2880).encode()
    yield Case("FITS", header + pack(levels(GREY, 15), 16).ljust(2880 * 3, b"\0"), UNKNOWN, rare=True)
