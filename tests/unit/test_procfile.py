# SPDX-License-Identifier: GPL-3.0-or-later
"""Procfiles, and the commands in them: what they mean, and what is refused."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fairlead.paas.plugins.module_utils.errors import Refused
from ansible_collections.fairlead.paas.plugins.module_utils.source.command import split_command
from ansible_collections.fairlead.paas.plugins.module_utils.source.procfile import parse_procfile


def shell(line: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", line)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("python3 app.py", ("python3", "app.py")),
        ("gunicorn app:app --name 'my shop'", ("gunicorn", "app:app", "--name", "my shop")),
        ("serve -p $PORT", shell("exec serve -p $PORT")),
        ('serve "${NAME}"', shell('exec serve "${NAME}"')),
        ("serve > /dev/null", shell("exec serve > /dev/null")),
        ("exec serve", shell("exec serve")),
        ("cd web && serve", shell("cd web && serve")),
        ("migrate; serve", shell("migrate; serve")),
        ("serve | tee log", shell("serve | tee log")),
        ("serve 2>&1", shell("serve 2>&1")),
        ("LEVEL=2 serve", shell("LEVEL=2 serve")),
        ("(serve)", shell("(serve)")),
        ("! serve", shell("! serve")),
        ("while true; do serve; done", shell("while true; do serve; done")),
        ("serve *.conf", shell("exec serve *.conf")),
    ],
)
def test_commands(line: str, command: tuple[str, ...]) -> None:
    assert split_command(line) == command


@pytest.mark.parametrize("line", ["echo $A", "A=2 sh -c 'echo $A'", "cd / && echo $A", "echo $(echo $A)"])
def test_a_shell_that_a_command_gets_does_what_the_line_says(line: str) -> None:
    command = split_command(line)
    ran = subprocess.run(command, env={"A": "2", "PATH": "/usr/bin:/bin"}, capture_output=True, check=True)
    assert ran.stdout == b"2\n"


def test_a_procfile() -> None:
    text = "# comment\n\nweb: serve -p 80  \nworker-2:\twork\r\nrelease: migrate # not a comment\n"
    assert parse_procfile("Procfile", text).commands == {
        "web": ("serve", "-p", "80"),
        "worker-2": ("work",),
        "release": shell("exec migrate # not a comment"),
    }


FORM = "expected NAME: COMMAND, one a line"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("web serve", f'Procfile:1:1: is no line of a Procfile; got "web serve"; {FORM}'),
        ("web:serve", f'Procfile:1:1: is no line of a Procfile; got "web:serve"; {FORM}'),
        ("web:", f'Procfile:1:1: is no line of a Procfile; got "web:"; {FORM}'),
        ("we b: x", f'Procfile:1:1: is no line of a Procfile; got "we b: x"; {FORM}'),
        ("a\n../x: y", None),
        ("web: a\nweb: b", 'Procfile:2:1: names web a second time; got "web: b"; expected each process once'),
        ("web: 'a", 'Procfile:1:1: is no command; got "web: \'a"; expected quotes that are closed'),
        (
            "web: a\x1b[0m",
            f'Procfile:1:1: has a character that cannot be printed; got "web: a\\u001b[0m"; {FORM}',
        ),
        ("web: " + "a" * 9000, None),
        ("# x\n" * 201, "Procfile: is too long; got 201 lines; expected at most 200"),
    ],
)
def test_procfiles_that_are_refused(text: str, words: str | None) -> None:
    with pytest.raises(Refused) as error:
        parse_procfile("Procfile", text)
    if words:
        assert str(error.value) == words


@given(st.one_of(st.text(), st.lists(st.text()).map(lambda words: "web: " + " ".join(words))))
def test_nothing_but_refused_is_ever_raised(text: str) -> None:
    try:
        found = parse_procfile("Procfile", text)
    except Refused:
        return
    assert all(command and "\0" not in "".join(command) for command in found.commands.values())
