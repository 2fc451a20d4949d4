# SPDX-License-Identifier: GPL-3.0-or-later
"""The command behind the make targets of tests: ``python -m tests.suite [PART …] [--together PART …]``.

Runs the parts after ``--together`` side by side and reports all. Then, unless one failed, the others up to
the first check that fails: those that need the lab's fleet one after the other, and beside them what has
machines of its own. Its last line is ``N passed, M failed``: every test that pytest counted, and one for each
other check.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .lab.paths import ROOT
from .lab.progress import heartbeat, say, streamed

PYTEST = ("pytest", "--quiet", "--exitfirst")
# Two at a time, a file's tests together, since they share what is slow to start.
SIDE_BY_SIDE = (*PYTEST, "--numprocesses", "2", "--dist", "loadfile")
# Without colour it puts no frame around what it runs, and pytest's closing line can be read.
MOLECULE = ("env", "NO_COLOR=1", "MOLECULE_COMMAND_BORDERS=false", "molecule", "test")
SINGLE = "tests/e2e/test_single.py"
COLLECTION = "ansible_collections.fairlead.paas.plugins"
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_CLOSING = re.compile(r"^=* *((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s")
_PRINTING = threading.Lock()


@dataclass(frozen=True)
class Check:
    """One program that must exit with 0: its title, its arguments, where it is run, and what it needs.

    All that needs nothing but this machine is done first, in order. What needs the fleet has it for itself;
    what has machines of its own, or none, may run beside all others.
    """

    title: str
    argv: tuple[str, ...]
    cwd: Path = ROOT
    needs: Literal["nothing", "engine", "fleet"] = "nothing"


@dataclass(frozen=True)
class Count:
    """How many tests passed and failed, and how many were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Count) -> Count:
        """Return both counts as one."""
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)


def images(_: argparse.Namespace) -> Iterator[Check]:
    """Yield what the machines of later parts are made from: most of it is waiting for Debian's packages."""
    yield _lab("the lab's images", "images")


def lint(_: argparse.Namespace) -> Iterator[Check]:
    """Yield the checks of style, the longest first."""
    yield Check("ansible-lint", ("ansible-lint", "--offline", "-q", "--nocolor"))
    yield Check("ruff", ("ruff", "check", "--quiet", "."))
    yield Check("ruff format", ("ruff", "format", "--check", "--quiet", "."))
    yield Check("yamllint", ("yamllint", "--strict", "."))


def types(_: argparse.Namespace) -> Iterator[Check]:
    """Yield the checks of types: the linked collection's parts, what people start, and the tests."""
    packages = [f"{COLLECTION}.{path.name}" for path in sorted((ROOT / "plugins").iterdir()) if _python(path)]
    yield Check("mypy, plugins", ("mypy", *(word for package in packages for word in ("-p", package))))
    folders = [name for name in ("fairlead", "tests") if _python(ROOT / name)]
    yield Check("mypy, tests", ("mypy", *folders))


def unit(_: argparse.Namespace) -> Iterator[Check]:
    """Yield the tests of pure code."""
    yield Check("unit tests", (*SIDE_BY_SIDE, "tests/unit"))


def integration(_: argparse.Namespace) -> Iterator[Check]:
    """Yield the tests of each module against real parts."""
    yield _lab("a Docker engine", "engine-start")
    yield Check("integration tests", (*SIDE_BY_SIDE, "tests/integration"), needs="engine")


def molecule(asked: argparse.Namespace) -> Iterator[Check]:
    """Yield every role's scenarios, or those of one role."""
    yield _lab("a Docker engine", "engine-start")
    for role in sorted(ROOT.glob(f"roles/{asked.role or '*'}")):
        for scenario in sorted(role.glob("molecule/*/molecule.yml")):
            name = scenario.parent.name
            argv = (*MOLECULE, "--scenario-name", name)
            yield Check(f"role {role.name}, {name}", argv, role, needs="engine")


def e2e(_: argparse.Namespace) -> Iterator[Check]:
    """Yield the tests of the whole way, on one machine, and on a fleet as bare as on its first day."""
    yield _lab("a Docker engine", "engine-start")
    yield Check("a platform on one machine", (*PYTEST, SINGLE), needs="engine")
    yield _lab("a bare lab fleet", "up", "--fresh", needs="fleet")
    yield Check("end to end tests", (*PYTEST, "tests/e2e", f"--ignore={SINGLE}"), needs="fleet")


def faults(asked: argparse.Namespace) -> Iterator[Check]:
    """Yield the quick third of all faults, or all of them; these are tried to the end, whatever fails."""
    yield _lab("the lab fleet", "up", needs="fleet")
    if asked.whole:
        every = ("pytest", "--quiet", "-m", "not product", "tests/faults")
        yield Check("all faults", every, needs="fleet")
    else:
        yield Check("the quick faults", (*PYTEST, "-m", "quick", "tests/faults"), needs="fleet")


PARTS: dict[str, Callable[[argparse.Namespace], Iterator[Check]]] = {
    part.__name__: part for part in (images, lint, types, unit, integration, molecule, e2e, faults)
}


def counted(output: str, code: int) -> Count:
    """Return what a check's output counts: pytest's closing lines, else the check itself as one."""
    lines = [_ESCAPES.sub("", line) for line in output.splitlines()]
    counts = [_closing(found[1]) for line in lines if (found := _CLOSING.match(line))]
    total = sum(counts, Count()) if counts else Count(passed=int(code == 0))
    return total if code == 0 or total.failed else total + Count(failed=1)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the parts asked for; return 0 when everything passed."""
    parser = _parser()
    asked = parser.parse_args(argv)
    if not asked.parts and not asked.together:
        parser.error("no part is named")
    total = _together([check for part in asked.together for check in PARTS[part](asked)], 4)
    if not total.failed:
        total += run([check for part in asked.parts for check in PARTS[part](asked)])
    if total.skipped:
        say(f"skipped: {total.skipped}")
    print(f"{total.passed} passed, {total.failed} failed", flush=True)  # noqa: T201 - the closing line
    return int(total.failed > 0)


def run(checks: Sequence[Check]) -> Count:
    """Run checks up to the first that fails, and what had begun beside it; return what they count."""
    ground, own, fleet = (
        [it for it in checks if it.needs == needs] for needs in ("nothing", "engine", "fleet")
    )
    failed = threading.Event()
    total = _one_by_one(dict.fromkeys(ground), failed)
    with ThreadPoolExecutor(max_workers=1 if fleet else 2) as beside:
        others = [beside.submit(_unless, failed, check) for check in own]
        total += _one_by_one(fleet, failed)
        with heartbeat("checking"):
            return sum((other.result() for other in others), total)


def _one_by_one(checks: Iterable[Check], failed: threading.Event) -> Count:
    total = Count()
    for check in checks:
        if failed.is_set():
            break
        say(f"=== {check.title}")
        code, output = streamed(check.argv, check.title, cwd=check.cwd)
        total += counted(output, code)
        if total.failed:
            failed.set()
            say(f"=== {check.title} failed; nothing more is begun")
    return total


def _unless(failed: threading.Event, check: Check) -> Count:
    if failed.is_set():
        return Count()
    count = _aside(check)
    if count.failed:
        failed.set()
    return count


def _together(checks: Sequence[Check], at_once: int) -> Count:
    if not checks:
        return Count()
    say(f"=== side by side: {', '.join(check.title for check in checks)}")
    with heartbeat("checking"), ThreadPoolExecutor(max_workers=at_once) as pool:
        return sum(pool.map(_aside, checks), Count())


def _aside(check: Check) -> Count:
    """Run a check with its output kept together; show it only where there is something to see."""
    begun = time.monotonic()
    done = subprocess.run(
        check.argv, cwd=check.cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    count = counted(done.stdout, done.returncode)
    with _PRINTING:
        say(f"{'FAILED' if count.failed else 'passed'} {check.title} ({time.monotonic() - begun:.1f} s)")
        if count.failed or count.skipped:
            print(done.stdout, flush=True)  # noqa: T201 - what a person must see
    return count


def _closing(text: str) -> Count:
    said = {word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", text)}
    failed = said.get("failed", 0) + said.get("error", 0) + said.get("errors", 0)
    return Count(said.get("passed", 0), failed, said.get("skipped", 0))


def _lab(title: str, *arguments: str, needs: Literal["nothing", "fleet"] = "nothing") -> Check:
    return Check(title, (sys.executable, "-m", "tests.lab", *arguments), needs=needs)


def _python(folder: Path) -> bool:
    return folder.is_dir() and any(folder.rglob("*.py"))


def _part(name: str) -> str:
    if name not in PARTS:
        raise argparse.ArgumentTypeError(f"{name} is no part; expected one of {', '.join(sorted(PARTS))}")
    return name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.suite", description=__doc__)
    # Choices of a positional argument would refuse that there is none.
    parser.add_argument("parts", nargs="*", type=_part, metavar="PART", help=", ".join(sorted(PARTS)))
    parser.add_argument("--together", nargs="+", type=_part, metavar="PART", default=(), help="side by side")
    parser.add_argument("--role", help="with molecule: only this role")
    parser.add_argument("--whole", action="store_true", help="with faults: all of them")
    return parser


if __name__ == "__main__":
    sys.exit(main())
