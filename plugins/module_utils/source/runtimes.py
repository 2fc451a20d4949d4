# SPDX-License-Identifier: GPL-3.0-or-later
"""The runtimes that images can stand on, and which of them a directory asks for by what is in it."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.fairlead.paas.plugins.module_utils.errors import did_you_mean

from .contents import Contents

RUNTIMES = ("golang", "java", "node", "php", "python", "ruby", "static")
USUAL_TAG = "latest"
# What gives a language away, in the order in which it is looked for; then what does so only by itself.
_MARKS = {
    "requirements.txt": "python",
    "pyproject.toml": "python",
    "package.json": "node",
    "go.mod": "golang",
    "pom.xml": "java",
    "Gemfile": "ruby",
    "composer.json": "php",
}
_WEAK_MARKS = {"index.php": "php", "index.html": "static"}
EVERY_MARK = (*_MARKS, *_WEAK_MARKS)


@dataclass(frozen=True)
class Runtime:
    """A runtime, its images' tag, and why it is this one: a file that was found, or empty if it was said."""

    name: str
    tag: str = USUAL_TAG
    why: str = ""


def split_runtime(text: str) -> Runtime:
    """Return the runtime that is written NAME or NAME:TAG."""
    name, _, tag = text.partition(":")
    return Runtime(name, tag or USUAL_TAG)


def known_runtime(name: str) -> str:
    """Return a runtime's name. Raises ValueError with those that there are."""
    if name not in RUNTIMES:
        raise ValueError(did_you_mean(name, RUNTIMES))
    return name


def detect(contents: Contents) -> Runtime:
    """Return the runtime that a source asks for. Raises ValueError where that is none, or several."""
    found = {mark: runtime for mark, runtime in _MARKS.items() if contents.has_file(mark)}
    found = found or {mark: runtime for mark, runtime in _WEAK_MARKS.items() if contents.has_file(mark)}
    if "index.php" in found:
        found.pop("index.html", None)
    if not found:
        raise ValueError(f"has no Dockerfile and none of {', '.join(EVERY_MARK)}")
    if len(set(found.values())) > 1:
        listed = ", ".join(f"{mark} ({runtime})" for mark, runtime in found.items())
        raise ValueError(f"has no Dockerfile, and may be several things by {listed}")
    mark, runtime = next(iter(found.items()))
    return Runtime(runtime, why=mark)
