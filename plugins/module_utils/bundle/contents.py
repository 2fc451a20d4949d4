# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a bundle, and the reading of one that anybody may have made.

A bundle is a tar, not compressed, since layers are: ``fairlead-bundle.json`` first, with the checksum of all
else, then an OCI layout (``oci-layout``, ``index.json``, ``blobs/sha256/…``) and ``app/NAME.yml``. It is the
same, byte by byte, whenever it is made of the same release.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, cast

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError

FORMAT = "fairlead bundle 1"
HEAD = "fairlead-bundle.json"
PIECE = 2**20  # bytes read at a time
_LAYOUT, _INDEX = "oci-layout", "index.json"
_KIND = 156  # where in a header of a tar its kind is
_MOST_FILES, _LONGEST_TEXT = 20_000, 16 * 2**20
_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?", re.ASCII)
_IMAGE = re.compile(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_BLOB = re.compile(r"blobs/sha256/[0-9a-f]{64}", re.ASCII)
_APP = re.compile(rf"app/{_NAME.pattern}\.yml", re.ASCII)


class BundleError(FairleadError):
    """A bundle cannot be made, or is none; says what is wrong with which of its files."""


@dataclass(frozen=True)
class Image:
    """A manifest of the bundle, in the order in which a registry takes them: parts before the whole."""

    name: str  # without the registry's address
    digest: str
    kind: str  # media type
    tags: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Return where in the bundle its manifest is."""
        return blob_path(self.digest)


@dataclass(frozen=True)
class File:
    """A file of the bundle."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Head:
    """What a bundle says of itself."""

    app: str
    release: Mapping[str, Any]  # number, digest, git_commit, message, opened_at, configuration, source
    secrets: tuple[str, ...]  # names; the values are no part of a bundle
    images: tuple[Image, ...]
    files: Mapping[str, File]

    def written(self) -> bytes:
        """Return the text of ``fairlead-bundle.json``."""
        data = {"format": FORMAT, **asdict(self)}
        return (json.dumps(data, sort_keys=True, indent=1) + "\n").encode()

    @classmethod
    def parsed(cls, text: bytes) -> Head:
        """Return what the text says. Raises BundleError if that is nothing a bundle may say."""
        try:
            data = json.loads(text)
            head = cls(
                app=_matching(_NAME, data["app"]),
                release=dict(data["release"]),
                secrets=tuple(str(name) for name in data["secrets"]),
                images=tuple(_image(each) for each in data["images"]),
                files={str(path): _file(str(path), each) for path, each in data["files"].items()},
            )
            known = data["format"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise BundleError(f"{HEAD}: is not that of a bundle: {error!r}") from None
        if known != FORMAT:
            raise BundleError(f"{HEAD}: is of another format; got {known!r}; expected {FORMAT!r}")
        head._check()
        return head

    @property
    def app_file(self) -> str:
        """Return where in the bundle the app file is."""
        return f"app/{self.app}.yml"

    def _check(self) -> None:
        for needed in (_LAYOUT, _INDEX, self.app_file, *(image.place for image in self.images)):
            if needed not in self.files:
                raise BundleError(f"{HEAD}: names no file {needed}, which a bundle of {self.app} has")
        if not self.images:
            raise BundleError(f"{HEAD}: names no image")


def blob_path(digest: str) -> str:
    """Return where in a bundle the blob of a digest is."""
    return f"blobs/{digest.replace(':', '/')}"


def read_head(path: Path) -> Head:
    """Return what a bundle says of itself, once every file in it is what that says. Raises BundleError.

    Nothing is unpacked, and no more than a piece of it is ever in memory. Whoever made it, only what is
    expected is taken: regular files of known names, each once, with the size and checksum that the head says.
    """
    with _opened(path) as tar:
        members = _members(tar)
        first = next(members, None)
        if first is None or first.name != HEAD:
            raise BundleError(f"{path}: begins with {first.name if first else 'nothing'!r}; expected {HEAD}")
        head = Head.parsed(_text(tar, first))
        left = dict(head.files)
        for member in members:
            wanted = left.pop(member.name, None)
            if wanted is None:
                raise BundleError(f"{path}: {member.name!r} is in it twice, or is not named in {HEAD}")
            _compare(tar, member, wanted)
        if left:
            raise BundleError(f"{path}: lacks {min(left)}, and so is not whole")
    _check_images(path, head)
    return head


def texts(path: Path, *wanted: str) -> dict[str, bytes]:
    """Return some small files of a bundle that was read before. Raises BundleError."""
    with _opened(path) as tar:
        return {member.name: _text(tar, member) for member in _members(tar) if member.name in wanted}


def _named(tar: tarfile.TarFile) -> str:
    return os.fsdecode(tar.name or "")


def _opened(path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(path, "r:")
    except (OSError, tarfile.TarError) as error:
        raise BundleError(f"{path}: cannot be read as a bundle: {error}") from error


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the members, each refused that is no plain file of a name that a bundle has."""
    for count in range(_MOST_FILES + 1):
        try:
            _refuse_extended(tar)
            member = tar.next()
        except (OSError, tarfile.TarError, ValueError) as error:
            raise BundleError(f"{_named(tar)}: is torn or damaged: {error}") from error
        if member is None:
            return
        if not _is_known(member.name):
            raise BundleError(f"{_named(tar)}: {member.name!r} is no file that a bundle has")
        if count == _MOST_FILES:
            raise BundleError(f"{_named(tar)}: has more than {_MOST_FILES} files")
        yield member


def _refuse_extended(tar: tarfile.TarFile) -> None:
    """Raise BundleError unless the next header is a file's own: what extends one would be read whole."""
    file = cast("IO[bytes]", tar.fileobj)
    file.seek(tar.offset)
    header = file.read(tarfile.BLOCKSIZE)
    kind = header[_KIND : _KIND + 1]
    if header.strip(b"\0") and kind not in (tarfile.REGTYPE, tarfile.AREGTYPE):
        name = header[:100].rstrip(b"\0").decode(errors="replace")
        raise BundleError(f"{_named(tar)}: {name!r} is no regular file")


def _is_known(name: str) -> bool:
    return name in (HEAD, _LAYOUT, _INDEX) or bool(_BLOB.fullmatch(name) or _APP.fullmatch(name))


def _compare(tar: tarfile.TarFile, member: tarfile.TarInfo, wanted: File) -> None:
    if member.size != wanted.size:
        raise BundleError(
            f"{_named(tar)}: {member.name} has {member.size} bytes; expected {wanted.size}, as {HEAD} says"
        )
    found = hashlib.sha256()
    for piece in pieces(tar, member):
        found.update(piece)
    if found.hexdigest() != wanted.sha256:
        raise BundleError(f"{_named(tar)}: {member.name} was changed: its checksum is not that in {HEAD}")


def pieces(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    """Yield the content of a member. Raises BundleError where the file ends before it."""
    file, left = tar.extractfile(member), member.size
    while file and left:
        try:
            piece = file.read(min(PIECE, left))
        except (OSError, tarfile.TarError) as error:
            raise BundleError(f"{_named(tar)}: is torn: it ends within {member.name}: {error}") from error
        if not piece:
            raise BundleError(f"{_named(tar)}: is torn: it ends within {member.name}")
        left -= len(piece)
        yield piece


def _text(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.size > _LONGEST_TEXT:
        raise BundleError(f"{_named(tar)}: {member.name} has more than {_LONGEST_TEXT} bytes")
    return b"".join(pieces(tar, member))


def _check_images(path: Path, head: Head) -> None:
    """Raise BundleError unless all that the manifests refer to is there, each by its own digest."""
    manifests = texts(path, *(image.place for image in head.images))
    for image in head.images:
        try:
            data = json.loads(manifests[image.place])
            parts = list(referred(data))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BundleError(f"{path}: {image.place} is no manifest of an image: {error!r}") from None
        lacking = [digest for digest in parts if blob_path(digest) not in head.files]
        if lacking:
            raise BundleError(f"{path}: lacks {lacking[0]}, a part of the image {image.name}@{image.digest}")


def referred(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield the digests that a manifest, or a list of them, refers to. Raises ValueError for what is none."""
    parts = [*(manifest.get("manifests") or ()), *(manifest.get("layers") or ())]
    for part in [manifest["config"], *parts] if manifest.get("config") else parts:
        yield _matching(_DIGEST, part["digest"])


def _image(data: Mapping[str, Any]) -> Image:
    tags = tuple(_matching(_TAG, tag) for tag in data["tags"])
    return Image(_matching(_IMAGE, data["name"]), _matching(_DIGEST, data["digest"]), str(data["kind"]), tags)


def _file(path: str, data: Mapping[str, Any]) -> File:
    if not _is_known(path) or path == HEAD:
        raise ValueError(f"{path!r} is no file that a bundle has")
    file = File(_matching(re.compile(r"[0-9a-f]{64}", re.ASCII), data["sha256"]), int(data["size"]))
    if _BLOB.fullmatch(path) and not path.endswith(f"/{file.sha256}"):
        raise ValueError(f"{path!r} is not named by its checksum")
    return file


def _matching(pattern: re.Pattern[str], text: Any) -> str:
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise ValueError(f"{text!r} is not possible there")
    return text
