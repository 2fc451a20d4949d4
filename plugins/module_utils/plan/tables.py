# SPDX-License-Identifier: GPL-3.0-or-later
"""From instances to the routers' table of an app."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    Configuration,
    Health,
    Process,
)
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet, Instance
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Backend, Check, Server, Table


def build_table(configuration: Configuration, fleet: Fleet, serving: Iterable[Instance]) -> Table:
    """Return the table that routes to the given instances, as far as they run and have a port.

    Each process that a host name leads to has a backend, also without a server.
    """
    addresses = {node.name: node.address for node in fleet.nodes}
    servers: dict[str, list[Server]] = {}
    for instance in serving:
        if instance.running and instance.port is not None and instance.node in addresses:
            server = Server(server_name(instance), addresses[instance.node], instance.port)
            servers.setdefault(instance.slot.process, []).append(server)
    routed = set(configuration.hosts.values())
    processes = sorted((p for p in configuration.processes if p.name in routed), key=lambda p: p.name)
    return Table(
        app=configuration.app,
        hosts={
            host: backend_name(configuration.app, name) for host, name in sorted(configuration.hosts.items())
        },
        backends=tuple(
            Backend(
                backend_name(configuration.app, process.name),
                _check(process),
                _sorted(servers, process.name),
                canary=configuration.update.canary is not None,
            )
            for process in processes
        ),
    )


def backend_name(app: str, process: str) -> str:
    """Return what routers call a process."""
    return f"{app}.{process}"


def server_name(instance: Instance) -> str:
    """Return what routers call an instance: unique in its backend, whatever runs in the slot at the time."""
    return f"{instance.slot.process}.{instance.slot.number}-{instance.node}-{instance.port}"


def _check(process: Process) -> Check:
    health = process.health or Health()
    return Check(health.path, health.interval, health.timeout, health.retries)


def _sorted(servers: dict[str, list[Server]], process: str) -> tuple[Server, ...]:
    return tuple(sorted(servers.get(process, ())))
