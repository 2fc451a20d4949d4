# SPDX-License-Identifier: GPL-3.0-or-later
"""How the lab's images are made, as data. Pure: nothing is run here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .paths import HERE

REPOSITORY = "fairlead-lab"
CODENAMES = {12: "bookworm", 13: "trixie"}
PROVISION = HERE / "provision.sh"
CHANGES = (
    'CMD ["/sbin/init"]',
    "ENV container=docker",
    "LABEL fairlead.lab=true",
)


@dataclass(frozen=True)
class Recipe:
    """One Debian's image: what is run, with ``{here}`` and ``{cache}`` in place of this machine's folders.

    With ``piped`` its output is a root file system that goes into ``docker import``.
    """

    debian: int
    words: tuple[str, ...]
    piped: bool

    @property
    def tag(self) -> str:
        """Return the image's name; it changes when, and only when, anything of the recipe does."""
        parts = [*self.words, *CHANGES, PROVISION.read_text(), (HERE / "Dockerfile").read_text()]
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        return f"{REPOSITORY}:{self.debian}-{digest[:12]}"

    def argv(self, cache: Path) -> list[str]:
        """Return what is run on this machine; ``cache`` keeps packages between builds."""
        return [word.format(here=HERE, cache=cache) for word in self.words]


def bootstrap(debian: int) -> Recipe:
    """Return the recipe by mmdebstrap, from packages, which may be in the cache."""
    return Recipe(
        debian,
        (
            *("mmdebstrap", "--variant=minbase", "--skip=cleanup/apt"),
            *("--skip=essential/unlink", "--skip=cleanup/reproducible"),
            "--setup-hook=mkdir -p '{cache}' \"$1/var/cache/apt/archives\"",
            "--setup-hook=sync-in '{cache}' /var/cache/apt/archives",
            "--customize-hook=copy-in '{here}/provision.sh' /",
            '--customize-hook=chroot "$1" sh /provision.sh && rm "$1/provision.sh"',
            "--customize-hook=sync-out /var/cache/apt/archives '{cache}'",
            *(CODENAMES[debian], "-"),
        ),
        piped=True,
    )


def dockerfile(debian: int) -> Recipe:
    """Return the recipe by a Dockerfile, from the image ``debian:DEBIAN``."""
    words = ("docker", "build", "--force-rm", "--build-arg", f"DEBIAN={debian}", "{here}")
    return Recipe(debian, words, piped=False)


def import_arguments(name: str) -> Sequence[str]:
    """Return the docker command that reads a root file system and names it."""
    changes = [word for change in CHANGES for word in ("--change", change)]
    return ["docker", "import", *changes, "-", name]
