# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to our image registry: HTTP over TLS, verified with the CA that Docker itself trusts for it.

Only a registry on loopback for which no CA is set up is asked in plain HTTP, as Docker does.
"""

from __future__ import annotations

import base64
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, RemoteDisconnected
from ipaddress import ip_address
from pathlib import Path
from typing import IO

from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Auth
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

CERTIFICATES = Path("/etc/docker/certs.d")
_TIMEOUT = 60  # seconds
_IDLE = 5.0  # seconds; whoever keeps a connection longer may find it closed
_READONLY = (
    "it is read-only while garbage is collected, as playbooks/prune.yml does it; run this again in a minute"
)
_REFUSED = {401: "the account is refused", 403: "the account may not do this", 405: _READONLY}


class RegistryError(FairleadError):
    """The registry cannot be reached, is not trusted, or refused; says what was asked and why not."""


@dataclass(frozen=True)
class Answer:
    """What the registry answered."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    def expect(self, what: str, *status: int) -> Answer:
        """Return this answer if its status is as expected. Raises RegistryError with what was asked."""
        if self.status in status:
            return self
        why = _REFUSED.get(self.status) or _said(self.body) or "no reason given"
        raise RegistryError(f"{what}: the registry answers {self.status}, {why}")


class Transport:
    """One registry, ``HOST:PORT``, asked with one account, over one connection as long as that is fresh."""

    def __init__(self, address: str, auth: Auth, certificates: Path = CERTIFICATES) -> None:
        """Take the account to ask with, and where the CAs of registries are kept, as Docker lays them out."""
        self.address, self._auth = address, auth
        self._connection = _connection(address, certificates / address / "ca.crt")
        self._used = 0.0

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return the answer, whatever its status. Raises RegistryError where there is none."""
        with self.open(method, path, body, headers) as response:
            answer = Answer(response.status, _headers(response), self._read(response))
        self._used = time.monotonic()
        return answer

    def open(
        self,
        method: str,
        path: str,
        body: bytes | IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HTTPResponse:
        """Return the response to be read piece by piece, and to its end. Raises RegistryError."""
        if time.monotonic() - self._used > _IDLE:
            self._connection.close()
        sent = {**_authorization(self._auth), **(headers or {})}
        try:
            return self._response(method, path, body, sent)
        except ssl.SSLCertVerificationError as error:
            self._connection.close()
            raise RegistryError(
                f"registry {self.address} is not trusted: {error.verify_message}; its CA belongs into "
                f"{CERTIFICATES}/{self.address}/ca.crt, where the role engine puts it"
            ) from error
        except (OSError, HTTPException) as error:
            raise self._lost(error) from error

    def close(self) -> None:
        """Leave the connection."""
        self._connection.close()

    def _response(
        self, method: str, path: str, body: bytes | IO[bytes] | None, headers: dict[str, str]
    ) -> HTTPResponse:
        try:
            self._connection.request(method, path, body, headers)
            return self._connection.getresponse()
        except (RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            # It was let go of meanwhile. What has a body that is read only once is not sent again.
            self._connection.close()
            if body is not None and not isinstance(body, bytes):
                raise
            self._connection.request(method, path, body, headers)
            return self._connection.getresponse()

    def _read(self, response: HTTPResponse) -> bytes:
        try:
            return response.read()
        except (OSError, HTTPException) as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> RegistryError:
        self._connection.close()
        return RegistryError(f"registry {self.address} gives no answer: {str(error) or type(error).__name__}")


def _said(body: bytes) -> str:
    """Return why, in the registry's words, of an answer that is an error."""
    text = body.decode(errors="replace").strip()
    try:
        return "; ".join(error["message"] for error in json.loads(text)["errors"]) or text
    except (ValueError, TypeError, KeyError):
        return text


def _headers(response: HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}


def _connection(address: str, ca: Path) -> HTTPConnection:
    if ca.is_file():
        return HTTPSConnection(address, timeout=_TIMEOUT, context=ssl.create_default_context(cafile=str(ca)))
    if _is_loopback(address):
        return HTTPConnection(address, timeout=_TIMEOUT)
    return HTTPSConnection(address, timeout=_TIMEOUT, context=ssl.create_default_context())


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]") or address
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _authorization(auth: Auth) -> dict[str, str]:
    if not auth:
        return {}
    account = f"{auth['username']}:{auth['password']}".encode()
    return {"Authorization": f"Basic {base64.b64encode(account).decode()}"}
