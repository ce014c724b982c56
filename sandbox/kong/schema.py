"""Kong 3.10's schemas of entities, written compactly; schemas of plugins are in `plugin_schemas`.

Source: the answers of a Kong 3.10 OSS to `GET /schemas/{entity}`. The tests compare every field,
type, default and constraint with them. Descriptions are left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.edges import Json
from sandbox.kong import pem, rules
from sandbox.kong.balancer_schemas import TARGETS, UPSTREAMS
from sandbox.kong.fields import (
    CREATED,
    ID,
    NAME,
    NO_SEGMENTS,
    PORT,
    PROTOCOL,
    SECRET,
    TAGGED,
    TIMEOUT,
    EntityCheck,
    Field,
    Match,
    Schema,
    array,
    boolean,
    foreign,
    integer,
    record,
    set_of,
    string,
)


def _null_unless(protocols: Match, name: str) -> EntityCheck:
    return {
        "conditional": {
            "if_field": "protocol",
            "if_match": protocols,
            "then_field": name,
            "then_match": {"eq": None},
        }
    }


_TLS_ONLY: Match = {"not_one_of": ["https", "tls"]}
SERVICES = Schema(
    "services",
    {
        "id": ID,
        "created_at": CREATED,
        "updated_at": CREATED,
        "name": NAME,
        "retries": integer(default=5, between=[0, 32767]),
        "protocol": string(required=True, default="http", **PROTOCOL),
        "host": string(rules.host, required=True),
        "port": integer(required=True, default=80, **PORT),
        "path": string(rules.path, starts_with="/", match_none=NO_SEGMENTS),
        "connect_timeout": TIMEOUT,
        "write_timeout": TIMEOUT,
        "read_timeout": TIMEOUT,
        "tags": TAGGED,
        "client_certificate": foreign("certificates"),
        "tls_verify": boolean(),
        "tls_verify_depth": integer(default=None, between=[0, 64]),
        "ca_certificates": array(string(uuid=True)),
        "enabled": boolean(True),
    },
    (
        _null_unless(
            {"one_of": ["tcp", "tls", "udp", "grpc", "grpcs"]}, "path"
        ),
        *(
            _null_unless(_TLS_ONLY, name)
            for name in (
                "client_certificate",
                "tls_verify",
                "tls_verify_depth",
                "ca_certificates",
            )
        ),
    ),
)

_PEER = record(
    {"ip": string(rules.ip_or_cidr), "port": integer(**PORT)},
    ({"at_least_one_of": ["ip", "port"]},),
)
_HOST_WILDCARDS: Json = {
    "match_any": {
        "patterns": ["^%*%.", "%.%*$", "^[^*]*$"],
        "err": "invalid wildcard: must be placed at leftmost or rightmost label",
    },
    "match_all": [
        {
            "pattern": "^[^*]*%*?[^*]*$",
            "err": "invalid wildcard: must have at most one wildcard",
        }
    ],
}
_SNIS_NEED_TLS: EntityCheck = {
    "conditional": {
        "if_field": "protocols",
        "if_match": {
            "elements": {
                "type": "string",
                "not_one_of": ["grpcs", "https", "tls", "tls_passthrough"],
            }
        },
        "then_field": "snis",
        "then_match": {"len_eq": 0},
        "then_err": "'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or "
        "'tls_passthrough'",
    }
}
_ROUTER_SOURCES = (
    "id protocols snis sources destinations methods hosts paths headers expression "
    "regex_priority priority"
)
ROUTES = Schema(
    "routes",
    {
        "id": ID,
        "created_at": CREATED,
        "updated_at": CREATED,
        "name": NAME,
        "protocols": set_of(
            string(**PROTOCOL),
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
        "https_redirect_status_code": integer(
            required=True, default=426, one_of=[426, 301, 302, 307, 308]
        ),
        "strip_path": boolean(True),
        "preserve_host": boolean(False),
        "request_buffering": boolean(True),
        "response_buffering": boolean(True),
        "tags": TAGGED,
        "service": foreign("services"),
        "snis": set_of(string(rules.wildcard_host)),
        "sources": set_of(_PEER),
        "destinations": set_of(_PEER),
        "methods": set_of(string(match="^%u+$")),
        "hosts": array(string(rules.host_with_port, **_HOST_WILDCARDS)),
        "paths": array(
            string(
                rules.route_path,
                match_none=NO_SEGMENTS,
                match_any={
                    "patterns": ["^/", "^~/"],
                    "err": "should start with: / (fixed path) or ~/ (regex path)",
                },
            )
        ),
        "headers": Field(
            "map",
            keys=string(
                match_none=[
                    {
                        "pattern": "^[Hh][Oo][Ss][Tt]$",
                        "err": "cannot contain 'host' header, which must be specified in the "
                        "'hosts' attribute",
                    }
                ]
            ),
            values=array(string()),
        ),
        "regex_priority": integer(default=0),
        "path_handling": string(default="v0", one_of=["v0", "v1"]),
    },
    (
        _SNIS_NEED_TLS,
        {"custom_entity_check": {"field_sources": ["path_handling"]}},
        {
            "custom_entity_check": {
                "run_with_missing_fields": True,
                "field_sources": _ROUTER_SOURCES.split(),
            }
        },
    ),
    (rules.route_has_a_matcher,),
    (rules.route_expression,),
)

CONSUMERS = Schema(
    "consumers",
    {
        "id": ID,
        "created_at": CREATED,
        "updated_at": CREATED,
        "username": string(unique=True),
        "custom_id": string(unique=True),
        "tags": TAGGED,
    },
    ({"at_least_one_of": ["custom_id", "username"]},),
)

_HS = ["HS256", "HS384", "HS512"]
_ASYMMETRIC = [
    "RS256",
    "RS384",
    "RS512",
    "ES256",
    "ES384",
    "ES512",
    "PS256",
    "PS384",
    "PS512",
    "EdDSA",
]
_NEEDS_KEY = [f"^{name}$" for name in _ASYMMETRIC if not name.startswith("ES")]
JWT_SECRETS = Schema(
    "jwt_secrets",
    {
        "id": ID,
        "created_at": CREATED,
        "consumer": foreign("consumers", required=True, on_delete="cascade"),
        "key": string(required=False, unique=True, auto=True),
        "secret": string(auto=True),
        "rsa_public_key": string(),
        "algorithm": string(default="HS256", one_of=[*_HS, *_ASYMMETRIC]),
        "tags": TAGGED,
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

ACLS = Schema(
    "acls",
    {
        "id": ID,
        "created_at": CREATED,
        "consumer": foreign("consumers", required=True, on_delete="cascade"),
        "group": string(required=True),
        "tags": TAGGED,
    },
)

KEYAUTH_CREDENTIALS = Schema(
    "keyauth_credentials",
    {
        "id": ID,
        "created_at": CREATED,
        "consumer": foreign("consumers", required=True, on_delete="cascade"),
        "key": string(required=False, unique=True, auto=True),
        "tags": TAGGED,
        # Kong prints this field of an entity, but not of the schema.
        "ttl": Field("integer", {"unprinted": True}, rule=rules.no_ttl),
    },
)

BASICAUTH_CREDENTIALS = Schema(
    "basicauth_credentials",
    {
        "id": ID,
        "created_at": CREATED,
        "consumer": foreign("consumers", required=True, on_delete="cascade"),
        "username": string(required=True, unique=True),
        "password": string(required=True, encrypted=True),
        "tags": TAGGED,
    },
)

CERTIFICATES = Schema(
    "certificates",
    {
        "id": ID,
        "created_at": CREATED,
        "updated_at": CREATED,
        "cert": string(pem.certificate, required=True, referenceable=True),
        "key": string(pem.private_key, required=True, **SECRET),
        "cert_alt": string(pem.certificate, required=False, referenceable=True),
        "key_alt": string(pem.private_key, required=False, **SECRET),
        "tags": TAGGED,
        "snis": array(string(), required=False, transient=True),
    },
    (
        {"mutually_required": ["cert_alt", "key_alt"]},
        {"custom_entity_check": {"field_sources": ["cert", "key"]}},
        {"custom_entity_check": {"field_sources": ["cert_alt", "key_alt"]}},
        {"custom_entity_check": {"field_sources": ["cert", "cert_alt"]}},
    ),
    late_checks=(pem.key_fits,),
)

CA_CERTIFICATES = Schema(
    "ca_certificates",
    {
        "id": ID,
        "created_at": CREATED,
        "updated_at": CREATED,
        "cert": string(pem.certificate, required=True),
        "cert_digest": string(unique=True),
        "tags": TAGGED,
    },
    ({"custom_entity_check": {"field_sources": ["cert"]}},),
    late_checks=(pem.is_an_authority,),
)

SNIS = Schema(
    "snis",
    {
        "id": ID,
        "name": string(
            rules.sni, required=True, unique=True, unique_across_ws=True
        ),
        "created_at": CREATED,
        "updated_at": CREATED,
        "tags": TAGGED,
        "certificate": foreign("certificates", required=True),
    },
)

PLUGINS = Schema(
    "plugins",
    {
        "id": ID,
        "name": string(required=True),
        "instance_name": NAME,
        "created_at": CREATED,
        "updated_at": CREATED,
        "route": foreign("routes", default=None, on_delete="cascade"),
        "service": foreign("services", default=None, on_delete="cascade"),
        "consumer": foreign("consumers", default=None, on_delete="cascade"),
        "config": Field("record", {"abstract": True}),
        "protocols": set_of(
            string(**PROTOCOL),
            required=True,
            default=["grpc", "grpcs", "http", "https"],
        ),
        "enabled": boolean(True),
        "tags": TAGGED,
    },
)

TAGS = Schema(
    "tags",
    {
        "tag": string(required=True),
        "entity_name": string(required=True),
        "entity_id": string(required=True, uuid=True, auto=True),
    },
)

ENTITY_SCHEMAS: Mapping[str, Schema] = {
    schema.name: schema
    for schema in (
        SERVICES,
        ROUTES,
        CONSUMERS,
        JWT_SECRETS,
        KEYAUTH_CREDENTIALS,
        BASICAUTH_CREDENTIALS,
        ACLS,
        PLUGINS,
        CERTIFICATES,
        CA_CERTIFICATES,
        SNIS,
        UPSTREAMS,
        TARGETS,
        TAGS,
    )
}
