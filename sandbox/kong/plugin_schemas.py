"""Kong 3.10's schemas of plugins, written compactly.

Source: the answers of a Kong 3.10 OSS to `GET /schemas/plugins/{name}`; the tests compare every
field, type, default and constraint with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.kong import rules
from sandbox.kong.fields import (
    NO_CONSUMER,
    NO_SEGMENTS,
    PROTOCOL,
    SECRET,
    EntityCheck,
    Field,
    Fields,
    Schema,
    array,
    boolean,
    http_only,
    integer,
    record,
    set_of,
    string,
)
from sandbox.kong.schema import PLUGINS

_PHASES = (
    "certificate",
    "rewrite",
    "access",
    "header_filter",
    "body_filter",
    "log",
)


def _serverless(name: str) -> Schema:
    """pre-function and post-function differ in nothing but when they run."""
    code = array(
        string(rules.lua_chunk(name), required=False), required=True, default=[]
    )
    return Schema(
        name,
        {
            "consumer": NO_CONSUMER,
            "protocols": PLUGINS.fields["protocols"],
            "config": record(dict.fromkeys(_PHASES, code), required=True),
        },
        ({"at_least_one_of": [f"config.{phase}" for phase in _PHASES]},),
    )


_JWT_CONFIG = {
    "uri_param_names": set_of(string(), default=["jwt"]),
    "cookie_names": set_of(string(), default=[]),
    "key_claim_name": string(default="iss"),
    "secret_is_base64": boolean(False),
    "claims_to_verify": set_of(string(one_of=["exp", "nbf"])),
    "anonymous": string(),
    "run_on_preflight": boolean(True),
    "maximum_expiration": Field(
        "number", {"default": 0, "between": [0, 31536000]}
    ),
    "header_names": set_of(string(), default=["authorization"]),
    "realm": string(required=False),
}
_TERMINATION_CONFIG = {
    "status_code": integer(required=True, default=503, between=[100, 599]),
    "message": string(),
    "content_type": string(),
    "body": string(),
    "echo": boolean(False),
    "trigger": string(),
}
_WINDOWS = ("second", "minute", "hour", "day", "month", "year")
_REDIS = {
    "host": string(),
    "port": integer(default=6379, between=[0, 65535]),
    "timeout": integer(default=2000, between=[0, 2147483646]),
    "username": string(referenceable=True),
    "password": string(referenceable=True, len_min=0, encrypted=True),
    "database": integer(default=0),
    "ssl": Field("boolean", {"required": False, "default": False}),
    "ssl_verify": Field("boolean", {"required": False, "default": False}),
    "server_name": string(required=False),
}
_FORMER = (
    "host",
    "port",
    "password",
    "username",
    "ssl",
    "ssl_verify",
    "server_name",
    "timeout",
    "database",
)
_RATE_LIMITING = Field(
    "record",
    {"required": True},
    fields={
        **{window: Field("number", {"gt": 0}) for window in _WINDOWS},
        "limit_by": string(
            one_of=[
                "consumer",
                "credential",
                "ip",
                "service",
                "header",
                "path",
            ],
            default="consumer",
        ),
        "header_name": string(),
        "path": string(match_none=NO_SEGMENTS, starts_with="/"),
        "policy": string(
            one_of=["local", "cluster", "redis"], len_min=0, default="local"
        ),
        "fault_tolerant": boolean(True),
        "redis": record(_REDIS, required=True),
        "hide_client_headers": boolean(False),
        "error_code": Field("number", {"default": 429, "gt": 0}),
        "error_message": string(default="API rate limit exceeded"),
        "sync_rate": Field("number", {"required": True, "default": -1}),
    },
    former={
        f"redis_{name}": {
            "type": _REDIS[name].type,
            **({"len_min": 0} if name == "password" else {}),
            "deprecation": {
                "message": f"rate-limiting: config.redis_{name} is deprecated, please use "
                f"config.redis.{name} instead",
                "removal_in_version": "4.0",
                "replaced_with": [{"path": ["redis", name]}],
            },
        }
        for name in _FORMER
    },
)


def _needed(field: str, value: str, needed: str) -> EntityCheck:
    return {
        "conditional": {
            "if_field": f"config.{field}",
            "if_match": {"eq": value},
            "then_field": f"config.{needed}",
            "then_match": {"required": True},
        }
    }


_CORRELATION_ID_CONFIG = {
    "header_name": string(default="Kong-Request-ID"),
    "generator": string(
        required=True,
        default="uuid#counter",
        one_of=["uuid", "uuid#counter", "tracker"],
    ),
    "echo_downstream": boolean(False),
}
_AGENTS = array(string(is_regex=True), default=[])


def _gone(kind: str, name: str, instead: str, default: Any) -> Field:
    """Return a field of http-log that Kong 4 no longer has."""
    message = f"http-log: config.{name} {instead}"
    return Field(
        kind,
        {
            "deprecation": {
                "message": message,
                "removal_in_version": "4.0",
                "old_default": default,
            }
        },
    )


_SECONDS = [0.001, 1000000]
_QUEUE = {
    "max_batch_size": integer(default=1, between=[1, 1000000]),
    "max_coalescing_delay": Field(
        "number", {"default": 1, "between": [0, 3600]}
    ),
    "max_entries": integer(default=10000, between=[1, 1000000]),
    "max_bytes": integer(),
    "max_retry_time": Field("number", {"default": 60}),
    "initial_retry_delay": Field(
        "number", {"default": 0.01, "between": _SECONDS}
    ),
    "max_retry_delay": Field("number", {"default": 60, "between": _SECONDS}),
    "concurrency_limit": integer(default=1, one_of=[-1, 1]),
}
_CUSTOM_FIELDS = Field("map", keys=string(len_min=1), values=string(len_min=1))
_HEADERS_MADE = [
    {"pattern": "^[Hh][Oo][Ss][Tt]$", "err": "cannot contain 'Host' header"},
    {
        "pattern": "^[Cc][Oo][Nn][Tt][Ee][Nn][Tt]%-[Ll][Ee][nn][Gg][Tt][Hh]$",
        "err": "cannot contain 'Content-Length' header",
    },
    {
        "pattern": "^[Cc][Oo][Nn][Tt][Ee][Nn][Tt]%-[Tt][Yy][Pp][Ee]$",
        "err": "cannot contain 'Content-Type' header",
    },
]
_MILLIS = {
    "timeout": Field("number", {"default": 10000}),
    "keepalive": Field("number", {"default": 60000}),
}
_HTTP_LOG_CONFIG = {
    "http_endpoint": string(None, required=True, **SECRET),
    "method": string(one_of=["POST", "PUT", "PATCH"], default="POST"),
    "content_type": string(
        one_of=["application/json", "application/json; charset=utf-8"],
        default="application/json",
    ),
    **_MILLIS,
    "retry_count": _gone(
        "integer",
        "retry_count",
        "no longer works, please use config.queue.max_retry_time instead",
        10,
    ),
    "queue_size": _gone(
        "integer",
        "queue_size",
        "is deprecated, please use config.queue.max_batch_size instead",
        1,
    ),
    "flush_timeout": _gone(
        "number",
        "flush_timeout",
        "is deprecated, please use config.queue.max_coalescing_delay instead",
        2,
    ),
    "headers": Field(
        "map",
        keys=string(match_none=_HEADERS_MADE),
        values=string(referenceable=True),
    ),
    "queue": record(_QUEUE, required=True),
    "custom_fields_by_lua": _CUSTOM_FIELDS,
}
_TCP_LOG_CONFIG = {
    "host": string(required=True),
    "port": integer(required=True, between=[0, 65535]),
    **_MILLIS,
    "tls": boolean(False),
    "tls_sni": string(),
    "custom_fields_by_lua": _CUSTOM_FIELDS,
}
_FILE_LOG_CONFIG = {
    "path": string(
        required=True,
        match=r"^[^%s*&%%\`][^*&%%\`]*[^%s*&%%\`]$",
        err="not a valid filename",
    ),
    "reopen": boolean(False),
    "custom_fields_by_lua": _CUSTOM_FIELDS,
}

_ACL_CONFIG = {
    "allow": array(string()),
    "deny": array(string()),
    "hide_groups_header": boolean(False),
    "always_use_authenticated_groups": boolean(False),
}

_KEY_AUTH_CONFIG = {
    "key_names": array(
        string(rules.header_name), required=True, default=["apikey"]
    ),
    "hide_credentials": boolean(False),
    "anonymous": string(),
    "key_in_header": boolean(True),
    "key_in_query": boolean(True),
    "key_in_body": boolean(False),
    "run_on_preflight": boolean(True),
    "realm": string(required=False),
}
_BASIC_AUTH_CONFIG = {
    "anonymous": string(),
    "hide_credentials": boolean(False),
    "realm": string(required=True, default="service"),
}

_MEASURED = (
    *(
        "per_consumer",
        "status_code_metrics",
        "ai_metrics",
        "latency_metrics",
        "bandwidth_metrics",
    ),
    *("upstream_health_metrics", "wasm_metrics"),
)


def _sink(name: str, config: Fields) -> Schema:
    protocols = set_of(
        string(**PROTOCOL),
        required=True,
        default=["grpc", "grpcs", "http", "https"],
    )
    return Schema(
        name, {"protocols": protocols, "config": record(config, required=True)}
    )


def _authenticating(name: str, config: Fields) -> Schema:
    return Schema(
        name,
        {
            "consumer": NO_CONSUMER,
            "protocols": http_only(),
            "config": record(config, required=True),
        },
    )


_SCHEMAS = (
    Schema(
        "acl",
        {
            "consumer": NO_CONSUMER,
            "protocols": http_only(),
            "config": record(_ACL_CONFIG, required=True),
        },
        (
            {"only_one_of": ["config.allow", "config.deny"]},
            {"at_least_one_of": ["config.allow", "config.deny"]},
        ),
    ),
    _authenticating("key-auth", _KEY_AUTH_CONFIG),
    _authenticating("basic-auth", _BASIC_AUTH_CONFIG),
    _serverless("pre-function"),
    _serverless("post-function"),
    Schema(
        "jwt",
        {
            "consumer": NO_CONSUMER,
            "protocols": http_only(),
            "config": record(_JWT_CONFIG, required=True),
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
        {
            "protocols": http_only(),
            "config": record(_TERMINATION_CONFIG, required=True),
        },
        late_checks=(rules.message_or_body,),
    ),
    Schema(
        "rate-limiting",
        {"protocols": http_only(), "config": _RATE_LIMITING},
        (
            {"at_least_one_of": [f"config.{window}" for window in _WINDOWS]},
            *(
                _needed("policy", "redis", f"redis.{name}")
                for name in ("host", "port", "timeout")
            ),
            _needed("limit_by", "header", "header_name"),
            _needed("limit_by", "path", "path"),
        ),
        late_checks=(rules.sound_limits,),
    ),
    Schema(
        "bot-detection",
        {
            "consumer": NO_CONSUMER,
            "protocols": http_only(),
            "config": record(
                {"allow": _AGENTS, "deny": _AGENTS}, required=True
            ),
        },
    ),
    Schema(
        "correlation-id",
        {
            "protocols": http_only(),
            "config": record(_CORRELATION_ID_CONFIG, required=True),
        },
    ),
    _sink("file-log", _FILE_LOG_CONFIG),
    _sink("http-log", _HTTP_LOG_CONFIG),
    _sink(
        "prometheus",
        {name: Field("boolean", {"default": False}) for name in _MEASURED},
    ),
    _sink("tcp-log", _TCP_LOG_CONFIG),
)
PLUGIN_SCHEMAS: Mapping[str, Schema] = {
    schema.name: schema for schema in _SCHEMAS
}
