# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep one certificate in its files as it is wished: read, give reasons, make anew, land."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.fairlead.paas.plugins.module_utils.errors import FairleadError
from ansible_collections.fairlead.paas.plugins.module_utils.files import land, mode_of

from .authority import Pair, Wish, make, read_key, read_pair, reasons

CERTIFICATE_MODE, KEY_MODE = 0o644, 0o600


class CertificateError(FairleadError):
    """The certificate cannot be made; the message is a sentence for a person."""


@dataclass(frozen=True)
class Place:
    """The two files of a pair."""

    path: Path
    key_path: Path

    def read(self) -> Pair:
        """Return the pair. Raises ValueError with what is wrong."""
        if not self.path.exists() or not self.key_path.exists():
            raise ValueError("there is none")
        return read_pair(self.path.read_bytes(), self.key_path.read_bytes())

    def read_key(self) -> ec.EllipticCurvePrivateKey | None:
        """Return the key alone; None where there is none that can be used."""
        return read_key(self.key_path.read_bytes()) if self.key_path.exists() else None

    def wrong_modes(self) -> tuple[str, ...]:
        """Return what is wrong with the modes of the files that are there."""
        wanted = {self.path: CERTIFICATE_MODE, self.key_path: KEY_MODE}
        found = {path: mode_of(path) for path in wanted}
        return tuple(
            f"mode of {path} is {mode:04o}, not {wanted[path]:04o}"
            for path, mode in found.items()
            if mode not in (None, wanted[path])
        )

    def write(self, pair: Pair) -> None:
        """Land both files, the key first: a run killed between leaves a pair that does not match."""
        land(self.key_path, pair.key_pem(), KEY_MODE)
        land(self.path, pair.certificate_pem(), CERTIFICATE_MODE)


def converge(params: Mapping[str, Any], *, check: bool, now: datetime) -> dict[str, Any]:
    """Do what the module certificate is for; return what it returns. Raises CertificateError."""
    place = Place(Path(params["path"]), Path(params["key_path"]))
    try:
        return _converge(place, _wish(params, check=check), now, check=check)
    except OSError as error:
        raise CertificateError(f"The certificate {place.path} cannot be kept: {error}.") from error


def _converge(place: Place, wish: Wish | None, now: datetime, *, check: bool) -> dict[str, Any]:
    why = _why(place, wish, now) if wish else ("its authority is made anew",)
    modes = place.wrong_modes()
    if wish and why and not check:
        place.write(make(wish, now, None if wish.authority else place.read_key()))
    if modes and not check:
        place.path.chmod(CERTIFICATE_MODE)
        place.key_path.chmod(KEY_MODE)
    return _result(place, why, modes)


def _result(place: Place, why: tuple[str, ...], modes: tuple[str, ...]) -> dict[str, Any]:
    found = "".join(f"{place.path}: {reason}\n" for reason in why + modes)
    wished = f"{place.path}: as wished\n" if found else ""
    return {"changed": bool(found), "reasons": [*why, *modes], "diff": {"before": found, "after": wished}}


def _why(place: Place, wish: Wish, now: datetime) -> tuple[str, ...]:
    try:
        return reasons(place.read(), wish, now)
    except ValueError as error:
        return (str(error),)


def _wish(params: Mapping[str, Any], *, check: bool) -> Wish | None:
    """Return the wish; None where a check cannot know the authority that the real run will have made."""
    given, authority = params["authority"], None
    if given and not params["names"]:
        raise CertificateError("A server's certificate needs names: host names or addresses.")
    if given:
        try:
            authority = Place(Path(given["path"]), Path(given["key_path"])).read()
        except ValueError as error:
            if check:
                return None
            raise CertificateError(f"The authority {given['path']} cannot sign: {error}.") from error
    return Wish(
        common_name=params["common_name"],
        names=tuple(params["names"]),
        days=params["days"],
        renew_within_days=params["renew_within_days"],
        authority=authority,
    )
