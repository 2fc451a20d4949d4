# SPDX-License-Identifier: GPL-3.0-or-later
"""How a context is built, beside what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DOCKERFILE = "Dockerfile"
REGISTRY_ARGUMENT = "FAIRLEAD_REGISTRY"  # every build gets it: the registry's address
# The module's options that say it.
OPTIONS: dict[str, dict[str, Any]] = {
    "dockerfile": {"type": "str", "default": DOCKERFILE},
    "target": {"type": "str"},
    "args": {"type": "dict", "default": {}},
    "secrets": {"type": "list", "elements": "str", "default": []},
}


@dataclass(frozen=True)
class Recipe:
    """How a context is built: the Dockerfile in it, the stage to end with, the build's own arguments.

    ``secrets`` are the names of what is mounted at build time, ``/run/secrets/NAME``.
    """

    dockerfile: str = DOCKERFILE
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Recipe:
        """Return what the options say, whatever else is given."""
        return cls(**{**{name: given[name] for name in OPTIONS}, "secrets": tuple(given["secrets"])})

    def as_dict(self) -> dict[str, Any]:
        """Return what is not as usual, so that a new choice changes no hash of those who do not make it."""
        usual = Recipe()
        return {name: value for name, value in vars(self).items() if value != getattr(usual, name)}


USUAL = Recipe()
