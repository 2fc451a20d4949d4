# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of ``bundle``: which release, and its app file; then the bundle, brought here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.fairlead.paas.plugins.module_utils.bundle.app_file import bundled
from ansible_collections.fairlead.paas.plugins.module_utils.bundle.contents import BundleError, read_head
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.options import ACCOUNT, TEXT
from ansible_collections.fairlead.paas.plugins.module_utils.provenance import file_at

ARGUMENTS = {
    "app": TEXT,
    "number": {"type": "str", "default": ""},
    "releases": {"type": "list", "elements": "dict", "required": True},
    "apps": {"type": "path", "required": True},
    "out": {"type": "path", "required": True},
    "also": {"type": "list", "elements": "str", "default": []},
    "registry": TEXT,
    "registry_auth": {"type": "dict", "options": ACCOUNT},
}
_TOLD = ("number", "image", "git_commit", "git_dirty", "message", "opened_at")


class ActionModule(ActionBase):
    """Runs on the controller; the task's host reaches the registry."""

    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the module returns; the bundle is there whole, or not at all."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            # Ansible's own kinds of text are none that can be written as YAML.
            releases = json.loads(json.dumps(given["releases"]))
            release = chosen(given["app"], releases, given["number"])
            asked = arguments_of(given, release)
            return result | self._made(asked, Path(given["out"]), task_vars or {})
        except FairleadError as error:
            return result | {"failed": True, "msg": str(error)}

    def _made(self, asked: dict[str, Any], out: Path, known: dict[str, Any]) -> dict[str, Any]:
        place = self._make_tmp_path()
        path = f"{place.rstrip('/')}/release.bundle"
        try:
            answer: dict[str, Any] = self._execute_module(
                module_name="fairlead.paas.bundle", module_args=asked | {"path": path}, task_vars=known
            )
            if not (answer.get("failed") or self._task.check_mode):
                self._bring(path, out)
        finally:
            self._remove_tmp_path(place)
        return answer

    def _bring(self, path: str, out: Path) -> None:
        part = out.with_name(f".{out.name}.part")
        try:
            self._connection.fetch_file(path, str(part))
            read_head(part)
            part.replace(out)
        except (OSError, AnsibleError) as error:
            raise BundleError(f"{out}: the bundle cannot be brought here: {error}") from error
        finally:
            part.unlink(missing_ok=True)


def chosen(app: str, releases: Sequence[Mapping[str, Any]], number: str) -> Mapping[str, Any]:
    """Return the release that is named, or the active one. Raises BundleError if there is none."""
    if not number:
        active = next((release for release in releases if release["state"] == "active"), None)
        if active is None:
            raise BundleError(f"{app} has no active release; say which with --release v3")
        return active
    found = next(
        (release for release in releases if str(release["number"]) == number.removeprefix("v")), None
    )
    if found is None:
        known = ", ".join(f"v{release['number']}" for release in releases[:10]) or "none"
        raise BundleError(f"{app} has no release {number}; the newest are {known}")
    return found


def arguments_of(given: Mapping[str, Any], release: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the module is given. Raises BundleError without an app file, Refused for a wrong one."""
    app, image = given["app"], str(release["image"]).partition("/")[2]
    source, text = source_of(app, Path(given["apps"]), release)
    app_file, secrets = bundled(text, source, image, release)
    told = {name: release[name] for name in _TOLD}
    return {
        "app": app,
        "release": told | {"image": image, "configuration": bare(release["configuration"]), "source": source},
        "secrets": list(secrets),
        "images": [image, *given["also"]],
        "app_file": app_file,
        "registry": given["registry"],
        "registry_auth": given["registry_auth"],
    }


def bare(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without what it knows of the values of secrets: their hashes."""
    specs = [it["spec"] for it in configuration["processes"]]
    without = [spec | {"secrets": dict.fromkeys(spec.get("secrets", ()), "")} for spec in specs]
    processes = [it | {"spec": spec} for it, spec in zip(configuration["processes"], without, strict=True)]
    return {**configuration, "processes": processes}


def source_of(app: str, apps: Path, release: Mapping[str, Any]) -> tuple[str, bytes]:
    """Return where the app file of a release is from, its commit if this checkout has it, and its text."""
    commit, name = str(release["git_commit"]), f"{app}.yml"
    found = file_at(apps, commit, name) if commit and not release["git_dirty"] else None
    if found is not None:
        return f"apps/{name} at {commit[:12]}", found
    try:
        return f"apps/{name}", (apps / name).read_bytes()
    except OSError as error:
        raise BundleError(
            f"apps/{name} cannot be read ({error.strerror}), and this checkout has no commit"
            f" {commit[:12] or '-'}; a bundle needs the app's file"
        ) from error
