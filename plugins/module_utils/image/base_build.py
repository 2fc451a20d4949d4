# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a base image on the builder: packages, a root, the engine, the registry."""

from __future__ import annotations

import os
import subprocess
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Auth
from ansible_collections.fairlead.paas.plugins.module_utils.containers.engine import connect, push, saying
from ansible_collections.fairlead.paas.plugins.module_utils.containers.machine import free_memory
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

from .base import Hands, Recipe, codename, sources_for
from .registry import Registry
from .signing import sign_image

ROOM = Path("/var/tmp")  # noqa: S108 - on the disk, unlike Debian 13's /tmp; a directory of our own is made
APT = Path("/etc/apt")
OS_RELEASE = Path("/etc/os-release")
_LOG_LINES = 20
_CHUNK = 2**20
# Packages are unpacked four times faster in memory. The mount is in a namespace of its own: it goes with the
# command, however that ends.
_MEMORY = 2**30
_IN_MEMORY = (
    *("unshare", "--mount", "--propagation", "private", "sh", "-c"),
    'mount -t tmpfs -o mode=0755 fairlead "$TMPDIR" && exec "$@"',
    "sh",
)
_PIECE = 2**20  # bytes


def own_release() -> str:
    """Return the codename of this machine's Debian. Raises FairleadError where it has none."""
    found = codename(OS_RELEASE.read_text())
    if not found:
        raise FairleadError("this machine does not say which Debian it is; give the base image a release")
    return found


def hands(recipe: Recipe, registry: Registry, auth: Auth) -> Hands:
    """Return the ways to the registry and to the making of one image."""
    return Hands(
        digest=lambda tag: registry.digest(recipe.name, tag),
        move=lambda digest, tag: registry.tag(recipe.name, digest, tag),
        make=lambda: make(recipe, registry.address, auth),
    )


def make(recipe: Recipe, registry: str, auth: Auth) -> None:
    """Make the image and push it under the recipe's tag. Raises FairleadError with the last lines said."""
    image = f"{registry}/{recipe.name}"
    with TemporaryDirectory(prefix="fairlead-base-", dir=ROOM) as folder:
        root = Path(folder) / "root.tar"
        _bootstrap(recipe.command(str(root), _sources(recipe.release, Path(folder))), Path(folder))
        # What our Engine promises to others lacks importing: it is needed here alone.
        engine = cast("Any", connect())
        with saying(f"image {image}:{recipe.tag} cannot be imported"), root.open("rb") as stream:
            # In pieces: the client announces pieces, but sends a file with a known length as it is.
            pieces = iter(partial(stream.read, _PIECE), b"")
            engine.import_image_from_stream(pieces, repository=image, tag=recipe.tag)
    with saying(f"image {image}:{recipe.tag} cannot be named"):
        for tag in recipe.moving_tags:  # a build must not find the base that was here before
            engine.tag(f"{image}:{recipe.tag}", image, tag)
    push(engine, image, recipe.tag, auth)
    with closing(Registry(registry, auth)) as client:
        if digest := client.digest(recipe.name, recipe.tag):
            sign_image(client, recipe.name, digest)


def _sources(release: str, folder: Path) -> list[str]:
    own = codename(OS_RELEASE.read_text())
    found = [APT / "sources.list", *sorted((APT / "sources.list.d").glob("*"))]
    files = [file for file in found if file.suffix in {".list", ".sources"} and file.is_file()]
    turned = {file.name: sources_for(release, own, [file.read_text()]) for file in files}
    return [_written(folder / name, text) for name, texts in turned.items() for text in texts]


def _written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def _bootstrap(command: list[str], folder: Path) -> None:
    unpacked = folder / "root"
    unpacked.mkdir()
    done = subprocess.run(  # noqa: S603 - every word of it went through a grammar
        [*(_IN_MEMORY if free_memory() > _MEMORY else ()), *command],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"TMPDIR": str(unpacked), "LC_ALL": "C.UTF-8"},
    )
    if done.returncode != 0:
        said = "\n".join(done.stderr.splitlines()[-_LOG_LINES:])
        raise FairleadError(f"base image: mmdebstrap ended with {done.returncode}:\n{said}")
