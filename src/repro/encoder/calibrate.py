"""Find the quality to write on each model of a set: the one at which libjpeg spends as many bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from repro import codecs
from repro.encoder.encode import Settings, papers_encoder
from repro.encoder.images import Picture
from repro.encoder.models import ModelSet
from repro.errors import UsageError
from repro.progress import track


def calibrate(models: ModelSet, photos: Sequence[np.ndarray]) -> ModelSet:
    """Return ``models`` with each quality set so that the files of ``photos`` (H, W, 3, uint8) have the same mean bits
    per pixel as Pillow's files at that quality (4:2:0, optimised, progressive).

    The qualities that ``models`` comes with need only be valid, such as 1, 2, 3, …; use photos of the training split.
    Raises :class:`UsageError` if there are no photos, and :class:`ReproError` if two neighbouring models get the same
    quality: leave one of them out.
    """
    if not len(photos):
        raise UsageError("calibrate: needs at least one photo")
    ours = []
    for photo in track(photos, "calibrate"):
        encoder = papers_encoder(Picture(photo), models, Settings())
        ours.append([_bpp(encoder.encode(q), photo) for q in models.qualities])
    grid = np.arange(1, 100, 2)
    peer = codecs.get("pillow-420-progressive")
    theirs = [[_bpp(peer.encode(photo, int(q)), photo) for q in grid] for photo in track(photos, "calibrate libjpeg")]
    ours_log, theirs_log = (np.log(np.mean(bpp, axis=0)) for bpp in (ours, theirs))
    qualities = np.array([np.interp(bits, theirs_log, grid) for bits in ours_log])
    return replace(models, qualities=np.round(qualities, 1))


def _bpp(data: bytes, photo: np.ndarray) -> float:
    return 8 * len(data) / (photo.shape[0] * photo.shape[1])
