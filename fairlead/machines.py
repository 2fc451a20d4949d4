# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machines a command is about, as people say it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError


@dataclass(frozen=True)
class Machines:
    """Which machines a run is about, and what it is told: an inventory, variables, a file with a password."""

    inventory: str | None = None  # None: that of ansible.cfg
    variables: tuple[str, ...] = ()  # NAME=VALUE, as ansible-playbook takes them
    vault_password_file: str | None = None

    def arguments(self) -> list[str]:
        """Return them as arguments of ansible-playbook. Raises FairleadError for a file that is not there."""
        given = [part for each in self.variables for part in ("-e", each)]
        if self.vault_password_file:
            given += ["--vault-password-file", str(_there(self.vault_password_file, "--vault-password-file"))]
        return given

    def place(self) -> str | None:
        """Return the inventory as ansible-runner takes it. Raises FairleadError if it is not there."""
        return str(_there(self.inventory, "-i")) if self.inventory else None


def machine_options(parser: ArgumentParser) -> None:
    """Add the options that say which machines."""
    group = parser.add_argument_group("real machines")
    group.add_argument("-i", dest="inventory", metavar="INVENTORY", help="instead of that in ansible.cfg")
    group.add_argument(
        *("-e", "--extra-vars"),
        dest="variables",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a variable for the playbook, as ansible-playbook takes it",
    )
    group.add_argument("--vault-password-file", metavar="FILE", help="what opens the inventory's vault")
    group.add_argument(
        "--skip-unreachable",
        action="store_true",
        help="go on without nodes that do not answer; they count as lost",
    )


def machines_of(asked: Namespace) -> Machines:
    """Return the machines that a command line names."""
    return Machines(asked.inventory, tuple(asked.variables), asked.vault_password_file)


def _there(path: str, option: str) -> Path:
    if not Path(path).exists():
        raise FairleadError(f"{option} {path}: there is no such file or directory")
    return Path(path).resolve()
