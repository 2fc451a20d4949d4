# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker engine of this machine: reached once, its refusals said as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

from .client import Auth, Engine, Messages

_READ_TIMEOUT = 120  # seconds; a busy engine needs long to start many containers at once
_HANGS = (
    "the engine has not answered in time; `journalctl -u docker` on that machine may tell why, and "
    "`systemctl restart docker` frees it (instances go on running meanwhile); then run this again"
)


class EngineError(FairleadError):
    """The engine cannot be reached or refused; the message says what was tried and why it failed."""


def connect() -> Engine:
    """Return a client of this machine's engine, its API version negotiated. Raises EngineError."""
    try:
        # Imported here: an image that needs no building need not pay the 0.13 s this takes.
        from docker import APIClient  # noqa: PLC0415
    except ImportError:
        raise EngineError(
            "the Docker SDK for Python is missing; install python3-docker, as the role engine does"
        ) from None
    with saying("the Docker engine of this machine does not answer"):
        return cast("Engine", APIClient(version="auto", timeout=_READ_TIMEOUT))


@contextmanager
def saying(what: str) -> Iterator[None]:
    """Raise what the engine or the way to it refuses as ``EngineError("what: why")``."""
    from docker.errors import DockerException  # noqa: PLC0415 - see connect
    from requests.exceptions import RequestException  # noqa: PLC0415

    try:
        yield
    except (DockerException, RequestException) as error:
        raise EngineError(f"{what}: {reason(error)}") from error


def reason(error: Exception) -> str:
    """Return why, in the engine's own words without the URL; what to do about one that hangs."""
    from requests.exceptions import ReadTimeout  # noqa: PLC0415 - see connect

    if isinstance(error, ReadTimeout):
        return _HANGS
    return str(getattr(error, "explanation", None) or error)


def is_gone(error: EngineError) -> bool:
    """Say whether the engine refused because the thing is not there, or is just being removed."""
    cause = error.__cause__
    if getattr(cause, "status_code", None) == 404:  # noqa: PLR2004 - HTTP's own name for it
        return True
    return "already in progress" in str(error) and "removal" in str(error)


@contextmanager
def unless_gone(what: str) -> Iterator[None]:
    """Do as ``saying`` does, but take it for done when the thing is not there any more."""
    try:
        with saying(what):
            yield
    except EngineError as error:
        if not is_gone(error):
            raise


def has_image(engine: Engine, image: str) -> bool:
    """Say whether the engine holds the image. Raises EngineError when it cannot be asked."""
    try:
        with saying(f"image {image} cannot be looked up"):
            engine.inspect_image(image)
    except EngineError as error:
        if is_gone(error):
            return False
        raise
    return True


def pull(engine: Engine, image: str, auth: Auth) -> None:
    """Pull ``NAME@DIGEST`` or ``NAME:TAG``. Raises EngineError, naming the image and why."""
    what = f"image {image} cannot be pulled"
    with saying(what):
        check(engine.pull(image, stream=True, decode=True, auth_config=dict(auth) if auth else None), what)


def check(messages: Messages, what: str) -> None:
    """Read the engine's progress messages to their end; an error among them is raised as ``what: why``."""
    errors = [str(message["error"]).strip() for message in messages if "error" in message]
    if errors:
        raise EngineError(f"{what}: {errors[0]}")
