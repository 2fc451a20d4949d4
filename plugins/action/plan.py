# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to the deployment: gathers what was observed, prints the plan, returns what is to be done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.fairlead.paas.plugins.module_utils.app.catalog import Catalog, Entry, read_catalog
from ansible_collections.fairlead.paas.plugins.module_utils.app.resolve import configuration_of
from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance, Node
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.change import Observed
from ansible_collections.fairlead.paas.plugins.module_utils.inventory import DOMAIN, HASH_KEY
from ansible_collections.fairlead.paas.plugins.module_utils.plan.deployment import (
    Deployment,
    deployment,
    orphans,
    removal,
)
from ansible_collections.fairlead.paas.plugins.module_utils.provenance import provenance_of
from ansible_collections.fairlead.paas.plugins.module_utils.variables import Variables

ARGUMENTS = {
    "app": {"type": "str", "required": True},
    "apps": {"type": "path", "required": True},
    "image": {"type": "str"},
    "remove": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):
    """Runs on the controller alone and changes nothing."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Print the plan and return the deployment, or fail with why there is none."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        variables = Variables(task_vars or {}, self._templar)
        groups = (task_vars or {})["groups"]
        fleet = _fleet(groups["nodes"], variables)
        catalog = read_catalog(Path(arguments["apps"]))
        try:
            made = _decide(arguments, catalog, fleet, groups, variables)
        except FairleadError as error:
            return result | {"failed": True, "msg": f"nothing was touched. {error}"}
        Display().display(made.text)
        return (
            result
            | made.as_dict()
            | {
                "changed": False,
                "image": arguments["image"],
                "provenance": provenance_of(Path(arguments["apps"])).as_dict(),
                "warnings": _orphans(arguments["app"], catalog, fleet),
            }
        )


def _decide(
    arguments: Mapping[str, Any],
    catalog: Catalog,
    fleet: Fleet,
    groups: Mapping[str, list[str]],
    variables: Variables,
) -> Deployment:
    routers = {name: Observed.from_dict(_seen(name, variables)["router"]) for name in groups["routers"]}
    if arguments["remove"]:
        return removal(arguments["app"], fleet, routers)
    entry = catalog.require(arguments["app"])
    configuration = _configuration(entry, arguments["image"], variables)
    releases = _seen(groups["managers"][0], variables)["releases"]
    return deployment(configuration, fleet, releases, routers)


def _configuration(entry: Entry, image: str, variables: Variables) -> Configuration:
    secrets = variables.secrets_of(entry.app)
    return configuration_of(entry.app, image, secrets, variables.setting(HASH_KEY), variables.setting(DOMAIN))


def _fleet(names: list[str], variables: Variables) -> Fleet:
    nodes, instances = [], []
    for name in names:
        seen = _seen(name, variables)
        nodes.append(
            Node.from_look(
                name,
                variables.of_host(name, "fairlead_address"),
                variables.of_host(name, "fairlead_labels") or {},
                variables.of_host(name, "fairlead_ports") or {},
                seen["node"],
            )
        )
        instances += [Instance.from_look(name, each) for each in seen["instances"]]
    return Fleet.of(nodes, instances)


def _seen(host: str, variables: Variables) -> Any:
    """Return what the look at a host, registered as ``seen``, found."""
    return variables.of_host(host, "seen")


def _orphans(planned: str, catalog: Catalog, fleet: Fleet) -> list[str]:
    return [
        f"{app} runs on {', '.join(nodes)} but has no app file; to remove it: "
        f"ansible-playbook playbooks/remove.yml -e app={app}"
        for app, nodes in orphans(fleet, [*catalog.entries, planned]).items()
    ]
