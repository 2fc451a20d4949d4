# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees while the lab works: never silent for long, always with the time."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

HEARTBEAT = 5.0
"""Seconds of silence after which a line says that work goes on."""

_BEGUN = time.monotonic()
_SAID = threading.Lock()


class LabError(Exception):
    """Something that a person or a machine's state caused, said as a sentence."""


def elapsed() -> str:
    """Return the time since this process began, as ``  12 s``."""
    return f"{time.monotonic() - _BEGUN:4.0f} s"


def say(text: str) -> None:
    """Print one line of progress with the elapsed time."""
    with _SAID:
        sys.stdout.write(f"[{elapsed()}] {text}\n")
        sys.stdout.flush()


@contextmanager
def heartbeat(text: str) -> Iterator[None]:
    """Say ``text`` whenever another ``HEARTBEAT`` seconds have passed inside."""
    over = threading.Event()
    beat = threading.Thread(target=_beat, args=(over, text), daemon=True)
    beat.start()
    try:
        yield
    finally:
        over.set()
        beat.join()


def _beat(over: threading.Event, text: str) -> None:
    begun = time.monotonic()
    while not over.wait(HEARTBEAT):
        say(f"… {text} ({time.monotonic() - begun:.0f} s)")


def stream(argv: Sequence[str], text: str, environment: Mapping[str, str] | None = None) -> str:
    """Run a program as ``streamed`` does; return its output.

    Raises:
        LabError: the program did not exit with 0.
    """
    code, output = streamed(argv, text, environment)
    if code != 0:
        raise LabError(f"{text}: {' '.join(argv[:4])} … ended with {code}")
    return output


def streamed(
    argv: Sequence[str], text: str, environment: Mapping[str, str] | None = None, cwd: Path | None = None
) -> tuple[int, str]:
    """Run a program, pass its output on, say ``text`` when it is silent; return its exit code and output."""
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(environment or {})},
        cwd=cwd,
    ) as child:
        assert child.stdout is not None
        output = b"".join(_passed_on(child.stdout, text)).decode(errors="replace")
    return child.returncode, output


def _passed_on(pipe: IO[bytes], text: str) -> Iterator[bytes]:
    """Yield what comes through the pipe, after printing it; print a heartbeat in every long silence."""
    begun = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if not selector.select(HEARTBEAT):
                say(f"… {text} ({time.monotonic() - begun:.0f} s)")
                continue
            if not (piece := os.read(pipe.fileno(), 65536)):
                return
            with _SAID:
                sys.stdout.write(piece.decode(errors="replace"))
                sys.stdout.flush()
            yield piece
