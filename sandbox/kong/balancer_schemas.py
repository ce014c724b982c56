"""Kong 3.10's schemas of Upstreams and Targets, written compactly; the source is the same as for
`sandbox.kong.schema`."""

from __future__ import annotations

from sandbox.edges import Json
from sandbox.kong import rules
from sandbox.kong.fields import (
    CREATED,
    ID,
    NO_SEGMENTS,
    TAGGED,
    EntityCheck,
    Field,
    Fields,
    Match,
    Schema,
    array,
    boolean,
    foreign,
    integer,
    record,
    string,
)

_HASHED_BY = [
    "none",
    "consumer",
    "ip",
    "header",
    "cookie",
    "path",
    "query_arg",
    "uri_capture",
]
_HASH = string(default="none", one_of=_HASHED_BY)
_HASH_FALLBACKS = {
    "none": ["none"],
    "cookie": ["none"],
    "consumer": [
        "none",
        "ip",
        "header",
        "cookie",
        "path",
        "query_arg",
        "uri_capture",
    ],
    "ip": [
        "none",
        "consumer",
        "header",
        "cookie",
        "path",
        "query_arg",
        "uri_capture",
    ],
    "path": [
        "none",
        "consumer",
        "header",
        "cookie",
        "query_arg",
        "ip",
        "uri_capture",
    ],
}
_PATH = string(rules.path, default="/", starts_with="/", match_none=NO_SEGMENTS)
_ARGUMENT = string(len_min=1)
_COUNT = integer(default=0, between=[0, 255])
_INTERVAL = Field("number", {"default": 0, "between": [0, 65535]})
_CHECK = string(
    one_of=["tcp", "http", "https", "grpc", "grpcs"], default="http"
)
_FINE = [200, 302]
_BAD = [429, 404, 500, 501, 502, 503, 504, 505]
_PASSIVE_FINE = [*range(200, 209), 226, *range(300, 309)]
_PASSIVE_BAD = [429, 500, 503]


def _statuses(default: list[int]) -> Field:
    return array(integer(between=[100, 999]), default=default)


def _defaulted(fields: Fields) -> Field:
    """Return a record whose default consists of its fields' defaults; fields without a default are
    left out."""
    return record(fields, required=True, default=_default(fields))


def _default(fields: Fields) -> Json:
    return {
        name: field.shown["default"]
        for name, field in fields.items()
        if "default" in field.shown
    }


_HEALTHCHECKS = {
    "active": _defaulted(
        {
            "http_path": _PATH,
            "https_sni": string(rules.sni, required=False),
            "https_verify_certificate": boolean(True),
            "headers": Field(
                "map",
                {"required": False},
                keys=string(rules.header_name),
                values=array(string()),
            ),
            "concurrency": integer(default=10, between=[1, 2147483648]),
            "healthy": _defaulted(
                {
                    "http_statuses": _statuses(_FINE),
                    "interval": _INTERVAL,
                    "successes": _COUNT,
                }
            ),
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
            "healthy": _defaulted(
                {"http_statuses": _statuses(_PASSIVE_FINE), "successes": _COUNT}
            ),
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


def _hashed(on: str, value: str, then: str, match: Match) -> EntityCheck:
    return {
        "conditional": {
            "if_field": on,
            "if_match": {"match": f"^{value}$"},
            "then_field": then,
            "then_match": match,
        }
    }


def _hash_needs(value: str, on: str, fallback: str) -> tuple[EntityCheck, ...]:
    needed: Match = {"required": True}
    return _hashed("hash_on", value, on, needed), _hashed(
        "hash_fallback", value, fallback, needed
    )


UPSTREAMS = Schema(
    "upstreams",
    {
        "id": ID,
        "created_at": CREATED,
        "name": string(rules.upstream_name, required=True, unique=True),
        "updated_at": CREATED,
        "algorithm": string(
            one_of=[
                "consistent-hashing",
                "least-connections",
                "round-robin",
                "latency",
            ],
            default="round-robin",
        ),
        "hash_on": _HASH,
        "hash_fallback": _HASH,
        "hash_on_header": string(rules.header_name),
        "hash_fallback_header": string(rules.header_name),
        "hash_on_cookie": string(rules.cookie_name),
        "hash_on_cookie_path": _PATH,
        "hash_on_query_arg": _ARGUMENT,
        "hash_fallback_query_arg": _ARGUMENT,
        "hash_on_uri_capture": _ARGUMENT,
        "hash_fallback_uri_capture": _ARGUMENT,
        "slots": integer(default=10000, between=[10, 65536]),
        "healthchecks": record(
            {
                **_HEALTHCHECKS,
                "threshold": Field(
                    "number", {"default": 0, "between": [0, 100]}
                ),
            },
            required=True,
            default=_default(_HEALTHCHECKS),
        ),
        "tags": TAGGED,
        "host_header": string(rules.host_and_port),
        "client_certificate": foreign("certificates"),
        "use_srv_name": Field("boolean", {"default": False}),
    },
    (
        *_hash_needs("header", "hash_on_header", "hash_fallback_header"),
        *_hash_needs("cookie", "hash_on_cookie", "hash_on_cookie"),
        *(
            _hashed("hash_on", on, "hash_fallback", {"one_of": choices})
            for on, choices in _HASH_FALLBACKS.items()
        ),
        {"distinct": ["hash_on_header", "hash_fallback_header"]},
        *_hash_needs(
            "query_arg", "hash_on_query_arg", "hash_fallback_query_arg"
        ),
        {"distinct": ["hash_on_query_arg", "hash_fallback_query_arg"]},
        *_hash_needs(
            "uri_capture", "hash_on_uri_capture", "hash_fallback_uri_capture"
        ),
        {"distinct": ["hash_on_uri_capture", "hash_fallback_uri_capture"]},
    ),
)

_MILLISECONDS = Field("number", {"timestamp": True, "auto": True})
TARGETS = Schema(
    "targets",
    {
        "id": ID,
        "created_at": _MILLISECONDS,
        "updated_at": _MILLISECONDS,
        "upstream": foreign("upstreams", required=True, on_delete="cascade"),
        "target": string(rules.target, required=True),
        "weight": integer(default=100, between=[0, 65535]),
        "tags": TAGGED,
    },
)
