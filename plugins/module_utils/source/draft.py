# SPDX-License-Identifier: GPL-3.0-or-later
"""What a runtime makes of a source: the values for its Dockerfile's template, before it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .contents import Contents


@dataclass(frozen=True)
class Order:
    """What a Dockerfile is wanted for: finished artefacts or code that is yet to be built, and the indexes.

    ``indexes`` are the inventory's, by what they are of: python, node, go, java, ruby, php.
    """

    contents: Contents
    finished: bool
    indexes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Draft:
    """Values for the template; ``command`` is what starts it, and where there is none ``lacks`` says why.

    ``args`` are build arguments, of the builder's stage only: the address of an index.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    lacks: str = ""
    args: Mapping[str, str] = field(default_factory=dict)


class Unbuildable(Exception):
    """A source cannot be built: what is wrong with it, and what is expected."""

    def __init__(self, problem: str, expected: str) -> None:
        """Keep both."""
        super().__init__(problem)
        self.problem, self.expected = problem, expected


def index_args(order: Order, index: str, name: str, what: str, instead: str) -> dict[str, str]:
    """Return the build argument that names an index. Raises Unbuildable without one: nothing is public."""
    url = order.indexes.get(index)
    if not url:
        raise Unbuildable(f"{what}, and no index is named", f"fairlead_indexes.{index}, or {instead}")
    return {name: url}


def host_of(url: str) -> str:
    """Return the host of a URL, with its port if it has one."""
    return urlsplit(url).netloc.rpartition("@")[2]
