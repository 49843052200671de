"""A literate reproduction of *Deep Neural Network Based Image Compression Encoders*, and the encoder it led to.

:func:`encode` turns a picture into the bytes of a standard JPEG file.

Each module imports only from the layers below its own (``tests/test_architecture.py``). Nothing heavy is imported here,
so that ``repro --help`` answers at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from repro.encoder.images import Source

__version__ = "0.1.0"
__all__ = ["encode"]


def encode(
    image: Source,
    quality: float | None = None,
    *,
    bpp: float | None = None,
    ssimulacra2: float | None = None,
    size: int | None = None,
    effort: Literal["fast", "default", "best"] = "default",
    scans: Literal["interleaved", "smallest", "sequential"] = "interleaved",
    subsampling: Literal["auto", "4:2:0", "4:4:4"] = "auto",
    icc: Literal["keep", "srgb"] = "keep",
    metadata: Literal["none", "copyright", "all"] = "none",
    keep_smaller: bool | None = None,
    strict: bool = False,
    model: str = "trellis",
    seconds: float | None = None,
    max_pixels: int | None = None,
) -> bytes:
    """Encode a picture as a standard JPEG file, which any decoder can open, and return the file's bytes.

    >>> data = repro.encode("photo.png", quality=75)
    >>> data = repro.encode(samples, bpp=0.5, effort="fast")

    image
        The path of a picture in any format that Pillow reads; the bytes of such a file; a Pillow image; or a uint8
        NumPy array, (H, W) grey or (H, W, 3) sRGB. Prefer a path or bytes: once a Pillow image is loaded, its file can
        no longer be examined, so damage, HDR and colours described by anything but an ICC profile may go unnoticed.
    quality
        1–100, roughly on libjpeg's scale; fractions are allowed. 75 if no target is given.
    bpp
        Instead of ``quality``: make the largest file within this many bits per pixel.
    ssimulacra2
        Instead of ``quality``: make the smallest file whose SSIMULACRA 2 score is at least this. A score of 70 is high
        quality; at 90, the file cannot be told from the original.
    size
        Instead of ``quality``: make the best file of at most this many bytes.
    effort
        More effort gives better files and takes longer. ``"best"`` needs PyTorch and a trellis model (the default).
    scans
        The layout of the file's data. ``"interleaved"`` is progressive and shows colour from the first scan on.
        ``"smallest"`` saves a few tenths of a per cent more, but a partly loaded file may show only grey, and some
        embedded decoders reject it. ``"sequential"`` is baseline JPEG.
    subsampling
        Chroma at half (``"4:2:0"``) or full (``"4:4:4"``) resolution; ``"auto"``: full if that is worth its bits.
    icc
        ``"keep"`` keeps an RGB colour profile; ``"srgb"`` converts the colours to sRGB.
    metadata
        What to keep besides the colour profile and the density: ``"none"``; ``"copyright"``, who made the photo and who
        may use it; ``"all"``, EXIF, XMP, IPTC and comments, with the orientation reset and without the thumbnail.
    keep_smaller
        If ``image`` is a JPEG file that encoding would not make smaller, copy its picture data instead; ``metadata``
        still applies. None: True unless ``bpp``, ``size`` or ``subsampling`` is given.
    strict
        Refuse a picture that is damaged or whose colours can only be guessed, and metadata that cannot be kept.
    model
        The name of a shipped model set, or the folder of another one, as for ``repro encode --model``.
    seconds
        Time limit for ``effort="best"``. None: 10 seconds per megapixel, but at least 60.
    max_pixels
        Refuse larger pictures. None: Pillow's limit, 89 megapixels.

    The file is the one that ``repro encode`` writes: the orientation is applied, transparency becomes white, and all
    metadata except the colour profile and the density is dropped unless ``metadata`` says otherwise.
    :func:`repro.encoder.encode.encode_source` does the same and also returns a report on the file.

    Raises :class:`repro.errors.ReproError` if the picture cannot be read, the target cannot be met or a required
    package is missing; its subclass :class:`repro.errors.UsageError` for an invalid argument or more than one target.
    The message is one line that names the picture, if that is the cause, and the fix.
    """
    from pathlib import Path

    from repro.encoder.encode import Settings, encode_source

    settings = Settings(
        quality=quality,
        bpp=bpp,
        ssimulacra2=ssimulacra2,
        size=size,
        model=model,
        icc=icc,
        scans=scans,
        max_pixels=max_pixels,
        effort=effort,
        seconds=seconds,
        subsampling=subsampling,
        metadata=metadata,
        keep_smaller=keep_smaller,
        strict=strict,
    )
    name = str(image) if isinstance(image, str | Path) else "picture"
    return encode_source(image, settings, name, "bytes")[0]
