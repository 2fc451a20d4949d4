# SPDX-License-Identifier: GPL-3.0-or-later
"""Runtimes: images made of Debian packages that apps stand on. What makes one up, its tags, when it is made.

A runtime has a tag of its recipe, ``c-`` and a hash, so that another recipe is seen by one question; a tag
of its recipe and the versions of all that is in it, ``p-`` and a hash, which never moves; and tags that go on
with each making: ``latest``, the codename of Debian's release, and the version of its main package.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

from .packages import upstream
from .root import Addition, Shape
from .users import ID, Account

LATEST = "latest"
# Labels that what is built on a runtime takes over.
RUNTIME = "io.fairlead.runtime"  # runtimes/python:bookworm
EXACT = "io.fairlead.runtime.exact"  # its tag that never moves
FORM = 1  # counted up where this code makes another image of the same recipe and packages
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NAME = re.compile(r"[a-z0-9]+(?:[._/-][a-z0-9]+)*", re.ASCII)
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(?::[a-z0-9]+)?", re.ASCII)
_PATTERN = re.compile(r"[a-z0-9*?+.-]+", re.ASCII)
_RELEASE = re.compile(r"[a-z][a-z0-9]{0,30}", re.ASCII)
_FOLDER = re.compile(r"(?:/[A-Za-z0-9._-]+)+", re.ASCII)
_OPTIONS = (
    "force-unsafe-io",  # a root that is lost with the machine is made again
    # Containers are not read by people. Copyrights stay, as licences ask.
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)
_ARCHIVES = "/var/cache/apt/archives"
# Alternatives with a manual ask for its directory, though not for the manual.
_MANUALS = 'for section in 1 2 3 4 5 6 7 8; do mkdir -p "$1/usr/share/man/man$section"; done'


@dataclass(frozen=True)
class Recipe:
    """What a runtime is made of. Raises FairleadError for what cannot be."""

    name: str  # runtimes/python
    release: str  # bookworm
    packages: tuple[str, ...]
    whole: bool = False  # with all that installs packages, for images in which something is built
    without: tuple[str, ...] = ()  # patterns of packages that are left out though others depend on them
    lacks: tuple[str, ...] = ()  # patterns of paths that are left out
    version: tuple[str, int] | None = (
        None  # a pattern of the main package, how many parts of its version count
    )
    user: str = "app"
    home: str = "/app"
    data: str = ""  # the directory that is the user's; then all in the image runs as the user
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    additions: tuple[Addition, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Refuse what is no name, no release, no package: it would be read as an option or a path."""
        wrong = [f"image name {self.name!r}"] * (not _NAME.fullmatch(self.name))
        wrong += [f"release {self.release!r}"] * (not _RELEASE.fullmatch(self.release))
        wrong += [f"package {name!r}" for name in self.packages if not _PACKAGE.fullmatch(name)]
        wrong += [f"pattern {each!r}" for each in self.without if not _PATTERN.fullmatch(each)]
        folders = (self.home, *((self.data,) if self.data else ()))
        wrong += [f"directory {each!r}" for each in folders if not _FOLDER.fullmatch(each) or ".." in each]
        if wrong:
            raise FairleadError(f"runtime {self.name}: not possible: {', '.join(wrong)}")

    @property
    def tag(self) -> str:
        """Return the tag of this recipe: ``c-`` and 16 hexadecimal digits."""
        return f"c-{_hash([FORM, self._said()])}"

    def exact_tag(self, packages: Mapping[str, str]) -> str:
        """Return the tag of this recipe made of just these packages, name to version: ``p-`` and a hash."""
        return f"p-{_hash([self.tag, sorted(packages.items())])}"

    def moving_tags(self, packages: Mapping[str, str]) -> tuple[str, ...]:
        """Return the tags that this image takes from the one before it, ``latest`` as the last."""
        versions = (
            (upstream(found, self.version[1]) for found in self._main(packages)) if self.version else ()
        )
        return (self.release, *(version for version in versions if version), LATEST)

    def _main(self, packages: Mapping[str, str]) -> list[str]:
        pattern = self.version[0] if self.version else ""
        return [version for name, version in sorted(packages.items()) if fnmatchcase(name, pattern)][:1]

    def _said(self) -> dict[str, Any]:
        said = {name: value for name, value in vars(self).items() if name != "additions"}
        files = [
            (each.path, hashlib.sha256(each.content).hexdigest(), each.is_program) for each in self.additions
        ]
        return {**said, "additions": sorted(files)}

    @property
    def shape(self) -> Shape:
        """Return what of the root becomes the image."""
        return Shape(
            wanted=self.packages,
            whole=self.whole,
            without=self.without,
            lacks=self.lacks,
            account=Account(self.user, self.home),
            owned=(self.data,) if self.data else (),
            additions=self.additions,
        )

    def configuration(self, architecture: Mapping[str, str], exact: str) -> dict[str, Any]:
        """Return the configuration, without its layers, of the image that has the tag ``exact``."""
        started = {"Entrypoint": list(self.entrypoint), "Cmd": list(self.command)}
        return {
            **architecture,
            "os": "linux",
            "config": {
                "Env": [_PATH, "LANG=C.UTF-8", *self.env],
                "WorkingDir": self.home,
                "User": f"{ID}:{ID}" if self.data else "",
                **started,
                "Labels": {RUNTIME: f"{self.name}:{self.release}", EXACT: exact},
            },
        }

    def bootstrap(self, target: str, sources: Iterable[str], archives: str) -> list[str]:
        """Return the command that writes a root as a tar file.

        ``sources`` are apt's, as files; ``archives`` is a directory that keeps packages between makings.
        """
        return [
            *("mmdebstrap", "--verbose", "--mode=root", "--format=tar", "--skip=essential/unlink"),
            f"--variant={'minbase' if self.whole else 'essential'}",
            *(f"--dpkgopt={option}" for option in _OPTIONS),
            f"--setup-hook={_MANUALS}",
            f'--setup-hook=mkdir -p "$1{_ARCHIVES}" && mount --bind {archives} "$1{_ARCHIVES}"',
            f'--customize-hook=umount "$1{_ARCHIVES}"',
            f"--include={','.join(('ca-certificates', 'netbase', 'tzdata', *self.packages))}",
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
    """What converging needs of the world. Packages are name to version."""

    digest: Callable[[str], str | None]  # of a tag of this image
    billed: Callable[[str], Mapping[str, str] | None]  # the packages of an image that has a bill
    today: Callable[[Mapping[str, str]], Mapping[str, str]]  # what Debian has of these packages now
    make: Callable[[], Mapping[str, str]]  # the image, its bill and its lasting tags; what it was made of
    move: Callable[[str, str], None]  # a tag to a digest


def converge(recipe: Recipe, hands: Hands, *, refresh: bool, check: bool) -> tuple[str, ...]:
    """Make the image where its recipe or Debian's packages ask for it, move its tags; return lines of it."""
    digest = hands.digest(recipe.tag)
    packages = (hands.billed(digest) if digest else None) or {}
    why = "asked for" if refresh else _why(packages, hands)
    if why and not check:
        packages, digest = hands.make(), hands.digest(recipe.tag)
    tags = recipe.moving_tags(packages)
    moved = tuple(tag for tag in tags if (why and check) or hands.digest(tag) != digest)
    for tag in moved:
        if digest and not check:
            hands.move(digest, tag)
    lines = [f"make {recipe.name}:{recipe.tag}: {why}"] if why else []
    return (*lines, *(f"tag {recipe.name}:{tag}" for tag in moved))


def _why(packages: Mapping[str, str], hands: Hands) -> str:
    if not packages:
        return "the registry lacks it"
    return ", ".join(differences(packages, hands.today(packages)))


def differences(packages: Mapping[str, str], today: Mapping[str, str]) -> list[str]:
    """Return which packages Debian has in another version now, a word each."""
    return [
        f"{name} {version} → {today.get(name, 'gone')}"
        for name, version in sorted(packages.items())
        if today.get(name) != version
    ]


def _hash(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
