# SPDX-License-Identifier: GPL-3.0-or-later
"""Say which apps need a new build.

An app was built on a runtime, an image of Debian packages. When playbooks/runtimes.yml makes the runtime
anew, as after a security update, the app's image stays what it was. This names such apps, and which packages
are others in the runtime now. It asks the ledger and the registry, and no mirror of Debian.
"""

from __future__ import annotations

import json
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fairlead.machines import machine_options, machines_of
from fairlead.output import Output
from fairlead.table import table

EXAMPLES = """\
  fairlead outdated
  fairlead outdated -i inventories/production --json
"""
CODES = "Exit codes: 0 no app needs one, 2 some do, 1 an error."
PLAYBOOK = "playbooks/outdated.yml"
_SHOWN = 3  # packages of each app; JSON has all


def arguments(parser: ArgumentParser) -> None:
    """Add what the command takes."""
    machine_options(parser)


def run(asked: Namespace, output: Output) -> int:
    """Ask, and name the apps with what to do."""
    apps = _asked(asked, output)
    old = [each for each in apps if each["is_outdated"]]
    output.answer({"outdated": [each["app"] for each in old], "apps": apps}, "\n".join(words(apps)))
    return 2 if old else 0


def words(apps: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the answer in lines for people."""
    old = [each for each in apps if each["is_outdated"]]
    notes = [f"{each['app']} v{each['release']}: {each['note']}" for each in apps if each["note"]]
    if not old:
        return [f"No app needs a new build: {len(apps)} looked at.", *notes]
    rows = [(each["app"], f"v{each['release']}", each["runtime"], _changes(each["changes"])) for each in old]
    advice = [f"  ansible-playbook deploy.yml -e app={each['app']} -e rebuild=true" for each in old]
    return [
        table(("app", "release", "stands on an older", "what has changed in it"), rows),
        "",
        "To build and deploy them anew:",
        *advice,
        *notes,
    ]


def _changes(changes: Sequence[str]) -> str:
    if not changes:
        return "its recipe, or packages that it has no bill of"
    more = len(changes) - _SHOWN
    return ", ".join(changes[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _asked(asked: Namespace, output: Output) -> list[dict[str, Any]]:
    # It is slow to import, and help needs none of it.
    from fairlead.running import play  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="fairlead-outdated-") as folder:
        file = Path(folder) / "apps.json"
        play(PLAYBOOK, machines_of(asked), output, out=str(file))
        apps: list[dict[str, Any]] = json.loads(file.read_bytes())
        return apps
