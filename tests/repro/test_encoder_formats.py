"""Which page of a file is taken, which files are not read, and how damaged JPEG files are."""

from __future__ import annotations

import io

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from encoder_stand_in import astronaut, save
from repro.encoder import formats
from repro.encoder.images import open_picture
from repro.errors import ReproError
from repro.jpeg import segments

FULL, SMALL, MOSAIC = astronaut(40, 60), astronaut(10, 15), np.zeros((40, 60), np.uint16)
RAW = "is a camera's raw file; develop it"


def write_pages(*pages: tuple[np.ndarray, dict]) -> bytes:
    """Write ``pages`` of samples and tifffile's options to a TIFF file; a page's sub-IFDs are the next pages."""
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as file:
        for samples, options in pages:
            photometric = {"photometric": "rgb" if samples.ndim == 3 else "cfa"}
            file.write(samples, metadata=None, **photometric | options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("pages", "size", "notice"),
    [
        ([(FULL, {})], 60, None),
        ([(SMALL, {"subfiletype": 1}), (FULL, {})], 60, "several pages; the full-size one is taken"),
        ([(FULL, {}), (SMALL, {"subfiletype": 1})], 60, "several pages; the first is taken"),
        ([(FULL, {"subifds": 1}), (SMALL, {"subfiletype": 1})], 60, None),
        ([(SMALL, {}), (FULL, {})], 15, "several pages; the first is taken, though another is larger"),
        (
            [(FULL, {}), (FULL.astype(float), {})],
            60,
            "several pages; the first is taken",
        ),  # a page that Pillow cannot read
        ([(SMALL, {}), (FULL.astype(float), {})], 15, "several pages; the first is taken, though another is larger"),
        ([(SMALL, {"subfiletype": 1})], 15, "is marked as a reduced copy of a picture, and holds no larger one"),
    ],
)
def test_pages(pages, size, notice):
    picture = open_picture(write_pages(*pages))
    assert picture.notices == ((notice,) if notice else ())
    assert np.array_equal(picture.samples, FULL if size == 60 else SMALL)


@pytest.mark.parametrize(
    ("name", "pages", "says"),
    [
        ("photo.nef", [(FULL, {})], RAW),
        ("photo.DNG", [(FULL, {})], RAW),
        ("photo.tif", [(SMALL, {"subfiletype": 1, "subifds": 1}), (MOSAIC, {})], RAW),
        ("photo.tif", [(SMALL, {"subfiletype": 1, "subifds": 2}), (SMALL, {"subfiletype": 1}), (MOSAIC, {})], RAW),
        ("photo.tif", [(SMALL, {"subifds": 1}), (FULL.astype(np.uint16), {"photometric": 34892})], RAW),
        ("photo.tif", [(SMALL, {"subfiletype": 1}), (MOSAIC, {})], RAW),
        ("photo.tif", [(SMALL, {}), (MOSAIC, {})], RAW),
        ("photo.tif", [(SMALL, {"extratags": [(50706, 1, 4, b"\1\4\0\0", True)]})], RAW),
        ("photo.tif", [(MOSAIC, {})], "kind of TIFF"),
        (
            "photo.tif",
            [(SMALL, {"subfiletype": 1}), (FULL.astype(float), {})],
            "full-size page of a kind that is not read",
        ),
    ],
)
def test_raw_files_are_refused(name, pages, says, tmp_path):
    (tmp_path / name).write_bytes(write_pages(*pages))
    with pytest.raises(ReproError, match=says):
        open_picture(tmp_path / name)


@pytest.mark.parametrize("offsets", [[8] * 5000, range(8, 5008)], ids=["one", "many"])
def test_a_flood_of_sub_ifds_is_not_followed_to_its_end(offsets, monkeypatch):
    loads = []
    load = ImageFileDirectory_v2.load
    monkeypatch.setattr(ImageFileDirectory_v2, "load", lambda self, stream: loads.append(self) or load(self, stream))
    flood = {"extratags": [(330, 4, len(offsets), tuple(offsets), True)]}
    assert np.array_equal(open_picture(write_pages((FULL, flood))).samples, FULL)
    assert len(loads) < 1100


def test_several_pictures_in_one_jpeg_file_are_among_the_pictures_of_a_folder():
    assert {".mpo", ".jpg", ".tif", ".webp"} <= formats.readable_endings()
    assert not {".nef", ".eps", ".svg", ".pdf"} & formats.readable_endings()


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"\0\0\0\x18ftypheic" + bytes(40), "is a HEIC"),
        (b"\0\0\0\x18ftypcrx " + bytes(40), "raw file"),
        (b"FUJIFILMCCD-RAW" + bytes(40), "raw file"),
        (b"\xff\x0a" + bytes(40), "JPEG XL"),
        (b"%PDF-1.4", "is a PDF"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "is an SVG"),
        (b"\xff\xd8\xff\xc1\0\x0b\x0c\0\x10\0\x10\1\1\x11\0", "12-bit JPEG"),
        (b"\xff\xd8\xff\xf7\0\x0b\x08\0\x10\0\x10\1\1\x11\0", "JPEG-LS"),
        (b"<!DOCTYPE html><title>404</title>", "is a web page"),
        (bytes(128) + b"DICM", "DICOM"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS"),
        (b"SIMPLE  =                    T" + bytes(3000), "FITS"),
    ],
)
def test_what_is_not_read_is_named(head, says, tmp_path):
    (tmp_path / "photo").write_bytes(head)
    with pytest.raises(ReproError, match=says):
        open_picture(tmp_path / "photo")


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("form", ["tiff", "png"])
@pytest.mark.parametrize("colours", [True, False])
def test_samples_in_the_lower_bits_are_noticed(bits, form, colours):
    samples = (astronaut(40, 60) if colours else astronaut(40, 60)[..., 1]).astype(np.uint16) * 257 >> (16 - bits)
    if form == "tiff":
        stream = io.BytesIO()
        tifffile.imwrite(stream, samples, photometric="rgb" if colours else "minisblack", metadata=None)
        data = stream.getvalue()
    else:
        data = bytes(imagecodecs.png_encode(samples))
    notices = open_picture(data).notices
    assert any("very dark" in notice for notice in notices) == (bits < 16)
    assert open_picture(np.full((8, 8, 3), 3, np.uint8)).notices == ()


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
        assert open_picture(path.read_bytes() + path.read_bytes()).notices == ()  # more data follows


def test_a_jpeg_of_a_thousand_scans_is_refused_before_it_is_decoded(tmp_path):
    """Each scan takes a few bytes but visits all blocks: minutes of decoding for a small file."""
    data = save(tmp_path / "a.jpg", astronaut(64, 64), progressive=True).read_bytes()
    codes = b"\xff\xc4\0\x14\x10\1" + bytes(15) + b"\x60"  # one code, for an EOB run of 64 to 127 blocks
    scan = codes + b"\xff\xda\0\x08\1\1\0\1\x3f\0" + b"\1"
    few, many = (data[:-2] + scan * n + data[-2:] for n in (450, 1000))
    assert segments.scan_count(few) == segments.scan_count(data) + 450
    assert np.array_equal(open_picture(few).samples, open_picture(data).samples)
    open_picture(data + many[2:])  # data behind the picture is not decoded
    with pytest.raises(ReproError, match="has more than 500 scans"):
        open_picture(many)


def test_most_damage_inside_a_jpeg_is_noticed(tmp_path):
    data = save(tmp_path / "a.jpg", astronaut(), quality=90).read_bytes()
    rng, noticed = np.random.default_rng(0), 0
    for place in np.linspace(0.2, 0.9, 12):
        middle = int(place * len(data))
        hurt = data[:middle] + rng.integers(0, 255, 40, np.uint8).tobytes() + data[middle + 40 :]
        noticed += any("damaged" in notice for notice in open_picture(hurt).notices)
    assert noticed >= 6, noticed
