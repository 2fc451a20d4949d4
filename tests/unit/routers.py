# SPDX-License-Identifier: GPL-3.0-or-later
"""Routers as a look finds them."""

from __future__ import annotations

from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.change import Observed
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.render import app_file, fingerprint
from ansible_collections.fairlead.paas.plugins.module_utils.haproxy.state import Running
from ansible_collections.fairlead.paas.plugins.module_utils.routing import Table


def serving(table: Table) -> Observed:
    """Return what is observed once the table has converged, beside another app."""
    hosts = {"blog.example.com": "blog.web", **table.hosts}
    return Observed(
        file=app_file(table, (2, 6)) if table.backends else None,
        file_hosts=hosts,
        hosts=hosts,
        fingerprint=fingerprint(table, (2, 6)),
        backends={
            b.name: {s.name: Running(s.name, s.address, s.port, 0, s.weight) for s in b.servers}
            for b in table.backends
        },
        worker=1,
    )
