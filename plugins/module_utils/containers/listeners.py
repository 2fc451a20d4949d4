# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports that are listened on, as the kernel tells who asks it for listeners alone (sock_diag(7)).

``/proc/net/tcp`` would do, but holds every connection too: on a busy machine that is megabytes to read.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

_SOCK_DIAG, _BY_FAMILY = 4, 20  # NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY
_REQUEST, _DUMP = 0x1, 0x300
_LISTEN = 1 << 10  # the state of TCP, as a set of states
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")  # length, type, flags, number, sender
_WANTED = struct.Struct("=BBBxI48x")  # family, protocol, extensions, states, any socket
_PORT = struct.Struct("!H")
_PORT_AT = _HEADER.size + 4


def listened_ports() -> set[int]:
    """Return the TCP ports that anything listens on, on whatever address, IPv4 and IPv6.

    Raises OSError where the kernel does not tell.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
        return {port for family in (socket.AF_INET, socket.AF_INET6) for port in _ports(kernel, family)}


def _ports(kernel: socket.socket, family: int) -> Iterator[int]:
    wanted = _WANTED.pack(family, socket.IPPROTO_TCP, 0, _LISTEN)
    kernel.send(_HEADER.pack(_HEADER.size + len(wanted), _BY_FAMILY, _REQUEST | _DUMP, 1, 0) + wanted)
    while True:
        for kind, message in _messages(kernel.recv(1 << 16)):
            if kind == _DONE:
                return
            if kind == _ERROR:
                number = -struct.unpack_from("=i", message, _HEADER.size)[0]
                raise OSError(number, "the kernel does not tell who listens")
            yield _PORT.unpack_from(message, _PORT_AT)[0]


def _messages(received: bytes) -> Iterator[tuple[int, bytes]]:
    while received:
        length, kind, *_ = _HEADER.unpack_from(received)
        yield kind, received[:length]
        received = received[(length + 3) & ~3 :]
