# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a bundle into this fleet: its images into the registry, its app file into apps/.

The file is checked whole before any machine is touched: whoever made it, only what a bundle has is taken.
Then the app can be deployed, and nothing else is needed. An app file that is there and differs is not
replaced, unless with --force. The values of secrets are no part of a bundle: it is said which must be set.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.bundle.contents import read_head
from fairlead.machines import machine_options, machines_of
from fairlead.output import Output

EXAMPLES = """\
  fairlead load shop-v3.bundle
  fairlead load shop-v3.bundle --force -i inventories/island
"""
CODES = "Exit codes: 0 loaded, or there already; 1 an error."
PLAYBOOK = "playbooks/load.yml"


def arguments(parser: ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("file", metavar="FILE", help="the bundle")
    parser.add_argument("--force", action="store_true", help="replace an app file that differs")
    machine_options(parser)


def run(asked: Namespace, output: Output) -> int:
    """Check the file, load it, and say what to do next."""
    from fairlead.running import play  # noqa: PLC0415 - slow to import

    file = Path(asked.file).resolve()
    head = read_head(file)
    play(PLAYBOOK, machines_of(asked), output, file=str(file), force=asked.force)
    data = {"app": head.app, "release": head.release.get("number"), "secrets": list(head.secrets)}
    names = ", ".join(head.secrets)
    lines = [f"Set these in fairlead_secrets.{head.app} first: {names}"] if names else []
    lines += ["To deploy it:", f"  ansible-playbook deploy.yml -e app={head.app}"]
    output.answer(data, "\n".join(["Loaded.", *lines]))
    return 0
