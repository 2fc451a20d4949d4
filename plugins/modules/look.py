# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to ``observe``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: look
short_description: Say what a machine is and has, in one pass over the fleet
description:
  - A node says what it is and which instances stand on it, a router what it serves, the manager what was
    released, the builder whether the registry has the app's image. A machine can be all of them.
  - Nothing is changed, nothing is remembered.
  - In a playbook, an action of the same name takes O(app), O(ports), O(hosts), O(image) and O(push_auth), and
    asks each host for the parts that its groups make it know; the manager with its C(fairlead_ledger_url).
    With C(every_app) it is about all apps and takes no O(app). With C(again) it adds to what the run saw
    first, in C(seen); with C(again) false, that is all it returns.
author:
  - The Fairlead maintainers
requirements:
  - python3-docker, on a node
attributes:
  check_mode:
    description: A look is the same in check mode.
    support: full
  diff_mode:
    description: A look changes nothing, so there is nothing to show.
    support: none
options:
  app:
    description: The app that is looked for on routers, manager and builder; none if it is about all.
    type: str
    default: ""
  node:
    description: Look at this node, all apps. C(ports) is the range in which instances are published.
    type: dict
    suboptions:
      ports:
        description: The range.
        type: dict
        default: {}
        suboptions:
          first:
            description: The first port of the range.
            type: int
            default: 25701
          last:
            description: The last port of the range.
            type: int
            default: 26700
  router:
    description: Look at this router's files and at what its HAProxy runs.
    type: dict
    suboptions:
      hosts:
        description: The host names that the app wants; it is said whom they lead to.
        type: list
        elements: str
        default: []
      config_dir:
        description: Where HAProxy's files are.
        type: path
        default: /etc/haproxy
      admin_socket:
        description: HAProxy's admin socket.
        type: path
        default: /run/haproxy/admin.sock
      master_socket:
        description: The socket of HAProxy's master process.
        type: path
        default: /run/haproxy-master.sock
  token:
    description:
      - Look under this token of the app's lease, after a change under way has ended, and let no older run
        change the app on this machine any more.
    type: int
  manager:
    description: Read the ledger on this manager.
    type: dict
    suboptions:
      begin:
        description: Take the app's lease first. If it is held, C(held) says by whom, and nothing is read.
        type: dict
        suboptions:
          who:
            description: The person whose run it is.
            type: str
            required: true
          host:
            description: The machine that it was started on.
            type: str
            required: true
          what:
            description: What it is about to do.
            type: str
            required: true
          since_look:
            description: How many seconds ago the look of the whole fleet began.
            type: float
            required: true
      path:
        description: The ledger's file.
        type: path
        default: /var/lib/fairlead/ledger.db
      url:
        description: The PostgreSQL database that the ledger is in instead, C(postgresql://...).
        type: str
      limit:
        description: How many releases at most, newest first.
        type: int
        default: 20
      every_app:
        description: Return the active release of every app, too.
        type: bool
        default: false
  builder:
    description: Ask the registry, as this builder, for the image.
    type: dict
    suboptions:
      registry:
        description: The registry, C(HOST:PORT).
        type: str
        required: true
      tag:
        description: The content tag.
        type: str
        required: true
      version:
        description: The tag that moves, if the app has a version.
        type: str
      image:
        description: The existing image that the app runs, if it is not built.
        type: str
      fresh:
        description: Whether it shall be made anew, so that the registry is not asked for what it has.
        type: bool
        default: false
      push_auth:
        description: The account to ask with.
        type: dict
        suboptions:
          username:
            description: The account's name.
            type: str
            required: true
          password:
            description: The account's password.
            type: str
            required: true
"""

EXAMPLES = r"""
- name: Look at every machine
  fairlead.paas.look:
    app: shop
    ports: {first: 25701, last: 26700}
    hosts: [shop.example.com]
  become: true
  register: seen
"""

RETURN = r"""
node:
  description: >-
    C(cpus) (number), C(memory) and C(free_memory) (bytes), C(load) (1 minute average), C(busy_ports) (ports
    of the range, or from 1024, held by anything but the platform), C(engine_version), C(arch).
  returned: with O(node)
  type: dict
instances:
  description: >-
    Every container of the platform, of all apps, stopped ones too, sorted by slot. C(app), C(process),
    C(number), C(container) (id), C(name), C(release), C(image), C(spec) (hash), C(memory) (bytes), C(cpu)
    (cores), C(port) (or null), C(running), C(drift) (what was changed by hand, in words; told of the app's
    own only). One that restarts again and again does not run; a paused one runs, and its pause is drift.
  returned: with O(node)
  type: list
  elements: dict
volumes:
  description: >-
    Every volume of the platform, of all apps; C(app), C(process), C(number), C(name) as in the app file, and
    C(created), seconds since 1970.
  returned: with O(node)
  type: list
  elements: dict
leftovers:
  description: >-
    Containers of release commands, of all apps, as C(app) and C(container). Only killed runs leave any.
  returned: with O(node)
  type: list
  elements: dict
strange:
  description: Containers with the platform's app label whose other labels do not say an instance, and why.
  returned: with O(node)
  type: list
  elements: str
router:
  description: The app's file, hosts and running backends, as C(Observed) in module_utils/haproxy/change.py.
  returned: with O(router)
  type: dict
releases:
  description: The app's newest releases, newest first; see the columns in module_utils/ledger/ledger.py.
  returned: with O(manager)
  type: list
  elements: dict
active:
  description: The active release of every app, by their names.
  returned: with O(manager.every_app)
  type: list
  elements: dict
secrets:
  description: The values that secrets have had, sealed (C(name), C(hash), C(sealed)).
  returned: with O(manager)
  type: list
  elements: dict
nodes:
  description: The nodes that are cordoned or draining, as of M(fairlead.paas.ledger).
  returned: with O(manager)
  type: list
  elements: dict
bonds:
  description: Placement rules of other apps that bind this one too, as of M(fairlead.paas.ledger).
  returned: with O(manager)
  type: list
  elements: dict
held:
  description: Who holds the lease, in a sentence.
  returned: with O(manager.begin), if it is held
  type: str
token:
  description: The lease's. With it come C(stale), C(claims) and C(seen), as of M(fairlead.paas.ledger).
  returned: with O(manager.begin)
  type: int
image:
  description: The image by its digest; of one that must be made first, a placeholder.
  returned: with O(builder)
  type: str
image_lacks:
  description: What must be done in the registry before the image can be used, one thing a line.
  returned: with O(builder)
  type: list
  elements: str
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.fence import fenced
from ansible_collections.fairlead.paas.plugins.module_utils.options import ACCOUNT, HAPROXY, LEDGER, TEXT

PORTS = {
    "type": "dict",
    "default": {},
    "options": {"first": {"type": "int", "default": 25701}, "last": {"type": "int", "default": 26700}},
}
ROUTER = {
    "hosts": {"type": "list", "elements": "str", "default": []},
    **HAPROXY,
}
BEGIN = {"who": TEXT, "host": TEXT, "what": TEXT, "since_look": {"type": "float", "required": True}}
MANAGER = {
    "begin": {"type": "dict", "options": BEGIN},
    **LEDGER,
    "limit": {"type": "int", "default": 20},
    "every_app": {"type": "bool", "default": False},
}
BUILDER = {
    "registry": TEXT,
    "tag": TEXT,
    "version": {"type": "str"},
    "image": {"type": "str"},
    "fresh": {"type": "bool", "default": False},
    "push_auth": {"type": "dict", "options": ACCOUNT},
}


# Each machine imports what it is asked for and no more: compiling the rest would take longer than the look.
# ruff: noqa: PLC0415


def _node(app: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    from ansible_collections.fairlead.paas.plugins.module_utils.containers.engine import connect
    from ansible_collections.fairlead.paas.plugins.module_utils.containers.observe import look

    ports = asked["ports"]
    return look(connect(), app, ports.get("first", 25701), ports.get("last", 26700))


def _router(app: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.observe import observe
    from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.place import Place

    return {"router": observe(Place.of(asked), app).of(app, asked["hosts"]).as_dict()}


def _manager(app: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    from ansible_collections.fairlead.paas.plugins.module_utils.ledger.lease import Held, Holder
    from ansible_collections.fairlead.paas.plugins.module_utils.ledger.ledger import Ledger
    from ansible_collections.fairlead.paas.plugins.module_utils.ledger.place import place_of

    with Ledger(place_of(asked["path"], asked["url"]), readonly=asked["begin"] is None) as ledger:
        if asked["begin"] is None:
            return {
                "releases": _plain(ledger.releases(app, asked["limit"])),
                "secrets": _plain(ledger.secrets(app)),
                "nodes": _plain(ledger.nodes()),
                "bonds": _plain(ledger.bonds(app)),
                **({"active": _plain(ledger.active())} if asked["every_app"] else {}),
            }
        since_look = asked["begin"].pop("since_look")
        try:
            return ledger.begin(app, Holder(**asked["begin"]), since_look, asked["limit"]).as_dict()
        except Held as held:
            return {"held": str(held)}


def _plain(rows: Iterable[Any]) -> list[dict[str, Any]]:
    return [row.as_dict() for row in rows]


def _builder(app: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    from ansible_collections.fairlead.paas.plugins.module_utils.containers.engine import connect
    from ansible_collections.fairlead.paas.plugins.module_utils.image.converge import converge
    from ansible_collections.fairlead.paas.plugins.module_utils.image.wanted import Wanted
    from ansible_collections.fairlead.paas.plugins.module_utils.registry.client import Registry

    said = {name: asked[name] for name in ("registry", "tag", "version", "image", "fresh")}
    wanted = Wanted(app, **said, auth=asked["push_auth"])
    with closing(Registry(wanted.registry, wanted.auth)) as registry:
        found = converge(wanted, registry, connect, check=True)
    return {"image": found.image, "image_lacks": list(found.lines)}


PARTS: dict[str, Callable[[str, Mapping[str, Any]], dict[str, Any]]] = {
    "node": _node,
    "router": _router,
    "manager": _manager,
    "builder": _builder,
}


def main() -> None:
    """Arguments, one call a part, exit."""
    module = AnsibleModule(
        argument_spec={
            "app": {"type": "str", "default": ""},
            "token": {"type": "int"},
            "node": {"type": "dict", "options": {"ports": PORTS}},
            "router": {"type": "dict", "options": ROUTER},
            "manager": {"type": "dict", "options": MANAGER},
            "builder": {"type": "dict", "options": BUILDER},
        },
        required_one_of=[list(PARTS)],
        supports_check_mode=True,
    )
    app, seen = module.params["app"], dict[str, Any]()
    try:
        with fenced(app, module.params["token"]):
            for name, look in PARTS.items():
                if module.params[name] is not None:
                    seen |= look(app, module.params[name])
    except FairleadError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **seen)


if __name__ == "__main__":
    main()
