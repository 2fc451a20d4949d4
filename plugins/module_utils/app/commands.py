# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of an app that its file does not name: those of the Procfile of what it is built from."""

from __future__ import annotations

from ansible_collections.fairlead.paas.plugins.module_utils.source.procfile import RELEASE, Procfile

from .model import App, Process, Release


def completed(app: App, procfile: Procfile) -> App:
    """Return an app whose processes and releases have their commands, as far as anything says them."""
    commands = procfile.commands
    processes = {name: _completed(process, commands.get(name, ())) for name, process in app.processes.items()}
    release = app.release
    if release is None and RELEASE in commands and RELEASE not in processes:
        release = Release.model_validate({"command": list(commands[RELEASE])})
    return app.model_copy(update={"processes": processes, "release": release})


def _completed(process: Process, command: tuple[str, ...]) -> Process:
    return process.model_copy(update={"command": process.command or command})
