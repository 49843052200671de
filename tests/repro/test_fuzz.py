"""Damaged files: each becomes a sound picture or is refused in one line, whatever was done to it.

``make fuzz`` tries 20,000 of them; here are some hundreds, and what was found with them.
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from encoder_stand_in import astronaut
from repro.encoder import metadata
from repro.encoder.images import open_picture
from repro.errors import ReproError

ROOT = Path(__file__).resolve().parents[2]


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def test_damaged_exif_prints_no_warning(recwarn):
    exif = Image.Exif()
    exif[0x010E], exif[0x8298] = "a picture", "nobody at all"
    data = saved(Image.fromarray(astronaut(16, 16)), "JPEG", exif=exif)
    at = data.index(b"\x82\x98\0\x02")
    damaged = data[: at + 4] + b"\x7f" + data[at + 5 :]  # text of two gigabytes
    picture = open_picture(damaged)
    metadata.segments(picture.about, "all", (16, 16), srgb=True)
    assert not recwarn.list


def test_a_cut_file_with_a_broken_list_of_views_prints_no_warning(recwarn):
    view = Image.fromarray(astronaut(64, 64))
    data = saved(view, "MPO", save_all=True, append_images=[view])
    broken = data.replace(b"MPF\0II*\0\x08\0\0\0", b"MPF\0II*\0\xff\xff\xff\xff")
    with pytest.raises(ReproError, match="damaged or cut off"):
        open_picture(broken[: len(data) // 3])
    assert broken != data and not recwarn.list


def test_what_libtiff_prints_becomes_a_notice(tmp_path, capfd):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 2, (64, 64), np.uint8) * 255).convert("1")
    data = bytearray(saved(noise, "TIFF", compression="group4"))
    start = Image.open(io.BytesIO(data)).tag_v2[273][0]  # of the strip
    data[start + 40 : start + 48] = b"\x01" * 8
    (tmp_path / "fax.tif").write_bytes(data)
    picture = open_picture(tmp_path / "fax.tif")
    assert picture.samples.shape == (64, 64) and "seems damaged inside" in picture.notices[0]
    assert capfd.readouterr().err == ""


def test_what_pillow_logs_is_not_printed(tmp_path):
    data = bytearray(saved(Image.new("RGB", (8, 8)), "TIFF"))
    data[data.index(b"\x15\x01\x03\0\x01\0\0\0") + 8] = 208  # samples of a pixel
    (tmp_path / "many.tif").write_bytes(data)
    command = [sys.executable, "-m", "repro", "encode", tmp_path / "many.tif"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and done.stderr.startswith(f"repro: {tmp_path}") and done.stderr.count("\n") == 1


def test_metadata_of_a_picture_beyond_pillows_limit(monkeypatch):
    data = saved(Image.new("L", (100, 100)), "PNG", dpi=(300, 300))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # as of a picture of 200 megapixels with --max-pixels
    assert open_picture(data).about.density == (1, 300, 300)
