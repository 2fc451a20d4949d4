# SPDX-License-Identifier: GPL-3.0-or-later
"""From content to digest: what the registry has is never made again.

Every image has a content tag, ``c-`` and the hash of what it is made from. Where the registry knows that tag,
its digest is the answer, for the price of one question. The app's ``version`` is a second tag that moves:
building another content under the same version takes the tag along, while releases keep to their digests.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import TO_BE_BUILT
from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Engine
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import Registry

from .wanted import Wanted, split_reference

OURS = "REGISTRY/"  # what an app file writes before the name of an image that our registry has already
_OWN_TAG = re.compile(r"c-[0-9a-f]{16}|buildcache|sha256-.*")


@dataclass(frozen=True)
class Outcome:
    """What was found or done; ``missing`` asks for the context, without which nothing could be built.

    Of one that is described already it asks for the pieces that it is ``lacking``.
    """

    image: str
    lines: tuple[str, ...] = ()
    predicted: bool = False
    missing: bool = False
    lacking: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return what the module ``image`` answers."""
        return {
            "image": self.image,
            "changed": bool(self.lines) and not self.missing,
            "predicted": self.predicted,
            "missing": self.missing,
            "lacking": list(self.lacking),
            "diff": {"prepared": "".join(f"{line}\n" for line in self.lines)},
        }


def content_tag(digest: str) -> str:
    """Return the tag for a content hash."""
    return f"c-{digest}"


def reference_tag(image: str) -> str:
    """Return the content tag for an existing image: the reference itself is its content.

    So NAME:TAG is taken once and then stays what it was; another tag or a digest asks for another.
    """
    return content_tag(hashlib.sha256(f"image {image}".encode()).hexdigest()[:16])


def converge(wanted: Wanted, registry: Registry, connect: Callable[[], Engine], *, check: bool) -> Outcome:
    """Return the image's digest, making it first where the registry lacks it. Raises FairleadError.

    ``connect`` is called only when something must be made; with ``check`` nothing is.
    """
    ours = _in_ours(wanted)
    if ours:
        return Outcome(_resolved(registry, *ours))
    if wanted.version and _OWN_TAG.fullmatch(wanted.version):
        raise FairleadError(
            f"{wanted.app}: version {wanted.version} is a tag that the platform gives itself; choose another"
        )
    digest = None if wanted.fresh else registry.digest(wanted.app, wanted.tag)
    if digest:
        return _tagged(wanted, registry, digest, (), check=check)
    making = (f"+ {wanted.name}:{wanted.tag} {f'copy of {wanted.image}' if wanted.image else 'build'}",)
    if check:
        predicted = _tagged(wanted, registry, TO_BE_BUILT, making, check=True)
        return replace(predicted, predicted=True)
    if not wanted.image and not wanted.context:
        return Outcome("", making, missing=True)
    if lacking := _lacking(wanted):
        return Outcome("", making, missing=True, lacking=lacking)
    return _tagged(wanted, registry, _make(wanted, registry, connect), making, check=False)


def _lacking(wanted: Wanted) -> tuple[str, ...]:
    """Return what has to be sent of a context before it can be built."""
    if not wanted.context or wanted.context.sent:
        return ()
    from .shipping import Shelf  # noqa: PLC0415 - as in _make
    from .workplace import WORKPLACE  # noqa: PLC0415

    return tuple(Shelf(WORKPLACE.contexts).lacking(wanted.app, wanted.context.parcel))


def _make(wanted: Wanted, registry: Registry, connect: Callable[[], Engine]) -> str:
    # What builds is a lot to import for who only asks.
    from .building import make  # noqa: PLC0415

    make(connect, registry, wanted)
    digest = registry.digest(wanted.app, wanted.tag)
    if digest is None:
        raise FairleadError(f"image {wanted.name}:{wanted.tag} was pushed, but the registry does not have it")
    return digest


def _tagged(
    wanted: Wanted, registry: Registry, digest: str, lines: tuple[str, ...], *, check: bool
) -> Outcome:
    """Return the outcome for a digest, after the version, if there is one, is a tag of it."""
    found = registry.digest(wanted.app, wanted.version) if wanted.version else digest
    if wanted.version and found != digest:
        lines = (*lines, f"{'~' if found else '+'} {wanted.name}:{wanted.version} tag")
        if not check:
            registry.tag(wanted.app, digest, wanted.version)
    return Outcome(f"{wanted.name}@{digest}", lines)


def _in_ours(wanted: Wanted) -> tuple[str, str] | None:
    for prefix in (OURS, f"{wanted.registry}/"):
        if wanted.image and wanted.image.startswith(prefix):
            return split_reference(wanted.image.removeprefix(prefix))
    return None


def _resolved(registry: Registry, name: str, reference: str) -> str:
    digest = registry.digest(name, reference)
    if digest is None:
        raise FairleadError(f"image {name}:{reference} is not in our registry {registry.address}")
    return f"{registry.address}/{name}@{digest}"
