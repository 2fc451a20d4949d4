# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ``.dockerignore`` leaves out of a build context: by Docker's rules, the last that matches decides.

Docker's SDK has such rules too, but does not look at every directory above a path, and importing it takes
longer than all the rest of a validation.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem, Refused

IGNORE_FILE = ".dockerignore"
_GLOB = re.compile(r"(\*\*/?)|(\*)|(\?)|\[(\^?)((?:\\.|[^]\\])+)\]|\\(.)|(.)", re.DOTALL)
# Within brackets these are plain to Docker, and may be more to Python.
_MEANT_BY_PYTHON, _ESCAPED = re.compile(r"\\?([\[&~|])"), r"\\\1"


@dataclass(frozen=True)
class Rule:
    """One line; ``keeps`` where it begins with an exclamation mark."""

    pattern: str
    keeps: bool
    matches: re.Pattern[str]


def read_rules(root: Path, *kept: str, usual: tuple[str, ...] = ()) -> tuple[Rule, ...]:
    """Return the rules of the context in a directory; what is ``kept`` is needed for the build itself.

    ``usual`` are lines before its own, which may say otherwise. Raises Refused for a line that is no pattern.
    """
    file = root / IGNORE_FILE
    lines = file.read_text(encoding="utf-8-sig").splitlines() if file.is_file() else []
    rules = [rule for line in usual for rule in _rule(line)]
    problems: list[Problem] = []
    for number, line in enumerate(lines, 1):
        try:
            rules += _rule(line)
        except re.error as error:
            expected = "a pattern of Docker's, such as **/*.log"
            problems.append(Problem(str(file), number, 1, "", f"is no pattern ({error})", line, expected))
    if problems:
        raise Refused(problems)
    return (*rules, *(rule for name in (*kept, IGNORE_FILE) for rule in _rule(f"!{name}")))


def paths_in(root: Path, rules: tuple[Rule, ...]) -> Iterator[str]:
    """Yield every path below a directory that the rules do not leave out, relative to it, in no order."""
    yield from _walk(root, "", rules, frozenset())


def _rule(line: str) -> list[Rule]:
    text = "" if line.startswith("#") else line.strip()
    keeps = text.startswith("!")
    text = text.removeprefix("!").strip()
    pattern = posixpath.normpath(f"/{text}").strip("/") if text else ""
    return [Rule(pattern, keeps, re.compile(_expression(pattern), re.DOTALL))] if pattern else []


def _expression(pattern: str) -> str:
    return "".join(map(_translate, _GLOB.finditer(pattern)))


def _translate(found: re.Match[str]) -> str:
    deep, star, one, negated, members, escaped, plain = found.groups()
    if deep:
        return "(?:.*/)?" if found.end() < len(found.string) else ".*"
    if star:
        return "[^/]*"
    if one:
        return "[^/]"
    if members:
        return f"[{negated}{_MEANT_BY_PYTHON.sub(_ESCAPED, members)}]"
    if plain == "[":
        raise re.error("a [ has no ]")
    return re.escape(escaped or plain)


def _walk(root: Path, folder: str, rules: tuple[Rule, ...], above: frozenset[int]) -> Iterator[str]:
    """``above``: the rules that match a directory above; they match all that is in it."""
    for entry in os.scandir(root / folder):
        path = posixpath.join(folder, entry.name)
        matching = above | {i for i, rule in enumerate(rules) if rule.matches.fullmatch(path)}
        left_out = bool(matching) and not rules[max(matching)].keeps
        if not left_out:
            yield path
        if entry.is_dir(follow_symlinks=False) and (not left_out or _may_keep(rules, path)):
            yield from _walk(root, path, rules, matching)


def _may_keep(rules: tuple[Rule, ...], folder: str) -> bool:
    """Tell whether a rule keeps something in a directory that is left out; only its written path counts."""
    return any(rule.keeps and f"{rule.pattern}/".startswith(f"{folder}/") for rule in rules)
