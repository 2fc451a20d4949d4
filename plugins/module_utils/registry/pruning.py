# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images go and which stay, each with its reason, in the registry and in an engine. Pure.

What is attached to an image (a signature, a bill of packages) has the tag ``sha256-HEX.KIND`` beside it, and
goes or stays with it. What is not needed but younger than a grace stays too: its release may not be recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ansible_collections.fairlead.paas.plugins.module_utils.units import format_duration

UNNEEDED = "no kept release, no container and no app file needs it"
PUSH_LASTS = 900.0  # seconds: what nothing refers to yet, and is younger, may belong to a push under way
ROOMS = ("base/*", "runtimes/*", "services/*")  # what the platform itself keeps, by its tags
CACHE = "buildcache"  # the tag of what builders take steps from; building.CACHE_TAG
_CONTENT = re.compile(r"c-[0-9a-f]{16}")
_ATTACHED = re.compile(r"sha256-([0-9a-f]{64})\.[a-z0-9][a-z0-9.-]*")


@dataclass(frozen=True)
class Entry:
    """One manifest of the registry: an image, a list of images, or what is attached to one."""

    name: str
    digest: str
    tags: tuple[str, ...] = ()
    age: float = 0.0  # seconds since it was last pushed
    refers: frozenset[str] = frozenset()  # blobs and manifests that it needs

    @property
    def image(self) -> str:
        """Return NAME@DIGEST."""
        return f"{self.name}@{self.digest}"

    @property
    def subjects(self) -> set[str]:
        """Return the digests of what it is attached to; none where it stands for itself."""
        return {f"sha256:{match[1]}" for tag in self.tags if (match := _ATTACHED.fullmatch(tag))}

    def __str__(self) -> str:
        """Return how people call it: by its tags if it has any, by what it is attached to."""
        short = self.digest.removeprefix("sha256:")[:12]
        tags = [tag[:19] + tag[71:] if _ATTACHED.fullmatch(tag) else tag for tag in self.tags]
        return f"{self.name}:{','.join(tags)} ({short})" if tags else f"{self.name}@{short}"


@dataclass(frozen=True)
class Blob:
    """Bytes that the registry keeps."""

    size: int
    age: float  # seconds


@dataclass(frozen=True)
class Store:
    """All that the registry keeps; blobs by digest, manifests are blobs too."""

    entries: tuple[Entry, ...]
    blobs: Mapping[str, Blob]

    @property
    def size(self) -> int:
        """Return its bytes."""
        return sum(blob.size for blob in self.blobs.values())


@dataclass(frozen=True)
class Keep:
    """What is needed, and why."""

    images: Mapping[str, str] = field(default_factory=dict)  # NAME@DIGEST or NAME:TAG -> why
    busy: Mapping[str, str] = field(default_factory=dict)  # app -> who changes it just now
    apps: frozenset[str] = frozenset()  # that have a file, or are active: what builders cache for them stays
    rooms: tuple[str, ...] = ROOMS  # NAME or PREFIX/*, of which every tag but content tags is needed
    grace: float = 0.0  # seconds

    def why(self, entry: Entry) -> str:
        """Return why an image stays for its own sake; empty if nothing needs it."""
        named = [entry.image, *(f"{entry.name}:{tag}" for tag in entry.tags)]
        needed = next((self.images[name] for name in named if name in self.images), "")
        return (
            needed or self._busy(entry.name) or self._cache(entry) or self._room(entry) or self._young(entry)
        )

    def _cache(self, entry: Entry) -> str:
        return "the builders' cache" if CACHE in entry.tags and entry.name in self.apps else ""

    def _busy(self, name: str) -> str:
        return next((who for app, who in self.busy.items() if belongs(name, app)), "")

    def _room(self, entry: Entry) -> str:
        tag = next((tag for tag in entry.tags if not is_content(tag) and not _ATTACHED.fullmatch(tag)), "")
        return f"the tag {tag} of the platform" if tag and in_rooms(entry.name, self.rooms) else ""

    def _young(self, entry: Entry) -> str:
        young = entry.age < self.grace
        return f"pushed within the last {format_duration(self.grace)}" if young else ""


@dataclass(frozen=True)
class Pruning:
    """What goes and what stays, each with its reason; ``garbage`` are the blobs that nothing needs then."""

    gone: tuple[tuple[Entry, str], ...]
    stays: tuple[tuple[Entry, str], ...]
    garbage: frozenset[str]
    freed: int  # bytes of the garbage
    under_way: bool  # a push seems to be: garbage cannot be told from what it has sent


def is_content(tag: str) -> bool:
    """Say whether a tag is the hash of what an image was made from."""
    return bool(_CONTENT.fullmatch(tag))


def attached_tag(digest: str, kind: str) -> str:
    """Return the tag under which something is attached to the image of this digest."""
    return f"{digest.replace(':', '-')}.{kind}"


def belongs(name: str, app: str) -> bool:
    """Say whether an image's name is an app's own."""
    return name == app or name.startswith(f"{app}/")


def in_rooms(name: str, rooms: Iterable[str]) -> bool:
    """Say whether a name is one of these, or stands below one that ends with ``/*``."""
    return any(name == room or (room.endswith("/*") and name.startswith(room[:-1])) for room in rooms)


def decide(store: Store, keep: Keep) -> Pruning:
    """Return what goes from the registry and what stays."""
    own = {entry: why for entry in store.entries if not entry.subjects and (why := keep.why(entry))}
    whole = own | _parts(store, own)
    stays = whole | _attachments(store, whole, keep)
    gone = [(entry, UNNEEDED) for entry in store.entries if entry not in stays]
    needed = {blob for entry in stays for blob in (entry.digest, *entry.refers)}
    garbage = store.blobs.keys() - needed
    known = {blob for entry in store.entries for blob in (entry.digest, *entry.refers)}
    return Pruning(
        gone=tuple(sorted(gone, key=_by_image)),
        stays=tuple(sorted(stays.items(), key=_by_image)),
        garbage=frozenset(garbage),
        freed=sum(store.blobs[blob].size for blob in garbage),
        under_way=any(store.blobs[blob].age < PUSH_LASTS for blob in garbage - known),
    )


def _parts(store: Store, own: Mapping[Entry, str]) -> dict[Entry, str]:
    """Return the manifests that kept lists of images consist of, and why."""
    wholes = {(entry.name, part): f"a part of {entry}" for entry in own for part in entry.refers}
    found = ((entry, wholes.get((entry.name, entry.digest), "")) for entry in store.entries)
    return {entry: why for entry, why in found if why and entry not in own}


def _attachments(store: Store, kept: Mapping[Entry, str], keep: Keep) -> dict[Entry, str]:
    """Return what is attached to kept images; what has lost its image stays only while it is young."""
    there = {(entry.name, entry.digest) for entry in store.entries}
    stays = {(entry.name, entry.digest) for entry in kept}
    found: dict[Entry, str] = {}
    for entry in store.entries:
        subjects = {(entry.name, digest) for digest in entry.subjects}
        if subjects & stays:
            found[entry] = "attached to an image that stays"
        elif subjects and not subjects & there and (why := keep.why(entry)):
            found[entry] = why
    return found


def _by_image(item: tuple[Entry, str]) -> tuple[str, str]:
    return item[0].name, item[0].digest
