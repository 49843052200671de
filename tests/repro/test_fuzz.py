"""Damaged files: whatever was done to them, each becomes a sound picture or is refused in one line.

``make fuzz`` tries 20,000 of them; here are a few hundred, and tests for the faults that it found.
"""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

import fuzz
import fuzz_parsers
import fuzz_pictures
from encoder_stand_in import astronaut
from repro.encoder import metadata
from repro.encoder.images import open_picture
from repro.errors import ReproError
from repro.jpeg import codestream
from repro.jpeg.huffman import code_lengths
from repro.model import LearnedJPEG, load_checkpoint, save_checkpoint

ROOT = Path(__file__).resolve().parents[2]

#: Sound, but refused: 12 bits, numbers without an agreed white, HDR.
REFUSED = {"JPEG 12-bit", "TIFF float", "PNG cICP"}


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def test_damaged_exif_prints_no_warning(recwarn):
    exif = Image.Exif()
    exif[0x010E], exif[0x8298] = "a picture", "nobody at all"
    data = saved(Image.fromarray(astronaut(16, 16)), "JPEG", exif=exif)
    at = data.index(b"\x82\x98\0\x02")
    damaged = data[: at + 4] + b"\x7f" + data[at + 5 :]  # a text of two gigabytes
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


@pytest.mark.parametrize("lacks", [0, 2], ids=["whole", "without end"])
def test_a_profile_of_a_space_that_is_no_word_is_left_out(lacks):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    broken = profile[:16] + b"\xceGB " + profile[20:]
    data = saved(Image.fromarray(astronaut(16, 16)), "JPEG", icc_profile=broken)
    picture = open_picture(data[: len(data) - lacks])
    assert picture.icc is None and any("profile is damaged" in notice for notice in picture.notices)


def test_what_libtiff_prints_becomes_a_notice(tmp_path, capfd):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 2, (64, 64), np.uint8) * 255).convert("1")
    data = bytearray(saved(noise, "TIFF", compression="group4"))
    start = Image.open(io.BytesIO(data)).tag_v2[273][0]  # where the strip begins
    data[start + 40 : start + 48] = b"\x01" * 8
    (tmp_path / "fax.tif").write_bytes(data)
    picture = open_picture(tmp_path / "fax.tif")
    assert picture.samples.shape == (64, 64) and "seems damaged inside" in picture.notices[0]
    assert capfd.readouterr().err == ""


def test_what_pillow_logs_is_not_printed(tmp_path):
    data = bytearray(saved(Image.new("RGB", (8, 8)), "TIFF"))
    data[data.index(b"\x15\x01\x03\0\x01\0\0\0") + 8] = 208  # samples per pixel
    (tmp_path / "many.tif").write_bytes(data)
    command = [sys.executable, "-m", "repro", "encode", tmp_path / "many.tif"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and done.stderr.startswith(f"repro: {tmp_path}") and done.stderr.count("\n") == 1


def test_metadata_of_a_picture_beyond_pillows_limit(monkeypatch):
    data = saved(Image.new("L", (100, 100)), "PNG", dpi=(300, 300))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # stands in for 200 megapixels with --max-pixels
    assert open_picture(data).about.density == (1, 300, 300)


def test_hundreds_of_damaged_pictures(tmp_path):
    """Run in processes of their own, which a fault in a library may end. ``make fuzz`` is the long form."""
    out = tmp_path / "fuzz.json"
    command = [sys.executable, ROOT / "tools" / "fuzz.py", "--first", "50000", "--count", "400", "--out", out]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())["pictures"]
    assert found["count"] == 400 and not found["faults"] and len(found["formats"]) >= 16
    assert found["outcomes"]["encoded"] > 50 and found["outcomes"]["refused"] > 50


@pytest.mark.parametrize("name", fuzz_parsers.TARGETS)
def test_parsers_of_our_own_give_a_result_or_refuse(name):
    """Without atheris, which would watch the lines that run."""
    rng = random.Random(0)
    for data in fuzz_parsers.seeds(name):
        fuzz_parsers.run(name, data)
        for _ in range(5):
            fuzz_parsers.run(name, fuzz_pictures.damaged(data, rng))


def test_a_fault_is_reported(monkeypatch, tmp_path):
    def encode(*_: object) -> None:
        print("a library's complaint")
        raise ReproError("mutant.jpg: cannot be read\nat all")

    monkeypatch.setattr(fuzz, "encode_source", encode)
    monkeypatch.setattr(fuzz, "encode_file", encode)
    found = [fuzz.judge(number, tmp_path) for number in range(6)]
    assert any("says 'mutant.jpg: cannot be read\\nat all'" in each.says for each in found if each.outcome == "fault")
    assert not list(tmp_path.iterdir())


def ends_at_three(there: Connection, numbers: list[int]) -> None:
    for number in numbers:
        if number == 3:
            os._exit(9)  # as a fault in a library would
        there.send(fuzz.Outcome(number, "", "refused"))


def test_a_process_that_ends_is_a_fault(monkeypatch):
    monkeypatch.setattr(fuzz, "_work", ends_at_three)
    found = list(fuzz.outcomes(range(6)))
    assert [each.number for each in found] == list(range(6))
    assert [(each.number, each.says) for each in found if each.outcome == "fault"] == [(3, "ends the process (9)")]


def test_numbers_stand_for_the_same_damage():
    assert [fuzz_pictures.mutant(number) for number in range(200)] == [fuzz_pictures.mutant(n) for n in range(200)]
    assert len({data for _, data in map(fuzz_pictures.mutant, range(200))}) > 190


@pytest.mark.parametrize("kind", sorted(fuzz_pictures.sound().keys() - REFUSED))
def test_what_is_damaged_was_sound_before(kind):
    assert open_picture(fuzz_pictures.sound()[kind]).pixels > 0


def test_the_stored_campaign_found_no_fault():
    """The campaign of ``make fuzz`` takes more than an hour."""
    stored = json.loads((ROOT / "data" / "results" / "fuzz.json").read_text())
    pictures = stored["pictures"]
    outcomes = {"encoded", "encoded with a note", "refused"}
    assert pictures["count"] == fuzz.COUNT == sum(pictures["outcomes"].values()) and not pictures["faults"]
    assert pictures["outcomes"].keys() == outcomes and len(pictures["formats"]) >= 16
    assert all(kinds.keys() <= outcomes for kinds in pictures["formats"].values())
    assert sum(sum(kinds.values()) for kinds in pictures["formats"].values()) == fuzz.COUNT
    assert pictures["slowest"]["seconds"] < pictures["limits"]["seconds"] == 10
    assert pictures["largest"]["mib"] < pictures["limits"]["mib"] == 1024
    targets = stored["parsers"]["targets"]
    assert targets.keys() == fuzz_parsers.TARGETS.keys()
    assert all(each["executions"] > 100 and each["covered"] > 0 and not each["faults"] for each in targets.values())
    assert not any(part["provenance"]["modified"] for part in stored.values())


# ---- parsers -----------------------------------------------------------------------------------------------------


def test_a_cut_table_of_codes_is_refused():
    data = saved(Image.new("L", (8, 8)), "JPEG")
    at = data.index(b"\xff\xc4")
    with pytest.raises(ReproError, match="Huffman codes is cut off"):
        code_lengths(data[:at] + b"\xff\xc4\0\x14\0" + b"\1" * 16 + data[at:])


@pytest.mark.parametrize("options", [{"subsampling": "4:2:2"}, {"qtables": [[0] * 64]}], ids=["4:2:2", "zeros"])
def test_coefficients_of_another_kind_are_refused(options):
    data = saved(Image.fromarray(astronaut(32, 48)), "JPEG", **options)
    if "qtables" in options:  # Pillow writes ones
        data = bytearray(data)
        data[data.index(b"\xff\xdb") + 5] = 0
    with pytest.raises(ReproError, match="not a JPEG file that is read here"):
        codestream.read(bytes(data))


def test_a_checkpoint_without_its_header_is_refused(tmp_path):
    save_checkpoint(tmp_path / "a.safetensors", LearnedJPEG())
    data = (tmp_path / "a.safetensors").read_bytes().replace(b'"extra"', b'"other"')
    (tmp_path / "a.safetensors").write_bytes(data)
    with pytest.raises(ReproError, match="not a checkpoint"):
        load_checkpoint(tmp_path / "a.safetensors")


def test_a_file_that_says_it_is_very_large_is_refused():
    data = bytearray(saved(Image.new("L", (8, 8)), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = b"\xff" * 4
    for reader in (codestream.read, codestream.decode):
        with pytest.raises(ReproError, match="not a readable JPEG file"):
            reader(bytes(data))
