"""The commands' output, safe for any terminal; ``repro encode`` prints a line or a JSON object for each picture."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from repro import progress
from repro.errors import ReproError, is_unsafe, one_line

if TYPE_CHECKING:
    from repro.encoder.batch import Failure
    from repro.encoder.encode import Report


class Printer:
    """Print results to standard output, unless the picture itself goes there; notices and errors to standard error."""

    def __init__(self, *, json: bool, quiet: bool) -> None:
        self.json, self.quiet, self.to_stderr = json, quiet, False

    def report(self, report: Report) -> None:
        """Print what became of a file, after its notices."""
        for notice in report.notices:
            progress.note(f"{report.input}: {notice}")
        if self.json:
            self._object(asdict(report))
        elif not self.quiet:
            quality = "" if report.quality is None else f"quality {report.quality:g}, "
            score = "" if report.ssimulacra2 is None else f"SSIMULACRA 2 {report.ssimulacra2:.2f}, "
            self._line(
                f"{report.output}: {report.width}×{report.height} pixels, {report.bytes} bytes, {report.bpp:.3f} bpp, "
                f"{quality}{score}{report.seconds:.2f} s"
            )

    def failure(self, failure: Failure) -> None:
        """Print in one line why there is no file."""
        self.failure_object(failure.input, failure.error)
        typer.echo(f"repro: {one_line(failure.error)}", err=True)

    def failure_object(self, source: str, error: str) -> None:
        """Print a failure as a JSON object, if JSON was asked for."""
        if self.json:
            self._object({"input": source, "error": error})

    def summary(self, reports: list[Report], total: int) -> None:
        """Print the last line. Raises :class:`ReproError` if a file failed."""
        if len(reports) < total:
            raise ReproError(f"{total - len(reports)} of {total} pictures failed; the lines above say why")
        if reports and not (self.json or self.quiet):
            size = sum(report.bytes for report in reports)
            bpp = 8 * size / sum(report.width * report.height for report in reports)
            self._line(f"{total} pictures, {size} bytes, {bpp:.3f} bpp")

    def _line(self, text: str) -> None:
        say(text, err=self.to_stderr)

    def _object(self, content: dict[str, object]) -> None:
        typer.echo(to_json(content), err=self.to_stderr)


def say(text: str, *, err: bool = False) -> None:
    """Print a line in any charset. Characters that would break it, or change the terminal, are escaped."""
    stream = sys.stderr if err else sys.stdout
    try:
        "×".encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = text.replace("×", "x")
    typer.echo(one_line(text), file=stream)


def to_json(content: object, indent: int | None = None) -> bytes:
    """``content`` as JSON in UTF-8, whatever the terminal's charset; lone surrogates in names become U+FFFD."""
    import json

    text = json.dumps(content, ensure_ascii=False, indent=indent)
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return "".join(f"\\u{ord(c):04x}" if c != "\n" and is_unsafe(c) else c for c in text).encode()
