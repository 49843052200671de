"""Colour information other than an ICC profile: PNG's chunks, AVIF's code points, EXIF's Adobe RGB.

Each becomes an ICC profile. Source: PNG 3rd edition, 11.3.2 (chunks); ITU-T H.273, 8.1 and 8.2 (code points); DCF 2.0
(Adobe RGB); ICC.1:2001-04 (profiles); http://www.brucelindbloom.com (Bradford's adaptation).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image

from repro.encoder import jpeg2000
from repro.errors import ReproError

SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)  # x and y of white, red, green and blue
ADOBE_RGB = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
#: By the code points of H.273.
_PRIMARIES = {
    1: SRGB,
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (0.3127, 0.3290, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (0.3127, 0.3290, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (0.3127, 0.3290, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    8: (0.310, 0.316, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: (0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    22: (0.3127, 0.3290, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}
#: Exponents by the code points of H.273. For others viewers use sRGB's curve, as they use sRGB's primaries.
_TRANSFERS = {4: 2.2, 5: 2.8, 8: 1.0}
_ODD_PRIMARIES, _ODD_TRANSFERS = {10: "XYZ"}, {9: "logarithmic", 10: "logarithmic", 17: "SMPTE 428"}
_HDR = {16: "PQ", 18: "HLG"}


@dataclass(frozen=True)
class ColourSpace:
    """Primaries as in ``SRGB``, and a curve: an exponent, or None for sRGB's."""

    primaries: tuple[float, ...] = SRGB
    gamma: float | None = None

    @property
    def is_srgb(self) -> bool:
        """Whether there is nothing to convert."""
        return self.gamma is None and np.allclose(self.primaries, SRGB, atol=0.002)

    @property
    def is_linear(self) -> bool:
        """Whether the curve is so close to linear light that 8 bits are too few for it."""
        return self.gamma is not None and self.gamma < 1.6

    def on_srgb_curve(self, samples: np.ndarray) -> np.ndarray:
        """16-bit samples → the same colours with sRGB's curve (IEC 61966-2-1) and 8 bits; a fourth channel is alpha."""
        light = (np.arange(65536) / 65535) ** (self.gamma or 1)
        curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
        shown = np.round(255 * curve).astype(np.uint8)[samples]
        if samples.ndim == 3 and samples.shape[2] == 4:
            shown[..., 3] = samples[..., 3] >> 8
        return shown

    def profile(self, grey: bool) -> bytes:
        """Return this space as an ICC profile, version 2, for ``grey`` or RGB pictures."""
        if grey:
            return _icc(b"GRAY", {b"kTRC": _curve(self.gamma)})
        columns = {tag: _xyz(column) for tag, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), self._to_d50().T, strict=True)}
        return _icc(b"RGB ", columns | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _curve(self.gamma)))

    def _to_d50(self) -> np.ndarray:
        points = np.reshape(self.primaries, (4, 2))
        xyz = np.stack([points[:, 0], points[:, 1], 1 - points.sum(1)]) / points[:, 1]
        white, columns = xyz[:, 0], xyz[:, 1:]
        bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
        adapt = np.linalg.inv(bradford) @ np.diag(bradford @ _D50 / (bradford @ white)) @ bradford
        return np.asarray(adapt @ (columns * np.linalg.solve(columns, white)))


def declared(name: str, image: Image.Image, head: bytes, profile: bytes | None) -> ColourSpace | None:
    """Return what ``image``, whose file begins with ``head``, says about its colours beside the ICC ``profile``; None
    if it says nothing.

    Raises :class:`ReproError` for HDR, and for code points that no picture made for viewing has.
    """
    points = _code_points(image, head, profile)
    transfer = points[1] if points else _transfer_of(profile)
    if transfer in _HDR:
        raise ReproError(f"{name}: is an HDR picture ({_HDR[transfer]}), which a JPEG cannot show; export it as SDR")
    if points and points != (2, 2):  # 2: unspecified
        odd = _ODD_PRIMARIES.get(points[0]) or _ODD_TRANSFERS.get(points[1])
        if odd:
            raise ReproError(f"{name}: has colours of a kind that is not read ({odd}); export it as sRGB")
        return ColourSpace(_PRIMARIES.get(points[0], SRGB), _TRANSFERS.get(points[1]))
    if profile or "srgb" in image.info:
        return None
    gamma, chromaticity = image.info.get("gamma"), image.info.get("chromaticity")
    if image.format == "PNG" and (gamma or chromaticity):
        return _from_chunks(gamma, chromaticity)
    return ColourSpace(ADOBE_RGB, 563 / 256) if _exif_says_adobe_rgb(image) else None


def profile(image: Image.Image, data: bytes) -> bytes | None:
    """Return the ICC profile of ``image``, whose file is ``data``; None if it has none."""
    if image.format == "JPEG2000":
        return jpeg2000.profile(data)
    if image.format == "BMP" and data[70:74] == b"DEBM":  # Windows' BITMAPV5HEADER
        at, size = struct.unpack_from("<II", data, 14 + 112)
        return data[14 + at : 14 + at + size]
    return image.info.get("icc_profile")


def _from_chunks(gamma: float | None, chromaticity: tuple[float, ...] | None) -> ColourSpace | None:
    primaries = chromaticity or SRGB
    points = np.reshape(primaries, (4, 2))
    area = np.linalg.det(np.column_stack([points[1:], np.ones(3)]))
    if abs(area) < 1e-3 or (points[:, 1] <= 0).any():
        primaries = SRGB
    exponent = 1 / gamma if gamma else None
    same = np.allclose(primaries, SRGB, atol=0.002)
    if exponent is not None and (not 0.2 < exponent < 6 or (same and abs(exponent - 2.2) < 0.05)):
        exponent = None
    return ColourSpace(tuple(primaries), exponent)


def _code_points(image: Image.Image, head: bytes, profile: bytes | None) -> tuple[int, int] | None:
    """Return the primaries and transfer of PNG's cICP chunk or AVIF's colr box; None if there is none."""
    if image.format == "PNG":
        at = head.find(b"\0\0\0\4cICP", 0, head.find(b"IDAT"))
        return None if at < 0 or len(head) < at + 10 else (head[at + 8], head[at + 9])
    if image.format == "AVIF" and not profile:
        at = head.find(b"colrnclx")
        return None if at < 0 or len(head) < at + 12 else struct.unpack(">HH", head[at + 8 : at + 12])
    return None


def _transfer_of(profile: bytes | None) -> int | None:
    """Return the transfer's code point in an ICC profile's cicp tag (ICC.1:2022, 9.2.17); None without one."""
    at = profile.find(b"cicp", 128) if profile else -1
    if not profile or at < 0:
        return None
    content = profile[int.from_bytes(profile[at + 4 : at + 8], "big") :]
    return content[9] if content.startswith(b"cicp") and len(content) > 9 else None


def _exif_says_adobe_rgb(image: Image.Image) -> bool:
    try:
        exif = image.getexif()
        space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
        index = exif.get_ifd(ExifTags.IFD.Interop).get(1, "")
    except Exception:  # damaged EXIF says nothing
        return False
    return space == 2 or (space != 1 and str(index).startswith("R03"))


_D50 = np.array([0.9642, 1.0, 0.8249])


def _icc(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    description = b"desc" + bytes(4) + struct.pack(">I", 6) + b"repro\0" + bytes(4 + 4 + 2 + 1 + 67)
    tags = {b"desc": description, b"cprt": b"text" + bytes(4) + b"CC0\0", b"wtpt": _xyz(_D50)} | tags
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for tag, content in tags.items():
        table += tag + struct.pack(">II", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    size = start + len(body)
    header = struct.pack(">I4xI4s4s4s12x4s28x", size, 0x02100000, b"mntr", space, b"XYZ ", b"acsp") + _xyz(_D50)[8:]
    return header + bytes(128 - len(header)) + struct.pack(">I", len(tags)) + table + body


def _xyz(values: np.ndarray) -> bytes:
    return b"XYZ " + bytes(4) + np.round(values * 65536).astype(">i4").tobytes()


def _curve(gamma: float | None) -> bytes:
    if gamma is not None:
        return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
    v = np.linspace(0, 1, 1024)
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    return b"curv" + bytes(4) + struct.pack(">I", len(v)) + np.round(linear * 65535).astype(">u2").tobytes()
