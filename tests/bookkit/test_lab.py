"""`make lab`: JupyterLab starts, lists every notebook as part of a pair, and its kernel finds package and photos."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from bookkit.project import Project

ROOT = Path(__file__).resolve().parents[2]
NAMES = Project(ROOT).notebooks()
#: Seconds that a server, or a kernel, may take on a busy machine.
PATIENCE = 120

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    """JupyterLab on a free port with a token, without anyone's settings or a browser; stopped afterwards."""
    folder, token = tmp_path_factory.mktemp("lab"), secrets.token_hex(16)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, ROOT / "tools" / "lab.py", *options, f"--IdentityProvider.token={token}"],
            env=os.environ | places,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
        try:
            until = time.monotonic() + PATIENCE
            while process.poll() is None and time.monotonic() < until:
                try:
                    ask(port, token, "status")
                    break
                except OSError:
                    time.sleep(0.3)
            else:
                pytest.fail(f"JupyterLab did not start:\n{(folder / 'log').read_text()[-3000:]}")
            yield port, token
        finally:
            process.terminate()
            process.wait(PATIENCE)


def ask(port: int, token: str, path: str, content: Any = None) -> Any:
    """The API's answer."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/{path}",
        data=None if content is None else json.dumps(content).encode(),
        headers={"Authorization": f"token {token}"},
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)


@pytest.fixture
def api(server: tuple[int, str]) -> Callable[..., Any]:
    return lambda path, content=None: ask(*server, path, content)


def test_every_notebook_is_listed_and_opens_as_a_pair(api: Callable[..., Any]) -> None:
    listed = {one["name"] for one in api("contents/notebooks")["content"]}
    assert {f"{name}{kind}" for name in NAMES for kind in (".ipynb", ".py")} <= listed
    for name in NAMES:
        opened = api(f"contents/notebooks/{name}.ipynb")
        assert opened["type"] == "notebook" and opened["writable"]
        assert opened["content"]["metadata"]["jupytext"]["formats"] == "ipynb,py:percent"
        assert opened["content"]["metadata"]["kernelspec"]["name"] in api("kernelspecs")["kernelspecs"]


def test_a_pair_opens_whatever_the_ages_of_its_halves(api: Callable[..., Any]) -> None:
    """Git sets their modification times in any order."""
    path = ROOT / "notebooks" / f"{NAMES[0]}.ipynb"
    before = path.stat()
    os.utime(path, (before.st_atime, time.time() + 3600))
    try:
        assert api(f"contents/notebooks/{NAMES[0]}.ipynb")["content"]["cells"]
    finally:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_the_server_refuses_who_has_no_token(server: tuple[int, str]) -> None:
    with pytest.raises(urllib.error.HTTPError, match="403"):
        ask(server[0], "wrong", "contents/notebooks")


WINDOW = """import os, repro
from bookkit import live
from repro.data import photos
print(repro.__file__, os.environ.get("REPRO_DATA"), len(photos("sample")), sep="|")
live.own_photo("small.png", next(iter(photos("sample"))).rgb()[:64, :96], "Part of a photo")"""


def test_the_window_of_your_own_photo_encodes_in_jupyterlab(server: tuple[int, str], browser: Any) -> None:
    """As on the built page. The kernel finds this checkout's packages, and the photos that the shell names."""
    port, token = server
    place = ROOT / "_build" / "window.ipynb"
    place.parent.mkdir(exist_ok=True)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(WINDOW)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, place)
    page = browser.new_page()
    page.set_default_timeout(1000 * PATIENCE)
    try:
        page.goto(f"http://127.0.0.1:{port}/lab/tree/_build/window.ipynb?token={token}")
        page.get_by_text("| Idle").wait_for()
        page.locator(".jp-Notebook .jp-CodeCell").click()
        page.keyboard.press("Control+Enter")
        page.get_by_text(f"{ROOT}/src/repro/__init__.py|{os.environ.get('REPRO_DATA')}|4").wait_for()
        page.get_by_text("Download small-q75.jpg").wait_for()
        assert "small.png: 96 × 64 pixels" in page.locator(".repro-own .line").inner_text()
    finally:
        page.close()
        place.unlink()
