"""A publisher for tests: a folder served on this machine, with a list of the requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Publisher:
    url: str
    requests: list[str] = field(default_factory=list)


@contextmanager
def serve(folder: Path, handler: type[BaseHTTPRequestHandler] | None = None) -> Iterator[Publisher]:
    """Serve ``folder``, or let ``handler`` answer, on a free port of 127.0.0.1 while the block runs."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            publisher.requests.append(self.path)

    answers = handler or partial(Handler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), answers) as server:
        publisher = Publisher(f"http://127.0.0.1:{server.server_port}/")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield publisher
        server.shutdown()
