# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to the secrets of a release, on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
name: secrets
short_description: The values of a release's secrets
description:
  - Returns the values that a planned configuration means, by name; those of the inventory where they are
    still the same, otherwise those that the ledger has kept, unsealed.
options:
  _terms:
    description: The configuration, as the plan has it.
    required: true
author:
  - The Fairlead maintainers
"""

EXAMPLES = r"""
- name: Start instances
  fairlead.paas.converge:
    secrets: "{{ lookup('fairlead.paas.secrets', planned.configuration) }}"
"""

RETURN = r"""
_raw:
  description: Name to value.
  type: list
  elements: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.inventory import HASH_KEY
from ansible_collections.fairlead.paas.plugins.module_utils.sealing import unseal
from ansible_collections.fairlead.paas.plugins.module_utils.secrets import meant, values_of
from ansible_collections.fairlead.paas.plugins.module_utils.sight import kept_secrets
from ansible_collections.fairlead.paas.plugins.module_utils.variables import Variables


class LookupModule(LookupBase):
    """Runs on the controller; what it returns goes into an argument that is never shown."""

    def run(
        self, terms: Sequence[Any], variables: Mapping[str, Any] | None = None, **_: Any
    ) -> list[dict[str, str]]:
        """Return one dictionary: name → value."""
        known = Variables(variables or {}, self._templar)
        configuration = Configuration.from_dict(terms[0])
        now = known.secrets(configuration.app, meant(configuration))
        kept = kept_secrets((variables or {})["groups"], known)
        try:
            return [values_of(configuration, now, kept, known.setting(HASH_KEY), unseal)]
        except FairleadError as error:
            raise AnsibleLookupError(f"{configuration.app}: {error}") from None
