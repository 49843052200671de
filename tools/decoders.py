"""Programs and libraries that decode JPEG files, and how far each may be from Pillow in any sample.

A decoder's limit is its distance on files that libjpeg wrote of the same pictures: 0 for everything built on libjpeg,
and at most 4 for decoders with arithmetic of their own. ``decoder_census.py`` measures both.
"""

from __future__ import annotations

import importlib.util
import io
import re
import shutil
import subprocess
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from decoder_files import Fault, File

HERE = Path(__file__).resolve().parent
#: How halved chroma is enlarged to full size. Decoders are free to choose: ITU-T T.81 leaves it open.
Chroma = Literal["smooth", "repeated", "own"]


class Decoder(ABC):
    """A decoder.

    limit
        The largest allowed difference from Pillow, out of 255; None if it only accepts or rejects a file.
    chroma
        How its pixels of a 4:2:0 file are compared. ``"smooth"``: with Pillow's, which interpolates chroma;
        ``"repeated"``: with libjpeg's when each sample of chroma is repeated; ``"own"``: luma alone, as its filter is
        another. For other files, all samples are compared with Pillow's.
    built_on
        Whose code decodes.
    """

    name = ""
    limit: int | None = 0
    chroma: Chroma = "smooth"
    built_on = "libjpeg-turbo"

    @abstractmethod
    def version(self) -> str | None:
        """Its version; None if it is not on this machine."""

    @abstractmethod
    def decoded(self, file: File) -> np.ndarray:
        """(H, W) or (H, W, 3) uint8; luma alone, (H, W), for a 4:2:0 file if ``chroma`` is ``"own"``.

        Raises :class:`Fault` if it complains.
        """

    def distance(self, file: File) -> int:
        """Its largest difference from Pillow. Raises :class:`Fault` if it complains or shows another size."""
        shown = self.decoded(file)
        if self.chroma == "own" and file.subsampled:
            return furthest(shown, file.components[..., 0])
        if shown.ndim == 2:
            shown = np.repeat(shown[..., None], 3, axis=2)
        return furthest(shown, file.repeated if self.chroma == "repeated" and file.subsampled else file.rgb)

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Release what it holds."""


class Pillow(Decoder):
    """The reference for all others."""

    name = "Pillow"

    def version(self) -> str:
        from PIL import __version__, features

        return f"{__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}"

    def decoded(self, file: File) -> np.ndarray:
        return np.asarray(file.opened().convert("RGB"))


class Djpeg(Decoder):
    """libjpeg-turbo's own program, in another version than the one inside Pillow."""

    name = "djpeg"

    def version(self) -> str | None:
        return _version(self.name, "-version", "libjpeg-turbo")

    def decoded(self, file: File) -> np.ndarray:
        return _pnm(_run("djpeg", "-pnm", str(file.path)))


class Jpegtran(Decoder):
    """Rewrites the file without decoding it: pixels and all markers must stay the same."""

    name = "jpegtran -copy all"

    def version(self) -> str | None:
        return _version("jpegtran", "-version", "libjpeg-turbo")

    def decoded(self, file: File) -> np.ndarray:
        copy = Image.open(io.BytesIO(_run("jpegtran", "-copy", "all", str(file.path))), formats=["JPEG"])
        before = file.opened()
        for kind in ("icc_profile", "exif", "xmp", "photoshop"):
            if copy.info.get(kind) != before.info.get(kind):
                raise Fault(f"its {kind} is not the same after it")
        return np.asarray(copy.convert("RGB"))


class Libjpeg(Decoder):
    """A version of libjpeg that comes with the package ``jpeglib``. It reports no damage."""

    release = ""
    _lock = threading.Lock()  # the whole process uses one version at a time

    def version(self) -> str | None:
        if importlib.util.find_spec("jpeglib") is None:
            return None
        from jpeglib import version

        return self.shown if self.release in version.versions() else None

    @cached_property
    def shown(self) -> str:
        """The version as it is usually written."""
        digits = self.release.removeprefix("mozjpeg")
        return ".".join(digits) if digits.isdigit() and len(digits) == 3 else digits

    def decoded(self, file: File) -> np.ndarray:
        import jpeglib

        file.opened()  # libjpeg would end this process if it were no JPEG file
        luma = self.chroma == "own" and file.subsampled
        with self._lock, jpeglib.version(self.release):
            found = jpeglib.read_spatial(str(file.path), jpeglib.JCS_YCbCr if luma else None).spatial
        return np.array(found[..., 0] if luma or found.shape[2] == 1 else found)


class Libjpeg6(Libjpeg):
    """The last version of the 1990s, which is still in wide use."""

    name, release, built_on = "libjpeg 6b", "6b", "its own code"


class Libjpeg9(Libjpeg):
    """The Independent JPEG Group's latest, which enlarges chroma by a DCT of twice the size."""

    name, release, chroma, limit, built_on = "libjpeg 9", "9f", "own", 1, "its own code"


class Mozjpeg(Libjpeg):
    """As a library; it decodes like the version of libjpeg-turbo from which it was forked."""

    name, release = "mozjpeg", "mozjpeg403"


class ImageMagick(Decoder):
    """Profiles are kept beside the pixels, not applied."""

    name = "ImageMagick"

    @cached_property
    def program(self) -> tuple[str, str] | None:
        """(path, version); programs other than ImageMagick are called ``convert``, too."""
        for name in ("magick", "convert"):
            found = _version(name, "-version", "Version: ImageMagick")
            if found:
                return name, found
        return None

    def version(self) -> str | None:
        return self.program[1] if self.program else None

    def decoded(self, file: File) -> np.ndarray:
        assert self.program is not None
        return _shaped(_run(self.program[0], str(file.path), "-depth", "8", "rgb:-"), file.rgb.shape)


class GraphicsMagick(Decoder):
    """ImageMagick's fork of 2002."""

    name = "GraphicsMagick"

    def version(self) -> str | None:
        return _version("gm", "-version", "GraphicsMagick")

    def decoded(self, file: File) -> np.ndarray:
        return _shaped(_run("gm", "convert", str(file.path), "-depth", "8", "rgb:-"), file.rgb.shape)


class Libvips(Decoder):
    """Many web servers scale photos with it."""

    name = "libvips"

    def version(self) -> str | None:
        return _version("vips", "--version", "vips-")

    def decoded(self, file: File) -> np.ndarray:
        return _pnm(_made(file, ".ppm", "vips", "copy"))


class OpenCV(Decoder):
    """The package ``opencv-python-headless``."""

    name = "OpenCV"

    def version(self) -> str | None:
        if importlib.util.find_spec("cv2") is None:
            return None
        import cv2

        return str(cv2.__version__)

    def decoded(self, file: File) -> np.ndarray:
        import cv2

        found = cv2.imread(str(file.path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        if found is None:
            raise Fault("cannot read it")
        return np.asarray(found)[..., ::-1]


class Ffmpeg(Decoder):
    """Compares all components as they are in the file, before colour conversion and chroma upsampling."""

    name, chroma, built_on = "ffmpeg", "own", "its own code"
    limit = 1  # its inverse DCT rounds differently

    @cached_property
    def program(self) -> str | None:
        """The installed program, or the one from the package ``imageio-ffmpeg``."""
        try:
            return shutil.which("ffmpeg") or str(importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe())
        except (ImportError, RuntimeError):
            return None

    def version(self) -> str | None:
        return _version(self.program, "-version", "ffmpeg version") if self.program else None

    def decoded(self, file: File) -> np.ndarray:
        assert self.program is not None
        # Warnings are left out: for a file of one pixel, even libjpeg's, it says that the last marker was missing.
        data = _run(self.program, "-nostdin", "-v", "error", "-i", str(file.path), "-f", "rawvideo", "-")
        height, width, planes = file.components.shape
        if file.subsampled:
            luma, chroma = data[: height * width], data[height * width :]
            _shaped(chroma, (2, (height + 1) // 2, (width + 1) // 2))
            return _shaped(luma, (height, width))
        return _shaped(data, (planes, height, width)).transpose(1, 2, 0)

    def distance(self, file: File) -> int:
        if file.subsampled:
            return super().distance(file)
        return furthest(self.decoded(file), file.components)


class Java(Decoder):
    """``javax.imageio``. It would apply profiles, so components are compared before colour conversion."""

    name, built_on = "Java ImageIO", "libjpeg 6b"

    def version(self) -> str | None:
        return _version("java", "--version", "openjdk ") if shutil.which("javac") else None

    @cached_property
    def classes(self) -> str:
        """The folder of the compiled program."""
        folder = tempfile.mkdtemp(prefix="repro-java-")
        _run("javac", "-d", folder, str(HERE / "decode" / "Decode.java"))
        return folder

    def decoded(self, file: File) -> np.ndarray:
        quick = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
        return _shaped(_run("java", *quick, "-cp", self.classes, "Decode", str(file.path)), file.components.shape)

    def distance(self, file: File) -> int:
        return furthest(self.decoded(file), file.components)

    def close(self) -> None:
        if "classes" in self.__dict__:
            shutil.rmtree(self.classes)


class Stb(Decoder):
    """``stb_image.h``, the single file that games and small tools include.

    For 4:2:0 files up to 4 pixels wide only luma is compared: libjpeg repeats such narrow chroma.
    """

    name, limit, built_on = "stb_image", 4, "its own code"
    HEADER = Path("/usr/include/stb/stb_image.h")

    def version(self) -> str | None:
        if not (self.HEADER.is_file() and shutil.which("cc")):
            return None
        found = re.search(r"stb_image - v(\S+)", self.HEADER.read_text(encoding="utf-8", errors="replace")[:200])
        return found[1] if found else "unknown"

    @cached_property
    def program(self) -> str:
        """The compiled program."""
        folder = Path(tempfile.mkdtemp(prefix="repro-stb-"))
        _run("cc", "-O2", "-w", "-o", str(folder / "decode"), str(HERE / "decode" / "decode.c"), "-lm")
        return str(folder / "decode")

    def distance(self, file: File) -> int:
        height, width, _ = file.components.shape
        if not (file.subsampled and width <= 4):
            return super().distance(file)
        luma = _shaped(_run(self.program, str(file.path), "luma"), (height, width))
        return furthest(luma, file.components[..., 0])

    def decoded(self, file: File) -> np.ndarray:
        found = _shaped(_run(self.program, str(file.path)), file.components.shape)
        return found[..., 0] if found.shape[2] == 1 else found

    def close(self) -> None:
        if "program" in self.__dict__:
            shutil.rmtree(Path(self.program).parent)


class JpegJs(Decoder):
    """The package ``jpeg-js``, in plain JavaScript: the copy for tests, run by Node.js."""

    name, limit, chroma, built_on = "jpeg-js", 4, "repeated", "its own code"
    SCRIPT = HERE.parent / "tests" / "vendor" / "jpeg-js" / "decoder.js"

    def version(self) -> str | None:
        import json

        pins = json.loads((HERE.parent / "package.json").read_text(encoding="utf-8"))["devDependencies"]
        return str(pins["jpeg-js"]) if shutil.which("node") else None

    def decoded(self, file: File) -> np.ndarray:
        data = _run("node", str(HERE / "decode" / "decode.js"), str(self.SCRIPT), str(file.path))
        return _shaped(data, file.rgb.shape)


class Pdf(Decoder):
    """The file is put into a PDF by ``img2pdf``. Poppler takes it out, and decodes it if it has no profile.

    Poppler would apply a profile.
    """

    name = "img2pdf, poppler"

    def version(self) -> str | None:
        if importlib.util.find_spec("img2pdf") is None:
            return None
        import img2pdf

        poppler = _version("pdfimages", "-v", "pdfimages")
        return f"{img2pdf.__version__}, {poppler}" if poppler else None

    def decoded(self, file: File) -> np.ndarray:
        import img2pdf

        with tempfile.TemporaryDirectory(prefix="repro-pdf-") as name:
            page, start = Path(name, "a.pdf"), Path(name, "a")
            a4 = img2pdf.get_layout_fun((img2pdf.mm_to_pt(210), img2pdf.mm_to_pt(297)))
            page.write_bytes(img2pdf.convert(str(file.path), engine=img2pdf.Engine.internal, layout_fun=a4))
            _run("pdfimages", "-j", str(page), str(start))
            if Path(name, "a-000.jpg").read_bytes() != file.path.read_bytes():
                raise Fault("the file in the PDF is not the same")
            if "icc_profile" in file.opened().info:
                return file.rgb
            _run("pdfimages", "-png", str(page), str(start))
            with Image.open(Path(name, "a-000.png")) as image:
                return np.asarray(image.convert("RGB"))


class JpegXl(Decoder):
    """The file is packed losslessly into a JPEG XL and unpacked; every byte must be the same."""

    name, built_on = "JPEG XL and back", "its own code"

    def version(self) -> str | None:
        return _version("cjxl", "--version", "cjxl v") if shutil.which("djxl") else None

    def decoded(self, file: File) -> np.ndarray:
        packed, back = file.path.with_suffix(".jxl"), file.path.with_suffix(".back.jpg")
        try:
            _run("cjxl", str(file.path), str(packed), "--lossless_jpeg=1", "--quiet")
            _run("djxl", str(packed), str(back), "--quiet")
            if back.read_bytes() != file.path.read_bytes():
                raise Fault("the file is not the same after it")
        finally:
            packed.unlink(missing_ok=True)
            back.unlink(missing_ok=True)
        return file.rgb


class Jpeginfo(Decoder):
    """Reads the whole file and repeats what libjpeg says about it."""

    name = "jpeginfo -c"
    limit = None

    def version(self) -> str | None:
        return _version("jpeginfo", "--version", "jpeginfo v")

    def decoded(self, file: File) -> np.ndarray:
        line = _run("jpeginfo", "-c", str(file.path)).decode().strip()
        if not line.endswith("OK"):
            raise Fault(line.removeprefix(str(file.path)).strip())
        return file.rgb


def _run(*command: str) -> bytes:
    """Standard output of ``command``. Raises :class:`Fault` if it fails or writes to standard error."""
    done = subprocess.run(command, capture_output=True)
    remarks = " ".join(done.stderr.decode(errors="replace").replace(command[-1], "").split())
    if done.returncode or remarks:
        raise Fault(remarks[:300] or f"ends with {done.returncode}")
    return done.stdout


def _made(file: File, suffix: str, *command: str) -> bytes:
    """What ``command`` writes to the file that it gets as its last argument, after ``file``."""
    made = file.path.with_suffix(suffix)
    try:
        _run(*command, str(file.path), str(made))
        return made.read_bytes()
    finally:
        made.unlink(missing_ok=True)


def _version(program: str, option: str, prefix: str) -> str | None:
    """The word after ``prefix`` and "version" on the first line; None if there is no such program, or it is another."""
    if shutil.which(program) is None:
        return None
    done = subprocess.run([program, option], capture_output=True, text=True)
    first = (done.stdout + done.stderr).strip().partition("\n")[0]
    if not first.startswith(prefix):
        return None
    return first.removeprefix(prefix).strip().removeprefix("version").split()[0]


def _pnm(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data), formats=["PPM"]).convert("RGB"))


def _shaped(data: bytes, shape: Sequence[int]) -> np.ndarray:
    if len(data) != np.prod(shape):
        raise Fault(f"gives {len(data)} samples, not {'×'.join(map(str, shape))}")
    return np.frombuffer(data, np.uint8).reshape(shape)


def furthest(shown: np.ndarray, expected: np.ndarray) -> int:
    """The largest difference of two pictures in any sample. Raises :class:`Fault` if they differ in size."""
    if shown.shape != expected.shape:
        raise Fault(f"shows {shown.shape[1]}×{shown.shape[0]} pixels, not {expected.shape[1]}×{expected.shape[0]}")
    return int(np.max(np.maximum(shown, expected) - np.minimum(shown, expected)))


def every() -> tuple[Callable[[], Decoder], ...]:
    """All decoders, in the order of the table."""
    from decoder_browsers import Chromium, Firefox

    # Libraries, programs, languages, browsers, other formats; the last one only checks.
    libraries = (Pillow, Djpeg, Jpegtran, Libjpeg6, Libjpeg9, Mozjpeg)
    programs = (ImageMagick, GraphicsMagick, Libvips, OpenCV, Ffmpeg, Java, Stb, JpegJs)
    return (*libraries, *programs, Chromium, Firefox, Pdf, JpegXl, Jpeginfo)


#: The census needs these.
NEEDED = (Pillow.name, Djpeg.name, Jpegtran.name, Libjpeg6.name, Libjpeg9.name, Mozjpeg.name)
