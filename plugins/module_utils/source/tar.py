# SPDX-License-Identifier: GPL-3.0-or-later
"""The members of a tar: POSIX (ustar, pax) and GNU, plain files and directories only.

Python's own reader takes a broken header for the end of the archive, keeps no bound on the length of names,
and follows what is refused here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from .members import ONLY, Guard, HostileError, Member, check_mode
from .unpacking import TRUNCATED

BLOCK = 512
_CHUNK = 2**20
_MOST_EXTRA = 64 * 2**10  # bytes of an extended header
_LONGEST_NUMBER = 19  # digits, of 64 bits
_FILES, _DIRECTORY = b"0\0", b"5"
_REFUSED = {
    b"1": "is a hard link",
    b"2": "is a symbolic link",
    b"3": "is a device",
    b"4": "is a device",
    b"6": "is a fifo",
    b"S": "is a sparse file",
}
_WHOLE = "the whole archive"


class Stream(Protocol):
    """What a tar is read from."""

    def read(self, amount: int) -> bytes:
        """Return so many bytes, fewer only at the end."""


def read_tar(stream: Stream, guard: Guard) -> Iterator[tuple[Member, Iterator[bytes]]]:
    """Yield each member and its content, which is read before the next. Raises HostileError."""
    name, size = None, None
    while any(header := _block(stream)):
        kind, declared = header[156:157], _number(header[124:136])
        _check_sum(header)
        if kind in b"xgL":
            records = _extra(stream, kind, declared)
            name, size = records.get("path", name), _size(records, size)
            continue
        raw = _name(header) if name is None else name
        member = _admit(guard, header, raw, declared if size is None else size)
        name = size = None
        content = _content(stream, guard, member.path, member.size) if member else iter(())
        if member:
            yield member, content
        for _ in content:
            pass
    _check_end(stream)


def _admit(guard: Guard, header: bytes, raw: bytes, size: int) -> Member | None:
    kind, mode = header[156:157], _number(header[100:108])
    shown = raw.rstrip(b"/").decode(errors="backslashreplace")
    if kind in _REFUSED:
        raise HostileError(shown, _REFUSED[kind], ONLY)
    if kind not in (*(bytes([each]) for each in _FILES), _DIRECTORY):
        raise HostileError(shown, "is of a kind that is not known", ONLY, repr(kind)[1:])
    directory = kind == _DIRECTORY or raw.endswith(b"/")
    check_mode(shown, mode & 0o7777)
    if directory and size:
        raise HostileError(shown, "is a directory with a content", ONLY)
    return guard.admit(raw, mode & 0o7777, size, directory=directory)


def _content(stream: Stream, guard: Guard, path: str, size: int) -> Iterator[bytes]:
    left = size
    while left:
        data = stream.read(min(left, _CHUNK))
        if not data:
            raise HostileError(path, TRUNCATED, _WHOLE)
        guard.count(path, len(data))
        left -= len(data)
        yield data
    _pad(stream, size)


def _block(stream: Stream) -> bytes:
    data = stream.read(BLOCK)
    if len(data) < BLOCK:
        raise HostileError("", TRUNCATED, _WHOLE)
    return data


def _pad(stream: Stream, size: int) -> None:
    padding = -size % BLOCK
    if len(stream.read(padding)) < padding:
        raise HostileError("", TRUNCATED, _WHOLE)


def _check_end(stream: Stream) -> None:
    while data := stream.read(_CHUNK):
        if data.strip(b"\0"):
            raise HostileError("", "has something after its end", "nothing more")


def _check_sum(header: bytes) -> None:
    if _number(header[148:156]) != sum(header[:148]) + sum(header[156:]) + 8 * ord(" "):
        raise HostileError("", "is no tar, or broken", "the checksum of each header to be right")


def _number(field: bytes) -> int:
    """Return a number, octal as POSIX has it or base 256 as GNU has large ones."""
    if field[0] == 0x80:  # noqa: PLR2004 - the mark of base 256
        return int.from_bytes(field[1:], "big")
    try:
        digits = field.strip(b" \0")
        return int(digits, 8) if digits else 0
    except ValueError as error:
        raise HostileError("", "is no tar, or broken", "octal numbers in each header") from error


def _name(header: bytes) -> bytes:
    name, prefix = header[:100].partition(b"\0")[0], b""
    if header[257:263] == b"ustar\0":
        prefix = header[345:500].partition(b"\0")[0]
    return b"/".join(part for part in (prefix, name) if part)


def _extra(stream: Stream, kind: bytes, size: int) -> dict[str, bytes]:
    """Return what an extended header says of the next member: its name, and in pax its size."""
    if size > _MOST_EXTRA:
        raise HostileError("", "has too long a header", f"at most {_MOST_EXTRA} bytes")
    data = stream.read(size)
    if len(data) < size:
        raise HostileError("", TRUNCATED, _WHOLE)
    _pad(stream, size)
    if kind == b"L":
        return {"path": data.rstrip(b"\0")}
    records = dict(_records(data))
    strange = [key for key in records if key.startswith("GNU.sparse")]
    if strange:
        raise HostileError(_shown(records), "is a sparse file", ONLY)
    if kind == b"g" and {"path", "size"} & set(records):
        raise HostileError("", "names all its members alike", "names of their own")
    return {key: value for key, value in records.items() if key in ("path", "size")}


def _records(data: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while at < len(data):
        space = data.find(b" ", at, at + _LONGEST_NUMBER)
        length = data[at:space]
        end = at + int(length) if space > at and length.isdigit() else 0
        key, equals, value = data[space + 1 : end].partition(b"=")
        if end > len(data) or not equals or not value.endswith(b"\n"):
            raise HostileError("", "is no tar, or broken", "well-formed pax headers")
        yield key.decode(errors="replace"), value[:-1]
        at = end


def _size(records: dict[str, bytes], before: int | None) -> int | None:
    value = records.get("size")
    if value is None:
        return before
    if not value.isdigit() or len(value) > _LONGEST_NUMBER:
        raise HostileError("", "is no tar, or broken", "well-formed pax headers")
    return int(value)


def _shown(records: dict[str, bytes]) -> str:
    return records.get("path", b"").decode(errors="backslashreplace")
