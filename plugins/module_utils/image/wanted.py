# SPDX-License-Identifier: GPL-3.0-or-later
"""The image that an app wants, and how images are named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Auth

from .parcel import Shipment
from .recipe import USUAL, Recipe


@dataclass(frozen=True)
class Wanted:
    """One app's image: either built from a ``context``, or taken from the existing ``image``."""

    app: str
    registry: str  # HOST:PORT
    tag: str  # the content tag
    version: str | None = None
    context: Shipment | None = None  # None until it is known to be needed
    recipe: Recipe = USUAL
    image: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    run: str = ""  # which build this is, for the name of its log
    fresh: bool = False  # make it anew, whatever the registry and the caches have
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)  # what the recipe's have as values
    auth: Auth = field(default=None, repr=False)  # the account that may push

    @property
    def name(self) -> str:
        """Return the image's name in our registry."""
        return f"{self.registry}/{self.app}"


def split_reference(image: str) -> tuple[str, str]:
    """Return the name and the tag or digest of an image; the tag is ``latest`` where none is written."""
    name, at, digest = image.partition("@")
    if at:
        return name, digest
    head, colon, tag = name.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (name, "latest")
