# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a packed context with BuildKit, which only the engine's own command line knows how to talk to.

What it says goes to a log as it comes, without the values of secrets; of a failure the last lines of the step
that failed are said.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ansible_collections.fairlead.paas.plugins.module_utils.containers.client import Auth
from ansible_collections.fairlead.paas.plugins.module_utils.containers.engine import EngineError

from .recipe import REGISTRY_ARGUMENT, Recipe

# Debian's own, before any other that a machine may have: it fits the engine, and brings BuildKit along.
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
# The command ends with whoever started it, and the engine then gives the build up.
_ALONG = ("setpriv", "--pdeathsig", "KILL")
_LOG_LINES = 40
_HIDDEN = "********"
_SHORTEST = 4  # characters; a shorter line of a secret would hide parts of other words
_LINE = re.compile(
    r"#(?P<step>[0-9]+) (?:(?P<name>\[.*)|(?P<time>[0-9]+\.[0-9]+) (?P<said>.*)|ERROR: (?P<why>.*))"
)
_STAGE = re.compile(
    r"\[(?:(?P<stage>\S+) +)?(?P<at>[0-9]+)/(?P<of>[0-9]+)\](?: FROM (?P<base>\S+@sha256:[0-9a-f]{64}))?"
)
_NO_BUILDKIT = (
    "this machine's docker command knows no BuildKit; the role builder installs what it needs "
    "(Debian 13: docker-buildx), so run site.yml"
)


@dataclass(frozen=True)
class Order:
    """One build: what is packed, how it is built, and what it is told."""

    registry: str  # HOST:PORT, for bases that it holds
    packed: Path
    recipe: Recipe
    caches: tuple[str, ...] = ()  # images that steps may be taken from
    fresh: bool = False  # take no step from any cache
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth: Auth = field(default=None, repr=False)

    def arguments(self, result: Path) -> list[str]:
        """Return the command's arguments; the image's id is written to ``result``."""
        recipe = self.recipe
        told = {**recipe.args, REGISTRY_ARGUMENT: self.registry, "BUILDKIT_INLINE_CACHE": "1"}
        return [
            *("build", "--progress=plain", f"--iidfile={result}", f"--file={recipe.dockerfile}"),
            *(f"--build-arg={name}={value}" for name, value in told.items()),
            *(f"--secret=id={name},env={name}" for name in self.secrets),
            *([f"--target={recipe.target}"] if recipe.target else []),
            *(["--no-cache"] if self.fresh else [f"--cache-from={image}" for image in self.caches]),
            "-",
        ]


@dataclass(frozen=True)
class Built:
    """What came of it: the engine's id of the image, and the bases that were pulled for it, NAME@DIGEST.

    ``base`` is the one that the image stands on, empty where that has no digest.
    """

    image: str
    bases: tuple[str, ...]
    base: str


def build(order: Order, folder: Path, log: IO[str]) -> Built:
    """Build; ``folder`` is for what the command needs and leaves. Raises EngineError with why it failed."""
    account, result = folder / "account", folder / "result"
    _write_account(account, order.registry, order.auth)
    environment = {**order.secrets, "PATH": _PATH, "HOME": str(folder), "DOCKER_BUILDKIT": "1"}
    command = [*_ALONG, "docker", f"--config={account}", *order.arguments(result)]
    with (
        order.packed.open("rb") as context,
        subprocess.Popen(  # noqa: S603 - each word went through a grammar, or stands behind its option's =
            command,
            stdin=context,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            text=True,
            errors="replace",
        ) as process,
    ):
        heard = follow(_kept(process.stdout or (), log, order.secrets.values()))
    if process.returncode:
        raise EngineError(heard.failure())
    return Built(result.read_text().strip(), tuple(heard.pulled.values()), heard.pulled.get(heard.stage, ""))


def _kept(lines: Iterable[str], log: IO[str], secrets: Iterable[str]) -> Iterable[str]:
    """Yield the lines without the values of secrets, each after it is in the log."""
    parts = {line for value in secrets for line in value.splitlines() if len(line) >= _SHORTEST}
    hidden = sorted(parts, key=len, reverse=True)
    for line in lines:
        shown = line
        for value in hidden:
            shown = shown.replace(value, _HIDDEN)
        log.write(shown)
        log.flush()
        yield shown.rstrip("\n")


@dataclass
class Heard:
    """What a build has said so far."""

    names: dict[str, str] = field(default_factory=dict)  # of its steps, by number
    said: dict[str, deque[str]] = field(default_factory=dict)  # the last lines of each step
    failed: str = ""  # the step that failed first
    why: str = ""
    last: str = ""
    pulled: dict[str, str] = field(default_factory=dict)  # stage -> what it begins with, NAME@DIGEST
    stage: str = ""  # whose last step came last

    def begin(self, step: str, name: str) -> None:
        """Take that a step has begun."""
        self.names[step] = name
        self.said.setdefault(step, deque(maxlen=_LOG_LINES))
        if part := _STAGE.match(name):
            stage = part["stage"] or ""
            if part["base"]:
                self.pulled[stage] = part["base"]
            if part["at"] == part["of"]:
                self.stage = stage

    def failure(self) -> str:
        """Return which step failed and why, then its last lines."""
        if "buildx" in self.last or "unknown flag" in self.last:
            return _NO_BUILDKIT
        if not self.failed:
            return self.last or "it failed and said nothing"
        return "\n".join([f"at {self.names[self.failed]}: {self.why}", *self.said[self.failed]])


def follow(lines: Iterable[str]) -> Heard:
    """Read what a build says, in BuildKit's plain form, to its end."""
    heard = Heard()
    for line in lines:
        heard.last = line.strip() or heard.last
        found = _LINE.fullmatch(line)
        if not found:
            continue
        step = found["step"]
        if found["name"]:
            heard.begin(step, found["name"])
        elif found["time"] and step in heard.said:
            heard.said[step].append(found["said"])
        elif found["why"] and not heard.failed and step in heard.names:
            heard.failed, heard.why = step, found["why"]
    return heard


def _write_account(folder: Path, registry: str, auth: Auth) -> None:
    folder.mkdir(mode=0o700)
    accounts = {registry: {"auth": _packed(auth)}} if auth else {}
    file = folder / "config.json"
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
        json.dump({"auths": accounts}, written)


def _packed(auth: Mapping[str, str]) -> str:
    return base64.b64encode(f"{auth['username']}:{auth['password']}".encode()).decode()
