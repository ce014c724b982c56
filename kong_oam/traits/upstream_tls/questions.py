"""The question of `new` about TLS to a workload."""

from __future__ import annotations

from kong_oam.cli.flag import Flag, Question

QUESTION = Question(
    "upstream-tls",
    Flag(
        "tls_issuer",
        "NAME",
        "of a webservice that speaks TLS, the ClusterIssuer of cert-manager that signs its "
        "certificate",
    ),
    lambda issuer: [{"issuer": {"kind": "ClusterIssuer", "name": issuer}}],
)
