# SPDX-License-Identifier: GPL-3.0-or-later
"""Making the lab's images: only those whose recipe has no image yet."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from .command import docker, run
from .paths import BUILD, ROOT, locked
from .progress import LabError, heartbeat, say
from .recipe import CODENAMES, REPOSITORY, Recipe, bootstrap, dockerfile, import_arguments

CACHE = ROOT / ".cache" / "apt"
HALF = "-half"


def recipe(debian: int) -> Recipe:
    """Return how the image of this Debian is made on this machine."""
    if shutil.which("mmdebstrap"):
        return bootstrap(debian)
    return dockerfile(debian)


def ensure(debians: Iterable[int]) -> dict[int, str]:
    """Return the image's name for each Debian, after making those that are missing, at the same time."""
    wanted = sorted(set(debians))
    with ThreadPoolExecutor(max_workers=len(wanted) or 1) as pool:
        return dict(zip(wanted, pool.map(_ensure, map(recipe, wanted)), strict=True))


def remove_outdated(current: Iterable[str]) -> None:
    """Remove the lab's images that no recipe names any more; those still in use stay."""
    keep = {*current, *(how(debian).tag for how in (bootstrap, dockerfile) for debian in CODENAMES)}
    names = docker("images", "--format", "{{.Repository}}:{{.Tag}}", REPOSITORY).split()
    for name in set(names) - keep:
        if not name.endswith(HALF):
            run(["docker", "image", "rm", name])


def _ensure(how: Recipe) -> str:
    if _exists(how.tag):
        return how.tag
    text = f"making the image of Debian {how.debian}"
    with heartbeat(text), locked(f"image-{how.debian}") as lock:
        if not _exists(how.tag):
            say(f"{text}: {how.tag}")
            _make(how, lock)
            say(f"made the image of Debian {how.debian}")
    return how.tag


def _exists(name: str) -> bool:
    return run(["docker", "image", "inspect", name]).returncode == 0


def _make(how: Recipe, lock: int) -> None:
    """Make the image. A half-made one never gets its name: that is given last."""
    work = BUILD / f"debian-{how.debian}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o755)
    half = f"{REPOSITORY}:{how.debian}{HALF}"
    run(["docker", "image", "rm", half])
    if how.piped:
        _bootstrap(how, half, work.as_posix(), lock)
    else:
        done = run([*how.argv(CACHE), "--tag", half])
        _judge(how, done.returncode, done.stdout + done.stderr)
    docker("tag", half, how.tag)
    docker("image", "rm", half)
    shutil.rmtree(work, ignore_errors=True)


def _bootstrap(how: Recipe, half: str, work: str, lock: int) -> None:
    """Pipe mmdebstrap into ``docker import``; what is left of a killed run holds the lock until it ends."""
    log = BUILD / f"debian-{how.debian}.log"
    with (
        log.open("wb") as said,
        subprocess.Popen(
            how.argv(CACHE / str(how.debian)),
            stdout=subprocess.PIPE,
            stderr=said,
            env={**os.environ, "TMPDIR": work},
            pass_fds=[lock],
        ) as maker,
        subprocess.Popen(
            import_arguments(half), stdin=maker.stdout, stdout=said, stderr=said, pass_fds=[lock]
        ) as importer,
    ):
        assert maker.stdout is not None
        maker.stdout.close()
        code = importer.wait() or maker.wait()
    _judge(how, code, log.read_text(errors="replace"))


def _judge(how: Recipe, code: int, said: str) -> None:
    if code != 0:
        last = "\n".join(said.splitlines()[-20:])
        raise LabError(f"the image of Debian {how.debian} cannot be made by {how.words[0]}:\n{last}")
