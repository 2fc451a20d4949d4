# SPDX-License-Identifier: GPL-3.0-or-later
"""Does HAProxy run what its files say? Asked of the process itself, so that a lost handler loses nothing.

Each file sets a variable to its own fingerprint (``setenv FAIRLEAD_… HASH``); the running process shows the
variables of the files that it has read.
"""

from __future__ import annotations

import re
import subprocess

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.waiting import Deadline

from .landing import landing, reload
from .observe import read
from .place import Place
from .runtime import Silent
from .state import parse_environment

ARGUMENTS = "FAIRLEAD_ARGUMENTS"  # set by the unit's drop-in: with which arguments the process was started

_SETENV = re.compile(r"^\s+setenv (FAIRLEAD_\S+) (\S+)$", re.MULTILINE)
_STARTING = 30.0  # seconds


def due(place: Place, arguments: str) -> str:
    """Return what HAProxy needs to run its files: ``restart``, ``reload`` or nothing (empty)."""
    try:
        running = parse_environment(place.admin.ask("show env"))
    except Silent:
        return "restart"
    if running.get(ARGUMENTS, "") != arguments:
        return "restart"
    return "" if wanted(place).items() <= running.items() else "reload"


def wanted(place: Place) -> dict[str, str]:
    """Return the variables that HAProxy's files set: name → fingerprint."""
    files = [place.config_dir / "haproxy.cfg", *sorted(place.apps.glob("*.cfg"))]
    return dict(match for file in files for match in _SETENV.findall(read(file) or ""))


def mend(place: Place, arguments: str, service: str) -> str:
    """Do what is due and return it, once HAProxy runs its files. Raises FairleadError."""
    with landing(place):
        action = due(place, arguments)
        if action == "restart":
            _restart(service)
        elif action == "reload":
            reload(place)
    if action and not Deadline(_STARTING).until(lambda: not due(place, arguments)):
        raise FairleadError(
            f"HAProxy does not run its files after a {action}; journalctl -u {service} says why"
        )
    return action


def _restart(service: str) -> None:
    # Without reset-failed a unit that failed five times in a row is not even tried.
    for verb in (["daemon-reload"], ["reset-failed", service], ["restart", service]):
        command = ["systemctl", *verb]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 no shell, own words
        if done.returncode and verb[0] != "reset-failed":
            raise FairleadError(
                f"{' '.join(command)} failed: {done.stderr.strip()}; journalctl -u {service} says why"
            )
