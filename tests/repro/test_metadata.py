"""What a file says beside its picture: kept as asked, and true of the new picture."""

from __future__ import annotations

import io
import itertools
import re
import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import ExifTags, Image, IptcImagePlugin
from PIL.PngImagePlugin import PngInfo

import repro
from encoder_stand_in import astronaut, decode, save
from repro.encoder.images import open_picture
from repro.errors import ReproError

XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/" xmlns:exif="http://ns.adobe.com/exif/1.0/"
 xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
 tiff:Orientation="6" exif:PixelXDimension="64" exif:ColorSpace="65535" xmpRights:Marked="True" hdrgm:Version="1.0"
 photoshop:ICCProfile="Adobe RGB (1998)">
<dc:creator><rdf:Seq><rdf:li>Zoë &amp; Co.</rdf:li></rdf:Seq></dc:creator>
<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">© by XMP</rdf:li></rdf:Alt></dc:rights>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">a secret</rdf:li></rdf:Alt></dc:title>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>""".encode()
IPTC = b"".join(
    b"\x1c" + struct.pack(">BBH", record, number, len(text)) + text
    for record, number, text in [(1, 90, b"\x1b%G"), (2, 5, b"a secret"), (2, 80, b"By-line"), (2, 116, b"\xc2\xa9 by")]
)


def camera() -> Image.Exif:
    """EXIF as a camera writes it for an Adobe RGB photo that is stored on its side."""
    exif = Image.Exif()
    exif[0x010F], exif[0x013B], exif[0x8298], exif[0x0112] = "maker", "Zoë".encode(), "© by EXIF".encode(), 6
    photo = exif.get_ifd(ExifTags.IFD.Exif)
    photo[0xA001], photo[0xA002], photo[0xA003] = 65535, 64, 48
    photo[0xA005] = {1: "R03"}
    return exif


def kept(data: bytes, what: str, **options: object) -> Image.Image:
    return decode(repro.encode(data, metadata=what, effort="fast", **options))  # type: ignore[arg-type]


def saved(kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(astronaut(48, 64)).save(stream, kind, **options)
    return stream.getvalue()


def with_all(kind: str) -> bytes:
    """A picture of ``kind`` with EXIF, XMP and, if the format has a place for it, IPTC."""
    if kind == "TIFF":
        tags = camera()
        tags[0x8769] = {tag: value for tag, value in tags.get_ifd(0x8769).items() if tag != 0xA005}
        tags[700], tags[33723] = XMP, IPTC
        return saved(kind, exif=tags)
    if kind == "PNG":
        text = PngInfo()
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        digits = IPTC.hex()
        text.add_text("Raw profile type iptc", f"\niptc\n{len(IPTC):8}\n{digits[:72]}\n{digits[72:]}\n", zip=True)
        return saved(kind, exif=camera(), pnginfo=text)
    data = saved(kind, exif=camera(), xmp=XMP, quality=98)
    if kind == "JPEG":
        block = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(IPTC)) + IPTC + b"\0" * (len(IPTC) % 2)
        data = data[:2] + b"\xff\xed" + struct.pack(">H", 2 + len(block)) + block + data[2:]
    return data


def values(image: Image.Image) -> dict[str, str]:
    """Map the local names of XMP's elements and attributes to their texts."""
    if "xmp" not in image.info:
        return {}
    root = ElementTree.fromstring(image.info["xmp"].decode())
    found = {re.sub("{.*}", "", e.tag): "".join(e.itertext()).strip() for e in root.iter()}
    for element in root.iter():
        found |= {re.sub("{.*}", "", name): value for name, value in element.attrib.items()}
    return found


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG", "WEBP", "AVIF"])
def test_rights_are_kept_and_nothing_else(kind):
    image = kept(with_all(kind), "copyright")
    xmp, iptc = values(image), IptcImagePlugin.getiptcinfo(image)
    if kind != "AVIF":  # Pillow rewrites AVIF's EXIF, in ASCII
        assert {tag: text.encode("latin-1") for tag, text in image.getexif().items()} == {
            0x013B: "Zoë".encode(),
            0x8298: "© by EXIF".encode(),
        }
    assert (xmp["creator"], xmp["rights"], xmp["Marked"]) == ("Zoë & Co.", "© by XMP", "True")
    assert not {"title", "Orientation", "Version"} & xmp.keys()
    if kind in ("JPEG", "TIFF", "PNG"):
        assert iptc == {(1, 90): b"\x1b%G", (2, 80): b"By-line", (2, 116): b"\xc2\xa9 by"}
    assert b"secret" not in image.info.get("xmp", b"")


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG", "WEBP", "AVIF"])
def test_all_is_true_of_the_upright_picture_in_srgb(kind):
    image = kept(with_all(kind), "all", icc="srgb")
    exif, xmp = image.getexif(), values(image)
    photo = exif.get_ifd(ExifTags.IFD.Exif)
    assert exif[0x010F] == "maker" and exif.get(0x0112, 1) == 1
    assert photo[0xA001] == 1 and (photo[0xA002], photo[0xA003]) == image.size
    assert exif.get_ifd(ExifTags.IFD.Interop).get(1, "R98") == "R98"
    assert (xmp["Orientation"], xmp["PixelXDimension"], xmp["ColorSpace"]) == ("1", str(image.width), "1")
    assert "a secret" in xmp["title"] and "Version" not in xmp and "ICCProfile" not in xmp
    if kind in ("JPEG", "TIFF", "PNG"):
        assert (IptcImagePlugin.getiptcinfo(image) or {})[2, 5] == b"a secret"
    if kind != "AVIF":  # AVIF's own orientation counts
        assert image.size == (48, 64)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG", "WEBP"])
def test_xmps_orientation_turns_nothing(kind):
    """Browsers ignore it, too; Pillow would turn the picture."""
    if kind == "PNG":
        text = PngInfo()
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        data = saved(kind, pnginfo=text, dpi=(300, 150))
    else:
        data = saved(kind, **({"tiffinfo": {700: XMP}} if kind == "TIFF" else {"xmp": XMP}), dpi=(300, 150))
    image = kept(data, "all")
    assert image.size == (64, 48) and values(image)["Orientation"] == "1"
    assert kind == "WEBP" or np.allclose(image.info["dpi"], (300, 150))


def test_none_keeps_nothing():
    image = kept(with_all("JPEG"), "none", icc="srgb")
    assert not dict(image.getexif()) and "xmp" not in image.info and "photoshop" not in image.info


def test_adobe_rgb_that_is_kept_is_still_called_so():
    image = kept(with_all("JPEG"), "all")
    assert image.info["icc_profile"] and image.getexif().get_ifd(ExifTags.IFD.Exif)[0xA001] == 65535
    assert image.getexif().get_ifd(ExifTags.IFD.Interop)[1] == "R03"


@pytest.mark.parametrize("order", ["<", ">"])
def test_makernotes_stay_where_they_are_and_thumbnails_go(order):
    """An EXIF block byte by byte, whose makernote holds an offset into the block, as most do."""
    thumbnail = saved("JPEG")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    first = struct.pack(order + "H", 2)
    first += struct.pack(order + "HHIHH", 0x0112, 3, 1, 8, 0) + struct.pack(order + "HHII", 0x8769, 4, 1, 38)
    first += struct.pack(order + "I", 86)  # the next directory, the thumbnail's
    photo = struct.pack(order + "H", 1) + struct.pack(order + "HHII", 0x927C, 7, 30, 56) + bytes(4)
    note = b"MAKER\0" + struct.pack(order + "I", 72) + bytes(6) + b"at offset 72!!"
    second = struct.pack(order + "H", 2) + struct.pack(order + "HHII", 0x0201, 4, 1, 116)
    second += struct.pack(order + "HHII", 0x0202, 4, 1, len(thumbnail)) + bytes(4)
    block = head + first + photo + note + second
    assert (len(head + first), len(head + first + photo), len(block)) == (38, 56, 116)
    data = saved("JPEG", exif=b"Exif\0\0" + block + thumbnail)
    image = kept(data, "all")
    exif = image.info["exif"].removeprefix(b"Exif\0\0")
    made = image.getexif().get_ifd(ExifTags.IFD.Exif)[0x927C]
    at = struct.unpack_from(order + "I", made, 6)[0]
    assert exif[at : at + 13] == b"at offset 72!" and image.getexif()[0x0112] == 1
    assert thumbnail[100:200] not in exif and len(exif) < len(block) + 2
    assert not image.getexif().get_ifd(ExifTags.IFD.IFD1)


def exif_with_author(kind: int, name: bytes, rest: bytes = b"") -> bytes:
    """An EXIF block byte by byte: a directory with only the artist, ``name`` of type ``kind`` at 26, then ``rest``."""
    then = 26 + len(name) if rest else 0
    return b"Exif\0\0II*\0" + struct.pack("<IHHHIII", 8, 1, 0x013B, kind, len(name), 26, then) + name + rest


def test_a_thumbnail_in_strips_goes_and_what_stands_between_them_stays():
    strip = b"thumbnail " * 10
    second = struct.pack("<HHHIIHHIHHI", 2, 0x0111, 4, 2, 64, 0x0117, 3, 2, 100, 100, 0)
    rest = second + struct.pack("<II", 72, 180) + strip + b"between " + strip
    image = kept(saved("JPEG", exif=exif_with_author(2, b"Jane J.\0", rest)), "all")
    exif = image.info["exif"].removeprefix(b"Exif\0\0")
    assert image.getexif()[0x013B] == "Jane J." and exif[72:] == bytes(100) + b"between "


def test_strips_that_overlap_are_damage():
    count = 15_000
    second = struct.pack("<HHHIIHHIII", 2, 0x0111, 3, count, 64, 0x0117, 3, count, 64, 0)
    data = saved("JPEG", exif=exif_with_author(2, b"Jane J.\0", second + struct.pack("<H", 30_000) * count))
    with pytest.raises(ReproError, match="its EXIF is damaged; left out"):
        kept(data, "all", strict=True)


def test_a_text_in_utf_8_as_of_exif_3_is_kept():
    data = saved("JPEG", exif=exif_with_author(129, "Zoë\0".encode()))
    assert "Zoë".encode() in kept(data, "copyright", strict=True).info["exif"]


def test_the_size_in_exifs_first_directory_is_true_too():
    exif = camera()
    exif[0x0100], exif[0x0101] = 64, 48
    image = kept(saved("JPEG", exif=exif), "all")
    assert (image.getexif()[0x0100], image.getexif()[0x0101]) == image.size == (48, 64)


def test_what_xmp_says_of_other_pictures_is_not_this_ones():
    other = b"""<xmpMM:Pantry xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"><rdf:Bag><rdf:li><rdf:Description
 tiff:Orientation="8"><dc:creator><rdf:Seq><rdf:li>Other</rdf:li></rdf:Seq></dc:creator></rdf:Description></rdf:li>
</rdf:Bag></xmpMM:Pantry></rdf:Description>"""
    data = saved("JPEG", xmp=XMP.replace(b"</rdf:Description>", other))
    assert b"Other" not in kept(data, "copyright").info["xmp"]
    assert b'tiff:Orientation="8"' in kept(data, "all").info["xmp"]


def test_xmp_comes_out_the_same_whatever_came_before():
    plain = saved("JPEG", xmp=XMP.replace(b"<dc:title>", b'<note xmlns="http://a.org/">me</note><dc:title>'))
    named = saved("JPEG", xmp=XMP.replace(b"<dc:title>", b'<n:note xmlns:n="http://a.org/">me</n:note><dc:title>'))
    first = kept(plain, "all").info["xmp"]
    assert b"<n:note>me</n:note>" in kept(named, "all").info["xmp"]
    assert kept(plain, "all").info["xmp"] == first


def test_xmp_and_the_comment_in_other_places_of_a_png_are_kept():
    text = PngInfo()
    text.add_text("Raw profile type xmp", f"\nxmp\n{len(XMP):8}\n{XMP.hex()}\n", zip=True)
    text.add_text("Comment", "made by hand")
    image = kept(saved("PNG", pnginfo=text), "all", strict=True)
    assert "a secret" in values(image)["title"] and image.info["comment"] == b"made by hand"


def test_xmp_of_jpeg_2000_is_kept():
    box = b"uuid" + bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + XMP
    data = saved("JPEG2000") + struct.pack(">I", 4 + len(box)) + box
    assert values(kept(data, "copyright"))["rights"] == "© by XMP"


def with_marker(data: bytes, marker: int, content: bytes) -> bytes:
    return data[:2] + struct.pack(">BBH", 255, marker, 2 + len(content)) + content + data[2:]


def test_all_of_several_comments_are_kept():
    data = with_marker(saved("JPEG", comment=b"second"), 0xFE, b"first")
    assert kept(data, "all").info["comment"] == b"first\nsecond"


def test_extended_xmp_that_is_left_out_is_named():
    data = with_marker(saved("JPEG", xmp=XMP), 0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(40) + b"<x/>")
    kept(data, "none", strict=True)
    with pytest.raises(ReproError, match="its extended XMP is not read; left out"):
        kept(data, "all", strict=True)


# ---- damage ---------------------------------------------------------------------------------------------------------

BOMB = XMP.replace(
    b"<x:xmpmeta",
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><x:xmpmeta',
).replace(b"Zo", b"&b;")


@pytest.mark.parametrize("xmp", [BOMB, XMP[:400], b"\xff\xfe" + XMP.decode().encode("utf-16-le")], ids=lambda x: "")
@pytest.mark.parametrize("what", ["copyright", "all"])
def test_damaged_xmp_is_left_out_with_a_notice(xmp, what, tmp_path):
    data = saved("JPEG", xmp=xmp, exif=camera())
    image = kept(data, what)
    assert "xmp" not in image.info and 0x8298 in image.getexif()
    with pytest.raises(ReproError, match="its XMP is damaged; left out; mend it, or encode it without --strict"):
        kept(data, what, strict=True)
    kept(data, "none", strict=True)


@pytest.mark.filterwarnings("ignore")  # Pillow's, when it reads the result
def test_any_damage_to_exif_gives_a_picture():
    data = saved("JPEG", exif=camera(), quality=90)
    start, end = data.index(b"Exif\0\0"), data.index(b"\xff\xdb")
    rng = np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(data)
        for at in rng.integers(start + 6, end, 3):
            damaged[at] = rng.choice([0, 1, 127, 255, rng.integers(256)])
        for what in ("copyright", "all"):
            assert kept(bytes(damaged), what).size in ((48, 64), (64, 48))


def test_what_is_too_long_for_a_marker_is_left_out_with_a_notice():
    long = XMP.replace(b"a secret", b"a secret" * 10_000)
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", long.decode())
    data = saved("PNG", pnginfo=text)
    assert "xmp" not in kept(data, "all").info and values(kept(data, "copyright"))["rights"] == "© by XMP"
    with pytest.raises(ReproError, match="its XMP is too long"):
        kept(data, "all", strict=True)


# ---- density --------------------------------------------------------------------------------------------------------


def test_density_is_kept():
    for kind, dpi in itertools.product(("JPEG", "PNG", "TIFF", "BMP"), ((300, 300), (300, 150))):
        assert np.allclose(kept(saved(kind, dpi=dpi), "none").info["dpi"], dpi), kind
    centimetres = saved("TIFF", resolution_unit="cm", x_resolution=100, y_resolution=100)
    assert kept(centimetres, "none").info["dpi"] == (254, 254)
    exif = Image.Exif()
    exif[0x011A], exif[0x011B], exif[0x0128] = 118.0, 118.0, 3
    for kind in ("WEBP", "AVIF", "PNG", "JPEG"):
        assert kept(saved(kind, exif=exif), "none").info["jfif_density"] == (118, 118), kind  # per centimetre
    assert kept(saved("JPEG", exif=camera()), "all").info["jfif_density"] == (1, 1)  # none added


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_that_are_not_square_turn_with_the_picture(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x011A], exif[0x011B], exif[0x0128] = 300.0, 150.0, 2
    image = kept(saved("JPEG", dpi=(300, 150), exif=exif), "all")
    turned = (150, 300) if orientation > 4 else (300, 150)
    assert image.info["dpi"] == turned
    assert (image.getexif()[0x011A], image.getexif()[0x011B]) == turned


@pytest.mark.parametrize("aspect", [(1, 2), (2, 1), (16, 15)])
def test_aspect_alone_is_kept(aspect):
    data = bytearray(saved("JPEG", quality=98))
    data[13:18] = struct.pack(">BHH", 0, *aspect)
    assert kept(bytes(data), "none").info["jfif_density"] == aspect
    chunk = b"pHYs" + struct.pack(">IIB", 100_000 * aspect[0], 100_000 * aspect[1], 0)
    png = saved("PNG")
    png = png[:33] + struct.pack(">I", 9) + chunk + struct.pack(">I", zlib.crc32(chunk)) + png[33:]
    assert kept(png, "none").info["jfif_density"] == aspect


def without_jfif_header(across: float, down: float, quality: int, artist: str | None = None) -> bytes:
    """A JPEG file as cameras write it, whose density, in dots per inch, is given by EXIF alone."""
    exif = Image.Exif()
    exif[0x011A], exif[0x011B], exif[0x0128] = across, down, 2
    if artist:
        exif[0x013B] = artist
    stream = io.BytesIO()
    Image.fromarray(astronaut(128, 128)).save(stream, "JPEG", quality=quality, exif=exif)
    data = stream.getvalue()
    return data[:2] + data[4 + int.from_bytes(data[4:6], "big") :]


@pytest.mark.parametrize("what", ["none", "copyright", "all"])
@pytest.mark.parametrize("artist", [None, "Zoe"])
def test_density_of_a_camera_without_jfif_header_survives_copying(what, artist):
    image = decode(repro.encode(without_jfif_header(240.0, 120.0, 15, artist), 99, metadata=what))
    assert "jfif" not in image.info, "it would not grow, so this tests nothing"
    assert (image.getexif()[0x011A], image.getexif()[0x011B]) == (240, 120)
    assert image.getexif().get(0x013B) == (None if what == "none" else artist)


def test_the_smaller_file_is_taken_with_the_density_counted():
    data = without_jfif_header(240.0, 120.0, quality=15)
    for quality in range(92, 98):
        encoded = repro.encode(data, quality, keep_smaller=False)
        assert len(repro.encode(data, quality)) == min(len(encoded), len(data)), quality


# ---- what a JPEG of one picture does not hold -----------------------------------------------------------------------


def gain_map(kind: str) -> bytes:
    """A gain map declared by Ultra HDR's XMP, ISO 21496-1, Apple's XMP, or nothing; all but the first hold it."""
    first, second = Image.fromarray(astronaut(48, 64)), Image.new("L", (16, 16))
    stream = io.BytesIO()
    first.save(stream, "MPO", save_all=True, append_images=[second], quality=98)
    data = stream.getvalue()
    at = data.rindex(b"\xff\xd8") + 2
    if kind == "xmp":
        return saved("JPEG", xmp=XMP)
    if kind == "iso":
        block = b"urn:iso:std:iso:ts:21496:-1\0" + bytes(4)
        return data[:2] + b"\xff\xe2" + struct.pack(">H", 2 + len(block)) + block + data[2:]
    if kind == "apple":
        block = b"http://ns.adobe.com/xap/1.0/\0<x apple='urn:com:apple:photo:2020:aux:hdrgainmap'/>"
        return data[:at] + b"\xff\xe1" + struct.pack(">H", 2 + len(block)) + block + data[at:]
    return data


@pytest.mark.parametrize("kind", ["xmp", "iso", "apple", "silent"])
def test_a_gain_map_that_is_dropped_is_named_once(kind):
    notices = open_picture(gain_map(kind)).notices
    assert len(notices) == 1 and "gain map" in notices[0]
    image = kept(gain_map(kind), "all", strict=True)  # known, so no damage
    assert image.format == "JPEG" and "Version" not in values(image)


def test_a_film_behind_the_photo_is_named():
    xmp = XMP.replace(b'hdrgm:Version="1.0"', b'xmlns:g="http://ns.google.com/photos/1.0/camera/" g:MotionPhoto="1"')
    data = saved("JPEG", xmp=xmp) + b"\0\0\0\x18ftypmp42" + bytes(100)
    assert open_picture(data).notices == ("its short film (motion photo) is dropped",)
    assert "MotionPhoto" not in values(kept(data, "all"))


def test_a_file_that_is_copied_has_the_metadata_asked_for_and_no_more(tmp_path: Path):
    exif = camera()
    del exif[0x0112]
    exif.get_ifd(ExifTags.IFD.Exif)[0xA001] = 1
    path = save(tmp_path / "low.jpg", astronaut(128, 128), quality=20, exif=exif, comment=b"private")
    data = path.read_bytes()
    for what in ("none", "copyright", "all"):
        made = repro.encode(data + b"something behind", 95, metadata=what)  # type: ignore[arg-type]
        assert decode(made).tobytes() == decode(data).tobytes(), "it should have been copied"
        assert (b"by EXIF" in made, b"private" in made, b"behind" in made) == (what != "none", what == "all", False)


def test_a_file_that_is_copied_loses_the_thumbnail_of_its_jfif_header():
    stream = io.BytesIO()
    Image.fromarray(astronaut(128, 128)).save(stream, "JPEG", quality=15, dpi=(300, 300))
    data, thumbnail = stream.getvalue(), b"secret" * 32
    for header in (data[6:18] + b"\x08\x08" + thumbnail, data[6:13]):  # a whole header, and one that is too short
        made = repro.encode(data[:2] + b"\xff\xe0" + struct.pack(">H", 2 + len(header)) + header + data[20:], 95)
        assert decode(made).tobytes() == decode(data).tobytes(), "it should have been copied"
        assert made[2 : len(made)] == data[2:] if thumbnail in header else made == data[:2] + data[20:]


# ---- targets for the whole file -------------------------------------------------------------------------------------


def test_a_size_is_met_by_a_copied_file_too_with_the_density_that_it_is_given():
    data = without_jfif_header(300.0, 300.0, quality=20)  # the density is moved into EXIF
    whole = len(repro.encode(data, 95))
    for size in range(whole - 90, whole + 10, 6):
        assert len(repro.encode(data, size=size, keep_smaller=True)) <= size


@pytest.mark.parametrize("target", ["bpp", "size"])
def test_the_least_that_a_refusal_names_can_be_had(target):
    """The metadata count."""
    exif = Image.Exif()
    exif[0x010E] = "a long story " * 1000
    data = saved("JPEG", exif=exif, quality=98)
    wanted = {"bpp": 1.0, "size": 2000}[target]
    with pytest.raises(ReproError, match=f"{wanted:g} b.*cannot be met; choose (from|at least)") as caught:
        kept(data, "all", **{target: wanted})
    least = re.search(r"choose (?:from|at least) ([\d.]+\d)", str(caught.value))[1]
    made = repro.encode(data, metadata="all", effort="fast", **{target: float(least)})
    assert 8 * len(made) / (48 * 64) <= float(least) if target == "bpp" else len(made) <= float(least)
