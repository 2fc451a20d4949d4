# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test shares: the linked collection is importable, as it is for Ansible."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.loader import init_plugin_loader
from hypothesis import settings

ROOT = Path(__file__).parents[1]

# The machine may be busy with other things: how long an example takes is no finding.
settings.register_profile("fairlead", deadline=None, database=None)
settings.load_profile("fairlead")
init_plugin_loader([str(ROOT / ".collections")])
