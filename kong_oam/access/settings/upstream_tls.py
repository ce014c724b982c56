"""Reads what a stack says of TLS to workloads: the CAs by which their certificates are verified.

Source: RFC 5280, 4.2.1.9 and 4.2.1.3. What is no CA's certificate verifies nothing: Kong would take
none of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from kong_oam.access.data import TLS, Names, YamlObject
from kong_oam.access.settings.certificates import certificates_in
from kong_oam.access.settings.project import beside
from kong_oam.errors import SettingsError

SETTING = "gateway.upstreamTls.ca"
_DEPTH = 1


@dataclass(frozen=True, slots=True)
class UpstreamTlsSettings:
    """How the gateway verifies workloads: by one of these CAs (SHA-256 fingerprints in hex), at
    most `depth` certificates away from the workload's own. `client_certificate`: the one among the
    stack's own that it shows. `file`: where the CAs' certificates are, for people."""

    ca: Names
    depth: int = _DEPTH
    client_certificate: str | None = None
    file: str = ""


def upstream_tls(
    gateway: YamlObject, folder: Path
) -> UpstreamTlsSettings | None:
    """Return what checked settings say of TLS to workloads; None where they say nothing.

    Raise SettingsError where the file of `folder` that they name has more than CAs' certificates.
    """
    settings = gateway.get("upstreamTls")
    if settings is None:
        return None
    file = beside(folder, settings["ca"])
    fingerprints = {
        certificate.fingerprint(SHA256()).hex()
        for certificate in _authorities(file)
    }
    return UpstreamTlsSettings(
        tuple(sorted(fingerprints)),
        settings.get("depth", _DEPTH),
        settings.get("clientCertificate"),
        str(file),
    )


def _authorities(file: Path) -> list[x509.Certificate]:
    try:
        text = file.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from None
    try:
        certificates = certificates_in(text)
    except SettingsError as error:
        raise SettingsError(f"{file} {error}") from None
    for number, certificate in enumerate(certificates, 1):
        if not _signs(certificate):
            raise SettingsError(
                f"{file} has as certificate {number} of {len(certificates)} one that is no CA's "
                "(basicConstraints, keyUsage): name that of who signed it"
            )
    return certificates


def spoken(settings: UpstreamTlsSettings | None) -> TLS:
    """What the gateway speaks to workloads that ask for TLS."""
    if settings is None:
        return ""
    return "mtls" if settings.client_certificate else "tls"


def _signs(certificate: x509.Certificate) -> bool:
    try:
        if not certificate.extensions.get_extension_for_class(
            x509.BasicConstraints
        ).value.ca:
            return False
        return certificate.extensions.get_extension_for_class(
            x509.KeyUsage
        ).value.key_cert_sign
    except x509.ExtensionNotFound as missing:
        return missing.oid == x509.KeyUsage.oid
    except ValueError:
        return False
