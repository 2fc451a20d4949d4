# SPDX-License-Identifier: GPL-3.0-or-later
"""Write one release of an app, with its images, into a file.

The file has all that a fleet without any connection needs to run it: the app file, its image by digest,
and what is attached to that, such as signatures. An image has its runtime in it; to build anew over there,
take the base images along, with --also. Secrets are not in it. `fairlead load` brings it into another fleet.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.bundle.contents import read_head
from fairlead.machines import machine_options, machines_of
from fairlead.output import Output

EXAMPLES = """\
  fairlead bundle shop -o shop.bundle
  fairlead bundle shop --release v3 -o shop-v3.bundle --also runtimes/python:bookworm
"""
CODES = "Exit codes: 0 written; 1 an error."
PLAYBOOK = "playbooks/bundle.yml"


def arguments(parser: ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("app", metavar="APP", help="the app")
    parser.add_argument("--release", default="", metavar="V", help="which release, v3; else the active one")
    parser.add_argument("-o", "--out", required=True, metavar="FILE", help="the file to write")
    parser.add_argument(
        *("--also",),
        action="append",
        default=[],
        metavar="NAME:TAG",
        help="an image of the registry to take along, such as runtimes/python:bookworm",
    )
    machine_options(parser)


def run(asked: Namespace, output: Output) -> int:
    """Have the file made, and say what is in it."""
    from fairlead.running import play  # noqa: PLC0415 - slow to import

    out = Path(asked.out).resolve()
    told: dict[str, object] = {"app": asked.app, "out": str(out), "also": asked.also}
    play(PLAYBOOK, machines_of(asked), output, number=asked.release, **told)
    head = read_head(out)
    images = [f"{image.name}@{image.digest}" for image in head.images]
    data = {
        "file": str(out),
        "app": head.app,
        "release": head.release["number"],
        "size": out.stat().st_size,
        "images": images,
        "secrets": list(head.secrets),
    }
    head_line = f"{out}: {head.app} v{head.release['number']}, {out.stat().st_size // 2**20} MB, with"
    output.answer(data, "\n".join([head_line, *(f"  {image}" for image in images)]))
    return 0
