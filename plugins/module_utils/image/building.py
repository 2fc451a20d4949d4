# SPDX-License-Identifier: GPL-3.0-or-later
"""Make an image in the builder's engine, from a packed context or from an image that exists, and push it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Auth, Engine, Messages
from ansible_collections.fairlead.paas.plugins.module_utils.containers.engine import (
    EngineError,
    has_image,
    pull,
    push,
    saying,
)

from .recipe import REGISTRY_ARGUMENT, USUAL, Recipe

CONTENT = "io.fairlead.content"  # the label that says which content an image was built from
_LOG_LINES = 40
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # the engine paints what a step wrote to its error output
_STEP = "Step "
_CHATTER = (" ---> ", "Removing intermediate container ", "Successfully ")


@dataclass(frozen=True)
class Wanted:
    """One app's image: either built from the packed ``context``, or taken from the existing ``image``."""

    app: str
    registry: str  # HOST:PORT
    tag: str  # the content tag
    version: str | None = None
    context: Path | None = None  # on the builder; None until it is known to be needed
    recipe: Recipe = USUAL
    image: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    auth: Auth = field(default=None, repr=False)  # the account that may push

    @property
    def name(self) -> str:
        """Return the image's name in our registry."""
        return f"{self.registry}/{self.app}"


def make(engine: Engine, wanted: Wanted) -> None:
    """Build or take the image, and push it under its content tag. Raises EngineError."""
    if wanted.context:
        _build(engine, wanted, wanted.context)
    elif wanted.image:
        _take(engine, wanted, wanted.image)
    push(engine, wanted.name, wanted.tag, wanted.auth)


def follow(messages: Messages, what: str) -> None:
    """Read a build's messages to their end. Raises EngineError with the failed step and its last lines."""
    step, error = "before its first step", ""
    log: deque[str] = deque(maxlen=_LOG_LINES)
    for message in messages:
        error = error or str(message.get("error", "")).strip()
        for line in _COLOUR.sub("", str(message.get("stream", ""))).splitlines():
            if line.startswith(_STEP):
                step = f"at {line.strip()}"
                log.clear()
            elif line.strip() and not line.startswith(_CHATTER):
                log.append(line)
    if error:
        raise EngineError("\n".join([f"{what}: {step}: {error}", *log]))


def _build(engine: Engine, wanted: Wanted, packed: Path) -> None:
    what = f"image {wanted.name}:{wanted.tag} cannot be built"
    with saying(what), packed.open("rb") as context:
        if wanted.auth:  # for bases that our registry holds
            engine.login(wanted.auth["username"], wanted.auth["password"], registry=wanted.registry)
        messages = engine.build(
            fileobj=context,
            custom_context=True,
            encoding="gzip",
            tag=f"{wanted.name}:{wanted.tag}",
            dockerfile=wanted.recipe.dockerfile,
            target=wanted.recipe.target,
            buildargs={**wanted.recipe.args, REGISTRY_ARGUMENT: wanted.registry},
            labels={**wanted.labels, CONTENT: wanted.tag},
            decode=True,
            rm=True,
            forcerm=True,
        )
        follow(messages, what)


def _take(engine: Engine, wanted: Wanted, image: str) -> None:
    if not has_image(engine, image):
        pull(engine, image, None)
    with saying(f"image {image} cannot be named {wanted.name}:{wanted.tag}"):
        engine.tag(image, wanted.name, wanted.tag)
