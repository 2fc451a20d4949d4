# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML to a Document: safe by construction, for there are no tags, no objects and no templates in it.

Only mappings with text keys, lists, text and numbers come through. Aliases and merge keys work, within
bounds on what they unfold to. Keys that begin with ``x-`` are ignored, at every level.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem, Refused

from .document import Document, Path, Spot, dotted, one_line, show
from .scalars import read_plain
from .syntax import MAX_DEPTH, PLAIN, compose, place

MAX_NODES = 10_000  # after aliases are unfolded; long texts count for more
_LETTERS = 100

_CORE = "tag:yaml.org,2002:"
_TAGS = {PLAIN, _CORE + "str", _CORE + "map", _CORE + "seq"}
_IGNORED = "x-"
_MERGE = "<<"
_NO_TEXT = "has a key that is not text"


def parse_document(file: str, data: bytes) -> Document:
    """Return the document in the bytes of a file, called ``file`` in messages.

    Raises Refused where nothing can be read at all; lesser problems are in the document's ``problems``.
    """
    reading = _Reading(file)
    value = reading.value(compose(file, data), (), None)
    return Document(file, value, reading.spots, tuple(reading.problems))


class _Reading:
    """One walk from nodes to data, collecting spots and problems on its way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.spots: dict[Path, Spot] = {}
        self.problems: list[Problem] = []
        self._count = 0
        self._open: set[int] = set()

    def value(self, node: Node, path: Path, key: Node | None) -> Any:
        plain = node.value if node.tag == PLAIN else None
        self.spots[path] = Spot(place(key or node), place(node), plain)
        with self._inside(node, path):
            if node.tag not in _TAGS:
                self._note(node, path, "has a tag", node.tag.replace(_CORE, "!!"), "plain YAML without tags")
                return None
            if isinstance(node, MappingNode):
                return self._mapping(node, path)
            if isinstance(node, SequenceNode):
                return [self.value(item, (*path, at), None) for at, item in enumerate(node.value)]
            return self._scalar(node, path)

    def _scalar(self, node: Node, path: Path) -> Any:
        if node.tag != PLAIN:
            return self._text(node, path)
        try:
            value = read_plain(node.value)
        except ValueError as error:
            self._note(node, path, "can be read in two ways", one_line(node.value), str(error))
            return None
        if value is None:
            self._note(node, path, "has no value", "", "a value, or leave the key out")
        return value

    def _text(self, node: Node, path: Path) -> str | None:
        text = str(node.value)
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            self._note(node, path, "has a character that no text may hold", show(text))
            return None
        return text

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any] | None:
        if node.flow_style and not all(isinstance(key, ScalarNode) for key, _ in node.value):
            self._note(node, path, _NO_TEXT, "", "text; braces in a text need quotes around it")
            return None
        result: dict[str, Any] = {}
        for key_node, value_node in self._pairs(node, path):
            key = self._key(key_node, path)
            if key is not None and not key.startswith(_IGNORED):
                result[key] = self.value(value_node, (*path, key), key_node)
        return result

    def _pairs(self, node: MappingNode, path: Path) -> list[tuple[Node, Node]]:
        """Return the pairs of a mapping: its own, then those merged in that it does not have itself."""
        pairs: dict[str | int, tuple[Node, Node]] = {}
        merged: list[tuple[Node, Node]] = []
        for key, value in node.value:
            if key.tag == PLAIN and key.value == _MERGE:
                merged += self._merged(value, path)
            elif _name(key) in pairs:
                self._note(key, (*path, key.value), "is set twice", "", "each key once")
            else:
                pairs[_name(key)] = (key, value)
        for key, value in merged:
            pairs.setdefault(_name(key), (key, value))
        return list(pairs.values())

    def _merged(self, node: Node, path: Path) -> Iterator[tuple[Node, Node]]:
        """Yield the pairs of what ``<<`` names, a mapping or a list of them, the earlier before the later."""
        with self._inside(node, path):
            if isinstance(node, MappingNode):
                yield from self._pairs(node, path)
            elif isinstance(node, SequenceNode) and all(isinstance(item, MappingNode) for item in node.value):
                for item in node.value:
                    yield from self._merged(item, path)
            else:
                self._note(node, (*path, _MERGE), "cannot be merged", "", "an alias of a mapping")

    def _key(self, node: Node, path: Path) -> str | None:
        if not isinstance(node, ScalarNode) or node.tag not in _TAGS:
            self._note(node, path, _NO_TEXT, "", "text")
            return None
        here = (*path, str(node.value))
        if node.tag != PLAIN:
            return self._text(node, here)
        if isinstance(key := _read(node.value), str):
            return key
        self._note(node, here, "is a key that is not text", one_line(node.value), "quotes around it")
        return None

    @contextmanager
    def _inside(self, node: Node, path: Path) -> Iterator[None]:
        """Bound the walk: a node is not inside itself, and aliases unfold to a readable size."""
        self._count += 1 + len(node.value) // _LETTERS
        if id(node) in self._open:
            self._refuse(node, path, "contains itself", "an alias of something else")
        if self._count > MAX_NODES or len(path) > MAX_DEPTH:
            self._refuse(
                node, path, "aliases unfold to too much", f"at most {MAX_NODES} values, {MAX_DEPTH} deep"
            )
        self._open.add(id(node))
        yield
        self._open.remove(id(node))

    def _note(self, node: Node, path: Path, problem: str, got: str, expected: str = "") -> None:
        self.problems.append(Problem(self.file, *place(node), dotted(path), problem, got, expected))

    def _refuse(self, node: Node, path: Path, problem: str, expected: str) -> NoReturn:
        found = Problem(self.file, *place(node), dotted(path), problem, "", expected)
        raise Refused([*self.problems, found])


def _name(key: Node) -> str | int:
    """Return what makes a key the same as another; keys that are no text are refused later, one by one."""
    return key.value if isinstance(key, ScalarNode) else id(key)


def _read(plain: str) -> Any:
    try:
        return read_plain(plain)
    except ValueError:
        return None
