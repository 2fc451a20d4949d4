# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes to the nodes of one YAML document, within bounds; what is not YAML is refused with its place."""

from __future__ import annotations

from typing import Any, NoReturn

from yaml import MarkedYAMLError, Node, SafeLoader, ScalarNode, YAMLError
from yaml.reader import ReaderError

from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem, Refused

MAX_BYTES = 256 * 2**10
MAX_DEPTH = 16
PLAIN = "plain"  # the tag of an unquoted scalar; its meaning is read_plain's business


class _TooDeepError(YAMLError):
    """The text nests deeper than any app file needs; PyYAML itself would end in a RecursionError."""


class _Loader(SafeLoader):
    """PyYAML's safe loader, used up to nodes only: bounded in depth, with no meaning for plain words."""

    depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        """Compose one node, counting how deep it stands."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _TooDeepError(self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def resolve(self, kind: type[Node], value: Any, implicit: Any) -> str:
        """Tag unquoted scalars as such; everything else as YAML has it."""
        if kind is ScalarNode and implicit[0]:
            return PLAIN
        return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]


def compose(file: str, data: bytes) -> Node:
    """Return the one document's root node. Raises Refused, with the place, where there is none."""
    if len(data) > MAX_BYTES:
        _refuse(file, (0, 0), "too large", f"{len(data)} bytes", f"at most {MAX_BYTES} bytes")
    text = _decode(file, data)
    try:
        node = _Loader(text).get_single_node()
    except MarkedYAMLError as error:
        _refuse(file, _place(error.problem_mark), _words(error), "", "one well-formed YAML document")
    except _TooDeepError as error:
        _refuse(file, _place(error.args[0]), "nested too deeply", "", f"at most {MAX_DEPTH} levels")
    except ReaderError as error:
        place = _place_of(text, error.position)
        _refuse(file, place, "a character that YAML does not allow", f"U+{_code(error):04X}")
    except (YAMLError, ValueError, OverflowError):
        _refuse(file, (0, 0), "malformed YAML", "", "one well-formed YAML document")
    if node is None:
        _refuse(file, (1, 1), "is empty", "", "an app")
    return node


def place(node: Node) -> tuple[int, int]:
    """Return the line and column of a node, from 1."""
    return _place(node.start_mark)


def _decode(file: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        _refuse(
            file, _place_of(before, len(before)), "not UTF-8", f"byte 0x{data[error.start]:02X}", "UTF-8 text"
        )


def _place(mark: Any) -> tuple[int, int]:
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)


def _place_of(text: str, position: int) -> tuple[int, int]:
    before = text[:position]
    return before.count("\n") + 1, position - before.rfind("\n")


def _code(error: ReaderError) -> int:
    character: Any = error.character
    return character if isinstance(character, int) else ord(character)


def _words(error: MarkedYAMLError) -> str:
    if error.context == "expected a single document in the stream":
        return "more than one YAML document"
    return f"malformed YAML: {error.problem or error.context}"


def _refuse(file: str, at: tuple[int, int], problem: str, got: str, expected: str = "") -> NoReturn:
    raise Refused([Problem(file, *at, "", problem, got, expected)])
