# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every file of the repository."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LICENCE = "SPDX-License-Identifier: GPL-3.0-or-later"
SOURCES = {".py", ".yml", ".sh", ".cfg", ".toml", ".j2", ".html"}
WITHOUT = {"LICENSE", "requirements.in", "requirements.lock"}


def files() -> list[Path]:
    """Return the files that git knows or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [path for path in found if path.is_file() and not path.is_symlink()]


def test_every_source_file_names_its_licence() -> None:
    sources = [path for path in files() if path.suffix in SOURCES or path.name in {"Dockerfile", "Makefile"}]
    without = [path for path in sources if LICENCE not in "\n".join(path.read_text().splitlines()[:3])]
    assert len(sources) > 100
    assert without == []


@pytest.mark.parametrize("folder", ["", "tests/bench"])
def test_the_lock_pins_every_package_by_hash_and_names_no_address(folder: str) -> None:
    lock = (ROOT / folder / "requirements.lock").read_text()
    pinned = re.findall(r"^([a-z0-9-]+)==\S+.*\\\n    --hash=sha256:", lock, re.MULTILINE)
    assert len(pinned) == len(re.findall(r"^[a-z0-9-]+", lock, re.MULTILINE))
    assert "://" not in lock
    wanted = (ROOT / folder / "requirements.in").read_text().lower()
    for line in wanted.splitlines():
        if line and not line.startswith("#"):
            assert re.split(r"[=>]", line)[0].replace("_", "-") in pinned


def test_every_link_between_documents_leads_somewhere() -> None:
    links = [
        (path, target)
        for path in files()
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())
    ]
    assert len(links) > 5
    assert [(path.name, target) for path, target in links if not (path.parent / target).exists()] == []


def test_every_error_stands_in_the_drawing_of_their_tree() -> None:
    code = "".join(path.read_text() for path in files() if "module_utils" in path.parts)
    defined = re.findall(r"^class (\w+)\(FairleadError", code, re.MULTILINE)
    drawing = (ROOT / "plugins/module_utils/errors.py").read_text().partition("from __future__")[0]
    assert set(re.findall(r"^[├└]── (\w+)", drawing, re.MULTILINE)) == set(defined)


@pytest.mark.parametrize(
    "plugin", sorted((ROOT / "plugins/modules").glob("*.py")), ids=lambda path: path.stem
)
def test_every_module_says_what_it_does_with_examples_and_returns(plugin: Path) -> None:
    text = plugin.read_text()
    for part in ("DOCUMENTATION", "EXAMPLES", "RETURN"):
        assert re.search(rf'^{part} = r"""\n\S', text, re.MULTILINE), part
    assert "check_mode:" in text
    assert "diff_mode:" in text


@pytest.mark.parametrize("role", sorted((ROOT / "roles").iterdir()), ids=lambda path: path.name)
def test_every_role_is_whole(role: Path) -> None:
    for part in ("defaults/main.yml", "meta/argument_specs.yml", "molecule/default/molecule.yml"):
        assert (role / part).is_file(), part
    assert list((role / "molecule/default/tests").glob("test_*.py"))
