"""Weights of errors in coefficients, predicted by a small network from the picture's blocks.

The distortion to minimise is not a sum over coefficients, but it can be apportioned to them: the distortion due to one
kind of error, divided by the sum of the squared errors, is the weight of that kind. The trellis minimises the weighted
sum. A squared error of coefficient k in block n has the weight ``profile[k] · of_band[n, band[k]]``: the profile is a
frequency's average weight, and the network predicts, band by band, how much more or less it weighs in this block.
:mod:`repro.training.sensitivity` measures such weights on training photos and fits the network to them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from repro.compiled import compiled
from repro.errors import ReproError
from repro.files import atomic_path
from repro.jpeg.blocks import subsample
from repro.threads import in_parallel, spans
from repro.trellis.planes import DctPlanes, Weights

#: The edges, in zigzag order, of the bands of Y and of those of Cb and Cr; DC is a band of its own.
LUMA_BANDS, CHROMA_BANDS = np.array([0, 1, 3, 10, 28, 64]), np.array([0, 1, 10, 64])
#: Inputs for each luma block: DC and the energies of luma's four other bands; at the same place, DC and the energies of
#: two bands of Cb, and the same of Cr; and whether chroma has full resolution.
FEATURES = 12
#: Outputs for each luma block: the logarithms of the weights in luma's five bands, Cb's three and Cr's three.
OUTPUTS = 11
#: Outputs are clipped to plus or minus this; e^3.5 is a factor of 33.
LIMIT = 3.5
_FORMAT = "2"


@dataclass(frozen=True)
class Network:
    """Convolutions over the grid of luma blocks, with ReLU between them and edges repeated.

    layers
        (weight, bias) of each: float32 (k, k, inputs, outputs) with odd k, and float32 (outputs,). The first has
        :data:`FEATURES` inputs, the last :data:`OUTPUTS` outputs.
    profile
        float32 (2, 3, 64): 4:2:0 and 4:4:4; Y, Cb and Cr; frequency in zigzag order. Weights are in units of the
        squared error summed over pixels and averaged over R, G and B.
    """

    layers: Sequence[tuple[np.ndarray, np.ndarray]]
    profile: np.ndarray

    def weights(self, dct: DctPlanes, threads: int = 1) -> list[Weights]:
        """The weights of errors in each plane of ``dct``."""
        said = self._forward(features(dct), threads)
        profile = self.profile[1 if dct.subsampling == "4:4:4" else 0]
        found = []
        first = 0
        for i, plane in enumerate(dct.planes):
            edges = CHROMA_BANDS if i else LUMA_BANDS
            own = said[..., first : first + len(edges) - 1]
            first += len(edges) - 1
            if i and dct.subsampling == "4:2:0":
                own = subsample(own)
            of_band = np.ascontiguousarray(np.exp(own.clip(-LIMIT, LIMIT)).reshape(plane.rows * plane.cols, -1))
            found.append(Weights(of_band, profile[i], np.repeat(np.arange(len(edges) - 1), np.diff(edges))))
        return found

    def _forward(self, x: np.ndarray, threads: int) -> np.ndarray:
        """(rows, cols, FEATURES) → (rows, cols, OUTPUTS)."""
        x = np.ascontiguousarray(np.moveaxis(x, 2, 0))
        for i, (weight, bias) in enumerate(self.layers):
            x = _layer(x, weight, bias, i + 1 < len(self.layers), threads)
        return np.moveaxis(x, 0, 2)


def _layer(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, relu: bool, threads: int) -> np.ndarray:
    """(inputs, rows, cols) → (outputs, rows, cols)."""
    out = np.empty((len(bias), *x.shape[1:]), np.float32)
    reach = weight.shape[0] // 2
    x = np.pad(x, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    in_parallel(lambda span: _convolve(x, weight, bias, relu, out, *span), spans(out.shape[1], threads), threads)
    return out


def features(dct: DctPlanes) -> np.ndarray:
    """float32 (rows, cols, :data:`FEATURES`): the network's inputs for each luma block. Those of chroma are zero for a
    grey picture."""
    luma = dct.planes[0]
    found = np.zeros((luma.rows, luma.cols, FEATURES), np.float32)
    found[..., :5] = _energies(luma.F, LUMA_BANDS, 1 / 1024).reshape(luma.rows, luma.cols, 5)
    for i, plane in enumerate(dct.planes[1:]):
        seen = _energies(plane.F, CHROMA_BANDS, 1 / 512).reshape(plane.rows, plane.cols, 3)
        if dct.subsampling == "4:2:0":
            seen = seen.repeat(2, axis=0).repeat(2, axis=1)[: luma.rows, : luma.cols]
        found[..., 5 + 3 * i : 8 + 3 * i] = seen
    found[..., 11] = dct.subsampling == "4:4:4"
    return found


@compiled()
def _energies(F: np.ndarray, edges: np.ndarray, scale: float) -> np.ndarray:
    """float32 (n, bands): DC times ``scale``, then log(1 + mean square) / 4 for each other band."""
    found = np.empty((len(F), len(edges) - 1), np.float32)
    for block in range(len(F)):
        found[block, 0] = F[block, 0] * scale
        for band in range(1, len(edges) - 1):
            total = np.float32(0)
            for k in range(edges[band], edges[band + 1]):
                total += F[block, k] * F[block, k]
            found[block, band] = math.log1p(total / (edges[band + 1] - edges[band])) / 4
    return found


@compiled(fastmath={"contract"})
def _convolve(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, relu: bool, out: np.ndarray, top: int, bottom: int
) -> None:
    """Fill rows ``top`` up to ``bottom`` of ``out`` (outputs, rows, cols) from the padded ``x`` (inputs, rows, cols).
    The inner loops run along a row."""
    outputs, _, cols = out.shape
    for r in range(top, bottom):
        for o in range(outputs):
            line = out[o, r]
            for c in range(cols):
                line[c] = bias[o]
            for i in range(len(x)):
                for dr in range(weight.shape[0]):
                    seen, w = x[i, r + dr], weight[dr, :, i, o]
                    if len(w) == 3:  # three taps at once: twice as fast
                        a, b, d = w[0], w[1], w[2]
                        for c in range(cols):
                            line[c] += a * seen[c] + b * seen[c + 1] + d * seen[c + 2]
                        continue
                    for dc in range(len(w)):
                        for c in range(cols):
                            line[c] += w[dc] * seen[c + dc]
            if relu:
                for c in range(cols):
                    line[c] = max(line[c], np.float32(0))


def save(path: Path, network: Network, provenance: Mapping[str, object]) -> None:
    """Write ``network`` to ``path`` as safetensors, whole or not at all. Raises :class:`ReproError` if that fails."""
    tensors = {"profile": network.profile}
    for i, (weight, bias) in enumerate(network.layers):
        tensors |= {f"{i}.weight": weight, f"{i}.bias": bias}
    metadata = {"format": _FORMAT, "provenance": json.dumps(provenance)}
    with atomic_path(path) as temporary:
        save_file({name: np.ascontiguousarray(t, np.float32) for name, t in tensors.items()}, temporary, metadata)


def load(path: Path) -> Network:
    """Read what :func:`save` wrote. Raises :class:`ReproError` if the file is missing or not such a file."""
    try:
        with safe_open(str(path), framework="numpy") as stored:
            if (stored.metadata() or {}).get("format") != _FORMAT:
                raise ReproError(f"{path}: is of another version; install the package again")
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ReproError(f"{path}: no network for the trellis ({error}); install the package again") from error
    count = (len(tensors) - 1) // 2
    names = {"profile", *(f"{i}.{part}" for i in range(count) for part in ("weight", "bias"))}
    if tensors.keys() != names or not all(np.isfinite(t).all() for t in tensors.values()):
        raise ReproError(f"{path}: holds other values than a network for the trellis; install the package again")
    network = Network([(tensors[f"{i}.weight"], tensors[f"{i}.bias"]) for i in range(count)], tensors["profile"])
    _check_shapes(path, network)
    return network


def _check_shapes(path: Path, network: Network) -> None:
    wanted = FEATURES
    for weight, bias in network.layers:
        if weight.ndim != 4 or weight.shape[0] != weight.shape[1] or weight.shape[0] % 2 == 0:
            raise ReproError(f"{path}: holds a layer of shape {weight.shape}; install the package again")
        if weight.shape[2:] != (wanted, len(bias)):
            raise ReproError(f"{path}: holds layers that do not follow one another; install the package again")
        wanted = len(bias)
    if wanted != OUTPUTS or network.profile.shape != (2, 3, 64):
        raise ReproError(f"{path}: holds other values than a network for the trellis; install the package again")
