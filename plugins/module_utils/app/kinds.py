# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of values in an app file: each reads plain data, says what is wrong, and has a JSON Schema.

A wrong value raises a pydantic error of type ``fairlead`` whose context is ``problem``, ``expected`` and
``quotable``: whether the same words in quotes would have been right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Discriminator, GetCoreSchemaHandler, GetJsonSchemaHandler, Tag
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from ansible_collections.fairlead.paas.plugins.module_utils.errors import did_you_mean

from .document import kind

ERROR = "fairlead"
MAX_VALUE = 64 * 2**10  # characters; engines and kernels bound an argument at 128 KiB

_PERCENTAGE = re.compile(r"(-?(?:0|[1-9][0-9]{0,3}))%", re.ASCII)

Read = Callable[[Any], Any]


def wrong(problem: str, expected: str, *, quotable: bool = False) -> PydanticCustomError:
    """Return the error of a value that is not what its field takes."""
    context = {"problem": problem, "expected": expected, "quotable": quotable}
    return PydanticCustomError(ERROR, "{problem}", context)


@dataclass(frozen=True, eq=False)  # equal only to itself, for pydantic keeps it in sets
class Kind:
    """Annotation of a field: how its value is read from plain data, written back, and told to editors."""

    read: Read
    schema: JsonSchemaValue
    write: Read | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read by our function alone; nothing is coerced."""
        written = core_schema.plain_serializer_function_ser_schema(self.write) if self.write else None
        return core_schema.no_info_plain_validator_function(self.read, serialization=written)

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the JSON Schema of the value as it is written."""
        return dict(self.schema)


def text(name: str, parse: Callable[[str], Any], schema: JsonSchemaValue, write: Read | None = None) -> Kind:
    """Take text that ``parse`` accepts; it raises ValueError with what is expected, also for empty text."""

    def read(value: Any) -> Any:
        if isinstance(value, int | float) and _accepts(parse, str(value)):
            raise wrong(f"is {kind(value)}, not text", "", quotable=True)
        try:
            return parse(value if isinstance(value, str) else "")
        except ValueError as error:
            raise wrong(f"is not {name}", str(error)) from error

    return Kind(read, {"type": "string", **schema}, write)


def pattern(name: str, parse: Callable[[str], Any], expression: str, longest: int) -> Kind:
    """Take text of a grammar."""
    return text(name, parse, {"pattern": f"^{expression}$", "maxLength": longest})


def whole(first: int, last: int, why: str = "") -> Kind:
    """Take a whole number within bounds; ``why`` tells the reason for them."""
    expected = ": ".join([f"a whole number from {first} to {last}", *([why] if why else [])])

    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong("is not a whole number", expected)
        if not first <= value <= last:
            raise wrong("is out of range", expected)
        return value

    return Kind(read, {"type": "integer", "minimum": first, "maximum": last})


def amount(first: int, last: int, *words: str) -> Kind:
    """Take a whole number within bounds, a percentage within ``first`` and 100, or one of a few words."""
    forms = [f"a whole number from {first} to {last}", f"a percentage from {first}% to 100%", *words]
    expected = f"{', '.join(forms[:-1])} or {forms[-1]}"

    def read(value: Any) -> int | str:
        percentage = _PERCENTAGE.fullmatch(value) if isinstance(value, str) else None
        number = int(percentage[1]) if percentage else value
        if isinstance(value, str) and value in words:
            return value
        if not isinstance(number, int) or isinstance(number, bool):
            raise wrong("is no number and no percentage", expected)
        if not first <= number <= (100 if percentage else last):
            raise wrong("is out of range", expected)
        return value if isinstance(value, str) else number

    spelling = "|".join([f"({'' if first else '0|'}[1-9][0-9]?|100)%", *words])
    schema = {"type": ["integer", "string"], "minimum": first, "maximum": last, "pattern": f"^({spelling})$"}
    return Kind(read, schema)


def number(first: float, last: float, expected: str) -> Kind:
    """Take a number within bounds."""

    def read(value: Any) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise wrong("is not a number", expected)
        if not first <= value <= last:
            raise wrong("is out of range", expected)
        return float(value)

    return Kind(read, {"type": "number", "minimum": first, "maximum": last})


def _read_flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise wrong("is not true or false", "true or false")


FLAG = Kind(_read_flag, {"type": "boolean"})


def choice(*words: str) -> Kind:
    """Take one word of a few."""

    def read(value: Any) -> str:
        if isinstance(value, str) and value in words:
            return value
        raise wrong("is not known", did_you_mean(str(value), words))

    return Kind(read, {"type": "string", "enum": sorted(words)})


_MARK = "\0"  # no text of a file may hold it, so no key looks like a mark
TEXT, LIST, MAPPING = (Tag(f"{_MARK}{form}") for form in ("text", "list", "mapping"))
"""The marks of the forms that one value may have, where it may have several."""
_FORMS = ((str, TEXT), (list | tuple, LIST), (dict | BaseModel, MAPPING))  # as written, and as read


def several(problem: str, expected: str) -> Discriminator:
    """Choose among the marked forms of a value by what is written, and take no other."""

    def form(value: Any) -> str | None:
        return next((mark.tag for kinds, mark in _FORMS if isinstance(value, kinds)), None)

    return Discriminator(form, ERROR, "{problem}", {"problem": problem, "expected": expected})


def without_marks(path: Iterable[str | int]) -> tuple[str | int, ...]:
    """Return the path of an error as it stands in the file, where no form has a mark."""
    return tuple(part for part in path if not str(part).startswith(_MARK))


@dataclass(frozen=True)
class Unit:
    """A way to write quantities: what one is called, its parser and formatter, its pattern and its help."""

    name: str
    parse: Callable[[str], float]
    write: Callable[[Any], str]
    expression: str
    help: str


def quantity(unit: Unit, first: str, last: str) -> Kind:
    """Take a number with its unit, within bounds that are written in the same way."""
    lowest, highest = unit.parse(first), unit.parse(last)

    def read(value: str) -> float:
        if value.isdecimal():
            raise ValueError(unit.help)
        if not lowest <= unit.parse(value) <= highest:
            raise ValueError(f"{unit.help}, from {first} to {last}")
        return unit.parse(value)

    return text(unit.name, read, {"pattern": f"^{unit.expression}$"}, unit.write)


def _read_word(value: Any) -> str:
    if isinstance(value, bool | float):
        raise wrong(f"is {kind(value)}, not text", "", quotable=True)
    if not isinstance(value, str | int):
        raise wrong("is not text", "text")
    if len(str(value)) > MAX_VALUE:
        raise wrong("is too long", f"at most {MAX_VALUE} characters")
    return str(value)


# Free text. A whole number is the text that it is written as; 1.10 and 1.1 are one number, so need quotes.
WORD = Kind(_read_word, {"type": ["string", "integer"]})


def _accepts(parse: Callable[[str], Any], value: str) -> bool:
    try:
        parse(value)
    except ValueError:
        return False
    return True
