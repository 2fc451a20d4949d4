# SPDX-License-Identifier: GPL-3.0-or-later
"""How modules get at the registry: the options of ACCOUNT in module_utils/options.py, for either account."""

from __future__ import annotations

_ACCOUNT = """
    type: dict
    suboptions:
      username:
        description: Its name.
        type: str
        required: true
      password:
        description: Its password.
        type: str
        required: true
"""


class ModuleDocFragment:
    """Read by ansible-doc, as ``extends_documentation_fragment: fairlead.paas.account.pulling``."""

    PULLING = f"""
options:
  registry_auth:
    description: The account with which images are pulled.{_ACCOUNT}"""

    PUSHING = f"""
options:
  push_auth:
    description: The account with which images are pushed.{_ACCOUNT}"""
