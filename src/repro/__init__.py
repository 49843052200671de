"""A literate reproduction of *Deep Neural Network Based Image Compression Encoders*, and the encoder that came of it.

:func:`encode` turns a picture into the bytes of a standard JPEG file.

A module imports only from layers below its own (``tests/test_architecture.py``). Nothing heavy is imported here, so
that ``repro --help`` answers at once.
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
    """Encode a picture as a standard JPEG file, which every decoder opens, and return the file's bytes.

    >>> data = repro.encode("photo.png", quality=75)
    >>> data = repro.encode(samples, bpp=0.5, effort="fast")

    image
        A picture's path, in any format that Pillow reads; the bytes of such a file; a Pillow image; or a NumPy array
        of uint8, (H, W) grey or (H, W, 3) sRGB. The path or the bytes are best: of a Pillow image that is loaded
        already, the file can no longer be asked. Then damage, HDR, and colours that are told otherwise than by an ICC
        profile may go unnoticed.
    quality
        1–100, fractions allowed, about libjpeg's scale; 75 where neither it nor another target is given.
    bpp
        Instead: the largest file within this many bits per pixel.
    ssimulacra2
        Instead: the smallest file whose SSIMULACRA 2 is no less than this: 70 is high quality, 90 cannot be told apart.
    size
        Instead: the best file of at most this many bytes.
    effort
        More of it gives better files and takes longer.
    scans
        How the file's data are laid out: ``"interleaved"`` is progressive, in colour from the first scan on;
        ``"smallest"`` saves some tenths of a per cent more, but decoders that read a part show grey at first, and some
        embedded ones refuse the file; ``"sequential"`` is baseline JPEG.
    subsampling
        Half of chroma's resolution, or all of it; ``"auto"``: whichever is worth its bits.
    icc
        Keep an RGB colour profile, or convert the colours to sRGB.
    metadata
        Kept beside colour profile and density: ``"none"``; ``"copyright"``: who made the photo and who may use it;
        ``"all"``: EXIF, XMP, IPTC and comments, with the orientation reset and without thumbnail.
    keep_smaller
        Whether a JPEG file that would grow gives its own picture's data, without the metadata; None: unless ``bpp``,
        ``size`` or ``subsampling`` is given.
    strict
        Refuse a picture that is damaged or whose colours can only be guessed, and metadata that cannot be kept.
    model
        A shipped set of models or a folder that holds one, as for ``repro encode --model``.
    seconds
        The time limit of ``effort="best"``; unless given, 10 a megapixel, and at least 60.
    max_pixels
        Refuse larger pictures; Pillow's limit, 89 megapixels, unless given.

    The orientation is applied, transparency becomes white, and all metadata but the colour profile and the density is
    dropped unless ``metadata`` says otherwise: the file is that of ``repro encode``.
    :func:`repro.encoder.encode.encode_source` does the same and says more about the file.

    Raises :class:`repro.errors.ReproError`, one line that names the picture and the fix, where the picture cannot be
    read or the target cannot be met; its subclass :class:`repro.errors.UsageError` for a wrong value.
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
