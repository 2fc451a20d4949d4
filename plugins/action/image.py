# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of ``image``: hash the context; ship it only when the builder says it is missing."""

from __future__ import annotations

import base64
import re
import shlex
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.fairlead.paas.plugins.module_utils.app.catalog import read_catalog
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError, Problem, Refused
from ansible_collections.fairlead.paas.plugins.module_utils.following import followed
from ansible_collections.fairlead.paas.plugins.module_utils.image.context import read_context
from ansible_collections.fairlead.paas.plugins.module_utils.image.converge import content_tag, reference_tag
from ansible_collections.fairlead.paas.plugins.module_utils.image.parcel import Parcel
from ansible_collections.fairlead.paas.plugins.module_utils.image.recipe import OPTIONS, Recipe
from ansible_collections.fairlead.paas.plugins.module_utils.image.shipping import parcel_of, send
from ansible_collections.fairlead.paas.plugins.module_utils.image.workplace import log_of, new_run
from ansible_collections.fairlead.paas.plugins.module_utils.inventory import INDEXES, indexes_of
from ansible_collections.fairlead.paas.plugins.module_utils.options import ACCOUNT, TEXT
from ansible_collections.fairlead.paas.plugins.module_utils.provenance import source_of
from ansible_collections.fairlead.paas.plugins.module_utils.source.choice import choose
from ansible_collections.fairlead.paas.plugins.module_utils.source.generated import Source
from ansible_collections.fairlead.paas.plugins.module_utils.variables import Variables

ARGUMENTS = {
    "app": TEXT,
    "apps": {"type": "path"},
    "context": {"type": "path"},
    **OPTIONS,
    "image": {"type": "str"},
    "registry": TEXT,
    "version": {"type": "str"},
    "fresh": {"type": "bool", "default": False},
    "push_auth": {"type": "dict", "options": ACCOUNT},
}
SOURCES = ("apps", "context", "image")
MODULE = "fairlead.paas.image"
_AT_ONCE = 2**20  # bytes of a context that is sent without asking what of it the builder has
# What a build says of itself rather than of its steps; the log has it.
_OF_THE_TOOL = re.compile(
    r"$|#[0-9]+ (sha256:|DONE|\.\.\.|copy |resolve |building with |\[(internal|auth)\]|"
    r"(copy|export|extract|import|writ|prepar|nam|transferr)ing )"
)


class ActionModule(ActionBase):
    """Runs on the controller; the task's host is the builder."""

    TRANSFERS_FILES = True

    def run(self, tmp: object = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the module returns; it is called a second time, with the context, only to build."""
        super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            ARGUMENTS, required_one_of=[SOURCES], mutually_exclusive=[SOURCES]
        )
        try:
            result = self._image(*self._wanted(given, task_vars or {}), task_vars or {})
        except FairleadError as error:
            raise AnsibleActionFail(_untouched(given["app"], error)) from error
        return result | ({"msg": _untouched(given["app"], result["msg"])} if result.get("failed") else {})

    def _wanted(
        self, given: dict[str, Any], task_vars: dict[str, Any]
    ) -> tuple[dict[str, Any], Source | None]:
        """Return the arguments, with what the app file says where one was given, and what is built."""
        if not given["apps"]:
            context = given["context"]
            return given, read_context(Path(context), Recipe.of(given)) if context else None
        entry = read_catalog(Path(given["apps"])).require(given["app"])
        indexes = indexes_of(Variables(task_vars, self._templar).setting(INDEXES))
        choice = choose(entry, indexes, Path(constants.DEFAULT_LOCAL_TMP))
        said = {"image": entry.app.build.image, "version": entry.app.version}
        if choice is None:
            return given | said, None
        git = entry.app.build.git
        cloned = {"origin": {"source": git.url, "revision": choice.source.revision}} if git else {}
        return given | said | cloned | vars(choice.source.recipe), choice.source

    def _image(
        self, given: dict[str, Any], source: Source | None, task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        tag = content_tag(source.hash()) if source else reference_tag(given["image"])
        names = ("app", "registry", "version", "fresh", "image", "push_auth", *OPTIONS)
        arguments = {name: given[name] for name in names if given[name] is not None} | {"tag": tag}
        result = self._ask(arguments, task_vars)
        if source and result.get("missing"):
            origin = given.get("origin") or source_of(Path(given["apps"] or given["context"]))
            run = new_run()
            told = {"source": origin, "build_secrets": self._secrets(given, task_vars), "run": run}
            log = self._log(log_of(given["app"], tag, run))
            with _tar_of(source, tag) as tar, followed(log, self._say):
                result = self._build(tar, arguments | told, task_vars)
        return {name: value for name, value in result.items() if name not in {"missing", "lacking"}}

    def _build(self, tar: IO[bytes], arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Build what a tar holds; of a large one only what the builder lacks is sent."""
        parcel = parcel_of(tar)
        asked, whole = arguments | {"parcel": parcel.as_dict()}, parcel.size <= _AT_ONCE
        lacking = parcel.distinct
        if not whole:
            result = self._ask(asked, task_vars)
            if not result.get("missing"):
                return result
            lacking = result["lacking"]
            Display().display(f"  sending {len(lacking)} of {len(parcel.distinct)} pieces")
        with self._sent(tar, parcel, lacking) as packed:
            return self._ask({**asked, "packed": packed, "whole": whole}, task_vars)

    def _ask(self, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(
            module_name=MODULE, module_args=arguments, task_vars=task_vars
        )
        return result

    def _secrets(self, given: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, str]:
        """Return the values of what is mounted at build time. Raises Refused for one that has none."""
        known = Variables(task_vars, self._templar).secrets(given["app"], given["secrets"])
        without = [name for name, value in known.items() if not value]
        if without:
            expected = f"a value in the inventory's fairlead_secrets.{given['app']}"
            raise Refused(
                [Problem("build.secrets", 0, 0, name, "has no value", "", expected) for name in without]
            )
        return {name: str(value) for name, value in known.items()}

    def _log(self, log: Path) -> Callable[[int], bytes]:
        """Return how a log on the builder is read from a byte on."""
        path = shlex.quote(str(log))

        def read(start: int) -> bytes:
            # Packed, since a terminal on the way would write ends of lines in its own way.
            said = self._low_level_execute_command(f"tail -c +{start + 1} {path} 2>/dev/null | base64")
            return base64.b64decode(said.get("stdout", ""))

        return read

    def _say(self, line: str) -> None:
        if not _OF_THE_TOOL.match(line):
            Display().display(f"  {line}")

    @contextmanager
    def _sent(self, tar: IO[bytes], parcel: Parcel, lacking: list[str]) -> Iterator[str]:
        """Yield where pieces of the context are on the builder; they are gone afterwards, here and there."""
        with tempfile.NamedTemporaryFile(prefix="fairlead-pieces-") as packed:
            send(tar, parcel, lacking, packed)
            place = self._make_tmp_path()
            try:
                yield self._transfer_file(packed.name, f"{place.rstrip('/')}/pieces")
            finally:
                self._remove_tmp_path(place)


@contextmanager
def _tar_of(source: Source, tag: str) -> Iterator[IO[bytes]]:
    """Yield the source, packed. Raises FairleadError if it changed meanwhile."""
    with tempfile.TemporaryFile(prefix="fairlead-context-") as tar:
        source.pack(tar)
        if content_tag(source.again().hash()) != tag:
            raise FairleadError(f"{source.name} changed while it was read; run again")
        Display().display(f"building {tag} from {source.name} ({source.size})")
        yield tar


def _untouched(app: str, why: object) -> str:
    return f"{app}: nothing was touched. {why}"
