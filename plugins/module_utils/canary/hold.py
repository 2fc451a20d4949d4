# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold a deploy while a router tries its release: read, add up, judge, until the time is over or it is clear.

Each router has its own hold, in a worker of its own; over the board each judges what all have measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Canary
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.units import format_duration
from ansible_collections.fairlead.paas.plugins.module_utils.waiting import Deadline

from .board import Board
from .reading import Reading
from .tally import Servers, ailing, tallies, total
from .verdict import verdict

_READINGS = 30  # in the time, but no closer than the first and no further apart than the second of these:
_CLOSEST, _FURTHEST = 1.0, 10.0  # seconds
_OTHERS = 30.0  # seconds that other routers may take for their last reading


class Aborted(FairleadError):
    """The new release is worse than it may be, or its instances are not healthy."""


@dataclass(frozen=True)
class Hold:
    """The hold of one router, whose notes on the board have its name; ``read`` reads from a mark on."""

    servers: Servers
    canary: Canary
    board: Board
    name: str
    read: Callable[[str], Reading]

    def run(self) -> Sequence[str]:
        """Return what all routers have measured, nothing if another one has ended it. Raises Aborted."""
        try:
            return self._run(Deadline(self.canary.hold))
        except BaseException:
            self.board.end()
            raise

    def _run(self, window: Deadline) -> Sequence[str]:
        pause = min(max(self.canary.hold / _READINGS, _CLOSEST), _FURTHEST)
        last = self.read("")
        mine = tallies(self.servers, last, last)
        self.board.pin(self.name, mine)
        while window.pause(pause):
            now = self.read(last.mark)
            mine = total([mine, tallies(self.servers, last, now)])
            self.board.pin(self.name, mine)
            self._abort(window, [*ailing(self.servers, last, now), *self._faults()])
            if self.board.ended:
                return ()
            last = now
        self.board.pin(self.name, mine, final=True)
        Deadline(_OTHERS).until(lambda: self.board.is_final() or self.board.ended)
        if self.board.ended:
            return ()
        self._abort(window, self._faults(final=True))
        return verdict(self.canary, self.board.total(), final=True).found

    def _faults(self, *, final: bool = False) -> Sequence[str]:
        return verdict(self.canary, self.board.total(), final=final).faults

    def _abort(self, window: Deadline, faults: Sequence[str]) -> None:
        if faults:
            passed = window.seconds - max(0.0, window.end - window.now())
            raise Aborted(
                f"the canary was aborted after {format_duration(round(passed))}: {'; '.join(faults)}"
            )
