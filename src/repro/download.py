"""Downloads: over https only, including redirects, and either complete with the right hash or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from repro.errors import ReproError
from repro.files import atomic_path, sha256_file

#: Seconds to wait for a silent server.
TIMEOUT = 30


class _Refused(Exception):
    """The reason why a file is not fetched or not kept."""


def download(url: str, path: Path, *, sha256: str = "", progress: bool = False, by_hand: str) -> str:
    """Fetch ``url`` into ``path`` and return the file's SHA-256, which must begin with ``sha256``.

    Raises :class:`ReproError` if there is no network, the hash is wrong, the folder cannot be written, or ``url`` or a
    redirect is not https; then nothing is written. ``by_hand`` tells the user what to do instead. Plain http is allowed
    from this machine to itself.
    """
    import pooch
    import requests

    get = pooch.HTTPDownloader(progressbar=progress, timeout=TIMEOUT, hooks={"response": _check_redirect})
    try:
        if urlsplit(url).scheme != "https" and urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1"):
            raise _Refused("it is not https")
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            try:
                get(url, str(temporary), None)
            except requests.RequestException as error:  # an OSError, which atomic_path would take for one of its own
                raise _Refused(type(error).__name__) from error
            digest = sha256_file(temporary)
            if not digest.startswith(sha256):
                raise _Refused("its hash is wrong")
    except _Refused as error:
        raise ReproError(f"{url}: cannot be fetched ({error}); try again later, or {by_hand}") from error
    except OSError as error:
        raise ReproError(f"{path.parent}: cannot be made ({error.strerror}); check its permissions") from error
    return digest


def _check_redirect(response: Any, **_: object) -> None:
    """Raise :class:`_Refused` before following a redirect to an address that is not https."""
    if response.is_redirect and urlsplit(urljoin(response.url, response.headers["location"])).scheme != "https":
        raise _Refused("it leads to an address that is not https")
