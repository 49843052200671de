"""Write the help of every command into book/command_line.md, below the part that is written by hand.

make sync
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from repro import cli
from repro.files import atomic_write

PAGE = Path(__file__).resolve().parents[1] / "book" / "command_line.md"
#: Everything below this line is written by :func:`page`.
MARK = "<!-- Below is the help of every command, written by tools/command_line.py. -->\n"
#: Columns of the help: as many as a code block of the book shows without a scroll bar.
WIDTH = 88


def helps(command: Any, name: str, parent: Any = None) -> Iterator[tuple[str, str]]:
    """(command, its help) for ``command`` and all its subcommands, as ``repro COMMAND --help`` prints it."""
    settings = {"info_name": name, "parent": parent, "terminal_width": WIDTH, **command.context_settings}
    here = command.context_class(command, **settings)
    yield here.command_path, command.get_help(here)
    for below, member in getattr(command, "commands", {}).items():
        yield from helps(member, below, here)


def page(written: str) -> str:
    """The whole page: the hand-written part, which is ``written`` up to :data:`MARK`, and the help."""
    above, _, _ = written.partition(MARK)
    sections = [
        f"## `{path}`\n\n```text\n{text.rstrip()}\n```\n"
        for path, text in helps(typer.main.get_command(cli.app), "repro")
    ]
    return "\n".join([above + MARK, *sections])


if __name__ == "__main__":
    atomic_write(PAGE, page(PAGE.read_text(encoding="utf-8")))
