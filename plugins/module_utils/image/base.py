# SPDX-License-Identifier: GPL-3.0-or-later
"""Base images made of Debian packages: what makes one up, the command that makes it, the tags it gets.

The recipe's hash is a tag, as the content's hash is for an app's image: where the registry knows it, nothing
is made. The release's codename and ``latest`` are tags that move with it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

LATEST = "latest"
_NAME = re.compile(r"[a-z0-9]+(?:[._/-][a-z0-9]+)*", re.ASCII)
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(?::[a-z0-9]+)?", re.ASCII)
_RELEASE = re.compile(r"[a-z][a-z0-9]{0,30}", re.ASCII)
_OPTIONS = (
    "force-unsafe-io",  # a root that is lost with the machine is made again
    # Containers are not read by people. Copyrights stay, as licences ask.
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)
_CLEANED = 'rm -f "$1/etc/hostname" "$1/etc/resolv.conf"; find "$1/var/log" -type f -delete'


@dataclass(frozen=True)
class Recipe:
    """What a base image is made of. Raises FairleadError for what cannot be."""

    name: str  # base/python
    release: str  # bookworm
    packages: tuple[str, ...]
    options: tuple[str, ...] = field(default=_OPTIONS)
    cleaned: str = field(default=_CLEANED)

    def __post_init__(self) -> None:
        """Refuse what is no name, no release and no package: it would be read as an option or a path."""
        wrong = [f"image name {self.name!r}"] * (not _NAME.fullmatch(self.name))
        wrong += [f"release {self.release!r}"] * (not _RELEASE.fullmatch(self.release))
        wrong += [f"package {name!r}" for name in self.packages if not _PACKAGE.fullmatch(name)]
        if wrong:
            raise FairleadError(f"base image: not possible: {', '.join(wrong)}")

    @property
    def tag(self) -> str:
        """Return the tag that only this recipe has: ``c-`` and 16 hexadecimal digits."""
        text = json.dumps(asdict(self), sort_keys=True)
        return f"c-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    @property
    def moving_tags(self) -> tuple[str, str]:
        """Return the tags that this image takes from the one before it."""
        return self.release, LATEST

    def command(self, target: str, sources: Iterable[str]) -> list[str]:
        """Return the command that writes the image's root as a tar file; ``sources`` are apt's, as files."""
        packages = [f"--include={','.join(self.packages)}"] if self.packages else []
        return [
            *("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=tar"),
            *(f"--dpkgopt={option}" for option in self.options),
            f"--customize-hook={self.cleaned}",
            *packages,
            *(self.release, target),
            *sources,
        ]


def codename(os_release: str) -> str:
    """Return VERSION_CODENAME from the text of /etc/os-release, empty without one."""
    found = re.search(r'^VERSION_CODENAME="?([a-z0-9]+)"?$', os_release, re.MULTILINE)
    return found[1] if found else ""


def sources_for(release: str, own: str, texts: Iterable[str]) -> tuple[str, ...]:
    """Return those of the machine's sources that are of its own Debian release, turned to ``release``.

    What a machine has beside Debian (a vendor's packages) names other suites, and does not get into images.
    """
    word = re.compile(rf"\b{re.escape(own)}\b")
    return tuple(word.sub(release, text) for text in texts if own and word.search(text))


@dataclass(frozen=True)
class Hands:
    """What converging needs of the world: ask the registry, move a tag, make and push."""

    digest: Callable[[str], str | None]  # of a tag of this image
    move: Callable[[str, str], None]  # a tag to a digest
    make: Callable[[], None]  # and push it under the recipe's tag


def converge(recipe: Recipe, hands: Hands, *, refresh: bool, check: bool) -> tuple[str, ...]:
    """Make the image where the registry lacks it, move its tags; return what was done, a line each."""
    before = hands.digest(recipe.tag)
    made = refresh or before is None
    if made and not check:
        hands.make()
    digest = hands.digest(recipe.tag)
    moved = tuple(tag for tag in recipe.moving_tags if (made and check) or hands.digest(tag) != digest)
    for tag in moved:
        if digest and not check:
            hands.move(digest, tag)
    lines = [f"make {recipe.name}:{recipe.tag}"] if made else []
    return (*lines, *(f"tag {recipe.name}:{tag}" for tag in moved))
