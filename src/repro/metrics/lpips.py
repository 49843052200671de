"""LPIPS with AlexNet (Zhang et al. 2018), computed in two ways: from two images, or from differences to one original.

With a and b the outputs of AlexNet's five ReLUs for both images, scaled to unit length along channels at each place,
and learned weights w of the channels:

    LPIPS = Σ over layers of the mean over places of Σ_c w_c (a_c − b_c)²

The features that it compares are nearly equal. If the network computed both with 8 significant bits, rounding would
swamp their difference; if it computes the *difference*, that has 8 bits of its own. So for the loss (Eq. 8) the network
propagates δ = y − x beside the features of x, which are computed once: a convolution maps δ linearly, a ReLU turns δ at
p into max(δ, −p) − max(−p, 0), and a max-pool becomes the difference of two pools. Products can then be computed in
bfloat16, many times as fast on CPUs and GPUs as in 32 bits, and gradients keep their direction: over a model's
parameters the cosine is above 0.999 (benchmarks/accuracy.py).
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

from repro import weights
from repro.metrics.checks import check_pair, check_side
from repro.precision import full_precision
from repro.stages import check_image, check_range

#: Smallest side of which AlexNet's strided convolutions and pools leave a pixel.
MIN_SIDE_LPIPS = 31
_TINY = 1e-10


#: Twelve tensors, channels last. Five are −p, the negated outputs of the convolutions, (B, C, H, W) with C = 64, 192,
#: 384, 256, 256. Five hold the sum of relu(p)² over channels and the weighted sum, (B, 2, H, W) float32. The last two
#: are the outputs of the max-pools.
ReferenceFeatures = tuple[torch.Tensor, ...]


class _Layer(NamedTuple):
    """A convolution for differences. ``pooled``: a pool precedes it; ``columns``: (C, 2) ones and channel weights."""

    pooled: bool
    weight: torch.Tensor
    stride: tuple[int, int]
    padding: tuple[int, int]
    columns: torch.Tensor


class LPIPS(torch.nn.Module):
    """Learned perceptual distance (Zhang et al. 2018): AlexNet, version 0.1, "lin"; 0 for equal images.

    Move it to a device once and call it with two images. To compare many pictures with one original, use
    :meth:`features` of each and then :meth:`distance`; for gradients, :meth:`reference` and :meth:`from_difference`.
    It is never trained and stays in evaluation mode.

    The linear layers come from the ``lpips`` package, the convolutions from :func:`repro.weights.load`.
    """

    def __init__(self) -> None:
        super().__init__()
        import lpips as package

        # The constructor draws random weights, overwritten below: keep the caller's random state.
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # lpips uses an old signature of torchvision
            self.net = package.LPIPS(net="alex", pretrained=False, pnet_rand=True, verbose=False)
        trunk = weights.load("alexnet").state
        # "slice2.3.weight" is torchvision's "features.3.weight".
        names = self.net.net.state_dict()
        self.net.net.load_state_dict({name: trunk[f"features.{name.split('.', 1)[1]}"] for name in names})
        path = Path(package.__file__).parent / "weights" / "v0.1" / "alex.pth"
        linear = torch.load(path, map_location="cpu", weights_only=True)
        for i, layer in enumerate(self.net.lins):
            layer.load_state_dict({"model.1.weight": linear[f"lin{i}.model.1.weight"]})
        self.net.to(memory_format=torch.channels_last)
        self._kept: dict[tuple[torch.dtype, torch.device], list[_Layer]] = {}
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> LPIPS:
        """Stay in evaluation mode whatever the parent module does: dropout would make the distance noisy."""
        return super().train(False)

    def features(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(B, 3, H, W) on 0–255 → the five feature maps, each of unit length along channels."""
        check_range(check_image(x))
        with full_precision(x):
            maps = self.net.net(self._scaled(x))
            return tuple(f / (torch.linalg.vector_norm(f, dim=1, keepdim=True) + _TINY) for f in maps)

    def distance(self, fx: tuple[torch.Tensor, ...], fy: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Two tuples of :meth:`features` → (B,). A batch of 1 on one side is compared with every image of the other."""
        with full_precision(fx[0]):
            found = []
            for weight, a, b in zip(self._channel_weights(), fx, fy, strict=True):
                # mean over places first, so that 64 to 384 numbers are weighted, not as many maps
                found.append((a - b).square().mean((2, 3)) @ weight)
            return torch.stack(found).sum(0)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The distance of two pictures: two (B, 3, H, W) on 0–255 → (B,)."""
        check_pair(x, y)
        return self.distance(self.features(x), self.features(y))

    @torch.no_grad()
    def reference(self, x: torch.Tensor, dtype: torch.dtype = torch.float32) -> ReferenceFeatures:
        """What :meth:`from_difference` needs of x (B, 3, H, W) on 0–255, computed in 32 bits and kept as ``dtype``."""
        minus, squares, pools = list[torch.Tensor](), list[torch.Tensor](), list[torch.Tensor]()
        with full_precision(x):
            p = self._scaled(x)
            for module in self._layers():
                p = module(p)
                if isinstance(module, torch.nn.MaxPool2d):
                    pools.append(p.to(dtype))
                elif isinstance(module, torch.nn.Conv2d):
                    minus.append(p.neg().to(dtype))
                    feature = p.to(dtype).clamp_min(0)
                    columns = self._difference_layers(dtype, x.device)[len(squares)].columns
                    sums = (feature * feature).movedim(1, -1) @ columns
                    squares.append(sums.float().movedim(-1, 1))
        return (*minus, *squares, *pools)

    def from_difference(self, reference: ReferenceFeatures, d: torch.Tensor) -> torch.Tensor:
        """LPIPS (B,) of x + ``d`` against the original x of ``reference``, with products in the latter's dtype.

        Differentiable in ``d`` (B, 3, H, W). Agrees with :meth:`forward` to about 1e-6 in float32 and 1e-3 in bfloat16.
        """
        dtype, sums, pools = reference[0].dtype, list[torch.Tensor](), iter(reference[10:])
        with full_precision(d):
            d = d.to(dtype, memory_format=torch.channels_last)
            feature = d  # unused until the first convolution sets it
            layers = self._difference_layers(dtype, d.device)
            for layer, minus_p, squares in zip(layers, reference[:5], reference[5:10], strict=True):
                if layer.pooled:
                    d = _PoolDifference.apply(d, feature, next(pools))
                below = minus_p.clamp_min(0)
                feature = below - minus_p
                d = F.conv2d(d, layer.weight, None, layer.stride, layer.padding)
                d = _ReluDifference.apply(d, minus_p, below, feature)
                sums.append(_channel_sums(d, feature, layer.columns, squares))
            each = _unit_distance(torch.cat(sums)).split([len(s) for s in sums])
            return torch.stack([layer.view(len(d), -1).mean(1) for layer in each]).sum(0)

    def _scaled(self, x: torch.Tensor) -> torch.Tensor:
        check_side(x, MIN_SIDE_LPIPS, "AlexNet shrinks it")
        return self.net.scaling_layer(x.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)

    def _layers(self) -> list[torch.nn.Module]:
        """AlexNet's convolutions, ReLUs and pools in order."""
        return [layer for part in self.net.net.children() for layer in part.children()]

    @torch.inference_mode(False)  # whoever calls first, they must serve training too
    def _difference_layers(self, dtype: torch.dtype, device: torch.device) -> list[_Layer]:
        """The five convolutions with weights in ``dtype``, made once per type and device."""
        if (dtype, device) not in self._kept:
            layers, found = self._layers(), list[_Layer]()
            for before, conv in zip([None, *layers], layers, strict=False):
                if isinstance(conv, torch.nn.Conv2d):
                    weight = self._channel_weights()[len(found)]
                    columns = torch.stack([torch.ones_like(weight), weight], 1).to(dtype)
                    pooled = isinstance(before, torch.nn.MaxPool2d)
                    # the first also scales a difference on 0–255 to AlexNet's input scale
                    unit = 1 if found else 1 / (127.5 * self.net.scaling_layer.scale)
                    found.append(_Layer(pooled, (conv.weight * unit).to(dtype), conv.stride, conv.padding, columns))  # type: ignore[arg-type]
            self._kept[dtype, device] = found
        return self._kept[dtype, device]

    def _channel_weights(self) -> list[torch.Tensor]:
        """The weight of each channel, (C,) for each of the five feature maps."""
        return [layer.model[1].weight.flatten() for layer in self.net.lins]


def lpips(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """LPIPS (AlexNet v0.1): two (B, 3, H, W) on 0–255 → (B,), with one :class:`LPIPS` kept per device.

    Raises :class:`ReproError` for sides under 31 px, or if AlexNet's weights are missing.
    """
    return lpips_on(x.device)(x, y)


@lru_cache(maxsize=4)
@torch.inference_mode(False)  # whoever calls first, the cached network must serve training too
def lpips_on(device: torch.device) -> LPIPS:
    """The :class:`LPIPS` of ``device``, built once."""
    return LPIPS().to(device)


class _ReluDifference(torch.autograd.Function):
    """relu(p + d) − relu(p) from d, −p, max(−p, 0) and relu(p), without ever adding a small d to a large p."""

    @staticmethod
    def forward(
        ctx: Any, d: torch.Tensor, minus_p: torch.Tensor, below: torch.Tensor, feature: torch.Tensor
    ) -> torch.Tensor:
        found = torch.maximum(d, minus_p).sub_(below)
        ctx.save_for_backward(feature + found)  # relu(p + d), of which only the sign is needed, and that is exact
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        (after,) = ctx.saved_tensors
        return torch.ops.aten.threshold_backward(gradient, after, 0), None, None, None


class _PoolDifference(torch.autograd.Function):
    """AlexNet's max-pool (3, stride 2) of f + d minus that of f, which is given; computed in 32 bits."""

    @staticmethod
    def forward(ctx: Any, d: torch.Tensor, f: torch.Tensor, pool: torch.Tensor) -> torch.Tensor:
        whole = f.float() + d
        pooled, places = F.max_pool2d_with_indices(whole, [3, 3], [2, 2])
        ctx.save_for_backward(places, whole)
        return (pooled - pool).to(d.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        places, like = ctx.saved_tensors
        found = torch.ops.aten.max_pool2d_with_indices_backward(
            gradient.float(), like, [3, 3], [2, 2], [0, 0], [1, 1], False, places
        )
        return found.to(gradient.dtype), None, None


class _ChannelSums(torch.autograd.Function):
    """Sums over channels, plain and weighted, of d² and d f and, at far places, of h² and h f, with h = f + d.

    d and f are (places, C), ``columns`` (C, 2) holds ones and the weights, ``ff`` (places,) is the sum of f². A place
    is far if the sum of d² is at least half of that of f². Returns (places, 8); sums that are not computed are 1.
    """

    @staticmethod
    def forward(ctx: Any, d: torch.Tensor, f: torch.Tensor, columns: torch.Tensor, ff: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(d, f, columns)
        sums = torch.ones(len(d), 8, device=d.device)
        for i, other in enumerate((d, f)):
            sums[:, 2 * i : 2 * i + 2] = (d * other) @ columns
        far = (2 * sums[:, 0] >= ff).nonzero()[:, 0]
        if len(far):
            f_far = f[far]
            h = f_far + d[far]
            sums[far, 4:] = torch.cat([(h * other) @ columns for other in (h, f_far)], 1).float()
        return sums

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        d, f, columns = ctx.saved_tensors
        dd, df, hh, hf = gradient.split(2, 1)
        of_d, of_f = ((g.to(d.dtype) @ columns.T) for g in (2 * (dd + hh), df + 2 * hh + hf))
        return of_d.mul_(d).addcmul_(of_f, f), None, None, None


def _channel_sums(d: torch.Tensor, f: torch.Tensor, columns: torch.Tensor, squares: torch.Tensor) -> torch.Tensor:
    """(B, C, h, w) differences and features → (B h w, 10): the sums of :class:`_ChannelSums` and those of f²."""
    of_d, of_f, ff = (t.permute(0, 2, 3, 1).reshape(-1, t.shape[1]) for t in (d, f, squares))
    return torch.cat([_ChannelSums.apply(of_d, of_f, columns, ff[:, 0]), ff], 1)


def _unit_distance(sums: torch.Tensor) -> torch.Tensor:
    """Σ w (b − a)² at each place, from :func:`_channel_sums`: a = f / |f| and b = h / |h| are unit vectors, h = f + d.

    Where d is small compared to f, b − a = d / |h| + k f with k = 1 / |h| − 1 / |f|, and k is computed without
    cancellation from |h|² − |f|² = 2 d·f + d². Elsewhere h may be nearly zero, and the square is expanded instead.
    """
    dd, w_dd, df, w_df, hh, w_hh, _, w_hf, ff, w_ff = sums.unbind(1)
    far, grown, before = 2 * dd >= ff, 2 * df + dd, ff.sqrt() + _TINY
    after = torch.where(far, hh, ff + grown).clamp_min(_TINY**2).sqrt() + _TINY
    k = -grown / ((before + after) * before * after)
    near = (w_dd / after + 2 * k * w_df) / after + k * k * w_ff
    apart = w_hh / after.square() - 2 * w_hf / (after * before) + w_ff / before.square()
    return torch.where(far, apart, near)
