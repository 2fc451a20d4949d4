# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields of app files: which words, sizes, durations and numbers each may hold."""

from __future__ import annotations

import json
import shlex
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ansible_collections.fairlead.paas.plugins.module_utils.configuration import (
    HEALTH_KINDS,
    MODES,
    STRATEGIES,
)
from ansible_collections.fairlead.paas.plugins.module_utils.constraints import (
    LABEL,
    NUMBER,
    VALUE,
    parse_constraint,
    parse_label,
)
from ansible_collections.fairlead.paas.plugins.module_utils.source.runtimes import RUNTIMES, known_runtime
from ansible_collections.fairlead.paas.plugins.module_utils.units import (
    ALL,
    DURATION_HELP,
    FACTOR_HELP,
    PERCENTAGE_HELP,
    SIZE_HELP,
    format_duration,
    format_factor,
    format_percentage,
    format_size,
    parse_duration,
    parse_factor,
    parse_percentage,
    parse_size,
)

from . import grammar
from .domains import DOMAIN, MAX_LENGTH, parse_domain
from .kinds import FLAG, WORD, Unit, amount, choice, number, pattern, quantity, text, whole, wrong

CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID")
ORDERS = ("start-first", "stop-first")
AFTER_FAILURE = ("pause", "rollback")
MIN_MEMORY = "6M"  # the engine starts nothing in less
MAX_MEMORY = "16T"


_SIZE = Unit("a size", parse_size, format_size, "[0-9]{1,12}(K|M|G|T)(i?B)?", SIZE_HELP)
_DURATION = Unit("a duration", parse_duration, format_duration, "[0-9]{1,9}(ms|s|m|h|d)", DURATION_HELP)
_SHARE = r"(100|(0|[1-9][0-9]?)(\.[0-9]{1,2})?)%"
_TIMES = r"(100|[1-9][0-9]?(\.[0-9]{1,2})?)x"
_PERCENTAGE = Unit("a percentage", parse_percentage, format_percentage, _SHARE, PERCENTAGE_HELP)
_FACTOR = Unit("a factor", parse_factor, format_factor, _TIMES, FACTOR_HELP)


_LIST = rf"\[\s*{VALUE}(\s*,\s*{VALUE})*\s*\]"
_TEST = rf"\s*(==|!=)\s*{VALUE}|\s*[<>]=?\s*{NUMBER}|\s+(not\s+)?in\s*{_LIST}"
EXPRESSION = rf"^\s*(not\s+{LABEL}|{LABEL}({_TEST})?)\s*$"
"""The form of constraints, for editors; what it lets through may still be refused."""


def _constraint(value: str) -> str:
    return str(parse_constraint(value))


def _runtime(value: str) -> str:
    name, colon, tag = value.partition(":")
    known_runtime(name)
    if colon:
        grammar.parse_version(tag)
    return value


def _is_a_list(value: Any) -> Any:
    if isinstance(value, str):
        raise wrong("is text, not a list", _as_list(value))
    return value


def _as_list(command: str) -> str:
    try:
        return json.dumps(shlex.split(command), ensure_ascii=False)
    except ValueError:
        return "a list such as [python3, -m, shop]"


Name = Annotated[str, pattern("a name", grammar.parse_name, grammar.NAME, 40)]
EnvName = Annotated[str, pattern("an environment name", grammar.parse_env_name, grammar.ENV_NAME, 200)]
Domain = Annotated[str, pattern("a domain", parse_domain, DOMAIN, MAX_LENGTH)]
Word = Annotated[str, WORD]
Command = Annotated[tuple[Word, ...], Field(min_length=1), BeforeValidator(_is_a_list)]
Constraint = Annotated[str, text("a constraint", _constraint, {"pattern": EXPRESSION})]
Label = Annotated[str, pattern("a label", parse_label, LABEL, 63)]
Peer = Annotated[str, pattern("an app or a process", grammar.parse_peer, grammar.PEER, 81)]
Others = Annotated[str, pattern("an app or a process", grammar.parse_others, grammar.OTHERS, 81)]
Capability = Annotated[str, choice(*CAPABILITIES)]
Version = Annotated[str, pattern("a version", grammar.parse_version, grammar.VERSION, 128)]
Image = Annotated[str, pattern("an image", grammar.parse_image, grammar.IMAGE, 255)]
Context = Annotated[str, pattern("a build context", grammar.parse_context, grammar.CONTEXT, 200)]
Inside = Annotated[str, pattern("a path", grammar.parse_inside, grammar.CONTEXT, 200)]
Package = Annotated[str, pattern("a package", grammar.parse_package, f"(?:{grammar.PACKAGE})", 500)]
Runtime = Annotated[
    str, text("a runtime", _runtime, {"pattern": f"^({'|'.join(RUNTIMES)})(:{grammar.VERSION})?$"})
]
Sha256 = Annotated[str, pattern("a SHA-256", grammar.parse_sha256, grammar.SHA256, 64)]
GitUrl = Annotated[str, pattern("a repository", grammar.parse_git_url, f"(?:{grammar.GIT_URL})", 500)]
GitRef = Annotated[str, pattern("a branch, tag or commit", grammar.parse_git_ref, grammar.GIT_REF, 200)]
Stage = Annotated[str, pattern("a stage", grammar.parse_stage, grammar.STAGE, 100)]
HttpPath = Annotated[str, pattern("a path", grammar.parse_http_path, grammar.HTTP_PATH, 200)]
Folder = Annotated[str, pattern("a path", grammar.parse_folder, grammar.FOLDER, 200)]
Export = Annotated[str, pattern("an NFS export", grammar.parse_export, grammar.EXPORT, 255)]
Memory = Annotated[int, quantity(_SIZE, MIN_MEMORY, MAX_MEMORY)]
Cores = Annotated[float, number(0.01, 1024, "cores such as 0.25 or 2, from 0.01 to 1024")]
Port = Annotated[int, whole(1, 65535)]
Published = Annotated[int, whole(1024, 65535)]
HealthKind = Annotated[str, choice(*HEALTH_KINDS)]
Strategy = Annotated[str, choice(*STRATEGIES)]
Mode = Annotated[str, choice(*MODES)]
Most = Annotated[int, whole(1, 1000)]
Skew = Annotated[int, whole(1, 1000, "with 0 not even a first instance could stand anywhere")]
Preferred = Annotated[int, whole(1, 100)]
Order = Annotated[str, choice(*ORDERS)]
Parallelism = Annotated[int | str, amount(1, 1000, ALL)]
Unavailable = Annotated[int | str, amount(0, 1000)]
AfterFailure = Annotated[str, choice(*AFTER_FAILURE)]
Flag = Annotated[bool, FLAG]
Interval = Annotated[float, quantity(_DURATION, "100ms", "5m")]
Grace = Annotated[float, quantity(_DURATION, "0s", "1h")]
Deadline = Annotated[float, quantity(_DURATION, "1s", "1h")]
Weight = Annotated[int, whole(1, 50)]
Percentage = Annotated[float, quantity(_PERCENTAGE, "0%", "100%")]
Factor = Annotated[float, quantity(_FACTOR, "1x", "100x")]
