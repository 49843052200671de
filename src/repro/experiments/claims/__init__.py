"""The paper's claims, and verdicts on them that are computed from the stored results, never typed.

:mod:`loss`, :mod:`trunks`, :mod:`times`, :mod:`steps` and :mod:`recurrent` judge one section each, with a function per
claim, on curves by name; :mod:`verdicts` has the rules by which paired comparisons become a verdict.
"""

from repro.experiments.claims import loss, recurrent, steps, times, trunks
from repro.experiments.claims.claim import (
    CLAIMS,
    MAIN,
    NOT,
    NOT_TESTABLE,
    NOT_YET,
    PARTLY,
    REPRODUCED,
    UNDECIDED,
    Claim,
    Effect,
    Judgement,
    all_claims,
)
from repro.experiments.claims.evidence import Evidence
from repro.experiments.claims.own_rate import OwnRate
from repro.experiments.claims.verdicts import METRICS, PAPER_RATES, SHORT, Seeds, counted, gains, savings

__all__ = [
    "CLAIMS",
    "MAIN",
    "METRICS",
    "NOT",
    "NOT_TESTABLE",
    "NOT_YET",
    "PAPER_RATES",
    "PARTLY",
    "REPRODUCED",
    "SHORT",
    "UNDECIDED",
    "Claim",
    "Effect",
    "Evidence",
    "Judgement",
    "OwnRate",
    "Seeds",
    "all_claims",
    "counted",
    "gains",
    "loss",
    "recurrent",
    "savings",
    "steps",
    "times",
    "trunks",
]
