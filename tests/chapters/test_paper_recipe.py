"""Chapter 9's tables on the paper's own recipe: what is stored, what is missing, and where a model stands."""

from __future__ import annotations

from typing import Any

import pytest

from chapters import own_rate, paper_recipe
from made_curves import curve
from repro.evaluation import Curve
from repro.experiments import paper
from repro.experiments.claims import Evidence
from repro.experiments.claims.own_rate import COUNTING

MADE = {"cpu": "a processor", "gpu": None, "commit": "0123456789abcdef", "date": "2026-11-29T20:00:00+00:00"}
RESULT = {"seconds": {"train": 7200}, "provenance": MADE, "log": [], "images": {}}


def test_the_plan_says_what_is_stored_and_what_is_missing() -> None:
    first, second, *_ = paper.with_and_without_ms_ssim()
    _, none = paper_recipe.plan_rows([])
    assert all(row[1] == "–" for row in none)
    assert sum(len(str(row[2]).split(", ")) for row in none) == len(paper.runs("all"))
    _, rows = paper_recipe.plan_rows([(first, RESULT)])
    assert rows[0] == ["VGG-19", "0.01", "0.04, 0.002, 0.02"]
    assert rows[1][:2] == ["VGG-19, without MS-SSIM", "–"] and not second.loss.sigma
    assert len({row[0] for row in rows}) == len(rows), "no two kinds have one name"


def test_the_words_name_each_stored_run() -> None:
    run = paper.tables_and_recurrent()[0]
    assert paper_recipe.plan_words([]).startswith("None of the ")
    assert (
        "learned tables, λ = 0.01 (2.0 hours on a processor, commit 0123456789, 2026-11-29)"
        in paper_recipe.plan_words([(run, RESULT)])
    )
    begun, _ = paper.first_pair_begun()
    assert paper_recipe.plan_words([], [(begun, RESULT)]).endswith(
        "Stored before their end, out of 20,000 steps, are VGG-19, λ = 0.01, 6,000 steps "
        "(2.0 hours on a processor, commit 0123456789, 2026-11-29)."
    )
    assert paper_recipe.label(paper.trunk_frozen()) == "VGG-16, trunk frozen, λ = 0.04"
    assert paper_recipe.label(paper.trunk_frozen(keep_dc=True)) == "VGG-16, trunk frozen, A = 1 for DC, λ = 0.04"


@pytest.mark.parametrize(("factor", "decibels"), [(1.0, 0.0), (10.0, -10.0), (0.1, 10.0)])
def test_a_model_stands_where_its_errors_put_it(
    factor: float, decibels: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the same bits, ten times plain JPEG's error is ten decibels worse, in either counting."""
    images = {p: q[0] for p, q in curve("m", {"mse": factor, "lpips": factor}, rates=(0.3, 1.0)).images.items()}
    level = {p: {**q, "bpp_sequential": q["bpp"]} for p, q in images.items()}
    monkeypatch.setattr(Evidence, "plain", lambda self: curve("plain"))
    monkeypatch.setattr(Evidence, "parts", lambda self, figure, part: {})
    run = paper.tables_and_recurrent()[0]
    evidence = Evidence()
    _, rows = own_rate.gain_rows(evidence, paper_recipe.ended(evidence, [(run, {"images": level})]))
    assert [row[1] for row in rows] == ["the file", "the paper's"]
    for row in rows:
        assert float(str(row[3]).split(" ")[0]) == pytest.approx(decibels, abs=0.05)


def test_a_rate_that_plain_jpeg_does_not_reach_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """First plain JPEG reaches the rate on no photo, and the model is not in the picture; then on one photo."""
    plain: Curve = curve("plain").counted(COUNTING)
    monkeypatch.setattr(Evidence, "plain", lambda self: curve("plain"))
    monkeypatch.setattr(Evidence, "parts", lambda self, figure, part: {})
    images: dict[str, Any] = {p: q[0] for p, q in curve("m", rates=(0.01, 1.0)).images.items()}
    run = paper.tables_and_recurrent()[1]
    assert own_rate._cell(images, plain, COUNTING, "mse") == "–"
    assert paper_recipe.ended(Evidence(), [(run, {"images": images})]) == {}
    photo = next(iter(images))
    some = {**images, photo: curve("m", rates=(0.3, 1.0)).images[photo][0]}
    assert own_rate._cell(some, plain, COUNTING, "mse") == f"– (plain JPEG reaches its rate on 1 of {len(some)} photos)"
    assert list(paper_recipe.ended(Evidence(), [(run, {"images": some})])) == ["paper's: LSTM, λ = 0.01"]


def test_networks_without_a_trunk_are_told_beside_the_coarsest_jpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Evidence, "plain", lambda self: curve("plain"))
    images = {p: {**q[0], "bpp_sequential": q[0]["bpp"]} for p, q in curve("m").images.items()}
    runs = [(run, {"images": images}) for run in paper.tables_and_recurrent()]
    chosen = paper_recipe.whose(runs, "lstm")
    assert {run.model.method for run, _ in chosen} == {"lstm", "bilstm"}
    _, rows = paper_recipe.mean_rows(Evidence(), chosen[:1])
    assert rows[0][1:] == rows[1][1:] and str(rows[1][0]).startswith("plain JPEG, quality ")
    _, reached = paper_recipe.reach_rows({"slow": (1000, 0.5, 1e-5), "fast": (1000, 0.5, 1e-3)})
    assert [row[1:] for row in reached] == [
        ["1,000", "0.50", "1.0 · 10⁻⁵", "0.70"],
        ["1,000", "0.50", "1.0 · 10⁻³", "1.00"],
    ]


def test_a_map_is_told_at_a_step_by_running_means() -> None:
    """A grows by 0.002 a row, so a mean of twenty rows lags by 9.5 of these steps. Later rows do not count."""
    run = next(e for e in paper.resnets() if e.loss.lam == paper.ONE)
    log = [{"step": float(i), "A_dc": 0.002 * i, "Q_dc": 0.5 * i, "loss": -3.0 * i} for i in range(1, 400)]
    head, rows = paper_recipe.map_rows([(run, {"log": log})], 250, 0.4)
    assert rows == [[paper_recipe.label(run), "0.481", "210", "125.0"]]
    assert paper_recipe.loss_at((run, {"log": log}), 250) == pytest.approx(-3 * 240.5)
    assert head[2] == "came to 0.40 at step"
    _, early = paper_recipe.map_rows([(run, {"log": log})], 200, 0.4)
    assert early[0][2] == "not yet"


def test_no_two_stored_runs_are_drawn_alike() -> None:
    evidence = Evidence()
    fig = paper_recipe.on_the_way([paper_recipe.frozen(), *evidence.by_the_paper(), *evidence.begun()])
    drawn = fig.axes[0].lines
    looks = {(line.get_color(), line.get_linestyle()) for line in drawn}
    assert len(looks) == len(drawn) > 1


def test_ends_are_told_beside_ours() -> None:
    """Three outcomes per λ, in order; if none is stored, nothing is said."""
    assert paper_recipe.in_words(paper_recipe.beside_ours([])) == ""
    run = paper.tables_and_recurrent()[0]
    result = Evidence().by_the_paper()
    ends = paper_recipe.beside_ours([(e, r) for e, r in result if e == run])
    assert [(o.experiment.profile, o.experiment.model.rounding) for o in ends] == [
        ("paper", "third-order"),
        ("cpu", "third-order"),
        ("cpu", "straight-through"),
    ]
    said = paper_recipe.in_words(ends)
    assert said.startswith("At λ = 0.01") and f"step of {ends[0].dc:.1f} by the paper's" in said
