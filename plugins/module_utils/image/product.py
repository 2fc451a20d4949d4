# SPDX-License-Identifier: GPL-3.0-or-later
"""From an image in the builder's engine to the same image in our registry, whoever built it, and when.

The engine's own push would send what it has: layers that carry the moment of their making. So the image is
saved, and its layers are settled; those of an image that is only taken stay as they are. Which layer became
which blob is remembered on the builder, so that the next build only handles what is new.
"""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from ansible_collections.fairlead.paas.plugins.module_utils.containers.engine import EngineError
from ansible_collections.fairlead.paas.plugins.module_utils.files import land
from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import Registry

from .layers import Layer

CACHE_KEY = "moby.buildkit.cache.v0"  # what BuildKit keeps in an image's configuration to build on it


@dataclass(frozen=True)
class Known:
    """Which blob each layer of this builder's engine became, and in which of the registry's images it is."""

    folder: Path

    def find(self, diff_id: str) -> tuple[Layer, str] | None:
        """Return the layer and the image that has it, None for what is not known or cannot be read."""
        try:
            data = json.loads(self._file(diff_id).read_bytes())
            return Layer.from_dict(data["layer"]), str(data["image"])
        except (OSError, ValueError, KeyError):
            return None

    def remember(self, diff_id: str, layer: Layer, image: str) -> None:
        """Remember it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        land(self._file(diff_id), json.dumps({"layer": asdict(layer), "image": image}).encode(), 0o600)

    def _file(self, diff_id: str) -> Path:
        return self.folder / f"{diff_id.removeprefix('sha256:')}.json"


@dataclass(frozen=True)
class Sheet:
    """One layer of a saved image: where it is, and its digest."""

    place: str
    diff_id: str


class Saved:
    """An image as the engine saves it: its configuration, and its layers as tar files within one."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        """Read what is in it. Raises EngineError for what is no image."""
        self._archive = archive
        try:
            described = json.loads(self._open("manifest.json").read())[0]
            self.written = self._open(described["Config"]).read()
            self.configuration: dict[str, Any] = json.loads(self.written)
            self._layers: list[str] = described["Layers"]
        except (KeyError, IndexError, ValueError) as error:
            raise EngineError(f"the engine has saved what is no image: {error}") from error

    @property
    def layers(self) -> tuple[Sheet, ...]:
        """Return the layers, the lowest first."""
        return tuple(map(Sheet, self._layers, self.configuration["rootfs"]["diff_ids"]))

    def open(self, place: str) -> IO[bytes]:
        """Return the tar of a layer, to be read."""
        return self._open(place)

    def _open(self, name: str) -> IO[bytes]:
        found = self._archive.extractfile(name)
        if found is None:
            raise KeyError(name)
        return found


def save(image: str, target: Path) -> None:
    """Save an image of the engine to a file. Raises EngineError."""
    done = subprocess.run(  # noqa: S603 - the engine's own id of an image
        ["/usr/bin/docker", "save", f"--output={target}", image], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise EngineError(f"image {image} cannot be saved: {done.stderr.strip()}")


@dataclass(frozen=True)
class Delivery:
    """Brings layers to one image of the registry. Its methods raise RegistryError, OSError."""

    registry: Registry
    name: str  # the image's there
    write: Callable[[IO[bytes], Path], Layer]  # settle or compress
    known: Known  # what became of layers by this way of writing them
    folder: Path  # for a layer on its way
    homes: tuple[str, ...] = ()  # images in the registry that may have some of the layers

    def bring(self, saved: Saved) -> tuple[Layer, ...]:
        """Bring all layers of an image; return them as they are in the registry."""
        return tuple(self._found(each) or self._sent(saved, each) for each in saved.layers)

    def _found(self, wanted: Sheet) -> Layer | None:
        """Return a layer that is known, if the registry has it still, here or in another image."""
        found = self.known.find(wanted.diff_id)
        if found is None:
            return None
        layer, home = found
        if self.registry.has_blob(self.name, layer.digest):
            return layer
        homes = [each for each in dict.fromkeys([home, *self.homes]) if each != self.name]
        mounted = any(self.registry.mount_blob(self.name, layer.digest, each) for each in homes)
        return layer if mounted else None

    def _sent(self, saved: Saved, wanted: Sheet) -> Layer:
        blob = self.folder / "blob"
        with saved.open(wanted.place) as tar:
            layer = self.write(tar, blob)
        with blob.open("rb") as data:
            self.registry.put_blob(self.name, data, layer.digest, layer.size)
        blob.unlink()
        self.known.remember(wanted.diff_id, layer, self.name)
        return layer


def cache_of(configuration: Mapping[str, Any], built: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the configuration of the image that later builds take steps from, None where there is none."""
    return {**configuration, CACHE_KEY: built[CACHE_KEY]} if CACHE_KEY in built else None
