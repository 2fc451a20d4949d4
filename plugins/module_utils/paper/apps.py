# SPDX-License-Identifier: GPL-3.0-or-later
"""What was released of the apps that run on a fleet on paper: configurations, as the ledger keeps them."""

from __future__ import annotations

from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.app.document import Path
from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration

from .entries import Entries

APPS: Path = ("apps",)
_HELP = "configurations of releases by the names of their apps, as `playbooks/survey.yml` writes them"


def read_apps(entries: Entries, found: Any) -> dict[str, Configuration]:
    """Return the configurations by app, as far as they are right."""
    apps = {}
    for path, name, value in entries.pairs(APPS, found, _HELP):
        try:
            configuration = Configuration.from_dict(value)
        except (AttributeError, KeyError, TypeError, ValueError):
            entries.wrong(path, "is no configuration of a release", _HELP)
            continue
        if configuration.app != name:
            entries.wrong((*path, "app"), "is another app", name)
        else:
            apps[name] = configuration
    return apps
