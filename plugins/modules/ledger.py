# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write the ledger on the primary manager."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger
short_description: Read and write the ledger of releases
description:
  - The ledger is a SQLite file on the primary manager. Releases are only ever added; their state moves on.
options:
  path:
    description: The ledger's file.
    type: path
    default: /var/lib/fairlead/ledger.db
  do:
    description:
      - V(prepare) makes the directory (0700), the file (0600) and the schema.
      - V(read) returns the newest releases of O(app).
      - V(open) returns the pending release of O(configuration_hash). It resumes the newest release if that
        is pending with the same hash; otherwise a pending one is marked failed and a new number is made.
      - V(activate) makes the pending release O(number) the active one, and the active one superseded.
      - V(fail) marks the pending release O(number) failed.
      - V(remove) marks the active release removed, and a pending one failed.
    type: str
    required: true
    choices: [prepare, read, open, activate, fail, remove]
  app:
    description: The app; required for all but V(prepare).
    type: str
  limit:
    description: How many releases V(read) returns at most, newest first.
    type: int
    default: 20
  number:
    description: The release to V(activate) or to V(fail).
    type: int
  outcome:
    description: How the rollout ended, in words.
    type: str
    default: ""
  configuration:
    description: The release's configuration, with secrets as keyed hashes only.
    type: dict
  configuration_hash:
    description: The hash of the configuration.
    type: str
  image:
    description: The image by digest.
    type: str
  who:
    description: The person who opens the release.
    type: str
    default: ""
  host:
    description: The machine the release is opened from.
    type: str
    default: ""
  git_commit:
    description: The commit the release is made of.
    type: str
    default: ""
  git_dirty:
    description: Whether there were changes that are not in the commit.
    type: bool
    default: false
  message:
    description: What is said about the release.
    type: str
    default: ""
attributes:
  check_mode:
    description: Predicts exactly, changes nothing.
    support: full
  diff_mode:
    description: Shows the states that move.
    support: full
author:
  - The Fairlead maintainers
"""

EXAMPLES = r"""
- name: Make the ledger
  fairlead.paas.ledger:
    do: prepare

- name: Read what was released
  fairlead.paas.ledger:
    do: read
    app: shop
    limit: 5
"""

RETURN = r"""
releases:
  description: The newest releases, newest first; see the columns in module_utils/ledger/ledger.py.
  returned: read
  type: list
  elements: dict
number:
  description: The number of the pending release.
  returned: open
  type: int
resumed:
  description: Whether the pending release was there before.
  returned: open
  type: bool
moves:
  description: The releases that change state (number, before, after, outcome).
  returned: open, activate, fail, remove
  type: list
  elements: dict
"""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fairlead.paas.plugins.module_utils.ledger.file import LedgerError, prepare
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.history import Move
from ansible_collections.fairlead.paas.plugins.module_utils.ledger.ledger import Draft, Ledger

ARGUMENTS: dict[str, Any] = {
    "path": {"type": "path", "default": "/var/lib/fairlead/ledger.db"},
    "do": {
        "type": "str",
        "required": True,
        "choices": ["prepare", "read", "open", "activate", "fail", "remove"],
    },
    "app": {"type": "str"},
    "limit": {"type": "int", "default": 20},
    "number": {"type": "int"},
    "outcome": {"type": "str", "default": ""},
    "configuration": {"type": "dict"},
    "configuration_hash": {"type": "str"},
    "image": {"type": "str"},
    "who": {"type": "str", "default": ""},
    "host": {"type": "str", "default": ""},
    "git_commit": {"type": "str", "default": ""},
    "git_dirty": {"type": "bool", "default": False},
    "message": {"type": "str", "default": ""},
}
REQUIRED = [
    ("do", "read", ["app"]),
    ("do", "open", ["app", "configuration", "configuration_hash", "image"]),
    ("do", "activate", ["app", "number"]),
    ("do", "fail", ["app", "number"]),
    ("do", "remove", ["app"]),
]


def run(params: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Do what is asked and return what the module returns. Raises LedgerError."""
    path = Path(params["path"])
    if params["do"] == "prepare":
        todo = prepare(path, check=check)
        return {"changed": bool(todo), "diff": {"before": "", "after": "".join(f"{it}\n" for it in todo)}}
    with Ledger(path, readonly=check or params["do"] == "read") as ledger:
        return _ask(ledger, params)


def _ask(ledger: Ledger, params: dict[str, Any]) -> dict[str, Any]:
    do, app, number, outcome = (params[key] for key in ("do", "app", "number", "outcome"))
    if do == "read":
        found = ledger.releases(app, params["limit"])
        return {"changed": False, "releases": [release.as_dict() for release in found]}
    if do == "open":
        number, moves = ledger.open(app, Draft(**{field.name: params[field.name] for field in fields(Draft)}))
        return _moved(moves) | {"number": number, "resumed": not moves}
    if do == "activate":
        return _moved(ledger.activate(app, number, outcome))
    if do == "fail":
        return _moved(ledger.fail(app, number, outcome))
    return _moved(ledger.remove(app))


def _moved(moves: tuple[Move, ...]) -> dict[str, Any]:
    before = "".join(f"v{move.number} {move.before}\n" for move in moves if move.before)
    after = "".join(f"v{move.number} {move.after}\n" for move in moves)
    return {
        "changed": bool(moves),
        "moves": [asdict(move) for move in moves],
        "diff": {"before": before, "after": after},
    }


def main() -> None:
    """Arguments, one call, exit."""
    module = AnsibleModule(argument_spec=ARGUMENTS, required_if=REQUIRED, supports_check_mode=True)
    try:
        result = run(module.params, check=module.check_mode)
    except LedgerError as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(**result)


if __name__ == "__main__":
    main()
