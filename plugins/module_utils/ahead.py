# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that are packed before their tasks begin, where no earlier run has packed them.

Ansible packs a module, with all that it imports, when the first host of its task needs it, and all hosts
wait for that: some 0.25 s of one core. What an action of ours does on the controller leaves other cores time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible import constants

from . import packs
from .beside import beside


def pack_ahead(pack: Callable[..., object], modules: Sequence[str], known: Mapping[str, Any]) -> None:
    """Return at once; these modules of ours are packed beside an action, by its own ``_configure_module``.

    Ansible keeps what is packed until the run ends, and locks each module: a task that comes early waits.
    """
    run = Path(constants.DEFAULT_LOCAL_TMP)
    missing = [module for module in modules if not packs.has(run, module)]

    def work() -> None:
        # The run's folder for what is packed. Once it is gone, nothing can be made in it and left behind.
        os.chdir(run)
        constants.DEFAULT_LOCAL_TMP = "."
        for module in missing:
            pack(f"fairlead.paas.{module}", {}, known)
        packs.keep(Path())

    if missing:
        beside(work)
