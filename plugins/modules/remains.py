# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to what a machine still knows of releases and leases."""

from __future__ import annotations

DOCUMENTATION = r"""
module: remains
short_description: Say what a machine still knows of releases, of all apps
description:
  - For M(fairlead.paas.recover). A node tells its containers and the configurations that these carry, a
    router which host names lead to which app, a manager whose backup it keeps, and each machine the highest
    tokens of leases that it has seen.
  - Nothing is changed.
requirements:
  - python3-docker, on a node
attributes:
  check_mode:
    description: The answer is the same in check mode.
    support: full
  diff_mode:
    description: Nothing is changed, so there is nothing to show.
    support: none
author:
  - The Fairlead maintainers
options:
  node:
    description: Whether this machine is a node.
    type: bool
    default: false
  router:
    description: Whether this machine is a router.
    type: bool
    default: false
  manager:
    description: Whether this machine is a manager that keeps backups of the ledger.
    type: bool
    default: false
  config_dir:
    description: Where HAProxy's files are.
    type: path
    default: /etc/haproxy
  backup:
    description: The file in which a manager keeps the backup.
    type: path
    default: /var/lib/fairlead/backup/ledger.db
"""

EXAMPLES = r"""
- name: See what remains
  fairlead.paas.remains:
    node: "{{ inventory_hostname in groups.nodes }}"
    router: "{{ inventory_hostname in groups.routers }}"
    manager: "{{ inventory_hostname in groups.managers }}"
  register: remains
"""

RETURN = r"""
tokens:
  description: The highest token seen, app → token.
  returned: always
  type: dict
instances:
  description: Every container of the platform, as M(fairlead.paas.look) returns it without its drift.
  returned: with O(node)
  type: list
  elements: dict
strange:
  description: Containers with the platform's app label whose other labels do not say an instance, and why.
  returned: with O(node)
  type: list
  elements: str
configurations:
  description: Each configuration that containers carry, once (C(app), C(release), C(packed)).
  returned: with O(node)
  type: list
  elements: dict
numbers:
  description: The highest release that any container is of, app → number; those of release commands too.
  returned: with O(node)
  type: dict
hosts:
  description: What host names lead to, as C(shop.web), of all apps.
  returned: with O(router)
  type: dict
backup:
  description: Of the backup that is kept, its C(ledger) and how many C(releases) it has; null without one.
  returned: with O(manager)
  type: dict
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fairlead.paas.plugins.module_utils.containers.engine import connect
from ansible_collections.fairlead.paas.plugins.module_utils.containers.remains import remains
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.fence import tokens_seen
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.observe import read
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.state import parse_map_file
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.file import File
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.recovery import survey

ROLE = {"type": "bool", "default": False}


def remaining(params: dict[str, Any]) -> dict[str, Any]:
    """Return what the machine knows in each of its roles. Raises FairleadError."""
    found: dict[str, Any] = {"tokens": tokens_seen()}
    if params["node"]:
        found |= remains(connect())
    if params["router"]:
        found["hosts"] = parse_map_file(read(Path(params["config_dir"], "hosts.map")) or "")
    if params["manager"]:
        kept = survey(File(Path(params["backup"])))
        found["backup"] = kept and {"ledger": kept.ledger, "releases": kept.releases}
    return found


def main() -> None:
    """Arguments, one call, exit."""
    module = AnsibleModule(
        argument_spec={
            "node": ROLE,
            "router": ROLE,
            "manager": ROLE,
            "config_dir": {"type": "path", "default": "/etc/haproxy"},
            "backup": {"type": "path", "default": "/var/lib/fairlead/backup/ledger.db"},
        },
        supports_check_mode=True,
    )
    try:
        found = remaining(module.params)
    except FairleadError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
