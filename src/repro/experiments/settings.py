"""What one run is: frozen, serialisable descriptions, named by the hash of their content."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import ClassVar

from repro.files import sha256_bytes
from repro.losses import LossWeights
from repro.model import ModelSettings
from repro.training import Recipe

#: Model settings that were added later → the value that describes earlier results.
_ADDED = {"trunk_input": "imagenet", "keep_dc": False}


@dataclass(frozen=True)
class Crops:
    """Training crops: how many, how large (pixels a side), drawn by which seed, from which split."""

    count: int = 512
    size: int = 224
    seed: int = 0
    split: str = "train"


@dataclass(frozen=True)
class Experiment:
    """One trained model and its evaluation. Equal experiments have equal keys; ``series`` only labels the curve.

    ``snapshots``: steps after which the model is measured during training.
    """

    series: str = field(metadata={"label": True})
    profile: str
    model: ModelSettings
    loss: LossWeights
    recipe: Recipe
    crops: Crops = Crops()
    evaluation: str = "kodak"
    snapshots: tuple[int, ...] = ()

    @property
    def canonical(self) -> str:
        """JSON with sorted keys, without the label and without settings of ``_ADDED`` that have their earlier value:
        results from before these were added keep their names."""
        settings = asdict(self)
        del settings["series"]
        for name, always in _ADDED.items():
            if settings["model"][name] == always:
                del settings["model"][name]
        return json.dumps(settings, sort_keys=True, separators=(",", ":"))

    @property
    def key(self) -> str:
        """16 hexadecimal digits that name the result."""
        return sha256_bytes(self.canonical.encode())[:16]

    @property
    def folder(self) -> str:
        """Name of the folder with the run's state: its checkpoint and its snapshots.

        With a constant learning rate it does not depend on the number of steps: a short run is the start of a long one.
        """
        if self.recipe.schedule != "constant":
            return self.key
        return replace(self, recipe=replace(self.recipe, steps=1), snapshots=()).key

    @property
    def seed(self) -> int:
        """The seed of the initial weights, the crops and their order."""
        return self.recipe.seed

    def describe(self) -> str:
        """One line for a plan."""
        seed = f", seed {self.seed}" if self.seed else ""
        return f"{self.series}, λ = {self.loss.lam:g}, {self.recipe.steps} steps{seed}"


@dataclass(frozen=True)
class Sweep:
    """An encoder for which nothing is trained: its files at each quality, measured on the evaluation photos."""

    encoder: str
    qualities: tuple[int, ...]
    evaluation: str = "kodak"
    kind: ClassVar[str]  # the folder of its results

    @property
    def key(self) -> str:
        """Name of the result's file, to which qualities can be added later."""
        return f"{self.kind}/{self.encoder}-{self.evaluation}"

    def describe(self) -> str:
        """One line for a plan."""
        return f"{self.encoder} on {self.evaluation} at {len(self.qualities)} qualities"


class PeerSweep(Sweep):
    """One of :data:`repro.codecs.CODECS`, to compare the curves of models with."""

    kind = "peers"


class EncoderSweep(Sweep):
    """One of :data:`repro.experiments.ablations.ABLATIONS`, measured by more metrics."""

    kind = "ablations"


#: Whatever has a key and a stored result.
Task = Experiment | Sweep


@dataclass(frozen=True)
class Variant:
    """What tells one curve from another: everything but λ, the seed and the recipe. γ and σ as in Eq. 8."""

    method: str
    rounding: str = "straight-through"
    gamma: float = 500.0
    sigma: float = 1000.0
    trunk_trained: bool = False
    pretrained: bool = True
    minmax: bool = False
    trunk_input: str = "imagenet"

    @property
    def series(self) -> str:
        """The curve's name."""
        network = [self.method]
        network += ["trunk trained"] if self.trunk_trained else []
        network += [] if self.pretrained else ["random trunk"]
        network += ["min-max"] if self.minmax else []
        network += [] if self.trunk_input == "imagenet" else ["fed 0–1"]
        terms = ["MSE"] + ["LPIPS"] * bool(self.gamma) + ["MS-SSIM"] * bool(self.sigma)
        weights = "" if self.gamma in (0, 500) and self.sigma in (0, 1000) else f" (γ = {self.gamma:g})"
        rounding = [] if self.rounding == "third-order" else [self.rounding]
        return ", ".join([*network, " + ".join(terms) + weights, *rounding])


def with_seed(experiment: Experiment, seed: int) -> Experiment:
    """The same experiment with another seed, to measure the spread."""
    return replace(experiment, recipe=replace(experiment.recipe, seed=seed), crops=replace(experiment.crops, seed=seed))
