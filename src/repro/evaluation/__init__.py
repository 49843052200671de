"""Measure rate and distortion of real files, build curves from them, and compare encoders.

:mod:`~repro.evaluation.measure` measures one file, :mod:`~repro.evaluation.curves` sweeps an encoder over photos and
interpolates its curves, :mod:`~repro.evaluation.bdrate` compares encoders.
"""

from repro.evaluation.bdrate import BDRate, Curves, Gain, as_seeds, bd_rate, gain_at_rate
from repro.evaluation.curves import (
    Curve,
    at_shared_settings,
    evaluate_model,
    measure_settings,
    rate_distortion,
    value_at_rate,
)
from repro.evaluation.matched import Match, encoder_of, match_size, versus
from repro.evaluation.measure import measure, measure_many, paper_bpp

__all__ = [
    "BDRate",
    "Curve",
    "Curves",
    "Gain",
    "Match",
    "as_seeds",
    "at_shared_settings",
    "bd_rate",
    "encoder_of",
    "evaluate_model",
    "gain_at_rate",
    "match_size",
    "measure",
    "measure_many",
    "measure_settings",
    "paper_bpp",
    "rate_distortion",
    "value_at_rate",
    "versus",
]
