"""Colours described by other means than an ICC profile, and profiles of every kind, against formulas in this file."""

from __future__ import annotations

import io
import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

import format_bitmaps as bitmaps
import format_rasters as rasters
import format_tiff as tiff
from encoder_stand_in import astronaut
from repro.encoder import colour
from repro.encoder.images import open_picture
from repro.errors import ReproError

SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)  # white, red, green, blue
SPACES = {
    "sRGB": SRGB,
    "Adobe RGB": (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06),
    "Display P3": (0.3127, 0.3290, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    "BT.2020": (0.3127, 0.3290, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    "ProPhoto": (0.3457, 0.3585, 0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001),
}
VALUES = np.round(65535 * (0.2 + 0.6 * astronaut(24, 32) / 255)) / 65535  # colours within sRGB, in every space
ADOBE = colour.ColourSpace(colour.ADOBE_RGB, 2.2).profile(grey=False)


def srgb_to_light(v: np.ndarray) -> np.ndarray:
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def light_to_srgb(v: np.ndarray) -> np.ndarray:
    return np.where(v <= 0.0031308, 12.92 * v, 1.055 * np.maximum(v, 0) ** (1 / 2.4) - 0.055).clip(0, 1)


def to_xyz(primaries: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The matrix from linear RGB to XYZ, and the white point's XYZ."""
    points = np.reshape(primaries, (4, 2))
    xyz = np.stack([points[:, 0], points[:, 1], 1 - points.sum(1)]) / points[:, 1]
    return xyz[:, 1:] * np.linalg.solve(xyz[:, 1:], xyz[:, 0]), xyz[:, 0]


def shown(light: np.ndarray, primaries: tuple[float, ...]) -> np.ndarray:
    """Convert linear RGB of these primaries to sRGB on 0–255, adapted to its white after Bradford."""
    cones = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    (matrix, white), (target, white_there) = to_xyz(primaries), to_xyz(SRGB)
    adapted = np.linalg.inv(cones) @ np.diag((cones @ white_there) / (cones @ white)) @ cones @ matrix
    return 255 * light_to_srgb(light @ (np.linalg.inv(target) @ adapted).T)


def furthest(data: bytes, expected: np.ndarray) -> float:
    picture = open_picture(data, icc="srgb")
    assert picture.icc is None
    return float(np.abs(picture.samples - expected).max())


# ---- PNG's chunks ---------------------------------------------------------------------------------------------------


def gama(value: float) -> bytes:
    return b"gAMA" + struct.pack(">I", round(value * 100_000))


def chrm(primaries: tuple[float, ...]) -> bytes:
    return b"cHRM" + struct.pack(">8I", *(round(value * 100_000) for value in primaries))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("value", [1, 0.5556, 0.5, 0.45455, 0.4167])
def test_gamma_and_primaries_of_png(bits, space, value):
    samples = rasters.levels(VALUES, bits)
    light = (samples / (2**bits - 1)) ** (1 / value)
    if space == "sRGB" and value == 0.45455:  # which stands for sRGB's own curve
        light = srgb_to_light(samples / (2**bits - 1))
    data = rasters.png(samples, "RGB", bits, [gama(value), chrm(SPACES[space])])
    assert furthest(data, shown(light, SPACES[space])) < 2.5
    kept = open_picture(data)
    if kept.icc:
        image = Image.fromarray(kept.samples)
        profile = ImageCms.ImageCmsProfile(io.BytesIO(kept.icc))
        converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), renderingIntent=1)
        assert np.abs(np.asarray(converted) - shown(light, SPACES[space])).max() < 2.5


@pytest.mark.parametrize("kind", ["grey", "RGB", "RGB, alpha"])
def test_shadows_of_deep_linear_samples_are_kept(kind):
    values = rasters._KINDS[kind][0][:24, :32] / 8
    if kind == "RGB, alpha":
        values[..., 3] = 1
    stored = rasters.levels(srgb_to_light(values), 16)
    colours = values[..., :3] if values.ndim == 3 else values
    assert furthest(rasters.png(stored, kind, 16, [gama(1)]), 255 * colours) < 1.1


def test_png_says_what_counts():
    samples = rasters.levels(VALUES, 8)
    adobe = [gama(1 / 2.2), chrm(SPACES["Adobe RGB"])]
    assert furthest(rasters.png(samples, "RGB", 8, [b"sRGB\0", *adobe]), samples) == 0
    wide = [b"cICP" + bytes((12, 13, 0, 1)), b"sRGB\0"]  # cICP takes precedence over all others
    assert furthest(rasters.png(samples, "RGB", 8, wide), shown(srgb_to_light(samples / 255), SPACES["Display P3"])) < 2
    nonsense = [gama(0.00001), chrm((0.0,) * 8)]
    assert furthest(rasters.png(samples, "RGB", 8, nonsense), samples) == 0


@pytest.mark.parametrize("colours", [2, 200])
def test_palettes_are_converted(colours):
    palette = np.random.default_rng(0).integers(60, 200, (256, 3)).astype(np.uint8)
    indices = np.arange(24 * 32).reshape(24, 32) % colours
    data = rasters.png(indices, "palette", 8, [gama(1), b"PLTE" + palette.tobytes()])
    assert furthest(data, 255 * light_to_srgb(palette[indices] / 255)) < 1.5


# ---- code points ----------------------------------------------------------------------------------------------------


def avif(primaries: int, transfer: int) -> bytes:
    options = {
        "level": 100,
        "bitspersample": 12,
        "pixelformat": "yuv444",
        "matrix": imagecodecs.AVIF.MATRIX_COEFFICIENTS.IDENTITY,
        "speed": 10,
    }
    return bytes(imagecodecs.avif_encode(rasters.words(VALUES, 12), primaries=primaries, transfer=transfer, **options))


@pytest.mark.parametrize(("primaries", "space"), [(1, "sRGB"), (2, "sRGB"), (9, "BT.2020"), (12, "Display P3")])
@pytest.mark.parametrize(("transfer", "exponent"), [(2, None), (13, None), (1, None), (4, 2.2), (8, 1.0)])
def test_code_points_of_avif(primaries, space, transfer, exponent):
    light = srgb_to_light(VALUES) if exponent is None else VALUES**exponent
    assert furthest(avif(primaries, transfer), shown(light, SPACES[space])) < 3


@pytest.mark.parametrize(
    ("primaries", "transfer", "says"), [(9, 16, "PQ"), (2, 18, "HLG"), (1, 10, "logarithmic"), (10, 17, "XYZ")]
)
def test_colours_that_no_jpeg_shows_are_refused(primaries, transfer, says):
    for data in (
        avif(primaries, transfer),
        rasters.png(rasters.levels(VALUES, 16), "RGB", 16, [b"cICP" + bytes((primaries, transfer, 0, 1))]),
    ):
        with pytest.raises(ReproError, match=says):
            open_picture(data)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize(("transfer", "says"), [(16, "PQ"), (18, "HLG"), (13, None)])
def test_hdr_by_a_profile_is_refused(form, transfer, says):
    tag = b"cicp" + bytes(4) + bytes((9, transfer, 0, 1))
    profile = colour._icc(
        b"RGB ",
        dict.fromkeys((b"rXYZ", b"gXYZ", b"bXYZ"), colour._xyz(colour._D50 / 3))
        | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), colour._curve(2.2))
        | {b"cicp": tag},
    )
    stream = io.BytesIO()
    Image.fromarray(astronaut(24, 32)).save(stream, form, icc_profile=profile)
    if says:
        with pytest.raises(ReproError, match=f"HDR picture .{says}"):
            open_picture(stream.getvalue())
    else:
        assert open_picture(stream.getvalue()).icc == profile


# ---- EXIF -----------------------------------------------------------------------------------------------------------


def adobe_rgb_in_exif(form: str, samples: np.ndarray) -> bytes:
    """A file whose only sign of Adobe RGB is EXIF's InteroperabilityIndex (DCF 2.0)."""
    if form in ("<", ">"):
        tags = {258: [8] * 3, 259: 1, 262: 2, 277: 3, 34665: {40961: 65535, 40965: {1: b"R03\0"}}}
        return tiff.tiff([samples.tobytes()], tags, form, (samples.shape[1], samples.shape[0]))
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    exif.get_ifd(0x8769)[0xA001] = 65535
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    stream = io.BytesIO()
    Image.fromarray(samples).save(stream, form, exif=exif, lossless=True, quality=100, subsampling="4:4:4")
    return stream.getvalue().replace(b"colrnclx\0\1\0\x0d", b"colrnclx\0\2\0\2")  # in AVIF: unspecified


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "<", ">"])
def test_adobe_rgb_by_exif(form):
    samples = rasters.levels(VALUES, 8).astype(np.uint8)
    data = adobe_rgb_in_exif(form, samples)
    assert open_picture(data).icc
    stored = open_picture(data).samples / 255
    assert furthest(data, shown(stored ** (563 / 256), SPACES["Adobe RGB"])) < 2.5


# ---- profiles -------------------------------------------------------------------------------------------------------


def test_profile_of_a_windows_bitmap():
    rows = bitmaps._rows(astronaut(48, 64)[..., ::-1], 8)
    masks = bytes(16) + b"DEBM" + bytes(52) + struct.pack("<3I", 124 + len(rows), len(ADOBE), 0)
    data = bitmaps.bmp(rows, 24, masks=masks, header=124) + ADOBE
    assert open_picture(data).icc == ADOBE and np.array_equal(open_picture(data).samples, astronaut(48, 64))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("policy", ["keep", "srgb"])
def test_profiles_that_build_no_transform_are_left_out(mode, policy):
    """Without a curve, cut off, empty, or of other colours: the picture is still read, with a notice."""
    grey = colour._icc(b"GRAY", {})
    tables = colour._icc(b"CMYK", {b"A2B0": b"mft2" + bytes(40)})
    for profile in (grey, ADOBE[:200], b"\0" * 300, tables, colour._icc(b"RGB ", {}), b"x"):
        stream = io.BytesIO()
        image = Image.fromarray(astronaut(24, 32)).convert(mode)
        image.save(stream, "TIFF", icc_profile=profile)
        picture = open_picture(stream.getvalue(), icc=policy)
        assert "profile" in picture.notices[0] and picture.icc is None
        assert any("approximate" in notice for notice in picture.notices) == (mode == "CMYK")
        if mode != "CMYK":
            assert np.array_equal(picture.samples, np.asarray(image))


def test_a_profile_too_long_for_a_jpeg_file_is_used_up():
    profile = ADOBE + bytes(255 * 65_519)
    stream = io.BytesIO()
    Image.fromarray(astronaut(24, 32)).save(stream, "TIFF", icc_profile=profile)
    picture = open_picture(stream.getvalue())
    assert picture.icc is None and picture.notices == ()
    stream = io.BytesIO()
    Image.fromarray(astronaut(24, 32)).save(stream, "TIFF", icc_profile=ADOBE)
    assert np.array_equal(picture.samples, open_picture(stream.getvalue(), icc="srgb").samples)


# ---- Pillow's own images --------------------------------------------------------------------------------------------


def test_an_image_that_is_not_decoded_yet_is_read_as_its_file():
    """What Pillow misreads is read from the file behind the image, the same each time; the image stays unchanged."""
    whole = io.BytesIO()
    Image.fromarray(astronaut()).save(whole, "JPEG", quality=90)
    for data in (
        rasters.jpeg2000(rasters.words(VALUES, 16), codecformat="jp2"),
        rasters.png(rasters.levels(VALUES, 8), "RGB", 8, [gama(1)]),
        rasters.png(rasters.levels(VALUES, 16), "RGB", 16, [b"cICP" + bytes((9, 16, 0, 1))]),
        rasters.png(rasters.levels(VALUES, 8), "RGB", 8, [b"cICP" + bytes((12, 13, 0, 1))]),
        next(case.data for case in bitmaps.psd_kinds() if "selection" in case.kind),
        whole.getvalue()[: len(whole.getvalue()) // 2],
    ):
        results = []
        image = Image.open(io.BytesIO(data))
        for source in (data, image, image):
            try:
                picture = open_picture(source)
                results.append((picture.samples.tolist(), picture.icc))
            except ReproError as error:
                results.append(str(error))
        assert results[0] == results[1] == results[2]


def test_an_image_that_was_changed_since_it_was_opened_is_taken_as_it_is():
    stream = io.BytesIO()
    Image.fromarray(astronaut()).save(stream, "JPEG")
    image = Image.open(stream)
    image.draft("L", (64, 64))
    assert open_picture(image).samples.shape == (64, 64)
    image = Image.open(stream)
    image.info["icc_profile"] = ADOBE
    assert open_picture(image).icc == ADOBE


def test_orders_of_pages_and_frames_are_the_callers():
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "lime")]
    for form in ("TIFF", "GIF", "PNG"):
        stream = io.BytesIO()
        frames[0].save(stream, form, save_all=True, append_images=frames[1:])
        image = Image.open(stream)
        image.seek(1)
        for _ in range(2):
            picture = open_picture(image)
            assert picture.samples[0, 0].tolist() == [0, 255, 0] and picture.notices == ()
        picture = open_picture(stream.getvalue())
        assert picture.samples[0, 0].tolist() == [255, 0, 0] and "the first is taken" in picture.notices[0]


def test_layers_are_one_picture():
    """Pillow counts a PSD file's layers as frames; the merged picture is taken, without a notice."""
    merged = astronaut(8, 8)
    layer = struct.pack(">IIIIHHIHIHI", 0, 0, 8, 8, 3, 0, 66, 1, 66, 2, 66) + b"8BIMnorm" + bytes((255, 0, 0, 0))
    layer += struct.pack(">I", 12) + bytes(8) + b"\3abc"
    layers = struct.pack(">h", 2) + 2 * layer + bytes(2 * 3 * 66)
    sections = struct.pack(">IIII", 0, 0, 4 + len(layers), len(layers)) + layers
    data = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 8, 8, 8, 3) + sections
    data += bytes(2) + merged.transpose(2, 0, 1).tobytes()
    assert Image.open(io.BytesIO(data)).n_frames == 2
    picture = open_picture(data)
    assert np.array_equal(picture.samples, merged) and picture.notices == ()
