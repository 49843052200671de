"""Four long commands that are killed (``kill -9``) at random moments and called again. After each kill, this must hold:

- Nobody keeps working: processes that the command started end with it.
- A file under its final name is whole: byte for byte that of an undisturbed run, except for times noted in it.
- What was there before is still there, and every file is one that an undisturbed run would have made, unless its name
  begins with a dot.
- The same command resumes, and ends with the files of the undisturbed run and nothing else.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image
from skimage import data

ROOT = Path(__file__).resolve().parents[1]
#: In a command's environment, so that its processes can be found even in sessions of their own.
TOKEN = "REPRO_FAULTS_TOKEN"
#: Seconds in which processes must end after the command that started them.
ORPHAN_SECONDS = 60
#: Seconds between two checks of a process.
_LOOK = 0.1
#: Seconds that a command may take on a busy machine.
LIMIT = 600
_TIMES = re.compile(r'"(date|duration|start_time|end_time|cpu|platform|command|commit)": ("[^"]*"|[\d.e-]+|null)')


@dataclass(frozen=True)
class Work:
    """A command, and its files.

    prepare
        makes, in a folder, what the command reads.
    arguments
        Python's arguments; run in that folder.
    outputs
        glob patterns of the files that it writes.
    masked
        path and content of such a file → the part that must equal that of an undisturbed run.
    kills
        how often it is killed in a full campaign: 200 times in all, quick commands more often.
    stamp
        a file that marks the folder around it as finished; until it is there, files in the folder do not count.
    """

    name: str
    told: str
    prepare: Callable[[Path], None]
    arguments: tuple[str, ...]
    outputs: tuple[str, ...]
    masked: Callable[[Path, bytes], Any]
    kills: int
    stamp: str | None = None

    def start(self, folder: Path, token: str = "") -> subprocess.Popen[bytes]:
        """Begin it; its output goes to the file ``said`` in the folder."""
        said = (folder / "said").open("wb")
        with said:
            return subprocess.Popen(
                [sys.executable, *self.arguments],
                cwd=folder,
                env=environment() | {TOKEN: token},
                stdout=said,
                stderr=said,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def files(self, folder: Path) -> dict[str, Any]:
        """Name → masked content of each output that is there."""
        found = {}
        begun = None if self.stamp is None or (folder / self.stamp).exists() else (folder / self.stamp).parent
        for path in (path for pattern in self.outputs for path in folder.glob(pattern)):
            name = path.relative_to(folder)
            if path.is_file() and not _hidden(name) and not (begun and path.is_relative_to(begun)):
                try:
                    found[str(name)] = self.masked(path, path.read_bytes())
                except (ValueError, KeyError):
                    found[str(name)] = "cut off"
        return found

    def litter(self, folder: Path) -> list[str]:
        """Hidden files and folders among its outputs."""
        tops = {folder / pattern.split("/")[0] for pattern in self.outputs}
        return sorted(
            str(path.relative_to(folder))
            for top in tops
            if top.is_dir()
            for path in top.rglob(".*")
            if path.name.startswith(".") and path.name not in (".doctrees", ".buildinfo", ".built-from", ".nojekyll")
        )


@dataclass
class Outcome:
    """What became of one command that was killed."""

    name: str
    told: str
    kills: int = 0
    in_the_middle: int = 0
    rounds: int = 0
    ended_first: int = 0
    litter_cleared: int = 0
    litter_left: int = 0
    faults: list[str] = field(default_factory=list)


def environment() -> dict[str, str]:
    """This process's environment, but with this checkout's code, one thread, and only the photos that ship."""
    kept = {name: value for name, value in os.environ.items() if name not in ("REPRO_DATA", "PYTEST_CURRENT_TEST")}
    return kept | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}


def kill(
    work: Work,
    kills: int,
    seed: int,
    *,
    per_round: int = 5,
    seconds: float = float("inf"),
    told: Callable[[str], None] = print,
) -> Outcome:
    """Kill ``work`` ``kills`` times: up to ``per_round`` times in a row, then let it end and compare its files.

    Moments are drawn by ``seed`` in CPU time of an undisturbed run, so that a busy machine makes no difference: one in
    five from the whole run, the others from its first file on. After ``seconds`` no further round begins.
    """
    drawn = random.Random(f"{seed} {work.name}")
    outcome, end = Outcome(work.name, work.told), time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix=f"repro-faults-{work.name}-") as name:
        (Path(name) / "made").mkdir()
        work.prepare(Path(name) / "made")
        twin, _, _ = _undisturbed(work, _fresh(Path(name)))  # which also compiles code that is kept
        expected, first, whole = _undisturbed(work, _fresh(Path(name)))
        if twin != expected:
            raise RuntimeError(f"{work.name}: two undisturbed runs differ")
        while outcome.kills < kills and len(outcome.faults) < 5 and time.monotonic() < end:
            outcome.rounds += 1
            moments = [drawn.uniform(0.9 * first if drawn.random() < 0.8 else 0, whole) for _ in range(per_round)]
            _round(work, _fresh(Path(name)), expected, moments[: kills - outcome.kills], outcome)
            told(f"{work.name}: {outcome.kills} of {kills} kills, {len(outcome.faults)} faults")
    return outcome


def _fresh(folder: Path) -> Path:
    """A fresh copy of what was prepared."""
    shutil.rmtree(folder / "run", ignore_errors=True)
    shutil.copytree(folder / "made", folder / "run")
    return folder / "run"


def _undisturbed(work: Work, folder: Path) -> tuple[dict[str, Any], float, float]:
    """Its files, and the CPU seconds until the first one and until the end."""
    process = work.start(folder)
    used, first = 0.0, None
    while process.poll() is None:
        used = max(used, _used(process.pid))
        if first is None and any(next(folder.glob(pattern), None) for pattern in work.outputs):
            first = used
        time.sleep(_LOOK)
    if process.returncode:
        raise RuntimeError(f"{work.name}: ended with {process.returncode}: {(folder / 'said').read_text()}")
    return work.files(folder), first or used, used


def _used(pid: int) -> float:
    """CPU seconds used so far by the process and its descendants."""
    try:
        process = psutil.Process(pid)
        times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    except psutil.Error:
        return 0.0
    return sum(time.user + time.system + time.children_user + time.children_system for time in times)


def _round(work: Work, folder: Path, expected: dict[str, Any], moments: list[float], outcome: Outcome) -> None:
    before: dict[str, Any] | None = {}
    for number, moment in enumerate(moments):
        token = f"{outcome.name}-{os.getpid()}-{outcome.rounds}-{number}"
        process = work.start(folder, token)
        while process.poll() is None and _used(process.pid) < moment:
            time.sleep(_LOOK)
        process.kill()
        if process.wait() != -signal.SIGKILL:  # it had already ended
            outcome.ended_first += 1
            if process.returncode:
                _fault(outcome, folder, f"ended with {process.returncode} after a kill")
            before = None
            break
        outcome.kills += 1
        what = f"killed after {moment:.2f} s"
        if orphans := _end_of(token):
            _fault(outcome, folder, f"{what}: still at work {ORPHAN_SECONDS} s later: {', '.join(orphans)}")
        now = work.files(folder)
        outcome.in_the_middle += len(now) > 0 and now.keys() != expected.keys()
        for name, content in now.items():
            if name not in expected:
                _fault(outcome, folder, f"{what}: {name} is left")
            elif content is not None and content != expected[name]:
                _fault(outcome, folder, f"{what}: {name} is not whole")
        for name in (before or {}).keys() - now.keys():
            _fault(outcome, folder, f"{what}: {name} was there before, and is lost")
        before = now
    litter = work.litter(folder)
    if before is not None:
        process = work.start(folder)
        try:
            code = process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if code:
            _fault(outcome, folder, f"the last call ended with {code}")
    now = work.files(folder)
    for name in sorted(now.keys() | expected.keys()):
        if now.get(name, b"") != expected.get(name, b""):
            _fault(outcome, folder, f"{name}: is not that of an undisturbed run")
    left = work.litter(folder)
    outcome.litter_cleared += len(set(litter) - set(left))
    outcome.litter_left += len(left)
    if left:
        _fault(outcome, folder, f"left behind: {', '.join(left[:3])}")


def _fault(outcome: Outcome, folder: Path, what: str) -> None:
    said = (folder / "said").read_text(errors="replace").strip().splitlines()
    outcome.faults.append(f"{what}; it said last: {said[-1] if said else 'nothing'}")


def _end_of(token: str) -> list[str]:
    """Processes with ``token`` in their environment that do not end by themselves. They are killed."""
    end = time.monotonic() + ORPHAN_SECONDS
    while (found := list(_with(token))) and time.monotonic() < end:
        time.sleep(0.1)
    told = []
    for process in found:
        try:
            told.append(" ".join(["python", *process.cmdline()[1:]])[:100])
            process.kill()
        except psutil.Error:
            continue
    return told


def _with(token: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(TOKEN) == token:
                yield process
        except (psutil.Error, OSError):
            continue


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


# ---- what is killed -------------------------------------------------------------------------------------------------


def photos(folder: Path, count: int, side: int, seed: int = 0) -> None:
    """Write ``count`` square crops of the astronaut as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    astronaut, drawn = data.astronaut(), np.random.default_rng(seed)
    for number in range(count):
        y, x = drawn.integers(0, 512 - side, 2)
        Image.fromarray(astronaut[y : y + side, x : x + side]).save(folder / f"{number:04}.png")


def _safetensors(path: Path, content: bytes) -> Any:
    """Metadata, header and values. For a checkpoint, which changes during a run, only whether it is complete."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    told = header.pop("__metadata__")
    values = content[8 + length :]
    ends = [tensor["data_offsets"][1] for tensor in header.values()]
    if max(ends) != len(values):
        return "cut off"
    return None if path.name == "checkpoint.safetensors" else (sorted(told.items()), header, values)


def _result(path: Path, content: bytes) -> Any:
    if path.suffix == ".safetensors":
        return _safetensors(path, content)
    result = json.loads(content)
    result.pop("seconds", None)
    for photo in result.get("photos", {}).values():
        photo.pop("seconds")
    return _TIMES.sub("", json.dumps(result))


def _page(path: Path, content: bytes) -> Any:
    """Everything on a page but the seconds its code took; of a notebook, its cells' source and outputs."""
    if path.suffix == ".ipynb":
        cells = json.loads(content)["cells"]
        content = json.dumps([(cell["source"], cell.get("outputs")) for cell in cells]).encode()
    content = re.sub(rb"its code ran in \d+ seconds?", b"", content)
    if path.name == "searchindex.js":  # its terms contain the seconds, too
        index = json.loads(content.decode().removeprefix("Search.setIndex(").removesuffix(")"))
        return {name: part for name, part in index.items() if name != "terms"}
    return content


def _book(folder: Path) -> None:
    """A page and two chapters with the real configuration."""
    import jupytext

    for name in ("_config.yml", "requirements.lock"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "book" / "_static", folder / "book" / "_static", ignore=shutil.ignore_patterns("vendor"))
    shutil.copy(ROOT / "book" / "references.bib", folder / "book")
    (folder / "_toc.yml").write_text(
        "format: jb-book\nroot: book/intro\nchapters:\n- file: notebooks/01_a\n- file: notebooks/02_b\n"
    )
    (folder / "book" / "intro.md").write_text("# A book\n\nSize {glue:text}`../notebooks/01_a.ipynb::size:s`.\n")
    (folder / "notebooks").mkdir()
    (folder / "notebooks" / "parameters.yml").write_text("smoke: {}\n")
    head = (ROOT / "notebooks" / "01_jpeg.py").read_text().partition("# %%")[0]
    tail = '\n\n# %% tags=["parameters"]\nprofile = "cpu"\n\n# %%\n'
    for name, cell in (("01_a", 'from bookkit import glue\n\nglue("size", "12 KiB")'), ("02_b", "print(profile)")):
        source = folder / "notebooks" / f"{name}.py"
        source.write_text(f"{head}# %% [markdown]\n# # Chapter {name}{tail}{cell}\n")
        jupytext.write(jupytext.read(source), source.with_suffix(".ipynb"))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


WORKS = (
    Work(
        "encode",
        "repro encode FOLDER -o out --jobs 2 --skip-existing: 60 photos of 96 × 96 pixels",
        lambda folder: photos(folder / "photos", 60, 96),
        _words("-m repro encode photos -o out --jobs 2 --skip-existing"),
        ("out/**/*",),
        lambda _path, content: content,
        80,
    ),
    Work(
        "train",
        "repro train: tables alone, 250 steps of one crop, a checkpoint every 100",
        lambda folder: None,
        _words("-m repro train -o out --gamma 0 --sigma 0 --steps 250 --batch 1 --crops 4 --accelerator cpu"),
        ("out/*.safetensors",),
        _safetensors,
        50,
    ),
    Work(
        "reproduce",
        "repro reproduce --figure encoder --profile smoke: three trainings with their inputs and measurements",
        lambda folder: (folder / "store").mkdir(),
        _words("-m repro reproduce --figure encoder --profile smoke --store store"),
        ("store/results/*", "store/checkpoints/*", "store/runs/cache/**/*", "store/runs/*.json"),
        lambda path, content: content if path.suffix == ".npy" else _result(path, content),
        35,
    ),
    Work(
        "book",
        "python -m bookkit --profile smoke: a page and two chapters with the book's configuration",
        _book,
        _words("-m bookkit --profile smoke"),
        ("_build/smoke/executed/*", "_build/smoke/_build/html/**/*"),
        _page,
        35,
        "_build/smoke/_build/html/.built-from",
    ),
)
