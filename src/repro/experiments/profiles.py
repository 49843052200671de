"""The three profiles: the settings that all experiments of a profile share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from repro.attention import CONVOLUTIONAL
from repro.errors import UsageError
from repro.experiments.settings import Crops, Experiment, Variant, with_seed
from repro.losses import LossWeights
from repro.model import ModelSettings
from repro.training import PAPER_RECIPE, Recipe

#: Names of the profiles, from one that takes seconds to one meant for a GPU.
PROFILES = ("smoke", "cpu", "paper")
#: λ of the published curves, by rounding: chosen to cover 0.2–0.6 bpp on the tuning photos about evenly. The two
#: roundings settle at very different rates for one λ (chapter 3 shows why).
LAMBDAS = {
    "third-order": (0.002, 0.01, 0.02, 0.04, 0.08, 0.16),
    "straight-through": (0.0003, 0.001, 0.004, 0.01, 0.02, 0.04, 0.08, 0.16),
}
#: λ that cover the rates of the paper's claims, 0.25–0.42 bpp in its counting: for further seeds, and for figures that
#: show only these rates.
NARROW = {"third-order": (0.002, 0.01, 0.02, 0.04), "straight-through": (0.0003, 0.001, 0.004, 0.01, 0.02)}
#: The λ of runs at one λ, or at two, by rounding: within the paper's range of rates.
ONE_LAMBDA = {"third-order": 0.04, "straight-through": 0.02}
TWO_LAMBDAS = {"third-order": (0.01, 0.04), "straight-through": (0.01, 0.04)}
#: The fast recipe, as chosen on the tuning photos (chapter 9). With the paper's rounding, tables end too coarse unless
#: their learning rate is small.
_FAST = {
    "third-order": Recipe(steps=1000, lr_tables=0.005, lr_network=3e-3),
    "straight-through": Recipe(steps=800, lr_tables=0.03, lr_network=3e-3),
}
#: Learning rates of networks other than a head on a frozen trunk. A trained trunk starts from its ImageNet weights,
#: which large steps would destroy.
LR_TRAINED, LR_RECURRENT = 1e-4, 3e-3
#: λ for the paper's recipe, most important first. In the paper's count of bits, the fast recipe with this rounding ends
#: at 0.35, 0.45, 0.31 and 0.39 bpp. The paper's ends lower at the same λ, with coarser tables (0.38 instead of 0.45 at
#: 0.04, trunk frozen), so these four cover its 0.25–0.42 bpp, and the first lies near the 0.32 of its Fig. 6.
PAPER_LAMBDAS = (0.01, 0.04, 0.002, 0.02)


@dataclass(frozen=True)
class Profile:
    """What the experiments of a profile share. ``vgg``: the VGG whose weights are available; ``seeds``: those of the
    comparisons on which the paper's conclusions rest; ``rounding``: the one that claims are judged with."""

    name: str
    recipes: Mapping[str, Recipe]
    crops: Crops
    evaluation: str
    lambdas: Mapping[str, tuple[float, ...]]
    vgg: str
    seeds: tuple[int, ...]
    rounding: str
    narrow: Mapping[str, tuple[float, ...]]

    @property
    def roundings(self) -> tuple[str, ...]:
        """The rounding that claims are judged with, then the other, if it is run."""
        return (self.rounding, *(r for r in self.lambdas if r != self.rounding))

    def recipe_of(self, variant: Variant) -> Recipe:
        """How a variant is trained: by its rounding's recipe, at its network's learning rate."""
        recipe = self.recipes[variant.rounding]
        if self.name == "paper" or variant.method == "tables":
            return recipe
        if variant.method not in CONVOLUTIONAL:
            return replace(recipe, lr_network=LR_RECURRENT)
        return replace(recipe, lr_network=LR_TRAINED) if variant.trunk_trained else recipe

    def run(self, variant: Variant, lam: float, recipe: Recipe | None = None, series: str = "") -> Experiment:
        """One model by the profile's recipe, or by another ``recipe``; ``series`` then names its curve."""
        paper = self.name == "paper"
        settings = ModelSettings(
            method=variant.method,
            rounding=variant.rounding,
            table_param="paper" if paper else "log",
            trunk_trained=variant.trunk_trained or (paper and variant.method in CONVOLUTIONAL),
            pretrained=variant.pretrained,
            minmax=variant.minmax,
            trunk_input=variant.trunk_input,
            start=2.0 if variant.method in CONVOLUTIONAL and not paper else 0.0,
        )
        return Experiment(
            series=series or variant.series,
            profile=self.name,
            model=settings,
            loss=LossWeights(lam=lam, gamma=variant.gamma, sigma=variant.sigma),
            recipe=recipe or self.recipe_of(variant),
            crops=self.crops,
            evaluation=self.evaluation,
        )

    def curve(self, variant: Variant, lambdas: Sequence[float] | None = None) -> list[Experiment]:
        """A model for each of ``lambdas``, by default all of the variant's rounding."""
        return [self.run(variant, lam) for lam in (self.lambdas[variant.rounding] if lambdas is None else lambdas)]

    def narrow_curve(self, variant: Variant) -> list[Experiment]:
        """A model for each λ that the paper's range of rates needs."""
        return self.curve(variant, self.narrow[variant.rounding])

    def seeded(self, variant: Variant) -> list[Experiment]:
        """The runs of :meth:`narrow_curve`, from every further seed."""
        return [with_seed(run, seed) for seed in self.seeds[1:] for run in self.narrow_curve(variant)]


def profile_of(name: str) -> Profile:
    """The profile called ``name``. Raises :class:`UsageError` if there is none."""
    if name == "smoke":
        ends = {rounding: lambdas[::3] for rounding, lambdas in LAMBDAS.items()}
        quick = dict.fromkeys(LAMBDAS, Recipe(steps=2, batch=2, log_every=1))
        return Profile(name, quick, Crops(count=4), "sample", ends, "vgg16", (0,), "straight-through", ends)
    if name == "cpu":
        return Profile(name, _FAST, Crops(), "kodak", LAMBDAS, "vgg16", (0, 1, 2), "straight-through", NARROW)
    if name == "paper":
        to_the_letter = {"third-order": PAPER_RECIPE}, Crops(count=3640)  # HDR+ has as many photos
        lambdas = {"third-order": PAPER_LAMBDAS}
        return Profile(name, *to_the_letter, "kodak", lambdas, "vgg19", (0,), "third-order", lambdas)
    raise UsageError(f"unknown profile {name!r}; choose from {', '.join(PROFILES)}")
