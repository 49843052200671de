"""Files that are damaged, or whose colours can only be guessed: they cause a notice, or a refusal with --strict."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from encoder_stand_in import astronaut, decode
from repro import cli
from repro.encoder.images import open_picture
from repro.errors import ReproError


def saved(kind: str, mode: str = "RGB", **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(astronaut()).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


def overwritten(data: bytes, share: float) -> bytes:
    at = int(share * len(data))
    return data[:at] + np.random.default_rng(0).integers(0, 255, 40, np.uint8).tobytes() + data[at + 40 :]


def damaged_fax() -> bytes:
    data = bytearray(saved("TIFF", "1", compression="group4"))
    start = Image.open(io.BytesIO(data)).tag_v2[273][0]  # where the strip begins
    data[start + 4000 : start + 4008] = b"\x01" * 8
    return bytes(data)


DOUBTFUL: dict[str, tuple[Callable[[], bytes], str]] = {
    "JPEG without its end": (lambda: saved("JPEG")[:-2], "lacks the end of a JPEG file"),
    "progressive without its end": (lambda: saved("JPEG", progressive=True)[:-1], "lacks the end of a JPEG file"),
    "JPEG damaged inside": (lambda: overwritten(saved("JPEG", quality=90), 0.4), "seems damaged inside"),
    "JPEG with restarts": (lambda: overwritten(saved("JPEG", restart_marker_blocks=4), 0.6), "seems damaged inside"),
    "JPEG that lacks a piece": (lambda: (d := saved("JPEG"))[:2000] + d[2400:], "seems damaged inside"),
    "grey JPEG": (lambda: overwritten(saved("JPEG", "L", quality=90), 0.6), "seems damaged inside"),
    "CMYK JPEG": (lambda: overwritten(saved("JPEG", "CMYK", quality=90), 0.8), "seems damaged inside"),
    "first of several JPEGs": (
        lambda: overwritten(saved("MPO", quality=90, save_all=True, append_images=[Image.new("RGB", (8, 8))]), 0.6),
        "seems damaged inside",
    ),
    "PNG without its end": (lambda: saved("PNG")[:-12], "lacks the end of a PNG file"),
    "fax in a TIFF": (damaged_fax, "seems damaged inside (Fax4Decode"),
    "a profile": (lambda: saved("PNG", icc_profile=b"none"), "its colour profile is damaged"),
    "another's profile": (lambda: saved("TIFF", "CMYK", icc_profile=b"\0" * 200), "left out"),
    "inks without a profile": (lambda: saved("TIFF", "CMYK"), "colours are approximate"),
}


@pytest.mark.parametrize(("make", "says"), DOUBTFUL.values(), ids=DOUBTFUL)
def test_doubts_are_told_and_strict_refuses_them(make, says, model, tmp_path, capsys):
    source, out = tmp_path / "a.picture", tmp_path / "a.jpg"
    source.write_bytes(make())
    call = ["encode", str(source), "-o", str(out), "--model", model]
    assert cli.run(call) == 0
    err = capsys.readouterr().err
    assert err.startswith(f"repro: note: {source}: ") and says in err
    assert decode(out.read_bytes()).size == (256, 256)
    out.unlink()
    assert cli.run([*call, "--strict", "--json"]) == 1
    printed, err = capsys.readouterr()
    assert err.startswith(f"repro: {source}: ") and err.count("\n") == 1 and says in err and "--strict" in err
    assert says in json.loads(printed)["error"] and not out.exists()


@pytest.mark.parametrize(
    "data",
    [
        saved("JPEG") + b"a film",
        saved("JPEG", "L"),
        saved("JPEG", "CMYK", icc_profile=None),
        saved("JPEG", progressive=True, restart_marker_blocks=2),
        saved("PNG") + b"rubbish",
        saved("PNG", "RGBA"),
        saved("TIFF", compression="tiff_lzw"),
        saved("GIF", "P", save_all=True, append_images=[Image.new("RGB", (256, 256))]),
        saved("WEBP"),
    ],
    ids=["behind", "grey", "inks", "progressive", "PNG", "alpha", "LZW", "animation", "WebP"],
)
def test_strict_takes_what_is_sound(data):
    """Alpha on white and the first frame of an animation are what one expects of a JPEG file, and are no doubts."""
    picture = open_picture(data)
    assert all("approximate" in doubt for doubt in picture.doubts)
    if not picture.doubts:
        assert np.array_equal(open_picture(data, strict=True).samples, picture.samples)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "GIF", "BMP", "JPEG2000", "AVIF", "PPM", "JPEG"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_file_that_is_cut_in_two_is_refused_in_any_case(kind, share):
    data = saved(kind, "P" if kind == "GIF" else "RGB")
    with pytest.raises(ReproError, match=r"picture: (damaged or cut off|is a|not a picture)"):
        open_picture(data[: int(share * len(data))])


def test_damage_inside_a_png_is_found_by_its_checksum():
    data = saved("PNG")
    start = data.index(b"IDAT") + 4
    for at in np.linspace(start + 10, len(data) - 40, 20).astype(int):
        hurt = data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]
        with pytest.raises(ReproError, match="damaged"):
            open_picture(hurt)
