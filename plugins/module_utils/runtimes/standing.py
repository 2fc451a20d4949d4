# SPDX-License-Identifier: GPL-3.0-or-later
"""Which runtime an app's image stands on, and whether that is still what the runtime is now."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import Registry

from .bill import find_bill, versions_in
from .runtime import EXACT, RUNTIME, differences


@dataclass(frozen=True)
class Image:
    """What an image says of itself."""

    labels: Mapping[str, str]
    layers: tuple[str, ...]  # diff ids, the lowest first

    @property
    def runtime(self) -> str:
        """Return the runtime that it stands on, ``runtimes/python:bookworm``, empty for none of ours."""
        return self.labels.get(RUNTIME, "")

    def stands_on(self, other: Image) -> bool:
        """Say whether its lowest layers are those of the other."""
        return self.layers[: len(other.layers)] == other.layers


@dataclass(frozen=True)
class Standing:
    """One app's image beside its runtime. ``changes`` are packages, a word each, where bills tell them."""

    app: str
    image: str
    runtime: str = ""
    is_outdated: bool = False
    changes: tuple[str, ...] = ()
    note: str = ""  # why it cannot be told

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Store:
    """How images and bills are found. The tag of an image may be a digest."""

    image: Callable[[str, str], Image | None]
    packages: Callable[[str, str], Mapping[str, str]]  # empty without a bill


def standings(images: Mapping[str, str], registry: str, store: Store) -> Sequence[Standing]:
    """Return for each app, by name, how its image ``REGISTRY/NAME@DIGEST`` stands."""
    return [_standing(app, image, registry, store) for app, image in sorted(images.items())]


def _standing(app: str, image: str, registry: str, store: Store) -> Standing:
    prefix = f"{registry}/"
    name, _, digest = image.removeprefix(prefix).partition("@")
    found = store.image(name, digest) if image.startswith(prefix) else None
    if found is None:
        return Standing(app, image, note="its image is not in our registry")
    if not found.runtime:
        return Standing(app, image)
    place, _, tag = found.runtime.partition(":")
    now = store.image(place, tag)
    if now is None:
        return Standing(app, image, found.runtime, note="the runtime is not in our registry any more")
    if found.stands_on(now):
        return Standing(app, image, found.runtime)
    before = store.packages(place, found.labels.get(EXACT, ""))
    changes = differences(before, store.packages(place, tag)) if before else []
    return Standing(app, image, found.runtime, is_outdated=True, changes=tuple(changes))


def store_of(registry: Registry) -> Store:
    """Return the ways into a registry. What they are asked twice, they know. They raise RegistryError."""

    def image(name: str, tag: str) -> Image | None:
        manifest = registry.manifest(name, tag) if tag else None
        if manifest is None or "config" not in manifest.data:
            return None
        said = json.loads(registry.blob(name, manifest.data["config"]["digest"]))
        labels = said.get("config", {}).get("Labels") or {}
        return Image(labels, tuple(said.get("rootfs", {}).get("diff_ids") or ()))

    def packages(name: str, tag: str) -> Mapping[str, str]:
        digest = registry.digest(name, tag) if tag else None
        bill = find_bill(registry, name, digest) if digest else None
        return versions_in(bill) if bill else {}

    known: dict[tuple[str, str], Image | None] = {}

    def once(name: str, tag: str) -> Image | None:
        if (name, tag) not in known:
            known[name, tag] = image(name, tag)
        return known[name, tag]

    return Store(once, packages)
