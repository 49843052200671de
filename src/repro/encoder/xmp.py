"""XMP packets, reduced to who made the photo, or to all that is still true of it.

Source: XMP specification, part 1 (RDF), part 2 (schemas) and part 3 (extended XMP in JPEG).
"""

from __future__ import annotations

import io
from itertools import count
from xml.etree import ElementTree

HEADER, EXTENSION = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_META, _DC, _TIFF, _EXIF, _XMP, _NOTE, _PHOTOSHOP, _CORE, _RIGHTS, _PLUS = (
    f"{{{name}}}"
    for name in (
        "adobe:ns:meta/",
        "http://purl.org/dc/elements/1.1/",
        "http://ns.adobe.com/tiff/1.0/",
        "http://ns.adobe.com/exif/1.0/",
        "http://ns.adobe.com/xap/1.0/",
        "http://ns.adobe.com/xmp/note/",
        "http://ns.adobe.com/photoshop/1.0/",
        "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
        "http://ns.adobe.com/xap/1.0/rights/",
        "http://ns.useplus.org/ldf/xmp/1.0/",
    )
)
#: Who made the photo and who may use it: a property, or all of a schema.
_ABOUT_RIGHTS = (
    f"{_DC}creator",
    f"{_DC}rights",
    f"{_PHOTOSHOP}Credit",
    f"{_CORE}CreatorContactInfo",
    _RIGHTS,
    _PLUS,
)
#: What only the old file had: pictures and films behind the first one, a thumbnail, a second packet.
_GONE = (
    "{http://ns.adobe.com/hdr-gain-map/1.0/}",
    "{http://ns.apple.com/HDRGainMap/1.0/}",
    "{http://ns.google.com/photos/1.0/",
    f"{_XMP}Thumbnails",
    f"{_NOTE}HasExtendedXMP",
)
#: Namespaces to fall back on, by prefix.
_PREFIXES = {"xml": "http://www.w3.org/XML/1998/namespace", "x": _META[1:-1], "rdf": _RDF[1:-1]}


def rights(packet: bytes) -> bytes:
    """Return a packet with only who made the photo and who may use it; empty if ``packet`` does not say.

    Raises ``ValueError`` or ``ElementTree.ParseError`` if it is damaged.
    """
    kept = ElementTree.Element(f"{_RDF}Description", {f"{_RDF}about": ""})
    old, prefixes = _parsed(packet)
    for description in _descriptions(old):
        kept.attrib.update({name: value for name, value in description.items() if name.startswith(_ABOUT_RIGHTS)})
        kept.extend(child for child in description if child.tag.startswith(_ABOUT_RIGHTS))
    if len(kept.attrib) == 1 and not len(kept):
        return b""
    root = ElementTree.Element(f"{_META}xmpmeta")
    ElementTree.SubElement(root, f"{_RDF}RDF").append(kept)
    return _written(root, prefixes)


def revised(packet: bytes, size: tuple[int, int], *, srgb: bool) -> bytes:
    """Return ``packet`` for the upright picture of ``size``, (width, height), made from its photo, without what only
    the old file had. ``srgb``: the colours are sRGB now. Raises as :func:`rights`."""
    root, prefixes = _parsed(packet)
    true = {f"{_TIFF}Orientation": "1", f"{_EXIF}PixelXDimension": str(size[0]), f"{_TIFF}ImageWidth": str(size[0])}
    true |= {f"{_EXIF}PixelYDimension": str(size[1]), f"{_TIFF}ImageLength": str(size[1])}
    if srgb:
        true[f"{_EXIF}ColorSpace"] = "1"
    gone = (*_GONE, f"{_PHOTOSHOP}ICCProfile") if srgb else _GONE
    for description in _descriptions(root):
        for name in [name for name in description.attrib if name.startswith(gone)]:
            del description.attrib[name]
        for child in [child for child in description if child.tag.startswith(gone)]:
            description.remove(child)
        description.attrib.update({name: value for name, value in true.items() if name in description.attrib})
        for child in description:
            child.text = true.get(child.tag, child.text)
    return _written(root, prefixes)


def _parsed(packet: bytes) -> tuple[ElementTree.Element, dict[str, str]]:
    """Return the packet's outermost element, and prefixes by namespace."""
    text = packet.decode().strip("\0\r\n\t \ufeff")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # XMP has none, and entities can grow without bound
        raise ValueError("a document type in XMP")
    names = dict(_PREFIXES)
    for _, (prefix, name) in ElementTree.iterparse(io.StringIO(text), ["start-ns"]):
        if prefix:
            names.setdefault(prefix, name)
    return ElementTree.fromstring(text), {name: prefix for prefix, name in names.items()}


def _descriptions(root: ElementTree.Element) -> list[ElementTree.Element]:
    """Return those of the picture itself; others, nested deeper, are of pictures that it was made from."""
    return [description for rdf in root.iter(f"{_RDF}RDF") for description in rdf.findall(f"{_RDF}Description")]


def _written(root: ElementTree.Element, prefixes: dict[str, str]) -> bytes:
    """Serialise ``root`` with ``prefixes`` put into its names here, since ElementTree's own prefixes are global to the
    process."""
    used = {}

    def short(name: str) -> str:
        space, _, local = name[1:].rpartition("}")
        if not space:
            return name
        if space not in prefixes:
            prefixes[space] = next(made for i in count() if (made := f"ns{i}") not in prefixes.values())
        used[prefixes[space]] = space
        return f"{prefixes[space]}:{local}"

    for element in root.iter():
        element.tag = short(element.tag)
        element.attrib = {short(name): value for name, value in element.attrib.items()}
    used.pop("xml", None)
    root.attrib = {f"xmlns:{prefix}": space for prefix, space in sorted(used.items())} | root.attrib
    body = ElementTree.tostring(root, "utf-8", xml_declaration=False)
    return b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>' + body + b'<?xpacket end="w"?>'
