"""Full disks, read-only folders, signals, two programs at once …: each gives the right files or a clear line.

A clear line begins with "repro: ", names the remedy, and comes with the right exit code. A case that this machine
cannot try (mount a disk, be another user, set a clock back) raises :class:`NotHere`.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fault_kills import LIMIT, ROOT, WORKS, Work, environment, photos

ENCODE, TRAIN, REPRODUCE, BOOK = WORKS


class Fault(Exception):
    """Something is not as it should be."""


class NotHere(Exception):
    """This machine lacks something that the case needs."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class Place:
    """A folder for one case with ``photos`` in it, and the files that an undisturbed run makes from them."""

    folder: Path
    expected: dict[str, bytes]

    def begin(self, *arguments: object, under: Sequence[str] = (), **options: Any) -> subprocess.Popen[str]:
        """Begin ``repro`` with these arguments; ``under`` is a command that runs it."""
        return self._popen([*under, sys.executable, "-m", "repro", *map(str, arguments)], options)

    def call(self, *arguments: object, **options: Any) -> Done:
        """Run ``repro`` with these arguments until it ends."""
        return ended(self.begin(*arguments, **options))

    def files(self, name: str = "out") -> dict[str, bytes]:
        """Name → content of all files in the folder ``name``, also hidden ones."""
        folder = self.folder / name
        return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}

    def check_files(self, *, all_of_them: bool, name: str = "out") -> None:
        """Raises :class:`Fault` if a file is not one of those expected or, with ``all_of_them``, if one is missing."""
        found = self.files(name)
        for file, content in found.items():
            if file not in self.expected:
                raise Fault(f"{file} is left behind")
            if content != self.expected[file]:
                raise Fault(f"{file} is not that of an undisturbed run")
        if all_of_them and found.keys() != self.expected.keys():
            raise Fault(f"{len(self.expected) - len(found)} files are missing")

    def run(self, work: Work, *more: str, **options: Any) -> Done:
        """Run one of the long commands here until it ends."""
        return ended(self.begin_work(work, *more, **options))

    def begin_work(self, work: Work, *more: str, under: Sequence[str] = (), **options: Any) -> subprocess.Popen[str]:
        """Begin one of the long commands; ``under`` as in :meth:`begin`."""
        return self._popen([*under, sys.executable, *work.arguments, *more], options)

    def _popen(self, command: list[str], options: dict[str, Any]) -> subprocess.Popen[str]:
        usual: dict[str, Any] = {"cwd": self.folder, "env": environment(), "stdin": subprocess.DEVNULL}
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, text=True, errors="replace", **(usual | streams | options))


def ended(process: subprocess.Popen[str]) -> Done:
    """Wait for the process, at most :data:`LIMIT` seconds, and return how it ended."""
    try:
        out, err = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise Fault(f"did not end in {LIMIT} s") from None
    return Done(process.returncode, out or "", err or "")


def clear(done: Done, code: int | tuple[int, ...], says: str = "") -> None:
    """Raises :class:`Fault` unless it ended with ``code`` and printed only clear lines that match ``says``."""
    lines = [line for line in done.err.splitlines() if not line.startswith("repro: note: ")]
    codes = (code,) if isinstance(code, int) else code
    for line in lines:
        if "Traceback" in line or "unexpected " in line or not re.match(r"repro: |\d\d_\w+: |$", line):
            raise Fault(f"said {line!r}, and ended with {done.code}: {' / '.join(lines[-3:])}")
    if done.code not in codes:
        raise Fault(f"ended with {done.code}, not {' or '.join(map(str, codes))}: {' / '.join(lines[-3:])}")
    if done.code > 0 and done.code not in (129, 130, 143) and not lines:
        raise Fault(f"ended with {done.code} and said nothing")
    if not re.search(says, done.err):
        raise Fault(f"did not say {says!r} but {done.err[-300:]!r}")


@contextmanager
def disk(folder: Path, size: str, *, options: str = "") -> Iterator[Path]:
    """A disk of its own (tmpfs) at ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    more = f",{options}" if options else ""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}{more}", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        raise NotHere("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def full_disk(folder: Path) -> Iterator[Path]:
    """A disk without any free space."""
    with disk(folder, "64k"):
        with suppress_full(), (folder / ".full").open("wb", buffering=0) as stream:
            while True:
                stream.write(b"\0" * 4096)
        yield folder


@contextmanager
def suppress_full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno != 28:
            raise


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """A folder on a disk that is mounted read-only, with the files that were there."""
    kept = {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}
    with disk(folder, "8m"):
        for name, content in kept.items():
            (folder / name).write_bytes(content)
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        yield folder


def without_home(home: str | None) -> dict[str, Any]:
    """Options to run a command with a read-only package and no home, and so without a folder for compiled code."""
    kept = {name: value for name, value in environment().items() if name not in ("HOME", "XDG_CACHE_HOME")}
    source = ROOT / "src"
    script = f'mount --bind {source} {source} && mount -o remount,bind,ro {source} && exec "$@"'
    under = (program("unshare"), "-m", "sh", "-c", script, "sh")
    if subprocess.run([*under, "true"], capture_output=True, check=False).returncode:
        raise NotHere("nothing can be mounted here")
    return {"under": under, "env": kept | ({"HOME": home} if home else {})}


def as_owner() -> tuple[str, ...]:
    """The command to run another under so that permissions apply to it, even for root."""
    return () if os.getuid() else (program("setpriv"), "--bounding-set", "-dac_override,-dac_read_search")


def program(name: str) -> str:
    """The path of a program; raises :class:`NotHere` if it is not installed."""
    found = shutil.which(name)
    if not found:
        raise NotHere(f"{name} is not installed")
    return found


def wait_for(look: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until ``look`` is true or the process has ended."""
    end = time.monotonic() + LIMIT
    while not look() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)


FOLDER = ("encode", "photos", "-o", "out")
ONE = ("encode", "photos/0000.png", "-o", "one.jpg")


# ---- disks ----------------------------------------------------------------------------------------------------------


def encode_to_a_full_disk(place: Place, jobs: int) -> None:
    with full_disk(place.folder / "out"):
        done = place.call(*FOLDER, "--jobs", jobs)
        if left := [name for name in place.files() if name != ".full"]:
            raise Fault(f"left behind: {left}")
    clear(done, 1, r"0000\.jpg: cannot be written \(No space left on device\)")


def encode_to_a_disk_that_fills(place: Place, jobs: int) -> None:
    with disk(place.folder / "out", f"{2 * len(place.expected)}k"):  # a small file takes 4 KiB
        done = place.call(*FOLDER, "--jobs", jobs)
        place.check_files(all_of_them=False)
        if not 0 < len(place.files()) < len(place.expected):
            raise Fault(f"{len(place.files())} files had room")
    clear(done, 1, r"cannot be written \(No space left on device\)")


def a_file_may_be_no_larger(place: Place) -> None:
    """For machines on which no disk can be mounted."""
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (600, 600))
    done = place.call(*ONE, preexec_fn=limit)
    clear(done, 1, r"one\.jpg: cannot be written \(File too large\)")
    if list(place.folder.glob("*.jpg")) or list(place.folder.glob(".tmp*")):
        raise Fault("a file is left")


def work_on_a_small_disk(place: Place, work: Work, where: str, size: str) -> None:
    """It fails with one line. If Jupyter Book fails, its own output comes before."""
    work.prepare(place.folder)
    with disk(place.folder / where, size):
        done = place.run(work)
        if work is BOOK and "Traceback" not in done.err:
            done = Done(done.code, done.out, done.err.strip().splitlines()[-1])
        clear(done, 1, r"No space left on device|free some space|room for|the book has problems")
        if left := work.litter(place.folder):
            raise Fault(f"left behind: {left}")


def train_without_room_for_the_cache(place: Place) -> None:
    """What cannot be kept is computed again at each step."""
    with disk(place.folder / "cache", "1m"):
        more = "-o out --steps 2 --batch 1 --crops 4 --accelerator cpu --cache cache"
        clear(place.call("train", *more.split()), 0, r"has room for \d+ MB: not kept")


def standard_output_is_full(place: Place, *arguments: str) -> None:
    if not Path("/dev/full").exists():
        raise NotHere("no /dev/full")
    with Path("/dev/full").open("w") as full:
        done = place.call(*arguments, stdout=full)
    clear(done, 1, r"standard output: cannot be written \(No space left on device\)")


def temporary_folder_is_full(place: Place) -> None:
    """Encoding does not need it."""
    with full_disk(place.folder / "tmp"):
        options = environment() | {"TMPDIR": str(place.folder / "tmp")}
        clear(place.call(*FOLDER, env=options), 0)
    place.check_files(all_of_them=True)


def work_with_a_full_temporary_folder(place: Place, work: Work) -> None:
    work.prepare(place.folder)
    with full_disk(place.folder / "tmp"):
        clear(place.run(work, env=environment() | {"TMPDIR": str(place.folder / "tmp")}), (0, 1))


# ---- permissions and homes ------------------------------------------------------------------------------------------


def encode_to_a_read_only_folder(place: Place) -> None:
    with read_only(place.folder / "out"):
        done = place.call(*FOLDER)
    clear(done, 1, r"0000\.jpg: cannot be written \(Read-only file system\)")


def encode_beside_a_read_only_picture(place: Place) -> None:
    with read_only(place.folder / "photos"):
        done = place.call("encode", "photos/0000.png")
        clear(place.call(*ONE), 0)
    clear(done, 1, r"0000\.jpg: cannot be written \(Read-only file system\); .*")


def work_in_a_read_only_folder(place: Place, work: Work, where: str) -> None:
    work.prepare(place.folder)
    with read_only(place.folder / where):
        clear(place.run(work), 1, "Read-only file system")


def encode_without_home(place: Place, home: str | None) -> None:
    clear(place.call(*FOLDER, **without_home(home)), 0)
    place.check_files(all_of_them=True)


def encode_without_permission(place: Place) -> None:
    """First for writing, then for reading."""
    under = as_owner()
    (place.folder / "out").mkdir(mode=0o555)
    clear(place.call(*FOLDER, under=under), 1, r"0000\.jpg: cannot be written \(Permission denied\)")
    os.chmod(place.folder / "photos" / "0000.png", 0)
    clear(place.call(*ONE, under=under), (1, 2), r"0000\.png.* (cannot be read|is not readable)")


def work_without_home(place: Place, work: Work) -> None:
    work.prepare(place.folder)
    clear(place.run(work, **without_home(None)), 0)


def compiled_code_cannot_be_kept(place: Place) -> None:
    kept = environment() | {"NUMBA_CACHE_DIR": "/proc/nowhere"}
    clear(place.call(*ONE, env=kept), 0)
    if (place.folder / "one.jpg").read_bytes() != place.expected["0000.jpg"]:
        raise Fault("another file than with a cache")


def chmod_is_refused(place: Place) -> None:
    (place.folder / "one.jpg").write_bytes(b"old")
    calls = "chmod,fchmod,fchmodat"
    refuse = ("-f", "-qq", "-o", os.devnull, "-e", f"trace={calls}", "-e", f"inject={calls}:error=EPERM")
    clear(place.call(*ONE, under=(program("strace"), *refuse)), 0)
    if (place.folder / "one.jpg").read_bytes() != place.expected["0000.jpg"]:
        raise Fault("not replaced")


def memory_is_short(place: Place, megabytes: int) -> None:
    """The result is the right file or a clear line."""
    photos(place.folder / "large", 1, 500)
    limit = partial(resource.setrlimit, resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    done = place.call("encode", "large/0000.png", "-o", "large.jpg", "--ssimulacra2", 70, preexec_fn=limit)
    clear(done, (0, 1))
    if done.code and (place.folder / "large.jpg").exists():
        raise Fault("failed, and left a file")


# ---- clocks ---------------------------------------------------------------------------------------------------------


def clock_is_set_back(place: Place, work: Work) -> None:
    """Begun this year and resumed in the year before."""
    under = [program("faketime"), "-f", "-300d"]
    work.prepare(place.folder)
    process = place.begin_work(work)
    wait_for(lambda: bool(work.files(place.folder)), process)
    time.sleep(0.3)
    process.kill()
    process.communicate()
    clear(place.run(work, under=under), 0)


def text_is_changed_after_the_clock_was_set_back(place: Place) -> None:
    """Sphinx goes by files' times; the book must not."""
    under = [program("faketime"), "-f", "-300d"]
    BOOK.prepare(place.folder)
    clear(place.run(BOOK), 0)
    (place.folder / "book" / "intro.md").write_text("# Quite another title\n")
    old = time.time() - 300 * 86400
    os.utime(place.folder / "book" / "intro.md", (old, old))
    clear(place.run(BOOK, under=under), 0)
    page = place.folder / "_build" / "smoke" / "_build" / "html" / "book" / "intro.html"
    if "Quite another title" not in page.read_text():
        raise Fault("the page has the old text")


# ---- two at once, and what changes meanwhile ------------------------------------------------------------------------


def two_encode_one_folder(place: Place) -> None:
    both = [place.begin(*FOLDER, "--skip-existing", "--jobs", jobs) for jobs in (1, 2)]
    for process in both:
        clear(ended(process), 0)
    place.check_files(all_of_them=True)


def two_reproduce_in_one_folder(place: Place) -> None:
    REPRODUCE.prepare(place.folder)
    for process in [place.begin_work(REPRODUCE) for _ in range(2)]:
        clear(ended(process), 0)
    if len(list((place.folder / "store" / "results").glob("*.json"))) != 3 or REPRODUCE.litter(place.folder):
        raise Fault("not the three results")


def output_is_removed(place: Place) -> None:
    process = place.begin(*FOLDER, "--jobs", 2)
    wait_for(lambda: len(place.files()) > 2, process)
    shutil.rmtree(place.folder / "out")
    clear(ended(process), (0, 1), r"cannot be written \(No such file or directory\)|^$")


def run_folder_is_removed(place: Place) -> None:
    """The training goes on, and makes the folder again."""
    process = place.begin_work(TRAIN)
    wait_for((place.folder / "out" / "checkpoint.safetensors").exists, process)
    shutil.rmtree(place.folder / "out")
    clear(ended(process), 0)
    if not (place.folder / "out" / "model.safetensors").exists():
        raise Fault("no model")


def pictures_are_removed(place: Place) -> None:
    process = place.begin(*FOLDER, "--jobs", 2)
    wait_for(lambda: len(place.files()) > 2, process)
    for path in sorted((place.folder / "photos").iterdir())[-3:]:
        path.unlink()
    done = ended(process)
    clear(done, 1, r"no such file")
    place.check_files(all_of_them=False)
    if len(place.files()) != len(place.expected) - 3:
        raise Fault(f"{len(place.files())} files")


def picture_grows_while_it_is_read(place: Place) -> None:
    """As if it were still being copied: half a picture is never encoded silently."""
    whole = place.folder / "photos" / "0000.png"
    content = whole.read_bytes()
    part = place.folder / "part.png"
    part.write_bytes(content[: len(content) // 2])
    clear(place.call("encode", "part.png", "-o", "part.jpg"), 1, r"part\.png: damaged or cut off")


# ---- signals and streams --------------------------------------------------------------------------------------------


def _hear() -> None:
    """Undo what shells and nohup do: a background program ignores Ctrl-C, and nohup's ignores a hang-up."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def a_signal_ends_it(place: Place, number: signal.Signals, jobs: int) -> None:
    process = place.begin(*FOLDER, "--jobs", jobs, start_new_session=True, preexec_fn=_hear)
    wait_for(lambda: len(place.files()) > 1, process)
    if number == signal.SIGINT:  # as a terminal sends it
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    done = ended(process)
    codes = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
    clear(done, codes[number])
    place.check_files(all_of_them=False)
    clear(place.call(*FOLDER, "--skip-existing"), 0)
    place.check_files(all_of_them=True)


def a_signal_ends_work(place: Place, work: Work, number: signal.Signals, *more: str) -> None:
    work.prepare(place.folder)
    process = place.begin_work(work, *more, start_new_session=True, preexec_fn=_hear)
    wait_for(lambda: bool(work.files(place.folder)), process)
    began = time.monotonic()
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    done = ended(process)
    clear(done, {signal.SIGINT: 130, signal.SIGTERM: 143}[number])
    if time.monotonic() - began > 60:
        raise Fault(f"took {time.monotonic() - began:.0f} s to end")
    if left := work.litter(place.folder):
        raise Fault(f"left behind: {left}")
    clear(place.run(work), 0)


def reader_goes_away(place: Place) -> None:
    process = place.begin(*FOLDER)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    done = ended(process)
    if "Traceback" in done.err or "Exception ignored" in done.err:
        raise Fault(done.err)
    place.check_files(all_of_them=False)


def closed(place: Place, stream: int, code: int) -> None:
    """With a standard stream closed by the shell, as by ``>&-``."""
    redirect = {0: "<&-", 1: ">&-", 2: "2>&-"}[stream]
    done = place.call(*FOLDER, under=("sh", "-c", f'exec "$@" {redirect}', "sh"))
    clear(done, code)
    place.check_files(all_of_them=code == 0)


def picture_to_closed_output(place: Place) -> None:
    done = place.call("encode", "photos/0000.png", "-o", "-", under=("sh", "-c", 'exec "$@" >&-', "sh"))
    clear(done, 1, "standard output")


@dataclass(frozen=True)
class Case:
    """Something that can go wrong; ``short`` if it is quick enough for every test run."""

    kind: str
    name: str
    check: Callable[[Place], None]
    short: bool = False


def _every() -> Iterator[Case]:
    full, rights, memory, clock, twice, streams = (
        "disk full", "read-only, no home", "memory", "clock set back", "two at once, changes", "signals and streams"
    )  # fmt: skip
    yield Case(full, "encode", partial(encode_to_a_full_disk, jobs=1), True)
    yield Case(full, "encode with two jobs", partial(encode_to_a_full_disk, jobs=2))
    yield Case(full, "encode, and the disk fills", partial(encode_to_a_disk_that_fills, jobs=1), True)
    yield Case(full, "encode with two jobs, and the disk fills", partial(encode_to_a_disk_that_fills, jobs=2))
    yield Case(full, "encode, files are limited", a_file_may_be_no_larger, True)
    for work, where, size in (
        (TRAIN, "out", "4k"),
        (TRAIN, "out", "16k"),
        (REPRODUCE, "store", "16k"),
        (REPRODUCE, "store", "640k"),
        (BOOK, "_build", "64k"),
        (BOOK, "_build", "4m"),
    ):
        yield Case(full, f"{work.name} with {size}", partial(work_on_a_small_disk, work=work, where=where, size=size))
    yield Case(full, "train, no room for the cache", train_without_room_for_the_cache)
    yield Case(full, "encode to standard output", partial(_full_output, arguments=("photos/0000.png", "-o", "-")), True)
    yield Case(full, "encode's lines", partial(_full_output, arguments=FOLDER[1:]))
    yield Case(full, "encode's JSON", partial(_full_output, arguments=(*FOLDER[1:], "--json")))
    yield Case(full, "temporary folder, encode", temporary_folder_is_full, True)
    for work in (TRAIN, REPRODUCE, BOOK):
        yield Case(full, f"temporary folder, {work.name}", partial(work_with_a_full_temporary_folder, work=work))
    yield Case(rights, "encode to a read-only folder", encode_to_a_read_only_folder, True)
    yield Case(rights, "encode beside a picture", encode_beside_a_read_only_picture)
    for work, where in ((TRAIN, "out"), (REPRODUCE, "store"), (BOOK, "_build")):
        name = f"{work.name} to a read-only folder"
        yield Case(rights, name, partial(work_in_a_read_only_folder, work=work, where=where))
    yield Case(rights, "encode, no HOME, no cache", partial(encode_without_home, home=None), True)
    yield Case(rights, "encode, HOME leads nowhere, no cache", partial(encode_without_home, home="/proc/nowhere"))
    yield Case(rights, "encode without permission", encode_without_permission)
    for work in (TRAIN, REPRODUCE, BOOK):
        yield Case(rights, f"{work.name}, no HOME, no cache", partial(work_without_home, work=work))
    yield Case(rights, "no folder for compiled code", compiled_code_cannot_be_kept)
    yield Case(rights, "chmod is refused", chmod_is_refused)
    for megabytes in (300, 400, 500, 700, 1000, 1500):
        yield Case(memory, f"encode in {megabytes} MiB", partial(memory_is_short, megabytes=megabytes))
    for work in WORKS:
        yield Case(clock, work.name, partial(clock_is_set_back, work=work))
    yield Case(clock, "a page's text is changed", text_is_changed_after_the_clock_was_set_back)
    yield Case(twice, "two encode", two_encode_one_folder, True)
    yield Case(twice, "two reproduce", two_reproduce_in_one_folder)
    yield Case(twice, "encode's output is removed", output_is_removed)
    yield Case(twice, "train's output is removed", run_folder_is_removed)
    yield Case(twice, "pictures are removed", pictures_are_removed)
    yield Case(twice, "a picture is half there", picture_grows_while_it_is_read)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        for jobs in (1, 2):
            case = partial(a_signal_ends_it, number=number, jobs=jobs)
            yield Case(streams, f"encode, {jobs} jobs, {number.name}", case, number == signal.SIGTERM and jobs == 2)
    for number in (signal.SIGINT, signal.SIGTERM):
        for work in (TRAIN, REPRODUCE, BOOK):
            yield Case(streams, f"{work.name}, {number.name}", partial(a_signal_ends_work, work=work, number=number))
        two = partial(_reproduce_two_jobs, number=number)
        yield Case(streams, f"reproduce, 2 jobs, {number.name}", two)
    yield Case(streams, "its reader goes away", reader_goes_away, True)
    for stream, name in enumerate(("input", "output", "error")):
        yield Case(streams, f"standard {name} is closed", partial(closed, stream=stream, code=0), name == "error")
    yield Case(streams, "a picture to closed standard output", picture_to_closed_output)


def _full_output(place: Place, arguments: tuple[str, ...]) -> None:
    standard_output_is_full(place, "encode", *arguments)


def _reproduce_two_jobs(place: Place, number: signal.Signals) -> None:
    a_signal_ends_work(place, REPRODUCE, number, "--jobs", "2")


CASES = tuple(_every())


def prepared(folder: Path, count: int = 24) -> Callable[[str], Place]:
    """Return a function that makes a place by name, with ``count`` small photos."""
    photos(folder / "photos", count, 64)
    first = Place(folder, {})
    clear(first.call(*FOLDER), 0)
    expected = first.files()

    def place(name: str) -> Place:
        made = folder / name
        shutil.copytree(folder / "photos", made / "photos")
        return Place(made, expected)

    return place


def outcome(case: Case, place: Place) -> str:
    """ "right", what is wrong, or what is missing here."""
    try:
        case.check(place)
    except Fault as fault:
        return f"wrong: {fault}"
    except NotHere as missing:
        return f"not tried: {missing}"
    return "right"
