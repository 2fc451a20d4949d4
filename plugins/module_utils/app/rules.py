# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold between the fields of one app file, beyond what each may be by itself.

The rules look at the written data and not at the model, so that they speak up in the same run as every other
problem; where a field is not what it should be, they leave it to the model to say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import TCP
from ansible_collections.fairlead.paas.plugins.module_utils.errors import Problem, did_you_mean
from ansible_collections.fairlead.paas.plugins.module_utils.image.recipe import REGISTRY_ARGUMENT
from ansible_collections.fairlead.paas.plugins.module_utils.source.endings import ENDINGS_HELP, ending_of
from ansible_collections.fairlead.paas.plugins.module_utils.source.runtimes import RUNTIMES

from .document import Document, Path
from .model import SOURCES
from .places import PLACEMENT_RULES
from .storage import STORAGE_RULES, stands_alone

WEB = "web"  # the process that NAME.<platform domain> leads to
PLATFORM_ENV = ("APP_NAME", "HOST_IP", "INSTANCE", "PORT", "PROCESS", "RELEASE")


def check_rules(document: Document) -> list[Problem]:
    """Return every problem between the fields of an app file."""
    return [problem for rule in _RULES for problem in rule(document)]


def _name_is_the_files(document: Document) -> Iterator[Problem]:
    name, stem = document.get(("app",)), PurePath(document.file).stem
    if isinstance(name, str) and name != stem:
        yield document.problem(("app",), "is not the file's name", document.shown(("app",)), stem)


def _one_way_to_an_image(document: Document) -> Iterator[Problem]:
    build = document.get(("build",))
    if not isinstance(build, dict):
        return
    named = [name for name in SOURCES if name in build]
    for name in named[1:]:
        yield document.key_problem(("build", name), f"stands beside {named[0]}", "", _ONE_OF_SOURCES)
    if not named:
        yield document.problem(("build",), "has no source of the image", "", _ONE_OF_SOURCES)
    for source in named[:1]:
        for name, (sources, expected) in _ONLY_WITH.items():
            if name in build and source not in sources:
                yield document.key_problem(("build", name), f"stands beside {source}", "", expected)
    if REGISTRY_ARGUMENT in document.mapping(("build", "args")):
        at = ("build", "args", REGISTRY_ARGUMENT)
        yield document.key_problem(at, "is set by the platform", "", "another name")


def _what_is_built_is_said(document: Document) -> Iterator[Problem]:
    build = document.mapping(("build",))
    package = build.get("package")
    if "runtime" in build:
        for name in ("dockerfile", "target", "args", "secrets"):
            if name in build:
                yield document.key_problem(("build", name), "stands beside runtime", "", "one of the two")
    if not isinstance(package, str):
        return
    at, expected = ("build", "package"), ENDINGS_HELP
    if ending_of(package) is None:
        yield document.problem(at, "has an ending that is not known", document.shown(at), expected)
    if "runtime" not in build:
        yield document.problem(at, "has no runtime beside it", "", f"runtime: one of {', '.join(RUNTIMES)}")
    if "://" in package and "sha256" not in build:
        yield document.problem(at, "has no sha256 beside it", "", "sha256: what sha256sum prints of the file")


def _environment_is_set_once(document: Document) -> Iterator[Problem]:
    clear = document.mapping(("env", "clear"))
    for name in clear:
        if name in PLATFORM_ENV:
            yield document.key_problem(("env", "clear", name), _RESERVED, "", _OTHER_NAME)
    seen: set[str] = set()
    for path, name in document.texts(("env", "secret")):
        if name in PLATFORM_ENV:
            yield document.problem(path, _RESERVED, "", _OTHER_NAME)
        elif name in clear:
            yield document.problem(path, "is in env.clear too", "", "each name once")
        elif name in seen:
            yield document.problem(path, "is named twice", "", "each name once")
        seen.add(name)


def _processes_fit_together(document: Document) -> Iterator[Problem]:
    for name in document.mapping(("processes",)):
        path = ("processes", name)
        for key, why in (("health", "to ask at"), ("publish", "to lead to")):
            if key in document.mapping(path) and "port" not in document.mapping(path):
                yield document.key_problem((*path, key), f"needs a port {why}", "", "a port beside it")
        yield from _tcp_is_asked_for_no_path(document, (*path, "health"))


def _tcp_is_asked_for_no_path(document: Document, path: Path) -> Iterator[Problem]:
    if document.get((*path, "kind")) == TCP and "path" in document.mapping(path):
        expected = "one of the two: only HTTP has paths"
        yield document.key_problem((*path, "path"), "stands beside kind: tcp", "", expected)


def _commands_name_a_program(document: Document) -> Iterator[Problem]:
    parts: list[Path] = [("processes", name) for name in document.mapping(("processes",))]
    for path in [(*part, "command", 0) for part in [*parts, ("release",)]]:
        if document.get(path) == "":
            yield document.problem(path, "is empty", '""', "a program")


def _stop_first_may_stop(document: Document) -> Iterator[Problem]:
    path = ("update", "max_unavailable")
    if document.get(("update", "order")) == "stop-first" and document.get(path) in (0, "0%"):
        expected = "at least 1, or order: start-first"
        yield document.problem(path, "leaves stop-first nothing to stop", document.shown(path), expected)


def _canary_has_requests(document: Document) -> Iterator[Problem]:
    path = ("update", "canary")
    if "canary" not in document.mapping(path[:1]):
        return
    if document.get(("update", "order")) == "stop-first":
        expected = "order: start-first: a canary stands beside the instances that serve"
        yield document.key_problem(path, "stands beside stop-first", "", expected)
    if not document.get(("routes",)) and "port" not in document.mapping(("processes", WEB)):
        expected = "a process with a port and a route"
        yield document.key_problem(path, "has no process that gets requests", "", expected)
        return
    routed = {document.get((*route, "process")) for route, _ in document.items(("routes",))}
    routed |= {WEB} if "port" in document.mapping(("processes", WEB)) else set()
    if all(stands_alone(document, name) for name in routed):
        expected = "no canary: what has volumes or publish stops before its successor starts"
        yield document.key_problem(path, "has no process that could try a release", "", expected)


def _routes_lead_to_ports(document: Document) -> Iterator[Problem]:
    processes = document.mapping(("processes",))
    for route, _ in document.items(("routes",)):
        path = (*route, "process")
        if not isinstance(name := document.get(path), str):
            continue
        if name not in processes:
            yield document.problem(
                path, "is no process of this app", document.shown(path), _one_of(name, processes)
            )
        elif isinstance(processes[name], dict) and "port" not in processes[name]:
            yield document.problem(path, "has no port", document.shown(path), f"a port in processes.{name}")
        elif document.get(("processes", name, "health", "kind")) == TCP:
            expected = f"a process that is asked by HTTP, or no kind: tcp in processes.{name}.health"
            yield document.problem(
                path, "speaks TCP, and routers lead to HTTP", document.shown(path), expected
            )


def _web_speaks_http(document: Document) -> Iterator[Problem]:
    path = ("processes", WEB, "health", "kind")
    if document.get(path) == TCP:
        expected = "another name for the process, or kind: http"
        problem = "cannot be that of web, to which routers lead by HTTP"
        yield document.problem(path, problem, document.shown(path), expected)


def _one_of(name: str, processes: dict[str, Any]) -> str:
    return did_you_mean(name, processes) if processes else "a process of this app"


_ONE_OF_SOURCES = f"one of {', '.join(SOURCES)}"
_BUILT = (("context", "git"), "context or git, which are built")
# What stands only beside some sources, and what to say beside another.
_ONLY_WITH = {
    "dockerfile": _BUILT,
    "target": _BUILT,
    "args": _BUILT,
    "runtime": (("context", "git", "package"), "context, git or package"),
    "secrets": _BUILT,
    "sha256": (("package",), "package"),
}
_RESERVED = "is set by the platform"
_OTHER_NAME = "another name"
_RULES = (
    _name_is_the_files,
    _one_way_to_an_image,
    _what_is_built_is_said,
    _environment_is_set_once,
    _processes_fit_together,
    _commands_name_a_program,
    _stop_first_may_stop,
    _canary_has_requests,
    _routes_lead_to_ports,
    _web_speaks_http,
    *STORAGE_RULES,
    *PLACEMENT_RULES,
)
