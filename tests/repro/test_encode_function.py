"""``repro.encode``: one call for any form of picture."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import repro
from encoder_stand_in import astronaut, decode, save
from repro import cli
from repro.cli import encode as cli_encode
from repro.encoder.encode import Settings, encode_file
from repro.errors import ReproError, UsageError


def test_a_path_bytes_an_image_or_an_array_give_the_file_that_the_command_writes(model: str, tmp_path: Path) -> None:
    path = save(tmp_path / "photo.png", astronaut(40, 56))
    encode_file(path, tmp_path / "photo.jpg", Settings(quality=60, model=model))
    expected = (tmp_path / "photo.jpg").read_bytes()
    with Image.open(path) as image:
        for source in (path, str(path), path.read_bytes(), image, np.asarray(image)):
            assert repro.encode(source, 60, model=model) == expected
        assert image.size == (56, 40)  # the caller's image is still open


def test_a_grey_array_and_a_view_that_is_not_contiguous(model: str) -> None:
    rgb = astronaut(48, 64)
    assert decode(repro.encode(rgb[..., 0], model=model)).mode == "L"
    turned = rgb.transpose(1, 0, 2)[:, ::-1]
    assert repro.encode(turned, model=model) == repro.encode(turned.copy(), model=model)


def test_quality_is_75_unless_another_target_is_given(model: str) -> None:
    rgb = astronaut(64, 64)
    assert repro.encode(rgb, model=model) == repro.encode(rgb, quality=75, model=model)
    assert 8 * len(repro.encode(rgb, bpp=4, model=model)) <= 4 * 64**2


def test_every_option_of_the_command_is_one_of_the_function(tmp_path: Path) -> None:
    """Except for those about files, printing and several pictures."""
    command = {p.name for p in inspect.signature(cli_encode.encode).parameters.values()}
    about_files = {"inputs", "output", "jobs", "scheduler", "recursive", "skip_existing", "force", "json", "quiet"}
    assert inspect.signature(repro.encode).parameters.keys() == command - about_files | {"image"}
    exif = Image.Exif()
    exif[0x8298] = "somebody"
    source = save(tmp_path / "low.jpg", astronaut(128, 128), quality=20, exif=exif)
    for arguments in (
        ["--metadata", "copyright"],
        ["--size", "2000"],
        ["--subsampling", "4:4:4"],
        ["--no-keep-smaller"],
    ):
        assert cli.run(["encode", str(source), "-o", str(tmp_path / "out.jpg"), *arguments]) == 0
        name, value = arguments[0].removeprefix("--"), arguments[1] if len(arguments) > 1 else None
        options = {"size": 2000} if name == "size" else {name: value} if value else {"keep_smaller": False}
        assert repro.encode(source, **options) == (tmp_path / "out.jpg").read_bytes()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("image", "error", "says"),
    [
        ("none.png", ReproError, "none.png: no such file"),
        (b"", ReproError, "picture: not a picture"),
        (b"GIF89a", ReproError, "picture: damaged or cut off|picture: not a picture"),
        (np.zeros((4, 4)), UsageError, r"expected uint8 .* got float64 \(4, 4\)"),
        (np.zeros((4, 4, 4), np.uint8), UsageError, r"got uint8 \(4, 4, 4\)"),
        (np.zeros((1, 70_000), np.uint8), ReproError, "70000×1 pixels, but a JPEG has at most"),
        (7, UsageError, "picture: got int; give a path"),
    ],
)
def test_bad_pictures_are_told_in_one_line(image: Any, error: type[Exception], says: str, model: str) -> None:
    with pytest.raises(error, match=says) as caught:
        repro.encode(image, model=model)
    assert "\n" not in str(caught.value)


def test_bad_settings_are_told(model: str) -> None:
    with pytest.raises(UsageError, match="one of them"):
        repro.encode(astronaut(8, 8), 75, bpp=1, model=model)
    with pytest.raises(ReproError, match="8×8 pixels are more than the limit of 63"):
        repro.encode(astronaut(8, 8), model=model, max_pixels=63)


def test_importing_the_package_imports_nothing_heavy() -> None:
    check = "import sys, repro; print(*{'numpy', 'PIL', 'numba', 'torch', 'typer'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True).stdout == "\n"


@pytest.mark.parametrize("subsampling", ["auto", "4:2:0", "4:4:4"])
@pytest.mark.parametrize("size", [(8, 8), (5, 7), (2, 1)])
def test_colours_of_a_picture_of_one_block_are_where_they_were(size: tuple[int, int], subsampling: Any) -> None:
    """Chroma is one block at full and at half size alike, so a decoder takes it to be of full size."""
    rgb = np.zeros((*size, 3), np.uint8)
    rgb[: (size[0] + 1) // 2, :, 0] = 255
    rgb[(size[0] + 1) // 2 :, :, 2] = 255
    shown = np.asarray(decode(repro.encode(rgb, 95, subsampling=subsampling, effort="fast")))
    assert np.abs(shown.astype(int) - rgb).max() <= 8
