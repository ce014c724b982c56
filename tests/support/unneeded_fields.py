"""The fields of which no pair of estates shows that the fingerprint needs them, each with the reason."""

from __future__ import annotations

Field = tuple[str, str]


def _of(kind: str, *names: str, why: str) -> dict[Field, str]:
    return {(kind, name): why for name in names}


_TWICE = "another field says it, too, so that no estate differs in it alone"
_KEY = "a name, by which all else differs as well"
_NOT_VARIED = "nothing generated varies it alone"

UNNEEDED: dict[Field, str] = {
    ("Settings", "cloud"): "a name that policies go by; nothing that a run registers has it",
    ("Stack", "known_groups"): "which names are no mistake; `check` has said so by then",
    ("GatewaySettings", "settle_seconds"): "how long a run waits",
    ("ProviderSettings", "settle_seconds"): "how long a base waits, whose file's digest says it",
    ("Public", "until"): "a day to remind by",
}
"""Some pair differs in it alone, and no run makes anything else."""
UNTRIED: dict[Field, str] = {
    **_of("Settings", "as_of", why="left out: a record says when the next step of a rotation is due"),
    **_of("Settings", "partition", why="the settings of the estate have none"),
    **_of("Settings", "applications", "definitions", why="where files are; what they say is in the estate"),
    **_of("Application", "name", "namespace", why=_KEY),
    **_of("Application", "labels", "annotations", why=_NOT_VARIED),
    **_of("Component", "application", "name", "namespace", "partition", "type", "provider", why=_KEY),
    **_of("Component", "cluster", "copied", "copies", "exposures", "workload", why=_TWICE),
    **_of("Copy", "cluster", "namespace", "rendered", "suffix", why=_NOT_VARIED),
    **_of("Endpoint", "apart", "certificate", "path", "service", "tls", why=_TWICE),
    **_of("NamedService", "https", "name", "ours", "port", why=_TWICE),
    **_of("Awaited", "api", "component", "kind", "name", "namespace", "path", "stand_in", why=_NOT_VARIED),
    **_of(
        *("RenderedObject", "awaited", "defined", "inert", "key", "options", "place", "plain", "pod_spec_path"),
        *("said", "trait"),
        why=_NOT_VARIED,
    ),
    **_of(
        *("Options", "ignore_changes", "patch", "read", "replace_on_changes", "retain_on_delete", "take_over"),
        why=_NOT_VARIED,
    ),
    **_of("Issuer", "kind", "name", why=_TWICE),
    **_of("UpstreamTls", "issuer", "ports", why=_TWICE),
    **_of("KongPlugin", "name", why=_TWICE),
    **_of("Waiver", "reason", why=_NOT_VARIED),
    **_of("Call", "component", "roles", why=_TWICE),
    **_of("Client", "component", "provider", why=_KEY),
    **_of("Client", "groups", "jwks_uri", "redirect_uris", why=_TWICE),
    **_of("Role", "components", "name", why=_TWICE),
    **_of(
        "Provider", "audience", "groups", "issuer", "name", "per_api", "spelling", why="the provider's settings say it"
    ),
    **_of("ProviderSettings", "audience", "groups", "issuer", "spelling", "clients", why="the provider says it, too"),
    **_of("ProviderSettings", "certificates", "cluster_issuer", "moved_from", "name", "type", why=_NOT_VARIED),
    **_of("KnownClient", "id", "secret", why=_NOT_VARIED),
    **_of("ClaimMapping", "own", "own_value", "scopes", why=_TWICE),
    **_of("Listing", "claim", "prefix", why=_TWICE),
    **_of("GatewaySettings", "admin_url", "edition", "workspace", why="there is one gateway that stands in"),
    **_of("GatewaySettings", "key_slots", why="of the base, whose file's digest says it"),
    **_of("GatewaySettings", "namespace", "reach", "scheme", "strip_headers", why="the stack says it, too"),
    **_of("RedisSettings", "tls", why=_NOT_VARIED),
    **_of("UpstreamTlsSettings", "ca", "client_certificate", "file", why=_NOT_VARIED),
    **_of("LogSettings", "otlp", why="the gateway that stands in has no opentelemetry"),
    **_of("OtlpSink", "headers", "logs", "queue", "traces", why="the gateway that stands in has no opentelemetry"),
    **_of("Records", "otlp", why="the gateway that stands in has no opentelemetry"),
    **_of("ClusterSettings", "contexts", why=_NOT_VARIED),
    **_of("Stack", "name", "partitions", why=_KEY),
    **_of("Stack", "partial", why="nothing is deployed from such an estate"),
    **_of("Stack", "domain", "suffixes", why="hosts of endpoints say it"),
    **_of("Stack", "providers", why="the providers' settings say it"),
    **_of(
        *("Stack", "addressed", "gateway_namespace", "reach", "redis", "scheme", "stripped", "upstream_tls"),
        why="the gateway's settings say it, too",
    ),
    **_of("Stack", "known_secrets", "federated", why="the providers' settings say it, too"),
    **_of("Stack", "clusters", "labels", "minor", why="what is compiled for them says it"),
    **_of("Given", "base", "ids", why="what a base makes anew; tests of kong_oam.stacks.order hold it"),
}
"""Not shown either way."""
