# SPDX-License-Identifier: GPL-3.0-or-later
"""The labels by which a container says what it is; observed state is read from nothing else."""

from __future__ import annotations

PREFIX = "io.fairlead."
APP = PREFIX + "app"
PROCESS = PREFIX + "process"
SLOT = PREFIX + "slot"
RELEASE = PREFIX + "release"
IMAGE = PREFIX + "image"
SPEC = PREFIX + "spec"
MEMORY = PREFIX + "memory"  # bytes
CPU = PREFIX + "cpu"  # cores
PORT = PREFIX + "port"  # on the node's private address; absent without one
CONFIGURATION = PREFIX + "configuration"  # the release's, packed: what is left of it if the ledger is lost
VOLUME = PREFIX + "volume"  # of a volume: its name in the app file
TASK = PREFIX + "task"  # the app whose release command it runs; such a container has no label APP
