# SPDX-License-Identifier: GPL-3.0-or-later
"""Converge a certificate of the platform's own authority."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate
short_description: Converge a certificate of the platform's own authority
description:
  - Without O(authority) the certificate is a self-signed authority; with it, a server's certificate that the
    authority signs. Keys are ECDSA over P-256, kept in files of mode 0600.
  - A certificate is made anew when it is missing or cannot be read, when it ends soon, when its names differ,
    and when another authority signed it. An authority keeps its key as long as that can be read, so that
    what it signed stays valid.
  - Needs python3-cryptography on the machine.
options:
  path:
    description: The certificate's file, in PEM.
    type: path
    required: true
  key_path:
    description: The private key's file, in PEM.
    type: path
    required: true
  common_name:
    description: Whom the certificate is for, in words.
    type: str
    required: true
  names:
    description: The host names and addresses of a server; required with O(authority).
    type: list
    elements: str
    default: []
  authority:
    description: The authority that signs.
    type: dict
    suboptions:
      path:
        description: The authority's certificate.
        type: path
        required: true
      key_path:
        description: The authority's key.
        type: path
        required: true
  days:
    description: How long the certificate is valid; never longer than its authority.
    type: int
    default: 397
  renew_within_days:
    description: How many days before its end the certificate is made anew.
    type: int
    default: 30
attributes:
  check_mode:
    description: Predicts exactly, changes nothing.
    support: full
  diff_mode:
    description: Shows why a certificate is made anew, never a key.
    support: full
author:
  - The Fairlead maintainers
"""

EXAMPLES = r"""
- name: Make the authority
  fairlead.paas.certificate:
    path: /etc/fairlead/authority/ca.crt
    key_path: /etc/fairlead/authority/ca.key
    common_name: Fairlead authority
    days: 3650
    renew_within_days: 365

- name: Make the registry's certificate
  fairlead.paas.certificate:
    path: /etc/fairlead/registry/server.pem
    key_path: /etc/fairlead/registry/server.pem.key
    common_name: Fairlead registry
    names: [198.18.0.10, registry.example.com]
    authority:
      path: /etc/fairlead/authority/ca.crt
      key_path: /etc/fairlead/authority/ca.key
"""

RETURN = r"""
reasons:
  description: Why the certificate is made anew; empty when it is kept.
  returned: success
  type: list
  elements: str
"""

from datetime import UTC, datetime
from typing import Any

from ansible.module_utils.basic import AnsibleModule

try:
    from ansible_collections.fairlead.paas.plugins.module_utils.trust.keeping import (
        CertificateError,
        converge,
    )
except ImportError as error:
    MISSING: ImportError | None = error
else:
    MISSING = None

ARGUMENTS: dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "key_path": {"type": "path", "required": True, "no_log": False},
    "common_name": {"type": "str", "required": True},
    "names": {"type": "list", "elements": "str", "default": []},
    "authority": {
        "type": "dict",
        "options": {
            "path": {"type": "path", "required": True},
            "key_path": {"type": "path", "required": True, "no_log": False},
        },
    },
    "days": {"type": "int", "default": 397},
    "renew_within_days": {"type": "int", "default": 30},
}


def main() -> None:
    """Arguments, one call, exit."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if MISSING and module.check_mode:
        # A check of a bare machine: the role's packages, and so the certificate, are yet to come.
        module.exit_json(changed=True, reasons=["python3-cryptography is not installed yet"])
    if MISSING:
        module.fail_json(msg=f"This machine lacks python3-cryptography ({MISSING}): install it.")
    try:
        result = converge(module.params, check=module.check_mode, now=datetime.now(tz=UTC))
    except CertificateError as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(**result)


if __name__ == "__main__":
    main()
