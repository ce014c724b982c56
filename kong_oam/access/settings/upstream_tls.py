"""Read `gateway.upstreamTls`: the CAs that verify workloads' certificates.

Source: RFC 5280, 4.2.1.9 and 4.2.1.3. A certificate that is not a CA's verifies nothing, and Kong
would reject the whole set.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from kong_oam.access.data import TLS, Names
from kong_oam.access.settings.certificates import certificates_in
from kong_oam.access.settings.project import file_beside
from kong_oam.errors import SettingsError

SETTING = "gateway.upstreamTls.ca"
_DEPTH = 1


class UpstreamTlsYaml(TypedDict):
    """The setting `gateway.upstreamTls`. `ca` is the name of a file."""

    ca: str
    depth: NotRequired[int]
    clientCertificate: NotRequired[str]


@dataclass(frozen=True, slots=True)
class UpstreamTlsSettings:
    """How the gateway verifies workloads: by the SHA-256 fingerprints (hex) of these CAs.

    A CA may be at most `depth` certificates away from the workload's certificate.
    `client_certificate`: the name of the stack's certificate that the gateway shows. `file`: the
    file of the CAs' certificates, for messages.
    """

    ca: Names
    depth: int = _DEPTH
    client_certificate: str | None = None
    file: str = ""


def upstream_tls(
    settings: UpstreamTlsYaml | None, folder: Path
) -> UpstreamTlsSettings | None:
    """Return the checked settings of TLS to workloads; None without `upstreamTls`.

    Raises SettingsError if the file of `folder` that they name has other certificates than CAs'.
    """
    if settings is None:
        return None
    file = file_beside(folder, settings["ca"])
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
        if not _is_authority(certificate):
            raise SettingsError(
                f"{file}: certificate {number} of {len(certificates)} is not a CA's "
                "(basicConstraints, keyUsage); write its CA's certificate"
            )
    return certificates


def protocol_of(settings: UpstreamTlsSettings | None) -> TLS:
    """Return the protocol that the gateway uses for workloads that ask for TLS."""
    if settings is None:
        return ""
    return "mtls" if settings.client_certificate else "tls"


def _is_authority(certificate: x509.Certificate) -> bool:
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
