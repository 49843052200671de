"""The files that decoders are tested on: all efforts and models, sizes, qualities and kinds of pictures."""

from __future__ import annotations

import io
import subprocess
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageDraw, ImageFont

from repro.encoder.encode import Effort, Scans, Settings, Subsampling, encode_source

#: (model, effort): all that the encoder has, each with the (width, height) of one large picture it has time for.
KINDS: dict[tuple[str, Effort], tuple[int, int]] = {
    ("trellis", "fast"): (6000, 4000),
    ("trellis", "default"): (1600, 1200),
    ("trellis", "best"): (1280, 960),
    ("tables", "fast"): (8000, 3000),
    ("tables", "default"): (4000, 6000),
    ("vgg16", "default"): (1600, 1200),
}
#: A size that is always noise at quality 100: the file takes more bytes than the picture.
LONGEST = (500, 333)
#: (width, height): from one pixel, around multiples of 8 and 16 px, odd, long and thin.
SIZES = (
    *((1, 1), (1, 2), (2, 1), (1, 7), (8, 1), (1, 17), (64, 1), (1, 200), (300, 1), (7, 7), (8, 8)),
    *((9, 9), (8, 16), (15, 15), (15, 16), (16, 15), (16, 16), (16, 17), (17, 16), (17, 17), (31, 31)),
    *((32, 32), (33, 31), (31, 33), (33, 33), (47, 49), (48, 48), (49, 47), (63, 64), (64, 65), (65, 63)),
    *((77, 101), (96, 80), (100, 75), (111, 3), (3, 111), (127, 128), (129, 127), (160, 120), (181, 239), (255, 257)),
    *((320, 200), LONGEST, (17, 2048), (8192, 16), (333, 500), (400, 300), (512, 512), (640, 427)),
)
QUALITIES = (1.0, 100.0, 2.0, 5.0, 75.0, 10.0, 20.0, 33.3, 50.0, 62.5, 85.0, 92.0, 97.0)
CONTENTS = ("astronaut", "noise", "text", "flat", "coffee", "gradient", "checks", "chelsea", "extremes", "camera")
PROFILES = (None, None, "sRGB", None, "swapped", None, None, "long", None, None, None)
SCANS: tuple[Scans, ...] = ("sequential", "interleaved", "smallest")
SUBSAMPLINGS: tuple[Subsampling, ...] = ("auto", "4:2:0", "4:4:4")
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
IPTC = b"\x1c\x02t\0\x08Somebody"
#: Most pixels of a small picture; a test has time for some of these.
SMALL = 16_500


@dataclass(frozen=True)
class Case:
    """A file to be made: of which picture, and how. ``profile``: see :func:`icc_profile`."""

    model: str
    effort: Effort
    width: int
    height: int
    content: str
    quality: float
    grey: bool
    scans: Scans
    subsampling: Subsampling
    profile: str | None
    metadata: bool

    def __str__(self) -> str:
        parts = [self.model, self.effort, f"{self.width}×{self.height}", "grey" if self.grey else self.subsampling]
        parts += [self.content, f"quality {self.quality:g}", self.scans]
        parts += [f"profile {self.profile}"] * (self.profile is not None) + ["metadata"] * self.metadata
        return ", ".join(parts)

    @property
    def small(self) -> bool:
        return self.width * self.height <= SMALL

    def settings(self) -> Settings:
        """Settings for the encoder. With effort ``best``, small pictures get 0.3 s of descent, large ones 5 s."""
        seconds = None if self.effort != "best" else 0.3 if self.small else 5.0
        return Settings(
            quality=self.quality,
            model=self.model,
            effort=self.effort,
            scans=self.scans,
            subsampling=self.subsampling,
            metadata="all" if self.metadata else "none",
            seconds=seconds,
        )

    def image(self) -> Image.Image:
        """The picture, with the metadata that should be kept."""
        image = Image.fromarray(drawn(self.content, self.width, self.height)).convert("L" if self.grey else "RGB")
        if self.profile:
            image.info["icc_profile"] = icc_profile(self.profile)
        if self.metadata:
            exif = Image.Exif()
            exif[ExifTags.Base.Copyright] = "© Somebody"
            image.info |= {"exif": exif.tobytes(), "xmp": XMP, "photoshop": {0x0404: IPTC}, "dpi": (300, 300)}
        return image

    def encoded(self) -> bytes:
        """The file. Raises :class:`repro.errors.ReproError` if it cannot be made."""
        return encode_source(self.image(), self.settings(), str(self), "")[0]


def cases() -> list[Case]:
    """All 300 cases. Each list of choices repeats with another period, so that nearly all combinations occur."""
    made = []
    for k, ((model, effort), large) in enumerate(KINDS.items()):
        for i, (width, height) in enumerate((*SIZES, large)):
            n = i + 7 * k
            grey = n % 5 == 3 or CONTENTS[n % len(CONTENTS)] == "camera"
            content, quality = CONTENTS[n % len(CONTENTS)], QUALITIES[(i + 2 * k) % len(QUALITIES)]
            if (width, height) == LONGEST:
                content, quality, grey = "noise", 100.0, False
            elif (width, height) == large:
                content, grey = "astronaut", (model, effort) == ("tables", "default")
            profile = None if grey else PROFILES[n % len(PROFILES)]
            scans, chroma = SCANS[(i + k) % 3], SUBSAMPLINGS[i // 3 % 3] if model == "trellis" else "auto"
            made.append(Case(model, effort, width, height, content, quality, grey, scans, chroma, profile, n % 4 == 1))
    return made


def drawn(content: str, width: int, height: int) -> np.ndarray:
    """(height, width, 3) uint8, the same for every call."""
    rng = np.random.default_rng([width, height])
    if content == "noise":
        return rng.integers(0, 256, (height, width, 3), np.uint8)
    if content == "extremes":  # as far out of range as transforms can get
        return rng.integers(0, 2, (height, width, 3), np.uint8) * np.uint8(255)
    if content == "flat":
        return np.tile(rng.integers(0, 256, 3, np.uint8), (height, width, 1))
    if content == "checks":
        odd = np.add.outer(np.arange(height), np.arange(width)) % 2
        return np.repeat((255 * odd).astype(np.uint8)[..., None], 3, axis=2)
    if content == "gradient":
        across, down = np.linspace(0, 255, width), np.linspace(255, 0, height)
        planes = np.broadcast_arrays(across, down[:, None], np.add.outer(down, across) / 2)
        return np.stack(planes, axis=-1).astype(np.uint8)
    if content == "text":
        return _text(width, height)
    return _mirrored(_photo(content), width, height, rng)


def _text(width: int, height: int) -> np.ndarray:
    image = Image.new("RGB", (width, height), (250, 248, 240))
    draw = ImageDraw.Draw(image)
    for n, top in enumerate(range(-3, height, 14)):
        words = "The quick brown fox jumps over the lazy dog. " * (1 + width // 200)
        draw.text((-4 * n, top), words, fill=((20, 20, 20), (180, 0, 0), (0, 60, 200))[n % 3], font=_font())
    return np.array(image)


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(12)


@cache
def _photo(name: str) -> np.ndarray:
    from skimage import data

    photo = np.asarray(getattr(data, name)())
    return photo if photo.ndim == 3 else np.repeat(photo[..., None], 3, axis=2)


def _mirrored(photo: np.ndarray, width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """A crop from anywhere in ``photo``, continued beyond its edges by its mirror image."""
    rows, cols = (
        np.abs((np.arange(side) + rng.integers(2 * whole)) % (2 * whole) - whole + 0.5).astype(int)
        for side, whole in zip((height, width), photo.shape[:2], strict=True)
    )
    return np.ascontiguousarray(photo[rows][:, cols])


@cache
def icc_profile(name: str) -> bytes:
    """``sRGB``; ``swapped``: red and green exchanged, which shows if it is applied; ``long``: it takes two markers."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    if name == "swapped":
        return profile.replace(b"rXYZ", b"?XYZ").replace(b"gXYZ", b"rXYZ").replace(b"?XYZ", b"gXYZ")
    if name == "long":
        profile += np.random.default_rng(0).bytes(100_000 - len(profile))  # zeros look like an attack to JPEG XL
        return len(profile).to_bytes(4, "big") + profile[4:]
    return profile


# --- what decoders make of them


class Fault(Exception):
    """What a decoder found wrong with a file, in one line."""


@dataclass(frozen=True)
class File:
    """A JPEG file, and Pillow's reading of it."""

    path: Path

    def opened(self, mode: str | None = None) -> Image.Image:
        """The image, fully decoded. Raises :class:`Fault` if Pillow rejects it."""
        try:
            image = Image.open(self.path, formats=["JPEG"])
            if mode:
                image.draft(mode, image.size)
            image.load()
        except Exception as error:  # decoders raise nearly anything for broken files
            raise Fault(" ".join(str(error).split()) or type(error).__name__) from error
        return image

    @cached_property
    def rgb(self) -> np.ndarray:
        """(H, W, 3) uint8; grey is repeated."""
        return np.asarray(self.opened().convert("RGB"))

    @cached_property
    def repeated(self) -> np.ndarray:
        """As :attr:`rgb`, by ``djpeg``, with each sample of smaller chroma repeated instead of interpolated."""
        done = subprocess.run(["djpeg", "-nosmooth", "-pnm", str(self.path)], capture_output=True)
        if done.returncode:
            raise Fault(" ".join(done.stderr.decode(errors="replace").split()))
        return np.asarray(Image.open(io.BytesIO(done.stdout), formats=["PPM"]).convert("RGB"))

    @cached_property
    def components(self) -> np.ndarray:
        """(H, W, 1 or 3) uint8: Y, Cb and Cr as in the file, chroma enlarged to the size of luma."""
        found = np.asarray(self.opened("YCbCr"))
        return found.reshape(*found.shape[:2], -1)

    @property
    def progressive(self) -> bool:
        """Whether the header says that it is progressive."""
        try:
            with Image.open(self.path, formats=["JPEG"]) as image:
                return bool(image.info.get("progressive"))
        except OSError:
            return False

    @property
    def subsampled(self) -> bool:
        """Whether chroma is smaller than luma."""
        layers: list[tuple[int, int, int, int]] = getattr(self.opened(), "layer")  # noqa: B009 - Image does not declare it
        return any((across, down) != (1, 1) for _, across, down, _ in layers)
