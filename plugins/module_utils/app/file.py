# SPDX-License-Identifier: GPL-3.0-or-later
"""An app file to an App, or to every problem of the file at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem, Refused, did_you_mean

from .document import Document, Path, show
from .kinds import without_marks
from .model import App
from .reading import parse_document
from .rules import check_rules

_KEY = "[key]"  # how pydantic ends the path of a mapping's key
_SECRET = ("env", "secret")  # what stands here by mistake may be a secret's value: never repeated


def parse_app(file: str, data: bytes) -> tuple[App, Document]:
    """Return the app in the bytes of ``file``, and the document to point at its parts.

    Raises Refused with every problem of the file.
    """
    document = parse_document(file, data)
    try:
        app, problems = App.model_validate(document.value), []
    except ValidationError as error:
        app, problems = None, [_problem(document, each) for each in error.errors(include_url=False)]
    problems = _first_of_each([*document.problems, *problems, *check_rules(document)])
    if problems or app is None:
        raise Refused(problems)
    return app, document


def _first_of_each(problems: Iterable[Problem]) -> list[Problem]:
    """Keep the first problem of each field: what follows from it helps nobody."""
    kept: dict[tuple[int, int, str], Problem] = {}
    for problem in problems:
        kept.setdefault((problem.line, problem.column, problem.field), problem)
    return list(kept.values())


def _problem(document: Document, error: Mapping[str, Any]) -> Problem:
    path = without_marks(error["loc"])
    if error["type"] == "missing":
        return document.problem(path, "is missing", "", _field(path).description or "")
    if error["type"] == "extra_forbidden":
        known = did_you_mean(str(path[-1]), _keys(_model(path[:-1])))
        return document.key_problem(path, "is not known", show(path[-1]), known)
    if path and path[-1] == _KEY:
        context = error["ctx"]
        return document.key_problem(path[:-1], context["problem"], show(path[-2]), context["expected"])
    return document.problem(path, *_words(document, path, error))


def _words(document: Document, path: Path, error: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the problem, what was got and what is expected."""
    got = document.shown(path)
    problem, expected = _NATIVE.get(error["type"]) or (error["ctx"]["problem"], error["ctx"]["expected"])
    if error.get("ctx", {}).get("quotable"):
        expected = f'"{got}" in quotes'
    return problem, "" if path[: len(_SECRET)] == _SECRET else got, expected


_NATIVE = {
    "model_type": ("is not a mapping", "a mapping"),
    "dict_type": ("is not a mapping", "a mapping"),
    "tuple_type": ("is not a list", "a list"),
    "too_short": ("is empty", "at least one"),
}


def _keys(model: type[BaseModel]) -> list[str]:
    """Return the keys that a part may have, as they are written: ``for`` is no name for Python."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _field(path: Path) -> Any:
    return _model(path[:-1]).model_fields[str(path[-1])]


def _model(path: Path) -> type[BaseModel]:
    """Return the part of the model that stands at a path."""
    model: type[BaseModel] = App
    inside = False  # a mapping or list: the next step is one of its items
    for step in path:
        if inside:
            inside = False
            continue
        annotation = model.model_fields[str(step)].annotation
        inside = get_origin(annotation) in (dict, tuple)
        model = next(_parts(annotation))
    return model


def _parts(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from _parts(each)
