# SPDX-License-Identifier: GPL-3.0-or-later
"""A slow and lossy way out of a machine, where the kernel has no ``netem``.

What the machine sends is routed into a tun device, waits in this program, and leaves through a raw socket
whose mark keeps it off the device. Run in its network: ``python -m tests.faults.slow MILLISECONDS LOSS``.
"""

from __future__ import annotations

import fcntl
import heapq
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.running import until
from tests.lab.arguments import SUBNET
from tests.lab.paths import ROOT

from .machines import in_network

DEVICE, MARK, TABLE = "slow0", "0x51", "151"
_IPV4 = 4
_TUNSETIFF, _TUN_WITHOUT_HEADER = 0x400454CA, 0x1001
_COMMANDS = (
    f"ip link set {DEVICE} up",
    f"ip route add {SUBNET} dev {DEVICE} table {TABLE}",
    f"iptables -t raw -I OUTPUT -m mark --mark {MARK} -j NOTRACK",
    f"ip rule add not fwmark {MARK} lookup {TABLE} pref 100",
)
_UNDO = (
    "ip rule del pref 100",
    f"iptables -t raw -D OUTPUT -m mark --mark {MARK} -j NOTRACK",
)


@contextmanager
def slowed(machine: str, milliseconds: int, loss: float) -> Iterator[None]:
    """Let each packet that a machine sends be late, and a share of them be lost."""
    program = [sys.executable, "-m", "tests.faults.slow", str(milliseconds), str(loss)]
    with subprocess.Popen(in_network(machine, *program), cwd=ROOT) as process:
        rules = in_network(machine, "ip", "rule")
        try:
            until(lambda: TABLE in subprocess.run(rules, check=True, capture_output=True, text=True).stdout)
            yield
        finally:
            process.terminate()
            process.wait()
            for command in _UNDO:
                subprocess.run(in_network(machine, *command.split()), check=True, capture_output=True)


def main(milliseconds: str, loss: str) -> None:
    """Hold packets back until terminated."""
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", DEVICE.encode(), _TUN_WITHOUT_HEADER))
    way_out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    way_out.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, int(MARK, 16))
    for command in _COMMANDS:
        subprocess.run(command.split(), check=True)
    waiting: list[tuple[float, bytes]] = []
    while True:
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        if select.select([device], [], [], pause)[0]:
            packet = os.read(device, 65536)
            if packet[0] >> 4 == _IPV4 and random.random() >= float(loss):  # noqa: S311 - no secret
                heapq.heappush(waiting, (time.monotonic() + int(milliseconds) / 1000, packet))
        while waiting and waiting[0][0] <= time.monotonic():
            packet = heapq.heappop(waiting)[1]
            way_out.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))


if __name__ == "__main__":
    main(*sys.argv[1:])
