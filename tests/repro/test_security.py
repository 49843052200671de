"""What comes from outside stays data: weights, archives, publishers' answers; and nothing is written elsewhere."""

from __future__ import annotations

import ast
import io
import os
import pickle
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from repro import weights
from repro.data import publishers
from repro.data.registry import KnownSet
from repro.download import download
from repro.errors import ReproError
from repro.files import sha256_bytes
from servers import serve

SRC = Path(__file__).resolve().parents[2] / "src"


# --- pickles of kinds that have run code in other readers

#: Each leaves a file called MARK when any other reader loads it. Written by hand in the pickle machine's opcodes:
#: c = a global, ( … t = a tuple, R = call, i and o = older ways to call, \x93 = a global by the names on the stack.
GADGETS = {
    "os.system": b"cos\nsystem\n(S'touch MARK'\ntR.",
    "posix.system": b"cposix\nsystem\n(S'touch MARK'\ntR.",
    "subprocess": b"csubprocess\ncheck_output\n((lS'touch'\naS'MARK'\natR.",
    "builtins.eval": b'cbuiltins\neval\n(S\'open("MARK","w")\'\ntR.',
    "builtins.exec": b'cbuiltins\nexec\n(S\'open("MARK","w")\'\ntR.',
    "builtins.open": b"cbuiltins\nopen\n(S'MARK'\nS'w'\ntR.",
    "runpy": b'crunpy\n_run_code\n(S\'open("MARK","w")\'\n(dtR.',
    "timeit": b"ctimeit\ntimeit\n(S'open(\"MARK\",\"w\")'\nS'pass'\nctime\ntime\nI1\ntR.",
    "code": b'ccode\nInteractiveInterpreter\n(tR\x8c\x09runsourceq\x000cbuiltins\nexec\n(S\'open("MARK","w")\'\ntR.',
    "numpy.savetxt": b"cnumpy\nsavetxt\n(S'MARK'\n(lI1\natR.",
    "numpy, dotted": b"\x80\x04\x8c\x05numpy\x8c\x07savetxt\x93(S'MARK'\n(lI1\natR.",
    "torch.serialization": b"ctorch.serialization\nos.system\n(S'touch MARK'\ntR.",
    "instance": b"(S'touch MARK'\nios\nsystem\n.",
    "object": b"(cos\nsystem\nS'touch MARK'\no.",
    "first an array, then a call": b"(cnumpy\ndtype\n(S'i4'\ntRcos\nsystem\n(S'touch MARK'\ntRt.",
    "a call inside an array": b"cnumpy\nndarray\n((I1\ntt0cos\nsystem\n(S'touch MARK'\ntR.",
}


@pytest.mark.parametrize("name", GADGETS)
def test_a_pickle_runs_nothing(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ReproError, match=r"weights\.ckpt: not a file of plain arrays"):
        weights._read_arrays(Path("weights.ckpt"), GADGETS[name])
    assert not Path("MARK").exists()


@pytest.mark.parametrize("name", sorted(GADGETS.keys() - {"torch.serialization"}))
def test_the_pickles_are_harmful_elsewhere(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise refusing them would prove nothing. Each is loaded in a process of its own, as some end it."""
    monkeypatch.chdir(tmp_path)
    code = "import pickle, sys; pickle.loads(sys.stdin.buffer.read())"
    subprocess.run([sys.executable, "-c", code], input=GADGETS[name], capture_output=True)
    assert Path("MARK").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"cnumpy\nndarray\n((I1000000000\nI1000000000\nttR.",  # an exabyte
        b"Pnumber\n.",  # a persistent id
        b"\x82\x01.",  # a global from the extension registry
        b"cnumpy\ndtype\n}\x8c\x05shapeK\x01s\x86b.",  # attributes of a class
        b"cnumpy\nndarray\n(dS'tofile'\nI1\nsb.",
        b"\x80\x04\x8c\x05numpy\x8c\x12ndarray.__subclasses__\x93.",
        pickle.dumps(np.array([print], object)),  # an array of arbitrary objects
        b"",
    ],
)
def test_a_pickle_of_something_else_is_one_line(content: bytes) -> None:
    with pytest.raises(ReproError, match=r"^[^\n]*not a file of plain arrays[^\n]*$"):
        weights._read_arrays(Path("weights.ckpt"), content)


def test_nothing_in_the_package_reads_a_format_that_can_run_code() -> None:
    """No pickles, except in the reader above, and no readers of arrays or YAML that rely on them."""
    found = []
    for path in sorted((SRC / "repro").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name, options = ast.unparse(node.func), {one.arg: ast.unparse(one.value) for one in node.keywords}
            risky = name in {"eval", "exec", "compile", "marshal.loads", "joblib.load", "yaml.load", "shelve.open"}
            risky |= name in {"pickle.load", "pickle.loads", "pickle.Unpickler", "pd.read_pickle"}
            risky |= name == "torch.load" and options.get("weights_only") != "True"
            risky |= name == "np.load" and options.get("allow_pickle", "False") != "False"
            risky |= options.get("shell") == "True" or name in {"os.system", "os.popen"}
            if risky:
                found.append(f"{path.relative_to(SRC)}:{node.lineno}: {name}")
    assert not found


# --- archives


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KnownSet:
    """A set of one photo, whose archive is already in the cache, so that nothing is fetched."""
    content = photo()
    made = KnownSet("cid22/train", "a set", "none", "", {"a.png": sha256_bytes(content)}, archive="https://x.org/a.zip")
    monkeypatch.setattr(publishers, "known_sets", lambda: {made.name: made})
    monkeypatch.setattr(publishers, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setattr(publishers, "FETCHES", {"cid22": ("cid22/train",)})
    (tmp_path / "cache" / "archives").mkdir(parents=True)
    return made


def photo() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def special(name: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, mode << 16
    return entry


def everything(folder: Path) -> dict[str, bytes | None]:
    """Map everything below ``folder`` to the content of a file, or None for a folder."""
    found = sorted(folder.rglob("*"))
    return {p.relative_to(folder).as_posix(): p.read_bytes() if p.is_file() else None for p in found}


CLIMBERS: dict[str, Callable[[zipfile.ZipFile, Path], None]] = {
    "upwards": lambda archive, _: archive.writestr("../../../a.png", b"climbed"),
    "upwards, by Windows' way": lambda archive, _: archive.writestr("..\\..\\a.png", b"climbed"),
    "absolute": lambda archive, root: archive.writestr(f"{root}/outside/a.png", b"climbed"),
    "link": lambda archive, root: archive.writestr(special("a.png", stat.S_IFLNK | 0o777), f"{root}/outside"),
    "link to a folder, then through it": lambda archive, root: (
        archive.writestr(special("x", stat.S_IFLNK | 0o777), f"{root}/outside"),
        archive.writestr("x/a.png", b"climbed"),
    )[0],
    "device": lambda archive, _: archive.writestr(special("a.png", stat.S_IFCHR | 0o666), b""),
    "pipe": lambda archive, _: archive.writestr(special("a.png", stat.S_IFIFO | 0o666), b""),
    "set user id": lambda archive, _: archive.writestr(special("b.png", stat.S_IFREG | 0o6777), photo()),
}


@pytest.mark.parametrize("name", CLIMBERS)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_stays_in_its_folder(name: str, known: KnownSet, tmp_path: Path) -> None:
    """The photo is found by name and hash; nothing else is unpacked."""
    (tmp_path / "outside").mkdir()
    with zipfile.ZipFile(tmp_path / "cache" / "archives" / "a.zip", "w") as archive:
        CLIMBERS[name](archive, tmp_path)
        archive.writestr("whatever/a.png", photo())
    publishers.fetch("cid22")
    found = everything(tmp_path)
    assert found == {
        "cache": None,
        "cache/archives": None,
        "cache/cid22": None,
        "cache/cid22/train": None,
        "cache/cid22/train/a.png": photo(),
        "outside": None,
    }
    path = tmp_path / "cache" / "cid22" / "train" / "a.png"
    assert stat.S_ISREG(path.lstat().st_mode) and not path.stat().st_mode & 0o7111


def test_an_archive_that_unpacks_to_far_more_is_refused(known: KnownSet, tmp_path: Path) -> None:
    path = tmp_path / "cache" / "archives" / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(10_000_000))
    with pytest.raises(ReproError, match=r"a\.zip: a\.png would unpack to 10000000 bytes, more than a photo has"):
        publishers.fetch("cid22")
    assert not (tmp_path / "cache" / "cid22").exists()


def test_an_archive_whose_files_overlap_is_refused(known: KnownSet, tmp_path: Path) -> None:
    """Many names share one stretch of the archive: it is small to fetch, but huge when unpacked."""
    path = tmp_path / "cache" / "archives" / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", np.random.default_rng(0).bytes(100_000))
        first = archive.infolist()[0]
        archive.filelist += [first] * 100
    with pytest.raises(ReproError, match="its files overlap"):
        publishers.fetch("cid22")


# --- publishers


class Redirecting(BaseHTTPRequestHandler):
    """Redirects every request to the address in the path."""

    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", self.path.removeprefix("/to/"))
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.parametrize("url", ["http://example.org/a.png", "ftp://example.org/a.png", "file:///etc/passwd", "a.png"])
def test_only_https_is_fetched(url: str, tmp_path: Path) -> None:
    with pytest.raises(ReproError, match="it is not https"):
        download(url, tmp_path / "new" / "a.png", by_hand="fetch it by hand")
    assert not everything(tmp_path)


def test_a_redirect_to_http_is_refused_before_it_is_followed(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "a.png").write_bytes(b"by http")
    with serve(tmp_path / "site") as target, serve(tmp_path / "site", Redirecting) as server:
        with pytest.raises(ReproError, match="it leads to an address that is not https"):
            download(f"{server.url}to/{target.url}a.png", tmp_path / "a.png", by_hand="fetch it by hand")
        assert not target.requests
    assert not (tmp_path / "a.png").exists()


def test_a_file_with_another_hash_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "a.png").write_bytes(b"changed")
    (tmp_path / "a.png").write_bytes(b"what was there")
    with serve(tmp_path / "site") as server:
        with pytest.raises(ReproError, match="its hash is wrong"):
            download(f"{server.url}a.png", tmp_path / "a.png", sha256=sha256_bytes(b"right"), by_hand="fetch it")
        assert server.requests
    assert everything(tmp_path) == {"a.png": b"what was there", "site": None, "site/a.png": b"changed"}


def test_every_publisher_is_asked_by_https() -> None:
    from repro.data.registry import known_sets

    urls = [url for one in known_sets().values() for url in (one.files_url, one.archive) if url]
    assert len(urls) >= 4 and all(url.startswith("https://") for url in [*urls, weights.PUBLISHER])


# --- what is written, and where

#: Logs every change that Python makes to the file system, by its audit events (PEP 578).
WATCH = """
import os, sys
CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod",
    "os.chown", "os.utime", "os.setxattr", "os.mkfifo", "os.mknod", "shutil.rmtree", "shutil.move", "sqlite3.connect"}
def watch(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        writes = flags is not None and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        if not writes or not isinstance(path, (str, bytes, os.PathLike)):
            return
        paths = [path]
    elif event in CHANGES:
        paths = [one for one in arguments[:2] if isinstance(one, (str, bytes, os.PathLike))]
    else:
        return
    for one in paths:
        os.write(LOG, (event + " " + os.path.abspath(os.fsdecode(one)) + chr(10)).encode())
LOG = os.open(os.environ["WATCH_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
sys.addaudithook(watch)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["encode", "in/a b.png", "-o", "out/a.jpg", "--effort", "fast"],
        ["encode", "in", "-o", "out", "--recursive", "--jobs", "2", "--metadata", "all"],
        ["evaluate", "in/a b.png", "in/deep/b.jpg"],
        ["data", "status"],
        ["weights", "status"],
    ],
    ids=" ".join,
)
def test_nothing_is_written_but_where_it_was_asked_for(arguments: list[str], tmp_path: Path) -> None:
    """Apart from the output: the temporary folder, the cache, and what Python and Numba keep beside their modules."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("a b.png", "deep/b.jpg"):
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)).save(tmp_path / "in" / name)
    before = everything(tmp_path / "in")
    (tmp_path / "out").mkdir()
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(WATCH)  # runs in the processes of --jobs, too
    places = {"HOME": "home", "XDG_CACHE_HOME": "home/.cache", "TMPDIR": "tmp", "WATCH_LOG": "log"}
    for place in ("home", "tmp"):
        (tmp_path / place).mkdir()
    environment = {**os.environ, **{name: str(tmp_path / place) for name, place in places.items()}}
    for set_here in ("REPRO_DATA", "TORCHINDUCTOR_CACHE_DIR"):  # PyTorch sets the latter when a test imports it
        environment.pop(set_here, None)
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path / "hook"), str(SRC)])
    done = subprocess.run(
        [sys.executable, "-m", "repro", *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    allowed = tuple(str(tmp_path / name) for name in ("out", "tmp", "home/.cache", "log"))
    changed = [line.partition(" ")[2] for line in lines]
    astray = [path for path in changed if not path.startswith((*allowed, "/dev/", "/proc/"))]
    astray = [path for path in astray if "__pycache__" not in Path(path).parts]
    assert not astray
    if arguments[0] == "encode":
        assert any("/out/" in path for path in changed), "the hook sees what is written"
    assert everything(tmp_path / "in") == before
    assert not any(everything(tmp_path / "tmp").values()), "nothing is left behind"


# --- terminals

WILD = "\x1b]0;title\x07\x9b31m\u202egpj\n.png"


@pytest.mark.parametrize("arguments", [["data", "status"], ["weights", "status"], ["evaluate"]], ids=" ".join)
def test_names_do_not_reach_the_terminal_as_they_are(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Escape sequences could rename a window or overwrite lines; direction marks reverse names."""
    from repro import cli

    folder = tmp_path / WILD
    (folder / "hdrplus").mkdir(parents=True)
    (folder / "hdrplus" / "a.png").write_bytes(photo())
    (folder / weights.PUBLISHED["alexnet"].file).write_bytes(b"weights")
    monkeypatch.setenv("REPRO_DATA", str(folder))
    monkeypatch.setenv("REPRO_WEIGHTS", str(folder))
    if arguments == ["evaluate"]:
        Image.new("RGB", (16, 16)).save(folder / "b.jpg")
        Image.new("RGB", (16, 16)).save(folder / "a.png")
        arguments = ["evaluate", str(folder / "a.png"), str(folder / "b.jpg")]
    cli.run(arguments)
    printed = "".join(capsys.readouterr())
    assert r"\x1b]0;title" in printed
    assert not any(mark in printed for mark in ("\x1b", "\x07", "\x9b", "\u202e", "gpj\n"))
