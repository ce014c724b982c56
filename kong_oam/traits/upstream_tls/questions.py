"""The question of `new` about TLS to a workload."""

from __future__ import annotations

from kong_oam.cli.flag import Flag, Question

QUESTION = Question(
    "upstream-tls",
    Flag(
        "tls_issuer",
        "NAME",
        "the cert-manager ClusterIssuer that signs the certificate of a webservice with TLS",
    ),
    lambda issuer: [{"issuer": {"kind": "ClusterIssuer", "name": issuer}}],
)
