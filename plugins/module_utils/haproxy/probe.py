# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask instances as HAProxy would, before a reload makes the answer matter."""

from __future__ import annotations

from ansible_collections.fairlead.paas.plugins.module_utils.containers.probe import ask
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.waiting import Deadline

from .change import Seat


def await_answers(seats: list[Seat], deadline: Deadline) -> None:
    """Wait until each server answers its check from here. Raises FairleadError with their last answers."""
    said: dict[str, str] = {}

    def all_answer() -> bool:
        said.clear()
        said.update({str(seat): words for seat in seats if (words := _complaint(seat))})
        return not said

    if not deadline.until(all_answer):
        listed = "; ".join(f"{server}: {words}" for server, words in sorted(said.items()))
        raise FairleadError(f"not healthy in time: {listed}")


def _complaint(seat: Seat) -> str:
    server, check = seat.server, seat.backend.check
    return ask(server.address, server.port, check.path, check.timeout)
