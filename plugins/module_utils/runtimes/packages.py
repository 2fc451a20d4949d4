# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian packages as dpkg writes them down: what there is, what needs what, and which files are whose."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

_WORD = re.compile(r"^([^\s:(\[]+)")
_SOURCE = re.compile(r"^(\S+)(?: \((\S+)\))?$")
_INSTALLED = "install ok installed"


@dataclass(frozen=True, order=True)
class Package:
    """One package; ``needs`` are groups of names, of each of which one will do."""

    name: str
    version: str
    architecture: str
    source: str
    source_version: str
    maintainer: str = ""
    homepage: str = ""
    needs: tuple[tuple[str, ...], ...] = ()
    provides: tuple[str, ...] = ()
    stanza: str = ""  # as dpkg has it


def stanzas(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each stanza of a control file as it is and as fields; continued lines are left as they are."""
    for stanza in re.split(r"\n{2,}", text.strip("\n")):
        fields = re.findall(r"^([A-Za-z0-9-]+):[ \t]*(.*(?:\n[ \t].*)*)", stanza, re.MULTILINE)
        if fields:
            yield stanza, dict(fields)


def installed(status: str) -> tuple[Package, ...]:
    """Return the installed packages of dpkg's status, by name."""
    found = (
        _package(stanza, fields) for stanza, fields in stanzas(status) if fields.get("Status") == _INSTALLED
    )
    return tuple(sorted(found))


def _package(stanza: str, fields: Mapping[str, str]) -> Package:
    source = _SOURCE.match(fields.get("Source", ""))
    needs = f"{fields.get('Pre-Depends', '')},{fields.get('Depends', '')}"
    return Package(
        name=fields["Package"],
        version=fields["Version"],
        architecture=fields["Architecture"],
        source=source[1] if source else fields["Package"],
        source_version=(source and source[2]) or fields["Version"],
        maintainer=fields.get("Maintainer", ""),
        homepage=fields.get("Homepage", ""),
        needs=tuple(group for group in (_names(part, "|") for part in needs.split(",")) if group),
        provides=_names(fields.get("Provides", ""), ","),
        stanza=stanza,
    )


def _names(text: str, separator: str) -> tuple[str, ...]:
    found = (_WORD.match(part.strip()) for part in text.split(separator))
    return tuple(match[1] for match in found if match)


def needed(packages: Iterable[Package], wanted: Iterable[str], without: Collection[str]) -> set[str]:
    """Return the names of the wanted packages and of all that they need, in turn.

    What matches one of the patterns ``without`` is not gone through, nor in it.
    """
    known = {each.name: each for each in packages}
    providers: dict[str, list[str]] = {}
    for each in known.values():
        for name in (each.name, *each.provides):
            providers.setdefault(name, []).append(each.name)
    found: set[str] = set()
    todo = [name for word in wanted for name in providers.get(word, [])]
    while todo:
        name = todo.pop()
        if name in found or any(fnmatchcase(name, pattern) for pattern in without):
            continue
        found.add(name)
        todo += [other for group in known[name].needs for word in group for other in providers.get(word, [])]
    return found


def status_of(packages: Iterable[Package]) -> str:
    """Return dpkg's status of these packages alone: scanners read it."""
    return "".join(f"{each.stanza}\n\n" for each in sorted(packages))


def upstream(version: str, parts: int) -> str:
    """Return the first parts of an upstream version: ``1:10.11.6-0+deb12u1`` with 2 is ``10.11``."""
    bare = version.partition(":")[2] if ":" in version else version
    numbers = re.match(r"[0-9]+(?:\.[0-9]+)*", bare)
    return ".".join(numbers[0].split(".")[:parts]) if numbers else ""
