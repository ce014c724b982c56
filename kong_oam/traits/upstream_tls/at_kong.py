"""https from the gateway to workloads: the fields of Kong's services for it, and the CAs that Kong
verifies them by.

nginx asks for, and verifies, the name that the Host header has (`proxy_ssl_name $upstream_host`),
so the gate sets that one to the name that the workload's certificate bears. Kong keeps connections
apart by all of these fields.

Source: Kong 3.10, kong/templates/nginx_kong.lua and kong/init.lua; seen on one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from kong_oam.access.data import JsonFields, JsonObject, Names, Texts
from kong_oam.access.model import Component, Estate
from kong_oam.access.settings.upstream_tls import UpstreamTlsSettings
from kong_oam.traits.upstream_tls.value import names_at

# The name in the state of what the gateway shows to workloads.
CLIENT_CERTIFICATE = "upstream-client-certificate"


def certified_name(component: Component, backend: str) -> str | None:
    """Return the name that the certificate behind a backend has to bear; None where clear text is
    spoken to it.

    Of a Service that something else makes it is that one's name, whatever leads to its pods here.
    """
    leads_to = component.backends[backend]
    if not leads_to.tls:
        return None
    named = component.workload.named_service
    service = (
        named.name
        if named and leads_to.service == named.ours
        else leads_to.service
    )
    return names_at(service, component.workload.namespace)[0]


def service_fields(
    settings: UpstreamTlsSettings | None,
    component: Component,
    backend: str,
    authorities: Texts,
    client_certificate: Any = None,
) -> JsonObject:
    """Return what the service of a backend has besides, as the Admin API writes it; nothing where
    clear text is spoken.

    `authorities`: the ids of CA certificates in Kong, by fingerprint; one that is not there stands
    for itself.
    """
    tls = component.backends[backend].tls
    if not tls or settings is None:
        return {}
    ca = [
        authorities.get(fingerprint, f"{fingerprint[:16]}..., which Kong lacks")
        for fingerprint in settings.ca
    ]
    fields: JsonFields = {
        "protocol": "https",
        "tls_verify": True,
        "tls_verify_depth": settings.depth,
        "ca_certificates": ca,
    }
    if tls == "mtls":
        fields["client_certificate"] = {"id": client_certificate}
    return fields


def needed_authorities(
    settings: UpstreamTlsSettings | None, estate: Estate
) -> Names:
    """Return the fingerprints of the CA certificates that Kong has to have for an estate."""
    if settings:
        for component in estate.exposed:
            if any(backend.tls for backend in component.backends.values()):
                return settings.ca
    return ()


def authorities(rows: Iterable[JsonObject]) -> Texts:
    """Return ids of CA certificates in Kong by fingerprint, by what they are and not by what Kong
    noted of them."""
    ids = {}
    for row in rows:
        try:
            certificate = x509.load_pem_x509_certificate(
                str(row.get("cert")).encode()
            )
        except ValueError:
            continue
        ids[certificate.fingerprint(SHA256()).hex()] = str(row["id"])
    return ids
