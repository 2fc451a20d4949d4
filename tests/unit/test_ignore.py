# SPDX-License-Identifier: GPL-3.0-or-later
"""What a .dockerignore leaves out: Docker's reference as a table, and Docker's own SDK as an oracle."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from docker.utils.build import exclude_paths
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.errors import Refused
from ansible_collections.fairlead.paas.plugins.module_utils.image.ignore import paths_in, read_rules

TREE = (
    *("Dockerfile", ".dockerignore", "README.md", "README-secret.md", "a.log", "temp.txt"),
    *("app/a.log", "app/main.py", "app/temp.txt", "app/build/out.bin", "app/build/keep.txt", "app/[x]"),
    *("lib/deep/build/out.bin", "lib/deep/build/keep.txt", "lib/deep/tempb", "back\\slash"),
)


def left(root: Path, ignore: str) -> set[str]:
    """Return the files of the tree that a .dockerignore leaves in."""
    for name in TREE:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / ".dockerignore").write_text(ignore)
    paths = paths_in(root, read_rules(root, "Dockerfile"))
    return {path for path in paths if (root / path).is_file()}


@pytest.mark.parametrize(
    ("ignore", "gone"),
    [
        ("", set()),
        ("# *\n  \n.\n/\n..\n", set()),
        (" *.log  \n", {"a.log"}),
        ("/*.log\n./temp.txt\n", {"a.log", "temp.txt"}),
        ("**/*.log\n", {"a.log", "app/a.log"}),
        ("*/*.log\n", {"app/a.log"}),
        ("temp?\n*/*/temp?\n", {"lib/deep/tempb"}),
        ("app/../app/build/\n", {"app/build/out.bin", "app/build/keep.txt"}),
        ("../app\n", {name for name in TREE if name.startswith("app/")}),
        ("*.md\n!README*.md\nREADME-secret.md\n", {"README-secret.md"}),
        ("*.md\nREADME-secret.md\n!README*.md\n", set()),
        ("app/[a-m]*\n", {"app/a.log", "app/main.py", "app/build/out.bin", "app/build/keep.txt"}),
        ("app/[^a-m]*\n", {"app/temp.txt", "app/[x]"}),
        ("app/\\[x]\n", {"app/[x]"}),
        ("app/[[&~|]x]\n", {"app/[x]"}),
        ("back\\\\slash\n", {"back\\slash"}),
        ("\ufeff*.log\n", {"a.log"}),
        ("**\n", {name for name in TREE if name not in {"Dockerfile", ".dockerignore"}}),
        ("Dockerfile\n.dockerignore\n", set()),
        ("lib/**/build\n", {"lib/deep/build/out.bin", "lib/deep/build/keep.txt"}),
        ("app/build\n!app/build/keep.txt\n", {"app/build/out.bin"}),
        # Here Docker's engine looks at every directory above, and its SDK does not.
        (
            "**/build\n!lib/deep/build/keep.txt\n",
            {"app/build/out.bin", "app/build/keep.txt", "lib/deep/build/out.bin"},
        ),
    ],
)
def test_what_is_left_out_is_what_dockers_reference_says(tmp_path: Path, ignore: str, gone: set[str]) -> None:
    assert set(TREE) - left(tmp_path, ignore) == gone


def test_every_line_that_is_no_pattern_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("*.log\nsrc/[a\n[z-a]\n")
    with pytest.raises(Refused) as caught:
        read_rules(tmp_path)
    assert [(problem.line, problem.got) for problem in caught.value.problems] == [
        (2, "src/[a"),
        (3, "[z-a]"),
    ]


PARTS = st.sampled_from(
    ["*", "**", "app", "lib", "deep", "build", "*.log", "temp?", "*.txt", "[a-m]*", "..", "."]
)
LINES = st.lists(st.tuples(st.sampled_from(["", "/"]), st.lists(PARTS, min_size=1, max_size=3)), max_size=4)


@given(LINES)
def test_without_exceptions_it_is_as_with_dockers_sdk(lines: list[tuple[str, list[str]]]) -> None:
    ignore = [start + "/".join(parts) for start, parts in lines]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        ours = left(root, "\n".join(ignore))
        theirs = {path for path in exclude_paths(folder, ignore) if (root / path).is_file()}
    assert ours == theirs
