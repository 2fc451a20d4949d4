# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of the platform's own authority: why one must be made anew, and making it.

ECDSA over P-256 throughout. Times are aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:  # Debian 12's cryptography has no such name
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

SKEW = timedelta(hours=1)  # clocks of other machines may be behind


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def certificate_pem(self) -> bytes:
        """Return the certificate as it is kept in a file."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self) -> bytes:
        """Return the key as it is kept in a file for root only."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


@dataclass(frozen=True)
class Wish:
    """The certificate wanted. Without an authority it is a self-signed authority itself."""

    common_name: str
    names: tuple[str, ...]  # host names and addresses; none for an authority
    days: int
    renew_within_days: int
    authority: Pair | None = None


def read_pair(certificate_pem: bytes, key_pem: bytes) -> Pair:
    """Return the pair kept in two files. Raises ValueError with what is wrong with them."""
    key = read_key(key_pem)
    if key is None:
        raise ValueError("its key is not one of ECDSA over P-256")
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
    except ValueError as error:
        raise ValueError("it cannot be read") from error
    if _raw(key.public_key()) != _raw(certificate.public_key()):
        raise ValueError("its key belongs to another certificate")
    return Pair(certificate, key)


def read_key(pem: bytes) -> ec.EllipticCurvePrivateKey | None:
    """Return the key kept in a file; None where it is not one that we use."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        return None
    return key if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp256r1" else None


def reasons(pair: Pair, wish: Wish, now: datetime) -> tuple[str, ...]:
    """Return why the pair is not what is wished; empty: keep it."""
    certificate = pair.certificate
    found = tuple(sorted(names_of(certificate)))
    wanted = tuple(sorted(map(_normal, wish.names)))
    checks = (
        (_common_name(certificate) != wish.common_name, f"its common name is {_common_name(certificate)}"),
        (found != wanted, f"it names {', '.join(found) or 'nothing'}, not {', '.join(wanted) or 'nothing'}"),
        (_must_renew(certificate, wish, now), f"it ends on {ends(certificate):%Y-%m-%d}"),
        (not _signed_by(certificate, (wish.authority or pair).certificate), "another authority signed it"),
        (_is_authority(certificate) != (wish.authority is None), "it is of the wrong kind"),
    )
    return tuple(reason for wrong, reason in checks if wrong)


def make(wish: Wish, now: datetime, key: ec.EllipticCurvePrivateKey | None = None) -> Pair:
    """Return a new pair. With ``key`` an authority keeps its key, and what it signed stays valid."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wish.common_name)])
    signer = wish.authority
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.certificate.subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(_end(wish, now))
        .add_extension(x509.BasicConstraints(ca=not signer, path_length=None if signer else 0), critical=True)
        .add_extension(_usage(authority=not signer), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if signer:
        public = signer.key.public_key()
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(public)
        builder = (
            builder.add_extension(issuer, critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(_alternatives(wish.names), critical=False)
        )
    return Pair(builder.sign(signer.key if signer else key, hashes.SHA256()), key)


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the host names and addresses that the certificate is for."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in found)


def ends(certificate: x509.Certificate) -> datetime:
    """Return when the certificate ends."""
    # Debian 12's cryptography has only the naive time; Debian 13's warns about it.
    aware = getattr(certificate, "not_valid_after_utc", None)
    return aware or _naive_end(certificate).replace(tzinfo=UTC)


def _naive_end(certificate: x509.Certificate, name: str = "not_valid_after") -> datetime:
    end: datetime = getattr(certificate, name)
    return end


def _end(wish: Wish, now: datetime) -> datetime:
    end = now + timedelta(days=wish.days)
    return min(end, ends(wish.authority.certificate)) if wish.authority else end


def _must_renew(certificate: x509.Certificate, wish: Wish, now: datetime) -> bool:
    # A certificate cannot outlive its authority: renewing it earlier than that would never end.
    near = ends(certificate) - now < timedelta(days=wish.renew_within_days)
    return near and ends(certificate) < _end(wish, now).replace(microsecond=0)


def _signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    public, algorithm = authority.public_key(), certificate.signature_hash_algorithm
    if not isinstance(public, ec.EllipticCurvePublicKey) or algorithm is None:
        return False
    try:
        public.verify(certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(algorithm))
    except InvalidSignature:
        return False
    return certificate.issuer == authority.subject


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _common_name(certificate: x509.Certificate) -> str:
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternatives(names: Sequence[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_general_name(name) for name in names])


def _general_name(name: str) -> x509.GeneralName:
    address = _address(name)
    return x509.IPAddress(address) if address else x509.DNSName(name)


def _raw(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None


def _normal(name: str) -> str:
    return str(_address(name) or name)
