# SPDX-License-Identifier: GPL-3.0-or-later
"""What was rebuilt and what could not be known, as people read it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from .decide import Rebuilt, is_name
from .remains import Remains

_ALWAYS = (
    "who released what, when, why and from which commit",
    "all releases before, and the values that secrets had then: nothing can be rolled back",
    "which nodes were cordoned or draining: say it again, with playbooks/cordon.yml and drain.yml",
    "later releases that started no container, of routes or health checks alone: deploy to have them again",
)
_HEADS = ("app", "release", "state", "rebuilt from")


def report(
    rebuilt: Collection[Rebuilt], recorded: Collection[str], remains: Remains, lost: Mapping[str, str]
) -> list[str]:
    """Return the lines; ``recorded`` are the apps that the ledger did not know."""
    rows = [_HEADS, *(_row(each, recorded) for each in rebuilt)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    unknown = list(_unknown([each for each in rebuilt if each.app in recorded], remains, lost))
    return [*(table if rebuilt else ["no app has a container"]), "could not be known:", *unknown]


def _row(each: Rebuilt, recorded: Collection[str]) -> tuple[str, str, str, str]:
    if each.app not in recorded:
        return each.app, "-", "as it was", "nothing: the ledger knows releases of it"
    state = "active" if each.configuration else "failed"
    return each.app, f"v{each.number}", state, each.source


def _unknown(recorded: Iterable[Rebuilt], remains: Remains, lost: Mapping[str, str]) -> Iterator[str]:
    for each in recorded:
        yield from (f"  {each.app}: {words}" for words in each.unknown)
        if each.configuration is None:
            yield (
                f"  {each.app}: which release is active: deploy it, which makes one, and keeps what is as its"
                " file says"
            )
    misnamed = {instance.slot.app for instance in remains.instances if not is_name(instance.slot.app)}
    yield from (f"  what {name!r} is: containers have it for an app's name" for name in sorted(misnamed))
    yield from (f"  {words}" for words in remains.strange)
    yield from (f"  what {name} has: it is {why}" for name, why in sorted(lost.items()))
    yield from (f"  {words}" for words in _ALWAYS)
