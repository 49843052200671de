"""mozjpeg and jpegli through libjpeg's C interface, which both implement, with the options of their own programs.

The packages ``jpeglib`` and ``pyjpegli`` contain the two libraries. Their Python functions offer few of the options, so
the libraries are called here through ``ctypes``. The files are as large as those of the programs ``cjpeg`` and
``cjpegli`` (``tests/goldens/kodak_peers_wide.csv``).
"""

from __future__ import annotations

import ctypes
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from repro.errors import ReproError

#: JCS_RGB, and the bytes to reserve for a C structure: more than any version needs.
_RGB, _ROOM = 2, 8192
#: Parameters of mozjpeg's ``jpeg_c_set_*_param``, from its ``jpeglib.h``.
_BASE_TABLE, _LOG_SCALE_1, _LOG_SCALE_2, _WEIGHT_TABLE = 0x44492AB1, 0x5B61A599, 0xB9BBAE03, 0x339DB65F


class _Component(ctypes.Structure):
    """The start of ``jpeg_component_info``."""

    _fields_ = tuple((name, ctypes.c_int) for name in ("id", "index", "h", "v"))


def _compress_struct(abi: int) -> type[Any]:
    """``jpeg_compress_struct`` up to its components; from ABI 70 on, it has four more fields for scaling."""
    scaling = "scale_num scale_denom jpeg_width jpeg_height " if abi >= 70 else ""
    names = (
        "err mem progress client_data is_decompressor state dest width height channels color_space gamma "
        f"{scaling}precision components jpeg_color_space component"
    ).split()
    pointers = ("err", "mem", "progress", "client_data", "dest", "component")
    kinds: dict[str, Any] = {**dict.fromkeys(pointers, ctypes.c_void_p), "gamma": ctypes.c_double}
    fields = [(name, kinds.get(name, ctypes.c_int)) for name in names]
    return type("Compress", (ctypes.Structure,), {"_fields_": [*fields, ("rest", ctypes.c_char * _ROOM)]})


@dataclass(frozen=True)
class Library:
    """A shared library with libjpeg's interface.

    distribution, path
        the package that contains it, and the file.
    prefix
        the prefix of its functions' names.
    abi, size
        the version of the interface, and the bytes of its ``jpeg_compress_struct``.
    """

    distribution: str
    path: str
    prefix: str
    abi: int
    size: int

    def function(self, name: str, result: Any = ctypes.c_int) -> Any:
        """The C function of this name, given without the prefix."""
        found = getattr(_loaded(self.path), self.prefix + name)
        found.restype = result
        return found


class Compressor:
    """A file being written: a ``jpeg_compress_struct`` with libjpeg's defaults, and calls that change them.

    ``rgb`` is (H, W, 3) uint8. Raises :class:`ReproError` if the library's layout is not as expected.
    """

    def __init__(self, library: Library, rgb: np.ndarray) -> None:
        self.rgb = np.ascontiguousarray(rgb)
        self.lib, self._errors = library, ctypes.create_string_buffer(_ROOM)
        self.struct = _compress_struct(library.abi)()
        self.struct.err = library.function("std_error", ctypes.c_void_p)(self._errors)
        self._create()
        self.buffer, self.bytes = ctypes.c_void_p(), ctypes.c_ulong()
        self.call("mem_dest", ctypes.byref(self.buffer), ctypes.byref(self.bytes))
        self.struct.height, self.struct.width, self.struct.channels = self.rgb.shape
        self.struct.color_space = _RGB
        self.call("set_defaults")

    def call(self, name: str, *args: Any, result: Any = ctypes.c_int) -> Any:
        """Call the C function ``name`` with the structure as its first argument."""
        return self.lib.function(name, result)(ctypes.byref(self.struct), *args)

    def sample_luma(self, h: int, v: int) -> None:
        """Set the number of luma samples, across and down, for each chroma sample: 2 and 2 is 4:2:0."""
        luma = _Component.from_address(self.struct.component)
        luma.h, luma.v = h, v

    def write(self) -> bytes:
        """Return the bytes of the file."""
        height, width = self.rgb.shape[:2]
        rows = (ctypes.c_void_p * height)(*(self.rgb.ctypes.data + 3 * width * row for row in range(height)))
        self.call("start_compress", 1)
        done = 0
        while done < height:
            done += self.call(
                "write_scanlines", ctypes.byref(rows, ctypes.sizeof(ctypes.c_void_p) * done), height - done
            )
        self.call("finish_compress")
        return ctypes.string_at(self.buffer, self.bytes.value)

    def close(self) -> None:
        """Free the file and the library's memory."""
        self.call("destroy_compress")
        ctypes.CDLL(None).free(self.buffer)

    def _create(self) -> None:
        """Let the library fill in the structure, and catch its error exit, which would end the process."""
        refused = []
        on_error = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: refused.append(True))
        ends_process = ctypes.c_void_p.from_buffer(self._errors)  # error_exit, the manager's first field
        kept, ends_process.value = ends_process.value, ctypes.cast(on_error, ctypes.c_void_p).value
        self.call("CreateCompress", self.lib.abi, ctypes.c_size_t(self.lib.size))
        ends_process.value = kept
        if refused:
            name = self.lib.distribution
            raise ReproError(f"{name}: its library has another layout than expected; install the locked version")


@dataclass(frozen=True)
class Tuning:
    """What mozjpeg's ``-tune-…`` and ``-quant-table`` set: the base table, and the trellis's λ and weights."""

    table: int
    log_scales: tuple[float, float]
    weigh_frequencies: bool


#: mozjpeg's tunings; its default is "hvs-psnr" with table 3.
TUNINGS = {
    "psnr": Tuning(1, (9.0, 0.0), False),
    "ms-ssim": Tuning(2, (12.0, 13.0), True),
    "ms-ssim, table 6": Tuning(6, (12.0, 13.0), True),
    "hvs-psnr": Tuning(5, (14.75, 16.5), True),
}


def mozjpeg(rgb: np.ndarray, quality: int, sampling: tuple[int, int] | None = (2, 2), tuning: str = "") -> bytes:
    """A file as mozjpeg's ``cjpeg`` writes it: with its trellis, progressive, with the smallest of its scan scripts.

    ``sampling`` is as in :meth:`Compressor.sample_luma`; None for the program's own choice: 4:2:0 below quality 80,
    4:2:2 below 90, 4:4:4 otherwise. ``tuning`` is a key of :data:`TUNINGS`, or empty for the program's default.
    """
    with closing(Compressor(_mozjpeg_library(), rgb)) as compressor:
        if tuning:
            chosen = TUNINGS[tuning]
            compressor.call("c_set_int_param", ctypes.c_uint(_BASE_TABLE), chosen.table)
            for parameter, value in zip((_LOG_SCALE_1, _LOG_SCALE_2), chosen.log_scales, strict=True):
                compressor.call("c_set_float_param", ctypes.c_uint(parameter), ctypes.c_float(value))
            compressor.call("c_set_bool_param", ctypes.c_uint(_WEIGHT_TABLE), int(chosen.weigh_frequencies))
        compressor.call("set_quality", quality, 0)
        by_quality = (2, 2) if quality < 80 else (2, 1) if quality < 90 else (1, 1)
        compressor.sample_luma(*(sampling or by_quality))
        return compressor.write()


def jpegli(rgb: np.ndarray, quality: int, sampling: tuple[int, int] = (1, 1), adaptive: bool = True) -> bytes:
    """A file as ``cjpegli`` writes it, progressive, and with adaptive quantisation if ``adaptive``."""
    with closing(Compressor(_jpegli_library(), rgb)) as compressor:
        compressor.sample_luma(*sampling)
        compressor.call("enable_adaptive_quantization", int(adaptive))
        compressor.call("set_progressive_level", 2)
        distance = compressor.lib.function("quality_to_distance", ctypes.c_float)(quality)
        compressor.call("set_distance", ctypes.c_float(distance), 1)
        return compressor.write()


def _mozjpeg_library() -> Library:
    import jpeglib

    folder = Path(jpeglib.__file__).parent / "cjpeglib"
    path = next(folder.glob("cjpeglib_mozjpeg403.*"), None)
    if path is None:
        raise ReproError(f"{folder}: holds no library of mozjpeg 4.0.3; run: pip install --force-reinstall jpeglib")
    return Library("jpeglib", str(path), "jpeg_", abi=70, size=568)


def _jpegli_library() -> Library:
    found = find_spec("pyjpegli")
    if found is None or found.origin is None:
        raise ReproError("jpegli: not installed; run: pip install pyjpegli")
    return Library("pyjpegli", found.origin, "jpegli_", abi=62, size=520)


@lru_cache(maxsize=4)
def _loaded(path: str) -> ctypes.CDLL:
    return ctypes.CDLL(path)
