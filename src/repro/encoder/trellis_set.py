"""A set for the trellis: the network that weights errors, tables for every λ, and what a quality means.

Like the sets of :mod:`repro.encoder.models` it is a folder: ``model.json``, ``network.safetensors``, and
``SHA256SUMS``, which lists both.

**Tables** are learned for 4:2:0 and for 4:4:4, at a few λ. Between two of these the logarithms of the steps are
interpolated linearly in log λ; beyond them, steps grow with √λ. They never fall as λ grows.

**Quality.** ``scale`` maps a quality to the λ for the median photo: the one at which its SSIMULACRA 2 equals that of
libjpeg's file at that quality. At the same λ, some photos look better than others, and the weights predict which:
:func:`expected_losses` sums the weighted errors in a sample of the photo, and ``losses`` are those of the median photo.
If a photo loses more, its λ is lowered, by a power of the ratio that was fitted on training photos.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from repro.encoder import chroma
from repro.encoder.models import DEFAULT, check_quality, find, read_checked, version_of, write_sums
from repro.errors import ReproError
from repro.files import atomic_write
from repro.trellis import planes, sensitivity
from repro.trellis.planes import Plane, Weights
from repro.trellis.sensitivity import Network

#: The largest factor between a photo's λ and the median photo's, either way.
_REACH = 4.0
#: A photo's loss is estimated from this many of its luma blocks, or up to twice as many.
_SAMPLE = 1024
_FORMAT = 2
_JSON, NETWORK = "model.json", "network.safetensors"


@dataclass(frozen=True)
class TrellisSet:
    """What the trellis encodes a picture with.

    lams
        float (K,), strictly increasing: the λ for which tables are known, the squared error (0–255 scale) that one bit
        is worth.
    tables
        float (2, K, 3, 8, 8) in 1–255: for 4:2:0 and 4:4:4; each λ; Y, Cb and Cr.
    scale
        float (n, 2): qualities from 1 to 100, strictly increasing, and the λ of each for the median photo, strictly
        falling.
    losses
        float (K,): :func:`expected_losses` of the median photo.
    powers
        float (K,): a photo that loses twice as much gets a λ lower by a factor of 2 to this power.
    provenance
        how it was made: for people, stored unchanged.

    Raises :class:`ReproError` if one of these does not hold, or a value is not finite.
    """

    name: str
    network: Network
    lams: np.ndarray
    tables: np.ndarray
    scale: np.ndarray
    losses: np.ndarray
    powers: np.ndarray
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        K = len(self.lams)
        values = (self.lams, self.tables, self.scale, self.losses, self.powers)
        self._check(all(np.isfinite(v).all() for v in values), "holds a value that is not a number (NaN)")
        of_lam = {v.shape for v in (self.lams, self.losses, self.powers)}
        self._check(K > 1 and of_lam == {(K,)}, "needs one loss and one power per λ")
        self._check(self.tables.shape == (2, K, 3, 8, 8), f"needs 2×{K}×3 tables of 8×8, got {self.tables.shape}")
        self._check(self.scale.ndim == 2 and self.scale.shape[1:] == (2,), "needs a λ for each quality")
        self._check(self.lams[0] > 0 and bool((np.diff(self.lams) > 0).all()), "λ must increase")
        self._check(self.tables.min() >= 1 and self.tables.max() <= 255, "table entries must lie in 1–255")
        self._check(bool((np.diff(self.scale[:, 0]) > 0).all()), "qualities must increase")
        self._check(bool((np.diff(self.scale[:, 1]) < 0).all()) and self.scale[-1, 1] > 0, "λ must fall with quality")
        self._check(self.losses.min() > 0, "losses must be above 0")
        object.__setattr__(self, "tables", np.maximum.accumulate(self.tables.astype(np.float64), axis=1))

    def tables_at(self, lam: float, subsampling: str) -> np.ndarray:
        """Return the tables for ``lam`` and ``subsampling``, uint16 (3, 8, 8) in 1–255."""
        place = np.clip(np.log(lam), *np.log(self.lams[[0, -1]]))
        of_chroma = np.log(self.tables[1 if subsampling == chroma.FULL else 0]).reshape(len(self.lams), -1)
        right = int(np.clip(np.searchsorted(np.log(self.lams), place), 1, len(self.lams) - 1))
        left_lam, right_lam = np.log(self.lams[right - 1 : right + 1])
        t = (place - left_lam) / (right_lam - left_lam)
        log_steps = (1 - t) * of_chroma[right - 1] + t * of_chroma[right] + (np.log(lam) - place) / 2
        return np.rint(np.exp(log_steps).clip(1, 255)).astype(np.uint16).reshape(3, 8, 8)

    def median_lam(self, quality: float) -> float:
        """λ of the median photo at ``quality`` in 1–100. Raises :class:`UsageError` outside this range."""
        check_quality(quality)
        return float(np.exp(np.interp(quality, self.scale[:, 0], np.log(self.scale[:, 1]))))

    def lam_at(self, quality: float, losses: np.ndarray) -> float:
        """λ at which a photo with these :func:`expected_losses` looks about as good as the median photo at
        ``quality``."""
        log_lams = np.log(self.lams)
        own = np.maximum.accumulate(log_lams - self.powers * np.log(losses / self.losses))
        own = np.clip(own, log_lams - np.log(_REACH), log_lams + np.log(_REACH))
        place = np.log(self.median_lam(quality))
        inside = np.clip(place, log_lams[0], log_lams[-1])
        return float(np.exp(np.interp(inside, log_lams, own) + place - inside))

    def _check(self, holds: bool, complaint: str) -> None:
        if not holds:
            raise ReproError(f"model {self.name}: {complaint}; install the package again")


def expected_losses(chosen: TrellisSet, luma: Plane, weights: Weights) -> np.ndarray:
    """Estimate the weighted squared error of ``luma`` per pixel at each of a set's λ, float (K,), from a sample of its
    blocks, whose coefficients are rounded with :data:`repro.trellis.planes.AC_ROUNDING_OFFSET`.

    Frequencies have their 4:2:0 weights even in 4:4:4, so that a photo's λ does not jump between the two.
    """
    every = slice(None, None, max(1, len(luma.F) // _SAMPLE))
    F, each = np.abs(luma.F[every]), weights._replace(profile=chosen.network.profile[0, 0]).each(every)
    found = []
    for lam in chosen.lams:
        Q = planes.steps(chosen.tables_at(float(lam), chroma.HALF), 0).astype(np.float32)
        error = F - Q * np.floor(F / Q + np.float32(planes.AC_ROUNDING_OFFSET))
        found.append(float(np.vdot(each, np.square(error))) / F.size + 1e-6)
    return np.array(found)


def load(name: str = DEFAULT) -> TrellisSet:
    """Return the shipped set called ``name``, or the set in the folder at that path, as written by :func:`save`; read
    again when it has changed.

    Raises :class:`UsageError` if there is neither, :class:`ReproError` if a file is missing, was changed since it was
    written (SHA-256), is of another version, or does not hold what it should.
    """
    folder = find(name)
    return _load(folder, version_of(folder))


@functools.lru_cache(maxsize=4)
def _load(folder: Path, _version: tuple[str | int, ...]) -> TrellisSet:
    files = read_checked(folder, [_JSON, NETWORK])
    try:
        stored = json.loads(files[_JSON])
        if stored["format"] != _FORMAT:
            raise ReproError(
                f"{folder / _JSON}: has format {stored['format']}, this program reads {_FORMAT} of sets for the "
                "trellis; install the version that matches"
            )
        return TrellisSet(
            name=stored["name"],
            network=sensitivity.load(folder / NETWORK),
            lams=np.array(stored["lams"], np.float64),
            tables=np.array([stored["tables"][s] for s in (chroma.HALF, chroma.FULL)], np.float64),
            scale=np.array(stored["scale"], np.float64),
            losses=np.array(stored["losses"], np.float64),
            powers=np.array(stored["powers"], np.float64),
            provenance=stored.get("provenance", {}),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ReproError(f"{folder / _JSON}: is not a set for the trellis ({error}); install it again") from error


def is_one(name: str) -> bool:
    """Whether the set called ``name`` is for the trellis. Raises as :func:`repro.encoder.models.find`."""
    return (find(name) / NETWORK).is_file()


def save(chosen: TrellisSet, folder: Path) -> None:
    """Write ``chosen`` as a folder that :func:`load` reads. The hashes come last, so that half a set is never valid."""
    folder.mkdir(parents=True, exist_ok=True)
    sensitivity.save(folder / NETWORK, chosen.network, chosen.provenance)
    stored = {
        "format": _FORMAT,
        "name": chosen.name,
        "provenance": dict(chosen.provenance),
        "lams": chosen.lams.tolist(),
        "losses": [float(f"{loss:.5g}") for loss in chosen.losses],
        "powers": chosen.powers.round(4).tolist(),
        "scale": [[quality, float(f"{lam:.5g}")] for quality, lam in chosen.scale.tolist()],
        "tables": dict(zip((chroma.HALF, chroma.FULL), chosen.tables.round(2).tolist(), strict=True)),
    }
    atomic_write(folder / _JSON, (json.dumps(stored) + "\n").encode())
    write_sums(folder, [_JSON, NETWORK])
