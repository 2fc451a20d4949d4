# SPDX-License-Identifier: GPL-3.0-or-later
"""A source with a Dockerfile that is written for it; what it holds comes into ``root/app`` of the context."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, replace
from typing import IO, Protocol

from ansible_collections.fairlead.paas.plugins.module_utils.image.context import Kind, header, packing
from ansible_collections.fairlead.paas.plugins.module_utils.image.recipe import DOCKERFILE, USUAL, Recipe

ROOT = "root"  # of the build context: what comes to / of the image
FOLDER = f"{ROOT}/app"
_SCHEME = "fairlead generated 1"  # raised when the same source shall give another hash
_HASH_DIGITS = 16


class Named(Protocol):
    """What is told of a source while it is built."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def size(self) -> str:
        """How much is in it, in words."""

    @property
    def revision(self) -> str:
        """The commit that it is, if it is one."""


class Payload(Named, Protocol):
    """What comes into ``root/app``."""

    def identity(self) -> str:
        """Return a text that is another one whenever the content is."""

    def add_to(self, tar: tarfile.TarFile, folder: str) -> None:
        """Write its entries into a tar, below a folder. Raises Refused."""

    def again(self) -> Payload:
        """Return it as it is by now. Raises Refused."""


class Source(Named, Protocol):
    """What an image is built from."""

    @property
    def recipe(self) -> Recipe:
        """How it is built."""

    def hash(self) -> str:
        """Return the content hash, 16 hexadecimal digits, of what is in it and how it is built."""

    def pack(self, file: IO[bytes]) -> None:
        """Write it as a tar for the builder; the same source gives the same bytes. Raises Refused."""

    def again(self) -> Source:
        """Return it as it is by now. Raises Refused."""


@dataclass(frozen=True)
class Generated:
    """A payload, the Dockerfile that was written for it, and how that is built."""

    payload: Payload
    dockerfile: str
    recipe: Recipe = USUAL

    @property
    def name(self) -> str:
        """Return what messages call it."""
        return self.payload.name

    @property
    def size(self) -> str:
        """Return how much is in it, in words."""
        return self.payload.size

    @property
    def revision(self) -> str:
        """Return the commit that it is, if it is one."""
        return self.payload.revision

    def hash(self) -> str:
        """Return the content hash, 16 hexadecimal digits, of what is in it and how it is built."""
        recipe = json.dumps(self.recipe.as_dict(), sort_keys=True)
        digest = hashlib.sha256(_SCHEME.encode())
        for part in (recipe, self.dockerfile, self.payload.identity()):
            digest.update(len(part.encode()).to_bytes(8, "big") + part.encode())
        return digest.hexdigest()[:_HASH_DIGITS]

    def pack(self, file: IO[bytes]) -> None:
        """Write it as a tar for the builder; the same source gives the same bytes. Raises Refused."""
        data = self.dockerfile.encode()
        with packing(file) as tar:
            info = header(DOCKERFILE, Kind.FILE)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
            for folder in (ROOT, FOLDER):
                tar.addfile(header(folder, Kind.DIRECTORY))
            self.payload.add_to(tar, FOLDER)

    def again(self) -> Generated:
        """Return it as it is by now. Raises Refused."""
        return replace(self, payload=self.payload.again())
