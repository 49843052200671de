"""Section 6.5: ResNet-152 in the place of VGG, without MS-SSIM in the loss (Figs. 8 and 9) and with it (Fig. 10)."""

from __future__ import annotations

from repro.evaluation import BDRate
from repro.experiments.claims import verdicts as v
from repro.experiments.claims.loss import PORTRAIT_RATE, STANDARD, Seeds, paper_gains
from repro.experiments.paper import RESNETS
from repro.experiments.settings import Variant

#: Ranges that the paper names: where ResNet is lower without MS-SSIM in the loss, and better with it.
LOWER_RATES = (0.26, 0.27, 0.28, 0.29, 0.30, 0.31)
BETTER_RATES = (0.30, 0.32, 0.34, 0.36, 0.38)


def names(sigma: float) -> tuple[str, ...]:
    """The curves of VGG and of both depths of ResNet, with or without MS-SSIM in the loss."""
    return tuple(Variant(method, sigma=sigma).series for method in ("vgg16", *RESNETS))


def judge_standard(curves: Seeds) -> v.Judged:
    """Fig. 8: VGG and ResNet, without MS-SSIM in the loss, are both better than standard JPEG."""
    found = [paper_gains(curves, STANDARD, name) for name in names(0.0)]
    evidence = "; ".join(f"{_SHORT[m]}: {v.told(g)}" for m, g in zip(("vgg16", *RESNETS), found, strict=True))
    return v.Judged(v.together(v.wins(g) for g in found), evidence)


def judge_alike(curves: Seeds) -> v.Judged:
    """Fig. 8: nearly identical to VGG in MSE and LPIPS (here: within 2 %)."""
    vgg, *resnets = names(0.0)
    found = [paper_gains(curves, vgg, name, metrics=["mse", "lpips"]) for name in resnets]
    sizes = "; ".join(f"{_SHORT[m]} {v.largest(g)}" for m, g in zip(RESNETS, found, strict=True))
    return v.Judged(v.either(v.alike(g) for g in found), f"{_each(found)}; gains in per cent: {sizes}")


def judge_lower(curves: Seeds) -> v.Judged:
    """Fig. 8: ResNet's MS-SSIM is lower than VGG's at 0.26–0.31 bpp."""
    vgg, *resnets = names(0.0)
    found = [paper_gains(curves, name, vgg, LOWER_RATES, ["ms_ssim"]) for name in resnets]
    evidence = "; ".join(f"VGG against {_SHORT[m]}: {v.told(g)}" for m, g in zip(RESNETS, found, strict=True))
    return v.Judged(v.either(v.wins(g) for g in found), evidence)


def judge_eyes(curves: Seeds) -> v.Judged:
    """Fig. 9: no obvious difference at the same rate (here: colour, block edges and LPIPS, none clearly apart)."""
    vgg, *resnets = names(0.0)
    found = [paper_gains(curves, vgg, n, [PORTRAIT_RATE], ["lpips", "mse_chroma", "blocking"]) for n in resnets]
    apart = [v.REPRODUCED if g.clear == 0 or abs(g.mean) <= 0.02 * abs(g.anchor) else v.NOT for f in found for g in f]
    told = "; ".join(f"{_SHORT[m]}: {v.told(g)}" for m, g in zip(RESNETS, found, strict=True))
    return v.Judged(v.together(apart) if all(found) else v.NOT_YET, f"measured over all photos: {told}")


def judge_better(curves: Seeds) -> v.Judged:
    """Fig. 10: with MS-SSIM in the loss ResNet performs better than VGG at 0.30–0.38 bpp."""
    vgg, *resnets = names(1000.0)
    found = [paper_gains(curves, vgg, name, BETTER_RATES) for name in resnets]
    return v.Judged(v.either(v.wins(g) for g in found), _each(found))


def judge_both(curves: Seeds) -> v.Judged:
    """Section 6.5: both changes together beat each alone, in MS-SSIM, and cost nothing in the others."""
    parts, told = [], []
    for method in RESNETS:
        both = Variant(method).series
        alone = Variant("vgg16").series, Variant(method, sigma=0.0).series
        each = [paper_gains(curves, one, both) for one in alone]
        found = [g for part in each for g in part] if all(each) else []
        parts.append(v.improves(found))
        told.append(f"{_SHORT[method]} with MS-SSIM against VGG with, and itself without: {v.told(found)}")
    return v.Judged(v.either(parts), "; ".join(told))


def comparisons(curves: Seeds) -> dict[str, dict[str, BDRate]]:
    """BD-rates of ResNet against VGG, at both depths, with and without MS-SSIM in the loss."""
    rows = {}
    for label, sigma in (("without MS-SSIM", 0.0), ("with MS-SSIM", 1000.0)):
        vgg, *resnets = names(sigma)
        for method, name in zip(RESNETS, resnets, strict=True):
            rows[f"{_SHORT[method]}\nagainst VGG, {label}"] = v.savings(curves[vgg], curves[name])
    return rows


_SHORT = {"vgg16": "VGG", "resnet152-block1": "ResNet block 1", "resnet152-block7": "ResNet block 7"}


def _each(found: list[list[v.Gain]]) -> str:
    return "; ".join(f"{_SHORT[m]} against VGG: {v.told(g)}" for m, g in zip(RESNETS, found, strict=True))
