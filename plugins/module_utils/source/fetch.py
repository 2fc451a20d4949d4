# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages behind URLs: fetched once, by their hash; what a killed run has of one, the next goes on from."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.units import format_size

from .cache import folder, locked

MOST_BYTES = 2 * 2**30
_TIMEOUT = 30.0  # seconds without a byte
_LONGEST = 3600.0  # seconds for all of it
_CHUNK = 2**20
_PARTIAL = 206
_UNSATISFIABLE = 416
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


def fetched(url: str, sha256: str, most: int = MOST_BYTES) -> Path:
    """Return where the file of a URL is, fetching it if it is not there yet. Raises FairleadError."""
    place = folder("packages") / sha256
    with locked(place):
        if place.is_file() and _sha256_of(place) == sha256:
            return place
        place.unlink(missing_ok=True)
        part = place.with_name(f"{sha256}.part")
        try:
            if not part.is_file() or _sha256_of(part) != sha256:
                _fetch(url, part, most)
        except FairleadError:
            part.unlink(missing_ok=True)
            raise
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise FairleadError(f"{url} cannot be fetched: {_words(error)}") from error
        found = _sha256_of(part)
        if found != sha256:
            part.unlink()
            raise FairleadError(f"{url} has another SHA-256; got {found}; expected {sha256}")
        part.replace(place)
    return place


def _fetch(url: str, part: Path, most: int) -> None:
    have = part.stat().st_size if part.exists() else 0
    try:
        answer = _ask(url, have)
    except urllib.error.HTTPError as error:
        if error.code != _UNSATISFIABLE or not have:
            raise
        part.unlink()  # more than there is, or all of it: begin anew
        answer = _ask(url, 0)
    with answer, part.open("ab") as file:
        if not _goes_on(answer, have):
            file.truncate(0)
            have = 0
        _copy(url, answer, file, have, most)
        os.fsync(file.fileno())


def _ask(url: str, have: int) -> Any:
    headers = {"User-Agent": "fairlead", "Accept-Encoding": "identity"}
    request = urllib.request.Request(url, headers=headers | ({"Range": f"bytes={have}-"} if have else {}))  # noqa: S310 - the app file's grammar takes http and https only
    return _OPENER.open(request, timeout=_TIMEOUT)


def _goes_on(answer: Any, have: int) -> bool:
    match = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    return bool(have) and answer.status == _PARTIAL and match is not None and int(match[1]) == have


def _copy(url: str, answer: Any, file: IO[bytes], have: int, most: int) -> None:
    began, whole = time.monotonic(), answer.headers.get("Content-Length")
    expected = have + int(whole) if whole and whole.isdecimal() else None
    if expected is not None and expected > most:
        raise FairleadError(
            f"{url} is too large; got {format_size(expected)}; expected at most {format_size(most)}"
        )
    while data := answer.read(_CHUNK):
        have += len(data)
        if have > most:
            raise FairleadError(f"{url} is too large; expected at most {format_size(most)}")
        if time.monotonic() - began > _LONGEST:
            raise TimeoutError(f"takes longer than {_LONGEST:g} s; the next run goes on from here")
        file.write(data)
    if expected is not None and have < expected:
        raise ConnectionError(f"ended after {have} of {expected} bytes; the next run goes on from there")


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _words(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answers {error.code} {error.reason}"
    return " ".join(str(reason or str(error) or type(error).__name__).split())


_OPENER = urllib.request.OpenerDirector()
for _handler in (
    urllib.request.ProxyHandler(),
    urllib.request.UnknownHandler(),
    urllib.request.HTTPHandler(),
    urllib.request.HTTPSHandler(),
    urllib.request.HTTPDefaultErrorHandler(),
    urllib.request.HTTPRedirectHandler(),
    urllib.request.HTTPErrorProcessor(),
):
    _OPENER.add_handler(_handler)
