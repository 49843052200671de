"""Programs that decode JPEG files, and how far from Pillow each may be in any sample.

Its limit is how far it is on files that libjpeg wrote of the same pictures; ``decoder_census.py`` measures both.
"""

from __future__ import annotations

import base64
import importlib.util
import io
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from decoder_files import Fault, File


class Decoder(ABC):
    """One program. ``limit``: the most that it may be from Pillow, out of 255; None: it only says yes or no.

    No decoder but ffmpeg makes of a file by libjpeg another sample than Pillow, so none may of one of ours.
    """

    name = ""
    limit: int | None = 0

    @abstractmethod
    def version(self) -> str | None:
        """None where it is not installed."""

    @abstractmethod
    def distance(self, file: File) -> int:
        """Its largest difference from Pillow. Raises :class:`Fault` where it complains or shows another size."""

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Let go of what it holds."""


class Pillow(Decoder):
    """All others are compared with it."""

    name = "Pillow"

    def version(self) -> str:
        from PIL import __version__, features

        return f"{__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}"

    def distance(self, file: File) -> int:
        return furthest(np.asarray(file.opened().convert("RGB")), file.rgb)


class Djpeg(Decoder):
    """libjpeg-turbo's own program, of another version than Pillow has inside."""

    name = "djpeg"

    def version(self) -> str | None:
        return _version(self.name, "-version", "libjpeg-turbo")

    def distance(self, file: File) -> int:
        data = _run("djpeg", "-pnm", str(file.path))
        return furthest(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")), file.rgb)


class Jpegtran(Decoder):
    """Rewrites the file without decoding it: pixels and all markers must stay."""

    name = "jpegtran -copy all"

    def version(self) -> str | None:
        return _version("jpegtran", "-version", "libjpeg-turbo")

    def distance(self, file: File) -> int:
        copy = Image.open(io.BytesIO(_run("jpegtran", "-copy", "all", str(file.path))), formats=["JPEG"])
        if copy.info.get("icc_profile") != file.opened().info.get("icc_profile"):
            raise Fault("the colour profile is not the same after it")
        return furthest(np.asarray(copy.convert("RGB")), file.rgb)


class ImageMagick(Decoder):
    """Through the libjpeg of the system; profiles are kept beside the pixels, not applied."""

    name = "ImageMagick"

    @cached_property
    def program(self) -> tuple[str, str] | None:
        """(its path, its version); other programs are called ``convert``, too."""
        for name in ("magick", "convert"):
            found = _version(name, "-version", "Version: ImageMagick")
            if found:
                return name, found
        return None

    def version(self) -> str | None:
        return self.program[1] if self.program else None

    def distance(self, file: File) -> int:
        assert self.program is not None
        data = _run(self.program[0], str(file.path), "-depth", "8", "rgb:-")
        return furthest(_shaped(data, file.rgb.shape), file.rgb)


class Ffmpeg(Decoder):
    """Has a decoder of its own. All components are compared where they are of one size, else luma.

    That is before colours are turned and chroma is stretched, for which it has filters of its own.
    """

    name = "ffmpeg"
    limit = 1  # its inverse DCT rounds otherwise

    @cached_property
    def program(self) -> str | None:
        """Of the system, or the one that the package ``imageio-ffmpeg`` brings."""
        try:
            return shutil.which("ffmpeg") or str(importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe())
        except (ImportError, RuntimeError):
            return None

    def version(self) -> str | None:
        return _version(self.program, "-version", "ffmpeg version") if self.program else None

    def distance(self, file: File) -> int:
        assert self.program is not None
        # Its warnings are left out: of a file of one pixel, libjpeg's too, it says that the last marker was missing.
        data = _run(self.program, "-nostdin", "-v", "error", "-i", str(file.path), "-f", "rawvideo", "-")
        height, width, planes = file.components.shape
        if file.subsampled:
            luma, chroma = data[: height * width], data[height * width :]
            _shaped(chroma, (2, (height + 1) // 2, (width + 1) // 2))
            return furthest(_shaped(luma, (height, width)), file.components[..., 0])
        return furthest(_shaped(data, (planes, height, width)), file.components.transpose(2, 0, 1))


class Chromium(Decoder):
    """A browser, told to leave colour profiles alone. Works in a thread of its own: Playwright wants one."""

    name = "Chromium"
    FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
    STRIP = 2**21  # pixels that are fetched at a time
    OPEN = """async text => {
        const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
        const file = new Blob([bytes], {type: "image/jpeg"});
        window.bitmap = await createImageBitmap(file, {colorSpaceConversion: "none"});
        return [bitmap.height, bitmap.width];
    }"""
    ROWS = """([top, rows]) => {
        const canvas = document.createElement("canvas");
        canvas.width = bitmap.width; canvas.height = rows;
        const context = canvas.getContext("2d", {willReadFrequently: true});
        context.drawImage(bitmap, 0, -top);
        const samples = context.getImageData(0, 0, bitmap.width, rows).data;
        let text = "";
        for (let i = 0; i < samples.length; i += 3 * 4096)
            text += btoa(String.fromCharCode.apply(null, samples.subarray(i, i + 3 * 4096)));
        return text;
    }"""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._playwright: Any = None
        self._browser: Any = None

    @cached_property
    def program(self) -> str | None:
        """The browser of the system."""
        driven = importlib.util.find_spec("playwright")
        return (shutil.which("chromium") or shutil.which("google-chrome")) if driven else None

    def version(self) -> str | None:
        return str(self._thread.submit(lambda: self._page.context.browser.version).result()) if self.program else None

    def distance(self, file: File) -> int:
        return furthest(self._thread.submit(self._decoded, file.path.read_bytes()).result(), file.rgb)

    def close(self) -> None:
        self._thread.submit(self._stop).result()
        self._thread.shutdown()

    @cached_property
    def _page(self) -> Any:
        from playwright.sync_api import sync_playwright

        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=self.program, args=list(self.FLAGS))
        return self._browser.new_page()

    def _decoded(self, data: bytes) -> np.ndarray:
        from playwright.sync_api import Error

        try:
            height, width = self._page.evaluate(self.OPEN, base64.b64encode(data).decode())
            rows = max(1, self.STRIP // width)
            parts = [
                base64.b64decode(self._page.evaluate(self.ROWS, [top, min(rows, height - top)]))
                for top in range(0, height, rows)
            ]
        except Error as error:
            raise Fault(" ".join(error.message.split())) from error
        return _shaped(b"".join(parts), (height, width, 4))[..., :3]

    def _stop(self) -> None:
        if self._browser:
            self._browser.close()
        if self._playwright:
            self._playwright.stop()


class Jpeginfo(Decoder):
    """Reads the whole file and repeats what libjpeg has to say of it."""

    name = "jpeginfo -c"
    limit = None

    def version(self) -> str | None:
        return _version("jpeginfo", "--version", "jpeginfo v")

    def distance(self, file: File) -> int:
        line = _run("jpeginfo", "-c", str(file.path)).decode().strip()
        if not line.endswith("OK"):
            raise Fault(line.removeprefix(str(file.path)).strip())
        return 0


#: In the order in which they are told of. A census cannot do without the first three.
DECODERS: tuple[Callable[[], Decoder], ...] = (Pillow, Djpeg, Jpegtran, ImageMagick, Ffmpeg, Chromium, Jpeginfo)
NEEDED = (Pillow.name, Djpeg.name, Jpegtran.name)


def _run(*command: str) -> bytes:
    """What it writes. Raises :class:`Fault` where it fails, or has anything to remark."""
    done = subprocess.run(command, capture_output=True)
    remarks = " ".join(done.stderr.decode(errors="replace").replace(command[-1], "").split())
    if done.returncode or remarks:
        raise Fault(remarks or f"ends with {done.returncode}")
    return done.stdout


def _version(program: str, option: str, prefix: str) -> str | None:
    """The word after ``prefix`` and "version", which its first line starts with if it is the program that is meant."""
    if shutil.which(program) is None:
        return None
    done = subprocess.run([program, option], capture_output=True, text=True)
    first = (done.stdout + done.stderr).strip().partition("\n")[0]
    if done.returncode or not first.startswith(prefix):
        return None
    return first.removeprefix(prefix).strip().removeprefix("version").split()[0]


def _shaped(data: bytes, shape: Sequence[int]) -> np.ndarray:
    if len(data) != np.prod(shape):
        raise Fault(f"gives {len(data)} samples, not {'×'.join(map(str, shape))}")
    return np.frombuffer(data, np.uint8).reshape(shape)


def furthest(shown: np.ndarray, expected: np.ndarray) -> int:
    """The largest difference of two pictures in any sample. Raises :class:`Fault` where they differ in size."""
    if shown.shape != expected.shape:
        raise Fault(f"shows {shown.shape[1]}×{shown.shape[0]} pixels, not {expected.shape[1]}×{expected.shape[0]}")
    return int(np.max(np.maximum(shown, expected) - np.minimum(shown, expected)))
