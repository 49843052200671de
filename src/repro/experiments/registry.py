"""Which runs make which figure: frozen, serialisable descriptions, named by the hash of their content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from repro.errors import UsageError
from repro.files import sha256_bytes
from repro.losses import LossWeights
from repro.model import ModelSettings
from repro.training import PAPER_RECIPE, Recipe

#: λ of the published curves, by rounding: chosen to cover 0.2–0.6 bpp on the tuning photos about evenly. The two
#: roundings settle at very different rates for one λ (chapter 3 shows why).
LAMBDAS = {
    "third-order": (0.002, 0.01, 0.02, 0.04, 0.08, 0.16),
    "straight-through": (0.001, 0.004, 0.01, 0.02, 0.04, 0.08, 0.16),
}
#: λ beyond them, for the high qualities of the encoder.
FINE_LAMBDAS = (0.4, 1.5)
#: λ in the baseline's scripts.
PAPER_LAMBDAS = (0.001, 0.0025, 0.005, 0.01, 0.05, 0.1)
PROFILES = ("smoke", "cpu", "paper")


@dataclass(frozen=True)
class Crops:
    """Training crops: how many, how large (pixels a side), drawn by which seed, from which split."""

    count: int = 512
    size: int = 224
    seed: int = 0
    split: str = "train"


@dataclass(frozen=True)
class Experiment:
    """One trained model and its evaluation. Equal experiments have equal keys; ``series`` only labels the curve."""

    series: str = field(metadata={"label": True})
    profile: str
    model: ModelSettings
    loss: LossWeights
    recipe: Recipe
    crops: Crops = Crops()
    evaluation: str = "kodak"

    @property
    def canonical(self) -> str:
        """JSON with sorted keys, without the label."""
        settings = asdict(self)
        del settings["series"]
        return json.dumps(settings, sort_keys=True, separators=(",", ":"))

    @property
    def key(self) -> str:
        """16 hexadecimal digits that name the result."""
        return sha256_bytes(self.canonical.encode())[:16]

    def describe(self) -> str:
        """One line for a plan."""
        return f"{self.series}, λ = {self.loss.lam:g}, {self.recipe.steps} steps"


@dataclass(frozen=True)
class PeerSweep:
    """Another encoder's curve: its files at each quality, measured on the evaluation photos."""

    codec: str
    qualities: tuple[int, ...]
    evaluation: str = "kodak"

    @property
    def key(self) -> str:
        """Names the result's file; qualities can be added to it later."""
        return f"{self.codec}-{self.evaluation}"

    def describe(self) -> str:
        """One line for a plan."""
        return f"{self.codec} at {len(self.qualities)} qualities"


#: Whatever has a key and a stored result.
Wanted = Experiment | PeerSweep


def figure_5(profile: str) -> list[Wanted]:
    """Fig. 5: standard JPEG, the baseline (γ = 500, σ = 0) and the paper's loss (σ = 1000).

    At profile ``cpu`` also tables alone, and all of it with straight-through rounding: what of the gain is whose, and
    the claim judged where training ends at the lower loss.
    """
    settings = _profile(profile)
    qualities = PEER_QUALITIES[::4] if profile == "smoke" else PEER_QUALITIES
    wanted: list[Wanted] = [PeerSweep(codec, qualities, settings.evaluation) for codec in PEERS]
    for method, rounding, sigma in settings.variants:
        wanted += [_learned(profile, method, rounding, sigma, lam) for lam in settings.lambdas[rounding]]
    return wanted


def shipped_models(profile: str) -> list[Wanted]:
    """What `repro encode` ships: tables trained straight through, continued to finer ones for high qualities."""
    if profile == "paper":
        raise UsageError("the models that ship are made at profile cpu; choose cpu or smoke")
    lambdas = _profile(profile).lambdas["straight-through"] + (() if profile == "smoke" else FINE_LAMBDAS)
    return [_learned(profile, "tables", "straight-through", 1000.0, lam) for lam in lambdas]


def _learned(profile: str, method: str, rounding: str, sigma: float, lam: float) -> Experiment:
    """One model with the profile's recipe."""
    settings = _profile(profile)
    paper = profile == "paper"
    loss = "MSE + LPIPS + MS-SSIM" if sigma else "MSE + LPIPS"
    return Experiment(
        series=f"{method}, {loss}" + ("" if rounding == "third-order" else f", {rounding}"),
        profile=profile,
        model=ModelSettings(
            method=method,
            rounding=rounding,
            table_param="paper" if paper else "log",
            trunk_trained=paper,
            start=0.0 if paper or method == "tables" else 2.0,
        ),
        loss=LossWeights(lam=lam, sigma=sigma),
        recipe=settings.recipe,
        crops=settings.crops,
        evaluation=settings.evaluation,
    )


#: What a figure is compared with, and where on the quality scale: 0.1–1 bpp, where the paper's curves lie.
PEERS = ("pillow-444", "pillow-420-progressive", "mozjpeg-420", "jpegli-420")
PEER_QUALITIES = (2, 3, 5, 8, 10, 12, 15, 18, 22, 26, 30, 36, 42, 50)
#: Figure of the paper → the experiments that it needs at a profile; "encoder" is what `repro encode` ships.
FIGURES = {"5": figure_5, "encoder": shipped_models}


#: (method, rounding, σ) of the series that profile `cpu` publishes.
_CPU_VARIANTS = (
    ("tables", "straight-through", 1000.0),
    ("tables", "third-order", 1000.0),
    ("vgg16", "third-order", 1000.0),
    ("vgg16", "third-order", 0.0),
    ("vgg16", "straight-through", 1000.0),
    ("vgg16", "straight-through", 0.0),
)


@dataclass(frozen=True)
class _Profile:
    """What the experiments of a profile have in common."""

    recipe: Recipe
    crops: Crops
    evaluation: str
    lambdas: Mapping[str, tuple[float, ...]]
    variants: tuple[tuple[str, str, float], ...]


def _profile(name: str) -> _Profile:
    if name == "smoke":
        ends = {rounding: lambdas[::3] for rounding, lambdas in LAMBDAS.items()}
        return _Profile(Recipe(steps=2, batch=2, log_every=1), Crops(count=4), "sample", ends, _CPU_VARIANTS)
    if name == "cpu":
        # 32 bits: so the published models were made, before the step learned bfloat16
        return _Profile(Recipe(precision="32-true"), Crops(), "kodak", LAMBDAS, _CPU_VARIANTS)
    if name == "paper":
        variants = tuple(("vgg19", "third-order", sigma) for sigma in (1000.0, 0.0))
        return _Profile(PAPER_RECIPE, Crops(count=20_000), "kodak", {"third-order": PAPER_LAMBDAS}, variants)
    raise UsageError(f"unknown profile {name!r}; choose from {', '.join(PROFILES)}")


def experiments_of(figure: str, profile: str) -> list[Wanted]:
    """The experiments of a figure of the paper. Raises :class:`UsageError` on an unknown figure or profile."""
    if figure not in FIGURES:
        raise UsageError(f"unknown figure {figure!r}; choose from {', '.join(FIGURES)}")
    return FIGURES[figure](profile)


def with_seed(experiment: Experiment, seed: int) -> Experiment:
    """The same experiment from another seed, for spreads."""
    return replace(experiment, recipe=replace(experiment.recipe, seed=seed), crops=replace(experiment.crops, seed=seed))
