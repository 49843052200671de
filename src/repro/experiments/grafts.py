"""Every rung that can be measured, by name: those of the ladder, and what was grafted onto a peer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from repro.experiments.ablations import Rung

#: Grafts, and where their code begins: with the ladder's they have nothing in common but the shipped tables.
GRAFTS = {"mozjpeg-learned": "experiments.hybrids"}


def rung_of(name: str) -> Rung:
    """The rung, trial or graft called ``name``. Raises :class:`UsageError` where there is none."""
    from repro.encoder import models
    from repro.experiments import ablations as ladder  # Numba, which most results do without
    from repro.experiments.hybrids import mozjpeg_learned

    if name in GRAFTS:
        shipped = (f"models/{models.TRELLIS}/model.json",)
        return ladder.Rung(name, "mozjpeg 4:2:0, our tables", mozjpeg_learned, shipped)
    return ladder.get(name)
