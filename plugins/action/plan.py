# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to the deployment: from what was seen to a plan that is printed, and claimed on the manager."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible.utils.vars import load_extra_vars

from ansible_collections.fairlead.paas.plugins.module_utils.ahead import pack_ahead
from ansible_collections.fairlead.paas.plugins.module_utils.app.catalog import Catalog, read_catalog
from ansible_collections.fairlead.paas.plugins.module_utils.app.commands import completed
from ansible_collections.fairlead.paas.plugins.module_utils.app.resolve import Platform, configuration_of
from ansible_collections.fairlead.paas.plugins.module_utils.command_line import scales_among
from ansible_collections.fairlead.paas.plugins.module_utils.configuration import Configuration
from ansible_collections.fairlead.paas.plugins.module_utils.errors import (
    FairleadError,
)
from ansible_collections.fairlead.paas.plugins.module_utils.fleet import Fleet
from ansible_collections.fairlead.paas.plugins.module_utils.inventory import DOMAIN, HASH_KEY, STRATEGY
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.records import KINDS
from ansible_collections.fairlead.paas.plugins.module_utils.plan.bid import around, room, wants
from ansible_collections.fairlead.paas.plugins.module_utils.plan.deployment import (
    Deployment,
    Errand,
    deployment,
    orphans,
    removal,
)
from ansible_collections.fairlead.paas.plugins.module_utils.plan.moves import moves_of
from ansible_collections.fairlead.paas.plugins.module_utils.plan.saved import (
    load,
    refuse_changed,
    save,
    written,
)
from ansible_collections.fairlead.paas.plugins.module_utils.plan.wanted import (
    active_of,
    carried_over,
    recorded,
    refuse_forgotten,
    restarted,
    running,
    scale_of,
    scaled,
    target,
)
from ansible_collections.fairlead.paas.plugins.module_utils.provenance import is_older, provenance_of
from ansible_collections.fairlead.paas.plugins.module_utils.roots import (
    VOLUME_ROOTS,
    refuse_outside,
    roots_of,
)
from ansible_collections.fairlead.paas.plugins.module_utils.sealing import seal
from ansible_collections.fairlead.paas.plugins.module_utils.secrets import meant, missing
from ansible_collections.fairlead.paas.plugins.module_utils.sight import (
    Sight,
    refusal,
    sight_of,
)
from ansible_collections.fairlead.paas.plugins.module_utils.source.choice import procfile_of
from ansible_collections.fairlead.paas.plugins.module_utils.variables import Variables

MOVE = "move"  # what is released stays as it is, and only where it stands changes
ARGUMENTS = {
    "allow_older": {"type": "bool", "default": False},
    "app": {"type": "str", "required": True},
    "apps": {"type": "path", "required": True},
    "began": {"type": "float", "default": 0.0},
    "image": {"type": "str"},
    "message": {"type": "str", "default": ""},
    "retain": {"type": "int", "default": 10},
    "skip_unreachable": {"type": "bool", "default": False},
    "kind": {"type": "str", "default": "deploy", "choices": [*KINDS, MOVE, "remove"]},
    "draining": {"type": "str", "default": ""},
    "moves": {"type": "dict", "default": {}},
    "move_volumes": {"type": "bool", "default": False},
    "remove_volumes": {"type": "bool", "default": False},
    "saved": {"type": "path"},
    "save": {"type": "path"},
    "content": {"type": "str", "default": ""},
    "to": {"type": "str", "default": ""},
}
_TRIES = 8  # plans made, each around more claims of other apps, before a run gives up


class ActionModule(ActionBase):
    """Decides on the controller; the task's host is the manager, which keeps what the plan claims."""

    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Print the plan and return the deployment, or fail with why there is none."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, self.given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        self.known = task_vars or {}
        self.variables = Variables(self.known, self._templar)
        self.catalog = read_catalog(Path(self.given["apps"]))
        seen = sight_of(self.known["groups"], self.variables).draining(self.given["draining"])
        refused = refusal(seen, self.known["groups"]["nodes"], skip=self.given["skip_unreachable"])
        if refused:
            return result | {"failed": True, "msg": self._untouched(refused)}
        try:
            refuse_forgotten(self.given["app"], seen.fleet, seen.releases)
            lacks = self._lacks(seen)
            if lacks:
                return result | {"changed": False, "changes": True, "lacks": lacks}
            made, claimed = self._settled(seen)
        except FairleadError as error:
            return result | {"failed": True, "msg": self._untouched(str(error))}
        for name in seen.lost:
            Display().display(f"{name} is unreachable and counts as lost: it is planned without")
        Display().display(made.text)
        return (
            result
            | made.as_dict()
            | {
                "changed": False,
                "kind": self.given["kind"],
                "lacks": [],
                "lost": sorted(seen.lost),
                "claimed": claimed,
                "record": claimed or (self._task.check_mode and made.settles),
                "warnings": _orphans(self.given["app"], self.catalog, seen.fleet),
            }
        )

    def _untouched(self, why: str) -> str:
        return f"{self.given['app']}: nothing was touched. {why}"

    def _lacks(self, seen: Sight) -> list[str]:
        """Return what must be there before a plan can be made."""
        look = seen.stale and not seen.again
        image = seen.image_lacks and self.known.get("built") is None
        return [*(["look"] if look else []), *(["image"] if image else [])]

    def _settled(self, seen: Sight) -> tuple[Deployment, bool]:
        """Return a deployment that no other app's claims stand in the way of, and whether it is claimed."""
        claims, newest = seen.claims, seen.newest_claim
        for tried in range(_TRIES):
            fleet = around(claims, seen.fleet)
            made = self._decide(seen, fleet)
            if self.given["kind"] == "deploy" and made.plan.is_new_release:
                self._refuse_superseded(active_of(seen.releases))
            self._compare(made, fleet)
            if seen.token is None:
                return made, False
            if not made.changed:
                if seen.stale:
                    self._ledger("settle", seen.token)
                return made, False
            if not tried:
                pack_ahead(self._configure_module, ["converge", "route"], self.known)
            answer = self._claim(made, fleet, seen, newest)
            if not answer["conflicts"]:
                return made, True
            claims, newest = answer["claims"], answer["seen"]
        raise FairleadError(
            f"other apps claim what this plan needs, again and again: {answer['conflicts'][0]}"
        )

    def _compare(self, made: Deployment, fleet: Fleet) -> None:
        """Hold the plan against the one that was saved, and save it, as far as that is asked for."""
        if not (self.given["saved"] or self.given["save"]):
            return
        data = written(made, fleet, self.given["content"])
        if self.given["saved"]:
            refuse_changed(load(Path(self.given["saved"])), data)
        if self.given["save"]:
            save(Path(self.given["save"]), data)

    def _decide(self, seen: Sight, fleet: Fleet) -> Deployment:
        if self.given["kind"] == "remove":
            return removal(self.given["app"], fleet, seen.routers, volumes=self.given["remove_volumes"])
        moves = moves_of(self.given["app"], self.given["moves"], fleet)
        errand = Errand(self.given["kind"], moves, self.given["move_volumes"])
        wanted = self._wanted(seen)
        refuse_outside(wanted, roots_of(self.variables.setting(VOLUME_ROOTS)))
        return deployment(wanted, fleet, seen.releases, seen.routers, errand)

    def _wanted(self, seen: Sight) -> Configuration:
        app, releases = self.given["app"], seen.releases
        match self.given["kind"]:
            case "rollback":
                chosen = target(app, releases, self.given["to"])
                return self._with_its_secrets(chosen["number"], recorded(chosen), seen)
            case "scale":
                return scaled(running(app, releases), self._scales(running(app, releases)))
            case "move":
                return running(app, releases)
            case "restart":
                return restarted(running(app, releases))
            case _:
                return carried_over(self._written(), releases)

    def _refuse_superseded(self, active: Mapping[str, Any] | None) -> None:
        """Raise FairleadError if what runs was made from a later commit than this: a pipeline came late."""
        if active is None or self.given["allow_older"]:
            return
        directory = Path(self.given["apps"])
        ours, theirs = provenance_of(directory).git_commit, active["git_commit"]
        if is_older(directory, ours, theirs):
            raise FairleadError(
                f"{active['app']} v{active['number']} was made by {active['who']} on {active['host']} from"
                f" {theirs[:8]}, a later commit than this checkout's {ours[:8]}: it is superseded. To go"
                " back: playbooks/rollback.yml; to deploy it all the same: -e allow_older=true"
            )

    def _written(self) -> Configuration:
        """Return what the app file says."""
        entry = self.catalog.require(self.given["app"])
        app = completed(entry.app, procfile_of(entry, Path(constants.DEFAULT_LOCAL_TMP)))
        secrets = self.variables.secrets_of(app)
        platform = Platform(*(self.variables.setting(name) for name in (HASH_KEY, DOMAIN, STRATEGY)))
        return configuration_of(app, self.given["image"], secrets, platform)

    def _with_its_secrets(self, number: int, configuration: Configuration, seen: Sight) -> Configuration:
        """Return the configuration of a release. Raises FairleadError if a value of then is lost."""
        now = self.variables.secrets(configuration.app, meant(configuration))
        lost = missing(configuration, now, seen.secrets, self.variables.setting(HASH_KEY))
        if lost:
            raise FairleadError(
                f"v{number} of {configuration.app} ran with other values of {', '.join(lost)} than the"
                " inventory has now, and they are no longer kept; set them back, or deploy forward"
            )
        return configuration

    def _scales(self, configuration: Configuration) -> dict[str, int | None]:
        """Return the scales on the command line: ``-e web=6``, or ``-e web=spec`` for the app file's."""
        names = [process.name for process in configuration.processes]
        given = scales_among(load_extra_vars(self._loader), names)
        return {name: scale_of(name, scale) for name, scale in given.items()}

    def _claim(self, made: Deployment, fleet: Fleet, seen: Sight, newest: int) -> dict[str, Any]:
        draft: Mapping[str, Any] = {}
        if made.plan.is_new_release:
            draft = provenance_of(Path(self.given["apps"])).as_dict() | {
                "kind": self.given["kind"],
                "image": made.configuration.processes[0].spec.image,
                "configuration": made.configuration.as_dict(),
                "configuration_hash": made.configuration.hash(),
                "irreversible": made.configuration.irreversible and self.given["kind"] == "deploy",
                "message": self.given["message"],
                "secrets": self._sealed(made.configuration, seen),
                "retain": self.given["retain"],
            }
        return self._ledger(
            "claim",
            seen.token or 0,
            since_look=time.monotonic() - self.given["began"],
            seen=newest,
            wants=wants(made.plan),
            room=room(made.plan, fleet),
            **draft,
        )

    def _sealed(self, configuration: Configuration, seen: Sight) -> list[dict[str, str]]:
        """Return the values of secrets that the ledger does not keep yet, sealed."""
        key, wanted = self.variables.setting(HASH_KEY), meant(configuration)
        now = self.variables.secrets(configuration.app, wanted)
        return [
            {"name": name, "hash": found, "sealed": seal(key, now[name])}
            for name, found in wanted.items()
            if (name, found) not in seen.secrets
        ]

    def _ledger(self, do: str, token: int, **arguments: Any) -> dict[str, Any]:
        """Ask the ledger. Raises FairleadError with what it says."""
        answer: dict[str, Any] = self._execute_module(
            module_name="fairlead.paas.ledger",
            module_args={
                "do": do,
                "app": self.given["app"],
                "token": token,
                **self.variables.ledger(),
                **arguments,
            },
            task_vars=self.known,
        )
        if answer.get("failed"):
            raise FairleadError(str(answer.get("msg")))
        return answer


def _orphans(planned: str, catalog: Catalog, fleet: Fleet) -> list[str]:
    return [
        f"{app} runs on {', '.join(nodes)} but has no app file; to remove it: "
        f"ansible-playbook playbooks/remove.yml -e app={app}"
        for app, nodes in orphans(fleet, [*catalog.entries, planned]).items()
    ]
