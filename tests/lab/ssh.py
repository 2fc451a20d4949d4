# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's key pair, and the host keys of its machines, read out of the machines themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .command import run
from .paths import SSH, locked, write
from .progress import LabError

KEY = SSH / "id_ed25519"
KNOWN_HOSTS = SSH / "known_hosts"
USER = "operator"


def ensure_key() -> str:
    """Return the lab's public key, after making the pair where it is missing or half made."""
    with locked("ssh"):
        public = KEY.with_suffix(".pub")
        if not (KEY.exists() and public.exists()):
            _make_key()
        return public.read_text().strip()


def _make_key() -> None:
    SSH.mkdir(mode=0o700, parents=True, exist_ok=True)
    half = SSH / "half"
    for left in (half, half.with_suffix(".pub")):
        left.unlink(missing_ok=True)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "fairlead-lab", "-f", str(half)])
    half.with_suffix(".pub").replace(KEY.with_suffix(".pub"))
    half.replace(KEY)


def know(keys: Mapping[str, str]) -> None:
    """Write which host key each address has, in place of what was known of it."""
    _rewrite(forget=keys, add=(f"{address} {key}" for address, key in sorted(keys.items())))


def forget(addresses: Iterable[str]) -> None:
    """Remove what is known of these addresses."""
    _rewrite(forget=set(addresses), add=())


def _rewrite(forget: Iterable[str], add: Iterable[str]) -> None:
    gone = set(forget)
    with locked("ssh"):
        lines = KNOWN_HOSTS.read_text().splitlines() if KNOWN_HOSTS.exists() else []
        kept = [line for line in lines if line.partition(" ")[0] not in gone]
        if lines or add:
            write(KNOWN_HOSTS, "".join(f"{line}\n" for line in sorted([*kept, *add])))


def options() -> list[str]:
    """Return the ssh options under which the lab's machines are reached, host keys checked."""
    return [
        *("-i", str(KEY), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"),
        *("-o", f"UserKnownHostsFile={KNOWN_HOSTS}", "-o", "StrictHostKeyChecking=yes"),
        *("-o", "ConnectTimeout=10", "-o", "LogLevel=ERROR"),
    ]


def check(address: str) -> None:
    """Log in and become root, as the platform will.

    Raises:
        LabError: that does not work; says what ssh said.
    """
    done = run(["ssh", *options(), f"{USER}@{address}", "sudo", "-n", "true"])
    if done.returncode != 0:
        raise LabError(f"ssh to {address} does not answer: {done.stderr.strip()}")
