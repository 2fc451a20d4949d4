# SPDX-License-Identifier: GPL-3.0-or-later
"""Inspect a router: its files, and its HAProxy's own answer."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

from .change import Observed
from .grammar import app_of
from .place import Place
from .render import variable
from .state import parse_backends, parse_environment, parse_map, parse_map_file, parse_servers


def observe(place: Place, app: str) -> Observed:
    """Return what is there of one app.

    Raises Silent when HAProxy does not answer, FairleadError when it runs another configuration than ours.
    """
    admin = place.admin
    info = admin.info()
    running = parse_servers(admin.ask("show servers state"))
    names = parse_backends(admin.ask("show backend"))
    return Observed(
        file=read(place.app_file(app)),
        file_hosts=parse_map_file(read(place.hosts) or ""),
        hosts=parse_map(_running_map(place)),
        fingerprint=parse_environment(admin.ask("show env")).get(variable(app)),
        backends={name: running.get(name, {}) for name in sorted(names) if app_of(name) == app},
        worker=info.pid,
        version=info.version,
    )


def read(path: Path) -> str | None:
    """Return the file's text, or nothing when there is no such file."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _running_map(place: Place) -> str:
    answer = place.admin.ask(f"show map {place.hosts}")
    if answer.startswith("Unknown map"):
        raise FairleadError(
            f"the running HAProxy has no map {place.hosts}; run playbooks/site.yml on this router first"
        )
    return answer
