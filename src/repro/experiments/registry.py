"""Which runs make which figure of the paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from repro.errors import UsageError
from repro.experiments import paper
from repro.experiments.paper import RESNETS, SNAPSHOTS
from repro.experiments.profiles import LR_TRAINED, ONE_LAMBDA, TWO_LAMBDAS, profile_of
from repro.experiments.settings import EncoderSweep, Experiment, PeerSweep, Task, Variant
from repro.training import Recipe

#: λ beyond the published curves, for the high qualities of the encoder.
FINE_LAMBDAS = (0.4, 1.5)
#: The encoders that figures are compared with, and their qualities: 0.1–1 bpp, where the paper's curves lie.
PEERS = ("pillow-444", "pillow-420-progressive", "mozjpeg-420", "jpegli-420")
PEER_QUALITIES = (2, 3, 5, 8, 10, 12, 15, 18, 22, 26, 30, 36, 42, 50)
#: Fig. 7's weights of LPIPS and MS-SSIM. The paper does not give its "smaller weights".
WEIGHTS = ((500.0, 0.0), (500.0, 1000.0), (0.0, 1000.0), (250.0, 500.0))
#: Section 6.8: learning rates at which the LSTM is tried, with the paper's own variables.
LSTM_RATES = (1e-6, 1e-5, 1e-4)
#: Chapter 10: plain JPEG, and the encoders in use, both as their own programs run them and with each tuning they offer.
PLAIN = "pillow-420-progressive"
RIVALS = (
    "mozjpeg",
    "mozjpeg-444",
    "mozjpeg-psnr-420",
    "mozjpeg-msssim-420",
    "mozjpeg-msssim6-420",
    "mozjpeg-hvs-420",
    "jpegli-444",
    "jpegli-420",
    "jpegli-420-noaq",
)
#: Chapter 10: peers and efforts → qualities that cover 0.2–3.4 bpp on the tuning photos, as far as the encoder reaches.
#: Measured on each of :data:`COMPARED_ON`.
COMPARED_QUALITIES = {
    "pillow-420-progressive": (8, 14, 26, 42, 70, 84, 92, 96),
    "mozjpeg": (16, 26, 38, 62, 77, 84, 90, 93, 96),
    "mozjpeg-444": (12, 20, 30, 46, 70, 80, 88, 93, 96),
    "mozjpeg-psnr-420": (14, 20, 30, 46, 66, 77, 86, 93, 96),
    "mozjpeg-msssim-420": (18, 30, 42, 66, 80, 88, 94, 97, 98),
    "mozjpeg-msssim6-420": (10, 16, 26, 42, 66, 84, 91, 96, 98),
    "mozjpeg-hvs-420": (14, 23, 34, 58, 77, 86, 93, 97, 98),
    "jpegli-444": (1, 9, 20, 46, 70, 86, 92, 96, 98),  # its lowest quality may spend more than 0.3 bpp
    "jpegli-420": (1, 5, 14, 26, 58, 80, 88, 94, 97, 98),
    "jpegli-420-noaq": (1, 12, 23, 50, 74, 86, 93, 97, 98),
    "fast": (10, 14, 19, 25, 35, 45, 65, 80, 90, 95, 98, 99),
    "default": (10, 14, 19, 25, 35, 45, 65, 80, 90, 95, 98, 99),
    "best": (10, 35, 65, 84, 94, 98),
}
#: The sets of photos that encoders are compared on.
COMPARED_ON = ("kodak", "check")
#: Chapter 10: ablations → their qualities. Measured on photos on which nothing was chosen.
ABLATION_QUALITIES = {
    "tables-444": (5, 15, 30, 52, 72, 84, 92, 97),
    "annexk-420": (8, 14, 26, 42, 70, 84, 92, 96),
    "annexk-trellis": (14, 24, 38, 58, 77, 86, 92, 96),
    **dict.fromkeys(
        (
            *("default-sparse", "default-scans", "default-soft", "mse", "constant", "own-block", "3x3", "9x9"),
            *("ssimulacra2", "ms-ssim"),
        ),
        (10, 35, 65, 84, 94, 98),
    ),
}
#: Qualities for the content types, whose rates differ too much for one range of bits.
CONTENT_TYPE_QUALITIES = {
    "pillow-420-progressive": (13, 25, 43, 68, 86),
    "mozjpeg": (16, 30, 48, 70, 88),
    "jpegli-420": (1, 20, 42, 70, 88),
    "fast": (20, 45, 70, 88, 96),
    "default": (20, 45, 70, 88, 96),
    "best": (20, 45, 70, 88, 96),
}


def figure_5(profile: str) -> list[Task]:
    """Figs. 5 and 6: standard JPEG, the baseline (γ = 500, σ = 0) and the paper's loss (σ = 1000), several seeds."""
    p = profile_of(profile)
    main, *others = p.roundings
    tasks: list[Task] = _peers(profile)
    for sigma in (0.0, 1000.0):
        tasks += [*p.curve(Variant(p.vgg, main, sigma=sigma)), *p.seeded(Variant(p.vgg, main, sigma=sigma))]
        tasks += [e for r in others for e in p.curve(Variant(p.vgg, r, sigma=sigma))]
    return tasks


def figure_7(profile: str) -> list[Experiment]:
    """Fig. 7: weights of LPIPS and MS-SSIM."""
    p = profile_of(profile)
    return [e for gamma, sigma in WEIGHTS for e in p.narrow_curve(Variant(p.vgg, p.rounding, gamma, sigma))]


def figure_8(profile: str) -> list[Task]:
    """Figs. 8 and 9: VGG against ResNet-152 at both depths, without MS-SSIM in the loss."""
    return [*_peers(profile)[:1], *_trunks(profile, 0.0)]


def figure_10(profile: str) -> list[Task]:
    """Fig. 10: as Fig. 8, with MS-SSIM in the loss and several seeds; each ResNet without it, as the reference."""
    p = profile_of(profile)
    again = [e for method in (p.vgg, *RESNETS) for e in p.seeded(Variant(method, p.rounding))]
    without = [e for e in _trunks(profile, 0.0) if e.model.method in RESNETS]
    return [*_peers(profile)[:1], *_trunks(profile, 1000.0), *again, *without]


def figure_13(profile: str) -> list[Experiment]:
    """Figs. 13 and 14: rate, MSE and MS-SSIM during training from the paper's start, with and without attention."""
    p = profile_of(profile)
    steps = p.recipes[p.rounding].steps
    snapshots = tuple(sorted({round(share * steps) for share in SNAPSHOTS}))
    runs = []
    for variant in (Variant(p.vgg, p.rounding), Variant("tables", p.rounding)):
        recipe = replace(p.recipe_of(variant), tables_start=0)
        run = p.run(variant, ONE_LAMBDA[p.rounding], recipe, f"{variant.method}, from 1–2")
        runs.append(replace(run, snapshots=snapshots))
    return runs


def figure_15(profile: str) -> list[Task]:
    """Figs. 4 and 15: LSTM, BiLSTM and CNN, the LSTM's map stretched to 0–1, and three learning rates."""
    p = profile_of(profile)
    variants = [Variant(p.vgg, p.rounding), Variant("lstm", p.rounding), Variant("bilstm", p.rounding)]
    curves = [e for v in [*variants, Variant("lstm", p.rounding, minmax=True)] for e in p.narrow_curve(v)]
    return [*_peers(profile)[:1], *curves, *lstm_rates(profile)]


def lstm_rates(profile: str) -> list[Experiment]:
    """The LSTM with the paper's variables (tables times 1e-5, from 1–2) at each of :data:`LSTM_RATES`."""
    p = profile_of(profile)
    fast = p.recipes[p.rounding]
    recipe = replace(fast, steps=3 * fast.steps, schedule="constant", tables_start=0)
    runs = []
    for rate in LSTM_RATES:
        at = replace(recipe, lr_tables=rate, lr_network=rate)
        run = p.run(Variant("lstm", p.rounding), ONE_LAMBDA[p.rounding], at, f"lstm, learning rate {rate:.0e}")
        runs.append(replace(run, model=replace(run.model, table_param="paper")))
    return runs


def ours(profile: str) -> list[Task]:
    """Where the gain comes from: tables alone, attention, the trunk's weights, its training, the rounding, steps."""
    p = profile_of(profile)
    main, *others = p.roundings
    curves = [*p.curve(Variant("tables", main)), *p.seeded(Variant("tables", main))]
    curves += [e for r in others for e in p.curve(Variant("tables", r))]
    for trained, pretrained in ((False, False), (True, True), (True, False)):
        variant = Variant(p.vgg, main, trunk_trained=trained, pretrained=pretrained)
        curves += p.curve(variant, TWO_LAMBDAS[main])
    curves += p.curve(Variant(RESNETS[1], main, trunk_trained=True), TWO_LAMBDAS[main])
    return [*_peers(profile), *curves, *doubled(profile), *recipes(profile)]


def doubled(profile: str) -> list[Experiment]:
    """One λ with twice the steps for each kind of model, to see whether training has converged."""
    p = profile_of(profile)
    runs = []
    for rounding in p.roundings:
        for method in ("tables", p.vgg, *(("lstm",) if rounding == p.rounding else ())):
            variant = Variant(method, rounding)
            recipe = p.recipe_of(variant)
            twice = replace(recipe, steps=2 * recipe.steps)
            runs.append(p.run(variant, ONE_LAMBDA[rounding], twice, f"{variant.series}, twice the steps"))
    return runs


def recipes(profile: str) -> list[Experiment]:
    """The paper's rounding at one λ by other recipes, from few large steps to the paper's own with a frozen trunk."""
    p, variant = profile_of(profile), Variant("tables", "third-order")
    lam = ONE_LAMBDA["third-order"]
    if profile == "smoke":
        return []
    fast = p.recipes["third-order"]
    tried = [(400, 0.03), (2500, 0.002)]
    runs = [
        p.run(variant, lam, replace(fast, steps=steps, lr_tables=rate), f"tables, {steps} steps at {rate:g}")
        for steps, rate in tried
    ]
    return [*runs, paper.trunk_frozen()]


def tuning(profile: str) -> list[Experiment]:
    """Recipes tried on the tuning photos, at one λ each: steps, and learning rates of tables and network."""
    p = profile_of(profile)
    if profile != "cpu":
        return []
    runs = []
    for variant, tried in _TRIED.items():
        lam = ONE_LAMBDA[variant.rounding]
        for steps, of_tables, of_network in tried:
            recipe = Recipe(steps=steps, lr_tables=of_tables, lr_network=of_network)
            name = f"{variant.series}, {steps} steps at {of_tables:g} and {of_network:g}"
            runs.append(replace(p.run(variant, lam, recipe, name), evaluation="tune"))
    return runs


def shipped_models(profile: str) -> list[Experiment]:
    """The learned tables that `repro encode` ships: straight-through rounding, and more λ for high qualities."""
    p = profile_of(profile)
    variant = Variant("tables", "straight-through")
    return [*p.curve(variant), *p.curve(variant, () if profile == "smoke" else FINE_LAMBDAS)]


def beyond(profile: str) -> list[EncoderSweep]:
    """Chapter 10: every ablation, from plain JPEG to our best, and the peers; the same at profile paper."""
    if profile_of(profile).name == "smoke":  # without the slowest, which takes minutes
        every = {**COMPARED_QUALITIES, **ABLATION_QUALITIES}
        return [EncoderSweep(name, q[1::4], "sample") for name, q in every.items() if name != "best"]
    compared = [EncoderSweep(name, q, photos) for name, q in COMPARED_QUALITIES.items() for photos in COMPARED_ON]
    return [*compared, *(EncoderSweep(name, q, COMPARED_ON[-1]) for name, q in ABLATION_QUALITIES.items())]


def content_types(profile: str) -> list[EncoderSweep]:
    """Where chapter 10's encoder loses: its efforts and the peers on each content type; the same at profile paper."""
    chosen = {name: q[1:2] for name, q in CONTENT_TYPE_QUALITIES.items() if name in ("mozjpeg", "fast")}
    sweeps = chosen if profile_of(profile).name == "smoke" else CONTENT_TYPE_QUALITIES
    return [EncoderSweep(name, qualities, "content-types") for name, qualities in sweeps.items()]


def _peers(profile: str) -> list[Task]:
    qualities = PEER_QUALITIES[::4] if profile == "smoke" else PEER_QUALITIES
    return [PeerSweep(codec, qualities, profile_of(profile).evaluation) for codec in PEERS]


def _trunks(profile: str, sigma: float) -> list[Experiment]:
    p = profile_of(profile)
    return [e for m in (p.vgg, *RESNETS) for e in p.narrow_curve(Variant(m, p.rounding, sigma=sigma))]


#: (steps, learning rate of the tables, of the network) that were tried.
_TRIED = {
    Variant("vgg16", "straight-through"): (
        (400, 0.03, 1e-3),
        (400, 0.01, 1e-3),
        (400, 0.1, 1e-3),
        (400, 0.03, 3e-4),
        (400, 0.03, 3e-3),
        (400, 0.03, 1e-2),
        (800, 0.03, 1e-3),
        (800, 0.03, 3e-3),
        (1600, 0.03, 3e-3),
    ),
    Variant("vgg16", "third-order"): (
        (400, 0.03, 1e-3),
        (400, 0.01, 1e-3),
        (1000, 0.01, 1e-3),
        (1000, 0.005, 1e-3),
        (1000, 0.005, 3e-4),
        (1000, 0.005, 3e-3),
        (2500, 0.002, 1e-3),
    ),
    Variant("lstm", "straight-through"): ((400, 0.03, 1e-3), (400, 0.03, 3e-4), (400, 0.03, 3e-3)),
    Variant("vgg16", "straight-through", trunk_trained=True): (
        (400, 0.03, 1e-3),
        (400, 0.03, LR_TRAINED),
        (400, 0.03, 1e-5),
    ),
}

#: Figure of the paper → a function from profile to the experiments that it needs. "ours" and "tuning" go beyond the
#: paper, "encoder" is what `repro encode` ships, "beyond" is chapter 10, "content-types" where its encoder loses.
#: Figs. 11 and 12 are times: see ``make bench``.
FIGURES: dict[str, Callable[[str], Sequence[Task]]] = {
    "5": figure_5,
    "7": figure_7,
    "8": figure_8,
    "10": figure_10,
    "13": figure_13,
    "15": figure_15,
    "ours": ours,
    "tuning": tuning,
    "encoder": shipped_models,
    "beyond": beyond,
    "content-types": content_types,
}
#: Figures for which nothing is trained, the same at profile paper. How many peers its other figures have, if not one.
_UNTRAINED = ("beyond", "content-types")
_PEERS_BESIDE = {"5": len(PEERS), "13": 0, "ours": len(PEERS)}
#: Figures made from another figure's runs.
SAME_RUNS = {"4": "15", "6": "5", "9": "8", "14": "13"}


def experiments_of(figure: str, profile: str) -> list[Task]:
    """The experiments of a figure of the paper. Raises :class:`UsageError` on an unknown figure or profile."""
    name = SAME_RUNS.get(figure, figure)
    if name in ("11", "12"):
        raise UsageError(f"figure {figure} is a measurement of time; run `make bench`")
    if name not in FIGURES:
        raise UsageError(f"unknown figure {figure!r}; choose from {', '.join(FIGURES)}")
    if name not in figures_of(profile):
        raise UsageError(f"figure {figure} has no runs by the paper's own recipe; it is made at profile cpu")
    if profile != "paper" or name in _UNTRAINED:
        return list(FIGURES[name](profile))
    begun = paper.first_pair_begun() if name == "5" else []
    return [*_peers(profile)[: _PEERS_BESIDE.get(name, 1)], *begun, *paper.runs(name)]


def figures_of(profile: str) -> tuple[str, ...]:
    """The figures that a profile makes. Raises :class:`UsageError` on an unknown profile."""
    if profile_of(profile).name != "paper":
        return tuple(FIGURES)
    return tuple(name for name in FIGURES if name in _UNTRAINED or paper.runs(name))


def everything(profile: str) -> list[Task]:
    """The experiments of all figures, each once. Raises :class:`UsageError` on an unknown profile."""
    first: list[Task] = [*paper.runs("all")] if profile == "paper" else []
    figures = [e for name in figures_of(profile) for e in experiments_of(name, profile)]
    return list({e.key: e for e in (*first, *figures)}.values())
