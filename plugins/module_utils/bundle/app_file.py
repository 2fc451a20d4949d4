# SPDX-License-Identifier: GPL-3.0-or-later
"""The app file of a bundle: as it was written, but for the image, which is named by digest. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from ansible_collections.fairlead.paas.plugins.module_utils.app.file import parse_app
from ansible_collections.fairlead.paas.plugins.module_utils.app.model import App

from .contents import BundleError, Head

OURS = "REGISTRY/"


def bundled(source: bytes, file: str, image: str, release: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return the app file for another fleet, and which secrets it needs.

    ``source`` is the app file of the release, ``image`` is NAME@DIGEST. Where it left a command to its
    sources, that of the release is written. Raises Refused for a file that is not valid here.
    """
    app, document = parse_app(file, source)
    data = dict(document.value)
    data["build"] = {"image": f"{OURS}{image}"}
    commands = {it["name"]: list(it["spec"]["command"]) for it in release["configuration"]["processes"]}
    processes = {name: dict(process or {}) for name, process in (data.get("processes") or {}).items()}
    for name, process in processes.items():
        if not process.get("command") and commands.get(name):
            process["command"] = commands[name]
    data["processes"] = processes
    said = f"# {app.app} v{release['number']}, as it was bundled; its image came with it.\n"
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)
    return f"{said}---\n{text}", tuple(app.env.secret)


def checked(head: Head, text: bytes) -> App:
    """Return the app of a bundle's app file. Raises Refused, and BundleError if it is another app's."""
    app, _ = parse_app(head.app_file, text)
    images = [f"{OURS}{image.name}@{image.digest}" for image in head.images]
    if app.app != head.app:
        raise BundleError(f"{head.app_file}: is that of {app.app}; expected {head.app}")
    if app.build.image not in images:
        raise BundleError(
            f"{head.app_file}: build.image is {app.build.image}; expected one of the bundle's:"
            f" {', '.join(images)}"
        )
    return app
