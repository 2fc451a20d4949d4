# SPDX-License-Identifier: GPL-3.0-or-later
"""Converge a password file to exactly the accounts given."""

from __future__ import annotations

DOCUMENTATION = r"""
module: accounts
short_description: Converge a password file to exactly the accounts given
description:
  - Keeps a file of C(name:bcrypt hash) lines, as htpasswd writes them.
  - Accounts that are not given are removed.
  - Passwords never stand on a command line. Needs python3-bcrypt on the machine.
options:
  path:
    description: The password file.
    type: path
    required: true
  group:
    description: The group that may read the file; everybody else but root may not.
    type: str
    required: true
  accounts:
    description: The accounts.
    type: list
    elements: dict
    required: true
    suboptions:
      username:
        description: The account's name.
        type: str
        required: true
      password:
        description: The account's password, at most 72 bytes.
        type: str
        required: true
attributes:
  check_mode:
    description: Predicts exactly, changes nothing.
    support: full
  diff_mode:
    description: Names the accounts that change, never a password or a hash.
    support: full
author:
  - The Fairlead maintainers
"""

EXAMPLES = r"""
- name: Keep the registry's accounts
  fairlead.paas.accounts:
    path: /etc/docker/registry/accounts
    group: docker-registry
    accounts:
      - {username: push, password: "{{ push_password }}"}
      - {username: pull, password: "{{ pull_password }}"}
"""

RETURN = r"""
"""

import grp
import importlib
import os
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fairlead.paas.plugins.module_utils.files import land, mode_of
from ansible_collections.fairlead.paas.plugins.module_utils.options import ACCOUNT, TEXT
from ansible_collections.fairlead.paas.plugins.module_utils.trust.accounts import (
    difference,
    parse,
    problems,
    render,
)

MODE = 0o640
COST = 6  # every request to a registry pays it; the passwords are long and random
ARGUMENTS: dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "group": TEXT,
    "accounts": {"type": "list", "elements": "dict", "required": True, "options": ACCOUNT},
}


def converge(path: Path, group: int, accounts: dict[str, str], *, check: bool) -> dict[str, Any]:
    """Return what the module returns. Raises ImportError without python3-bcrypt, OSError."""
    bcrypt: Any = importlib.import_module("bcrypt")
    found = parse(path.read_text()) if path.exists() else {}
    unlike = difference(found, accounts, lambda word, known: _matches(bcrypt, word, known))
    access = path.exists() and (mode_of(path), path.stat().st_gid) != (MODE, group)
    if (unlike or access) and not check:
        text = render(found, accounts, unlike, lambda word: _hash(bcrypt, word))
        land(path, text.encode(), MODE)
        os.chown(path, -1, group)
    said = f"{unlike}{'mend group and mode' if access else ''}"
    return {"changed": bool(said), "diff": {"before": "", "after": said}}


def _hash(bcrypt: Any, password: str) -> str:
    text: bytes = bcrypt.hashpw(password.encode(), bcrypt.gensalt(COST))
    return text.decode()


def _matches(bcrypt: Any, password: str, known: str) -> bool:
    try:
        return bool(bcrypt.checkpw(password.encode(), known.encode()))
    except ValueError:  # the line holds no bcrypt hash
        return False


def main() -> None:
    """Arguments, one call, exit."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    accounts = {it["username"]: it["password"] for it in module.params["accounts"]}
    if wrong := problems(accounts):
        module.fail_json(msg="; ".join(wrong))
    path, group = Path(module.params["path"]), module.params["group"]
    try:
        result = converge(path, grp.getgrnam(group).gr_gid, accounts, check=module.check_mode)
    except (ImportError, KeyError) as error:
        if module.check_mode:
            # A check of a bare machine: the role's packages, and so the file, are yet to come.
            module.exit_json(changed=True)
        module.fail_json(msg=f"This machine lacks python3-bcrypt or the group {group}: {error}.")
    except OSError as error:
        module.fail_json(msg=f"The accounts {path} cannot be kept: {error}.")
    else:
        module.exit_json(**result)


if __name__ == "__main__":
    main()
