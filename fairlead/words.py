# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands where, in words and tables for people, and as plain data for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Slot
from ansible_collections.fairlead.paas.plugins.module_utils.placement.explanation import (
    Considered,
    Explanation,
)
from ansible_collections.fairlead.paas.plugins.module_utils.units import format_roughly
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.arrange import (
    Arrangement,
    Change,
    Homeless,
    Kind,
)
from ansible_collections.fairlead.paas.plugins.module_utils.what_if.usage import Use, total, use_of

from .table import table

MOST_ROWS = 40  # of a table for people; --json has all
MOST_NODES = 10  # that are named with why they refuse
_WIDEST = 60  # characters of a list of instances
SIGNS: dict[Kind, str] = {"move": ">", "start": "+", "replace": "~", "stop": "-"}


def counted(changes: Iterable[Change]) -> str:
    """Return ``2 move, 1 start``; what does not happen is left out."""
    kinds = [change.kind for change in changes]
    return ", ".join(f"{number} {kind}" for kind in SIGNS if (number := kinds.count(kind)))


def lines_of(changes: Sequence[Change]) -> list[str]:
    """Return a line for each change: what happens to which instance, where, and why."""
    shown = [
        (SIGNS[it.kind], str(it.slot), way(it.before, it.after), it.reason) for it in changes[:MOST_ROWS]
    ]
    return [*aligned(shown), *_more(changes, "changes")]


def aligned(rows: Sequence[tuple[str, str, str, str]]) -> list[str]:
    """Return lines of a sign, an instance, where it goes, and why."""
    names = max((len(name) for _, name, _, _ in rows), default=0)
    ways = max((len(place) for _, _, place, _ in rows), default=0)
    return [f"  {sign} {name:<{names}}  {place:<{ways}}  {why}".rstrip() for sign, name, place, why in rows]


def way(before: str | None, after: str | None) -> str:
    """Return where something goes: ``n1 → n2``, or the one node that it is about."""
    return f"{before} → {after}" if before and after and before != after else after or before or ""


def refusals(found: Arrangement) -> list[str]:
    """Return, for each process that finds no room, why each node refuses it; then what would help."""
    return [*(line for each in found.homeless for line in _refusals(each)), *found.advice]


def use_table(before: Mapping[str, Use], after: Mapping[str, Use]) -> list[str]:
    """Return the table of how full each node is, the fullest first where they are too many, and in all."""
    names = sorted(after)
    if len(names) > MOST_ROWS:
        names.sort(key=lambda name: -max(after[name].memory_share, after[name].cpu_share))
    rows = [_use_row(name, before.get(name), after[name]) for name in names[:MOST_ROWS]]
    rows.append(_use_row("all", total(before.values()), total(after.values())))
    return [table(("node", "instances", "memory", "cpu"), rows), *_more(names, "nodes")]


def standing_table(found: Arrangement) -> list[str]:
    """Return the table of what stands on each node, and how full that makes it."""
    uses, slots = use_of(found.board), slots_by_node(found)
    names = sorted(uses)
    rows = [
        (
            name,
            _cut(compact(slots.get(name, ()))),
            _percent(uses[name].memory_share),
            _percent(uses[name].cpu_share),
        )
        for name in names[:MOST_ROWS]
    ]
    every = total(uses.values())
    rows.append(
        ("all", f"{every.instances} instances", _percent(every.memory_share), _percent(every.cpu_share))
    )
    return [table(("node", "instances", "memory", "cpu"), rows), *_more(names, "nodes")]


def slots_by_node(found: Arrangement) -> dict[str, list[Slot]]:
    """Return node → what stands on it of the apps that were arranged, sorted."""
    slots: dict[str, list[Slot]] = {}
    for slot, node in sorted(found.nodes.items()):
        slots.setdefault(node, []).append(slot)
    return slots


def compact(slots: Iterable[Slot]) -> str:
    """Return ``shop.web.1-3,7 shop.worker.1``."""
    words = []
    for (app, process), group in groupby(sorted(slots), key=lambda slot: (slot.app, slot.process)):
        words.append(f"{app}.{process}.{','.join(_ranges([slot.number for slot in group]))}")
    return " ".join(words)


def explained(why: Explanation) -> list[str]:
    """Return why an instance stands where it does, and what each other node has to say."""
    head = f"{why.slot} on {why.node}: {why.why}" if why.node else f"{why.slot} on no node: {why.why}"
    rows = [_verdict(it, why.node) for it in why.nodes[:MOST_ROWS]]
    return [head, table(("node", "", "why"), rows), *_more(why.nodes, "nodes")]


def as_data(found: Arrangement, before: Mapping[str, Use] | None = None) -> dict[str, Any]:
    """Return an arrangement as plain data."""
    uses = use_of(found.board)
    earlier = {"before": total(before.values()).as_dict()} if before is not None else {}
    return {
        "fits": not found.homeless,
        "changes": [
            {
                "slot": str(it.slot),
                "kind": it.kind,
                "before": it.before,
                "after": it.after,
                "reason": it.reason,
            }
            for it in found.changes
        ],
        "homeless": [
            {"slots": [str(slot) for slot in it.slots], "nodes": dict(it.reasons)} for it in found.homeless
        ],
        "advice": [*found.advice],
        "instances": {str(slot): node for slot, node in sorted(found.nodes.items())},
        "nodes": {name: use.as_dict() for name, use in sorted(uses.items())},
        "total": total(uses.values()).as_dict() | earlier,
    }


def percent_of(share: float, whole: str) -> str:
    """Return ``37 % of 12G``."""
    return f"{_percent(share)} of {whole}"


def readable(size: int) -> str:
    """Return a size rounded down to whole megabytes, or gigabytes with a decimal from 10 of them."""
    gigabyte = 2**30
    if size >= 10 * gigabyte and size % gigabyte:
        return f"{size / gigabyte:.1f}G"
    return format_roughly(size)


def _refusals(each: Homeless) -> Iterator[str]:
    yield f"no room for {compact(each.slots)}:"
    reasons = list(each.reasons.items())
    yield from (f"  {node}: {reason}" for node, reason in reasons[:MOST_NODES])
    if len(reasons) > MOST_NODES:
        yield f"  and {len(reasons) - MOST_NODES} more nodes refuse"


def _use_row(name: str, before: Use | None, after: Use) -> tuple[str, ...]:
    if before is None:
        before = Use(0, after.memory_total, 0.0, after.cpu_total, 0)
    return (
        name,
        _change(str(before.instances), str(after.instances)),
        _change(_percent(before.memory_share), _percent(after.memory_share)),
        _change(_percent(before.cpu_share), _percent(after.cpu_share)),
    )


def _change(before: str, after: str) -> str:
    return after if before == after else f"{before} → {after}"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _ranges(numbers: Sequence[int]) -> Iterator[str]:
    for _, group in groupby(enumerate(numbers), key=lambda it: it[1] - it[0]):
        run = [number for _, number in group]
        yield f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0])


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _verdict(each: Considered, node: str | None) -> tuple[str, str, str]:
    return each.node, "refuses" if each.refusal else "chosen" if each.node == node else "ranked", str(each)


def _more(shown: Sequence[object], what: str) -> list[str]:
    left = len(shown) - MOST_ROWS
    return [f"  and {left} more {what}; --json has all"] if left > 0 else []
