"""A claim of the paper: its words, the function that judges it on stored results, and the verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from repro.errors import ReproError
from repro.experiments.claims.own_rate import OutOfReach
from repro.experiments.paper import FIRST_STEPS
from repro.training import PAPER_RECIPE

if TYPE_CHECKING:
    from repro.experiments.claims.evidence import Evidence

#: What a verdict can be, in the words that readers see.
REPRODUCED, PARTLY, NOT, NOT_YET, NOT_TESTABLE = (
    "reproduced",
    "in part",
    "not reproduced",
    "not yet",
    "not testable",
)
#: Those that say nothing of the claim.
UNDECIDED = (NOT_YET, NOT_TESTABLE)
T = TypeVar("T", bound="Callable[[Any], Judgement]")


class Effect(NamedTuple):
    """What a picture of the evidence shows in one of its panels: by how much a claim's side is ahead, point by point.

    ``points`` are (middle, low, high), as shares of what is compared with: 0.1 is a tenth better; where there is no
    interval, all three are equal.
    """

    row: str
    column: str
    points: tuple[tuple[float, float, float], ...]


class Judgement(NamedTuple):
    """A verdict, its evidence in one line, and the same as a picture."""

    verdict: str
    evidence: str
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True)
class Claim:
    """One claim of the paper: its number in the book, where the paper makes it, its words, our verdict and evidence.

    ``figure`` names the runs that it is judged on. ``twice``: whether it is also judged by the paper's own recipe, and
    ``by_paper`` is what came out.
    """

    number: int
    where: str
    words: str
    figure: str = ""
    judge: Callable[[Evidence], Judgement] | None = field(default=None, compare=False, repr=False)
    verdict: str = NOT_YET
    evidence: str = ""
    effects: tuple[Effect, ...] = ()
    twice: bool = False
    by_paper: Judgement | None = None

    @property
    def command(self) -> str:
        """What computes the evidence again; empty where nothing does."""
        if self.figure in ("11", "12"):
            return "make bench"
        return f"repro reproduce --figure {self.figure}" if self.figure else ""


#: Number → claim, not judged yet; filled by :func:`claim`.
CLAIMS: dict[int, Claim] = {
    22: Claim(
        22,
        "6.1, 6.2",
        "trained on HDR+, which we do not have, and on weights “optimal” by experiments that are not shown",
        verdict=NOT_TESTABLE,
        evidence="the photographs are not at hand, and the paper does not report its search",
    )
}
#: Numbers of the claims that stand for the paper's four contributions (its abstract): MS-SSIM in the loss and that it
#: costs nothing, ResNet, the time to encode, LSTM.
MAIN = (1, 2, 10, 13, 16)


def claim(
    number: int,
    where: str,
    words: str,
    *,
    figure: str,
    on: Callable[[Evidence], Any] | None = None,
    twice: bool = False,
) -> Callable[[T], T]:
    """Decorate the function that judges a claim: on what ``on`` takes from the evidence, or else on the curves of
    ``figure``. ``twice``: it is also judged on runs by the paper's own recipe."""
    taken = on or seeds(figure)

    def register(judge: T) -> T:
        CLAIMS[number] = Claim(number, where, words, figure, lambda evidence: judge(taken(evidence)), twice=twice)
        return judge

    return register


def all_claims(evidence: Evidence) -> list[Claim]:
    """Every claim in the paper's order, judged where the stored results allow it; else "not yet", and why."""
    return [_judged(CLAIMS[number], evidence) for number in sorted(CLAIMS)]


def seeds(*figures: str) -> Callable[[Evidence], Any]:
    """For ``on``: what compares the models of these figures, the curves of all seeds."""
    return lambda evidence: evidence.compared(*figures)


def _judged(claim: Claim, evidence: Evidence) -> Claim:
    if claim.judge is None:
        return claim
    verdict, words, effects = _judge(claim, evidence)
    by_paper = _by_paper(claim, evidence) if claim.twice else None
    return replace(claim, verdict=verdict, evidence=words, effects=effects, by_paper=by_paper)


def _by_paper(claim: Claim, evidence: Evidence) -> Judgement:
    """The verdict by the paper's recipe. Where its runs have not ended: what their first steps show, and no verdict."""
    found = _one_point(claim, _judge(claim, replace(evidence, profile="paper")))
    if found.verdict != NOT_YET:
        return found
    first = _judge(claim, replace(evidence, profile="paper", first_steps=True))
    if first.verdict == NOT_YET:
        return found
    after = f"after {FIRST_STEPS:,} of {PAPER_RECIPE.steps:,} steps"
    return Judgement(NOT_YET, f"{found.evidence}; {after}: {first.evidence}", first.effects)


def _judge(claim: Claim, evidence: Evidence) -> Judgement:
    assert claim.judge is not None
    try:
        return claim.judge(evidence)
    except ReproError as error:  # it begins with a file's name, which is nothing for a page
        verdict = NOT_TESTABLE if isinstance(error, OutOfReach) else NOT_YET
        return Judgement(verdict, str(error).partition(": ")[2] or str(error))


def _one_point(claim: Claim, found: Judgement) -> Judgement:
    """A single λ can speak against a claim on a range of rates. For it, it speaks in part."""
    single = found.effects and max(len(effect.points) for effect in found.effects) == 1
    if found.verdict == REPRODUCED and single and claim.figure != "6":  # which is about one rate
        return found._replace(verdict=PARTLY, evidence=f"{found.evidence}, at one λ alone")
    return found
