"""Browsers as decoders: each is told to ignore colour profiles, and returns the samples of a canvas."""

from __future__ import annotations

import base64
import importlib.util
import itertools
import json
import shutil
import subprocess
import tempfile
import time
from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from decoder_files import Fault, File
from decoders import Decoder, _shaped, _version

#: Pixels fetched at a time.
STRIP = 2**21
_OPEN = """async text => {
    const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
    const file = new Blob([bytes], {type: "image/jpeg"});
    window.bitmap = await createImageBitmap(file, {colorSpaceConversion: "none"});
    return bitmap.height + " " + bitmap.width;
}"""
_ROWS = """([top, rows]) => {
    const canvas = document.createElement("canvas");
    canvas.width = bitmap.width; canvas.height = rows;
    const context = canvas.getContext("2d", {willReadFrequently: true});
    context.drawImage(bitmap, 0, -top);
    const samples = context.getImageData(0, 0, bitmap.width, rows).data;
    let text = "";
    for (let i = 0; i < samples.length; i += 3 * 4096)
        text += btoa(String.fromCharCode.apply(null, samples.subarray(i, i + 3 * 4096)));
    return text;
}"""


class Browser(Decoder):
    """A browser that can evaluate a JavaScript function."""

    @abstractmethod
    def evaluate(self, function: str, argument: Any) -> str:
        """What ``function`` returns, awaited. Raises :class:`Fault` if it throws."""

    def decoded(self, file: File) -> np.ndarray:
        height, width = map(int, self.evaluate(_OPEN, base64.b64encode(file.path.read_bytes()).decode()).split())
        rows = max(1, STRIP // width)
        tops = range(0, height, rows)
        parts = [base64.b64decode(self.evaluate(_ROWS, [top, min(rows, height - top)])) for top in tops]
        return _shaped(b"".join(parts), (height, width, 4))[..., :3]


class Chromium(Browser):
    """Driven by Playwright, in a thread of its own, as Playwright requires."""

    name = "Chromium"
    FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._playwright: Any = None
        self._browser: Any = None

    @cached_property
    def program(self) -> str | None:
        """The installed browser; None without it or without Playwright."""
        driven = importlib.util.find_spec("playwright")
        return (shutil.which("chromium") or shutil.which("google-chrome")) if driven else None

    def version(self) -> str | None:
        return str(self._thread.submit(lambda: self._page.context.browser.version).result()) if self.program else None

    def evaluate(self, function: str, argument: Any) -> str:
        return str(self._thread.submit(self._evaluate, function, argument).result())

    def close(self) -> None:
        self._thread.submit(self._stop).result()
        self._thread.shutdown()

    @cached_property
    def _page(self) -> Any:
        from playwright.sync_api import sync_playwright

        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=self.program, args=list(self.FLAGS))
        return self._browser.new_page()

    def _evaluate(self, function: str, argument: Any) -> Any:
        from playwright.sync_api import Error

        try:
            return self._page.evaluate(function, argument)
        except Error as error:
            raise Fault(" ".join(error.message.split())) from error

    def _stop(self) -> None:
        if self._browser:
            self._browser.close()
        if self._playwright:
            self._playwright.stop()


class Firefox(Browser):
    """Driven by WebDriver BiDi, which it has built in."""

    name = "Firefox"
    PREFERENCES = 'user_pref("gfx.color_management.mode", 0);\nuser_pref("app.update.enabled", false);\n'

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._process: subprocess.Popen[bytes] | None = None
        self._profile = ""

    @cached_property
    def program(self) -> str | None:
        """The installed browser; None without it or without the package ``websocket``."""
        driven = importlib.util.find_spec("websocket")
        return (shutil.which("firefox") or shutil.which("firefox-esr")) if driven else None

    def version(self) -> str | None:
        return _version(self.program, "--version", "Mozilla Firefox") if self.program else None

    def evaluate(self, function: str, argument: Any) -> str:
        call = {"expression": f"({function})({json.dumps(argument)})", "awaitPromise": True}
        answer = self._command("script.evaluate", **call, target={"context": self._context})
        if answer["type"] != "success":
            raise Fault(" ".join(answer["exceptionDetails"]["text"].split()))
        return str(answer["result"]["value"])

    def close(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait()
            shutil.rmtree(self._profile, ignore_errors=True)

    @cached_property
    def _socket(self) -> Any:
        import websocket

        assert self.program is not None
        self._profile = tempfile.mkdtemp(prefix="repro-firefox-")
        Path(self._profile, "user.js").write_text(self.PREFERENCES)
        call = [self.program, "--headless", "--no-remote", "--profile", self._profile, "--remote-debugging-port=0"]
        self._process = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        told = Path(self._profile, "WebDriverBiDiServer.json")
        for _ in range(600):
            if told.is_file() and told.read_text().endswith("}"):
                place = json.loads(told.read_text())
                url = f"ws://{place['ws_host']}:{place['ws_port']}/session"
                return websocket.create_connection(url, timeout=300, suppress_origin=True, skip_utf8_validation=True)
            time.sleep(0.1)
        raise Fault("does not start")

    @cached_property
    def _context(self) -> str:
        self._command("session.new", capabilities={})
        return str(self._command("browsingContext.getTree")["contexts"][0]["context"])

    def _command(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == number:  # otherwise an event
                if "error" in answer:
                    raise Fault(answer["message"])
                return answer["result"]
