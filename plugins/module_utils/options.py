# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several modules take alike, as argument specs."""

from __future__ import annotations

from typing import Any

TEXT: dict[str, Any] = {"type": "str", "required": True}
ACCOUNT: dict[str, Any] = {"username": TEXT, "password": {**TEXT, "no_log": True}}
# Where the ledger is: what `place_of` reads.
LEDGER: dict[str, Any] = {
    "path": {"type": "path", "default": "/var/lib/fairlead/ledger.db"},
    "url": {"type": "str", "no_log": True},
}
# Where HAProxy is on a router: what `Place.of` reads.
HAPROXY: dict[str, Any] = {
    "config_dir": {"type": "path", "default": "/etc/haproxy"},
    "admin_socket": {"type": "path", "default": "/run/haproxy/admin.sock"},
    "master_socket": {"type": "path", "default": "/run/haproxy-master.sock"},
}
