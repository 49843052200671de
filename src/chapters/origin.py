"""Where stored results came from, as rows of a table: every page that shows results says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from repro.experiments.settings import Experiment, PeerSweep
from repro.experiments.store import Store, stored_results


def origin(figure: str, profile: str, store: Store | None = None) -> dict[str, str]:
    """Rows on the results behind ``figure``, label → words; where runs differ, each variant once.

    Raises :class:`ReproError` where a result is missing.
    """
    stored = stored_results(figure, profile, store)
    trained = [result for wanted, result in stored if isinstance(wanted, Experiment)]
    peers = [result for wanted, result in stored if isinstance(wanted, PeerSweep)]
    runs = [wanted for wanted, _ in stored if isinstance(wanted, Experiment)]
    made = [result["provenance"] for result in trained]
    data = [m["data"] for m in made]
    seconds = [r["seconds"]["train"] for r in trained], [r["seconds"]["evaluate"] for r in trained]
    return {
        "command": f"repro reproduce --figure {figure} --profile {profile}",
        "models": f"{len(trained)}, one for each method, loss and λ; {_each('seed ' + str(m['seed']) for m in made)}",
        "recipe": _each(_recipe(e) for e in runs),
        "trained on": _each(
            f"{e.crops.count} crops from {d['train']['source']}" for e, d in zip(runs, data, strict=True)
        ),
        "measured on": _each(d["evaluation"]["source"] for d in data),
        "weights": _each(f"{name}: {source}" for m in made for name, source in m["weights"].items()) or "none",
        "peers": _each(r["name"] for r in peers),
        "commit": _each(str(m["commit"])[:10] + (" and changes" if m["modified"] else "") for m in made),
        "versions": _each(f"torch {m['versions']['torch']}, lpips {m['versions']['lpips']}" for m in made),
        "machine": _each(f"{m['gpu'] or m['cpu']}, {m['cores']} cores, {m['threads']} thread a run" for m in made),
        "time": f"{sum(seconds[0]) / 60:.0f} min of training, {sum(seconds[1]) / 60:.0f} min of measuring",
        "date": _each(m["date"][:10] for m in made),
    }


def sweeps_origin(results: Sequence[Mapping[str, Any]], figure: str = "beyond") -> dict[str, str]:
    """The same rows on stored sweeps of encoders."""
    if not results:
        return {"results": "none are stored; parts of shipped photos replace them, and nothing here is a finding"}
    made = [result["provenance"] for result in results]
    assets = {f"{name} {digest[:12]}" for result in results for name, digest in result["assets"].items()}
    return {
        "command": f"repro reproduce --figure {figure}",
        "files": f"{sum(len(p['points']) for r in results for p in r['photos'].values()):,}, each decoded and measured",
        "measured on": _each(m["data"]["evaluation"]["source"] for m in made),
        "shipped files": _each(sorted(assets)),
        "commit": _each(str(m["commit"])[:10] + (" and changes" if m["modified"] else "") for m in made),
        "versions": _each(
            ", ".join(f"{n} {m['versions'].get(n)}" for n in ("jpeglib", "pillow", "pyjpegli", "torch")) for m in made
        ),
        "machine": _each(f"{m['gpu'] or m['cpu']}, {m['cores']} cores, {m['threads']} thread a run" for m in made),
        "time": f"{sum(r['seconds'] for r in results) / 60:.0f} min",
        "date": _each(m["date"][:10] for m in made),
    }


def _recipe(e: Experiment) -> str:
    r = e.recipe
    rates = f"Adam at {r.lr_tables:g} (log tables)" + (
        "" if e.model.method == "tables" else f", {r.lr_network:g} (head)"
    )
    return f"{e.model.method}: {r.steps} steps of {r.batch} crops, {rates}, {r.schedule}"


def _each(words: Iterable[str]) -> str:
    """The different ones, in order."""
    return "; ".join(dict.fromkeys(words))
