# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of ``image``: hash the context; ship it only when the builder says it is missing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.fairlead.paas.plugins.module_utils.app.catalog import read_catalog
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.image.context import read_context
from ansible_collections.fairlead.paas.plugins.module_utils.image.converge import content_tag, reference_tag
from ansible_collections.fairlead.paas.plugins.module_utils.image.recipe import OPTIONS, Recipe
from ansible_collections.fairlead.paas.plugins.module_utils.inventory import INDEXES
from ansible_collections.fairlead.paas.plugins.module_utils.options import ACCOUNT, TEXT
from ansible_collections.fairlead.paas.plugins.module_utils.source.choice import choose
from ansible_collections.fairlead.paas.plugins.module_utils.source.generated import Source
from ansible_collections.fairlead.paas.plugins.module_utils.units import format_size
from ansible_collections.fairlead.paas.plugins.module_utils.variables import Variables

ARGUMENTS = {
    "app": TEXT,
    "apps": {"type": "path"},
    "context": {"type": "path"},
    **OPTIONS,
    "image": {"type": "str"},
    "registry": TEXT,
    "version": {"type": "str"},
    "revision": {"type": "str"},
    "push_auth": {"type": "dict", "options": ACCOUNT},
}
SOURCES = ("apps", "context", "image")
MODULE = "fairlead.paas.image"


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
            result = self._image(*self._wanted(given, task_vars or {}), task_vars)
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
        indexes = Variables(task_vars, self._templar).setting(INDEXES) or {}
        choice = choose(entry, indexes, Path(constants.DEFAULT_LOCAL_TMP))
        said = {"image": entry.app.build.image, "version": entry.app.version}
        if choice is None:
            return given | said, None
        said["revision"] = given["revision"] or choice.source.revision or None
        return given | said | vars(choice.source.recipe), choice.source

    def _image(
        self, given: dict[str, Any], source: Source | None, task_vars: dict[str, Any] | None
    ) -> dict[str, Any]:
        tag = content_tag(source.hash()) if source else reference_tag(given["image"])
        names = ("app", "registry", "version", "revision", "image", "push_auth", *OPTIONS)
        arguments = {name: given[name] for name in names if given[name] is not None} | {"tag": tag}
        result = self._ask(arguments, task_vars)
        if source and result.get("missing"):
            with self._shipped(source, tag) as packed:
                result = self._ask({**arguments, "packed": packed}, task_vars)
        result.pop("missing", None)
        return result

    def _ask(self, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(
            module_name=MODULE, module_args=arguments, task_vars=task_vars
        )
        return result

    @contextmanager
    def _shipped(self, source: Source, tag: str) -> Iterator[str]:
        """Yield where the packed source is on the builder; it is gone afterwards, here and there."""
        with tempfile.NamedTemporaryFile(prefix="fairlead-context-") as packed:
            source.pack(packed)
            packed.flush()
            if content_tag(source.again().hash()) != tag:
                raise FairleadError(f"{source.name} changed while it was read; run again")
            size = format_size(Path(packed.name).stat().st_size)
            Display().display(f"building {tag} from {source.name} ({source.size}, {size} packed)")
            place = self._make_tmp_path()
            try:
                yield self._transfer_file(packed.name, f"{place.rstrip('/')}/context.tar.gz")
            finally:
                self._remove_tmp_path(place)


def _untouched(app: str, why: object) -> str:
    return f"{app}: nothing was touched. {why}"
