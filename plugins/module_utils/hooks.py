# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of the operator that run on the controller around a deploy: files in a folder, beside ``apps``.

An app file cannot name one: who may edit an app may not thereby run commands here.
"""

from __future__ import annotations

import os
import subprocess
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

PRE_DEPLOY, POST_DEPLOY = "pre_deploy", "post_deploy"
HOOKS = (PRE_DEPLOY, POST_DEPLOY)
_KEPT = 20  # lines of output


@dataclass(frozen=True)
class Ran:
    """How a hook ended: ``why`` is empty if well, otherwise what is wrong in words; and its last lines."""

    why: str
    lines: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the words and the lines."""
        return "\n".join([f"{self.why}; its last lines:" if self.lines else self.why, *self.lines])


def find(folder: Path, name: str) -> Path | None:
    """Return the hook, None if there is none. Raises FairleadError where it is no program."""
    path = folder / name
    if not path.exists() and not path.is_symlink():
        return None
    if not path.is_file() or not os.access(path, os.X_OK):
        raise FairleadError(f"hooks/{name} is not an executable file: chmod +x it, or remove it")
    return path


def run(path: Path, facts: Mapping[str, str]) -> Ran:
    """Run a hook in the folder that holds ``hooks``, with facts added to the environment, and wait for it."""
    argv = [os.path.abspath(path)]  # noqa: PTH100 - a link shall be called by its own name
    try:
        with subprocess.Popen(  # noqa: S603 - the operator's own program, no shell
            argv,
            cwd=path.parent.parent,
            env={**os.environ, **facts},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            errors="replace",
            text=True,
        ) as process:
            lines = deque((line.rstrip("\n") for line in process.stdout or ()), maxlen=_KEPT)
    except OSError as error:
        return Ran(
            f"hooks/{path.name} cannot be run: {error.strerror}; has it a first line such as #!/bin/sh?"
        )
    return Ran(_why(path.name, process.returncode), tuple(lines))


def _why(name: str, code: int) -> str:
    if code < 0:
        return f"hooks/{name} was ended by signal {-code}"
    return f"hooks/{name} exited with code {code}" if code else ""
