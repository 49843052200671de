"""The command line: ``repro encode | train | evaluate | reproduce | data | weights``.

Each command is a plain function in the module of the same name; a group of commands, such as ``repro data``, is that
module's ``app``. These modules import nothing heavy at the top, so that ``repro --help`` answers at once.

Every error is one line on standard error. Exit codes: 2 for a wrong call, 1 for a failure, 130 for Ctrl-C, 143 for
``kill``. ``REPRO_DEBUG=1`` also shows the traceback.
"""

from __future__ import annotations

import errno
import importlib
import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from repro import __version__
from repro.errors import REPOSITORY, ReproError, install_command, one_line

ISSUES = f"{REPOSITORY}/issues"
COMMANDS = ("encode", "train", "evaluate", "reproduce")
GROUPS = ("data", "weights")

#: errno → how to fix it: errors of the disk, then paths that are of the wrong kind, too long or circular.
_FIXES = {
    **dict.fromkeys(
        (errno.ENOSPC, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM),
        "free some space, or check the permissions",
    ),
    **dict.fromkeys((errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG), "name another place"),
}

app = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"repro {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _repro(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Encode photos as standard JPEG files with what was learned, and repeat the experiments of the book."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


for _name in COMMANDS:
    app.command(_name)(getattr(importlib.import_module(f"repro.cli.{_name}"), _name))
for _name in GROUPS:
    app.add_typer(importlib.import_module(f"repro.cli.{_name}").app, name=_name)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (default: the process's own) and return its exit code; errors become one line each."""
    return guarded(app, "repro", arguments)


def guarded(application: typer.Typer, name: str, arguments: Sequence[str] | None = None) -> int:
    """Run a command line of ``application``, called ``name``, and return its exit code; errors become one line each."""
    _fill_closed_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names may contain letters that the terminal's charset lacks
    try:
        code = typer.main.get_command(application).main(arguments, prog_name=name, standalone_mode=False)
        if code == 130:  # typer's answer to Ctrl-C; it prints nothing
            raise KeyboardInterrupt
        if sys.stdout is not None:  # None if the shell closed it with >&-
            sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except ReproError as error:
        return _fail(str(error), error.exit_code)
    except typer.TyperException as error:  # a wrong call found by typer: unknown option, missing argument
        return _tell_usage(error)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", 130)
    except BrokenPipeError:  # the reader of our output (head, less) has gone: nothing can be printed
        _discard_output()
        return 1
    except OSError as error:
        if _is_of_output(error):
            _discard_output()
            return _fail(f"standard output: cannot be written ({error.strerror}); redirect it to another place", 1)
        if error.errno not in _FIXES:
            return _unexpected(error)
        return _fail(f"{error.filename or 'a file'}: {error.strerror}; {_FIXES[error.errno]}", 1)
    except ModuleNotFoundError as error:
        return _fail(f"{error.name} is not installed; run: {install_command(_extra_of(error))}", 1)
    except MemoryError:
        try:
            return _fail("out of memory; try a smaller picture or fewer --jobs", 1)
        except MemoryError:  # not even enough memory for that
            os.write(2, b"repro: out of memory\n")
            return 1
    except Exception as error:
        return _unexpected(error)


def _fill_closed_streams() -> None:
    """Occupy the descriptors of closed standard streams, so that no file gets one and receives what libraries print."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115


def main() -> None:
    """Entry point of the ``repro`` script."""
    end_cleanly()
    sys.exit(run())


def end_cleanly() -> None:
    """Make ``kill``, or closing the terminal, end the program as Ctrl-C does, with nothing left half done. The exit
    code is then 143 or 129."""

    def stop(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has only one of them
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores SIGHUP
            signal.signal(number, stop)


def _extra_of(error: ModuleNotFoundError) -> str:
    """The extra of ``pyproject.toml`` that installs the missing package; ``train`` has nearly all of them."""
    package = (error.name or "").partition(".")[0]
    elsewhere = {"distributed": "cluster", "dask": "cluster", "DISTS_pytorch": "peers", "jpeglib": "peers"}
    return elsewhere.get(package, "train")


def _tell_usage(error: typer.TyperException) -> int:
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    if message.startswith("Usage:"):  # a group called without its command: typer's message is the whole help
        typer.echo(message, err=True)
        return 2
    context = getattr(error, "ctx", None)
    where = context.command_path if context else "repro"
    return _fail(f"{' '.join(message.split())} (see {where} --help)", 2)


def _is_of_output(error: OSError) -> bool:
    """Whether ``error`` came from printing: by typer, or by the last flush."""
    return traceback.extract_tb(error.__traceback__)[-1].name in (typer.echo.__name__, guarded.__name__)


def _discard_output() -> None:
    """Send further output nowhere: Python would otherwise flush again at exit and report the failure."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unexpected(error: Exception) -> int:
    what = " ".join(str(error).split())
    return _fail(
        f"unexpected {type(error).__name__}: {what} (REPRO_DEBUG=1 shows where; please report it: {ISSUES})", 1
    )


def _fail(message: str, code: int) -> int:
    if os.environ.get("REPRO_DEBUG"):
        for line in traceback.format_exc().splitlines():
            print(one_line(line), file=sys.stderr)
    print(f"repro: {one_line(message)}", file=sys.stderr)
    return code
