# SPDX-License-Identifier: GPL-3.0-or-later
"""Our image registry, asked over its HTTP API: which digest has a tag, and give a digest one more tag.

It is asked over TLS, verified with the CA that Docker itself trusts for it. Only a registry on loopback for
which no CA is set up is asked in plain HTTP, as Docker does.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import ip_address
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Auth
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

CERTIFICATES = Path("/etc/docker/certs.d")
_MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"
)
_OK, _CREATED, _NOT_FOUND = 200, 201, 404
_REFUSED = {401: "the account is refused", 403: "the account may not do this"}
_TIMEOUT = 30  # seconds


class RegistryError(FairleadError):
    """The registry cannot be reached, is not trusted, or refused; says what was asked and why not."""


@dataclass(frozen=True)
class Answer:
    """What the registry answered."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes


class Registry:
    """One registry, ``HOST:PORT``; each question has a connection of its own: minutes may lie between two."""

    def __init__(self, address: str, auth: Auth, certificates: Path = CERTIFICATES) -> None:
        """Take the account to ask with, and where the CAs of registries are kept, as Docker lays them out."""
        self.address, self._auth = address, auth
        self._connection = _connection(address, certificates / address / "ca.crt")

    def digest(self, name: str, reference: str) -> str | None:
        """Return the digest of NAME:TAG or NAME@DIGEST, None when the registry has no such image."""
        answer = self._ask("HEAD", name, reference)
        if answer.status == _NOT_FOUND:
            return None
        return _expect(_OK, answer, self._words(name, reference)).headers.get("docker-content-digest")

    def tag(self, name: str, digest: str, tag: str) -> None:
        """Give the image NAME@DIGEST the tag, whatever had it before."""
        found = _expect(_OK, self._ask("GET", name, digest), self._words(name, digest))
        kind = {"Content-Type": found.headers.get("content-type", "")}
        _expect(_CREATED, self._ask("PUT", name, tag, found.body, kind), self._words(name, tag))

    def close(self) -> None:
        """Leave the connection."""
        self._connection.close()

    def _ask(
        self,
        method: str,
        name: str,
        reference: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        try:
            self._connection.request(
                method,
                f"/v2/{name}/manifests/{reference}",
                body or None,
                {"Accept": _MANIFESTS, **_authorization(self._auth), **(headers or {})},
            )
            response = self._connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        except ssl.SSLCertVerificationError as error:
            raise RegistryError(
                f"registry {self.address} is not trusted: {error.verify_message}; its CA belongs into "
                f"{CERTIFICATES}/{self.address}/ca.crt, where the role engine puts it"
            ) from error
        except (OSError, HTTPException) as error:
            raise RegistryError(
                f"registry {self.address} gives no answer: {str(error) or type(error).__name__}"
            ) from error
        finally:
            self._connection.close()

    def _words(self, name: str, reference: str) -> str:
        separator = "@" if reference.startswith("sha256:") else ":"
        return f"image {self.address}/{name}{separator}{reference}"


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


def _expect(status: int, answer: Answer, what: str) -> Answer:
    if answer.status != status:
        why = _REFUSED.get(answer.status) or answer.body.decode(errors="replace").strip() or "no reason given"
        raise RegistryError(f"{what}: the registry answers {answer.status}, {why}")
    return answer
