# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of ``load``: the bundle is checked before any machine is touched."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.fairlead.paas.plugins.module_utils.bundle.app_file import checked
from ansible_collections.fairlead.paas.plugins.module_utils.bundle.contents import (
    BundleError,
    Head,
    read_head,
    texts,
)
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.files import land
from ansible_collections.fairlead.paas.plugins.module_utils.options import ACCOUNT, TEXT

ARGUMENTS = {
    "file": {"type": "path", "required": True},
    "apps": {"type": "path", "required": True},
    "force": {"type": "bool", "default": False},
    "registry": TEXT,
    "push_auth": {"type": "dict", "required": True, "options": ACCOUNT},
}


class ActionModule(ActionBase):
    """Runs on the controller; the task's host is the builder."""

    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the module returns; the app file comes last, when its images are there."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        bundle, known = Path(given["file"]), task_vars or {}
        try:
            head, text = opened(bundle)
            target = Path(given["apps"]) / f"{head.app}.yml"
            before = found(target)
            refuse(target, before, text, force=given["force"])
            answer = self._loaded(bundle, head, given, known)
            if answer.get("failed"):
                return result | answer
            if before != text and not self._task.check_mode:
                land(target, text, 0o644)
        except FairleadError as error:
            return result | {"failed": True, "msg": str(error)}
        except OSError as error:
            return result | {"failed": True, "msg": f"the app file of {bundle} cannot be kept: {error}"}
        pushed = "".join(f"+ {image}\n" for image in answer["pushed"])
        diff = [
            {"prepared": pushed},
            {"before": before.decode(errors="replace"), "after": text.decode(), "before_header": str(target)},
        ]
        changed = bool(answer["pushed"]) or before != text
        told = {"app": head.app, "app_file": str(target), "secrets": list(head.secrets)}
        return result | answer | told | {"changed": changed, "diff": diff}

    def _loaded(
        self, bundle: Path, head: Head, given: dict[str, Any], known: dict[str, Any]
    ) -> dict[str, Any]:
        """Ask the registry what it lacks, and send the bundle only if that is anything."""
        asked = {"registry": given["registry"], "push_auth": given["push_auth"]}
        answer = self._ask(asked | {"images": [asdict(image) for image in head.images]}, known)
        if answer.get("failed") or not answer["pushed"] or self._task.check_mode:
            return answer
        place = self._make_tmp_path()
        try:
            sent = self._transfer_file(str(bundle), f"{place.rstrip('/')}/release.bundle")
            return self._ask(asked | {"path": sent}, known)
        finally:
            self._remove_tmp_path(place)

    def _ask(self, arguments: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name="fairlead.paas.load", module_args=arguments, task_vars=known
        )
        return answer


def opened(bundle: Path) -> tuple[Head, bytes]:
    """Return what a bundle says of itself, and its app file. Raises BundleError, Refused."""
    head = read_head(bundle)
    text = texts(bundle, head.app_file)[head.app_file]
    checked(head, text)
    return head, text


def found(target: Path) -> bytes:
    """Return the app file that is there, empty without one."""
    return target.read_bytes() if target.exists() else b""


def refuse(target: Path, before: bytes, text: bytes, *, force: bool) -> None:
    """Raise BundleError if there is another app file, unless it may be replaced."""
    if before and before != text and not force:
        raise BundleError(
            f"{target}: is there, and differs from that of the bundle; nothing was touched. Compare them,"
            " then load with --force to replace it"
        )
