# SPDX-License-Identifier: GPL-3.0-or-later
"""The members of a zip. What its two places say of one must agree, and every byte belongs to one of them."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from itertools import pairwise
from typing import IO, Any

from .members import Guard, HostileError, Member, check_mode
from .unpacking import TRUNCATED

_END = struct.Struct("<4s4H2LH")
_LOCAL = struct.Struct("<4s5H3L2H")
_END_MAGIC, _LOCAL_MAGIC, _ENTRY_MAGIC, _ZIP64 = b"PK\x05\x06", b"PK\x03\x04", b"PK\x01\x02", b"PK\x06\x07"
_LONGEST_COMMENT = 2**16
_MOST_DIRECTORY = 64 * 2**20  # bytes
_ENCRYPTED, _DESCRIBED_LATER, _PATCHED, _HIDDEN = 1 << 0, 1 << 3, 1 << 5, 1 << 13
_DESCRIPTOR = 24  # bytes, at most
_ELSEWHERE = 0xFFFFFFFF  # a size that stands in an extra field
_METHODS = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflated"}
_CHUNK = 64 * 2**10
_BROKEN = "is a broken zip"
_NOT_AS_PACKED, _AS_PACKED = "is broken", "a member as it was packed"
_MOST_AT_ONCE = 2**20
_ALIKE = "the same in the archive's directory and before the member"


def read_zip(file: IO[bytes], guard: Guard) -> Iterator[tuple[Member, Iterator[bytes]]]:
    """Yield each member and its content, which is read before the next. Raises HostileError."""
    directory = _directory(file, guard)
    try:
        infos = zipfile.ZipFile(file).infolist()
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        ValueError,
        struct.error,
        OverflowError,
        OSError,
    ) as error:
        raise HostileError("", _BROKEN, "a zip") from error
    places = {id(info): _place(file, info) for info in infos}
    _check_order(infos, places, directory)
    for info in infos:
        member = _admit(guard, info)
        content = _content(file, guard, info, places[id(info)]) if member else iter(())
        if member:
            yield member, content
        for _ in content:
            pass


def _directory(file: IO[bytes], guard: Guard) -> int:
    """Return where the archive's directory begins, which ends with the file."""
    end = file.seek(0, 2)
    start = max(0, end - _LONGEST_COMMENT - _END.size)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(_END_MAGIC)
    if at < 0 or at + _END.size > len(tail):
        raise HostileError("", TRUNCATED, "the whole archive")
    _, disk, first, here, members, size, offset, comment = _END.unpack_from(tail, at)
    if start + at + _END.size + comment != end:
        raise HostileError("", "has something after its end", "nothing more")
    file.seek(min(offset, end))
    # What the end says is no bound for what Python's reader makes of it.
    entries = file.read(min(size, _MOST_DIRECTORY)).count(_ENTRY_MAGIC)
    if max(members, entries) > guard.limits.members or size > _MOST_DIRECTORY:
        raise HostileError("", "has too many members", f"at most {guard.limits.members}")
    if disk or first or here != members or tail[max(0, at - 20) : at].startswith(_ZIP64):
        raise HostileError("", "is a zip of several parts, or of more than 4 GiB", "a plain zip")
    if offset + size != start + at:
        raise HostileError("", "has bytes that belong to no member", "members, and their directory")
    return int(offset)


def _place(file: IO[bytes], info: zipfile.ZipInfo) -> tuple[int, int]:
    """Return where the content of a member begins and ends. Raises HostileError where its headers differ."""
    file.seek(info.header_offset)
    head = file.read(_LOCAL.size)
    if len(head) < _LOCAL.size or not head.startswith(_LOCAL_MAGIC):
        raise HostileError(info.orig_filename, "has no header where it should be", _ALIKE)
    _, _, flags, method, _, _, crc, packed, size, name_length, extra = _LOCAL.unpack(head)
    said = (flags, method, file.read(name_length))
    if said != (info.flag_bits, info.compress_type, _raw(info)):
        raise HostileError(info.orig_filename, "has two headers that differ", _ALIKE)
    sizes = (crc, packed, size)
    known = (info.CRC, info.compress_size, info.file_size)
    later = flags & _DESCRIBED_LATER or _ELSEWHERE in sizes
    if not later and sizes != known:
        raise HostileError(info.orig_filename, "has two headers that differ", _ALIKE)
    begin = info.header_offset + _LOCAL.size + name_length + extra
    return begin, begin + info.compress_size


def _check_order(infos: list[zipfile.ZipInfo], places: dict[int, tuple[int, int]], directory: int) -> None:
    """Raise HostileError for members that share bytes, and bytes that belong to none."""
    ordered = sorted(infos, key=lambda info: info.header_offset)
    starts = [*(info.header_offset for info in ordered), directory]
    if starts[0] != 0:
        raise HostileError("", "has bytes that belong to no member", "members, and their directory")
    for info, (_, following) in zip(ordered, pairwise(starts), strict=True):
        gap = following - places[id(info)][1]
        if gap < 0:
            raise HostileError(info.orig_filename, "shares bytes with another member", "bytes of its own")
        if gap > (_DESCRIPTOR if info.flag_bits & _DESCRIBED_LATER else 0):
            raise HostileError(info.orig_filename, "is followed by bytes that belong to no member", "none")


def _admit(guard: Guard, info: zipfile.ZipInfo) -> Member | None:
    raw, mode = _raw(info), info.external_attr >> 16
    shown = raw.decode(errors="backslashreplace")
    if info.flag_bits & (_ENCRYPTED | _HIDDEN):
        raise HostileError(shown, "is encrypted", "members that can be read")
    if info.flag_bits & _PATCHED or info.compress_type not in _METHODS:
        expected = f"{' or '.join(_METHODS.values())} members"
        raise HostileError(shown, "is compressed in another way", expected, str(info.compress_type))
    check_mode(shown, mode)
    directory = raw.endswith(b"/")
    if directory and info.file_size:
        raise HostileError(shown, "is a directory with a content", "")
    return guard.admit(raw, mode & 0o7777, info.file_size, directory=directory)


def _raw(info: zipfile.ZipInfo) -> bytes:
    return info.orig_filename.encode("utf-8" if info.flag_bits & 1 << 11 else "cp437")


def _content(file: IO[bytes], guard: Guard, info: zipfile.ZipInfo, place: tuple[int, int]) -> Iterator[bytes]:
    path, crc, size = info.orig_filename, 0, 0
    for data in _pieces(file, info, *place):
        crc, size = zlib.crc32(data, crc), size + len(data)
        if size > info.file_size:
            raise HostileError(path, "is larger than its header says", f"{info.file_size} bytes")
        guard.count(path, len(data))
        guard.check_ratio(path, size, info.compress_size)
        yield data
    if size != info.file_size or crc != info.CRC:
        raise HostileError(path, _NOT_AS_PACKED, _AS_PACKED)


def _pieces(file: IO[bytes], info: zipfile.ZipInfo, at: int, end: int) -> Iterator[bytes]:
    """Yield a member's content as it is unpacked, never much at once."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS) if info.compress_type == zipfile.ZIP_DEFLATED else None
    for begin in range(at, end, _CHUNK):
        file.seek(begin)
        rest = file.read(min(_CHUNK, end - begin))
        if unpacker is None:
            yield rest
            continue
        while rest:
            yield _unpacked(unpacker, rest, info)
            rest = unpacker.unconsumed_tail
            if unpacker.unused_data:
                raise HostileError(info.orig_filename, _NOT_AS_PACKED, _AS_PACKED)
    while unpacker and (more := _unpacked(unpacker, b"", info)):
        yield more
    if unpacker and not unpacker.eof:
        raise HostileError(info.orig_filename, _NOT_AS_PACKED, _AS_PACKED)


def _unpacked(unpacker: Any, data: bytes, info: zipfile.ZipInfo) -> bytes:
    try:
        return bytes(unpacker.decompress(data, _MOST_AT_ONCE))
    except zlib.error as error:
        raise HostileError(info.orig_filename, _NOT_AS_PACKED, _AS_PACKED) from error
