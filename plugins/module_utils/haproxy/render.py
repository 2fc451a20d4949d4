# SPDX-License-Identifier: GPL-3.0-or-later
"""A table as HAProxy reads it: the app's file, its server lines, its lines of the host map. All pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from ansible_collections.fairlead.paas.plugins.module_utils.routing import Backend, Check, Server, Table

from .grammar import check_table, is_host

_HEAD = (
    "# Written by the module fairlead.paas.route; a change made here by hand is undone by the next deploy."
)
Version = tuple[int, int]  # of HAProxy: (2, 6)

_FAILS_WHAT_IT_CUTS = (3, 0)
_FAST = 500  # milliseconds between checks while a server comes or goes
_USUAL = 1  # the weight of a server for which none is given
# Choosing the least busy server disregards weights while servers are idle; dealing requests out in turn keeps
# to them. Of all log targets only the ring takes nothing below this level: it holds these requests alone.
_CANARY = "    balance roundrobin\n    http-request set-log-level notice\n"


def variable(app: str) -> str:
    """Return the variable by which the running process shows which file of the app it has read."""
    return f"FAIRLEAD_APP_{app}"


def fingerprint(table: Table, version: Version) -> str:
    """Return the hash of all of an app's file that only a reload can change: everything but the servers."""
    fixed = "".join(f"{_fixed(backend)}{_options(backend.check, version)}\n" for backend in _sorted(table))
    return hashlib.sha256(fixed.encode()).hexdigest()[:16]


def app_file(table: Table, version: Version) -> str:
    """Return the text of ``apps/APP.cfg``. Raises Refused for a table outside the grammar."""
    check_table(table)
    head = f"{_HEAD}\nglobal\n    setenv {variable(table.app)} {fingerprint(table, version)}\n"
    return "\n".join([head, *(_backend(backend, version) for backend in _sorted(table))])


def server_line(server: Server, check: Check, version: Version) -> str:
    """Return ``NAME ADDRESS:PORT OPTIONS``: the same words in the file and for ``add server``.

    Added servers inherit nothing, so every option stands in each line.
    """
    address = f"[{server.address}]" if ":" in server.address else server.address
    weight = f" weight {server.weight}" if server.weight != _USUAL else ""
    return f"{server.name} {address}:{server.port} {_options(check, version)}{weight}"


def map_text(hosts: Mapping[str, str]) -> str:
    """Return the host map's text, sorted. Raises ValueError for a host outside the grammar."""
    for host in hosts:
        if not is_host(host):
            raise ValueError(f"{host!r} is not a host name")
    return "".join(f"{host} {backend}\n" for host, backend in sorted(hosts.items()))


def _sorted(table: Table) -> list[Backend]:
    return sorted(table.backends, key=lambda backend: backend.name)


def _backend(backend: Backend, version: Version) -> str:
    servers = [
        f"    server {server_line(server, backend.check, version)}\n" for server in sorted(backend.servers)
    ]
    return _fixed(backend) + "".join(servers)


def _fixed(backend: Backend) -> str:
    check = backend.check
    host = backend.name.partition(".")[0]
    return (
        f"backend {backend.name} from fairlead-app\n"
        f"    option httpchk\n"
        f"    http-check send meth GET uri {check.path} ver HTTP/1.1 hdr Host {host}\n"
        f"    http-check expect status 200-399\n"
        f"    timeout check {_milliseconds(check.timeout)}ms\n"
        f"{_CANARY if backend.canary else ''}"
    )


def _options(check: Check, version: Version) -> str:
    # 2.6 repeats the GETs that it cuts when their server is found down; 3.0 lets them fail, and there they
    # are repeated after "timeout server".
    cut = " on-marked-down shutdown-sessions" if version < _FAILS_WHAT_IT_CUTS else ""
    inter = _milliseconds(check.interval)
    return f"check inter {inter}ms fastinter {min(inter, _FAST)}ms fall {check.retries} rise 2{cut}"


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
