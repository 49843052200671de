"""The fast effort, and everything else that works without PyTorch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import ImageCms

from encoder_stand_in import ANCHORS, astronaut, decode, save, stand_in
from repro.encoder import models
from repro.encoder.encode import Settings, encode_file, encode_picture
from repro.encoder.images import Picture
from repro.errors import UsageError
from repro.jpeg import codestream


def fast(picture: Picture, **settings) -> bytes:
    return encode_picture(picture, Settings(**{"model": "tables", "effort": "fast"} | settings)).data


@pytest.mark.parametrize("quality", [20, 50, 75.5])
@pytest.mark.parametrize("scans", ["interleaved", "sequential"])
def test_the_file_holds_exactly_the_learned_tables(quality, scans):
    expected = models.load("tables").at(quality).tables  # not symmetric, to show a wrong order
    assert not np.array_equal(expected, expected.transpose(0, 2, 1))
    data = fast(Picture(astronaut(50, 70)), quality=quality, scans=scans)
    found = codestream.read(data)
    assert np.array_equal(found.tables, expected)
    assert found.subsampling == "4:4:4" and (found.height, found.width) == (50, 70)
    assert ("progressive" in decode(data).info) == (scans == "interleaved")


@pytest.mark.parametrize(("quality", "is_smallest"), [(75, "sequential"), (95, "interleaved")])
def test_the_smallest_scans_are_the_smallest(quality, is_smallest):
    picture = Picture(astronaut())
    files = {scans: fast(picture, quality=quality, scans=scans) for scans in ("interleaved", "sequential")}
    assert min(files, key=lambda scans: len(files[scans])) == is_smallest
    assert fast(picture, quality=quality, scans="smallest") == files[is_smallest]


def test_it_is_the_default_effort_but_for_libjpegs_rounding():
    picture = Picture(astronaut())
    ours, theirs = (
        codestream.read(encode_picture(picture, Settings(model="tables", effort=e)).data) for e in ("default", "fast")
    )
    for a, b in zip(ours.planes, theirs.planes, strict=True):
        assert np.mean(a == b) > 0.97 and np.abs(a.astype(int) - b).max() <= 1


def test_grey_stays_grey_and_a_profile_is_kept():
    grey = codestream.read(fast(Picture(astronaut(33, 17)[..., 0].copy())))
    assert grey.subsampling == "grey" and len(grey.tables) == 1
    assert np.array_equal(grey.tables[0], models.load("tables").at(75).tables[0])
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    shown = decode(fast(Picture(astronaut(33, 17), icc=profile)))
    assert shown.info["icc_profile"] == profile and shown.size == (17, 33)


@pytest.mark.parametrize("bpp", [0.5, 2.0])
def test_bpp_is_met(bpp, tmp_path):
    source = save(tmp_path / "photo.png", astronaut())
    report = encode_file(source, tmp_path / "photo.jpg", Settings(model="tables", bpp=bpp, effort="fast"))
    assert 0.95 * bpp <= report.bpp <= bpp and report.effort == "fast"


def test_attention_needs_the_default_effort(tmp_path):
    heads = {
        "head_weights": np.zeros((len(ANCHORS), 128, 256), np.float32),
        "head_biases": np.zeros((len(ANCHORS), 128), np.float32),
    }
    models.save(stand_in(method="vgg16", **heads), tmp_path / "vgg")
    with pytest.raises(UsageError, match=r"--effort fast: .*use --effort default"):
        fast(Picture(astronaut(8, 8)), model=str(tmp_path / "vgg"))
    with pytest.raises(UsageError, match="--effort slow: choose from fast, default"):
        Settings(effort="slow")  # type: ignore[arg-type]


#: A process without anything but the core dependencies.
CORE = """
import sys
for name in ("torch", "torchvision", "lpips", "scipy", "skimage", "sklearn", "pooch", "psutil", "yaml", "jpeglib"):
    sys.modules[name] = None
from repro import cli
sys.exit(cli.run(sys.argv[1:]))
"""


def with_the_core_alone(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", CORE, *map(str, arguments)], capture_output=True, text=True)


@pytest.mark.parametrize(
    "arguments",
    [[], ["--effort", "fast", "--bpp", 1.5], ["--model", "tables"], ["--model", "tables", "--effort", "fast"]],
)
def test_a_photo_is_encoded_with_the_core_dependencies_alone(arguments, tmp_path):
    source = save(tmp_path / "photo.png", astronaut(64, 64))
    done = with_the_core_alone("encode", source, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert decode((tmp_path / "photo.jpg").read_bytes()).size == (64, 64)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["encode", "{}", "--effort", "best"], "--effort best: torch is not installed"),
        (["encode", "{}", "--model", "vgg16"], "--model vgg16: torch is not installed"),
        (["evaluate", "{}", "{}"], "torch is not installed"),
    ],
)
def test_what_is_missing_is_told_in_one_line(arguments, says, tmp_path):
    source = save(tmp_path / "photo.png", astronaut(64, 64))
    done = with_the_core_alone(*(argument.format(source) for argument in arguments))
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"repro: {says}") and "pip install 'repro[train]" in done.stderr


@pytest.mark.parametrize("scans", ["interleaved", "sequential"])
def test_noise_at_the_highest_quality_has_room(scans):
    """The file has more bytes than pixels, more than Pillow's own buffer for files written in one piece holds."""
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    data = fast(Picture(noise), quality=100, scans=scans)
    assert len(data) > 300 * 400 and decode(data).size == (400, 300)
