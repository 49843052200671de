"""What the paper claims, and what the stored results say of it: verdicts that are computed, never typed.

:mod:`verdicts` has the words and how they follow from paired comparisons; :mod:`loss`, :mod:`trunks`, :mod:`times`,
:mod:`steps` and :mod:`recurrent` judge a section each, from curves by name; :mod:`worth` asks what the paper does not;
:mod:`paper` lists every claim.
"""

from repro.experiments.claims import loss, recurrent, steps, times, trunks, worth
from repro.experiments.claims.evidence import Evidence
from repro.experiments.claims.paper import CLAIMS, MAIN, Claim, all_claims
from repro.experiments.claims.verdicts import (
    METRICS,
    NOT,
    NOT_TESTABLE,
    NOT_YET,
    PARTLY,
    REPRODUCED,
    SHORT,
    Gain,
    Judged,
    briefly,
    gains,
    in_words,
    savings,
)

__all__ = [
    "CLAIMS",
    "MAIN",
    "METRICS",
    "NOT",
    "NOT_TESTABLE",
    "NOT_YET",
    "PARTLY",
    "REPRODUCED",
    "SHORT",
    "Claim",
    "Evidence",
    "Gain",
    "Judged",
    "all_claims",
    "briefly",
    "gains",
    "in_words",
    "loss",
    "recurrent",
    "savings",
    "steps",
    "times",
    "trunks",
    "worth",
]
