# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of faults, but for the runs that are killed (``kills``): one function a case."""

from __future__ import annotations

from types import ModuleType

from tests.faults.case import Case

from . import disks, images, machines, registry, routers, runs

_ROOMS: dict[str, ModuleType] = {
    "Runs that meet": runs,
    "Machines and the ways between them": machines,
    "Images that are bad": images,
    "The registry": registry,
    "Disks and the ledger": disks,
    "Routers": routers,
}
TABLE: dict[str, tuple[Case, ...]] = {
    title: tuple(found for found in vars(room).values() if isinstance(found, Case))
    for title, room in _ROOMS.items()
}
