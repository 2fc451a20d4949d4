# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a first app file for what you have.

SOURCE is a directory, with or without a Dockerfile, or a package (.tar.gz, .tgz, .tar.zst, .zip). What an
app is built from stands beside its file, so SOURCE has to be in the directory of app files already; or --copy
puts a copy there; or --git, for a checkout, names the origin of its repository, and nothing is copied.

The file is checked as every run would, and each line in it is explained. One that is there is never changed.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from fairlead import ROOT
from fairlead.output import Output

EXAMPLES = """\
  fairlead init apps/shop
  fairlead init ~/code/shop --copy
  fairlead init ~/code/shop --git --name shop
  fairlead init shop-1.2.tar.gz --copy --runtime python
"""
CODES = "Exit codes: 0, 1 an error: nothing was written."
SCHEMA = "docs/app.schema.json"


def arguments(parser: ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("source", metavar="SOURCE", help="a directory, or a package")
    parser.add_argument("--name", metavar="NAME", help="of the app; that of SOURCE unless given")
    parser.add_argument("--out", metavar="DIR", help="the directory of app files; that of this checkout")
    parser.add_argument("--runtime", metavar="NAME", help="what it runs on, where that cannot be told")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--copy", action="store_true", help="copy SOURCE beside the app file")
    how.add_argument("--git", action="store_true", help="build from the origin of this checkout, its branch")


def run(asked: Namespace, output: Output) -> int:
    """Look at what there is, and write the file."""
    # Reading app files takes more imports than all else together.
    from fairlead.first import app_file, checked_name, name_for  # noqa: PLC0415
    from fairlead.taking import check, copy, look, origin, place_of, remove  # noqa: PLC0415

    source, out = Path(asked.source), Path(asked.out) if asked.out else ROOT / "apps"
    if not source.exists():
        raise FairleadError(f"{source}: there is no such file or directory")
    if not out.is_dir():
        raise FairleadError(f"{out}: is no directory; expected that of app files: --out DIR")
    name = checked_name(asked.name) if asked.name else name_for(source.resolve())
    place = out / f"{name}.yml"
    if os.path.lexists(place):
        raise FairleadError(f"{place}: is there already; it is not changed. Another app: --name NAME")
    build, copied = (origin(source), None) if asked.git else place_of(source, out, name, copy=asked.copy)
    found = look(source, build)
    text = app_file(name, found, asked.runtime, _schema(out))
    try:
        if copied:
            copy(source, copied)
        place.write_text(text)
        check(out, name)
    except BaseException:
        place.unlink(missing_ok=True)
        if copied:
            remove(copied)
        raise
    said = {"app": name, "file": str(place), "copied": str(copied) if copied else None, "text": text}
    also = [f"{source} is copied to {copied}"] if copied else []
    then = f"Read it, and deploy: ansible-playbook deploy.yml -e app={name}"
    output.answer(said, "\n".join([f"{place} is written", *also, then, "", text.rstrip("\n")]))
    return 0


def _schema(out: Path) -> str | None:
    """Return where the schema is, as the app file names it, if it is this checkout's."""
    schema = ROOT / SCHEMA
    return os.path.relpath(schema, out) if out.resolve().is_relative_to(ROOT) and schema.is_file() else None
