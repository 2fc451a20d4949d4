# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates in real files, believed or not by real TLS clients."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fairlead.paas.plugins.module_utils.trust.keeping import CertificateError, converge

NOW = datetime.now(tz=UTC)


@pytest.fixture
def authority(tmp_path: Path) -> dict[str, Any]:
    wish: dict[str, Any] = {
        "path": str(tmp_path / "ca.crt"),
        "key_path": str(tmp_path / "ca.key"),
        "common_name": "Fairlead authority",
        "names": [],
        "authority": None,
        "days": 3650,
        "renew_within_days": 365,
    }
    converge(wish, check=False, now=NOW)
    return wish


@pytest.fixture
def server(tmp_path: Path, authority: dict[str, Any]) -> dict[str, Any]:
    wish: dict[str, Any] = {
        "path": str(tmp_path / "server.pem"),
        "key_path": str(tmp_path / "server.pem.key"),
        "common_name": "Fairlead registry",
        "names": ["127.0.0.1", "registry.example.com"],
        "authority": {"path": authority["path"], "key_path": authority["key_path"]},
        "days": 397,
        "renew_within_days": 30,
    }
    converge(wish, check=False, now=NOW)
    return wish


def files(wish: dict[str, Any]) -> tuple[bytes, bytes]:
    return Path(wish["path"]).read_bytes(), Path(wish["key_path"]).read_bytes()


def shake_hands(server: dict[str, Any], trusted: str, name: str) -> str | None:
    """Return why a client of that authority refuses the server under that name; None: it does not."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server["path"], server["key_path"])
    client = ssl.create_default_context(cafile=trusted)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    here, there = socket.socketpair()
    thread = threading.Thread(target=_serve, args=(context, there))
    thread.start()
    try:
        with client.wrap_socket(here, server_hostname=name):
            return None
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    finally:
        here.close()
        thread.join()


def _serve(context: ssl.SSLContext, connection: socket.socket) -> None:
    with connection:
        try:
            context.wrap_socket(connection, server_side=True).close()
        except OSError:
            connection.close()  # the client says why


@pytest.mark.parametrize("name", ["127.0.0.1", "registry.example.com"])
def test_clients_that_trust_the_authority_believe_the_server(
    authority: dict[str, Any], server: dict[str, Any], name: str
) -> None:
    assert shake_hands(server, authority["path"], name) is None


def test_clients_refuse_another_name_and_another_authority(
    tmp_path: Path, authority: dict[str, Any], server: dict[str, Any]
) -> None:
    other = authority | {"path": str(tmp_path / "other.crt"), "key_path": str(tmp_path / "other.key")}
    converge(other, check=False, now=NOW)
    said = shake_hands(server, authority["path"], "elsewhere.example.com")
    assert said is not None
    assert "Hostname mismatch" in said
    assert shake_hands(server, other["path"], "127.0.0.1") is not None


def test_a_second_run_changes_nothing(authority: dict[str, Any], server: dict[str, Any]) -> None:
    before = files(authority), files(server)
    for wish in (authority, server):
        assert converge(wish, check=False, now=NOW)["changed"] is False
    assert (files(authority), files(server)) == before


def test_keys_are_for_root_only_and_modes_are_mended(server: dict[str, Any]) -> None:
    key = Path(server["key_path"])
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.chmod(0o644)
    before = files(server)
    assert converge(server, check=False, now=NOW)["reasons"] == [f"mode of {key} is 0644, not 0600"]
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert files(server) == before


def _break(server: dict[str, Any], authority: dict[str, Any], how: str) -> None:
    match how:
        case "gone":
            Path(server["path"]).unlink()
        case "key gone":
            Path(server["key_path"]).unlink()
        case "rubbish":
            Path(server["path"]).write_text("rubbish")
        case "key rubbish":
            Path(server["key_path"]).write_text("rubbish")
        case "key of another":
            Path(server["key_path"]).write_bytes(Path(authority["key_path"]).read_bytes())
        case "authority new":
            Path(authority["key_path"]).unlink()
            converge(authority, check=False, now=NOW)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("gone", "there is none"),
        ("key gone", "there is none"),
        ("rubbish", "it cannot be read"),
        ("key rubbish", "its key is not one of ECDSA over P-256"),
        ("key of another", "its key belongs to another certificate"),
        ("authority new", "another authority signed it"),
    ],
)
def test_what_is_broken_is_predicted_mended_and_believed_again(
    authority: dict[str, Any], server: dict[str, Any], how: str, reason: str
) -> None:
    _break(server, authority, how)
    left = sorted((path.name, path.read_bytes()) for path in Path(server["path"]).parent.iterdir())
    predicted = converge(server, check=True, now=NOW)
    assert left == sorted((path.name, path.read_bytes()) for path in Path(server["path"]).parent.iterdir())
    assert converge(server, check=False, now=NOW) == predicted
    assert predicted["reasons"] == [reason]
    assert converge(server, check=False, now=NOW)["changed"] is False
    assert shake_hands(server, authority["path"], "127.0.0.1") is None


def test_other_names_make_it_anew_and_their_order_does_not(server: dict[str, Any]) -> None:
    assert converge(server | {"names": server["names"][::-1]}, check=True, now=NOW)["changed"] is False
    (reason,) = converge(server | {"names": ["127.0.0.1"]}, check=True, now=NOW)["reasons"]
    assert reason == "it names 127.0.0.1, registry.example.com, not 127.0.0.1"


@pytest.mark.parametrize(("days", "changed"), [(0, False), (366, False), (368, True), (400, True)])
def test_it_is_renewed_in_time(server: dict[str, Any], days: int, changed: bool) -> None:  # noqa: FBT001
    assert converge(server, check=True, now=NOW + timedelta(days=days))["changed"] is changed


def test_a_renewed_authority_keeps_its_key_and_what_it_signed(
    authority: dict[str, Any], server: dict[str, Any]
) -> None:
    Path(authority["path"]).unlink()
    converge(authority, check=False, now=NOW - timedelta(days=3650 - 364))
    before, key = files(authority)
    assert converge(server, check=False, now=NOW)["changed"] is False
    assert converge(authority, check=False, now=NOW)["changed"] is True
    assert files(authority) != (before, key)
    assert files(authority)[1] == key
    assert shake_hands(server, authority["path"], "127.0.0.1") is None


def test_a_server_near_the_end_of_its_authority_is_not_renewed_for_ever(server: dict[str, Any]) -> None:
    late = NOW + timedelta(days=3640)
    assert converge(server, check=False, now=late)["changed"] is True
    assert converge(server, check=False, now=late)["changed"] is False


def test_nothing_shown_holds_a_key(server: dict[str, Any]) -> None:
    Path(server["path"]).unlink()
    shown = str(converge(server, check=False, now=NOW))
    secret = Path(server["key_path"]).read_text().splitlines()[1]
    assert secret not in shown
    assert "PRIVATE" not in shown


def test_a_check_on_a_bare_machine_predicts_both(tmp_path: Path, server: dict[str, Any]) -> None:
    gone = {"path": str(tmp_path / "no.crt"), "key_path": str(tmp_path / "no.key")}
    predicted = converge(server | {"authority": gone}, check=True, now=NOW)
    assert predicted["reasons"] == ["its authority is made anew"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"names": []}, "needs names"),
        ({"authority": {"path": "/nowhere/ca.crt", "key_path": "/nowhere/ca.key"}}, "cannot sign: there is"),
        ({"path": "/nowhere/server.pem", "key_path": "/nowhere/server.key"}, "cannot be kept: .*/nowhere"),
    ],
)
def test_what_cannot_be_is_said(server: dict[str, Any], change: dict[str, Any], said: str) -> None:
    with pytest.raises(CertificateError, match=said):
        converge(server | change, check=False, now=NOW)
