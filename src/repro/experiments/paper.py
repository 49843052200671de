"""Profile ``paper``: the paper's own recipe to the letter, and the runs made with it, most important first.

A model with VGG-19 takes hours on two cores, so some figures have fewer points than with the fast recipe. Each kind of
run below is useful by itself, and so is each pair of models that differ only in σ. What the paper leaves open is
decided here: crops of :data:`~repro.experiments.settings.Crops` from CID22 and CLIC photos stand in for HDR+, and
ResNet-152 has the published weights if they are available, else the distilled trunk's; each result says which.
"""

from __future__ import annotations

from dataclasses import replace

from repro.experiments.profiles import PAPER_LAMBDAS, profile_of
from repro.experiments.settings import Experiment, Variant
from repro.training import PAPER_RECIPE

#: The λ of runs at one λ, or at two.
ONE, TWO = PAPER_LAMBDAS[0], PAPER_LAMBDAS[:2]
#: When Figs. 13 and 14 measure, as shares of the run. Most of the tables' change is over after its first tenth.
SNAPSHOTS = (0, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1)
#: The first pair is also stored after this many steps; the names of its curves then end in ``BEGUN``.
FIRST_STEPS = 6_000
BEGUN = ", begun"
RESNETS = ("resnet152-block1", "resnet152-block7")


def with_and_without_ms_ssim() -> list[Experiment]:
    """Fig. 5, kind 1: VGG-19 with MS-SSIM in the loss and without, pair by pair."""
    return [_run(Variant("vgg19", "third-order", sigma=sigma), lam) for lam in PAPER_LAMBDAS for sigma in (1000.0, 0.0)]


def first_pair_begun() -> list[Experiment]:
    """The first pair of kind 1 after :data:`FIRST_STEPS`. The full runs begin with it and continue from it."""
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
    """Kind 4: VGG-19 fed as in the baseline's program, with colours from 0 to 1 and without subtracting the mean."""
    return [_run(Variant("vgg19", "third-order", trunk_input="unit"), ONE)]


def other_losses() -> list[Experiment]:
    """Fig. 7, kind 5: VGG-19 with both weights halved, and with MS-SSIM in place of LPIPS."""
    return [
        _run(Variant("vgg19", "third-order", gamma, sigma), ONE) for gamma, sigma in ((250.0, 500.0), (0.0, 1000.0))
    ]


def stretched() -> list[Experiment]:
    """Section 6.8, kind 5: the LSTM with its map stretched to 0–1."""
    return [_run(Variant("lstm", "third-order", minmax=True), ONE)]


def trunk_frozen(*, keep_dc: bool = False) -> Experiment:
    """The paper's recipe with VGG-16 frozen at its ImageNet weights, on the crops of profile ``cpu``.

    Only the head learns, and its steps are too small for A of DC to come near 1; ``keep_dc`` sets it to 1.
    """
    recipe = replace(PAPER_RECIPE, checkpoint_every=500)  # as it was run
    name = "the paper's recipe, trunk frozen" + (", A = 1 for DC" if keep_dc else "")
    run = profile_of("cpu").run(Variant("vgg16", "third-order"), 0.04, recipe, name)
    return replace(run, model=replace(run.model, table_param="paper", start=0.0, keep_dc=keep_dc))


def runs(figure: str) -> list[Experiment]:
    """The runs by the paper's recipe that ``figure`` needs, most important first; "all" for every run. Empty if the
    figure uses the fast recipe alone.
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
    }.get(figure, [])  # Fig. 8 needs ResNet without MS-SSIM in the loss, which only the fast recipe has


def _run(variant: Variant, lam: float) -> Experiment:
    run = profile_of("paper").run(variant, lam)
    watched = lam == ONE and variant in (Variant("vgg19", "third-order"), Variant("tables", "third-order"))
    return replace(run, snapshots=tuple(round(share * run.recipe.steps) for share in SNAPSHOTS)) if watched else run
