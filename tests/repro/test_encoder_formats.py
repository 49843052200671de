"""Pictures that Pillow misreads, and colours told otherwise than by a profile: set right, or refused with one line."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from encoder_stand_in import astronaut, save
from repro.encoder.images import open_picture
from repro.errors import ReproError


def test_page_of_full_size_is_taken(tmp_path):
    full, small = astronaut(40, 60), astronaut(10, 15)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(small, photometric="rgb", subfiletype=1, metadata=None)
        file.write(full, photometric="rgb", subfiletype=0, metadata=None)
    picture = open_picture(tmp_path / "a.tif")
    assert np.array_equal(picture.samples, full) and "full-size" in picture.notices[0]


@pytest.mark.parametrize("name", ["photo.nef", "photo.tif"])
def test_raw_files_are_refused(name, tmp_path):
    with tifffile.TiffWriter(tmp_path / name) as file:
        file.write(astronaut(10, 15), photometric="rgb", subfiletype=1, subifds=1, metadata=None)
        file.write(np.zeros((40, 60), np.uint16), photometric="cfa", subfiletype=0, metadata=None)
    with pytest.raises(ReproError, match="raw file; develop it"):
        open_picture(tmp_path / name)


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"\0\0\0\x18ftypheic" + bytes(40), "is a HEIC"),
        (b"\0\0\0\x18ftypcrx " + bytes(40), "raw file"),
        (b"FUJIFILMCCD-RAW" + bytes(40), "raw file"),
        (b"\xff\x0a" + bytes(40), "JPEG XL"),
        (b"%PDF-1.4", "is a PDF"),
        (b"\xff\xd8\xff\xc1\0\x0b\x0c\0\x10\0\x10\1\1\x11\0", "12-bit JPEG"),
        (b"SIMPLE  =                    T" + bytes(3000), "FITS"),
    ],
)
def test_what_is_not_read_is_named(head, says, tmp_path):
    (tmp_path / "photo").write_bytes(head)
    with pytest.raises(ReproError, match=says):
        open_picture(tmp_path / "photo")


def test_deep_jpeg_2000(tmp_path):
    codestream = b"\xff\x4f\xff\x51" + struct.pack(">HH8IH", 47, 0, 8, 8, 0, 0, 8, 8, 0, 0, 3) + b"\x0b\1\1" * 3
    (tmp_path / "deep.j2k").write_bytes(codestream + b"\xff\xd9")
    with pytest.raises(ReproError, match="JPEG 2000 with 12 bits in 3 channels"):
        open_picture(tmp_path / "deep.j2k")
    Image.fromarray(astronaut(32, 32)).save(tmp_path / "plain.jp2")
    assert np.array_equal(open_picture(tmp_path / "plain.jp2").samples, astronaut(32, 32))


def test_xbm_is_not_a_negative(tmp_path):
    (tmp_path / "a.xbm").write_text("#define a_width 8\n#define a_height 1\nstatic char a_bits[] = {\n0x01};\n")
    assert open_picture(tmp_path / "a.xbm").samples.tolist() == [[0] + [255] * 7]  # X: ones are the foreground, black


# ---- PNG's chunks ---------------------------------------------------------------------------------------------------


def png(samples: np.ndarray, *chunks: bytes, bits: int | None = None) -> bytes:
    """A PNG by the bytes, of rows that are packed already where ``bits`` is below 8."""
    bits = bits or 8 * samples.itemsize
    kind = 2 if samples.ndim == 3 else 0
    width = samples.shape[1] * (8 // bits if bits < 8 else 1)
    header = b"IHDR" + struct.pack(">IIBBBBB", width, samples.shape[0], bits, kind, 0, 0, 0)
    rows = samples.astype(samples.dtype.newbyteorder(">"))
    data = b"IDAT" + zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    parts = (header, *chunks, data, b"IEND")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts
    )


def srgb_to_linear(samples: np.ndarray) -> np.ndarray:
    v = samples / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("shape", [(40, 40, 3), (40, 40)], ids=["rgb", "grey"])
def test_linear_samples_are_converted(shape):
    shown = np.resize(np.arange(100, 256), shape).astype(np.uint8)
    linear = np.round(255 * srgb_to_linear(shown)).astype(np.uint8)
    picture = open_picture(png(linear, b"gAMA" + struct.pack(">I", 100_000)))
    assert picture.icc is None and np.abs(picture.samples.astype(int) - shown).max() <= 5


def test_primaries_become_a_profile():
    adobe = b"cHRM" + struct.pack(">8I", 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
    data = png(np.full((8, 8, 3), (60, 200, 60), np.uint8), b"gAMA" + struct.pack(">I", 45470), adobe)
    assert open_picture(data).icc and open_picture(data).samples[0, 0].tolist() == [60, 200, 60]
    # Adobe RGB (60, 200, 60) is out of sRGB: clipped, no red
    red, green, _ = open_picture(data, icc="srgb").samples[0, 0].astype(int)
    assert red == 0 and abs(green - 201) <= 2
    assert open_picture(png(np.zeros((8, 8, 3), np.uint8), b"sRGB\0", adobe)).icc is None


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_is_refused(transfer):
    with pytest.raises(ReproError, match="HDR"):
        open_picture(png(np.zeros((8, 8, 3), np.uint16), b"cICP" + bytes([9, transfer, 0, 1])))
    assert open_picture(png(np.zeros((8, 8, 3), np.uint8), b"cICP\1\x0d\0\1")).icc is None
    assert open_picture(png(np.zeros((8, 8, 3), np.uint8), b"cICP\x0c\x0d\0\1")).icc


def test_one_transparent_colour_at_every_depth(tmp_path):
    deep = np.array([[[1000, 2000, 3000], [1000, 2000, 3001], [0, 0, 0]]], np.uint16)
    for samples, key in ((deep, (1000, 2000, 3000)), (deep[..., 0] + [[0, 1, 0]], (1000,))):
        data = png(samples.astype(np.uint16), b"tRNS" + struct.pack(f">{len(key)}H", *key))
        shown = open_picture(data)
        assert "transparent" in shown.notices[-1] and (shown.samples[0, 0] == 255).all()
        assert (shown.samples[0, 1:] < 20).all()
    for bits in (1, 2, 4):  # the key is the largest value but one, or 0 of 1 bit
        largest = 2**bits - 1
        packed = np.array([[largest << (8 - bits) | (largest - 1) << (8 - 2 * bits)]], np.uint8)
        picture = open_picture(png(packed, b"tRNS" + struct.pack(">H", largest - 1), bits=bits))
        assert picture.samples[0, :2].tolist() == [255, 255], bits
        opaque = open_picture(png(packed, b"tRNS" + struct.pack(">H", largest), bits=bits))
        assert opaque.samples[0, 1] == 255 * (largest - 1) // largest, bits


def test_adobe_rgb_by_exif(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = 65535
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    path = save(tmp_path / "_DSC1.jpg", astronaut(32, 32), exif=exif)
    assert open_picture(path).icc
    assert open_picture(path, icc="srgb").samples.std() > open_picture(path).samples.std()


def test_profiles_without_a_curve_are_left_out(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(astronaut(32, 32)).convert("CMYK").save(buffer, "TIFF", icc_profile=b"\0" * 200)
    picture = open_picture(buffer.getvalue())
    assert "left out" in picture.notices[0] and picture.icc is None


# ---- damaged JPEG files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("lost", [1, 2, 3])
def test_jpeg_without_its_end_is_read_with_a_notice(progressive, lost, tmp_path):
    whole = save(tmp_path / "a.jpg", astronaut(), quality=90, progressive=progressive)
    (tmp_path / "cut.jpg").write_bytes(whole.read_bytes()[:-lost])
    picture = open_picture(tmp_path / "cut.jpg")
    assert "end" in picture.notices[0]
    assert np.mean(picture.samples != open_picture(whole).samples) < 0.01
    (tmp_path / "cut.jpg").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    if not progressive:
        with pytest.raises(ReproError, match="damaged or cut off"):
            open_picture(tmp_path / "cut.jpg")


def test_gain_map_that_is_left_out_is_named(tmp_path):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf hdrgm:Version="1.0"/></x:xmpmeta>'
    path = save(tmp_path / "a.jpg", astronaut(32, 32), xmp=xmp)
    assert "gain map" in open_picture(path).notices[0]


@pytest.mark.parametrize("quality", [30, 90])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (40, 17), (33, 200), (256, 256)])
def test_sound_jpeg_files_pass_without_a_notice(quality, progressive, size, tmp_path):
    for samples in (astronaut(*size), np.full((*size, 3), 90, np.uint8)):
        path = save(tmp_path / "a.jpg", samples, quality=quality, progressive=progressive, optimize=True)
        assert open_picture(path).notices == ()
        assert open_picture(path.read_bytes() + path.read_bytes()).notices == ()  # something else follows


def test_most_damage_inside_a_jpeg_is_noticed(tmp_path):
    data = save(tmp_path / "a.jpg", astronaut(), quality=90).read_bytes()
    rng, noticed = np.random.default_rng(0), 0
    for place in np.linspace(0.2, 0.9, 12):
        middle = int(place * len(data))
        hurt = data[:middle] + rng.integers(0, 255, 40, np.uint8).tobytes() + data[middle + 40 :]
        noticed += any("damaged" in notice for notice in open_picture(hurt).notices)
    assert noticed >= 6, noticed
