# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets of a release: of all values that there are, those that its configuration means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .app.resolve import secret_hash
from .configuration import Configuration
from .errors import FairleadError

Kept = Mapping[tuple[str, str], str]  # name and hash -> sealed value
Unseal = Callable[[str, str], str]  # key and sealed value -> value


def meant(configuration: Configuration) -> dict[str, str]:
    """Return the secrets of a configuration: name → keyed hash."""
    return {name: found for it in configuration.processes for name, found in it.spec.secrets.items()}


def is_now(app: str, name: str, found: str, now: Mapping[str, Any], key: str) -> bool:
    """Return whether the inventory's value of a secret is the one that a hash stands for."""
    value = now.get(name)
    return isinstance(value, str) and secret_hash(app, name, value, key) == found


def missing(configuration: Configuration, now: Mapping[str, Any], kept: Kept, key: str) -> list[str]:
    """Return the secrets whose meant value is neither the inventory's nor kept."""
    app = configuration.app
    return sorted(
        name
        for name, found in meant(configuration).items()
        if not is_now(app, name, found, now, key) and (name, found) not in kept
    )


def values_of(
    configuration: Configuration, now: Mapping[str, Any], kept: Kept, key: str, unseal: Unseal
) -> dict[str, str]:
    """Return name → value of all secrets of a configuration. Raises FairleadError for one that is missing."""
    app = configuration.app
    lost = missing(configuration, now, kept, key)
    if lost:
        raise FairleadError(f"the values that {', '.join(lost)} had then are neither set now nor kept")
    return {
        name: now[name] if is_now(app, name, found, now, key) else unseal(key, kept[name, found])
        for name, found in meant(configuration).items()
    }
