# SPDX-License-Identifier: GPL-3.0-or-later
"""What remains of a lost ledger, put together from what every machine answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Instance


@dataclass(frozen=True)
class Remains:
    """Of all apps, on all machines that could be asked."""

    instances: tuple[Instance, ...] = ()
    packed: frozenset[tuple[str, int, str]] = frozenset()  # app, release, configuration as a label has it
    numbers: Mapping[str, int] = field(default_factory=dict)  # app -> the highest release seen
    tokens: Mapping[str, int] = field(default_factory=dict)  # app -> the highest token seen
    hosts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # router -> host name -> shop.web
    strange: tuple[str, ...] = ()

    def of_app(self, app: str) -> tuple[Instance, ...]:
        """Return the containers of one app, sorted by slot."""
        return tuple(i for i in self.instances if i.slot.app == app)


def gathered(answers: Mapping[str, Mapping[str, Any]]) -> Remains:
    """Return what the machines answered, by their names, as the module ``remains`` does."""
    return Remains(
        instances=tuple(
            sorted(
                Instance.from_look(name, each)
                for name, found in answers.items()
                for each in found.get("instances", ())
            )
        ),
        packed=frozenset(
            (each["app"], each["release"], each["packed"])
            for found in answers.values()
            for each in found.get("configurations", ())
        ),
        numbers=_highest(answers, "numbers"),
        tokens=_highest(answers, "tokens"),
        hosts={name: found["hosts"] for name, found in sorted(answers.items()) if "hosts" in found},
        strange=tuple(
            f"{name}: {each}" for name, found in sorted(answers.items()) for each in found.get("strange", ())
        ),
    )


def _highest(answers: Mapping[str, Mapping[str, Any]], what: str) -> dict[str, int]:
    highest: dict[str, int] = {}
    for found in answers.values():
        for app, number in found.get(what, {}).items():
            highest[app] = max(number, highest.get(app, 0))
    return highest
