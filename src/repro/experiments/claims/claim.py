"""A claim of the paper: its words, the function that judges it on stored results, and the verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from repro.errors import ReproError

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
T = TypeVar("T")


class Judgement(NamedTuple):
    """A verdict and its evidence in one line."""

    verdict: str
    evidence: str


@dataclass(frozen=True)
class Claim:
    """One claim of the paper: its number in the book, where the paper makes it, its words, our verdict and evidence.

    ``figure`` names the runs that it is judged on.
    """

    number: int
    where: str
    words: str
    figure: str = ""
    judge: Callable[[Evidence], Judgement] | None = field(default=None, compare=False, repr=False)
    verdict: str = NOT_YET
    evidence: str = ""

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
    number: int, where: str, words: str, *, figure: str, on: Callable[[Evidence], T]
) -> Callable[[Callable[[T], Judgement]], Callable[[T], Judgement]]:
    """Decorate the function that judges a claim; ``on`` gets what it judges from the evidence."""

    def register(judge: Callable[[T], Judgement]) -> Callable[[T], Judgement]:
        CLAIMS[number] = Claim(number, where, words, figure, lambda evidence: judge(on(evidence)))
        return judge

    return register


def all_claims(evidence: Evidence) -> list[Claim]:
    """Every claim in the paper's order, judged where the stored results allow it; else "not yet", and why."""
    return [_judged(CLAIMS[number], evidence) for number in sorted(CLAIMS)]


def seeds(*figures: str) -> Callable[[Evidence], Any]:
    """For ``on``: the curves of these figures, those of all seeds."""
    return lambda evidence: evidence.seeds(*figures)


def _judged(claim: Claim, evidence: Evidence) -> Claim:
    if claim.judge is None:
        return claim
    try:
        verdict, words = claim.judge(evidence)
    except ReproError as error:  # it begins with a file's name, which is nothing for a page
        verdict, words = NOT_YET, str(error).partition(": ")[2] or str(error)
    return replace(claim, verdict=verdict, evidence=words)
