# SPDX-License-Identifier: GPL-3.0-or-later
"""How modules are told of a router's HAProxy: the options of HAPROXY in module_utils/options.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Read by ansible-doc, as ``extends_documentation_fragment: fairlead.paas.haproxy``."""

    DOCUMENTATION = r"""
options:
  config_dir:
    description: The folder of C(haproxy.cfg), C(hosts.map) and C(apps/).
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
"""
