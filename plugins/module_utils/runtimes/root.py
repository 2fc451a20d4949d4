# SPDX-License-Identifier: GPL-3.0-or-later
"""From the root that mmdebstrap made to the tree of an image: what stays, what goes, what comes to it.

Packages are installed whole, with their own scripts, by Debian's tools. Then only those stay that the image
is for, and those that they need at run time. That leaves out dpkg, apt and perl, which only installed them.
Nothing stays that tells when or where the root was made.
"""

from __future__ import annotations

import fnmatch
import io
import posixpath
import re
import tarfile
from collections.abc import Collection, Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.image.layers import MOMENT

from .bytecode import trusted
from .packages import Package, installed, needed, status_of
from .truststore import truststore
from .users import FILES, ID, Account, is_fixed

STATUS = "var/lib/dpkg/status"
_BUNDLE = "etc/ssl/certs/ca-certificates.crt"
_JAVA_BUNDLE = "etc/ssl/certs/java/cacerts"
# What only installs, configures or starts others.
_TOOLS = (
    *("apt", "dpkg", "debconf*", "perl*", "libperl*", "adduser", "passwd", "login*", "ucf", "usr-is-merged"),
    *("usrmerge", "init-system-helpers", "sysvinit-utils", "lsb-base", "util-linux*", "systemd*", "mount"),
    *("libpam-modules*", "libpam-runtime", "openssl", "openssl-provider-*", "sensible-utils", "logrotate"),
    *("gpgv", "debian-archive-keyring", "procps", "psmisc", "ssl-cert", "sqv", "tar"),
)
# What every image has.
_ALWAYS = ("base-files", "base-passwd", "ca-certificates", "dash", "libc-bin", "netbase", "tzdata")
# Where OpenSSL's library finds certificates and settings. They are files of its command's package.
_OF_OPENSSL = {"usr/lib/ssl/certs", "usr/lib/ssl/openssl.cnf", "etc/ssl/openssl.cnf"}
# Of no use in a container, or another each time.
_NEVER = re.compile(
    r"""
    (?:dev|proc|sys|run|tmp|var/tmp|var/log|var/lib/apt/lists|var/lib/systemd)/.+
    | var/cache/(?!debconf/(?:config|passwords|templates)\.dat$|debconf$).+
    | var/lib/dpkg/(?:[^/]+-old|lock.*|triggers/Lock) | var/lib/apt/extended_states\..*
    | etc/(?:passwd-|group-|shadow-|gshadow-|subuid-|subgid-|\.pwd\.lock|machine-id)
    | etc/(?:hostname|resolv\.conf|mtab) | etc/ssl/private/.+ | etc/ssl/certs/ssl-cert-snakeoil\.pem
    | usr/share/(?:man|info|locale|lintian|linda|bug|doc-base|gtk-doc)/.+
    | usr/share/doc/(?:[^/]+/(?!copyright$).+)
    | usr/share/zoneinfo/(?:right|posix)(?:/.*)?
    | (?:usr/)?lib/.*/classes(?:_nocoops)?\.jsa
    """,
    re.VERBOSE,
)
# What the tools above read, and a container never does.
_NEVER_OF_TOOLS = re.compile(
    r"""
    var/lib/(?:dpkg|apt|pam|ucf|systemd|python|misc)(?:/(?!status$).+)? | var/(?:cache|backups|log)/.+
    | etc/(?:apt|dpkg|init\.d|rc.\.d|cron\..*|systemd|logrotate\.d|pam\.d|security|default|kernel|ucf\..*
            |update-motd\.d|logcheck|skel|alternatives/README|debconf\.conf)(?:/.*)?
    | (?:usr/)?lib/(?:systemd|tmpfiles\.d|sysusers\.d|init|udev)(?:/.*)?
    | usr/share/(?:perl5|debconf|dpkg|base-passwd|initramfs-tools|bash-completion)(?:/.*)?
    """,
    re.VERBOSE,
)
_SPECIAL_BITS = 0o6000  # setuid and setgid: nobody becomes somebody else
_SECRET, _SHADOW = ("etc/shadow", "etc/gshadow"), 42


@dataclass(frozen=True)
class Addition:
    """A file that comes to the root; ``path`` begins at it."""

    path: str  # usr/bin/fairlead-static
    content: bytes
    is_program: bool = False


@dataclass(frozen=True)
class Shape:
    """What of a root becomes an image."""

    wanted: tuple[str, ...]  # the packages it is for
    whole: bool = False  # all packages stay, and the tools with them
    without: tuple[str, ...] = ()  # patterns of packages that are not needed after all
    lacks: tuple[str, ...] = ()  # patterns of paths that are left out
    account: Account = field(default_factory=Account)
    owned: tuple[str, ...] = ()  # directories that are the user's
    additions: tuple[Addition, ...] = ()


def shaped(source: Path, target: Path, shape: Shape) -> tuple[Package, ...]:
    """Write the image's tree of the root ``source`` to ``target``, both tar files; return its packages.

    Raises FairleadError for a root that does not hold together.
    """
    with tarfile.open(source, "r:") as read, tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as written:
        root = _Root(read, shape)
        for member, stream in root.tree():
            written.addfile(member, stream)
        return root.kept


class _Root:
    """A root as mmdebstrap packed it. Names begin at the root, without a slash."""

    def __init__(self, tar: tarfile.TarFile, shape: Shape) -> None:
        self._tar, self._shape = tar, shape
        self._members = {_plain(member.name): member for member in tar.getmembers()}
        self._lacks = [re.compile(fnmatch.translate(pattern)) for pattern in shape.lacks]
        every = installed(self._text(STATUS))
        names = {each.name for each in every}
        if not shape.whole:
            names = needed(every, (*_ALWAYS, *shape.wanted), (*_TOOLS, *shape.without))
        self.kept = tuple(each for each in every if each.name in names)
        self._ours = self._files(self.kept)
        self._left = self._files(each for each in every if each.name not in names)
        self._left -= self._ours | _OF_OPENSSL

    def tree(self) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
        """Yield what the image has, by name, so that the order is the same from every disk."""
        stays = {name: member for name, member in self._members.items() if name and not self._goes(name)}
        gone = self._members.keys() - stays.keys()
        stays = {name: member for name, member in stays.items() if not self._leads_to(name, member, gone)}
        made = self._made()
        used = {parent for name in (*stays, *made) if not self._is_idle(name) for parent in _parents(name)}
        for name in sorted({*stays, *made}):
            if name in made:
                yield made[name]
            elif not self._is_idle(name) or name in used:
                yield self._settled(name, stays[name])

    def _goes(self, name: str) -> bool:
        if (
            (name in self._left and not self._members[name].isdir())
            or _NEVER.fullmatch(name)
            or any(each.match(name) for each in self._lacks)
        ):
            return True
        return not self._shape.whole and (self._is_state(name) or bool(_NEVER_OF_TOOLS.fullmatch(name)))

    def _is_state(self, name: str) -> bool:
        """Say whether it is what a package's script began to keep, such as a database."""
        return name.startswith("var/") and name not in self._ours and self._members[name].isreg()

    def _is_idle(self, name: str) -> bool:
        """Say whether it is a directory that only has a meaning with something in it."""
        member = self._members.get(name)
        return not self._shape.whole and member is not None and member.isdir() and name not in self._ours

    def _leads_to(self, name: str, member: tarfile.TarInfo, gone: Collection[str]) -> bool:
        if not member.issym():
            return False
        place = posixpath.join("/", posixpath.dirname(name), member.linkname)
        return self._true(place) in gone and not place.startswith(("/proc/", "/dev/", "/run/"))

    def _settled(self, name: str, member: tarfile.TarInfo) -> tuple[tarfile.TarInfo, IO[bytes] | None]:
        if member.islnk() and self._goes(_plain(member.linkname)):
            raise FairleadError(f"/{name} is the same file as /{_plain(member.linkname)}, which is left out")
        entry = copy(member)
        entry.name = name
        if member.islnk():
            entry.linkname = _plain(member.linkname)
        if not self._shape.whole:
            entry.mode &= ~_SPECIAL_BITS if member.isreg() else ~0
            entry.uid, entry.gid = (number if is_fixed(number) else 0 for number in (member.uid, member.gid))
        if not member.isreg():
            return entry, None
        stream = self._tar.extractfile(member)
        if not name.endswith(".pyc") or stream is None:
            return entry, stream
        return entry, io.BytesIO(trusted(stream.read()))

    def _made(self) -> dict[str, tuple[tarfile.TarInfo, IO[bytes] | None]]:
        """Return what is written here: accounts, dpkg's status, additions, the user's directories."""
        account, whole = self._shape.account, self._shape.whole
        files = {name: account.written(name, self._text(name), whole=whole).encode() for name in FILES}
        files[STATUS] = status_of(self.kept).encode()
        if _JAVA_BUNDLE in self._members:
            files[_JAVA_BUNDLE] = truststore(self._text(_BUNDLE))
        programs = {each.path for each in self._shape.additions if each.is_program}
        files |= {each.path: each.content for each in self._shape.additions}
        owned = {_plain(path) for path in self._shape.owned}
        folders = {
            _plain(account.home),
            *owned,
            *(each for name in (*files, *owned) for each in _parents(name)),
        }
        made = {name: _directory(name, is_owned=name in owned) for name in sorted(folders)}
        kept = {name: entry for name, entry in made.items() if name in owned or name not in self._members}
        return kept | {
            name: _file(name, content, _mode(name, is_program=name in programs))
            for name, content in files.items()
        }

    def _text(self, name: str) -> str:
        member = self._members.get(name)
        stream = self._tar.extractfile(member) if member else None
        return stream.read().decode() if stream else ""

    def _files(self, packages: Iterable[Package]) -> set[str]:
        texts = (self._listed(each) for each in packages)
        return {self._true(line) for text in texts for line in text.splitlines()} - {""}

    def _listed(self, package: Package) -> str:
        names = (package.name, f"{package.name}:{package.architecture}")
        return next(filter(None, (self._text(f"var/lib/dpkg/info/{name}.list") for name in names)), "")

    def _true(self, path: str) -> str:
        """Return the name of a path whose first part may be a link, such as /bin."""
        head, slash, rest = _plain(posixpath.normpath(path)).partition("/")
        link = self._members.get(head)
        return (
            f"{_plain(link.linkname)}/{rest}" if slash and link and link.issym() else f"{head}{slash}{rest}"
        )


def _plain(path: str) -> str:
    return path.removeprefix(".").strip("/")


def _parents(name: str) -> Iterator[str]:
    while name := name.rpartition("/")[0]:
        yield name


def _mode(name: str, *, is_program: bool) -> int:
    if name in _SECRET:
        return 0o640
    return 0o755 if is_program else 0o644


def _file(name: str, content: bytes, mode: int) -> tuple[tarfile.TarInfo, IO[bytes]]:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(content), mode, MOMENT
    entry.gid = _SHADOW if name in _SECRET else 0
    return entry, io.BytesIO(content)


def _directory(name: str, *, is_owned: bool) -> tuple[tarfile.TarInfo, None]:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mtime, entry.mode = tarfile.DIRTYPE, MOMENT, 0o700 if is_owned else 0o755
    entry.uid = entry.gid = ID if is_owned else 0
    return entry, None
