# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold between the rules by which one app's processes are placed, within its own file.

What they say of other apps is checked over all files, in ``neighbours``.
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import GLOBAL
from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem

from .document import Document, Path, show
from .grammar import EVERY_OTHER

_NODE = "node"


def _global_runs_on_every_node(document: Document) -> Iterator[Problem]:
    for name, path in _placements(document):
        if document.get((*path, "mode")) != GLOBAL:
            continue
        counts: list[Path] = [("processes", name, "scale")]
        counts += [(*path, key) for key in ("max_per_node", "spread", "max_skew", "max_per")]
        for count in counts:
            if count[-1] in document.mapping(count[:-1]):
                expected = "one of the two: global is one instance on every node that may hold it"
                yield document.key_problem(count, "stands beside mode: global", "", expected)


def _skew_is_of_something(document: Document) -> Iterator[Problem]:
    for _, path in _placements(document):
        if "max_skew" in document.mapping(path) and "spread" not in document.mapping(path):
            expected = "the label it is about, such as spread: zone"
            yield document.key_problem((*path, "max_skew"), "needs spread", "", expected)


def _each_bound_has_one_name(document: Document) -> Iterator[Problem]:
    """Refuse to bind by the fact ``node`` what has a word of its own: there is one way to say a thing."""
    for _, path in _placements(document):
        if _NODE in document.mapping((*path, "max_per")):
            expected = f"max_per_node: {document.shown((*path, 'max_per', _NODE))}"
            yield document.key_problem((*path, "max_per", _NODE), "has a key of its own", "", expected)
        if document.get((*path, "apart", "per")) == _NODE:
            expected = "the list of apps alone, as in apart: [billing]"
            yield document.problem(
                (*path, "apart", "per"), "is what apart means anyway", f'"{_NODE}"', expected
            )


def _company_is_somebody_else(document: Document) -> Iterator[Problem]:
    app = document.get(("app",))
    for name, path in _placements(document):
        for where, instead in (
            ((*path, "with"), "another app or process"),
            (apart_path(document, path), f"another one; {_bound(document, path)} parts its own instances"),
        ):
            for at, other in document.texts(where):
                if other == app:
                    expected = f"another app, or one process of this one as {app}/PROCESS"
                    yield document.problem(at, "is this app itself", document.shown(at), expected)
                elif other == f"{app}/{name}":
                    yield document.problem(at, "is this process itself", document.shown(at), instead)


def _bound(document: Document, path: Path) -> str:
    per = document.get((*path, "apart", "per"))
    return f"max_per: {{{per}: 1}}" if isinstance(per, str) else "max_per_node: 1"


def _company_is_named_once(document: Document) -> Iterator[Problem]:
    for _, path in _placements(document):
        for where in ((*path, "with"), apart_path(document, path)):
            seen: set[str] = set()
            for at, other in document.texts(where):
                if other in seen:
                    yield document.problem(at, "is named twice", document.shown(at), "each name once")
                seen.add(other)


def _nobody_is_with_and_apart(document: Document) -> Iterator[Problem]:
    app = document.get(("app",))
    for _, path in _placements(document):
        others = {other for _, other in document.texts(apart_path(document, path))}
        for at, other in document.texts((*path, "with")):
            theirs = other.partition("/")[0]
            ways = {other, theirs, *([EVERY_OTHER] if theirs != app else [])}
            for way in sorted(ways & others):
                problem = f"is under apart too, as {show(way)}"
                yield document.problem(at, problem, document.shown(at), "one of the two")


def apart_path(document: Document, placement: Path) -> Path:
    """Return where the list of those stands that a placement is apart from."""
    path = (*placement, "apart")
    return (*path, "apps") if document.mapping(path) else path


def _placements(document: Document) -> Iterator[tuple[str, Path]]:
    """Yield the name of each process, and the path of its placement."""
    for name in document.mapping(("processes",)):
        yield name, ("processes", name, "placement")


PLACEMENT_RULES = (
    _global_runs_on_every_node,
    _skew_is_of_something,
    _each_bound_has_one_name,
    _company_is_somebody_else,
    _company_is_named_once,
    _nobody_is_with_and_apart,
)
