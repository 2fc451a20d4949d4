# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel says of this machine: free memory, load, and the ports that are listened on."""

from __future__ import annotations

from pathlib import Path

from . import listeners

_PROC = Path("/proc")
_LISTENING = "0A"


def free_memory() -> int:
    """Return the bytes that new processes could use now."""
    return parse_free_memory((_PROC / "meminfo").read_text())


def load() -> float:
    """Return the 1 minute load average."""
    return float((_PROC / "loadavg").read_text().split()[0])


def listened_ports() -> set[int]:
    """Return the TCP ports that anything listens on, on whatever address, IPv4 and IPv6."""
    try:
        return listeners.listened_ports()
    except OSError:  # a kernel without it
        return _listened_ports_in_proc()


def _listened_ports_in_proc() -> set[int]:
    files = [_PROC / "net" / name for name in ("tcp", "tcp6")]
    return {port for file in files if file.exists() for port in parse_listened_ports(file.read_text())}


def parse_free_memory(text: str) -> int:
    """Return the bytes of MemAvailable in the text of ``/proc/meminfo``."""
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return int(fields["MemAvailable"].split()[0]) * 1024


def parse_listened_ports(text: str) -> set[int]:
    """Return the ports of the listening sockets in the text of ``/proc/net/tcp`` or ``tcp6``."""
    rows = (line.split() for line in text.splitlines()[1:])
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == _LISTENING}
