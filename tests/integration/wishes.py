# SPDX-License-Identifier: GPL-3.0-or-later
"""The parameters of the module ``converge``, all of them, as Ansible hands them over."""

from __future__ import annotations

from typing import Any

from tests.integration.engine_rig import APP, PULL


def parameters(**given: Any) -> dict[str, Any]:
    """Return all parameters; those given replace the defaults."""
    return {
        "app": APP,
        "node": "n1",
        "address": "127.0.0.1",
        "start": [],
        "resume": [],
        "stop": [],
        "remove": [],
        "remove_volumes": [],
        "order": "start-first",
        "deadline": 20.0,
        "monitor": 0.0,
        "configuration": None,
        "secrets": {},
        "registry_auth": PULL,
        "require_signed": False,
        **given,
    }
