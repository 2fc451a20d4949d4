# SPDX-License-Identifier: GPL-3.0-or-later
"""An app and what only the inventory and the build know, to the configuration that is released."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    Canary,
    Configuration,
    Health,
    Preference,
    Process,
    ReleaseCommand,
    Rules,
    Spec,
    Update,
    Volume,
)

from . import model as written
from .rules import WEB

_HASH_DIGITS = 32


@dataclass(frozen=True)
class Platform:
    """What the inventory says for all apps: the key of hashes, the domain, and the strategy of placement.

    The strategy is that of processes that name none; None where the inventory names none either.
    """

    hash_key: str
    domain: str
    strategy: str | None = None


def configuration_of(
    app: written.App, image: str, secrets: Mapping[str, str], platform: Platform
) -> Configuration:
    """Return the configuration of an app that runs ``image``, REGISTRY/APP@sha256:….

    ``secrets`` are the values of all names in ``env.secret``; only their hashes are kept, keyed with the
    platform's key. Raises KeyError for a secret without a value.
    """
    key = platform.hash_key
    hashes = {name: secret_hash(app.app, name, secrets[name], key) for name in sorted(app.env.secret)}
    processes = (
        _process(
            name,
            process,
            _spec(app, process, image, hashes),
            _rules(process.placement, platform.strategy),
        )
        for name, process in sorted(app.processes.items())
    )
    return Configuration(
        app.app,
        tuple(processes),
        hosts_of(app, platform.domain),
        _update(app.update),
        ReleaseCommand(**dict(app.release)) if app.release else None,
        app.irreversible,
        app.require_signed,
    )


def hosts_of(app: written.App, domain: str) -> dict[str, str]:
    """Return which process each host name of an app leads to, sorted by host name."""
    hosts = {route.domain: route.process for route in app.routes}
    web = app.processes.get(WEB)
    if web and web.port:
        hosts[f"{app.app}.{domain.lower()}"] = WEB
    return dict(sorted(hosts.items()))


def secret_hash(app: str, name: str, value: str, key: str) -> str:
    """Return the keyed hash that stands for a secret's value: 32 hexadecimal digits."""
    text = f"{app}/{name}/{value}"
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()[:_HASH_DIGITS]


def _update(update: written.Update) -> Update:
    canary = Canary(**dict(update.canary)) if update.canary else None
    return Update(**{**dict(update), "canary": canary})


def _process(name: str, process: written.Process, spec: Spec, rules: Rules) -> Process:
    return Process(name, process.scale, spec, rules, _health(process))


def _rules(placement: written.Placement, strategy: str | None) -> Rules:
    apart = placement.apart
    others, per = (apart.apps, apart.per) if isinstance(apart, written.Apart) else (apart, None)
    return Rules(
        strategy=placement.strategy or strategy or Rules.strategy,
        constraints=placement.constraints,
        max_per_node=placement.max_per_node,
        preferences=tuple(_preference(each) for each in placement.preferences),
        spread=placement.spread,
        max_skew=placement.max_skew,
        max_per=dict(sorted(placement.max_per.items())),
        together=tuple(sorted(set(placement.together))),
        apart=tuple(sorted(set(others))),
        apart_per=per,
        mode=placement.mode,
    )


def _preference(preference: str | written.Preference) -> Preference:
    if isinstance(preference, str):
        return Preference(preference)
    return Preference(preference.rule, preference.weight)


def _spec(app: written.App, process: written.Process, image: str, secrets: Mapping[str, str]) -> Spec:
    return Spec(
        image=image,
        command=process.command,
        env=dict(sorted(app.env.clear.items())),
        secrets=dict(secrets),
        memory=process.memory,
        cpu=process.cpu,
        port=process.port,
        stop_timeout=process.stop_timeout,
        capabilities=tuple(sorted(set(process.capabilities))),
        volumes=tuple(Volume(**dict(each)) for each in sorted(process.volumes, key=lambda it: it.name)),
        publish=process.publish,
    )


def _health(process: written.Process) -> Health | None:
    if process.port is None:
        return None
    return Health(**dict(process.health or written.Health()))
