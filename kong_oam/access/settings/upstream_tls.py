"""Reads what a stack says of TLS to workloads: the CAs by which their certificates are verified.

Source: RFC 5280, 4.2.1.9 and 4.2.1.3. What is no CA's certificate verifies nothing: Kong would take none of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from kong_oam.access.endpoint import TLS
from kong_oam.access.settings.certificates import certificates_in
from kong_oam.access.settings.project import beside
from kong_oam.errors import SettingsError

SETTING = "gateway.upstreamTls.ca"
_DEPTH = 1


@dataclass(frozen=True, slots=True)
class UpstreamTlsSettings:
    """How the gateway verifies workloads: by one of these CAs (SHA-256 fingerprints in hex), at most `depth`
    certificates away from the workload's own. `client_certificate`: the one among the stack's own that it shows.
    `file`: where the CAs' certificates are, for people."""

    ca: tuple[str, ...]
    depth: int = _DEPTH
    client_certificate: str | None = None
    file: str = ""


def with_authorities(data: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """The settings with the text of the file of `folder` that they name. Raises SettingsError where there is none."""
    name = file_name(data)
    if not name:
        return data
    gateway = data["gateway"]
    said = {**gateway["upstreamTls"], "ca": _text(beside(folder, name))}
    return {**data, "gateway": {**gateway, "upstreamTls": said}}


def file_name(data: Mapping[str, Any]) -> str:
    """The name of the file with the CAs, by settings that nobody has checked; empty where they name none."""
    gateway = data.get("gateway")
    said = gateway.get("upstreamTls") if isinstance(gateway, Mapping) else None
    name = said.get("ca") if isinstance(said, Mapping) else None
    return name if isinstance(name, str) else ""


def problems(gateway: Mapping[str, Any]) -> Iterator[str]:
    """Yields what is wrong with the CAs, behind the setting's name."""
    if "upstreamTls" not in gateway:
        return
    try:
        certificates = certificates_in(gateway["upstreamTls"]["ca"])
    except SettingsError as error:
        yield f"{SETTING}: the file {error}"
        return
    for number, certificate in enumerate(certificates, 1):
        if not _signs(certificate):
            yield (
                f"{SETTING}: the file has as certificate {number} of {len(certificates)} one that is no CA's "
                "(basicConstraints, keyUsage): name that of who signed it"
            )


def upstream_tls(gateway: Mapping[str, Any], file: str = "") -> UpstreamTlsSettings | None:
    """The settings, of those that are without problems; None where there are none. `file`: where the CAs are."""
    if not (said := gateway.get("upstreamTls")):
        return None
    certificates = x509.load_pem_x509_certificates(said["ca"].encode())
    prints = tuple(sorted({certificate.fingerprint(SHA256()).hex() for certificate in certificates}))
    return UpstreamTlsSettings(prints, said.get("depth", _DEPTH), said.get("clientCertificate"), file)


def spoken(settings: UpstreamTlsSettings | None) -> TLS:
    """What the gateway speaks to workloads that ask for TLS."""
    if settings is None:
        return ""
    return "mtls" if settings.client_certificate else "tls"


def _signs(certificate: x509.Certificate) -> bool:
    try:
        if not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound as missing:
        return missing.oid == x509.KeyUsage.oid
    except ValueError:
        return False


def _text(file: Path) -> str:
    try:
        return file.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from None
