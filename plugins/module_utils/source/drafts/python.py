# SPDX-License-Identifier: GPL-3.0-or-later
"""Python: code, with its libraries beside it or in an index."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.source.contents import Contents
from ansible_collections.fairlead.paas.plugins.module_utils.source.draft import (
    Draft,
    Order,
    Unbuildable,
    host_of,
    index_args,
)

WHEELS = "wheels"
_BESIDE = ("src", "vendor", "lib", "site-packages")  # where modules are found, beside the top
_STARTS = {"app.py": "app.py", "main.py": "main.py", "__main__.py": "."}
_SCRIPT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# A requirement that is a file of the source, or in one; the source has to be there to install it.
_OF_THE_SOURCE = re.compile(
    r"^\s*(-r|-c|-e|--requirement|--constraint|--editable|\.|/|[^#]*\bfile:)", re.MULTILINE
)


def draft(order: Order) -> Draft:
    """Install what is required into a folder of its own, and start the file that looks like it."""
    contents = order.contents
    project = _project(contents)
    what = _what_to_install(contents, project)
    wheels = contents.has_folder(WHEELS)
    values = {
        "install": what,
        "whole": what == "project" or wheels or bool(_OF_THE_SOURCE.search(_requirements(contents))),
        "wheels": wheels,
        "path": ["/app", *(f"/app/{name}" for name in _BESIDE if contents.has_folder(name))],
        "index": False,
    }
    args: dict[str, str] = {}
    if what and not wheels and _needs_an_index(contents, project):
        needs = f"{'pyproject.toml' if what == 'project' else 'requirements.txt'} names packages"
        args = index_args(order, "python", "PIP_INDEX_URL", needs, f"their wheels in {WHEELS}/")
        values["index"] = True
        if args["PIP_INDEX_URL"].startswith("http:"):
            args["PIP_TRUSTED_HOST"] = host_of(args["PIP_INDEX_URL"])
    command, lacks = _command(contents, project)
    return Draft(values, command, lacks, args)


def _project(contents: Contents) -> dict[str, Any]:
    text = contents.texts.get("pyproject.toml")
    try:
        data = tomllib.loads(text) if text else {}
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Unbuildable("has a pyproject.toml that is no TOML", "one that can be read") from error
    found = data.get("project")
    return found if isinstance(found, dict) else {}


def _what_to_install(contents: Contents, project: dict[str, Any]) -> str:
    if contents.has_file("requirements.txt"):
        return "requirements" if _lines(_requirements(contents)) else ""
    return "project" if project else ""


def _needs_an_index(contents: Contents, project: dict[str, Any]) -> bool:
    return contents.has_file("requirements.txt") or bool(project.get("dependencies"))


def _requirements(contents: Contents) -> str:
    return contents.texts.get("requirements.txt", "") if contents.has_file("requirements.txt") else ""


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def _command(contents: Contents, project: dict[str, Any]) -> tuple[tuple[str, ...], str]:
    scripts = project.get("scripts")
    names = [name for name in scripts if _SCRIPT.fullmatch(name)] if isinstance(scripts, dict) else []
    if len(names) == 1 and not contents.has_file("requirements.txt"):
        return (names[0],), ""
    for name, start in _STARTS.items():
        if contents.has_file(name):
            return ("python3", start), ""
    return (), f"there is none of {', '.join(_STARTS)} at its top"
