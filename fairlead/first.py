# SPDX-License-Identifier: GPL-3.0-or-later
"""A first app file for what somebody has, each line explained."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.app.grammar import NAME, parse_name
from ansible_collections.fairlead.paas.plugins.module_utils.app.scalars import read_plain
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.image.context import Kind
from ansible_collections.fairlead.paas.plugins.module_utils.source.contents import Contents
from ansible_collections.fairlead.paas.plugins.module_utils.source.dockerfile import write
from ansible_collections.fairlead.paas.plugins.module_utils.source.draft import Order, Unbuildable
from ansible_collections.fairlead.paas.plugins.module_utils.source.procfile import RELEASE, Procfile
from ansible_collections.fairlead.paas.plugins.module_utils.source.runtimes import (
    RUNTIMES,
    Runtime,
    detect,
    known_runtime,
    split_runtime,
)

WEB, PORT = "web", 8080
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]*")
_EXPOSE = re.compile(r"^\s*EXPOSE\s+(\d{1,5})\b", re.MULTILINE | re.IGNORECASE)
# What is asked of a runtime here needs no index yet; which one there is, the inventory says.
ANY_INDEX = dict.fromkeys(("go", "java", "node", "php", "python", "ruby"), "https://index.invalid")
_INDEXES = {"golang": "go"}


@dataclass(frozen=True)
class Found:
    """What somebody has: how ``build`` names it, what is in it, its Procfile, and its own Dockerfile."""

    build: Mapping[str, str | Mapping[str, str]]
    contents: Contents
    procfile: Procfile = field(default_factory=Procfile)
    dockerfile: str | None = None

    @property
    def is_package(self) -> bool:
        """Whether it is finished, and nothing but packed."""
        return "package" in self.build


def name_for(path: Path) -> str:
    """Return the name of an app that a path suggests. Raises FairleadError if it suggests none."""
    stem = re.sub(r"(\.tar)?\.[a-z]+$", "", path.name) if path.is_file() else path.name
    name = re.sub(r"-v?[0-9][0-9.]*$", "", stem.lower())
    name = re.sub(r"[^a-z0-9]+", "-", name).strip("-")[:40].rstrip("-")
    if not re.fullmatch(NAME, name):
        raise FairleadError(f"{path.name} suggests no name for the app; expected --name NAME")
    return name


def checked_name(name: str) -> str:
    """Return the name of an app. Raises FairleadError if it is none."""
    try:
        return parse_name(name)
    except ValueError as error:
        raise FairleadError(f"--name {name}: is not a name; expected {error}") from error


def runtime_for(found: Found, said: str | None) -> Runtime:
    """Return the runtime that is said or found. Raises FairleadError where there is neither."""
    if said:
        return _said(said)
    files = found.contents.files_at_top()
    if found.is_package and any(name.endswith((".war", ".jar")) for name in files):
        return Runtime("java", why=next(name for name in files if name.endswith((".war", ".jar"))))
    if found.is_package and len(programs := found.contents.top(Kind.PROGRAM)) == 1:
        return Runtime("static", why=programs[0])
    try:
        return detect(found.contents)
    except ValueError as error:
        raise FairleadError(f"it {error}; expected --runtime: one of {', '.join(RUNTIMES)}") from error


def _said(said: str) -> Runtime:
    try:
        known_runtime(said.partition(":")[0])
    except ValueError as error:
        raise FairleadError(f"--runtime {said}: is not known; expected {error}") from error
    return split_runtime(said)


def app_file(name: str, found: Found, said: str | None, schema: str | None) -> str:
    """Return the text of an app file, which still has to be checked. Raises FairleadError."""
    head = [f"# yaml-language-server: $schema={schema}"] if schema else []
    lines = [
        *head,
        "# What may stand here is in docs/app-files.md; what is left out has a default.",
        "# The name of the app, which is also this file's.",
        f"app: {name}",
        *_build(name, found, said),
        *_processes(name, found),
        *_release(found),
    ]
    return "\n".join(lines) + "\n"


def _build(name: str, found: Found, said: str | None) -> list[str]:
    build: dict[str, str | Mapping[str, str]] = dict(found.build)
    if found.dockerfile is not None and not said:
        words = "# What the image is built from; its own Dockerfile says how."
        return [words, f"build: {_flow(build)}"]
    runtime = runtime_for(found, said)
    try:
        written = write(runtime, Order(found.contents, found.is_package, ANY_INDEX))
    except Unbuildable as error:
        raise FairleadError(f"it {error}; expected {error.expected}") from error
    if not written.command and not found.procfile.commands:
        raise FairleadError(f"nothing says how it starts: {written.lacks}; expected a Procfile, web: COMMAND")
    why = f"{runtime.name}, because of {runtime.why}" if runtime.why else runtime.name
    lines = [
        f"# What the image is built from. It runs on {why}; the Dockerfile is generated:",
        f"# fairlead build {name} --show",
    ]
    if written.args:
        index = _INDEXES.get(runtime.name, runtime.name)
        lines.append(f"# Its packages come from an index, the inventory's fairlead_indexes.{index}.")
    if found.is_package or said:
        build["runtime"] = said or runtime.name
    if written.command:
        lines.append(f"# Unless a process says otherwise, it starts by: {' '.join(written.command)}")
    return [*lines, f"build: {_flow(build)}"]


def _processes(name: str, found: Found) -> list[str]:
    commands = {each: line for each, line in found.procfile.commands.items() if each != RELEASE}
    names = [each for each in commands if re.fullmatch(NAME, each)] or [WEB]
    lines = ["# What runs: each process has as many instances as its scale says."]
    if commands:
        lines.append("# Their commands are those of the Procfile, unless there is a command here.")
    lines.append("processes:")
    first, *others = sorted(names, key=lambda one: (one != WEB, one))
    lines += [f"  {first}:", *(_web(name, found) if first == WEB else []), *_PROCESS]
    return [*lines, *(f"  {other}: {{scale: 1, memory: 256M, cpu: 0.1}}" for other in others)]


def _web(name: str, found: Found) -> list[str]:
    exposed = _EXPOSE.search(found.dockerfile or "")
    return [
        f"    # It answers at {name}.<the platform's domain>. The port is what it listens on, and it is told",
        "    # by PORT. It is healthy as long as it answers GET /; health: {path: /_ping} asks for another.",
        f"    port: {exposed[1] if exposed else PORT}",
    ]


def _release(found: Found) -> list[str]:
    if RELEASE not in found.procfile.commands:
        return []
    return ["# The Procfile's release command runs once before each release; release.command says another."]


def _flow(pairs: Mapping[str, str | Mapping[str, str]]) -> str:
    inside = (
        f"{key}: {_flow(value) if isinstance(value, Mapping) else _scalar(value)}"
        for key, value in pairs.items()
    )
    return "{" + ", ".join(inside) + "}"


def _scalar(value: str) -> str:
    """Return text as YAML, in quotes unless it is plain text to every reader."""
    try:
        plain = bool(_PLAIN.fullmatch(value)) and read_plain(value) == value
    except ValueError:
        plain = False
    return value if plain else json.dumps(value, ensure_ascii=False)


_PROCESS = (
    "    # How many instances run.",
    "    scale: 1",
    "    # Reserved for each instance, and the most that it gets.",
    "    memory: 256M",
    "    # Cores reserved for each instance; it may use more where they are idle.",
    "    cpu: 0.1",
)
