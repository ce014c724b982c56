"""The fields of Kong's services for https to workloads, and the CAs that verify them.

nginx requests and verifies the name in the Host header (`proxy_ssl_name $upstream_host`). The gate
therefore sets Host to the name in the workload's certificate. Kong keeps separate connections for
different values of these fields.

Source: Kong 3.10, kong/templates/nginx_kong.lua and kong/init.lua; seen on a Kong 3.10.
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

# The state's name of the certificate that the gateway presents to workloads.
CLIENT_CERTIFICATE = "upstream-client-certificate"


def certified_name(component: Component, backend: str) -> str | None:
    """Return the name in the certificate behind a backend, or None if the backend has no TLS.

    A Service from another source keeps its own name, even if ours points to its pods.
    """
    leads_to = component.backends[backend]
    if not leads_to.tls:
        return None
    if upstream := component.exposure.upstream:
        return upstream.server_name
    named = component.workload.named_service
    service = (
        named.name
        if named and leads_to.service == named.ours
        else leads_to.service
    )
    return names_at(service, component.workload.namespace)[0]


def host_header(component: Component) -> str | None:
    """Return the Host header that the stack sets for an external component, or None."""
    upstream = component.exposure.upstream
    return upstream.host_header if upstream else None


def service_fields(
    settings: UpstreamTlsSettings | None,
    component: Component,
    backend: str,
    authorities: Texts,
    client_certificate: Any = None,
) -> JsonObject:
    """Return the TLS fields of a backend's Kong service, as the Admin API writes them; none without
    TLS.

    `authorities`: ids of CA certificates in Kong, by fingerprint. A missing certificate appears as
    its fingerprint.
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
    """Return the fingerprints of the CA certificates that an estate needs in Kong."""
    if settings:
        for component in estate.exposed:
            if any(backend.tls for backend in component.backends.values()):
                return settings.ca
    return ()


def authorities(rows: Iterable[JsonObject]) -> Texts:
    """Return ids of CA certificates in Kong by fingerprint, computed from the certificates
    themselves."""
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
