# SPDX-License-Identifier: GPL-3.0-or-later
"""What Debian's docker-registry keeps, read from its disk: its API tells neither ages nor what has no tag.

The layout is that of its filesystem driver, unchanged since 2015. Nothing is written here.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .pruning import Blob, Entry, Store
from .transport import RegistryError

_ALGORITHM = "sha256"


class Disk:
    """The disk of one registry, by the ``rootdirectory`` of its settings."""

    def __init__(self, root: Path) -> None:
        """Take the root directory; a registry that has kept nothing yet has none."""
        place = root / "docker/registry/v2"
        self._blobs, self._names = place / "blobs" / _ALGORITHM, place / "repositories"

    def read(self) -> Store:
        """Return all that is kept. Raises RegistryError where a manifest cannot be read."""
        now = time.time()
        blobs = dict(self._every_blob(now))
        return Store(tuple(entry for name in self._every_name() for entry in self._entries(name, now)), blobs)

    def age(self, name: str, digest: str) -> float | None:
        """Return how many seconds ago a manifest was last pushed, None where it is gone."""
        try:
            return time.time() - self._link(name, digest).stat().st_mtime
        except FileNotFoundError:
            return None

    def _every_blob(self, now: float) -> Iterator[tuple[str, Blob]]:
        for path in self._blobs.glob("*/*/data"):
            try:
                found = path.stat()
            except FileNotFoundError:  # it went meanwhile
                continue
            yield f"{_ALGORITHM}:{path.parent.name}", Blob(found.st_size, now - found.st_mtime)

    def _every_name(self) -> Iterator[str]:
        for folder, below, _ in os.walk(self._names):
            if "_manifests" in below:
                yield Path(folder).relative_to(self._names).as_posix()
            below[:] = sorted(name for name in below if not name.startswith("_"))

    def _entries(self, name: str, now: float) -> Iterator[Entry]:
        tags = self._tags(name)
        for link in sorted(self._revisions(name).glob("*/link")):
            digest = f"{_ALGORITHM}:{link.parent.name}"
            try:
                age = now - link.stat().st_mtime
            except FileNotFoundError:
                continue
            yield Entry(name, digest, tuple(sorted(tags.get(digest, ()))), age, self._refers(name, digest))

    def _tags(self, name: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for link in (self._names / name / "_manifests/tags").glob("*/current/link"):
            found.setdefault(link.read_text().strip(), []).append(link.parent.parent.name)
        return found

    def _refers(self, name: str, digest: str) -> frozenset[str]:
        value = digest.partition(":")[2]
        path = self._blobs / value[:2] / value / "data"
        try:
            return frozenset(_referred(json.loads(path.read_bytes())))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise RegistryError(
                f"image {name}@{digest}: its manifest cannot be read from {path}: {error}; the image is lost."
                f" Nothing was pruned: remove {self._revisions(name) / value}, and run this again"
            ) from error

    def _revisions(self, name: str) -> Path:
        return self._names / name / "_manifests/revisions" / _ALGORITHM

    def _link(self, name: str, digest: str) -> Path:
        return self._revisions(name) / digest.partition(":")[2] / "link"


def _referred(manifest: dict[str, Any]) -> Iterator[str]:
    for one in (
        manifest.get("config") or {},
        *(manifest.get("layers") or ()),
        *(manifest.get("manifests") or ()),
    ):
        if one:
            yield str(one["digest"])
    for layer in manifest.get("fsLayers") or ():  # what engines pushed before 2016
        yield str(layer["blobSum"])
