# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast a rollout goes: how much of each process one step takes on, and how much may be missing in it.

Missing is what does not serve during a step: what stops before its successor starts, and what is dead or new
until the step that starts it is over.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Process, Update
from ansible_collections.fairlead.paas.plugins.module_utils.units import ALL

from .reconcile import Need


class Pace:
    """The steps as they fill up; ``step`` is the last one's number, 0 before the first.

    ``one_step``: parallelism ``all`` with start-first, one switch from old to new. A canary too is one step,
    before all others.
    """

    def __init__(self, update: Update, needs: Iterable[Need]) -> None:
        """Begin before the first step, with the needs that replace nothing missing."""
        self.step = 0
        self.one_step = update.parallelism == ALL and not update.stops_first
        self._before = 0  # the last step before those that this pace is for
        self._update = update
        self._alone = replace(update, order="stop-first")  # of what must not run beside its successor
        self._joinable = False  # whether what stops first may join the last step
        # By process, for the last step: how many are missing, come with it, and stop first in it.
        self._missing = Counter(need.process.name for need in needs if not need.leaves)
        self._coming: Counter[str] = Counter()
        self._stopping: Counter[str] = Counter()

    @contextmanager
    def in_one_step(self) -> Iterator[None]:
        """Let all that starts meanwhile be one step, and what follows have others."""
        usual, self.one_step = self.one_step, True
        yield
        self.one_step, self._before = usual, self.step
        self._joinable = False

    def batches(self, needs: Iterable[Need]) -> list[list[Need]]:
        """Return needs in batches of what one step may replace; what replaces nothing is in the first."""
        batches: dict[int, list[Need]] = defaultdict(list)
        replaced: Counter[str] = Counter()
        for need in needs:
            batches[replaced[need.process.name] // self._in_a_step(need) if need.leaves else 0].append(need)
            replaced[need.process.name] += bool(need.leaves)
        return [batch for _, batch in sorted(batches.items())]

    def open_step(self, *, joinable: bool = False) -> None:
        """Begin the next step; with ``one_step`` all is the first."""
        if self.one_step and self.step > self._before:
            return
        self.step += 1
        self._joinable = joinable or self.one_step
        self._missing -= self._coming
        self._coming.clear()
        self._stopping.clear()

    def close_step(self) -> int:
        """Let nothing more join the last step; return the number of the next, with ``one_step`` its own."""
        self._joinable = self._joinable and self.one_step
        return self._before + 1 if self.one_step else self.step + 1

    def start(self, need: Need) -> None:
        """Count what starts in the last step with nothing stopped for it."""
        self._coming[need.process.name] += not need.leaves

    def may_stop(self, process: Process) -> bool:
        """Say whether some step may stop one more of a process before its successor starts."""
        return self.missing_after(process) <= self._of(process).may_be_missing(process.scale)

    def stop(self, need: Need) -> None:
        """Count what stops first, in the last step if that may take it, else in a new one."""
        name = need.process.name
        if not (self._joinable and self._has_place(need)):
            self.open_step(joinable=True)
        for count in (self._missing, self._coming, self._stopping):
            count[name] += 1

    def missing_after(self, process: Process) -> int:
        """Return how many of a process are missing when one more stops, at the best moment."""
        back = 0 if self.one_step else self._coming[process.name]
        return self._missing[process.name] - back + 1

    def allowance(self, process: Process) -> str:
        """Return in words what to set so that one more of a process may stop."""
        setting, means = self._update.max_unavailable, self._of(process).may_be_missing(process.scale)
        wanted = self.missing_after(process)
        is_now = f"without it, it is {means}" if setting is None else f"it is {setting}"
        share = f", of {process.scale} that is {means}" if isinstance(setting, str) else ""
        return (
            f"To let {wanted} of {process.scale} be missing then, set update.max_unavailable to {wanted} "
            f"or more; {is_now}{share}."
        )

    def _has_place(self, need: Need) -> bool:
        name, bound = need.process.name, self._of(need.process).may_be_missing(need.process.scale)
        return self._stopping[name] < self._in_a_step(need) and self._missing[name] < bound

    def _of(self, process: Process) -> Update:
        return self._alone if process.spec.alone else self._update

    def _in_a_step(self, need: Need) -> int:
        scale = max(need.process.scale, 1)
        return scale if need.at_once else self._update.in_a_step(scale)
