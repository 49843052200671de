"""``repro vouch``: after a rewrite that should change no number, repeat a sample and stamp what came out the same."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from repro.errors import ReproError


def vouch(
    profile: Annotated[str, typer.Option(help="smoke, cpu or paper.")] = "cpu",
    data: Annotated[Path | None, typer.Option(help="Folder with the photos (default: REPRO_DATA).")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is stale, repeat nothing.")] = False,
) -> None:
    """Repeat one stale result of each kind; stamp the kind where it comes out the same, else name what differs."""
    from repro import experiments as ex
    from repro.experiments.vouch import stale
    from repro.experiments.vouch import vouch as repeat

    store, wanted = ex.Store.default(), ex.everything(profile)
    kinds = stale(wanted, store)
    for kind, members in kinds.items():
        typer.echo(f"{kind}: {len(members)} made by other code")
    if not kinds:
        typer.echo("no result was made by other code")
    if dry_run or not kinds:
        return
    failed = repeat(wanted, store, data)
    for kind, reason in failed.items():
        typer.echo(f"repro: {kind}: {reason}", err=True)
    if failed:
        raise ReproError(f"{len(failed)} of {len(kinds)} kinds came out otherwise; run `repro reproduce`")
    typer.echo(f"vouched for {sum(map(len, kinds.values()))} results of {len(kinds)} kinds")
