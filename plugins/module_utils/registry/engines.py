# SPDX-License-Identifier: GPL-3.0-or-later
"""Prune the engine of a node or builder: images of our registry that nothing here needs, and old build cache.

What is not of our registry is never touched, whoever made it. Which images go is decided by a pure function.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils import labels
from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Engine
from ansible_collections.fairlead.paas.plugins.module_utils.containers.engine import saying, unless_gone
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

from .pruning import ROOMS, belongs, in_rooms, is_content

_NOTHING = ("<none>:<none>", "<none>@<none>")
_HOUR = 3600.0


@dataclass(frozen=True)
class Needed:
    """An image that a kept release of an app has, ``NAME@DIGEST``."""

    app: str
    image: str


@dataclass(frozen=True)
class Wish:
    """What is needed here. A node needs what its own apps may go back to, a builder what any app may."""

    registry: str
    needed: tuple[Needed, ...] = ()
    busy: frozenset[str] = frozenset()  # apps that somebody changes just now
    builder: bool = False
    rooms: tuple[str, ...] = ROOMS
    cache: float = 0.0  # seconds for which build cache that nothing used is kept; builders only

    def keeps(self, reference: str, here: frozenset[str]) -> bool:
        """Say whether a reference without the registry's address is needed; ``here`` are the node's apps."""
        known = {it.image for it in self.needed if self.builder or it.app in here | self.busy}
        name, _, tag = (
            reference.partition(":") if "@" not in reference else (reference.partition("@")[0], "", "")
        )
        room = self.builder and tag and not is_content(tag) and in_rooms(name, self.rooms)
        return reference in known or bool(room) or any(belongs(name, app) for app in self.busy)


@dataclass(frozen=True)
class Gone:
    """An image that goes from this engine: all its names are of our registry."""

    names: tuple[str, ...]  # with the registry's address
    size: int  # bytes that it shares with no other image

    def __str__(self) -> str:
        """Return how people call it: by its tag if it has one."""
        return next((name for name in self.names if "@" not in name), self.names[0])


@dataclass(frozen=True)
class Outcome:
    """What went, in words; bytes freed; which images of our registry containers here were made from."""

    gone: tuple[str, ...]
    cache: int  # entries of the build cache
    freed: int
    used: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """Return what the module answers."""
        cached = [f"- {self.cache} of the build cache\n"] if self.cache else []
        return {
            "changed": bool(self.gone or self.cache),
            "gone": list(self.gone),
            "cache": self.cache,
            "freed": self.freed,
            "used": list(self.used),
            "diff": {"prepared": "".join([*(f"- {name}\n" for name in self.gone), *cached])},
        }


def decide(wish: Wish, usage: Mapping[str, Any], containers: Iterable[Mapping[str, Any]]) -> tuple[Gone, ...]:
    """Return what goes, of what the engine says of its disk and its containers, stopped ones too."""
    listed = list(containers)
    used = {container["ImageID"] for container in listed}
    here = frozenset(
        app
        for it in listed
        for label in (labels.APP, labels.TASK)
        if (app := (it["Labels"] or {}).get(label))
    )
    images = (image for image in usage["Images"] or () if image["Id"] not in used)
    found = (_going(wish, image, here) for image in images)
    return tuple(sorted((gone for gone in found if gone), key=str))


def _going(wish: Wish, image: Mapping[str, Any], here: frozenset[str]) -> Gone | None:
    names, ours = _names(image), f"{wish.registry}/"
    if not names or not all(name.startswith(ours) for name in names):
        return None
    if any(wish.keeps(name.removeprefix(ours), here) for name in names):
        return None
    return Gone(tuple(sorted(names)), image["Size"] - max(image.get("SharedSize", 0), 0))


def used_images(
    registry: str, usage: Mapping[str, Any], containers: Iterable[Mapping[str, Any]]
) -> tuple[str, ...]:
    """Return the images of our registry that containers were made from, NAME@DIGEST, sorted."""
    listed, ours = list(containers), f"{registry}/"
    used = {container["ImageID"] for container in listed}
    names = [name for image in usage["Images"] or () if image["Id"] in used for name in _names(image)]
    names += [(container["Labels"] or {}).get(labels.IMAGE, "") for container in listed]
    return tuple(sorted({name.removeprefix(ours) for name in names if name.startswith(ours) and "@" in name}))


def stale(usage: Mapping[str, Any], seconds: float, now: float) -> int:
    """Return how many entries of the build cache nothing has used for so long, and no image shares."""
    own = [it for it in usage.get("BuildCache") or () if not (it.get("InUse") or it.get("Shared"))]
    return sum(_unused_for(entry, now) > seconds for entry in own)


def _unused_for(entry: Mapping[str, Any], now: float) -> float:
    text = str(entry.get("LastUsedAt") or entry.get("CreatedAt") or "")
    try:
        # Nanoseconds are more than Python 3.11 takes.
        return now - datetime.fromisoformat(text[:19] + "+00:00").timestamp()
    except ValueError:
        return 0.0


def prune(engine: Engine, wish: Wish, clock: Callable[[], float], *, check: bool) -> Outcome:
    """Remove what is not needed; with ``check`` only say it. Raises FairleadError."""
    with saying("the Docker engine of this machine does not answer"):
        listed, before = engine.containers(all=True), engine.df()
    gone = decide(wish, before, listed)
    cached = stale(before, wish.cache, clock()) if wish.builder else 0
    used = used_images(wish.registry, before, listed)
    if check or not (gone or cached):
        size = sum(image.size for image in gone)
        return Outcome(tuple(map(str, gone)), cached, size, used)
    for image in gone:
        for name in _last_first(image.names):
            with unless_gone(f"image {name} cannot be removed"):
                engine.remove_image(name)
    if cached:
        _prune_cache(wish.cache)
    with saying("the Docker engine of this machine does not answer"):
        after = engine.df()
    cached = len(_cached(before) - _cached(after))
    return Outcome(tuple(map(str, gone)), cached, max(_size(before) - _size(after), 0), used)


def _last_first(names: Iterable[str]) -> Iterator[str]:
    """Yield tags before digests: with its last tag an engine removes an image's digests by itself."""
    yield from sorted(names, key=lambda name: ("@" in name, name))


def _prune_cache(seconds: float) -> None:
    # The library of Debian 12 cannot say how old; the command line can.
    until = f"until={round(seconds / _HOUR)}h"
    command = ["docker", "builder", "prune", "--force", "--filter", until]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our words
    if done.returncode != 0:
        raise FairleadError(f"the build cache cannot be pruned: {done.stderr.strip()}")


def _cached(usage: Mapping[str, Any]) -> set[str]:
    return {entry["ID"] for entry in usage.get("BuildCache") or ()}


def _names(image: Mapping[str, Any]) -> list[str]:
    both = [*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ())]
    return [name for name in both if name not in _NOTHING and not name.endswith(("@<none>", ":<none>"))]


def _size(usage: Mapping[str, Any]) -> int:
    cache: int = sum(
        entry.get("Size", 0) for entry in usage.get("BuildCache") or () if not entry.get("Shared")
    )
    layers: int = usage.get("LayersSize", 0)
    return layers + cache
