"""Model sets: the tables (and attention heads) of a λ sweep, and how a quality from 1 to 100 selects among them.

A set is a folder with ``model.json``, for attention models ``heads.safetensors``, and ``SHA256SUMS``, which lists both
(``sha256sum -c SHA256SUMS`` checks it too). ``assets/models/README.md`` has the format; :func:`save` writes it.

**Quality.** Each model of a set carries the quality at which libjpeg (Pillow 4:2:0, optimised, progressive) spends as
many bits on the same photographs, so that a quality means here about what it means elsewhere (``calibrate`` finds it).
Between two models, the logarithms of the tables are interpolated linearly in quality, and so are the heads' weights as
such. Beyond the first and the last model the tables are scaled as IJG scales Annex K: in proportion to
percent(q) = 5000/q below 50 and 200 − 2q above; quality 100 therefore has tables of ones. Above the last model,
attention fades coefficients less, in the same proportion.

**Monotone.** When a set is loaded, each table is lowered, entry by entry, to the smallest of those at smaller λ, so
that no entry grows with quality. Noise in the training then cannot make a file smaller at a higher quality.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from repro.errors import ReproError, UsageError
from repro.files import atomic_write, sha256_bytes, sha256_file, version

#: The default set, one of :mod:`repro.encoder.trellis_set`.
DEFAULT = "trellis"
#: The paper's method without attention, and its set: both have this name.
TABLES = "tables"
LOWEST, HIGHEST = 1.0, 100.0
_FORMAT = 1
_JSON, _HEADS, _SUMS = "model.json", "heads.safetensors", "SHA256SUMS"


@dataclass(frozen=True)
class Parameters:
    """The parameters for one quality.

    tables
        uint16 (2, 8, 8) in 1–255: Q^(L) and Q^(C).
    head
        weight (128, channels) and bias (128,) of the 1×1 convolution, float32, or None without attention.
    strength
        1 applies attention as trained, 0 not at all.
    """

    tables: np.ndarray
    head: tuple[np.ndarray, np.ndarray] | None = None
    strength: float = 1.0


@dataclass(frozen=True)
class ModelSet:
    """A λ sweep of one method.

    lams, qualities
        float (K,), strictly increasing; qualities in 1–99.
    tables
        float (K, 2, 8, 8) in 1–255; made non-increasing along K here.
    head_weights, head_biases
        float32 (K, 128, channels) and (K, 128) for attention methods, else None.
    provenance
        how it was made: for people, stored unchanged.

    Raises :class:`ReproError` if one of these does not hold, or a value is not finite.
    """

    name: str
    method: str
    lams: np.ndarray
    qualities: np.ndarray
    tables: np.ndarray
    head_weights: np.ndarray | None = None
    head_biases: np.ndarray | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        K = len(self.lams)
        heads = [h for h in (self.head_weights, self.head_biases) if h is not None]
        for label, values in [("λ", self.lams), ("quality", self.qualities), ("table", self.tables)]:
            self._check(bool(np.isfinite(values).all()), f"holds a {label} that is not a number (NaN)")
        self._check(all(np.isfinite(h).all() for h in heads), "holds a weight that is not a number (NaN)")
        self._check(K > 0 and self.lams.shape == self.qualities.shape == (K,), "needs one quality per λ")
        self._check(self.tables.shape == (K, 2, 8, 8), f"needs {K}×2 tables of 8×8, got {self.tables.shape}")
        self._check(bool((np.diff(self.lams) > 0).all()), "λ must increase from model to model")
        self._check(bool((np.diff(self.qualities) > 0).all()), "qualities must increase with λ")
        self._check(self.qualities[0] >= LOWEST and self.qualities[-1] <= 99, "qualities must lie in 1–99")
        self._check(self.tables.min() >= 1 and self.tables.max() <= 255, "table entries must lie in 1–255")
        if self.method == TABLES:
            self._check(not heads, f"has heads, but its method is {self.method!r}")
        else:
            shapes = [h.shape[:2] for h in heads]
            self._check(shapes == [(K, 128), (K, 128)], f"needs {K} heads of 128 outputs, got {shapes}")
        object.__setattr__(self, "tables", np.minimum.accumulate(self.tables.astype(np.float64), axis=0))

    def at(self, quality: float) -> Parameters:
        """Return the tables and head for ``quality`` in 1–100 (see the module's docstring). Raises :class:`UsageError`
        outside this range."""
        check_quality(quality)
        inside = float(np.clip(quality, self.qualities[0], self.qualities[-1]))
        right = min(int(np.searchsorted(self.qualities, inside)), len(self.qualities) - 1)
        left = max(0, right - 1)
        gap = self.qualities[right] - self.qualities[left]
        t = float((inside - self.qualities[left]) / gap) if gap else 0.0
        scale = percent(quality) / percent(inside)

        def between(values: np.ndarray) -> np.ndarray:
            return np.exp((1 - t) * np.log(values[left]) + t * np.log(values[right]))

        tables = between(self.tables) * scale
        head = None
        if self.head_weights is not None and self.head_biases is not None:
            weight, bias = ((1 - t) * h[left] + t * h[right] for h in (self.head_weights, self.head_biases))
            head = (weight.astype(np.float32), bias.astype(np.float32))
        return Parameters(np.rint(tables.clip(1, 255)).astype(np.uint16), head, min(1.0, scale))

    def _check(self, holds: bool, complaint: str) -> None:
        if not holds:
            raise ReproError(f"model {self.name}: {complaint}; train or install it again")


def check_quality(quality: float) -> None:
    """Raise :class:`UsageError` unless ``quality`` lies in 1–100 (also for NaN)."""
    if not LOWEST <= quality <= HIGHEST:
        raise UsageError(f"quality {quality:g} is out of range; choose from {LOWEST:g} to {HIGHEST:g}")


def shipped() -> list[str]:
    """Names of the sets that are installed with the package."""
    folder = _shipped_folder()
    return sorted(p.parent.name for p in folder.glob(f"*/{_JSON}"))


def find(name: str) -> Path:
    """Return the folder of the shipped set called ``name``, or of the set at that path. Raises :class:`UsageError` if
    there is neither."""
    folder = _shipped_folder() / name if name in shipped() else Path(name)
    if not (folder / _JSON).is_file():
        choice = ", ".join(shipped()) or "none (this installation ships no models)"
        raise UsageError(f"unknown model {name!r}; choose from {choice}, or name a model's folder or model.safetensors")
    return folder


def load(name: str) -> ModelSet:
    """Return the shipped set called ``name``, or the set in the folder at that path; read again when it has changed.

    Raises :class:`UsageError` if there is neither, :class:`ReproError` if a file is missing, was changed since it was
    written (SHA-256), or does not hold what it should.
    """
    folder = find(name)
    return _load(folder, version_of(folder))


@functools.lru_cache(maxsize=4)
def _load(folder: Path, _version: tuple[str | int, ...]) -> ModelSet:
    files = read_checked(folder, [_JSON], optional=[_HEADS])
    path = folder / _JSON
    try:
        stored = json.loads(files[_JSON])
        if stored["format"] != _FORMAT:
            raise ReproError(
                f"{path}: has format {stored['format']}, this program reads {_FORMAT}; install the version that matches"
            )
        points = stored["models"]
        heads = load_safetensors(files[_HEADS]) if _HEADS in files else {}
        return ModelSet(
            stored["name"],
            stored["method"],
            lams=np.array([p["lam"] for p in points], dtype=np.float64),
            qualities=np.array([p["quality"] for p in points], dtype=np.float64),
            tables=np.array([[p["luma"], p["chroma"]] for p in points], dtype=np.float64),
            head_weights=heads["weight"].astype(np.float32) if heads else None,
            head_biases=heads["bias"].astype(np.float32) if heads else None,
            provenance=stored.get("provenance", {}),
        )
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ReproError(f"{path}: is not a model set ({error}); install it again") from error


def save(models: ModelSet, folder: Path | str) -> None:
    """Write ``models`` as a folder that :func:`load` reads. The hashes come last, so that half a set is never valid."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    points = [
        {"lam": lam, "quality": round(quality, 3), "luma": luma, "chroma": chroma}
        for lam, quality, (luma, chroma) in zip(
            models.lams.tolist(), models.qualities.tolist(), models.tables.round(3).tolist(), strict=True
        )
    ]
    stored = {"format": _FORMAT, "name": models.name, "method": models.method, "provenance": dict(models.provenance)}
    files = {_JSON: (json.dumps(stored | {"models": points}, indent=1) + "\n").encode()}
    if models.head_weights is not None and models.head_biases is not None:
        heads: dict[str, np.ndarray] = {
            "weight": models.head_weights.astype(np.float16),
            "bias": models.head_biases.astype(np.float32),
        }
        files[_HEADS] = save_safetensors(heads)
    for name, data in files.items():
        atomic_write(folder / name, data)
    write_sums(folder, files)


def write_sums(folder: Path, names: Iterable[str]) -> None:
    """Write ``SHA256SUMS`` of a set's files. Call this last, so that half a set is never valid."""
    sums = "".join(f"{sha256_file(folder / name)}  {name}\n" for name in names)
    atomic_write(folder / _SUMS, sums)


def version_of(folder: Path) -> tuple[str | int, ...]:
    """Return the :func:`repro.files.version` of a set: that of its hashes, which are written last."""
    return version(folder / _SUMS)


def read_checked(folder: Path, needed: Sequence[str], optional: Sequence[str] = ()) -> dict[str, bytes]:
    """Return a set's files by name, checked against ``SHA256SUMS``: all of ``needed``, and those of ``optional`` that
    are listed there.

    Raises :class:`ReproError` if one is missing or was changed.
    """
    try:
        lines = [line.split() for line in (folder / _SUMS).read_text().splitlines()]
        sums = {name: digest for digest, name in lines}
        files = {name: (folder / name).read_bytes() for name in (*needed, *(n for n in optional if n in sums))}
    except (OSError, ValueError) as error:
        raise ReproError(
            f"{folder / _SUMS}: it or a file that it lists is unreadable ({error}); install it again"
        ) from error
    for name, data in files.items():
        if sums.get(name) != sha256_bytes(data):
            raise ReproError(f"{folder / name}: was changed since it was made (SHA-256); install the model again")
    return files


def _shipped_folder() -> Path:
    return Path(str(resources.files("repro"))) / "assets" / "models"


def percent(quality: float) -> float:
    """IJG's scale of the Annex K tables, in percent, extended to fractional qualities (libjpeg's ``jcparam.c``)."""
    return 5000 / quality if quality < 50 else 200 - 2 * quality
