"""The certificate of a workload that speaks TLS: its Secret, and the mount in pods."""

from __future__ import annotations

from collections.abc import Iterable

from kong_oam.oam.position import Fields
from kong_oam.objects.manifests import Workload, auxiliary
from kong_oam.objects.pods import Manifest, mappings
from kong_oam.traits.upstream_tls.value import tls_secret_name

# The volume with the certificate.
VOLUME = "kong-oam-tls"


def certificate(
    w: Workload, names: Iterable[str], issuer: tuple[str, str]
) -> Manifest:
    """Return the cert-manager Certificate with these DNS names and an issuer (kind, name). Each
    renewal makes a new key."""
    name = tls_secret_name(w.component)
    kind, issuer_name = issuer
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": auxiliary(w, name, "AuxiliaryWorkload", "upstreamTls"),
        "spec": {
            "secretName": name,
            "dnsNames": list(names),
            "usages": ["digital signature", "key encipherment", "server auth"],
            "privateKey": {"rotationPolicy": "Always"},
            "issuerRef": {
                "group": "cert-manager.io",
                "kind": kind,
                "name": issuer_name,
            },
        },
    }


def with_mount(spec: Fields, secret: str, path: str) -> Manifest:
    """Return a pod spec whose containers mount the Secret at a path, read-only."""
    mount = {"name": VOLUME, "mountPath": path, "readOnly": True}
    return {
        **spec,
        "containers": [
            {
                **container,
                "volumeMounts": [
                    *mappings(container.get("volumeMounts")),
                    mount,
                ],
            }
            for container in mappings(spec.get("containers"))
        ],
        "volumes": [
            *mappings(spec.get("volumes")),
            {"name": VOLUME, "secret": {"secretName": secret}},
        ],
    }
