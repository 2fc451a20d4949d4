# SPDX-License-Identifier: GPL-3.0-or-later
"""App files as configurations on paper: no image is built for them, and no secret has a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.fairlead.paas.plugins.module_utils.app.document import Document
from ansible_collections.fairlead.paas.plugins.module_utils.app.file import parse_app
from ansible_collections.fairlead.paas.plugins.module_utils.app.model import App
from ansible_collections.fairlead.paas.plugins.module_utils.app.neighbours import check_neighbours
from ansible_collections.fairlead.paas.plugins.module_utils.app.resolve import Platform, configuration_of
from ansible_collections.fairlead.paas.plugins.module_utils.app.sources import app_files, read_bytes
from ansible_collections.fairlead.paas.plugins.module_utils.configuration import TO_BE_BUILT, Configuration
from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError, Problem, Refused

DOMAIN = "apps.localhost"  # hosts do not matter on paper


def names_in(directory: Path) -> list[str]:
    """Return the apps that a directory has files of. Raises FairleadError if it has none."""
    names = [path.stem for path in app_files(directory)] if directory.is_dir() else []
    if not names:
        raise FairleadError(f"{directory}: there are no app files")
    return names


@dataclass(frozen=True)
class AppFiles:
    """Some app files, each valid by itself."""

    apps: Mapping[str, tuple[App, Document]]

    def configurations(self, strategy: str | None = None) -> dict[str, Configuration]:
        """Return the configurations by app. ``strategy`` is that of processes that name none."""
        return {name: _on_paper(app, strategy) for name, (app, _) in sorted(self.apps.items())}

    def check(self, others: Iterable[str]) -> None:
        """Raise Refused if their rules contradict each other, or name an app that there is not."""
        if problems := [*check_neighbours(self.apps, {*self.apps, *others})]:
            raise Refused(problems)


def read_apps(paths: Iterable[str]) -> AppFiles:
    """Return app files, and those of directories. Raises Refused with every problem of any of them."""
    read: dict[str, tuple[App, Document]] = {}
    problems: list[Problem] = []
    for path in _files(paths):
        try:
            app, document = parse_app(str(path), read_bytes(path))
        except Refused as refused:
            problems += refused.problems
        except ValueError as error:
            problems.append(Problem(str(path), 0, 0, "", str(error), "", "an app file"))
        else:
            if app.app in read:
                problems.append(document.problem(("app",), "is another file's app too", app.app, "each once"))
            read[app.app] = app, document
    if problems:
        raise Refused(problems)
    return AppFiles(read)


def _files(paths: Iterable[str]) -> list[Path]:
    files: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            files += [path / f"{name}.yml" for name in names_in(path)]
        elif path.exists():
            files.append(path)
        else:
            raise FairleadError(f"{path}: there is no such file or directory")
    return files


def _on_paper(app: App, strategy: str | None) -> Configuration:
    image = f"{app.app}@{TO_BE_BUILT}"
    return configuration_of(app, image, dict.fromkeys(app.env.secret, ""), Platform("", DOMAIN, strategy))
