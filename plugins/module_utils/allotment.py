# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory says of a node's room: what is kept for the system, how far to go beyond, and for whom.

Checks yield what is wrong, as (where in the variable, problem, got, expected).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .app.document import show
from .app.grammar import parse_name
from .errors import did_you_mean
from .fleet import Allotment
from .units import SIZE_HELP, parse_size, size_of

RESERVED_FOR = "fairlead_reserved_for"
SYSTEM = "fairlead_system"
OVERCOMMIT = "fairlead_overcommit"

Wrong = tuple[str, str, str, str]

_MOST_CORES = 1024
_MOST = {"memory": 10, "cpu": 100}  # times what there is


def allotment_of(system: Mapping[str, Any] | None, overcommit: Mapping[str, Any] | None) -> Allotment:
    """Return what instances get of a node, from the values of its two variables, which are checked."""
    kept, factors = system or {}, overcommit or {}
    return Allotment(
        system_memory=parse_size(str(kept.get("memory", "0"))),
        system_cpu=float(kept.get("cpu", Allotment.system_cpu)),
        memory_factor=float(factors.get("memory", Allotment.memory_factor)),
        cpu_factor=float(factors.get("cpu", Allotment.cpu_factor)),
    )


def reserved_for(apps: list[str] | None) -> tuple[str, ...]:
    """Return the apps that alone may stand on a node, from the value of its variable, which is checked."""
    return tuple(sorted({str(app) for app in apps or ()}))


def check_reserved_for(value: Any) -> Iterator[Wrong]:
    """Yield what is wrong with the apps that a node is reserved for."""
    if not isinstance(value, list):
        yield "", "is not a list", show(value), "names of apps, such as [shop]"
        return
    for at, name in enumerate(value):
        try:
            parse_name(name if isinstance(name, str) else "")
        except ValueError as error:
            yield f"[{at}]", "is no name of an app", show(name), str(error)


def check_system(value: Any) -> Iterator[Wrong]:
    """Yield what is wrong with what is kept for the system."""
    yield from _parts(value, {"memory": _size, "cpu": _cores}, "{memory: 512M, cpu: 0.5}")


def check_overcommit(value: Any) -> Iterator[Wrong]:
    """Yield what is wrong with how far instances may go beyond what there is."""
    factors = {part: _factor(most) for part, most in _MOST.items()}
    yield from _parts(value, factors, "{memory: 1.0, cpu: 2.0}")


def risk_of(overcommit: Any) -> str:
    """Return what to be warned of, or nothing."""
    factor = overcommit.get("memory") if isinstance(overcommit, dict) else None
    if not _is_number(factor, 1, _MOST["memory"]) or factor == 1:
        return ""
    return f"{factor} times the memory is promised; when instances use it, the kernel kills some of them"


_Check = Callable[[Any], tuple[str, str] | None]


def _parts(value: Any, checks: Mapping[str, _Check], example: str) -> Iterator[Wrong]:
    if not isinstance(value, dict):
        yield "", "is not a mapping", show(value), f"a mapping such as {example}"
        return
    for part, found in value.items():
        if part not in checks:
            yield f".{part}", "is not known", show(part), did_you_mean(str(part), checks)
        elif wrong := checks[part](found):
            yield f".{part}", wrong[0], show(found), wrong[1]


def _size(value: Any) -> tuple[str, str] | None:
    try:
        size_of(value)
    except ValueError:
        return "is not a size", SIZE_HELP
    return None


def _cores(value: Any) -> tuple[str, str] | None:
    fits = _is_number(value, 0, _MOST_CORES)
    return None if fits else ("is no number of cores", f"cores such as 0.5 or 2, from 0 to {_MOST_CORES}")


def _factor(most: int) -> _Check:
    def check(value: Any) -> tuple[str, str] | None:
        return None if _is_number(value, 1, most) else ("is no factor", f"a number from 1 to {most}")

    return check


def _is_number(value: Any, first: int, last: int) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and first <= value <= last
