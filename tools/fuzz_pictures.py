"""Small pictures of every format that ``repro encode`` reads, and damaged ones made from them: number → bytes.

A number always gives the same bytes while the libraries that write the sound pictures stay the same.
"""

from __future__ import annotations

import functools
import io
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tifffile
from PIL import Image, ImageCms

from repro.jpeg.segments import segments

_WIDTH, _HEIGHT = 41, 30
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    b' tiff:Orientation="6"><dc:rights><rdf:Alt><rdf:li xml:lang="x-default">nobody\'s</rdf:li></rdf:Alt></dc:rights>'
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)
_IPTC = b"\x1c\x02\x74\0\x04made\x1c\x02\x50\0\x02me"
_8BIM = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(_IPTC)) + _IPTC + bytes(len(_IPTC) % 2)
#: Marks of a file's meaningful parts, behind which damage is likelier to be more than noise.
_LANDMARKS = (
    b"Exif\0\0", b"ICC_PROFILE\0", b"ns.adobe.com", b"8BIM", b"MPF\0", b"II*\0", b"MM\0*", b"II+\0", b"acsp", b"mntr",
    b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"gAMA", b"cHRM", b"cICP", b"eXIf", b"acTL", b"fcTL", b"VP8X", b"ANMF", b"EXIF",
    b"ispe", b"iloc", b"pixi", b"colr", b"av1C", b"irot", b"jp2h", b"ihdr", b"\xff\x51", b"\xff\x52", b"\xff\xc0",
    b"\xff\xc2", b"\xff\xc4", b"\xff\xda", b"\xff\xdb", b"\xff\xee", b"NETSCAPE",
)  # fmt: skip


def mutant(number: int) -> tuple[str, bytes]:
    """The kind of picture it was made from, such as ``"PNG palette"``, and the damaged picture."""
    kinds = list(sound())
    kind = kinds[number % len(kinds)]
    rng = random.Random(number)
    data = damaged(sound()[kind], rng)
    if kind.startswith("PNG") and rng.random() < 0.8:
        data = with_right_sums(data)
    return kind, data


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The file, damaged once, twice or four times."""
    for _ in range(rng.choice((1, 1, 1, 1, 2, 4))):
        data = rng.choice(_DAMAGES)(data, rng)
    return data


# ---- damage ---------------------------------------------------------------------------------------------------------


def _place(data: bytes, rng: random.Random) -> int:
    """A position anywhere, near the beginning, or behind a landmark."""
    where = rng.random()
    if where < 0.25:
        return rng.randrange(min(len(data), 64) or 1)
    found = [at for mark in _LANDMARKS if (at := data.find(mark)) >= 0]
    if where < 0.75 and found:
        return min(rng.choice(found) + rng.randrange(80), len(data) - 1)
    return rng.randrange(len(data) or 1)


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _flip(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 2, 8)) if out else 0):
        out[_place(data, rng)] ^= 1 << rng.randrange(8)
    return bytes(out)


def _field(data: bytes, rng: random.Random) -> bytes:
    """Set a number of 1, 2, 4 or 8 bytes to a smallest or largest value, with or without sign, or to a random one."""
    size, at = rng.choice((1, 2, 2, 4, 4, 8)), _place(data, rng)
    most = (1 << 8 * size) - 1
    value = rng.choice((0, 1, 2, most, most - 1, most >> 1, (most >> 1) + 1, rng.randrange(most)))
    return data[:at] + value.to_bytes(size, rng.choice(("big", "little"))) + data[at + size :]


def _digits(data: bytes, rng: random.Random) -> bytes:
    """The same for numbers written in digits, as in PPM, XPM and XBM."""
    at = _place(data, rng)
    while at < len(data) and not data[at : at + 1].isdigit():
        at += 1
    end = at
    while end < len(data) and data[end : end + 1].isdigit():
        end += 1
    return data[:at] + rng.choice((b"0", b"-1", b"1", b"65536", b"4294967295", b"9" * 30, b"")) + data[end:]


def _insert(data: bytes, rng: random.Random) -> bytes:
    at, size = _place(data, rng), rng.choice((1, 2, 7, 64, 1000))
    return data[:at] + rng.choice((bytes(size), b"\xff" * size, rng.randbytes(size))) + data[at:]


def _delete(data: bytes, rng: random.Random) -> bytes:
    at = _place(data, rng)
    return data[:at] + data[at + rng.choice((1, 2, 4, 16, 200)) :]


def _duplicate(data: bytes, rng: random.Random) -> bytes:
    at = _place(data, rng)
    return data[:at] + data[at : at + rng.choice((1, 4, 12, 100))] * rng.choice((2, 3, 50)) + data[at:]


def _chunks(data: bytes, rng: random.Random) -> bytes:
    """Swap, leave out or repeat chunks of the file."""
    parts = _parted(data, rng)
    a, b = rng.randrange(len(parts)), rng.randrange(len(parts))
    kind = rng.randrange(3)
    if kind == 0:
        parts[a], parts[b] = parts[b], parts[a]
    elif kind == 1:
        del parts[a]
    else:
        parts.insert(b, parts[a])
    return b"".join(parts)


def _splice(data: bytes, rng: random.Random) -> bytes:
    """Join the beginning of the picture and the end of another."""
    other = sound()[rng.choice(list(sound()))]
    return data[: _place(data, rng)] + other[_place(other, rng) :]


def _foreign_chunk(data: bytes, rng: random.Random) -> bytes:
    """Insert a chunk of another picture of any format."""
    parts = _parted(data, rng)
    parts.insert(rng.randrange(len(parts) + 1), rng.choice(_parted(sound()[rng.choice(list(sound()))], rng)))
    return b"".join(parts)


_DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _cut, _flip, _flip, _field, _field, _field, _digits, _insert, _delete, _duplicate, _chunks, _splice, _foreign_chunk,
)  # fmt: skip


def _parted(data: bytes, rng: random.Random) -> list[bytes]:
    """The chunks of a PNG, JPEG, RIFF or ISO file; of another, pieces cut at random."""
    starts = [0]
    if data.startswith(b"\x89PNG"):
        starts += _boxes(data, 8, ">I", 0, 12)
    elif data.startswith(b"\xff\xd8"):
        starts += [segment.start for segment in segments(data)]
    elif data.startswith(b"RIFF"):
        starts += _boxes(data, 12, "<I", 4, 8)
    elif data[4:8] in (b"ftyp", b"jP  "):
        starts += _boxes(data, 0, ">I", 0, 0)[1:]
    else:
        starts += sorted(rng.sample(range(1, len(data)), min(5, len(data) - 1))) if len(data) > 1 else []
    return [data[a:b] for a, b in zip(starts, [*starts[1:], len(data)], strict=True)]


def _boxes(data: bytes, at: int, number: str, size_at: int, more: int) -> list[int]:
    starts = []
    while at + 8 <= len(data):
        starts.append(at)
        at += max(8, struct.unpack_from(number, data, at + size_at)[0] + more)
    return starts


def with_right_sums(data: bytes) -> bytes:
    """A PNG with correct check sums, without which its decoder would look no further."""
    out = bytearray(data)
    for at in _boxes(data, 8, ">I", 0, 12):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 <= len(data):
            out[end : end + 4] = struct.pack(">I", zlib.crc32(data[at + 4 : end]))
    return bytes(out)


# ---- sound pictures -------------------------------------------------------------------------------------------------


@functools.cache
def sound() -> dict[str, bytes]:
    """Kind, beginning with the format's name, → a picture of at most 41×30 pixels."""
    return {kind: data for make in (_jpegs, _pngs, _tiffs, _webs, _plain, _by_hand) for kind, data in make().items()}


def _rgb() -> Image.Image:
    y, x = np.mgrid[:_HEIGHT, :_WIDTH]
    waves = [128 + 100 * np.sin(x / (4 + c)) * np.cos(y / (7 - c)) for c in range(3)]
    return Image.fromarray(np.stack(waves, axis=-1).astype(np.uint8))


def _rgba() -> Image.Image:
    image = _rgb()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def made_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x8298] = 6, "a made picture", "nobody"
    exif.get_ifd(0x8769)[0xA001] = 65535
    exif.get_ifd(0x8825)[2] = (1.0, 2.0, 3.5)
    exif.get_ifd(0xA005)[1] = "R03"
    return exif


def _icc() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _segment(marker: int, payload: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", 2 + len(payload)) + payload


def _jpegs() -> dict[str, bytes]:
    rgb = _rgb()
    plain = _saved(rgb, "JPEG", quality=60)
    about = {"exif": made_exif(), "icc_profile": _icc(), "xmp": XMP, "comment": b"made", "dpi": (300, 300)}
    frame = next(segment for segment in segments(plain) if segment.is_frame)
    photoshop = _segment(0xED, b"Photoshop 3.0\0" + _8BIM)
    return {
        "JPEG baseline": plain,
        "JPEG progressive": _saved(rgb, "JPEG", quality=80, progressive=True),
        "JPEG 4:4:4 with restarts": _saved(rgb, "JPEG", subsampling=0, restart_marker_rows=1),
        "JPEG grey": _saved(rgb.convert("L"), "JPEG"),
        "JPEG CMYK": _saved(rgb.convert("CMYK"), "JPEG"),
        "JPEG RGB": _saved(rgb, "JPEG", keep_rgb=True),
        "JPEG 12-bit": plain[: frame.start] + b"\xff\xc1" + plain[frame.start + 2 : frame.start + 4] + b"\x0c"
        + plain[frame.start + 5 :],
        "JPEG metadata": _saved(rgb, "JPEG", **about),
        "JPEG progressive metadata": _saved(rgb.convert("L"), "JPEG", progressive=True, **about),
        "JPEG IPTC": plain[:2] + photoshop + plain[2:],
        "JPEG large file": plain[:2] + _segment(0xE1, b"Exif\0\0" + bytes(3000)) + plain[2:] + plain * 3,
        "MPO two views": _saved(rgb, "MPO", save_all=True, append_images=[rgb.convert("L")], exif=made_exif()),
    }  # fmt: skip


def _pngs() -> dict[str, bytes]:
    rgb, grey = _rgb(), _rgb().convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    plain = _saved(rgb, "PNG")
    after_header, chunks = 33, {}
    for name, body in {
        "gAMA cHRM": [(b"gAMA", struct.pack(">I", 100000)), (b"cHRM", struct.pack(">8I", *range(30000, 38000, 1000)))],
        "cICP": [(b"cICP", bytes((9, 16, 0, 1)))],
        "sRGB": [(b"sRGB", b"\0")],
    }.items():
        made = b"".join(struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b in body)
        chunks[f"PNG {name}"] = plain[:after_header] + made + plain[after_header:]
    return chunks | {
        "PNG RGB": plain,
        "PNG RGBA": _saved(_rgba(), "PNG"),
        "PNG grey": _saved(grey, "PNG"),
        "PNG grey, alpha": _saved(_rgba().convert("LA"), "PNG"),
        "PNG palette": _saved(rgb.quantize(16), "PNG", transparency=3, bits=4),
        "PNG bits": _saved(grey.convert("1"), "PNG"),
        "PNG key colour": _saved(rgb, "PNG", transparency=(128, 128, 128)),
        "PNG 16-bit grey": _saved(deep, "PNG"),
        "PNG 16-bit RGB": _deep_png(),
        "PNG metadata": _saved(rgb, "PNG", exif=made_exif(), icc_profile=_icc(), dpi=(72, 72)),
        "PNG animation": _saved(grey, "PNG", save_all=True, append_images=[grey.rotate(90)], duration=50),
    }


def _deep_png() -> bytes:
    """A 16-bit RGB PNG with a transparent colour, which Pillow does not write."""
    samples = np.asarray(_rgb()).astype(">u2") * 257
    parts = [
        b"IHDR" + struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 16, 2, 0, 0, 0),
        b"tRNS" + struct.pack(">3H", 1, 2, 3),
        b"IDAT" + zlib.compress(b"".join(b"\0" + row.tobytes() for row in samples)),
        b"IEND",
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts
    )


def _tiffs() -> dict[str, bytes]:
    rgb, grey = _rgb(), _rgb().convert("L")
    made = {
        f"TIFF {compression}": _saved(rgb, "TIFF", compression=compression)
        for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
    }
    made |= {f"TIFF bits {c}": _saved(grey.convert("1"), "TIFF", compression=c) for c in ("group3", "group4")}
    made["TIFF CMYK"] = _saved(rgb.convert("CMYK"), "TIFF", dpi=(300, 300))
    made["TIFF Lab"] = _saved(Image.frombytes("LAB", rgb.size, rgb.tobytes()), "TIFF")
    made["TIFF metadata"] = _saved(rgb, "TIFF", exif=made_exif(), icc_profile=_icc())
    made["TIFF palette"] = _saved(rgb.quantize(16), "TIFF")
    values = np.asarray(rgb)
    deep = values.astype(np.uint16) * 257
    photo: dict[str, Any] = {"photometric": "rgb", "metadata": None}
    cases: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
        "16-bit": (deep, photo),
        "16-bit planes": (np.moveaxis(deep, -1, 0), photo | {"planarconfig": "separate"}),
        "16-bit grey, big-endian": (deep[..., 0], {"photometric": "minisblack", "byteorder": ">", "metadata": None}),
        "white is zero": (values[..., 0], {"photometric": "miniswhite", "metadata": None}),
        "tiles": (values, photo | {"tile": (16, 16)}),
        "deflate, predictor": (values, photo | {"compression": "zlib", "predictor": True}),
        "BigTIFF": (values, photo | {"bigtiff": True}),
        "float": (values.astype(np.float32), photo),
    }
    for name, (samples, options) in cases.items():
        stream = io.BytesIO()
        tifffile.imwrite(stream, samples, **options)
        made[f"TIFF {name}"] = stream.getvalue()
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as file:
        file.write(values[::3, ::3], subfiletype=1, subifds=1, **photo)
        file.write(values, subfiletype=0, **photo)
        file.write(values, subfiletype=0, **photo)
    return made | {"TIFF pages and sub-IFD": stream.getvalue()}


def _webs() -> dict[str, bytes]:
    rgb, about = _rgb(), {"exif": made_exif(), "icc_profile": _icc(), "xmp": XMP}
    more = {"save_all": True, "append_images": [_rgb().rotate(90)]}
    return {
        "WebP lossy": _saved(rgb, "WEBP"),
        "WebP lossless": _saved(_rgba(), "WEBP", lossless=True),
        "WebP metadata": _saved(rgb, "WEBP", **about),
        "WebP animation": _saved(rgb, "WEBP", **more),
        "AVIF plain": _saved(rgb, "AVIF", speed=10),
        "AVIF alpha": _saved(_rgba(), "AVIF", speed=10),
        "AVIF metadata": _saved(rgb, "AVIF", speed=10, **about),
        "AVIF sequence": _saved(rgb, "AVIF", speed=10, **more),
        "JPEG2000 jp2": _saved(rgb, "JPEG2000", no_jp2=False),
        "JPEG2000 codestream": _saved(rgb, "JPEG2000", no_jp2=True, quality_layers=[20]),
        "JPEG2000 alpha, tiles": _saved(_rgba(), "JPEG2000", tile_size=(16, 16)),
        "JPEG2000 16-bit": _saved(Image.fromarray(np.asarray(rgb.convert("L")).astype(np.uint16) * 257), "JPEG2000"),
    }


def _plain() -> dict[str, bytes]:
    rgb, grey = _rgb(), _rgb().convert("L")
    square = rgb.resize((32, 32))
    return {
        "GIF plain": _saved(rgb, "GIF"),
        "GIF animation": _saved(rgb, "GIF", save_all=True, append_images=[grey], transparency=0, comment=b"made"),
        "BMP RGB": _saved(rgb, "BMP"),
        "BMP RGBA": _saved(_rgba(), "BMP"),
        "BMP palette": _saved(rgb.quantize(16), "BMP"),
        "BMP bits": _saved(grey.convert("1"), "BMP"),
        "DIB RGB": _saved(rgb, "DIB"),
        "PPM P6": _saved(rgb, "PPM"),
        "PPM P5": _saved(grey, "PPM"),
        "PPM P4": _saved(grey.convert("1"), "PPM"),
        "PPM P3": b"P3\n# made\n3 2\n255\n" + b"255 0 0 0 255 0 0 0 255\n" * 2,
        "PPM P5 of 16 bits": _saved(Image.fromarray(np.asarray(grey).astype(np.uint16) * 257), "PPM"),
        "TGA plain": _saved(rgb, "TGA"),
        "TGA run lengths": _saved(_rgba(), "TGA", compression="tga_rle"),
        "TGA palette": _saved(rgb.quantize(16), "TGA"),
        "ICO PNG": _saved(square, "ICO", sizes=[(16, 16), (32, 32)]),
        "ICO BMP": _saved(square, "ICO", sizes=[(16, 16), (32, 32)], bitmap_format="bmp"),
        "DDS RGBA": _saved(_rgba(), "DDS"),
        "DDS DXT5": _saved(_rgba(), "DDS", pixel_format="DXT5"),
        "QOI RGB": _saved(rgb, "QOI"),
        "SGI RGB": _saved(rgb, "SGI"),
        "PCX RGB": _saved(rgb, "PCX"),
        "PCX palette": _saved(rgb.quantize(16), "PCX"),
        "IM RGB": _saved(rgb, "IM"),
        "MSP bits": _saved(grey.convert("1"), "MSP"),
        "XBM bits": _saved(grey.convert("1"), "XBM"),
        "BLP palette": _saved(rgb.quantize(16), "BLP"),
    }


def _by_hand() -> dict[str, bytes]:
    """Formats that Pillow can read but not write."""
    rgb, grey = np.asarray(_rgb()), np.asarray(_rgb().convert("L"))
    planes = np.moveaxis(rgb, -1, 0)
    rows = [bytes((len(row) - 1,)) + row.tobytes() for plane in planes for row in plane]
    about = _8BIM + b"8BIM\x04\x0f\0\0" + struct.pack(">I", len(_icc())) + _icc()
    head = b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, _HEIGHT, _WIDTH, 8, 3) + bytes(4)
    head += struct.pack(">I", len(about)) + about + bytes(4)
    lengths = b"".join(struct.pack(">H", len(row)) for row in rows)
    pcx, ico = _saved(_rgb(), "PCX"), _saved(_rgb().resize((16, 16)), "ICO", sizes=[(16, 16)], bitmap_format="bmp")
    png = _saved(_rgba().resize((32, 32)), "PNG")
    xpm_rows = b",\n".join(b'"' + b"".join(b"ab"[v // 128 : v // 128 + 1] for v in row) + b'"' for row in grey)
    flic = struct.pack("<IHHHHHHI", 0, 0xAF11, 1, _WIDTH, _HEIGHT, 8, 3, 70).ljust(128, b"\0")
    flic_pixels = struct.pack("<IH", 6 + grey.size, 16) + grey.tobytes()
    flic += struct.pack("<IHH8x", 16 + len(flic_pixels), 0xF1FA, 1) + flic_pixels
    return {
        "PSD raw": head + b"\0\0" + planes.tobytes(),
        "PSD run lengths": head + b"\0\1" + lengths + b"".join(rows),
        "PSD grey": head[:12] + struct.pack(">HIIHH", 1, _HEIGHT, _WIDTH, 8, 1) + bytes(14) + grey.tobytes(),
        "SUN RGB": struct.pack(">8I", 0x59A66A95, _WIDTH, _HEIGHT, 24, rgb.size, 1, 0, 0)
        + np.pad(rgb.reshape(_HEIGHT, -1), ((0, 0), (0, 1))).tobytes(),
        "DCX pages": struct.pack("<4I", 0x3ADE68B1, 16, 16 + len(pcx), 0) + pcx + pcx,
        "ICNS icon": b"icns" + struct.pack(">I", 16 + len(png)) + b"icp5" + struct.pack(">I", 8 + len(png)) + png,
        "CUR cursor": ico[:2] + b"\2\0" + ico[4:],
        "XPM letters": b"/* XPM */\nstatic char *a[] = {\n\"%d %d 2 1\",\n\"a c #000000\",\n\"b c #ff8000\",\n"
        % (_WIDTH, _HEIGHT) + xpm_rows + b"};\n",
        "FLI frames": struct.pack("<I", len(flic)) + flic[4:],
        "PIXAR RGB": b"\x80\xe8\0\0".ljust(416, b"\0") + struct.pack("<HH", _HEIGHT, _WIDTH)
        + struct.pack("<2H", 14, 2).rjust(8, b"\0") .ljust(604, b"\0") + rgb.tobytes(),
        "GBR brush": struct.pack(">5I", 28 + 5, 2, _WIDTH, _HEIGHT, 1) + b"GIMP" + struct.pack(">I", 10) + b"name\0"
        + grey.tobytes(),
        "FTEX texture": b"FTEX" + struct.pack("<i2i2i2i", 1, _WIDTH, _HEIGHT, 1, 1, 1, 32)
        + struct.pack("<i", rgb.size) + rgb.tobytes(),
    }  # fmt: skip
