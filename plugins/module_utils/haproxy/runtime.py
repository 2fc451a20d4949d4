# SPDX-License-Identifier: GPL-3.0-or-later
"""The Runtime API: one question, one answer, over HAProxy's admin socket or its master's."""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

_GAP, _PAUSE = 5.0, 0.05  # seconds
_PID = re.compile(r"^Pid: ([0-9]+)$", re.MULTILINE)

_VERSION = re.compile(r"^Version: ([0-9]+)\.([0-9]+)", re.MULTILINE)


class Silent(FairleadError):
    """HAProxy does not answer on its socket."""


class Unexpected(FairleadError):
    """HAProxy answered something else than the way of a change needs."""


@dataclass(frozen=True)
class Info:
    """The worker that answers: its process id and HAProxy's version, ``(2, 6)``."""

    pid: int
    version: tuple[int, int]


@dataclass(frozen=True)
class Runtime:
    """A socket of HAProxy. ``timeout`` in seconds bounds each answer."""

    path: str
    timeout: float = 30.0

    def ask(self, command: str) -> str:
        """Return the answer without blank lines around it. Raises Silent when there is none.

        A new connection for each question: after a reload it reaches the new worker.
        """
        if ";" in command or "\n" in command:
            raise ValueError(f"not one command: {command!r}")
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(self.timeout)
                _connect(connection, self.path)
                connection.sendall(f"{command}\n".encode())
                # The master answers but keeps the line open until it has heard the last question.
                connection.shutdown(socket.SHUT_WR)
                return _all(connection).decode(errors="replace").strip()
        except OSError as error:
            raise Silent(f"HAProxy does not answer on {self.path} ({error}); is it running?") from error

    def order(self, command: str, answer: str = "") -> None:
        """Give a command that must be answered by exactly this (all lines, blanks around them left out)."""
        got = self.ask(command)
        if got != answer:
            raise Unexpected(f'HAProxy answered "{got}" to "{command}"')

    def info(self) -> Info:
        """Return who answers."""
        said = self.ask("show info")
        pid, version = _PID.search(said), _VERSION.search(said)
        if not pid or not version:
            raise Unexpected(f"HAProxy does not say who it is on {self.path}")
        return Info(int(pid[1]), (int(version[1]), int(version[2])))

    def pid(self) -> int:
        """Return the process id of the worker that answers."""
        return self.info().pid


def _connect(connection: socket.socket, path: str) -> None:
    """Connect; for a moment of a reload nobody listens, and then the call waits."""
    end = time.monotonic() + _GAP
    while True:
        try:
            connection.connect(path)
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(_PAUSE)
        else:
            return


def _all(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)
