# SPDX-License-Identifier: GPL-3.0-or-later
"""Our image registry, asked over its HTTP API: manifests and their tags, blobs, and what there is.

A name is an image's without the registry's address, such as ``shop`` or ``runtimes/python``; a reference is a
tag or a digest. Blobs and manifests are addressed by digest, so that sending one twice is no harm.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode, urlsplit

from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Auth
from ansible_collections.fairlead.paas.plugins.module_utils.waiting import Deadline

from .transport import CERTIFICATES, RegistryError, Transport

IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
ARTIFACT = "application/vnd.oci.image.manifest.v1+json"
_MANIFESTS = (
    f"{IMAGE}, application/vnd.docker.distribution.manifest.list.v2+json, "
    f"{ARTIFACT}, application/vnd.oci.image.index.v1+json"
)
_OK, _CREATED, _ACCEPTED, _NOT_FOUND = 200, 201, 202, 404
_PAUSE = 0.1  # seconds between two questions whether it answers
_PAGE = 1000  # names or tags that one answer lists

__all__ = ["ARTIFACT", "CERTIFICATES", "IMAGE", "Manifest", "Registry", "RegistryError", "digest_of"]


def digest_of(data: bytes) -> str:
    """Return the digest by which a registry addresses these bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass(frozen=True)
class Manifest:
    """One manifest as the registry keeps it."""

    kind: str  # its media type
    body: bytes

    @property
    def digest(self) -> str:
        """Return the digest that addresses it."""
        return digest_of(self.body)

    @property
    def data(self) -> dict[str, Any]:
        """Return what is in it, by the names of the OCI image specification."""
        data: dict[str, Any] = json.loads(self.body)
        return data


class Registry:
    """One registry, ``HOST:PORT``, asked with one account. Every method raises RegistryError."""

    def __init__(self, address: str, auth: Auth, certificates: Path = CERTIFICATES) -> None:
        """Take the account to ask with, and where the CAs of registries are kept, as Docker lays them out."""
        self.address = address
        self._way = Transport(address, auth, certificates)

    def digest(self, name: str, reference: str) -> str | None:
        """Return the digest of NAME:TAG or NAME@DIGEST, None when the registry has no such image."""
        answer = self._way.ask("HEAD", _manifest(name, reference), headers={"Accept": _MANIFESTS})
        if answer.status == _NOT_FOUND:
            return None
        return answer.expect(self._words(name, reference), _OK).headers.get("docker-content-digest")

    def manifest(self, name: str, reference: str) -> Manifest | None:
        """Return a manifest, None when the registry has none."""
        answer = self._way.ask("GET", _manifest(name, reference), headers={"Accept": _MANIFESTS})
        if answer.status == _NOT_FOUND:
            return None
        found = answer.expect(self._words(name, reference), _OK)
        return Manifest(found.headers.get("content-type", ""), found.body)

    def put_manifest(self, name: str, reference: str, manifest: Manifest) -> None:
        """Keep a manifest under a tag, or by its digest alone; what it names must be there already."""
        what = f"{self._words(name, reference)} cannot be kept"
        headers = {"Content-Type": manifest.kind}
        self._way.ask("PUT", _manifest(name, reference), manifest.body, headers).expect(what, _CREATED)

    def tag(self, name: str, digest: str, tag: str) -> None:
        """Give the image NAME@DIGEST the tag, whatever had it before."""
        found = self.manifest(name, digest)
        if found is None:
            raise RegistryError(f"{self._words(name, digest)} is not in the registry")
        self.put_manifest(name, tag, found)

    def delete(self, name: str, digest: str) -> None:
        """Forget a manifest and all its tags; blobs stay until garbage is collected. Gone already is fine."""
        what = f"{self._words(name, digest)} cannot be deleted"
        self._way.ask("DELETE", _manifest(name, digest)).expect(what, _ACCEPTED, _NOT_FOUND)

    def names(self) -> list[str]:
        """Return the names of all images, sorted."""
        return sorted(self._listed("_catalog", "repositories", "the registry's images"))

    def tags(self, name: str) -> list[str]:
        """Return the tags of an image, sorted; none where there is no such image."""
        return sorted(self._listed(f"{name}/tags/list", "tags", f"the tags of {self.address}/{name}"))

    def has_blob(self, name: str, digest: str) -> bool:
        """Say whether the image's repository has a blob."""
        answer = self._way.ask("HEAD", _blob(name, digest))
        return answer.expect(f"blob {name}@{digest}", _OK, _NOT_FOUND).status == _OK

    def blob(self, name: str, digest: str) -> bytes:
        """Return a whole blob, such as an image's configuration."""
        return self._way.ask("GET", _blob(name, digest)).expect(f"blob {name}@{digest}", _OK).body

    @contextmanager
    def open_blob(self, name: str, digest: str) -> Iterator[HTTPResponse]:
        """Give a blob to be read piece by piece, and to its end."""
        with self._way.open("GET", _blob(name, digest)) as response:
            if response.status != _OK:
                raise RegistryError(f"blob {name}@{digest}: the registry answers {response.status}")
            yield response

    def put_blob(self, name: str, data: bytes | IO[bytes], digest: str, size: int) -> None:
        """Keep a blob, unless it is there already. A file is read from where it stands, ``size`` bytes."""
        if self.has_blob(name, digest):
            return
        what = f"blob {name}@{digest} cannot be kept"
        begun = self._way.ask("POST", f"/v2/{name}/blobs/uploads/", b"").expect(what, _ACCEPTED)
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        place = _with_digest(begun.headers.get("location", ""), digest)
        self._way.ask("PUT", place, data, headers).expect(what, _CREATED)

    def mount_blob(self, name: str, digest: str, source: str) -> bool:
        """Take a blob over from another image without sending it; say whether the registry had it there."""
        asked = urlencode({"mount": digest, "from": source})
        answer = self._way.ask("POST", f"/v2/{name}/blobs/uploads/?{asked}", b"")
        answer.expect(f"blob {source}@{digest} cannot be taken over by {name}", _CREATED, _ACCEPTED)
        if answer.status == _ACCEPTED:  # an upload was begun instead; nothing shall be left of it
            self._way.ask("DELETE", _relative(answer.headers.get("location", "")))
        return answer.status == _CREATED

    def wait_until_it_answers(self, seconds: float = 30.0) -> None:
        """Return when the registry answers, as after a restart. Raises RegistryError if it does not."""
        deadline, last = Deadline(seconds), ""

        def answers() -> bool:
            nonlocal last
            try:
                self._way.ask("GET", "/v2/").expect("the registry", _OK)
            except RegistryError as error:
                last = str(error)
                return False
            return True

        if not deadline.until(answers, _PAUSE):
            raise RegistryError(f"{last}, {seconds:g} s after its restart")

    def close(self) -> None:
        """Leave the connection."""
        self._way.close()

    def _listed(self, path: str, key: str, what: str) -> Iterator[str]:
        place: str | None = f"/v2/{path}?n={_PAGE}"
        while place:
            answer = self._way.ask("GET", place)
            if answer.status == _NOT_FOUND:
                return
            yield from json.loads(answer.expect(what, _OK).body).get(key) or []
            place = _next(answer.headers.get("link", ""))

    def _words(self, name: str, reference: str) -> str:
        separator = "@" if reference.startswith("sha256:") else ":"
        return f"image {self.address}/{name}{separator}{reference}"


def _manifest(name: str, reference: str) -> str:
    return f"/v2/{name}/manifests/{reference}"


def _blob(name: str, digest: str) -> str:
    return f"/v2/{name}/blobs/{digest}"


def _with_digest(location: str, digest: str) -> str:
    place = _relative(location)
    return f"{place}{'&' if '?' in place else '?'}{urlencode({'digest': digest})}"


def _relative(location: str) -> str:
    """Return the path and query of a place that the registry named: it may know itself by another address."""
    parts = urlsplit(location)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _next(link: str) -> str | None:
    place, _, relation = link.partition(">")
    return _relative(place.removeprefix("<")) if 'rel="next"' in relation else None
