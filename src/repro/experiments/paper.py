"""Profile ``paper``: the paper's own recipe to the letter; what is run, the most wanted first.

A model with VGG-19 takes hours on two cores, so that not every figure is drawn as densely as the fast recipe's. Each
kind of run below is of use by itself, and so is each pair of models that differ in σ alone. What the paper leaves open
is decided here: crops of :data:`~repro.experiments.settings.Crops` from CID22 and CLIC photos stand for HDR+, and
ResNet-152's weights are the published ones where these are at hand, else the distilled trunk's; a result says which.
"""

from __future__ import annotations

from dataclasses import replace

from repro.experiments.profiles import PAPER_LAMBDAS, profile_of
from repro.experiments.settings import Experiment, Variant
from repro.training import PAPER_RECIPE

#: Where a question is asked at one λ, or at two.
ONE, TWO = PAPER_LAMBDAS[0], PAPER_LAMBDAS[:2]
#: When Figs. 13 and 14 measure, as shares of the run; tables get to most of where they go in its first tenth.
SNAPSHOTS = (0, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1)
#: After how many steps the first pair is stored, before its end, and what is added to the names of its curves.
FIRST_STEPS = 6_000
BEGUN = ", begun"
RESNETS = ("resnet152-block1", "resnet152-block7")


def with_and_without_ms_ssim() -> list[Experiment]:
    """Fig. 5, kind 1: VGG-19 with MS-SSIM in the loss and without, pair by pair."""
    return [_run(Variant("vgg19", "third-order", sigma=sigma), lam) for lam in PAPER_LAMBDAS for sigma in (1000.0, 0.0)]


def first_pair_begun() -> list[Experiment]:
    """The first pair of kind 1 as it is after :data:`FIRST_STEPS`: the whole runs begin with it, and go on from it."""
    return [
        replace(
            run,
            series=run.series + BEGUN,
            recipe=replace(run.recipe, steps=FIRST_STEPS),
            snapshots=tuple(step for step in run.snapshots if step <= FIRST_STEPS),
        )
        for run in with_and_without_ms_ssim()
        if run.loss.lam == ONE
    ]


def tables_and_recurrent() -> list[Experiment]:
    """Figs. 14 and 15, kind 2: tables alone, LSTM and BiLSTM."""
    return [_run(Variant(method, "third-order"), lam) for lam in TWO for method in ("tables", "lstm", "bilstm")]


def resnets() -> list[Experiment]:
    """Fig. 10, kind 3: ResNet-152 at both depths."""
    return [_run(Variant(method, "third-order"), lam) for lam in TWO for method in RESNETS]


def other_input() -> list[Experiment]:
    """Kind 4: VGG-19 fed as the baseline's program does it, colours from 0 to 1 and no mean taken off."""
    return [_run(Variant("vgg19", "third-order", trunk_input="unit"), ONE)]


def other_losses() -> list[Experiment]:
    """Fig. 7, kind 5: VGG-19 with half of both weights, and with MS-SSIM in the place of LPIPS."""
    return [
        _run(Variant("vgg19", "third-order", gamma, sigma), ONE) for gamma, sigma in ((250.0, 500.0), (0.0, 1000.0))
    ]


def stretched() -> list[Experiment]:
    """Section 6.8, kind 5: the LSTM with its map stretched to 0–1."""
    return [_run(Variant("lstm", "third-order", minmax=True), ONE)]


def trunk_frozen(*, keep_dc: bool = False) -> Experiment:
    """The paper's recipe with VGG-16 as ImageNet left it, on the crops of profile ``cpu``.

    Only the head learns, so A of DC cannot come near 1 in these small steps; ``keep_dc`` sets it to 1.
    """
    recipe = replace(PAPER_RECIPE, checkpoint_every=500)  # as it was run
    name = "the paper's recipe, trunk frozen" + (", A = 1 for DC" if keep_dc else "")
    run = profile_of("cpu").run(Variant("vgg16", "third-order"), 0.04, recipe, name)
    return replace(run, model=replace(run.model, table_param="paper", start=0.0, keep_dc=keep_dc))


def runs(figure: str) -> list[Experiment]:
    """What ``figure`` needs of the paper's recipe, the most wanted first; "all" for every run. Empty where the figure
    is made by the fast recipe alone.
    """
    pairs, ours, trunks = with_and_without_ms_ssim(), tables_and_recurrent(), resnets()
    losses, last = other_losses(), stretched()
    vgg = [e for e in pairs if e.loss.sigma]
    return {
        "5": pairs,
        "7": [*(e for e in pairs if e.loss.lam == ONE), *losses],
        "10": [*vgg, *trunks],
        "13": [e for e in (*vgg, *ours) if e.snapshots],
        "15": [*vgg, *ours, *last],
        "ours": [*(e for e in ours if e.model.method == "tables"), *other_input(), trunk_frozen(keep_dc=True)],
        "all": [*pairs, *ours, *trunks, *other_input(), trunk_frozen(keep_dc=True), *last, *losses],
    }.get(figure, [])  # Fig. 8 asks for ResNet without MS-SSIM in the loss: the fast recipe's


def _run(variant: Variant, lam: float) -> Experiment:
    run = profile_of("paper").run(variant, lam)
    watched = lam == ONE and variant in (Variant("vgg19", "third-order"), Variant("tables", "third-order"))
    return replace(run, snapshots=tuple(round(share * run.recipe.steps) for share in SNAPSHOTS)) if watched else run
