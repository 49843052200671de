"""Butteraugli, computed by libjxl's program: the held-out metric.

It models the eye's opponent colours and the masking of errors by nearby structure, and maps how visible errors are. It
was made for Guetzli (Alakuijala et al. 2017, arXiv:1703.04421). The number used here is what the program calls the
3-norm, the mean of the 3-, 6- and 12-norms of that map, for a screen of 80 nits. Nothing in this project is trained,
tuned or chosen by it.

The program ``butteraugli_main`` comes with libjxl; in Debian it is in ``libjxl-devtools``. Version 0.7 made all stored
values; other versions may differ.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image

from repro.errors import ReproError
from repro.metrics.checks import check_pair, check_side

PROGRAM = "butteraugli_main"
#: Below this size the program compares nothing: it calls any two pictures equal.
MIN_SIDE_BUTTERAUGLI = 8
#: Time limit for a pair of pictures, in seconds; 24 megapixels take a tenth of it.
_PATIENCE = 600.0


def butteraugli(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Butteraugli's score: two (B, 3, H, W) sRGB on 0–255 → (B,); 0 for equal images. Not symmetric, no gradient.

    The program reads 8-bit integers, so other values are rounded. Raises :class:`ReproError` for sides under 8 px, or
    if the program is missing, fails or does not end.
    """
    check_pair(x, y)
    check_side(x, MIN_SIDE_BUTTERAUGLI, "Butteraugli looks at parts of that size")
    if not butteraugli_installed():
        raise ReproError(f"Butteraugli: the program {PROGRAM} is missing; in Debian: apt install libjxl-devtools")
    pairs = zip(_pixels(x), _pixels(y), strict=True)
    return torch.tensor([_by_program(*pair) for pair in pairs], dtype=torch.float64, device=x.device)


def butteraugli_installed() -> bool:
    """Whether the program is on the PATH."""
    return shutil.which(PROGRAM) is not None


def _pixels(x: torch.Tensor) -> np.ndarray:
    return np.asarray(x.detach().movedim(1, -1).round().to(torch.uint8).cpu())


def _by_program(original: np.ndarray, changed: np.ndarray) -> float:
    """The score of two (H, W, 3) uint8 pictures."""
    with TemporaryDirectory(prefix="repro-") as folder:
        files = [Path(folder, name) for name in ("original.ppm", "changed.ppm")]
        for file, pixels in zip(files, (original, changed), strict=True):
            Image.fromarray(pixels).save(file)
        command = [PROGRAM, *map(str, files), "--pnorm", "3"]
        try:
            done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=_PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise ReproError(f"{PROGRAM}: no answer within {_PATIENCE:g} s; compare smaller pictures") from error
        except OSError as error:
            raise ReproError(f"{PROGRAM}: cannot be run ({error.strerror})") from error
    found = re.search(r"^3-norm: ([\d.]+)$", done.stdout, re.MULTILINE)
    if done.returncode or found is None:
        said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
        raise ReproError(f"{PROGRAM}: failed, and said: {said[-1]}")
    return float(found[1])
