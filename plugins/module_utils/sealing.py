# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of secrets that may leave the controller: sealed with the platform's key, in Ansible's vault format.

The manager keeps them and cannot read them, so that a rollback can bring back the very values of a release.
"""

from __future__ import annotations

from ansible.parsing.vault import AnsibleVaultError, VaultLib, VaultSecret

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError


def seal(key: str, value: str) -> str:
    """Return the value as vault text."""
    text: bytes = VaultLib().encrypt(value, secret=VaultSecret(key.encode()))
    return text.decode()


def unseal(key: str, text: str) -> str:
    """Return the value that was sealed. Raises FairleadError when it was sealed with another key."""
    try:
        value: bytes = VaultLib([("fairlead", VaultSecret(key.encode()))]).decrypt(text)
    except AnsibleVaultError:
        raise FairleadError("a kept secret was sealed with another fairlead_hash_key than today's") from None
    return value.decode()
