# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module that changes a machine is told for which run it does: what `fenced` takes."""

from __future__ import annotations


class ModuleDocFragment:
    """Read by ansible-doc, as ``extends_documentation_fragment: fairlead.paas.fencing``."""

    DOCUMENTATION = r"""
options:
  token:
    description:
      - The fencing token of the run's lease. A run with a lower one than this machine has seen of the app is
        refused, and one that is higher waits until a change under way has ended.
      - Without a token the change is not fenced.
    type: int
"""
