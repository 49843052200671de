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

#: The possible verdicts, in the words that readers see.
REPRODUCED, PARTLY, NOT, NOT_YET, NOT_TESTABLE = (
    "reproduced",
    "in part",
    "not reproduced",
    "not yet",
    "not testable",
)
#: Verdicts that say nothing about the claim.
UNDECIDED = (NOT_YET, NOT_TESTABLE)
T = TypeVar("T", bound="Callable[[Any], Judgement]")


class Effect(NamedTuple):
    """One panel in a picture of the evidence: by how much the side that the claim favours is ahead, point by point.

    ``points`` are (middle, low, high), as shares of the value compared with: 0.1 is 10 % better. Without an interval,
    all three are equal.
    """

    row: str
    column: str
    points: tuple[tuple[float, float, float], ...]


class Judgement(NamedTuple):
    """A verdict, its evidence in one line, and the same evidence as a picture."""

    verdict: str
    evidence: str
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True)
class Claim:
    """One claim of the paper: its number in the book, where the paper makes it, its words, our verdict and evidence.

    ``figure`` names the runs on which it is judged. ``twice``: whether it is also judged on runs by the paper's own
    recipe; ``by_paper`` is that judgement.
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
        """The command that computes the evidence again; empty if none does."""
        if self.figure in ("11", "12"):
            return "make bench"
        return f"repro reproduce --figure {self.figure}" if self.figure else ""


#: Number → claim, not yet judged; filled by :func:`claim`.
CLAIMS: dict[int, Claim] = {
    22: Claim(
        22,
        "6.1, 6.2",
        "trained on HDR+, which we do not have, and on weights “optimal” by experiments that are not shown",
        verdict=NOT_TESTABLE,
        evidence="the photographs are not at hand, and the paper does not report its search",
    )
}
#: Numbers of the claims that stand for the paper's four contributions (its abstract): MS-SSIM in the loss, at no cost;
#: ResNet; the time to encode; LSTM.
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
    """Decorate the function that judges a claim. It is called with what ``on`` takes from the evidence, by default the
    curves of ``figure``. ``twice``: the claim is also judged on runs by the paper's own recipe."""
    taken = on or seeds(figure)

    def register(judge: T) -> T:
        CLAIMS[number] = Claim(number, where, words, figure, lambda evidence: judge(taken(evidence)), twice=twice)
        return judge

    return register


def all_claims(evidence: Evidence) -> list[Claim]:
    """Every claim by number, judged if the stored results allow it, else undecided with the reason as evidence."""
    return [_judged(CLAIMS[number], evidence) for number in sorted(CLAIMS)]


def seeds(*figures: str) -> Callable[[Evidence], Any]:
    """For ``on``: take :meth:`Evidence.compared` of these figures."""
    return lambda evidence: evidence.compared(*figures)


def _judged(claim: Claim, evidence: Evidence) -> Claim:
    if claim.judge is None:
        return claim
    verdict, words, effects = _judge(claim, evidence)
    by_paper = _by_paper(claim, evidence) if claim.twice else None
    return replace(claim, verdict=verdict, evidence=words, effects=effects, by_paper=by_paper)


def _by_paper(claim: Claim, evidence: Evidence) -> Judgement:
    """The judgement by the paper's recipe. If its runs have not ended: what their first steps show, and no verdict."""
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
    except ReproError as error:  # it begins with a file's name, which does not belong on a page
        verdict = NOT_TESTABLE if isinstance(error, OutOfReach) else NOT_YET
        return Judgement(verdict, str(error).partition(": ")[2] or str(error))


def _one_point(claim: Claim, found: Judgement) -> Judgement:
    """A single λ can refute a claim about a range of rates, but confirm it only in part."""
    single = found.effects and max(len(effect.points) for effect in found.effects) == 1
    if found.verdict == REPRODUCED and single and claim.figure != "6":  # Fig. 6 is about one rate
        return found._replace(verdict=PARTLY, evidence=f"{found.evidence}, at one λ alone")
    return found
