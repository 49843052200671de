"""Which page of a file is the picture, files that are not read, and JPEG files that are damaged."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

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
