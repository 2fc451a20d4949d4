# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module that starts containers gets at their images."""

from __future__ import annotations


class ModuleDocFragment:
    """Read by ansible-doc, as ``extends_documentation_fragment: fairlead.paas.pulling``."""

    DOCUMENTATION = r"""
options:
  registry_auth:
    description: The account with which images are pulled.
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
