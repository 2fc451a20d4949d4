# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test shares: the linked collection is importable, as it is for Ansible."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.loader import init_plugin_loader

ROOT = Path(__file__).parents[1]

init_plugin_loader([str(ROOT / ".collections")])
