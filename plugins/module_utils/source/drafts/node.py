# SPDX-License-Identifier: GPL-3.0-or-later
"""Node.js: code, with its modules beside it or in an index."""

from __future__ import annotations

import json
import re
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.source.command import split_command
from ansible_collections.fairlead.paas.plugins.module_utils.source.contents import Contents
from ansible_collections.fairlead.paas.plugins.module_utils.source.draft import (
    Draft,
    Order,
    Unbuildable,
    index_args,
)

MODULES = "node_modules"
_LOCKS = ("package-lock.json", "npm-shrinkwrap.json")
_WITH_THE_SOURCE = ("install", "postinstall", "preinstall", "prepare")  # scripts that run while installing
_STARTS = ("server.js", "index.js")
_FILE = re.compile(r"(?!.*\.\.)(?:\./)?[A-Za-z0-9_][A-Za-z0-9_./-]*")


def draft(order: Order) -> Draft:
    """Install what is named, build what is code, and start what package.json says."""
    contents, package = order.contents, _package(order.contents)
    scripts = _mapping(package, "scripts")
    needed = bool(_mapping(package, "dependencies"))
    if not order.finished and scripts.get("build"):
        needed = needed or bool(_mapping(package, "devDependencies"))
    install = needed and not contents.has_folder(MODULES)
    args: dict[str, str] = {}
    if install:
        needs = "package.json names packages"
        args = index_args(order, "node", "NPM_CONFIG_REGISTRY", needs, f"them in {MODULES}/")
    locks = [name for name in _LOCKS if contents.has_file(name)]
    values = {
        "install": install,
        "build": bool(scripts.get("build")) and not order.finished,
        "locks": locks,
        "whole": bool(package.get("workspaces"))
        or any(name in scripts for name in _WITH_THE_SOURCE)
        or _is_beside(package),
    }
    command, lacks = _command(contents, package, scripts)
    return Draft(values, command, lacks, args)


def _package(contents: Contents) -> dict[str, Any]:
    text = contents.texts.get("package.json", "{}")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unbuildable("has a package.json that is no JSON", "one that can be read") from error
    return data if isinstance(data, dict) else {}


def _mapping(package: dict[str, Any], key: str) -> dict[str, Any]:
    found = package.get(key)
    return found if isinstance(found, dict) else {}


def _is_beside(package: dict[str, Any]) -> bool:
    """Say whether a module that is needed is a folder or a file of the source."""
    needed = {**_mapping(package, "dependencies"), **_mapping(package, "devDependencies")}
    return any(str(where).startswith(("file:", "link:", "./", "../", "/", "~")) for where in needed.values())


def _command(
    contents: Contents, package: dict[str, Any], scripts: dict[str, Any]
) -> tuple[tuple[str, ...], str]:
    start = scripts.get("start")
    if isinstance(start, str) and start.isprintable() and start.strip():
        return _started(start, around=bool({"prestart", "poststart"} & set(scripts))), ""
    main = package.get("main")
    if isinstance(main, str) and _FILE.fullmatch(main):
        return ("node", main), ""
    for name in _STARTS:
        if contents.has_file(name):
            return ("node", name), ""
    return (), "package.json has neither scripts.start nor main, and there is no server.js and no index.js"


def _started(start: str, *, around: bool) -> tuple[str, ...]:
    """Return what a start script runs, without npm in between, which keeps signals from the program."""
    try:
        return ("npm", "start") if around else split_command(start)
    except ValueError as error:
        raise Unbuildable("has a package.json whose scripts.start is no command", str(error)) from error
