# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration in a container's label, read with suspicion: anybody with an engine can write one."""

from __future__ import annotations

import json
import math
import re
import zlib
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from ansible_collections.fairlead.paas.plugins.module_utils.app.domains import parse_domain
from ansible_collections.fairlead.paas.plugins.module_utils.app.grammar import (
    parse_env_name,
    parse_export,
    parse_folder,
    parse_http_path,
    parse_name,
    parse_others,
    parse_peer,
)
from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    HEALTH_KINDS,
    MODES,
    STRATEGIES,
    Configuration,
    Process,
    Rules,
    Spec,
)
from ansible_collections.fairlead.paas.plugins.module_utils.constraints import parse_constraint, parse_label

_LONGEST = 2**20  # characters of a label, more than any app file leads to
_LARGEST = 2**22  # bytes of JSON
_MOST = 1000  # instances of a process
_PORTS = range(1, 2**16)
_PUBLISHED = range(1024, 2**16)
_CANARY = range(1, 51)  # percent of the requests
_WEIGHTS = range(1, 101)  # of a preference
_SHARE = re.compile(r"[0-9]{1,3}%|all", re.ASCII)


def unpacked(text: str, app: str) -> Configuration:
    """Return an app's configuration. Raises ValueError with why not, in words that repeat nothing of it."""
    try:
        configuration = Configuration.from_dict(_data(text))
    except (ValueError, zlib.error):
        raise ValueError("is torn") from None
    except (AttributeError, KeyError, TypeError, RecursionError):
        raise ValueError("is none that this Fairlead knows") from None
    if not _fits(configuration, Configuration):
        raise ValueError("is none that this Fairlead knows")
    if configuration.app != app:
        raise ValueError("is of another app")
    if not all(_allowed(configuration)):
        raise ValueError("holds what no app file may")
    return configuration


def _data(text: str) -> Any:
    if len(text) > _LONGEST:
        raise ValueError
    whole = zlib.decompressobj()
    read = whole.decompress(b64decode(text, validate=True), _LARGEST)
    if not whole.eof:
        raise ValueError
    return json.loads(read)


def _fits(value: Any, hint: Any) -> bool:
    """Say whether a value, all the way down, is of the type that it is declared with."""
    kind, parts = get_origin(hint) or hint, get_args(hint)
    if kind is UnionType:
        return any(_fits(value, part) for part in parts)
    if kind is tuple:
        return isinstance(value, tuple) and all(_fits(item, parts[0]) for item in value)
    if kind is Mapping:
        return isinstance(value, dict) and all(
            _fits(item, part) for pair in value.items() for item, part in zip(pair, parts, strict=True)
        )
    if isinstance(kind, type) and is_dataclass(kind):
        of = get_type_hints(kind)
        return isinstance(value, kind) and all(_fits(getattr(value, name), of[name]) for name in of)
    return _is(value, kind)


def _is(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    if kind is float:
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, kind)


def _allowed(configuration: Configuration) -> Iterator[bool]:
    """Yield of what must be of some form whether it is, as the reading of an app file sees to it."""
    names = [process.name for process in configuration.processes]
    yield _parses(parse_name, configuration.app, *names)
    yield len(set(names)) == len(names) > 0
    yield _parses(parse_domain, *configuration.hosts)
    yield set(configuration.hosts.values()) <= set(names)
    update = configuration.update
    yield all(
        isinstance(amount, int) or bool(_SHARE.fullmatch(amount))
        for amount in (update.parallelism, update.max_unavailable or 0)
    )
    yield update.canary is None or update.canary.weight in _CANARY
    for process in configuration.processes:
        yield from _allowed_process(process)


def _allowed_process(process: Process) -> Iterator[bool]:
    spec = process.spec
    yield all(0 <= scale <= _MOST for scale in (process.scale, process.written or 0))
    yield min(spec.memory, spec.cpu, spec.stop_timeout, spec.generation) >= 0
    yield spec.port is None or spec.port in _PORTS
    yield _parses(parse_env_name, *spec.env, *spec.secrets)
    yield from _allowed_rules(process.rules)
    yield from _allowed_storage(spec)
    health = process.health
    yield health is None or (_parses(parse_http_path, health.path) and health.kind in HEALTH_KINDS)


def _allowed_storage(spec: Spec) -> Iterator[bool]:
    yield spec.publish is None or (spec.port is not None and spec.publish in _PUBLISHED)
    for volume in spec.volumes:
        yield _parses(parse_name, volume.name)
        yield _parses(parse_folder, volume.path, *(it for it in [volume.node] if it is not None))
        yield _parses(parse_export, *(it for it in [volume.nfs] if it is not None))
        yield not (volume.node is not None and volume.nfs is not None)
    names = [volume.name for volume in spec.volumes]
    yield len(set(names)) == len(names)


def _allowed_rules(rules: Rules) -> Iterator[bool]:
    yield rules.strategy in STRATEGIES
    yield rules.mode in MODES
    yield _parses(parse_constraint, *rules.constraints, *(each.rule for each in rules.preferences))
    yield all(each.weight in _WEIGHTS for each in rules.preferences)
    labels = (*rules.max_per, rules.spread, rules.apart_per)
    yield _parses(parse_label, *(label for label in labels if label is not None))
    bounds = (*rules.max_per.values(), rules.max_per_node, rules.max_skew)
    yield all(1 <= bound <= _MOST for bound in bounds if bound is not None)
    yield _parses(parse_peer, *rules.together)
    yield _parses(parse_others, *rules.apart)


def _parses(parse: Any, *texts: str) -> bool:
    try:
        for text in texts:
            parse(text)
    except ValueError:
        return False
    return True
