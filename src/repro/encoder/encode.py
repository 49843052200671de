"""One picture in, one JPEG file out, with as much effort as was asked for.

With a set for the trellis, such as the one that ships under this name, ``"default"`` chooses the quantised coefficients
in two rounds, ``"fast"`` in one. ``"best"`` follows the distortion's gradient for a few steps, or until its time is up.

With the paper's sets, ``"default"`` has exact coefficients, attention if the set has it, and a search for the cheapest
progressive scans; ``"fast"``, for sets without attention, is libjpeg-turbo with the set's tables. There is no
``"best"``.

``"best"``, attention and checkpoints need PyTorch (:mod:`repro.torch_encoder`), which is imported only for them.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from repro.encoder import metadata, models, trellis_set
from repro.encoder.images import Picture, Source, check_doubts, open_picture, read_bytes
from repro.encoder.models import ModelSet
from repro.encoder.places import check_output
from repro.encoder.profiles import Policy
from repro.encoder.search import TOLERANCE, Encoder
from repro.encoder.smaller import bare
from repro.encoder.tables_encoder import TablesEncoder
from repro.encoder.trellis_encoder import TrellisEncoder
from repro.errors import UsageError, needs_extra
from repro.files import atomic_write

Effort = Literal["fast", "default", "best"]
#: How a file's data are laid out; see :func:`repro.jpeg.writer.write`.
Scans = Literal["interleaved", "smallest", "sequential"]
Subsampling = Literal["auto", "4:2:0", "4:4:4"]
DEFAULT_QUALITY = 75.0


@dataclass(frozen=True)
class Settings:
    """How to encode, and the target: the arguments of :func:`repro.encode`, which describes them. In addition:

    model
        May also be a checkpoint of ``repro train``, which has a single λ and so accepts no target.
    overwrite
        Lets :func:`encode_file` replace an existing file.

    The paper's sets support 4:4:4 only, and their progressive files use the cheapest of mozjpeg's scan scripts. The
    module's docstring says what ``effort`` means for each kind of set.

    Raises :class:`UsageError` for values of the wrong type or out of range, and for arguments that exclude each other.
    """

    quality: float | None = None
    bpp: float | None = None
    ssimulacra2: float | None = None
    model: str = models.DEFAULT
    icc: Policy = "keep"
    scans: Scans = "interleaved"
    max_pixels: int | None = None
    overwrite: bool = False
    effort: Effort = "default"
    seconds: float | None = None
    size: int | None = None
    keep_smaller: bool | None = None
    subsampling: Subsampling = "auto"
    metadata: metadata.Kept = "none"
    strict: bool = False

    def __post_init__(self) -> None:
        targets = {"--quality": self.quality, "--bpp": self.bpp, "--ssimulacra2": self.ssimulacra2, "--size": self.size}
        for option, value in (targets | {"--seconds": self.seconds, "--max-pixels": self.max_pixels}).items():
            if value is not None and (isinstance(value, bool) or not isinstance(value, Real)):
                raise UsageError(f"{option} {value!r}: must be a number")
        given = [option for option, value in targets.items() if value is not None]
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)}: give only one of them")
        if self.checkpoint and given:
            raise UsageError(
                f"{given[0]}: {self.model} was trained for one λ and has no quality scale; leave {given[0]} out"
            )
        if self.quality is not None:
            models.check_quality(self.quality)
        if self.bpp is not None and not (self.bpp > 0 and math.isfinite(self.bpp)):
            raise UsageError(f"--bpp {self.bpp:g}: must be a number of bits per pixel above 0, such as 0.5")
        if self.ssimulacra2 is not None and not (self.ssimulacra2 <= 100 and math.isfinite(self.ssimulacra2)):
            raise UsageError(f"--ssimulacra2 {self.ssimulacra2:g}: must be a score of at most 100, such as 70")
        if self.size is not None and self.size < 1:
            raise UsageError(f"--size {self.size}: must be a number of bytes above 0")
        kinds = {"effort": Effort, "icc": Policy, "metadata": metadata.Kept, "scans": Scans, "subsampling": Subsampling}
        for option, kind in kinds.items():
            if getattr(self, option) not in get_args(kind):
                raise UsageError(f"--{option} {getattr(self, option)}: choose from {', '.join(get_args(kind))}")
        if self.max_pixels is not None and self.max_pixels < 1:
            raise UsageError(f"--max-pixels {self.max_pixels}: must be above 0")
        if self.seconds is not None and not (self.seconds > 0 and math.isfinite(self.seconds)):
            raise UsageError(f"--seconds {self.seconds:g}: must be a number above 0")
        if self.seconds is not None and self.effort != "best":
            raise UsageError("--seconds: only --effort best has a time limit; leave --seconds out")

    @property
    def checkpoint(self) -> Path | None:
        """The file written by ``repro train`` if ``model`` is one; None if it is a set of models."""
        return Path(self.model) if self.model.endswith(".safetensors") else None

    def check_model(self) -> None:
        """Read the model. Raises :class:`UsageError` if there is none or it does not support the effort or the
        subsampling, :class:`ReproError` if it is damaged, or if it needs PyTorch and that is not installed."""
        if self.checkpoint:
            with needs_extra("train", f"--model {self.model}"):
                from repro.torch_encoder.networks import trained

            method = trained(self.checkpoint).settings.method
        else:
            method = "trellis" if trellis_set.is_one(self.model) else models.load(self.model).method
        if self.effort == "fast" and method not in (models.TABLES, "trellis"):
            raise UsageError(f"--effort fast: leaves no time for the attention of {self.model!r}; use --effort default")
        if self.subsampling == "4:2:0" and method != "trellis":
            raise UsageError(f"--subsampling 4:2:0: {self.model!r} has 4:4:4 only; leave --subsampling out")
        if self.effort == "best" and method != "trellis":
            raise UsageError(f"--effort best: {self.model!r} does not have it; use --effort default")


@dataclass(frozen=True)
class Encoded:
    """A JPEG file's bytes without metadata; the quality that made it (None if the model has a single λ, or if the
    input's own data are kept); bits per pixel including the metadata to come; and its score, if one was asked for."""

    data: bytes
    quality: float | None
    bpp: float
    ssimulacra2: float | None = None
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """The outcome for one file. ``bpp`` is all bits of the file over the picture's pixels, ``seconds`` wall time.

    ``quality`` is None if the model has a single λ or if the input's own data are kept; ``ssimulacra2`` is None unless
    a score was asked for.
    """

    input: str
    output: str
    width: int
    height: int
    components: int
    model: str
    effort: Effort
    quality: float | None
    ssimulacra2: float | None
    bytes: int
    bpp: float
    seconds: float
    notices: tuple[str, ...]


def encode_picture(picture: Picture, settings: Settings, name: str = "picture", beside: int = 0) -> Encoded:
    """Encode ``picture`` (grey → one component, RGB → three). ``name`` is used in error messages. ``beside``: bytes of
    metadata that will be added to the file; ``settings.bpp`` and ``settings.size`` include them.

    Raises :class:`UsageError` for an unknown model, or one that does not support ``settings``; :class:`ReproError` if
    the target (``bpp``, ``size`` or ``ssimulacra2``) cannot be met, or if PyTorch is needed but not installed.
    """
    settings.check_model()
    quality, score, notices = None, None, picture.notices
    if settings.checkpoint:
        from repro.torch_encoder.networks import encode_trained

        data = encode_trained(picture, settings.checkpoint, settings.scans, fast=settings.effort == "fast")
    else:
        searches = any(target is not None for target in (settings.bpp, settings.ssimulacra2, settings.size))
        encoder = encoder_for(picture, settings, once=not searches)
        encoder.beside = beside
        if settings.bpp is not None:
            quality, data = encoder.within(settings.bpp * picture.pixels - 8 * beside, name)
        elif settings.size is not None:
            quality, data = encoder.within_bytes(settings.size - beside, name)
        elif settings.ssimulacra2 is not None:
            quality, data, score = encoder.reaching(settings.ssimulacra2, name)
        else:
            quality = DEFAULT_QUALITY if settings.quality is None else settings.quality
            data = encoder.encode(quality)
        notices += encoder.notices
    bpp = 8 * (len(data) + beside) / picture.pixels
    if settings.bpp is not None and bpp < (1 - TOLERANCE) * settings.bpp:
        notices += (f"no size between {bpp:.4g} and {settings.bpp:g} bits per pixel can be made",)
    return Encoded(data, quality, bpp, score, notices)


def encoder_for(picture: Picture, settings: Settings, *, once: bool = False) -> Encoder:
    """Return the encoder of ``picture`` for the set, effort, scans and subsampling of ``settings``. ``once``: it is
    used at one quality, so that nothing has to be kept for others."""
    if not trellis_set.is_one(settings.model):
        return papers_encoder(picture, models.load(settings.model), settings, once=once)
    chosen, scans = trellis_set.load(settings.model), settings.scans
    subsampling = None if settings.subsampling == "auto" else settings.subsampling
    if settings.effort != "best":
        rounds = 1 if settings.effort == "fast" else 2
        return TrellisEncoder(picture, chosen, rounds=rounds, scans=scans, subsampling=subsampling)
    with needs_extra("train", "--effort best"):
        from repro.torch_encoder.descent import DescentEncoder

        return DescentEncoder(picture, chosen, scans=scans, subsampling=subsampling, seconds=settings.seconds)


def papers_encoder(picture: Picture, chosen: ModelSet, settings: Settings, *, once: bool = False) -> Encoder:
    """As :func:`encoder_for`, with ``chosen``, a set of the paper's method, instead of ``settings.model``."""
    if chosen.method == models.TABLES:
        return TablesEncoder(picture, chosen, exact=settings.effort != "fast", scans=settings.scans)
    with needs_extra("train", f"--model {chosen.name}"):
        from repro.torch_encoder.networks import AttentionEncoder

        return AttentionEncoder(picture, chosen, scans=settings.scans, once=once)


def encode_file(source: Path | str, output: Path | str, settings: Settings) -> Report:
    """Read ``source``, encode it, and write ``output`` whole or not at all.

    Raises :class:`UsageError` or :class:`ReproError`, with a one-line message, if anything prevents that; see
    :func:`check_output` and :func:`repro.encoder.images.open_picture`.
    """
    source, output = Path(source), Path(output)
    check_output(source, output, settings.overwrite)
    data, report = encode_source(source, settings, str(source), str(output))
    atomic_write(output, data)
    return report


def encode_source(source: Source, settings: Settings, name: str, output: str) -> tuple[bytes, Report]:
    """Read ``source`` and encode it. Return the file's bytes and a report, in which ``name`` stands for the source and
    ``output`` for the file.

    Raises as :func:`encode_file`, which also writes the file.
    """
    start = time.perf_counter()
    settings.check_model()
    content = read_bytes(Path(source)) if isinstance(source, str | Path) else source
    picture = open_picture(content, icc=settings.icc, max_pixels=settings.max_pixels, strict=settings.strict, name=name)
    size = (picture.width, picture.height)
    markers, notices = metadata.segments(picture.about, settings.metadata, size, srgb=picture.icc is None)
    if settings.strict:
        check_doubts(name, notices)
    encoded = encode_picture(picture, settings, name, len(markers))
    if isinstance(content, bytes):
        encoded = _kept_if_smaller(content, picture, encoded, settings)
    data = _with_metadata(encoded.data, picture, settings)
    return data, Report(
        input=name,
        output=output,
        width=picture.width,
        height=picture.height,
        components=1 if picture.samples.ndim == 2 else 3,
        model=settings.model,
        effort=settings.effort,
        quality=encoded.quality,
        ssimulacra2=encoded.ssimulacra2,
        bytes=len(data),
        bpp=8 * len(data) / picture.pixels,
        seconds=time.perf_counter() - start,
        notices=(*encoded.notices, *notices),
    )


def _with_metadata(data: bytes, picture: Picture, settings: Settings) -> bytes:
    size = (picture.width, picture.height)
    return metadata.embed(data, picture.about, settings.metadata, size, srgb=picture.icc is None)


def _kept_if_smaller(content: bytes, picture: Picture, encoded: Encoded, settings: Settings) -> Encoded:
    """Return ``encoded``; or the data of ``content``, if ``settings`` allow it and that is a JPEG file that shows
    ``picture`` and, with its metadata, is no larger."""
    by_default = settings.bpp is None and settings.size is None and settings.subsampling == "auto"
    if picture.doubts or not (by_default if settings.keep_smaller is None else settings.keep_smaller):
        return encoded
    kept = bare(content, picture.icc, baseline=settings.scans == "sequential")
    if kept is None:
        return encoded
    size, grown = (len(_with_metadata(data, picture, settings)) for data in (kept, encoded.data))
    if size > min(grown, settings.size or grown) or 8 * size > (settings.bpp or math.inf) * picture.pixels:
        return encoded
    shown = open_picture(kept, max_pixels=settings.max_pixels).samples
    if not np.array_equal(shown, picture.samples):  # the picture was turned, say, or converted
        return encoded
    notice = f"would grow to {grown} bytes; its picture is copied as it is"
    score = None if encoded.ssimulacra2 is None else 100.0
    return Encoded(kept, None, 8 * size / picture.pixels, score, (*picture.notices, notice))
