# SPDX-License-Identifier: GPL-3.0-or-later
"""The command: ``python -m tests.lab up|down|start|remove|status|images|engine-start|engine-stop``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import engine, fleet
from .arguments import Machine
from .progress import LabError, say
from .recipe import CODENAMES


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code: 0, or 1 with a sentence about what went wrong."""
    asked = _parser().parse_args(argv)
    try:
        _run(asked)
    except LabError as error:
        say(f"lab: {error}")
        return 1
    except KeyboardInterrupt:
        say("lab: interrupted; run the same command again to finish, or `make demo-down` to remove all")
        return 130
    return 0


def _run(asked: argparse.Namespace) -> None:
    match asked.command:
        case "up":
            fleet.up(fresh=asked.fresh)
        case "start":
            fleet.start(Machine(asked.name, asked.debian, asked.address, asked.publish), fresh=asked.fresh)
        case "remove":
            fleet.remove(asked.name)
        case "images":
            fleet.images()
        case "engine-start":
            engine.ensure()
        case "engine-stop":
            fleet.stop_engine()
        case "down":
            fleet.down()
        case _:
            fleet.status()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="make the machines of inventories/lab be there and answer")
    start = commands.add_parser("start", help="make one machine be there and answer")
    start.add_argument("name")
    start.add_argument("--debian", type=int, choices=sorted(CODENAMES), required=True)
    start.add_argument("--address", required=True, help="inside 198.18.0.0/16")
    start.add_argument("--publish", help="for instance 127.0.0.1:8080:80")
    for command in (up, start):
        command.add_argument("--fresh", action="store_true", help="replace machines that are there")
    commands.add_parser("remove", help="remove one machine").add_argument("name")
    commands.add_parser("down", help="remove every trace of the lab")
    commands.add_parser("status", help="list the machines")
    commands.add_parser("images", help="make the images of the machines, where they are missing")
    commands.add_parser("engine-start", help="start a Docker engine where none answers")
    commands.add_parser("engine-stop", help="stop the Docker engine, if the lab started it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
