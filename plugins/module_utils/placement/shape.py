# SPDX-License-Identifier: GPL-3.0-or-later
"""What every instance of one process asks of its node. Cpu is counted in whole thousandths of a core."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import GLOBAL, Process, Rules
from ansible_collections.fairlead.paas.plugins.module_utils.constraints import Constraint, parse_constraint

Key = tuple[str, str]  # app and process
EVERY_OTHER = "*"


class Ref(NamedTuple):
    """Whom a rule names: an app, one process of an app, or ``*``, every other app."""

    app: str
    process: str | None = None

    def __str__(self) -> str:
        """Return the reference as it is written in an app file."""
        return f"{self.app}/{self.process}" if self.process else self.app

    def names(self, key: Key, owner: Key) -> bool:
        """Say whether a process is meant, by the rule of an owner. No rule is about its own process."""
        if key == owner:
            return False
        if self.app == EVERY_OTHER:
            return key[0] != owner[0]
        return key[0] == self.app and self.process in (None, key[1])


ANY = Ref(EVERY_OTHER)


class Preference(NamedTuple):
    """A constraint that a node should meet, with its weight."""

    constraint: Constraint
    weight: int
    text: str


@dataclass(frozen=True)
class Shape:
    """What every instance of one process asks of its node, and where it may stand. Memory in bytes."""

    app: str
    process: str
    memory: int
    millicores: int
    wants_port: bool
    constraints: tuple[Constraint, ...]
    max_per_node: int | None
    strategy: str
    preferences: tuple[Preference, ...] = ()
    spread: str | None = None
    max_skew: int | None = None
    max_per: tuple[tuple[str, int], ...] = ()
    together: tuple[Ref, ...] = ()
    apart: tuple[Ref, ...] = ()
    apart_per: str | None = None
    everywhere: bool = False  # mode: global
    publish: int | None = None  # the port of the node that it wants, and no other
    key: Key = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Keep what is asked for again and again."""
        object.__setattr__(self, "key", (self.app, self.process))

    @cached_property
    def names(self) -> tuple[Ref, ...]:
        """The names by which rules of others mean it."""
        return Ref(self.app), Ref(self.app, self.process), ANY

    def __str__(self) -> str:
        """Return ``shop.web``."""
        return f"{self.app}.{self.process}"

    def without(self, **changes: Any) -> Shape:
        """Return the shape with some rules changed."""
        return replace(self, **changes)

    def unnamed(self) -> Shape:
        """Return the shape as if no rule of others meant it."""
        shape = replace(self)
        vars(shape)["names"] = ()
        return shape

    @classmethod
    def of(cls, app: str, process: Process) -> Shape:
        """Return the shape of a process. Raises ValueError for a constraint that does not parse."""
        rules = process.rules
        return cls(
            app=app,
            process=process.name,
            memory=process.spec.memory,
            millicores=millicores(process.spec.cpu),
            wants_port=process.spec.port is not None and process.spec.publish is None,
            constraints=tuple(_parsed(text) for text in rules.constraints),
            max_per_node=rules.max_per_node if process.spec.publish is None else 1,
            strategy=rules.strategy,
            preferences=tuple(Preference(_parsed(p.rule), p.weight, p.rule) for p in rules.preferences),
            spread=rules.spread,
            max_skew=rules.max_skew if rules.spread else None,
            max_per=tuple(sorted(rules.max_per.items())),
            together=refs(rules.together),
            apart=refs(rules.apart),
            apart_per=rules.apart_per,
            everywhere=rules.mode == GLOBAL,
            publish=process.spec.publish,
        )


class Aversion(NamedTuple):
    """Whom a process does not stand beside: on the same node, or on nodes of one value of a label."""

    refs: tuple[Ref, ...]
    per: str | None

    @classmethod
    def of(cls, rules: Rules) -> Aversion:
        """Return what the rules of a process say of this."""
        return cls(refs(rules.apart), rules.apart_per)


def millicores(cpu: float) -> int:
    """Return cores as whole thousandths: sums of these do not drift, whatever their order."""
    return round(cpu * 1000)


def refs(names: Collection[str]) -> tuple[Ref, ...]:
    """Return the references written in app files, sorted: ``cache``, ``shop/web``, ``*``."""
    if not names:
        return ()
    parts = (name.partition("/") for name in names)
    return tuple(sorted({Ref(app, process or None) for app, _, process in parts}, key=str))


_parsed = lru_cache(maxsize=4096)(parse_constraint)
