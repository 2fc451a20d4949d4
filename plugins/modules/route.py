# SPDX-License-Identifier: GPL-3.0-or-later
"""Door: converge one app's part of a router's HAProxy."""

from __future__ import annotations

DOCUMENTATION = r"""
module: route
short_description: Route one app on a router
description:
  - Makes the router's HAProxy lead the app's host names to its instances, as the table says.
  - Where only servers or host names differ, they change over the Runtime API without a reload, in the order
    that loses no request; the same is written into the files. Anything else is checked by HAProxy, landed and
    reloaded.
  - Wanted is compared with the files and with what HAProxy runs, so a run that was killed is finished by the
    next.
  - When new servers do not become healthy by the deadline, they go again, what served before serves on, and
    the module fails.
options:
  table:
    description:
      - The app's table, as C(Table.as_dict()) gives it, with C(app), C(hosts) (host name to backend) and
        C(backends) (C(name), C(check), C(servers)). Without hosts and backends the app leaves the router.
    type: dict
    required: true
  drain:
    description: Seconds in which requests on servers that leave may finish; then they are cut.
    type: float
    default: 10.0
  deadline:
    description: Seconds in which new servers must be found healthy by HAProxy.
    type: float
    default: 60.0
  program:
    description: The program that checks a configuration.
    type: path
    default: /usr/sbin/haproxy
extends_documentation_fragment: [fairlead.paas.haproxy, fairlead.paas.fencing]
attributes:
  check_mode:
    description: Says exactly what would change and touches nothing.
    support: full
  diff_mode:
    description: Shows servers and hosts that come and go, one a line.
    support: full
  idempotent:
    description: A second run changes nothing.
    support: full
author:
  - Fairlead
"""

EXAMPLES = r"""
- name: Lead the hosts of shop to its instances
  fairlead.paas.route:
    table:
      app: shop
      hosts: {shop.example.com: shop.web}
      backends:
        - name: shop.web
          check: {path: /_ping, interval: 2.0, timeout: 1.0, retries: 3}
          servers:
            - {name: web.1-n1-25701, address: 198.18.0.11, port: 25701}
    drain: 10
    deadline: 60

- name: Take shop off the router
  fairlead.paas.route:
    table: {app: shop, hosts: {}, backends: []}
"""

RETURN = r"""
reloaded:
  description: Whether HAProxy was reloaded, or would be.
  type: bool
  returned: success
changes:
  description: What changed, or would, one thing a line.
  type: list
  elements: str
  returned: success
  sample: ["+ server shop.web/web.1-n1-25701 198.18.0.11:25701", "+ host shop.example.com -> shop.web"]
"""

import socket

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.fence import fenced
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.converge import Outcome, converge, foresee
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.place import Place
from ansible_collections.fairlead.paas.plugins.module_utils.options import HAPROXY
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Table


def route(module: AnsibleModule) -> Outcome:
    """Return what was done, or in check mode what would be. Raises FairleadError."""
    given = module.params
    place = Place.of(given)
    try:
        table = Table.from_dict(given["table"])
    except (AttributeError, KeyError, TypeError) as error:
        raise FairleadError(f"table: not a table of an app: {error}") from error
    if module.check_mode:
        return foresee(place, table)
    with fenced(table.app, given["token"]):
        return converge(place, table, drain=given["drain"], deadline=given["deadline"])


def main() -> None:
    """Read the arguments, route, exit."""
    module = AnsibleModule(
        argument_spec={
            "table": {"type": "dict", "required": True},
            "drain": {"type": "float", "default": 10.0},
            "deadline": {"type": "float", "default": 60.0},
            "token": {"type": "int"},
            **HAPROXY,
            "program": {"type": "path", "default": "/usr/sbin/haproxy"},
        },
        supports_check_mode=True,
    )
    try:
        outcome = route(module)
    except (FairleadError, OSError) as error:
        module.fail_json(msg=f"router {socket.gethostname()}: {error}")
    module.exit_json(
        changed=outcome.changed,
        reloaded=outcome.reloaded,
        changes=list(outcome.lines),
        diff={"prepared": "".join(f"{line}\n" for line in outcome.lines)},
    )


if __name__ == "__main__":
    main()
