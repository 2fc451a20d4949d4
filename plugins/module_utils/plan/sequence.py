# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order, and where, the needed instances start, so that at no moment a node holds too much.

An instance stays at home where it can. It starts beside the one it replaces; when that has stopped, its room
serves the next steps. Where nothing fits any more, in this order: what goes anyway is stopped early, one
instance moves, one instance is stopped before its successor starts.

What must not run beside its successor, since both would write to the same volume or want the same port, is
always stopped first.

How much goes into one step, and whether an instance may be missing meanwhile, is the ``pace``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Update
from ansible_collections.fairlead.paas.plugins.module_utils.errors import NoRoom
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Instance, Slot
from ansible_collections.fairlead.paas.plugins.module_utils.placement import (
    Board,
    Choice,
    Demand,
    choose,
    place,
    refusal,
    stay,
)
from ansible_collections.fairlead.paas.plugins.module_utils.placement.select import anchors_of
from ansible_collections.fairlead.paas.plugins.module_utils.placement.shape import Key
from ansible_collections.fairlead.paas.plugins.module_utils.placement.shortfall import Missing, shortfall

from .homes import bound
from .pace import Pace
from .reconcile import Need

_BESIDE = "A canary needs room beside all that runs: make some, or deploy without update.canary."
_ALONE = "stopped first, must not run twice"
_Seek = Callable[[Iterable[Demand], Board], dict[Slot, Choice]]


@dataclass(frozen=True)
class Placed:
    """A need that has found its node. Steps count from 1; ``note`` says why it goes an unusual way."""

    need: Need
    choice: Choice
    step: int
    stop_first: bool
    note: str = ""


@dataclass(frozen=True)
class Sequence:
    """All placed needs in the order of their steps, and the step before whose starts the surplus stops."""

    placed: tuple[Placed, ...]
    surplus_step: int
    surplus_early: bool


def sequence(
    needs: Iterable[Need],
    surplus: Iterable[Instance],
    board: Board,
    update: Update,
    canary: Collection[Slot] = (),
) -> Sequence:
    """Return when and where each need is met, those of the canary in a step before all others.

    On the board stands all that runs; what has no home there is known to leave. Takes from it. Raises NoRoom
    with every reason.
    """
    return _Sequencer(needs, surplus, board, update).run(canary)


class _Sequencer:
    def __init__(
        self, needs: Iterable[Need], surplus: Iterable[Instance], board: Board, update: Update
    ) -> None:
        self.waiting = {need.slot: need for need in sorted(needs, key=lambda need: need.slot)}
        self.surplus = tuple(surplus)
        self.board = board
        self.stop_first = update.stops_first
        self.pace = Pace(update, self.waiting.values())
        self.placed: list[Placed] = []
        self.surplus_step: int | None = None
        self.anchors = anchors_of({need.shape.key: need.shape for need in self.waiting.values()})

    def run(self, canary: Collection[Slot]) -> Sequence:
        """Place the canary, then the rest round after round; each ends with the room of what it replaced."""
        self._place_canary(canary)
        while self.waiting:
            if not (self._round() or self._surplus_early() or self._one_moves() or self._one_stops_first()):
                raise self._no_room()
        return Sequence(
            placed=tuple(self.placed),
            surplus_step=self.surplus_step or self.pace.step + 1,
            surplus_early=self.surplus_step is not None,
        )

    def _place_canary(self, slots: Collection[Slot]) -> None:
        """Make one step of it, before all others; nothing stops or is let go of until it has been tried."""
        everything = self.waiting
        self.waiting = {slot: need for slot, need in everything.items() if slot in slots}
        rest = {slot: need for slot, need in everything.items() if slot not in slots}
        with self.pace.in_one_step():
            while self.waiting:
                if not (self._round() or self._one_moves()):
                    raise NoRoom(self._refusals(), [_BESIDE])
        self._give_back(item.need for item in self.placed)
        self.waiting = rest

    def _round(self) -> bool:
        return self._round_stop_first() if self.stop_first else self._round_start_first()

    def _round_start_first(self) -> bool:
        """Keep at home what its home can hold; find a node for what has none, or serves nothing meanwhile."""
        beside = [need for need in self._replacing() if not need.process.spec.alone]
        choices = self._stay(self._fresh()) | self._stay(beside)
        homeless = [need for need in beside if not need.home]
        started = self._commit(*self._choose([*self._fresh(), *homeless], choices))
        return self._replace_alone() or started

    def _replace_alone(self) -> bool:
        """Stop what must not run beside its successor, and start that where it may stand then."""
        replaced = [self._after_stop(it, stay if it.home else choose, _ALONE) for it in self._alone()]
        return any(replaced)

    def _round_stop_first(self) -> bool:
        started = self._commit(*self._choose(self._fresh(), self._stay(self._fresh())))
        in_turn = [need for batch in self.pace.batches(self._replacing()) for need in batch]
        replaced = [self._after_stop(need, stay if need.home else choose) for need in in_turn]
        return any([started, *replaced])

    def _stay(self, needs: Iterable[Need]) -> dict[Slot, Choice]:
        return stay(map(_demand, needs), self.board)

    def _choose(
        self, needs: Iterable[Need], chosen: dict[Slot, Choice]
    ) -> tuple[dict[Slot, Choice], dict[Slot, str]]:
        """Return what was chosen already and what else finds a node, and why the latter left their homes."""
        undecided = {
            need.shape.key for need in self.waiting.values() if need.home and need.slot not in chosen
        }
        rest = [need for need in needs if need.slot not in chosen and not self._waits_for(need, undecided)]
        notes = {need.slot: self._not_at_home(need) for need in rest}
        return chosen | choose(map(_demand, rest), self.board), notes

    def _surplus_early(self) -> bool:
        """Stop what goes anyway before the next step, for its room."""
        if self.surplus_step or not self.surplus:
            return False
        for instance in self.surplus:
            self.board.drop(instance)
        self.surplus_step = self.pace.close_step()
        return True

    def _one_moves(self) -> bool:
        """Let the first instance that can leave its home, then look at the others again."""
        if self.stop_first:
            return any(self._after_stop(need, choose) for need in self._replacing())
        if any(self._after_stop(need, choose, _ALONE) for need in self._alone()):
            return True
        hopeless: set[Key] = set()
        for need in self.waiting.values():
            beside = not (need.leaves and need.process.spec.alone)
            if need.home and not need.only and beside and need.shape.key not in hopeless:
                if self._moves(need):
                    return True
                hopeless.add(need.shape.key)
        return False

    def _moves(self, need: Need) -> bool:
        """Let one need leave its home, if it can: then what stands there does not count where it goes."""
        if need.leaves:
            self.board.leave(need.leaves)
        if self._commit(*self._choose([need], {})):
            return True
        if need.leaves:
            self.board.drop(need.leaves)
            self.board.add(need.leaves)
        return False

    def _waits_for(self, need: Need, undecided: Collection[Key]) -> bool:
        """Say whether it is not yet known where those will stand whom it must be with."""
        return any(anchor in undecided for anchor in self.anchors.get(need.shape.key, ()))

    def _one_stops_first(self) -> bool:
        note = "stopped first, no room beside it"
        return not self.stop_first and any(self._after_stop(need, place, note) for need in self._replacing())

    def _fresh(self) -> list[Need]:
        return [need for need in self.waiting.values() if not need.leaves]

    def _replacing(self) -> list[Need]:
        return [need for need in self.waiting.values() if need.leaves]

    def _alone(self) -> list[Need]:
        return [need for need in self._replacing() if need.process.spec.alone]

    def _after_stop(self, need: Need, seek: _Seek, note: str = "") -> bool:
        """Place one need where it fits once its predecessor has stopped; as if nothing was, if nowhere."""
        old = need.leaves
        undecided = {other.shape.key for other in self.waiting.values()}
        if old is None or self._waits_for(need, undecided) or not self.pace.may_stop(need.process):
            return False
        leaving = old.container in self.board.leaving
        self.board.drop(old)
        away = self._not_at_home(need)
        choices = seek([_demand(need)], self.board)
        if not choices:
            self.board.add(old, leaving=leaving)
            return False
        self.pace.stop(need)
        said = "; ".join(filter(None, [note, away])) if note == _ALONE else note or away
        self._record(need, choices[need.slot], stop_first=True, note=said)
        return True

    def _commit(self, choices: dict[Slot, Choice], notes: dict[Slot, str]) -> bool:
        """Make steps of what starts beside its predecessor, or has none."""
        needs = [self.waiting[slot] for slot in sorted(choices)]
        for batch in self.pace.batches(needs):
            self.pace.open_step()
            for need in batch:
                self.pace.start(need)
                self._record(need, choices[need.slot], stop_first=False, note=notes.get(need.slot, ""))
        if not self.pace.one_step:
            self._give_back(needs)
        return bool(choices)

    def _give_back(self, needs: Iterable[Need]) -> None:
        """Give back the room of what stops after its successor has started."""
        for need in needs:
            if need.leaves:
                self.board.drop(need.leaves)

    def _record(self, need: Need, choice: Choice, *, stop_first: bool, note: str) -> None:
        del self.waiting[need.slot]
        self.placed.append(Placed(need, choice, self.pace.step, stop_first, note))

    def _not_at_home(self, need: Need) -> str:
        room = self.board.get(need.home or "")
        why = refusal(room, need.shape, need.slot.number) if room else None
        return f"{need.home}: {why}" if why else ""

    def _no_room(self) -> NoRoom:
        refusals = self._refusals()
        nowhere = [need for need in self.waiting.values() if str(need.slot) in refusals]
        stuck = [need for need in nowhere if not self._would_fit_after_stop(need)]
        return NoRoom(refusals, [*self._advice(), *shortfall(_missing(stuck), self.board)])

    def _refusals(self) -> dict[str, dict[str, str]]:
        """Return why each slot fits nowhere; what only waits until others have started is left out."""
        said = {need.slot: self._explain(need) for need in self.waiting.values()}
        nowhere = (need for need in self.waiting.values() if len(said[need.slot]) == self._nodes(need))
        return {str(need.slot): said[need.slot] for need in nowhere}

    def _nodes(self, need: Need) -> int:
        return 1 if need.only else len(self.board)

    def _explain(self, need: Need) -> dict[str, str]:
        """Return the reasons that remain when the predecessor has stopped; if it may not, those beside it."""
        if not self._would_fit_after_stop(need):
            return self._refused_after_stop(need)
        return self._refused(need)

    def _refused(self, need: Need) -> dict[str, str]:
        rooms = [self.board[need.home]] if need.only and need.home else self.board.rooms
        number = need.slot.number
        beside = ((room.name, refusal(room, need.shape, number)) for room in rooms)
        return {name: reason for name, reason in beside if reason}

    def _would_fit_after_stop(self, need: Need) -> bool:
        return need.leaves is not None and len(self._refused_after_stop(need)) < self._nodes(need)

    def _refused_after_stop(self, need: Need) -> dict[str, str]:
        old = need.leaves
        if old is None:
            return self._refused(need)
        leaving = old.container in self.board.leaving
        self.board.drop(old)
        reasons = self._refused(need)
        self.board.add(old, leaving=leaving)
        return reasons

    def _advice(self) -> Iterable[str]:
        """Yield which settings stand in the way, and which volumes."""
        for need in self.waiting.values():
            if need.kept and need.only and (why := self._explain(need).get(need.kept.node)):
                yield bound(need.slot, need.kept, why)
        held = {n.shape.key: n for n in self._replacing() if self._would_fit_after_stop(n)}
        for shape, process in ((need.shape, need.process) for need in held.values()):
            allowance = self.pace.allowance(process)
            yield f"{shape} has room only if an instance stops before its successor starts. {allowance}"
        if self.pace.one_step:
            yield "With update.parallelism all, every new instance needs room beside every old one."


def _missing(needs: Iterable[Need]) -> Iterable[Missing]:
    """Return needs by process; those that may stand on one node only each for itself."""
    by_process: dict[Key, Missing] = {}
    for need in needs:
        if need.only:
            yield Missing(need.shape, [need.slot.number], need.home)
        else:
            by_process.setdefault(need.shape.key, Missing(need.shape, [])).numbers.append(need.slot.number)
    yield from by_process.values()


def _demand(need: Need) -> Demand:
    return Demand(need.slot, need.shape, need.home, need.only)
