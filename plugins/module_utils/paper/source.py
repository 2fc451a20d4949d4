# SPDX-License-Identifier: GPL-3.0-or-later
"""The bytes of a file to a document. YAML and JSON are read by the same rules, JSON of any size.

JSON is YAML too. It is read by Python's own reader, which is a hundred times as fast and knows no places.
Only where something is wrong with it, it is read once more for these.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.app.document import Document, Spot
from ansible_collections.fairlead.paas.plugins.module_utils.app.reading import parse_document
from ansible_collections.fairlead.paas.plugins.module_utils.app.syntax import MAX_BYTES
from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem, Refused

_NOWHERE = Spot((0, 0), (0, 0))


def is_json(data: bytes) -> bool:
    """Say whether a file is meant as JSON."""
    return data.lstrip().startswith(b"{")


def read(file: str, data: bytes) -> Document:
    """Return the document of a file, of JSON without places. Raises Refused where nothing can be read."""
    return _of_json(file, data) if is_json(data) else _of_yaml(file, data)


def read_with_places(file: str, data: bytes) -> Document | None:
    """Return the document of a JSON file with places, None for what is not read a second time."""
    try:
        return parse_document(file, data) if is_json(data) else None
    except Refused:
        return None  # too large for that


def _of_yaml(file: str, data: bytes) -> Document:
    if not b"".join(line.partition(b"#")[0] for line in data.splitlines()).strip():
        raise Refused([Problem(file, 0, 0, "", "is empty", "", "a fleet on paper")])
    return parse_document(file, data)


def _of_json(file: str, data: bytes) -> Document:
    try:
        value = json.loads(data, object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        if len(data) > MAX_BYTES:
            at = (error.lineno, error.colno) if isinstance(error, json.JSONDecodeError) else (0, 0)
            raise Refused([Problem(file, *at, "", f"malformed JSON: {error}", "", "JSON")]) from error
        return parse_document(file, data)  # YAML in braces, or the place of what is wrong
    return Document(file, value, {(): _NOWHERE})


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return a mapping. Raises ValueError for a key that is set twice."""
    pairs = list(pairs)
    found = {key: value for key, value in pairs if not key.startswith("x-")}
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key is set twice")
    return found


def _refuse(word: str) -> Any:
    raise ValueError(word)
