# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a playbook of this checkout, with its ansible.cfg, and shows how it goes on."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import ansible_runner

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

from . import ROOT
from .machines import Machines
from .output import Output

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_WARNING = re.compile(r"^\[WARNING\]: (.*?)(?=^\[|\Z)", re.MULTILINE | re.DOTALL)
_ERROR = re.compile(r"^(?:ERROR!|\[ERROR\]:) (.*?)(?=^\[|\Z)", re.MULTILINE | re.DOTALL)


def play(playbook: str, machines: Machines, output: Output, *arguments: str, **variables: object) -> None:
    """Run a playbook to its end. Raises FairleadError with what Ansible said if it failed."""
    heard = _Heard(output)
    inventory, given = machines.place(), [*machines.arguments(), *arguments]
    with tempfile.TemporaryDirectory(prefix="fairlead-") as private, _stoppable() as stopped:
        run = ansible_runner.run(
            private_data_dir=private,
            project_dir=str(ROOT),
            playbook=str(ROOT / playbook),
            extravars=variables,
            cmdline=shlex.join(given),
            envvars=_environment(),
            settings={"suppress_ansible_output": True},
            quiet=True,
            event_handler=heard.event,
            cancel_callback=lambda: bool(stopped),
            **({"inventory": inventory} if inventory else {}),
        )
    output.done()
    if stopped:
        raise KeyboardInterrupt
    if run.rc != 0:
        raise FairleadError(heard.why() or f"{playbook} ended with {run.rc}")


class _Heard:
    """What a run has said so far: warnings are passed on, errors kept."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._errors: dict[str, None] = {}  # each once, in order
        self._last: list[str] = []

    def event(self, event: Mapping[str, Any]) -> bool:
        """Take one event of ansible-runner; keep none of them on disk."""
        data = event.get("event_data", {})
        said = _ESCAPES.sub("", event.get("stdout", ""))
        for match in _WARNING.finditer(said):
            self._output.warn(_joined(match[1]))
        self._last += [_joined(match[1]) for match in _ERROR.finditer(said)]
        match event.get("event"):
            case "playbook_on_task_start":
                self._output.progress(str(data.get("name", "")))
            case "runner_on_failed" if not data.get("ignore_errors"):
                self._fail("", data)
            case "runner_on_unreachable":
                self._fail(f"{data.get('host')}: ", data)
        return False

    def why(self) -> str:
        """Return why the run failed, one reason a line."""
        return "\n".join(self._errors or dict.fromkeys(self._last))

    def _fail(self, where: str, data: Mapping[str, Any]) -> None:
        message = str(data.get("res", {}).get("msg", "")).strip()
        if message:
            self._errors[f"{where}{message}"] = None


def _joined(text: str) -> str:
    return " ".join(text.split())


def _environment() -> dict[str, str]:
    beside = Path(sys.executable).parent  # where ansible-playbook is
    return {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "PATH": f"{beside}:{os.environ.get('PATH', '')}",
    }


@contextmanager
def _stoppable() -> Iterator[list[int]]:
    """Yield a list that gets the signal which asks this process to end; the run itself does not get it."""
    stopped: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        stopped.append(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
