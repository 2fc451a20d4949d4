# SPDX-License-Identifier: GPL-3.0-or-later
"""Go: a program that is compiled already, or a module."""

from __future__ import annotations

import re

from ansible_collections.fairlead.paas.plugins.module_utils.source.contents import Contents
from ansible_collections.fairlead.paas.plugins.module_utils.source.draft import Draft, Order, Unbuildable

from .programs import only_program

# What programs that do not carry their files within themselves read where they are started.
_DATA = ("assets", "migrations", "public", "static", "templates", "views", "web")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def draft(order: Order) -> Draft:
    """Start what is compiled, or compile the package at the top, or the only one of cmd/."""
    contents = order.contents
    if order.finished:
        command, lacks = only_program(contents)
        return Draft({"built": False}, command, lacks)
    if not contents.has_file("go.mod"):
        raise Unbuildable("has no go.mod", "a module of Go")
    data = [name for name in _DATA if contents.has_folder(name)]
    modules, args = _modules(order)
    values = {"built": True, "package": _package(contents), "modules": modules, "data": data}
    return Draft(values, ("/app/app",), args=args)


def _modules(order: Order) -> tuple[str, dict[str, str]]:
    """Return how modules are found, as an environment of Go, and as build arguments."""
    if order.contents.has_folder("vendor"):
        return "GOFLAGS=-mod=vendor GOPROXY=off", {}
    index = order.indexes.get("go")
    return ("", {"GOPROXY": index}) if index else ("GOPROXY=off", {})


def _package(contents: Contents) -> str:
    if any(name.endswith(".go") for name in contents.files_at_top()):
        return "."
    commands = [path for path in contents.kinds if path.startswith("cmd/") and contents.has_folder(path)]
    if len(commands) == 1 and _NAME.fullmatch(commands[0].removeprefix("cmd/")):
        return f"./{commands[0]}"
    raise Unbuildable(
        "has no program to compile", "files of package main at its top, or one directory in cmd/"
    )
