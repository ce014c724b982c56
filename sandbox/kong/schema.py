"""Kong 3.10's field schemas, written compactly, and printed as `GET /schemas/...` prints them.

Source: the answers of a Kong 3.10 OSS to `GET /schemas/{entity}` and `/schemas/plugins/{name}`; the tests compare every
field, type, default and constraint with them. Descriptions are left out: a stand-in has its own documentation.

A schema is a record: an ordered mapping of field names to `Field`. `shown` holds what Kong prints of a field beside its
type, under Kong's own names (required, default, one_of, between, ...); `rule` is what Kong checks in code and does not
print.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.kong import pem, rules

Rule = Callable[[Any], str | None]
EntityRule = Callable[[Mapping[str, Any]], dict[str, Any] | None]
Fields = Mapping[str, "Field"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `type` is Kong's (string, integer, number, boolean, set, array, map, record, foreign)."""

    type: str
    shown: Mapping[str, Any] = field(default_factory=dict)
    elements: Field | None = None
    keys: Field | None = None
    values: Field | None = None
    fields: Fields = field(default_factory=dict)
    checks: tuple[Mapping[str, Any], ...] = ()
    rule: Rule | None = None

    @property
    def required(self) -> bool:
        return bool(self.shown.get("required"))


@dataclass(frozen=True, slots=True)
class Schema:
    """An entity or a plugin: its fields, the checks over several fields as Kong prints them, and unprinted ones."""

    name: str
    fields: Fields
    checks: tuple[Mapping[str, Any], ...] = ()
    # Unprinted: `early_checks` run whatever else is wrong, `late_checks` only on an entity without errors.
    early_checks: tuple[EntityRule, ...] = ()
    late_checks: tuple[EntityRule, ...] = ()

    def printed(self) -> dict[str, Any]:
        """The body of `GET /schemas/...`: a list of single-key maps, without descriptions."""
        return {"entity_checks": [dict(check) for check in self.checks], "fields": _printed(self.fields)}


def _printed(fields: Fields) -> list[dict[str, Any]]:
    return [{name: _printed_field(one)} for name, one in fields.items()]


def _printed_field(one: Field) -> dict[str, Any]:
    shown: dict[str, Any] = {"type": one.type, **one.shown}
    for part in ("elements", "keys", "values"):
        nested = getattr(one, part)
        if nested is not None:
            shown[part] = _printed_field(nested)
    if one.fields:
        shown["fields"] = _printed(one.fields)
    if one.checks:
        shown["entity_checks"] = [dict(check) for check in one.checks]
    return shown


def _string(rule: Rule | None = None, **shown: Any) -> Field:
    return Field("string", shown, rule=rule)


def _integer(**shown: Any) -> Field:
    return Field("integer", shown)


def _boolean(default: bool | None = None) -> Field:
    return Field("boolean", {} if default is None else {"required": True, "default": default})


def _set(elements: Field, rule: Rule | None = None, **shown: Any) -> Field:
    return Field("set", shown, elements=elements, rule=rule)


def _array(elements: Field, **shown: Any) -> Field:
    return Field("array", shown, elements=elements)


def _foreign(reference: str, **shown: Any) -> Field:
    return Field("foreign", {"reference": reference, **shown})


def _record(fields: Fields, checks: tuple[Mapping[str, Any], ...] = (), **shown: Any) -> Field:
    return Field("record", shown, fields=fields, checks=checks)


def _http_only() -> Field:
    """Protocols of a plugin that only makes sense for HTTP and gRPC."""
    return _set(
        _string(one_of=["grpc", "grpcs", "http", "https"]),
        required=True,
        default=["grpc", "grpcs", "http", "https"],
    )


_PROTOCOL: dict[str, Any] = {"one_of": ["grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp"]}
_ID = _string(uuid=True, auto=True)
_CREATED = _integer(timestamp=True, auto=True)
_NAME = _string(rules.utf8_name, unique=True)
_TAGS = _set(_string(rules.tag, required=True))
_TIMEOUT = _integer(default=60000, between=[1, 2147483646])
_PORT: dict[str, Any] = {"between": [0, 65535]}
_NO_SEGMENTS = [{"pattern": "//", "err": "must not have empty segments"}]
_NO_CONSUMER = _foreign("consumers", eq=None)


def _null_unless(protocols: Mapping[str, list[str]], name: str) -> Mapping[str, Any]:
    return {
        "conditional": {
            "if_field": "protocol",
            "if_match": dict(protocols),
            "then_field": name,
            "then_match": {"eq": None},
        }
    }


_TLS_ONLY = {"not_one_of": ["https", "tls"]}
SERVICES = Schema(
    "services",
    {
        "id": _ID,
        "created_at": _CREATED,
        "updated_at": _CREATED,
        "name": _NAME,
        "retries": _integer(default=5, between=[0, 32767]),
        "protocol": _string(required=True, default="http", **_PROTOCOL),
        "host": _string(rules.host, required=True),
        "port": _integer(required=True, default=80, **_PORT),
        "path": _string(rules.path, starts_with="/", match_none=_NO_SEGMENTS),
        "connect_timeout": _TIMEOUT,
        "write_timeout": _TIMEOUT,
        "read_timeout": _TIMEOUT,
        "tags": _TAGS,
        "client_certificate": _foreign("certificates"),
        "tls_verify": _boolean(),
        "tls_verify_depth": _integer(default=None, between=[0, 64]),
        "ca_certificates": _array(_string(uuid=True)),
        "enabled": _boolean(True),
    },
    (
        _null_unless({"one_of": ["tcp", "tls", "udp", "grpc", "grpcs"]}, "path"),
        *(
            _null_unless(_TLS_ONLY, name)
            for name in ("client_certificate", "tls_verify", "tls_verify_depth", "ca_certificates")
        ),
    ),
)

_PEER = _record(
    {"ip": _string(rules.ip_or_cidr), "port": _integer(**_PORT)},
    ({"at_least_one_of": ["ip", "port"]},),
)
_HOST_WILDCARDS: dict[str, Any] = {
    "match_any": {
        "patterns": ["^%*%.", "%.%*$", "^[^*]*$"],
        "err": "invalid wildcard: must be placed at leftmost or rightmost label",
    },
    "match_all": [{"pattern": "^[^*]*%*?[^*]*$", "err": "invalid wildcard: must have at most one wildcard"}],
}
_SNIS_NEED_TLS = {
    "conditional": {
        "if_field": "protocols",
        "if_match": {"elements": {"type": "string", "not_one_of": ["grpcs", "https", "tls", "tls_passthrough"]}},
        "then_field": "snis",
        "then_match": {"len_eq": 0},
        "then_err": "'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'",
    }
}
_ROUTER_SOURCES = (
    "id protocols snis sources destinations methods hosts paths headers expression regex_priority priority"
)
ROUTES = Schema(
    "routes",
    {
        "id": _ID,
        "created_at": _CREATED,
        "updated_at": _CREATED,
        "name": _NAME,
        "protocols": _set(
            _string(**_PROTOCOL),
            required=True,
            len_min=1,
            default=["http", "https"],
            mutually_exclusive_subsets=[
                ["http", "https"],
                ["tcp", "tls", "udp"],
                ["tls_passthrough"],
                ["grpc", "grpcs"],
            ],
        ),
        "https_redirect_status_code": _integer(required=True, default=426, one_of=[426, 301, 302, 307, 308]),
        "strip_path": _boolean(True),
        "preserve_host": _boolean(False),
        "request_buffering": _boolean(True),
        "response_buffering": _boolean(True),
        "tags": _TAGS,
        "service": _foreign("services"),
        "snis": _set(_string(rules.wildcard_host)),
        "sources": _set(_PEER),
        "destinations": _set(_PEER),
        "methods": _set(_string(match="^%u+$")),
        "hosts": _array(_string(rules.host_with_port, **_HOST_WILDCARDS)),
        "paths": _array(
            _string(
                rules.route_path,
                match_none=_NO_SEGMENTS,
                match_any={
                    "patterns": ["^/", "^~/"],
                    "err": "should start with: / (fixed path) or ~/ (regex path)",
                },
            )
        ),
        "headers": Field(
            "map",
            keys=_string(
                match_none=[
                    {
                        "pattern": "^[Hh][Oo][Ss][Tt]$",
                        "err": "cannot contain 'host' header, which must be specified in the 'hosts' attribute",
                    }
                ]
            ),
            values=_array(_string()),
        ),
        "regex_priority": _integer(default=0),
        "path_handling": _string(default="v0", one_of=["v0", "v1"]),
    },
    (
        _SNIS_NEED_TLS,
        {"custom_entity_check": {"field_sources": ["path_handling"]}},
        {"custom_entity_check": {"run_with_missing_fields": True, "field_sources": _ROUTER_SOURCES.split()}},
    ),
    (rules.route_has_a_matcher,),
    (rules.route_expression,),
)

CONSUMERS = Schema(
    "consumers",
    {
        "id": _ID,
        "created_at": _CREATED,
        "updated_at": _CREATED,
        "username": _string(unique=True),
        "custom_id": _string(unique=True),
        "tags": _TAGS,
    },
    ({"at_least_one_of": ["custom_id", "username"]},),
)

_HS = ["HS256", "HS384", "HS512"]
_ASYMMETRIC = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA"]
_NEEDS_KEY = [f"^{name}$" for name in _ASYMMETRIC if not name.startswith("ES")]
JWT_SECRETS = Schema(
    "jwt_secrets",
    {
        "id": _ID,
        "created_at": _CREATED,
        "consumer": _foreign("consumers", required=True, on_delete="cascade"),
        "key": _string(required=False, unique=True, auto=True),
        "secret": _string(auto=True),
        "rsa_public_key": _string(),
        "algorithm": _string(default="HS256", one_of=[*_HS, *_ASYMMETRIC]),
        "tags": _TAGS,
    },
    (
        {
            "conditional": {
                "if_field": "algorithm",
                "if_match": {"match_any": {"patterns": _NEEDS_KEY}},
                "then_field": "rsa_public_key",
                "then_match": {"required": True},
            }
        },
    ),
    late_checks=(rules.key_is_a_pem,),
)

_SECRET = {"referenceable": True, "encrypted": True}
CERTIFICATES = Schema(
    "certificates",
    {
        "id": _ID,
        "created_at": _CREATED,
        "updated_at": _CREATED,
        "cert": _string(pem.certificate, required=True, referenceable=True),
        "key": _string(pem.private_key, required=True, **_SECRET),
        "cert_alt": _string(pem.certificate, required=False, referenceable=True),
        "key_alt": _string(pem.private_key, required=False, **_SECRET),
        "tags": _TAGS,
        "snis": _array(_string(), required=False, transient=True),
    },
    (
        {"mutually_required": ["cert_alt", "key_alt"]},
        {"custom_entity_check": {"field_sources": ["cert", "key"]}},
        {"custom_entity_check": {"field_sources": ["cert_alt", "key_alt"]}},
        {"custom_entity_check": {"field_sources": ["cert", "cert_alt"]}},
    ),
    late_checks=(pem.key_fits,),
)

SNIS = Schema(
    "snis",
    {
        "id": _ID,
        "name": _string(rules.sni, required=True, unique=True, unique_across_ws=True),
        "created_at": _CREATED,
        "updated_at": _CREATED,
        "tags": _TAGS,
        "certificate": _foreign("certificates", required=True),
    },
)

_HASHED_BY = ["none", "consumer", "ip", "header", "cookie", "path", "query_arg", "uri_capture"]
_HASH = _string(default="none", one_of=_HASHED_BY)
_HASH_FALLBACKS = {
    "none": ["none"],
    "cookie": ["none"],
    "consumer": ["none", "ip", "header", "cookie", "path", "query_arg", "uri_capture"],
    "ip": ["none", "consumer", "header", "cookie", "path", "query_arg", "uri_capture"],
    "path": ["none", "consumer", "header", "cookie", "query_arg", "ip", "uri_capture"],
}
_PATH = _string(rules.path, default="/", starts_with="/", match_none=_NO_SEGMENTS)
_ARGUMENT = _string(len_min=1)
_COUNT = _integer(default=0, between=[0, 255])
_INTERVAL = Field("number", {"default": 0, "between": [0, 65535]})
_CHECK = _string(one_of=["tcp", "http", "https", "grpc", "grpcs"], default="http")
_FINE, _BAD = [200, 302], [429, 404, 500, 501, 502, 503, 504, 505]
_PASSIVE_FINE, _PASSIVE_BAD = [*range(200, 209), 226, *range(300, 309)], [429, 500, 503]


def _statuses(default: list[int]) -> Field:
    return _array(_integer(between=[100, 999]), default=default)


def _defaulted(fields: Fields) -> Field:
    """A record whose printed default is made of its fields' own; what has no default, it leaves out."""
    return _record(fields, required=True, default=_default(fields))


def _default(fields: Fields) -> dict[str, Any]:
    return {name: one.shown["default"] for name, one in fields.items() if "default" in one.shown}


_HEALTHCHECKS = {
    "active": _defaulted(
        {
            "http_path": _PATH,
            "https_sni": _string(rules.sni, required=False),
            "https_verify_certificate": _boolean(True),
            "headers": Field("map", {"required": False}, keys=_string(rules.header_name), values=_array(_string())),
            "concurrency": _integer(default=10, between=[1, 2147483648]),
            "healthy": _defaulted({"http_statuses": _statuses(_FINE), "interval": _INTERVAL, "successes": _COUNT}),
            "unhealthy": _defaulted(
                {
                    "http_statuses": _statuses(_BAD),
                    "http_failures": _COUNT,
                    "interval": _INTERVAL,
                    "tcp_failures": _COUNT,
                    "timeouts": _COUNT,
                }
            ),
            "type": _CHECK,
            "timeout": Field("number", {"default": 1, "between": [0, 65535]}),
        }
    ),
    "passive": _defaulted(
        {
            "healthy": _defaulted({"http_statuses": _statuses(_PASSIVE_FINE), "successes": _COUNT}),
            "unhealthy": _defaulted(
                {
                    "http_statuses": _statuses(_PASSIVE_BAD),
                    "http_failures": _COUNT,
                    "tcp_failures": _COUNT,
                    "timeouts": _COUNT,
                }
            ),
            "type": _CHECK,
        }
    ),
}


def _hashed(on: str, value: str, then: str, match: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "conditional": {
            "if_field": on,
            "if_match": {"match": f"^{value}$"},
            "then_field": then,
            "then_match": dict(match),
        }
    }


def _hash_needs(value: str, on: str, fallback: str) -> tuple[Mapping[str, Any], ...]:
    needed = {"required": True}
    return _hashed("hash_on", value, on, needed), _hashed("hash_fallback", value, fallback, needed)


UPSTREAMS = Schema(
    "upstreams",
    {
        "id": _ID,
        "created_at": _CREATED,
        "name": _string(rules.upstream_name, required=True, unique=True),
        "updated_at": _CREATED,
        "algorithm": _string(
            one_of=["consistent-hashing", "least-connections", "round-robin", "latency"], default="round-robin"
        ),
        "hash_on": _HASH,
        "hash_fallback": _HASH,
        "hash_on_header": _string(rules.header_name),
        "hash_fallback_header": _string(rules.header_name),
        "hash_on_cookie": _string(rules.cookie_name),
        "hash_on_cookie_path": _PATH,
        "hash_on_query_arg": _ARGUMENT,
        "hash_fallback_query_arg": _ARGUMENT,
        "hash_on_uri_capture": _ARGUMENT,
        "hash_fallback_uri_capture": _ARGUMENT,
        "slots": _integer(default=10000, between=[10, 65536]),
        "healthchecks": _record(
            {**_HEALTHCHECKS, "threshold": Field("number", {"default": 0, "between": [0, 100]})},
            required=True,
            default=_default(_HEALTHCHECKS),
        ),
        "tags": _TAGS,
        "host_header": _string(rules.host_and_port),
        "client_certificate": _foreign("certificates"),
        "use_srv_name": Field("boolean", {"default": False}),
    },
    (
        *_hash_needs("header", "hash_on_header", "hash_fallback_header"),
        *_hash_needs("cookie", "hash_on_cookie", "hash_on_cookie"),
        *(_hashed("hash_on", on, "hash_fallback", {"one_of": choices}) for on, choices in _HASH_FALLBACKS.items()),
        {"distinct": ["hash_on_header", "hash_fallback_header"]},
        *_hash_needs("query_arg", "hash_on_query_arg", "hash_fallback_query_arg"),
        {"distinct": ["hash_on_query_arg", "hash_fallback_query_arg"]},
        *_hash_needs("uri_capture", "hash_on_uri_capture", "hash_fallback_uri_capture"),
        {"distinct": ["hash_on_uri_capture", "hash_fallback_uri_capture"]},
    ),
)

_MILLISECONDS = Field("number", {"timestamp": True, "auto": True})
TARGETS = Schema(
    "targets",
    {
        "id": _ID,
        "created_at": _MILLISECONDS,
        "updated_at": _MILLISECONDS,
        "upstream": _foreign("upstreams", required=True, on_delete="cascade"),
        "target": _string(rules.target, required=True),
        "weight": _integer(default=100, between=[0, 65535]),
        "tags": _TAGS,
    },
)

PLUGINS = Schema(
    "plugins",
    {
        "id": _ID,
        "name": _string(required=True),
        "instance_name": _NAME,
        "created_at": _CREATED,
        "updated_at": _CREATED,
        "route": _foreign("routes", default=None, on_delete="cascade"),
        "service": _foreign("services", default=None, on_delete="cascade"),
        "consumer": _foreign("consumers", default=None, on_delete="cascade"),
        "config": Field("record", {"abstract": True}),
        "protocols": _set(
            _string(**_PROTOCOL),
            required=True,
            default=["grpc", "grpcs", "http", "https"],
        ),
        "enabled": _boolean(True),
        "tags": _TAGS,
    },
)

TAGS = Schema(
    "tags",
    {
        "tag": _string(required=True),
        "entity_name": _string(required=True),
        "entity_id": _string(required=True, uuid=True, auto=True),
    },
)

_PHASES = ("certificate", "rewrite", "access", "header_filter", "body_filter", "log")


def _serverless(name: str) -> Schema:
    """pre-function and post-function differ in nothing but when they run."""
    code = _array(_string(rules.lua_chunk(name), required=False), required=True, default=[])
    return Schema(
        name,
        {
            "consumer": _NO_CONSUMER,
            "protocols": PLUGINS.fields["protocols"],
            "config": _record(dict.fromkeys(_PHASES, code), required=True),
        },
        ({"at_least_one_of": [f"config.{phase}" for phase in _PHASES]},),
    )


_JWT_CONFIG = {
    "uri_param_names": _set(_string(), default=["jwt"]),
    "cookie_names": _set(_string(), default=[]),
    "key_claim_name": _string(default="iss"),
    "secret_is_base64": _boolean(False),
    "claims_to_verify": _set(_string(one_of=["exp", "nbf"])),
    "anonymous": _string(),
    "run_on_preflight": _boolean(True),
    "maximum_expiration": Field("number", {"default": 0, "between": [0, 31536000]}),
    "header_names": _set(_string(), default=["authorization"]),
    "realm": _string(required=False),
}
_TERMINATION_CONFIG = {
    "status_code": _integer(required=True, default=503, between=[100, 599]),
    "message": _string(),
    "content_type": _string(),
    "body": _string(),
    "echo": _boolean(False),
    "trigger": _string(),
}

PLUGIN_SCHEMAS: Mapping[str, Schema] = {
    one.name: one
    for one in (
        _serverless("pre-function"),
        _serverless("post-function"),
        Schema(
            "jwt",
            {
                "consumer": _NO_CONSUMER,
                "protocols": _http_only(),
                "config": _record(_JWT_CONFIG, required=True),
            },
            (
                {
                    "conditional": {
                        "if_field": "config.maximum_expiration",
                        "if_match": {"gt": 0},
                        "then_field": "config.claims_to_verify",
                        "then_match": {"contains": "exp"},
                    }
                },
            ),
        ),
        Schema(
            "request-termination",
            {"protocols": _http_only(), "config": _record(_TERMINATION_CONFIG, required=True)},
            late_checks=(rules.message_or_body,),
        ),
    )
}
ENTITY_SCHEMAS: Mapping[str, Schema] = {
    one.name: one
    for one in (
        SERVICES,
        ROUTES,
        CONSUMERS,
        JWT_SECRETS,
        PLUGINS,
        CERTIFICATES,
        SNIS,
        UPSTREAMS,
        TARGETS,
        TAGS,
    )
}
