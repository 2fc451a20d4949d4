# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory's variables as actions see them; each is evaluated only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from ansible.errors import AnsibleError, AnsibleUndefinedVariable

from .allotment import OVERCOMMIT, RESERVED_FOR, SYSTEM
from .app.model import App
from .app.needs import secret_names
from .errors import FairleadError
from .inventory import (
    ACCOUNTS,
    GROUPS,
    LEDGER_URL,
    SETTINGS,
    Inventory,
    Machine,
    Unreadable,
)

SECRETS = "fairlead_secrets"


class Templar(Protocol):
    """What we use of Ansible's templating engine."""

    def template(self, variable: Any) -> Any:
        """Return a variable's value; text that is not the inventory's own is left as it is."""


class Variables:
    """The variables of one task. What cannot be evaluated comes as Unreadable, what is not set as None."""

    def __init__(self, task_vars: Mapping[str, Any], templar: Templar) -> None:
        """Keep the task's variables and the engine that evaluates them."""
        self._vars = task_vars
        self._templar = templar

    def setting(self, name: str) -> Any:
        """Return a variable that is the same for all hosts."""
        return _evaluated(lambda: self._templar.template(self._vars.get(name)))

    def of_host(self, host: str, name: str) -> Any:
        """Return a variable of one host."""
        return _evaluated(lambda: self._vars["hostvars"][host].get(name))

    def secrets_of(self, app: App) -> dict[str, Any]:
        """Return the values of an app's secrets by name; those of other apps are not even decrypted."""
        return self.secrets(app.app, secret_names(app))

    def secrets(self, app: str, names: Iterable[str]) -> dict[str, Any]:
        """Return the values of these secrets of an app by name."""
        ours = self._within(self._within(self._vars, SECRETS), app)
        return {name: self._within(ours, name) for name in names}

    def ledger(self) -> dict[str, str]:
        """Return where the ledger is, as arguments of modules: a URL, or nothing where it is a file.

        Raises FairleadError if the variable cannot be evaluated.
        """
        managers = self._vars["groups"].get("managers", ())
        url = self.of_host(managers[0], LEDGER_URL) if managers else None
        if isinstance(url, Unreadable):
            raise FairleadError(f"{managers[0]}.{LEDGER_URL} cannot be evaluated: {url.why}")
        return {"url": url} if url else {}

    def inventory(self) -> Inventory:
        """Return the platform's view of the inventory."""
        groups = {group: tuple(self._vars["groups"].get(group, ())) for group in GROUPS}
        names = {name for hosts in groups.values() for name in hosts}
        settings = {name: self.setting(name) for name in (*ACCOUNTS, *SETTINGS)}
        machines = {name: self._machine(name, manager=name in groups["managers"]) for name in names}
        return Inventory(groups, machines, settings)

    def _machine(self, name: str, *, manager: bool) -> Machine:
        variables = (
            "fairlead_address",
            "fairlead_labels",
            "fairlead_ports",
            RESERVED_FOR,
            SYSTEM,
            OVERCOMMIT,
        )
        machine = Machine(*(self.of_host(name, variable) for variable in variables))
        return replace(machine, ledger_url=self.of_host(name, LEDGER_URL)) if manager else machine

    def _within(self, mapping: Any, name: str) -> Any:
        if isinstance(mapping, Unreadable):
            return mapping
        if not isinstance(mapping, Mapping):
            return None
        return _evaluated(lambda: self._shallow(mapping.get(name)))

    def _shallow(self, value: Any) -> Any:
        """Evaluate one value but not what is inside it."""
        return value if isinstance(value, Mapping) else self._templar.template(value)


def _evaluated(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except AnsibleUndefinedVariable as error:
        return Unreadable(str(error).splitlines()[0])
    except AnsibleError:  # its words may hold values
        return Unreadable("a template fails, or a vault password is missing")
