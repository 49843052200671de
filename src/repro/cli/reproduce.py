"""``repro reproduce``: run the experiments of a figure that have no stored result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from repro.cli.printer import say
from repro.errors import ReproError, UsageError


def reproduce(
    figure: Annotated[
        str, typer.Option(help="Figure of the paper, 'ours', 'tuning', 'encoder', 'beyond', 'content-types' or 'all'.")
    ] = "all",
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="<key>", help="Run this one alone, named as in the plan. Can be repeated."),
    ] = None,
    profile: Annotated[str, typer.Option(help="smoke (seconds), cpu (published numbers) or paper (GPU).")] = "cpu",
    jobs: Annotated[int, typer.Option(min=1, help="How many experiments to run at once; they share the cores.")] = 1,
    data: Annotated[Path | None, typer.Option(help="Folder with the photos (default: REPRO_DATA).")] = None,
    store: Annotated[Path | None, typer.Option(help="Folder for results (default: the checkout's data/).")] = None,
    scheduler: Annotated[
        str, typer.Option(help="local, or dask://HOST:PORT for a Dask cluster whose machines share the folders.")
    ] = "local",
    resume: Annotated[
        bool, typer.Option("--resume/--restart", help="Continue interrupted runs, or start them again.")
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what is stored and what is missing, and run nothing.")
    ] = False,
) -> None:
    """Run the experiments of a figure that have no stored result.

    Stop it at any time: the same command continues interrupted runs. A run that was started with other code, photos or
    weights is an error.
    """
    from repro import experiments as ex
    from repro.experiments.estimate import Estimate, hours

    tasks = ex.everything(profile) if figure == "all" else ex.experiments_of(figure, profile)
    if unknown := set(only or ()) - {e.key for e in tasks}:
        raise UsageError(f"figure {figure}, profile {profile} has no {min(unknown)}; --dry-run shows what it has")
    tasks = [e for e in tasks if not only or e.key in only]
    if scheduler != "local" and jobs != 1:
        raise UsageError("--jobs is for this machine; on a cluster each worker runs one experiment at a time")
    default = ex.Store.default()
    if store is not None and not store.is_dir():
        raise UsageError(f"{store}: no such folder; make it first")
    place = default if store is None else ex.Store(store, store / "runs")
    missing = ex.plan(tasks, place)
    if not missing:
        say(f"figure {figure}, profile {profile}: {len(tasks)} results stored in {place.data}; nothing left to do")
        return
    estimate = Estimate(place)
    say(f"figure {figure}, profile {profile}: {len(missing)} of {len(tasks)} results are missing")
    for e in tasks if dry_run else ():
        if e not in missing:
            say(f"  {e.key}  {e.describe()}: stored")
    total = 0.0
    for e in missing:
        reached = ex.step_reached(e, place) if resume else 0
        seconds = estimate.seconds(e, reached)
        total += seconds
        begun = f", begun (step {reached})" if reached else ""
        say(f"  {e.key}  {e.describe()}, about {hours(seconds)}{begun}")
    together = f", {hours(total / jobs)} with {jobs} at a time" if jobs > 1 else ""
    say(f"about {hours(total)} one after the other{together}")
    if dry_run:
        return
    for e in () if resume else missing:
        place.forget(e)
    failed = ex.reproduce(missing, place, data, jobs, None if scheduler == "local" else scheduler)
    for key, reason in failed.items():
        say(f"repro: {key}: {reason}", err=True)
    if failed:
        raise ReproError(f"{len(failed)} of {len(missing)} experiments failed; the others are stored; run it again")
    say(f"stored {len(missing)} results in {place.data / 'results'}")
