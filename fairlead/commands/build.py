# SPDX-License-Identifier: GPL-3.0-or-later
"""Show what an app's image is made from.

The Dockerfile that a deploy of APP builds with, its own or the one that is written for it; what was found in
the source, and what that decides; the content tag, by which the registry is asked; what each process runs.
Nothing is built, and no machine is asked: deploys build what the registry lacks.
"""

from __future__ import annotations

import json
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from fairlead.machines import machine_options, machines_of
from fairlead.output import Output

EXAMPLES = """\
  fairlead build shop --show
  fairlead build shop --show --apps other/apps -i inventories/example --json
"""
CODES = "Exit codes: 0, 1 an error, such as a source that cannot be built."
PLAYBOOK = "playbooks/source.yml"


def arguments(parser: ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("app", metavar="APP", help="the app")
    parser.add_argument("--show", action="store_true", help="show how it is built; all that there is so far")
    parser.add_argument("--apps", metavar="DIR", help="the directory of app files; that of this checkout")
    machine_options(parser)


def run(asked: Namespace, output: Output) -> int:
    """Read what the image is made from, and say it."""
    if not asked.show:
        raise FairleadError("--show is missing; deploys build by themselves: ansible-playbook deploy.yml")
    # Both take more imports than all else.
    from ansible_collections.fairlead.paas.plugins.module_utils.source.description import (  # noqa: PLC0415
        as_text,
    )
    from fairlead.running import play  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="fairlead-build-") as folder:
        file = Path(folder) / "source.json"
        where = {"fairlead_apps": str(Path(asked.apps).resolve())} if asked.apps else {}
        play(PLAYBOOK, machines_of(asked), output, app=asked.app, out=str(file), **where)
        said = json.loads(file.read_bytes())
    output.answer(said, as_text(said))
    return 0
