# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a command has its fleet from: a file, or real machines. Both come as a fleet on paper."""

from __future__ import annotations

import tempfile
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.paper.file import Paper, parse_paper

from .machines import machines_of
from .output import Output

SURVEY = "playbooks/survey.yml"


def fleet_of(asked: Namespace, output: Output) -> Paper:
    """Return the fleet that a command is about, and what was released of the apps that run on it."""
    return read_fleet(asked.fleet, asked.apps) if asked.fleet else survey(asked, output)


def read_fleet(path: str, apps: Sequence[str] = (), strategy: str | None = None) -> Paper:
    """Return a fleet from its file, with the apps in other files, which go before what it says of them.

    Raises Refused with all that is wrong in any of them, FairleadError where there is none.
    """
    data = _bytes(path)
    if not apps:
        return parse_paper(path, data)
    # Reading app files takes more imports than all else together.
    from .apps import read_apps  # noqa: PLC0415

    files = read_apps(apps)
    paper = parse_paper(path, data, files.configurations(strategy))
    files.check({*paper.configurations, *(one.slot.app for one in paper.fleet.instances)})
    return paper


def survey(asked: Namespace, output: Output) -> Paper:
    """Return the fleet of an inventory as its machines show it now. Raises FairleadError."""
    # It is slow to import, and no use on paper.
    from .running import play  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="fairlead-survey-") as folder:
        file = Path(folder) / "fleet.json"
        skip = {"skip_unreachable": True} if asked.skip_unreachable else {}
        play(SURVEY, machines_of(asked), output, out=str(file), **skip)
        return parse_paper("the survey", file.read_bytes())


def _bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FairleadError(f"{path}: cannot be read: {error.strerror}") from error
