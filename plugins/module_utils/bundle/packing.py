# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a bundle of what the registry has, and bring one into a registry; blobs are streamed, never held."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPResponse
from pathlib import Path
from typing import IO, Any, cast

from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import Manifest, Registry
from ansible_collections.fairlead.paas.plugins.module_utils.registry.signing import sign_image

from .contents import HEAD, BundleError, File, Head, Image, blob_path, read_head, referred

_ATTACHED = "sha256-"
_LISTS = ("manifests",)


@dataclass
class _Gathered:
    """Manifests in the order in which a registry takes them, and the blobs that they need."""

    images: list[Image] = field(default_factory=list)
    manifests: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, tuple[str, int]] = field(default_factory=dict)  # digest -> a name that has it, size


def pack(
    registry: Registry, path: Path, head: Mapping[str, Any], images: Iterable[str], app_file: str
) -> Head:
    """Write a bundle of images, ``NAME@DIGEST`` or ``NAME:TAG``, with what is attached to them.

    ``head`` is ``app``, ``release`` and ``secrets`` of the bundle's head. Raises BundleError, RegistryError.
    """
    gathered = _Gathered()
    for image in images:
        _gather(registry, gathered, *_split(image))
    small = {
        "oci-layout": b'{"imageLayoutVersion":"1.0.0"}\n',
        "index.json": _index(gathered),
        f"app/{head['app']}.yml": app_file.encode(),
        **{blob_path(digest): body for digest, body in sorted(gathered.manifests.items())},
    }
    files = {name: File(hashlib.sha256(body).hexdigest(), len(body)) for name, body in small.items()}
    files |= {blob_path(blob): File(blob[7:], size) for blob, (_, size) in gathered.blobs.items()}
    made = Head(head["app"], head["release"], tuple(head["secrets"]), tuple(gathered.images), files)
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, body in {HEAD: made.written(), **small}.items():
            _add(tar, name, len(body), io.BytesIO(body))
        for digest, (name, size) in sorted(gathered.blobs.items()):
            with registry.open_blob(name, digest) as response:
                _add(tar, blob_path(digest), size, cast("IO[bytes]", _Checked(response, name, digest)))
    return made


def unpack(registry: Registry, path: Path) -> list[str]:
    """Bring a bundle's images into the registry, under their names and tags, and sign them here.

    Returns what was not there before. Raises BundleError before anything is sent if the bundle is not whole.
    """
    head = read_head(path)
    missing = [image for image in head.images if not _has(registry, image)]
    for image in missing:
        body = _body(path, image)
        with tarfile.open(path, "r:") as tar:
            for digest in _blobs_of(head, body):
                _send(registry, tar, image.name, digest, head.files[blob_path(digest)].size)
        for reference in (image.digest, *image.tags):
            registry.put_manifest(image.name, reference, Manifest(image.kind, body))
    for image in head.images:
        if not any(tag.startswith(_ATTACHED) for tag in image.tags):
            sign_image(registry, image.name, image.digest)
    return [f"{image.name}@{image.digest}" for image in missing]


def lacking(registry: Registry, images: Iterable[Image]) -> list[str]:
    """Return the images of a bundle that the registry has not yet."""
    return [f"{image.name}@{image.digest}" for image in images if not _has(registry, image)]


def _has(registry: Registry, image: Image) -> bool:
    """Say whether the registry has an image with all its tags; what is attached may have grown there."""
    if any(tag.startswith(_ATTACHED) for tag in image.tags):
        return all(registry.digest(image.name, tag) for tag in image.tags)
    return all(registry.digest(image.name, it) == image.digest for it in (image.digest, *image.tags))


def _gather(registry: Registry, into: _Gathered, name: str, reference: str, *, part: bool = False) -> None:
    found = registry.manifest(name, reference)
    if found is None:
        separator = "@" if reference.startswith("sha256:") else ":"
        raise BundleError(f"image {name}{separator}{reference} is not in the registry any more: {_GONE}")
    try:
        parts = list(referred(found.data))
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"image {name}@{found.digest}: its manifest is none: {error}") from None
    if any(found.data.get(key) for key in _LISTS):
        for digest in parts:
            _gather(registry, into, name, digest, part=True)
    else:
        described = [found.data["config"], *found.data["layers"]]
        into.blobs |= {one["digest"]: (name, int(one["size"])) for one in described}
    tags = () if reference.startswith("sha256:") else (reference,)
    into.images.append(Image(name, found.digest, found.kind, tags))
    into.manifests[found.digest] = found.body
    if not part and not reference.startswith(_ATTACHED):
        for tag in registry.tags(name):
            if tag.startswith(f"{found.digest.replace(':', '-')}."):
                _gather(registry, into, name, tag)


_GONE = "it was pruned; bundle a release that is kept, or build it again"


def _split(image: str) -> tuple[str, str]:
    name, at, digest = image.partition("@")
    if at:
        return name, digest
    name, _, tag = image.rpartition(":")
    return (name, tag) if name else (image, "latest")


def _index(gathered: _Gathered) -> bytes:
    described = [
        {
            "mediaType": image.kind,
            "digest": image.digest,
            "size": len(gathered.manifests[image.digest]),
            "annotations": {"org.opencontainers.image.ref.name": ":".join([image.name, *image.tags[:1]])},
        }
        for image in gathered.images
    ]
    return (json.dumps({"schemaVersion": 2, "manifests": described}, sort_keys=True) + "\n").encode()


def _add(tar: tarfile.TarFile, name: str, size: int, source: IO[bytes]) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    try:
        tar.addfile(info, source)
    except (OSError, ValueError) as error:
        raise BundleError(f"the bundle cannot be written at {name}: {error}") from error


class _Checked:
    """A blob on its way out of the registry; it must be what its digest says."""

    def __init__(self, response: HTTPResponse, name: str, digest: str) -> None:
        self._response, self._what = response, f"blob {name}@{digest}"
        self._found, self._digest = hashlib.sha256(), digest

    def read(self, size: int) -> bytes:
        piece = self._response.read(size)
        self._found.update(piece)
        if self._response.length == 0 and self._digest != f"sha256:{self._found.hexdigest()}":
            raise BundleError(f"{self._what}: what the registry sent is not what its digest says")
        return piece


def _body(path: Path, image: Image) -> bytes:
    with tarfile.open(path, "r:") as tar:
        file = tar.extractfile(image.place)
        return file.read() if file else b""


def _blobs_of(head: Head, manifest: bytes) -> Iterator[str]:
    """Yield the blobs of an image that are no manifests themselves."""
    whole = {image.digest for image in head.images}
    yield from (digest for digest in referred(json.loads(manifest)) if digest not in whole)


def _send(registry: Registry, tar: tarfile.TarFile, name: str, digest: str, size: int) -> None:
    file = tar.extractfile(blob_path(digest))
    if file is None:
        raise BundleError(f"the bundle lacks {digest}")
    registry.put_blob(name, file, digest, size)


__all__: Sequence[str] = ("lacking", "pack", "unpack")
