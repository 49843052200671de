"""Measure what errors in coefficients cost, and fit the trellis's network to it.

A crop is coded, and each metric's loss is divided among the coefficients with errors: the share of each is its error
times the metric's mean gradient along the straight line from the unquantised picture to the decoded one. The shares sum
to what quantisation adds to the loss (Aumann and Shapley 1974; "integrated gradients", Sundararajan et al. 2017,
arXiv:1703.01365). The share divided by the squared error is the weight of that error.

A second derivative, estimated from small random changes, would tell less, because quantisation errors are not random.
Zeroed coefficients are missing in a whole neighbourhood at once, and errors of low frequencies add up over blocks at
the metrics' coarse scales, where random ones cancel. For the same reason crops are coded with the current weights and
tables, and everything is measured again with those learned from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as nnf
from torch import nn

from repro.encoder.trellis_set import TrellisSet
from repro.jpeg.tables import ZIGZAG
from repro.metrics.ms_ssim import ms_ssim_from_difference, reference_statistics
from repro.metrics.ssimulacra2 import Ssimulacra2
from repro.progress import track
from repro.stages import decode, to_tensor
from repro.trellis import planes, sensitivity
from repro.trellis.planes import DctPlanes
from repro.trellis.sensitivity import CHROMA_BANDS, FEATURES, LIMIT, LUMA_BANDS, OUTPUTS, Network

Loss = Callable[[torch.Tensor], torch.Tensor]


def _ms_ssim_loss(x: torch.Tensor) -> Loss:
    known = reference_statistics(x)
    return lambda y: 1 - ms_ssim_from_difference(known, y - x)


#: Metric → function from an original (1, 3, H, W) on 0–255 to the loss of another picture against it; 0 if equal.
LOSSES: Mapping[str, Callable[[torch.Tensor], Loss]] = {
    "mse": lambda x: lambda y: (y - x).square().mean(),
    "ssimulacra2": lambda x: Ssimulacra2(x).raw,
    "ms_ssim": _ms_ssim_loss,
}
#: Where gradients are taken along the path: the two Gauss–Legendre nodes on [0, 1], exact for cubic polynomials.
_PLACES = (0.5 - 12**-0.5, 0.5 + 12**-0.5)
#: Ends of intervals; each crop is coded at a random λ from each: for 4:2:0 (about 2 to 0.2 bits per pixel) and 4:4:4.
_HALF, _FULL = np.geomspace(0.5, 250, 5), np.geomspace(0.3, 20, 2)


@dataclass(frozen=True)
class Blend:
    """The metrics' proportions in a weight. The rest, ``1 − Σ metrics``, is MSE.

    ``chroma``: an additional factor on a metric's shares of Cb and Cr, 1 if not given. SSIMULACRA 2 asks for finer
    colour than other metrics do.
    """

    metrics: Mapping[str, float] = field(default_factory=lambda: {"ssimulacra2": 0.65, "ms_ssim": 0.3})
    chroma: Mapping[str, float] = field(default_factory=lambda: {"ssimulacra2": 0.7})


@dataclass(frozen=True)
class Sample:
    """A coded crop: the network's input, λ, and for each plane, as (rows, cols, 64) in zigzag order, the squared errors
    and each metric's shares. These sum to what quantisation adds to its loss, times the number of pixels."""

    features: np.ndarray
    subsampling: str
    lam: float
    errors: list[np.ndarray]
    shares: Mapping[str, list[np.ndarray]]


def measure(crops: Sequence[np.ndarray], chosen: TrellisSet, metrics: Sequence[str], seed: int = 0) -> list[Sample]:
    """Code each of ``crops``, uint8 (S, S, 3), with the set ``chosen`` at five λ, and compute the shares of ``metrics``
    (names in :data:`LOSSES`). S is a multiple of 16, 176 or more."""
    rng = np.random.default_rng(seed)
    found = []
    for crop in track(crops, "sensitivity"):
        x = to_tensor(crop).float()
        losses = {name: LOSSES[name](x) for name in metrics}
        for edges, subsampling in ((_HALF, "4:2:0"), (_FULL, "4:4:4")):
            dct = planes.forward_dct(crop, subsampling)
            for low, high in pairwise(edges):
                lam = float(np.exp(rng.uniform(np.log(low), np.log(high))))
                found.append(_sample(dct, chosen, lam, losses))
    return found


def _sample(
    dct: DctPlanes, chosen: TrellisSet, lam: float, losses: Mapping[str, Callable[[torch.Tensor], torch.Tensor]]
) -> Sample:
    tables = chosen.tables_at(lam, dct.subsampling)
    z = planes.trellis_quantize(dct, chosen.network.weights(dct), tables, lam, rounds=1)
    errors = [
        numbers * planes.steps(tables, i).astype(np.float32) - plane.F
        for i, (numbers, plane) in enumerate(zip(z, dct.planes, strict=True))
    ]
    sums = {name: [np.zeros_like(e) for e in errors] for name in losses}
    for place in _PLACES:
        on_the_way = [
            torch.from_numpy(plane.F + np.float32(place) * e).requires_grad_()
            for plane, e in zip(dct.planes, errors, strict=True)
        ]
        shown = decode(dct, on_the_way)
        for name, loss in losses.items():
            total = loss(shown).sum() * dct.height * dct.width
            for into, g in zip(sums[name], torch.autograd.grad(total, on_the_way, retain_graph=True), strict=True):
                into += g.numpy() / len(_PLACES)

    def shaped(values: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [v.reshape(plane.rows, plane.cols, 64) for v, plane in zip(values, dct.planes, strict=True)]

    shares = {name: shaped([g * e for g, e in zip(sums[name], errors, strict=True)]) for name in losses}
    squares = shaped([np.square(e) for e in errors])
    return Sample(sensitivity.features(dct), dct.subsampling, lam, squares, shares)


def blended(samples: Sequence[Sample], blend: Blend) -> list[list[np.ndarray]]:
    """For each sample and plane, the blend's shares (rows, cols, 64) in units of MSE: each metric is scaled so that at
    every λ its shares have about the same sum as MSE's."""
    mse = [[mse_profile(s.subsampling)[i] * e for i, e in enumerate(s.errors)] for s in samples]
    rest = 1 - sum(blend.metrics.values())
    found = [[rest * m for m in of] for of in mse]
    for name, share in blend.metrics.items():
        scales = _scales(samples, name, mse)
        for of, s, scale in zip(found, samples, scales, strict=True):
            for i, costs in enumerate(s.shares[name]):
                of[i] += share * scale * (blend.chroma.get(name, 1.0) if i else 1.0) * costs
    return found


def _scales(samples: Sequence[Sample], name: str, mse: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """For each sample, the ratio of MSE's shares to the metric's: its logarithm is a line in log λ, fitted to means
    over groups of samples."""
    found = np.empty(len(samples))
    for subsampling in ("4:2:0", "4:4:4"):
        which = np.array([i for i, s in enumerate(samples) if s.subsampling == subsampling])
        log_lam = np.log([samples[i].lam for i in which])
        costs, squares = (
            np.array([sum(float(v.sum()) for v in of[i]) for i in which])
            for of in ([s.shares[name] for s in samples], mse)
        )
        groups = np.array_split(np.argsort(log_lam), 8)
        ratios = [math.log((costs[g] / squares[g]).mean()) for g in groups]
        slope, offset = np.polyfit([log_lam[g].mean() for g in groups], ratios, 1)
        found[which] = np.exp(-(slope * log_lam + offset))
    return found


def mse_profile(subsampling: str) -> np.ndarray:
    """float32 (3, 64) zigzag: the weight of a squared error of Y, Cb and Cr in MSE, averaged over R, G and B.

    At half resolution a chroma error reaches four pixels, through the decoder's triangle filter, which attenuates high
    frequencies.
    """
    places = np.arange(8)
    cosines = np.cos(np.pi * places[:, None] * (2 * places + 1) / 16) / 2
    cosines[0] /= np.sqrt(2)
    near = np.pad(cosines, ((0, 0), (2, 2)))
    left, right = (3 * near[:, 1:-1] + beside for beside in (near[:, :-2], near[:, 2:]))
    energy = (np.square(left).sum(1) + np.square(right).sum(1)) / 16 if subsampling == "4:2:0" else np.ones(8)
    reach = np.outer(energy, energy).ravel()[ZIGZAG]
    channels = (0.344136**2 + 1.772**2) / 3, (1.402**2 + 0.714136**2) / 3  # JFIF's colours
    return np.stack([np.ones(64), channels[0] * reach, channels[1] * reach]).astype(np.float32)


def profile_of(samples: Sequence[Sample], costs: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """float32 (2, 3, 64), for 4:2:0 and 4:4:4: the shares of each frequency over its squared errors, smoothed along the
    zigzag. Every sample counts alike."""
    sums = np.zeros((2, 2, 3, 64))
    for s, of in zip(samples, costs, strict=True):
        total = sum(float(e.sum()) for e in s.errors)
        for i, (cost, error) in enumerate(zip(of, s.errors, strict=True)):
            sums[:, 1 if s.subsampling == "4:4:4" else 0, i] += [cost.sum((0, 1)) / total, error.sum((0, 1)) / total]
    shares, squares = sums
    found = np.maximum(shares / np.maximum(squares, 1e-12), 1e-3)
    smooth = found.copy()
    for k in range(3, 64):
        near = slice(max(3, k - 1 - k // 12), k + 2 + k // 12)
        weight = squares[..., near]
        smooth[..., k] = np.exp((np.log(found[..., near]) * weight).sum(-1) / np.maximum(weight.sum(-1), 1e-12))
    return smooth.astype(np.float32)


class TrainedNetwork(nn.Module):
    """:class:`repro.trellis.sensitivity.Network` in PyTorch: the same layers, for training."""

    def __init__(self, kernels: Sequence[int] = (1, 3, 3, 1), width: int = 32) -> None:
        super().__init__()
        ends = [FEATURES, *[width] * (len(kernels) - 1), OUTPUTS]
        self.layers: Sequence[nn.Conv2d] = nn.ModuleList(  # type: ignore[assignment]
            nn.Conv2d(a, b, k) for a, b, k in zip(ends, ends[1:], kernels, strict=False)
        )
        last = self.layers[-1]
        nn.init.zeros_(last.weight)
        assert last.bias is not None
        nn.init.zeros_(last.bias)

    def forward(self, features: torch.Tensor, subsampling: str) -> list[torch.Tensor]:
        """(:data:`FEATURES`, rows, cols) → the logarithms of the weights, (bands, rows, cols) for each plane."""
        x = features[None]
        for i, layer in enumerate(self.layers):
            x = layer(nnf.pad(x, [layer.kernel_size[0] // 2] * 4, mode="replicate"))
            x = nnf.relu(x) if i + 1 < len(self.layers) else x
        luma, *chroma = x[0].split([len(LUMA_BANDS) - 1, len(CHROMA_BANDS) - 1, len(CHROMA_BANDS) - 1])
        if subsampling == "4:2:0":
            even = (0, luma.shape[2] % 2, 0, luma.shape[1] % 2)
            chroma = [nnf.avg_pool2d(nnf.pad(c[None], even, mode="replicate"), 2)[0] for c in chroma]
        return [each.clamp(-LIMIT, LIMIT) for each in (luma, *chroma)]

    def as_network(self, profile: np.ndarray) -> Network:
        """Convert to the form that the trellis uses; ``profile`` is :func:`profile_of`."""
        layers = []
        for layer in self.layers:
            weight, bias = (value.detach().numpy() for value in layer.parameters())
            layers.append((np.ascontiguousarray(weight.transpose(2, 3, 1, 0)), bias))
        return Network(layers, profile)


def fit(
    samples: Sequence[Sample],
    blend: Blend,
    kernels: Sequence[int] = (1, 3, 3, 1),
    *,
    constant: bool = False,
    epochs: int = 8,
    batch: int = 16,
    seed: int = 0,
) -> Network:
    """Fit the network whose weights best predict what errors cost. AdamW minimises the Poisson deviance
    Σ (w · error − cost · log w): its minimum is at w = mean cost / mean error, and an error in log w counts in
    proportion to the cost. ``constant``: learn only one weight for each band, whatever the network sees.
    """
    costs = blended(samples, blend)
    profile = profile_of(samples, costs)
    examples = [_example(s, of, profile) for s, of in zip(samples, costs, strict=True)]
    unit = float(np.mean([sum(float(e.sum()) for e, _ in bands) for _, _, bands in examples]))
    torch.manual_seed(seed)
    network = TrainedNetwork(kernels)
    parameters = list(network.layers[-1].parameters())[1:] if constant else list(network.parameters())  # its bias alone
    optimiser = torch.optim.AdamW(parameters, 4e-3, weight_decay=0.02)
    steps = max(1, epochs * len(examples) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    rng = np.random.default_rng(seed)
    for _ in track(range(steps), "network"):
        loss = torch.zeros(())
        for chosen in rng.choice(len(examples), batch):
            features, subsampling, bands = examples[chosen]
            turn = [axis for axis in (1, 2) if rng.random() < 0.5]
            said = network(features.flip(turn), subsampling)
            for log_w, (error, cost) in zip(said, bands, strict=True):
                loss = loss + (error.flip(turn) * log_w.exp() - cost.flip(turn) * log_w).sum() / (unit * batch)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 5.0)
        optimiser.step()
        schedule.step()
    return network.as_network(profile)


Bands = list[tuple[torch.Tensor, torch.Tensor]]


def _example(s: Sample, costs: Sequence[np.ndarray], profile: np.ndarray) -> tuple[torch.Tensor, str, Bands]:
    """Features (:data:`FEATURES`, rows, cols), the subsampling, and for each plane the squared errors, weighted by the
    profile, and the costs, each summed over bands: (bands, rows, cols)."""
    bands = []
    for i, (error, cost) in enumerate(zip(s.errors, costs, strict=True)):
        begins = (CHROMA_BANDS if i else LUMA_BANDS)[:-1]
        weighted = error * profile[1 if s.subsampling == "4:4:4" else 0, i]
        summed = [np.add.reduceat(v, begins, axis=2).transpose(2, 0, 1) for v in (weighted, cost)]
        bands.append((torch.from_numpy(summed[0].astype(np.float32)), torch.from_numpy(summed[1].astype(np.float32))))
    return torch.from_numpy(s.features.transpose(2, 0, 1).copy()), s.subsampling, bands
