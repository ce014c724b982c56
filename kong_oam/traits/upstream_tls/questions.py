"""The flag of `new` for TLS to a workload."""

from kong_oam.cli.flag import Flag, Question

QUESTION = Question(
    "upstream-tls",
    Flag(
        "tls_issuer",
        "NAME",
        "cert-manager's ClusterIssuer for the certificate of a webservice that speaks TLS",
    ),
    lambda issuer: [{"issuer": {"kind": "ClusterIssuer", "name": issuer}}],
)
