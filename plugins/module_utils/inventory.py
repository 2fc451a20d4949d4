# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory, as far as the platform needs it: every problem at once, and never a value of a secret."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .allotment import (
    OVERCOMMIT,
    RESERVED_FOR,
    SYSTEM,
    check_overcommit,
    check_reserved_for,
    check_system,
    risk_of,
)
from .app.document import show
from .app.domains import DOMAIN_HELP, MAX_LENGTH, parse_domain
from .configuration import STRATEGIES
from .constraints import BUILT_IN, built_in_like
from .errors import Problem, Refused, did_you_mean
from .ledger.postgresql import URL_HELP, is_url
from .pushers import PUSHERS, check_pushers
from .roots import VOLUME_ROOTS, check_roots

GROUPS = ("builders", "managers", "nodes", "registries", "routers")
ADDRESSED = ("nodes", "registries", "routers")  # groups whose machines others call by their address
ACCOUNTS = ("fairlead_registry_pull", "fairlead_registry_push")
HASH_KEY = "fairlead_hash_key"
DOMAIN = "fairlead_domain"
REGISTRY = "fairlead_registry"
STRATEGY = "fairlead_strategy"
INDEXES = "fairlead_indexes"
SETTINGS = (DOMAIN, HASH_KEY, INDEXES, PUSHERS, REGISTRY, STRATEGY, VOLUME_ROOTS)  # of all machines alike
INDEXES_OF = ("go", "java", "node", "php", "python", "ruby")
LEDGER_URL = "fairlead_ledger_url"
MIN_HASH_KEY = 16  # characters
MIN_SECRET = 4  # characters; Ansible strikes a secret from all it prints, also inside other words
TOO_SHORT = f"is shorter than {MIN_SECRET} characters, so hiding it would garble all output"
LONGEST_NAME = 41  # of an app, and the dot after it

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", re.ASCII)
_HOST_PORT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}:[0-9]{1,5}", re.ASCII)
_INDEX = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~%+,:-]*)*", re.ASCII)
_INDEX_HELP = "http(s)://HOST/PATH, without a user: it stays in the builder's cache"
_HOST_HELP = "letters, digits and . _ - for it becomes part of the routers' configuration"
_ADDRESS_HELP = "the machine's private IPv4 address"
_OTHER_LABEL = f"another label than {', '.join(BUILT_IN)}"


@dataclass(frozen=True)
class Unreadable:
    """Stands for a variable that could not be evaluated, and says why, in words that hold no value."""

    why: str


@dataclass(frozen=True)
class Machine:
    """What the inventory says of one machine; values as they came, or Unreadable, or None where unset."""

    address: Any = None
    labels: Any = None
    ports: Any = None
    reserved_for: Any = None
    system: Any = None
    overcommit: Any = None
    ledger_url: Any = None  # of a manager


@dataclass(frozen=True)
class Inventory:
    """The platform's view of the inventory; ``settings`` are variables of ``all``, given like a machine's."""

    groups: Mapping[str, tuple[str, ...]]
    machines: Mapping[str, Machine]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def in_groups(self, groups: tuple[str, ...] = GROUPS) -> list[str]:
        """Return the names of the machines in any of some groups, sorted."""
        return sorted({name for group in groups for name in self.groups.get(group, ())})

    def labels(self) -> set[str]:
        """Return every label that any node has; built-in facts are none."""
        sets = (self.machines[node].labels for node in self.groups.get("nodes", ()))
        return {label for labels in sets if isinstance(labels, dict) for label in labels}


def check_inventory(inventory: Inventory) -> list[Problem]:
    """Return every problem of the inventory itself, whatever is deployed."""
    return [problem for check in _CHECKS for problem in check(inventory)]


def inventory_problem(field_: str, problem: str, got: str = "", expected: str = "") -> Problem:
    """Return a problem with a variable, ``HOST.VARIABLE`` or ``VARIABLE``, or with a group."""
    return Problem("inventory", 0, 0, field_, problem, got, expected)


def warnings_of(inventory: Inventory) -> list[str]:
    """Return what is allowed but hardly meant."""
    public = [
        f"inventory {name}.fairlead_address: {address} is a public address; instances listen on it"
        for name in inventory.in_groups(ADDRESSED)
        if (address := _address(inventory.machines[name].address)) and address.is_global
    ]
    promised = [
        f"inventory {name}.{OVERCOMMIT}.memory: {risk}"
        for name in inventory.groups.get("nodes", ())
        if (risk := risk_of(inventory.machines[name].overcommit))
    ]
    return [*public, *promised]


def _groups(inventory: Inventory) -> Iterator[Problem]:
    for group in GROUPS:
        if not inventory.groups.get(group):
            yield inventory_problem(group, "is an empty group", "", "at least one machine")


def _names(inventory: Inventory) -> Iterator[Problem]:
    for name in inventory.in_groups():
        if not _HOST.fullmatch(name):
            yield inventory_problem(show(name), "is no name for a machine", "", _HOST_HELP)


def _addresses(inventory: Inventory) -> Iterator[Problem]:
    homes: dict[str, str] = {}
    alone = len(inventory.in_groups()) == 1
    for name in inventory.in_groups(ADDRESSED):
        variable, value = f"{name}.fairlead_address", inventory.machines[name].address
        address = _address(value)
        if value is None or isinstance(value, Unreadable):
            yield _unset(variable, value, _ADDRESS_HELP)
        elif address is None:
            yield inventory_problem(variable, "is not an IPv4 address", show(value), _ADDRESS_HELP)
        elif address.is_unspecified or address.is_multicast or (address.is_loopback and not alone):
            yield inventory_problem(
                variable, "cannot be reached by other machines", show(value), _ADDRESS_HELP
            )
        elif str(address) in homes:
            yield inventory_problem(
                variable, f"is {homes[str(address)]}'s address too", show(value), _ADDRESS_HELP
            )
        homes.setdefault(str(address), name)


def _labels(inventory: Inventory) -> Iterator[Problem]:
    for name in inventory.groups.get("nodes", ()):
        variable, labels = f"{name}.fairlead_labels", inventory.machines[name].labels
        if isinstance(labels, Unreadable):
            yield _unset(variable, labels, "")
        elif isinstance(labels, dict):
            for label, value in labels.items():
                if not isinstance(value, str):
                    yield inventory_problem(
                        f"{variable}.{label}", "is not text", show(value), "quotes around it"
                    )
                elif built_in_like(str(label)):
                    yield inventory_problem(
                        f"{variable}.{label}", "is what each machine says of itself", "", _OTHER_LABEL
                    )
        elif labels is not None:
            yield inventory_problem(variable, "is not a mapping", show(labels), "labels such as {disk: ssd}")


def _ports(inventory: Inventory) -> Iterator[Problem]:
    for name in inventory.groups.get("nodes", ()):
        ports = inventory.machines[name].ports
        if ports is not None and not _is_range(ports):
            got = "" if isinstance(ports, Unreadable) else show(ports)
            expected = "{first: 25701, last: 26700}, from 1024 to 65535"
            yield inventory_problem(f"{name}.fairlead_ports", "is no range of ports", got, expected)


def _rooms(inventory: Inventory) -> Iterator[Problem]:
    for name in inventory.groups.get("nodes", ()):
        machine = inventory.machines[name]
        for variable, value, check in (
            (RESERVED_FOR, machine.reserved_for, check_reserved_for),
            (SYSTEM, machine.system, check_system),
            (OVERCOMMIT, machine.overcommit, check_overcommit),
        ):
            if isinstance(value, Unreadable):
                yield _unset(f"{name}.{variable}", value, "")
            elif value is not None:
                for at, problem, got, expected in check(value):
                    yield inventory_problem(f"{name}.{variable}{at}", problem, got, expected)


def _strategy(inventory: Inventory) -> Iterator[Problem]:
    value = inventory.settings.get(STRATEGY)
    if isinstance(value, Unreadable):
        yield _unset(STRATEGY, value, "")
    elif value is not None and value not in STRATEGIES:
        yield inventory_problem(STRATEGY, "is not known", show(value), did_you_mean(str(value), STRATEGIES))


def _indexes(inventory: Inventory) -> Iterator[Problem]:
    value = inventory.settings.get(INDEXES)
    if isinstance(value, Unreadable):
        yield _unset(INDEXES, value, "")
    elif value is not None and not isinstance(value, dict):
        yield inventory_problem(
            INDEXES, "is not a mapping", show(value), "such as {python: https://…/simple}"
        )
    for name, url in value.items() if isinstance(value, dict) else ():
        variable = f"{INDEXES}.{name}"
        if name not in INDEXES_OF:
            yield inventory_problem(variable, "is not known", "", did_you_mean(str(name), INDEXES_OF))
        elif not isinstance(url, str) or not _INDEX.fullmatch(url):
            # What was given may hold a password.
            yield inventory_problem(variable, "is no address of an index", "", _INDEX_HELP)


def _volume_roots(inventory: Inventory) -> Iterator[Problem]:
    value = inventory.settings.get(VOLUME_ROOTS)
    if isinstance(value, Unreadable):
        yield _unset(VOLUME_ROOTS, value, "")
    elif value is not None:
        for at, problem, got, expected in check_roots(value):
            yield inventory_problem(f"{VOLUME_ROOTS}{at}", problem, got, expected)


def indexes_of(value: Any) -> dict[str, str]:
    """Return the addresses of indexes that the inventory names. Raises Refused for what is none."""
    problems = [*_indexes(Inventory({}, {}, {INDEXES: value}))]
    if problems:
        raise Refused(problems)
    return dict(value or {})


def _domain(inventory: Inventory) -> Iterator[Problem]:
    value = inventory.settings.get(DOMAIN)
    if value is None or isinstance(value, Unreadable):
        yield _unset(DOMAIN, value, "the domain under which each app is NAME.DOMAIN")
    elif not isinstance(value, str) or len(value) > MAX_LENGTH - LONGEST_NAME or not _is_domain(value):
        yield inventory_problem(DOMAIN, "is not a domain", show(value), DOMAIN_HELP)


def _registry(inventory: Inventory) -> Iterator[Problem]:
    value = inventory.settings.get(REGISTRY)
    if isinstance(value, Unreadable):
        yield _unset(REGISTRY, value, "HOST:PORT")
    elif value is not None and not (isinstance(value, str) and _HOST_PORT.fullmatch(value)):
        yield inventory_problem(REGISTRY, "is no address of a registry", show(value), "HOST:PORT, or nothing")


def _keys(inventory: Inventory) -> Iterator[Problem]:
    value = inventory.settings.get(HASH_KEY)
    expected = f"a secret text of at least {MIN_HASH_KEY} characters"
    if value is None or isinstance(value, Unreadable):
        yield _unset(HASH_KEY, value, expected)
    elif not isinstance(value, str) or len(value) < MIN_HASH_KEY:
        yield inventory_problem(HASH_KEY, "is not long enough a text", "", expected)


def _ledger(inventory: Inventory) -> Iterator[Problem]:
    urls = {
        name: inventory.machines[name].ledger_url or None for name in inventory.groups.get("managers", ())
    }
    for name, url in urls.items():
        variable, first = f"{name}.{LEDGER_URL}", next(iter(urls))
        if isinstance(url, Unreadable):
            yield _unset(variable, url, "")
        elif url is not None and not (isinstance(url, str) and is_url(url)):
            yield inventory_problem(variable, "is no URL of a database", "", URL_HELP)
        elif url != urls[first]:
            yield inventory_problem(variable, f"is not that of {first}", "", "the same for all managers")


def _accounts(inventory: Inventory) -> Iterator[Problem]:
    for variable in ACCOUNTS:
        value = inventory.settings.get(variable)
        if value is None or isinstance(value, Unreadable):
            yield _unset(variable, value, "{username: …, password: …}")
            continue
        for part in ("username", "password"):
            given = value.get(part) if isinstance(value, dict) else None
            if not isinstance(given, str) or not given:
                yield inventory_problem(f"{variable}.{part}", "is not set", "", "text")
            elif part == "password" and len(given) < MIN_SECRET:
                yield inventory_problem(f"{variable}.{part}", TOO_SHORT, "", "a longer one")


def _pushers(inventory: Inventory) -> Iterator[Problem]:
    value = inventory.settings.get(PUSHERS)
    if isinstance(value, Unreadable):
        yield _unset(PUSHERS, value, "")
    elif value is not None:
        others = {variable: inventory.settings.get(variable) for variable in ACCOUNTS}
        for at, problem, got, expected in check_pushers(value, others, MIN_SECRET):
            yield inventory_problem(f"{PUSHERS}{at}", problem, got, expected)


_CHECKS = (
    *(_groups, _names, _addresses, _labels, _ports, _rooms),
    *(_domain, _registry, _indexes, _strategy, _volume_roots, _ledger, _keys, _accounts, _pushers),
)


def _unset(variable: str, value: Unreadable | None, expected: str) -> Problem:
    problem = "is not set" if value is None else f"cannot be evaluated: {value.why}"
    return inventory_problem(variable, problem, "", expected)


def _address(value: Any) -> ipaddress.IPv4Address | None:
    try:
        return ipaddress.IPv4Address(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _is_domain(value: str) -> bool:
    try:
        parse_domain(value)
    except ValueError:
        return False
    return True


def _is_range(ports: Any) -> bool:
    if not isinstance(ports, dict) or set(ports) != {"first", "last"}:
        return False
    first, last = ports["first"], ports["last"]
    whole = all(isinstance(port, int) and not isinstance(port, bool) for port in (first, last))
    return whole and 1024 <= first <= last <= 65535  # noqa: PLR2004
