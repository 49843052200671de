"""The command line's frame: it answers at once, and every failure is one line with the right exit code."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import typer

from repro import cli
from repro.errors import ReproError, UsageError


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, BaseException]]:
    """Replace the program by one whose only command, ``fail``, raises what the test stores under "error"."""
    box: dict[str, BaseException] = {}
    app = typer.Typer(add_completion=False, rich_markup_mode=None)

    @app.callback()
    def frame() -> None:
        """Keep ``fail`` a subcommand; a single command would run by itself."""

    @app.command()
    def fail(number: int = 0) -> None:
        raise box["error"]

    monkeypatch.setattr(cli, "app", app)
    monkeypatch.delenv("REPRO_DEBUG", raising=False)
    yield box


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ReproError("a.png: is empty; name a picture"), 1, "repro: a.png: is empty; name a picture"),
        (UsageError("--bpp 0: must be above 0"), 2, "repro: --bpp 0: must be above 0"),
        (KeyboardInterrupt(), 130, "repro: interrupted"),
        (MemoryError(), 1, "repro: out of memory"),
        (FileExistsError(17, "File exists", "run"), 1, "repro: run: File exists; name another place"),
        (ValueError("two\nlines"), 1, "repro: unexpected ValueError: two lines"),
    ],
)
def test_errors_are_one_line(failing, capsys, error, code, line):
    failing["error"] = error
    assert cli.run(["fail"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(line) and err.count("\n") == 1
    assert "Traceback" not in err


def test_debug_shows_traceback(failing, capsys, monkeypatch):
    monkeypatch.setenv("REPRO_DEBUG", "1")
    failing["error"] = ReproError("no")
    assert cli.run(["fail"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["nonsense"], ["fail", "--nonsense"], ["fail", "--number", "x"], ["fail", "y"]])
def test_wrong_calls_exit_2_in_one_line(failing, capsys, arguments):
    assert cli.run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("repro: ") and err.count("\n") == 1 and "--help" in err


def test_no_command_shows_help(capsys):
    assert cli.run([]) == 2
    assert "Usage: repro" in capsys.readouterr().out


def test_help_imports_nothing_heavy():
    code = "import sys, repro.cli as c; c.run(['--help']); print(*sorted(m for m in sys.modules if '.' not in m))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    heavy = {"torch", "torchvision", "lightning_fabric", "lpips", "matplotlib", "numpy", "PIL", "jupytext", "papermill"}
    assert not heavy & set(out.splitlines()[-1].split())


def test_help_takes_under_half_a_second():
    seconds = []
    for _ in range(5):  # the best of five: the machine may be busy, the program must not be slow
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "repro", "--help"], capture_output=True, check=True)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.5
