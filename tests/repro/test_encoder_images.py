"""Any picture becomes the right pixels and colours; a bad one is refused in one line."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from skimage import data as photos

from encoder_stand_in import astronaut, decode, save
from repro.encoder.encode import Settings, encode_file, encode_picture
from repro.encoder.images import Picture, open_picture, read_bytes
from repro.errors import ReproError, UsageError
from repro.jpeg import codestream

# ---- pictures of many kinds -------------------------------------------------------------------------------------


def icc_profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A minimal ICC version 2 display profile, byte by byte (ICC.1:2001-04)."""
    description = b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(4 + 4 + 2 + 1 + 67)
    white = xyz(0.9642, 1.0, 0.8249)
    tags = {b"desc": description, b"cprt": b"text" + bytes(4) + b"none\0", b"wtpt": white} | tags
    table, body, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", offset + len(body), len(content))
        body += content
    size = offset + len(body)
    header = struct.pack(">I4sI4s4s4s", size, bytes(4), 0x02100000, b"mntr", space, b"XYZ ") + bytes(12) + b"acsp"
    header += bytes(68 - len(header)) + xyz(0.9642, 1.0, 0.8249)[8:]
    return header + bytes(128 - len(header)) + struct.pack(">I", len(tags)) + table + body


def xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(struct.pack(">i", round(v * 65536)) for v in values)


def gamma(value: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(value * 256))


#: Display P3's primaries, adapted to D50.
DISPLAY_P3 = icc_profile(
    b"RGB ",
    {b"rXYZ": xyz(0.5151, 0.2412, -0.0011), b"gXYZ": xyz(0.2920, 0.6922, 0.0419), b"bXYZ": xyz(0.1571, 0.0666, 0.7841)}
    | {curve: gamma(2.2) for curve in (b"rTRC", b"gTRC", b"bTRC")},
)
LINEAR_GREY = icc_profile(b"GRAY", {b"kTRC": gamma(1.0)})


def grey(folder: Path) -> tuple[Path, np.ndarray]:
    samples = np.ascontiguousarray(photos.camera()[:200, :300])
    return save(folder / "grey.png", samples), samples


def alpha(folder: Path) -> tuple[Path, np.ndarray]:
    rgb = astronaut()
    a = np.tile(np.linspace(0, 255, 256), (256, 1))
    on_white = rgb * (a[..., None] / 255) + 255 * (1 - a[..., None] / 255)
    return save(folder / "alpha.webp", np.dstack([rgb, a.astype(np.uint8)]), lossless=True, exact=True), on_white


def sixteen_bit(folder: Path) -> tuple[Path, np.ndarray]:
    samples = np.linspace(0, 65535, 128 * 160).reshape(128, 160)
    return save(folder / "deep.tif", samples.astype(np.uint16)), samples / 257


def cmyk(folder: Path) -> tuple[Path, np.ndarray]:
    rgb = astronaut()
    inks = np.dstack([255 - rgb, np.zeros(rgb.shape[:2], np.uint8)])  # no black ink: RGB is what the inks leave
    image = Image.frombytes("CMYK", (256, 256), inks.tobytes())
    image.save(folder / "cmyk.jpg", quality=100, subsampling=0)
    return folder / "cmyk.jpg", rgb


def one_pixel(folder: Path) -> tuple[Path, np.ndarray]:
    samples = np.array([[[200, 60, 20]]], np.uint8)
    return save(folder / "dot.png", samples), samples


def odd_size(folder: Path) -> tuple[Path, np.ndarray]:
    samples = astronaut(33, 17)
    return save(folder / "odd.png", samples), samples


def panorama(folder: Path) -> tuple[Path, np.ndarray]:
    samples = np.tile(astronaut(400, 500), (1, 12, 1))
    return save(folder / "panorama.jpg", samples, quality=98, subsampling=0), samples


def rotated(folder: Path) -> tuple[Path, np.ndarray]:
    upright = astronaut(200, 120)
    exif = Image.Exif()
    exif[0x0112] = 6  # stored on its side: a reader turns it by 90° clockwise
    return save(folder / "rotated.jpg", np.rot90(upright), exif=exif, quality=98, subsampling=0), upright


def wide_gamut(folder: Path) -> tuple[Path, np.ndarray]:
    samples = astronaut()
    return save(folder / "p3.png", samples, icc_profile=DISPLAY_P3), samples


def palette(folder: Path) -> tuple[Path, np.ndarray]:
    image = Image.fromarray(astronaut()).quantize(64)
    image.save(folder / "palette.gif")
    return folder / "palette.gif", np.asarray(image.convert("RGB"))


TEN = (grey, alpha, sixteen_bit, cmyk, one_pixel, odd_size, panorama, rotated, wide_gamut, palette)
Maker = Callable[[Path], tuple[Path, np.ndarray]]


@pytest.mark.parametrize("make", TEN, ids=lambda make: make.__name__)
def test_ten_photos(make: Maker, model, tmp_path):
    source, expected = make(tmp_path)
    output = tmp_path / "out" / "photo.jpg"
    output.parent.mkdir()
    report = encode_file(source, output, Settings(quality=97, model=model))
    decoded = decode(output.read_bytes())
    assert decoded.format == "JPEG" and decoded.mode == ("L" if expected.ndim == 2 else "RGB")
    assert decoded.size == (report.width, report.height) == (expected.shape[1], expected.shape[0])
    difference = np.abs(np.asarray(decoded).astype(float) - expected)
    assert difference.mean() < 2.5 and np.percentile(difference, 99) < 10, (difference.mean(), difference.max())
    assert report.bytes == output.stat().st_size and report.bpp == pytest.approx(
        8 * report.bytes / expected[..., :1].size if expected.ndim == 3 else 8 * report.bytes / expected.size
    )
    assert decoded.info.get("icc_profile") == (DISPLAY_P3 if make is wide_gamut else None)
    assert [p.name for p in output.parent.iterdir()] == ["photo.jpg"]
    djpeg = shutil.which("djpeg")
    if djpeg:
        ppm = subprocess.run([djpeg, "-pnm", str(output)], capture_output=True, check=True)
        assert not ppm.stderr
        again = np.asarray(Image.open(io.BytesIO(ppm.stdout)))
        assert np.abs(again.astype(int) - np.asarray(decoded)).max() <= 2


@pytest.mark.parametrize("make", [grey, odd_size, one_pixel], ids=lambda make: make.__name__)
@pytest.mark.parametrize("scans", ["interleaved", "smallest", "sequential"])
def test_scans_are_a_choice_that_changes_no_pixel(make: Maker, scans, model, tmp_path):
    picture = open_picture(make(tmp_path)[0])
    one, other = (
        encode_picture(picture, Settings(quality=60, model=model, scans=s)).data for s in (scans, "interleaved")
    )
    assert np.array_equal(codestream.decode(one), codestream.decode(other))
    assert scans != "sequential" or "progressive" not in decode(one).info


def test_notices_say_what_was_changed(tmp_path):
    assert "white" in open_picture(alpha(tmp_path)[0]).notices[0]
    assert "CMYK" in open_picture(cmyk(tmp_path)[0]).notices[0]
    assert open_picture(wide_gamut(tmp_path)[0]).notices == ()
    opaque = np.dstack([astronaut(), np.full((256, 256), 255, np.uint8)])
    assert open_picture(save(tmp_path / "opaque.png", opaque)).notices == ()


def test_animation_gives_its_first_frame(tmp_path):
    first, second = Image.new("RGB", (20, 10), "red"), Image.new("RGB", (20, 10), "blue")
    for name in ("a.gif", "a.webp", "a.png", "a.tif"):
        first.save(
            tmp_path / name, save_all=True, append_images=[second], **({"lossless": True} if "w" in name else {})
        )
        picture = open_picture(tmp_path / name)
        assert "first" in picture.notices[0], name
        assert np.abs(picture.samples.astype(int) - (255, 0, 0)).max() <= 1, name


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation(orientation, tmp_path):
    upright = astronaut(40, 24)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "turned.png", np.ascontiguousarray(stored), exif=exif)
    assert np.array_equal(open_picture(path).samples, upright)


def test_damaged_exif_is_no_reason_to_refuse(tmp_path):
    plain = save(tmp_path / "plain.jpg", astronaut(32, 32)).read_bytes()
    marker = b"\xff\xe1" + struct.pack(">H", 2 + 6 + 8) + b"Exif\0\0" + b"II*\0\xff\xff\xff\xff"
    (tmp_path / "damaged.jpg").write_bytes(plain[:2] + marker + plain[2:])
    assert np.array_equal(open_picture(tmp_path / "damaged.jpg").samples, open_picture(tmp_path / "plain.jpg").samples)


@pytest.mark.parametrize(("mode", "expected"), [("1", "L"), ("LA", "L"), ("YCbCr", "RGB"), ("LAB", "RGB")])
def test_other_modes(mode, expected, tmp_path):
    image = Image.fromarray(astronaut(32, 32))
    if mode == "LAB":
        spaces = (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"))
        shown, image = image, ImageCms.profileToProfile(image, *spaces, outputMode="LAB")
    else:
        image = image.convert(mode)
        shown = image.convert(expected)
    image.save(tmp_path / "picture.tif")
    samples = open_picture(tmp_path / "picture.tif").samples
    assert samples.shape == np.asarray(shown).shape
    assert np.abs(samples - np.asarray(shown).astype(int)).mean() < 3


def test_sixteen_bits_are_rounded_not_cut(tmp_path):
    values = np.array([[0, 128, 129, 257, 32768, 65406, 65407, 65535]], np.uint16)
    for name in ("a.png", "a.tif"):
        assert open_picture(save(tmp_path / name, values)).samples.tolist() == [[0, 0, 1, 1, 128, 254, 255, 255]]


# ---- colour profiles --------------------------------------------------------------------------------------------


def to_srgb(image: Image.Image) -> np.ndarray:
    profile = io.BytesIO(image.info["icc_profile"])
    return np.asarray(
        ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB", renderingIntent=1)
    ).astype(int)


def test_profile_kept_or_converted_shows_the_same_colours(model, tmp_path):
    source, samples = wide_gamut(tmp_path)
    shown = to_srgb(Image.open(source))
    assert np.abs(shown - samples).mean() > 2, "the profile must matter for this test to mean something"
    picture = open_picture(source, icc="srgb")
    assert picture.icc is None and np.abs(picture.samples - shown).mean() < 1
    kept = decode(encode_picture(open_picture(source), Settings(quality=98, model=model)).data)
    assert np.abs(to_srgb(kept) - shown).mean() < 2


def test_grey_profile_is_converted(tmp_path):
    path = save(tmp_path / "linear.png", np.full((8, 8), 128, np.uint8), icc_profile=LINEAR_GREY)
    picture = open_picture(path)
    assert picture.icc is None and picture.samples.shape == (8, 8)
    assert np.abs(picture.samples.astype(int) - 188).max() <= 1  # linear 0.502 is 188 in sRGB


@pytest.mark.parametrize("profile", [b"not a profile", LINEAR_GREY], ids=["damaged", "other space"])
@pytest.mark.parametrize("icc", ["keep", "srgb"])
def test_useless_profile_is_left_out(profile, icc, tmp_path):
    path = save(tmp_path / "photo.png", astronaut(), icc_profile=profile)
    picture = open_picture(path, icc=icc)
    assert picture.icc is None and "profile" in picture.notices[0]
    assert np.array_equal(picture.samples, astronaut())


def test_long_profile_is_embedded_whole(model):
    profile = DISPLAY_P3 + bytes(150_000)
    encoded = encode_picture(Picture(astronaut(16, 16), profile), Settings(model=model))
    assert decode(encoded.data).info["icc_profile"] == profile


# ---- bad input --------------------------------------------------------------------------------------------------


def png_header(width: int, height: int) -> bytes:
    """A tiny PNG that claims to be of this size."""
    content = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    end = b"\0\0\0\0IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    data = b"IDAT" + zlib.compress(bytes(10))
    chunks = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (content, data)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + end


def missing(path: Path) -> None:
    pass


def empty(path: Path) -> None:
    path.touch()


def folder(path: Path) -> None:
    path.mkdir()


def no_image(path: Path) -> None:
    path.write_text("a shopping list")


def truncated(path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(astronaut()).save(buffer, "PNG")
    path.write_bytes(buffer.getvalue()[:20_000])


def cut_jpeg(path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(astronaut()).save(buffer, "JPEG")
    path.write_bytes(buffer.getvalue()[:3_000])


def flipped_bytes(path: Path) -> None:
    truncated(path)
    path.write_bytes(path.read_bytes()[:100] + bytes(200) + path.read_bytes()[300:])


def bomb(path: Path) -> None:
    path.write_bytes(png_header(20_000, 20_000))


def suspect(path: Path) -> None:
    path.write_bytes(png_header(10_000, 9_000))  # between once and twice Pillow's limit: Pillow itself only warns


def too_long(path: Path) -> None:
    path.write_bytes(png_header(65_501, 1))


def floats(path: Path) -> None:
    Image.fromarray(np.zeros((4, 4), np.float32)).save(path, "TIFF")


BAD = {
    missing: "no such file",
    empty: "empty",
    folder: "folder",
    no_image: "not a picture",
    truncated: "damaged or cut off",
    cut_jpeg: "damaged or cut off",
    flipped_bytes: "damaged or cut off",
    bomb: "--max-pixels",
    suspect: "--max-pixels",
    too_long: "65500",
    floats: "16 bits",
}


@pytest.mark.parametrize(("make", "says"), BAD.items(), ids=[make.__name__ for make in BAD])
def test_bad_pictures_are_one_line_and_leave_nothing(make, says, model, tmp_path):
    source, output = tmp_path / "photo.png", tmp_path / "out.jpg"
    make(source)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ReproError) as caught:
        encode_file(source, output, Settings(model=model))
    message = str(caught.value)
    assert message.startswith(str(source)) and says in message and "\n" not in message and ";" in message
    assert caught.value.exit_code == 1
    assert sorted(tmp_path.iterdir()) == before


def test_max_pixels_can_be_raised_and_lowered(model, tmp_path):
    source = save(tmp_path / "photo.png", astronaut())
    with pytest.raises(ReproError, match="256×256 pixels are more than the limit of 65535"):
        open_picture(source, max_pixels=65_535)
    assert open_picture(source, max_pixels=65_536).width == 256
    (tmp_path / "large.png").write_bytes(png_header(20_000, 20_000))
    with pytest.raises(ReproError, match="damaged"):  # it passes the guard, but holds no such picture
        open_picture(tmp_path / "large.png", max_pixels=400_000_000)
    assert Image.MAX_IMAGE_PIXELS == 1024**3 // 12, "Pillow's own limit must be as before"


@pytest.mark.parametrize(
    "wrong",
    [
        {"quality": 0},
        {"quality": 100.5},
        {"quality": float("nan")},
        {"bpp": 0},
        {"bpp": -1},
        {"bpp": float("nan")},
        {"bpp": float("inf")},
        {"quality": 50, "bpp": 0.5},
        {"icc": "drop"},
        {"max_pixels": 0},
        {"quality": "75"},
        {"quality": True},
        {"bpp": "1"},
        {"size": "200KB"},
        {"ssimulacra2": [70]},
        {"seconds": "9", "effort": "best"},
        {"max_pixels": "9"},
    ],
    ids=str,
)
def test_wrong_settings_are_usage_errors(wrong):
    with pytest.raises(UsageError):
        Settings(**wrong)


def test_outputs_that_are_refused(model, tmp_path):
    source = save(tmp_path / "photo.jpg", astronaut())
    kept = source.read_bytes()
    settings = Settings(model=model, overwrite=True)
    (tmp_path / "link.jpg").symlink_to(source)
    (tmp_path / "folder.jpg").mkdir()
    for output, says in [("photo.jpg", "input itself"), ("link.jpg", "input itself"), ("folder.jpg", "is a folder")]:
        with pytest.raises(UsageError, match=says):
            encode_file(source, tmp_path / output, settings)
    with pytest.raises(UsageError, match=r"out\.jpg"):
        encode_file(source, tmp_path / "out.png", settings)
    with pytest.raises(ReproError, match="cannot be written"):
        encode_file(source, tmp_path / "nowhere" / "out.jpg", settings)
    with pytest.raises(ReproError, match="cannot be written"):
        encode_file(source, source / "out.jpg", settings)
    assert source.read_bytes() == kept
    (tmp_path / "there.jpg").write_bytes(b"precious")
    with pytest.raises(ReproError, match="--force"):
        encode_file(source, tmp_path / "there.jpg", Settings(model=model))
    assert (tmp_path / "there.jpg").read_bytes() == b"precious"
    encode_file(source, tmp_path / "there.jpg", settings)
    assert decode((tmp_path / "there.jpg").read_bytes()).size == (256, 256)


def test_reading_a_small_file_claims_little_memory(tmp_path):
    path = save(tmp_path / "photo.png", astronaut())
    tracemalloc.start()
    try:
        assert read_bytes(path) == path.read_bytes()
        assert tracemalloc.get_traced_memory()[1] < 1 << 26
    finally:
        tracemalloc.stop()


def test_full_disk_keeps_the_old_file(model, tmp_path, monkeypatch):
    source, output = save(tmp_path / "photo.png", astronaut()), tmp_path / "out.jpg"
    output.write_bytes(b"precious")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ReproError, match=r"out\.jpg: cannot be written \(No space left on device\)"):
        encode_file(source, output, Settings(model=model, overwrite=True))
    assert output.read_bytes() == b"precious"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.jpg", "photo.png"]
