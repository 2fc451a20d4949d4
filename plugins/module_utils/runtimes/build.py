# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a runtime on the builder: packages, a root, a layer, the registry. No engine has a part in it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.containers.machine import free_memory
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.image.assembly import (
    configuration_of,
    encoded,
    keep_image,
)
from ansible_collections.fairlead.paas.plugins.module_utils.image.layers import MOMENT, Layer, settle
from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import Registry
from ansible_collections.fairlead.paas.plugins.module_utils.registry.signing import sign_image

from .archive import Archive
from .bill import bill_of, find_bill, keep_bill, versions_in
from .packages import Package
from .root import shaped
from .runtime import Hands, Recipe

_LOG_LINES = 40
# Packages are unpacked four times faster in memory. All mounts are in a namespace of their own: they go with
# the command, however that ends; and the command with whoever waits for it.
_MEMORY = 3 * 2**30
_APART = ("setpriv", "--pdeathsig", "TERM", "unshare", "--mount", "--propagation", "private", "sh", "-c")
_IN_MEMORY = 'mount -t tmpfs -o mode=0755 fairlead "$TMPDIR" && exec "$@"'
_ON_DISK = 'exec "$@"'
_ARCHITECTURES = {  # Debian's names in those of the OCI
    "armel": {"architecture": "arm", "variant": "v5"},
    "armhf": {"architecture": "arm", "variant": "v7"},
    "arm64": {"architecture": "arm64", "variant": "v8"},
    "i386": {"architecture": "386"},
    "ppc64el": {"architecture": "ppc64le"},
}


def hands(recipe: Recipe, registry: Registry, archive: Archive) -> Hands:
    """Return the ways to the registry, to Debian's archive and to the making of one image."""

    def billed(digest: str) -> Mapping[str, str] | None:
        bill = find_bill(registry, recipe.name, digest)
        return versions_in(bill) if bill else None

    def today(packages: Mapping[str, str]) -> Mapping[str, str]:
        found = archive.today(packages)
        return found if found == packages else archive.today(packages, fresh=True)

    return Hands(
        digest=lambda tag: registry.digest(recipe.name, tag),
        billed=billed,
        today=today,
        make=lambda: make(recipe, registry, archive),
        move=lambda digest, tag: registry.tag(recipe.name, digest, tag),
    )


def make(recipe: Recipe, registry: Registry, archive: Archive) -> Mapping[str, str]:
    """Make the image, keep it with its bill and its lasting tags; return what it was made of.

    The tag of the recipe comes last: who sees it sees the bill. Raises FairleadError with what was said last.
    """
    with archive.held(), archive.room() as place:
        root, tree, blob = (place / name for name in ("root.tar", "tree.tar", "layer"))
        _bootstrap(recipe, archive, root, place)
        packages = shaped(root, tree, recipe.shape)
        root.unlink()
        with tree.open("rb") as stream:
            layer = settle(stream, blob)
        with blob.open("rb") as stream:
            registry.put_blob(recipe.name, stream, layer.digest, layer.size)
    archive.tidy()
    versions = {each.name: each.version for each in packages}
    digest = _kept(recipe, registry, layer, packages, recipe.exact_tag(versions))
    keep_bill(registry, recipe.name, digest, bill_of(recipe.name, digest, recipe.release, packages))
    registry.tag(recipe.name, digest, recipe.tag)
    return versions


def _kept(recipe: Recipe, registry: Registry, layer: Layer, packages: tuple[Package, ...], exact: str) -> str:
    """Keep the image under the tag that never moves, and return the digest that this tag has."""
    there = registry.digest(recipe.name, exact)
    if there:
        sign_image(registry, recipe.name, there)  # it may be from before there was a key
        return there
    configuration = configuration_of(recipe.configuration(_architecture(packages), exact), [layer], {})
    return keep_image(registry, recipe.name, [exact], encoded(configuration), [layer])


def _architecture(packages: tuple[Package, ...]) -> dict[str, str]:
    debian = next(each.architecture for each in packages if each.architecture != "all")
    return _ARCHITECTURES.get(debian, {"architecture": debian})


def _bootstrap(recipe: Recipe, archive: Archive, root: Path, place: Path) -> None:
    unpacked = place / "root"
    unpacked.mkdir()
    command = recipe.bootstrap(str(root), archive.sources(), str(archive.packages))
    done = subprocess.run(  # noqa: S603 - every word of it went through a grammar
        [*_APART, _IN_MEMORY if free_memory() > _MEMORY else _ON_DISK, "sh", *command],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"TMPDIR": str(unpacked), "LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": str(MOMENT)},
    )
    if done.returncode != 0:
        said = "\n".join(done.stdout.splitlines()[-_LOG_LINES:])
        raise FairleadError(f"runtime {recipe.name}: mmdebstrap ended with {done.returncode}:\n{said}")
