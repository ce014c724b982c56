"""Plugin configurations, written in full against the schema of the actual gateway.

Updates are PATCH, and Kong deep-merges `config`: an omitted key keeps its old value. Therefore
every field of the schema is sent, null where unset. With `strict_match` the provider then detects
any change made by hand.

Source: docs/explanation/design.md#removed-means-gone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import reduce
from operator import getitem
from typing import Any

from kong_oam.access.data import JsonFields
from kong_oam.access.settings.values import Edition
from kong_oam.diagnostics import some
from kong_oam.errors import ProductError
from kong_oam.kong import code, versions
from kong_oam.kong.entities import Config
from kong_oam.kong.script import ScriptInputs, with_inputs
from kong_oam.kong.sources import deployed_script
from kong_oam.kong.table import VERIFIED_HEADER, Authentication

# The plugin that verifies tokens.
AUTHENTICATION: Mapping[Edition, Authentication] = {
    "oss": "jwt",
    "enterprise": "openid-connect",
}


def guards(edition: Edition) -> tuple[str, str, str]:
    """Return the plugins of a gated service, in the order in which they run."""
    return "pre-function", AUTHENTICATION[edition], "post-function"


# All plugins that guard a service, in any edition.
GUARDS = frozenset((*guards("oss"), *guards("enterprise")))

# An edge: Kong's own schema.
# A plugin's schema as `GET /schemas/plugins/NAME` prints it.
Schema = Mapping[str, Any]


class SchemaError(ProductError):
    """The gateway's schema lacks a needed field. The message names plugin and field."""


# A field of each plugin that writes records. It holds a script for each field of a record, which
# runs before the record is sent.
CUSTOM_FIELDS = "custom_fields_by_lua"

# The script of a record's field `version`. It clears Kong's own record unless admission's plugin
# replaced it.
CLEARED = f"if not kong.ctx.shared.kong_oam_recorded then {code.BARE_RECORD} end return 1"


def config_json(
    schema: Schema, name: str, config: Config, *, keeps_records: bool = False
) -> str:
    """Return compact sorted JSON of the whole configuration. Raises SchemaError for an unknown
    field.

    `keeps_records`: the stack keeps records, so a plugin that writes records never sends Kong's
    own.
    """
    record = record_of(schema, name)
    if keeps_records and CUSTOM_FIELDS in fields_of(record):
        fields = {**(config.get(CUSTOM_FIELDS) or {}), "version": CLEARED}
        config = {**config, CUSTOM_FIELDS: fields}
    return json.dumps(
        _expand(record, config, name), sort_keys=True, separators=(",", ":")
    )


def record_of(schema: Schema, name: str) -> Schema:
    """Return the schema of a plugin's configuration. Raises SchemaError if it is missing."""
    for field in schema["fields"]:
        if "config" in field:
            record: Schema = field["config"]
            return record
    raise SchemaError(
        f"plugin {name}: the gateway has no schema for its config"
    )


def fields_of(record: Schema, which: str = "fields") -> dict[str, Schema]:
    """Return the fields of a record by name. `shorthand_fields` are fields under former names."""
    fields: dict[str, Schema] = {}
    for entry in record.get(which) or ():
        fields.update(entry)
    return fields


def _expand(record: Schema, config: Config, where: str) -> Config:
    if not isinstance(config, Mapping):
        raise SchemaError(f"plugin {where}: {config!r} is not an object")
    fields = fields_of(record)
    if unknown := sorted(set(config) - set(fields)):
        raise SchemaError(
            f"plugin {where}: this gateway's schema lacks {some(unknown)}; "
            f"{_remedy(where, unknown)}"
        )
    whole = {}
    for name, field in fields.items():
        whole[name] = _value(field, config.get(name), f"{where}.{name}")
    return {**whole, **_former_names(record, whole)}


def _remedy(where: str, unknown: Iterable[str]) -> str:
    """Return the remedy for unknown fields: the version that has all of them, if it is known."""
    since = [versions.SINCE.get(f"{where}.{field}") for field in unknown]
    known = [release for release in since if release]
    if len(known) < len(since):
        return "use the current name, or a newer Kong"
    first = versions.in_words(max(known))
    return f"use Kong {first} or newer, or remove the setting that needs it"


def with_former_names(record: Schema, config: Config) -> Config:
    """Return a complete configuration as Kong prints it: with former names of fields, too.

    Kong's answer to `POST /config` lacks the former names.
    """
    whole = dict(config)
    for name, field in fields_of(record).items():
        inner = config.get(name)
        if field.get("type") == "record" and isinstance(inner, Mapping):
            whole[name] = with_former_names(field, inner)
    return {**whole, **_former_names(record, config)}


def _former_names(record: Schema, config: Config) -> Config:
    """Return the values under former field names (rate-limiting's `redis_host`, now `redis.host`).

    Kong prints both names, so a configuration without the former names would never match Kong's.
    Kong 3.6 and 3.7 name the current field in `translate_backwards` alone.
    """
    values = {}
    for name, field in fields_of(record, "shorthand_fields").items():
        replaced = (field.get("deprecation") or {}).get("replaced_with")
        path = replaced[0]["path"] if replaced else None
        path = path or field.get("translate_backwards")
        if path:
            values[name] = reduce(getitem, path, config)
    return values


def _value(field: Schema, value: Any, where: str) -> Any:
    """Return a field as Kong prints it, with each record in full, also in lists and maps."""
    value = field.get("default") if value is None else value
    if field.get("type") == "record" and (
        value is not None or field.get("required")
    ):
        return _expand(field, value or {}, where)
    if isinstance(value, list) and "elements" in field:
        return [_value(field["elements"], item, where) for item in value]
    if isinstance(value, Mapping) and "values" in field:
        return {
            key: _value(field["values"], item, where)
            for key, item in value.items()
        }
    return value


def admission(
    table: str, hsts_seconds: int = 0, more: Iterable[str] = ()
) -> Config:
    """Return the configuration of `pre-function`: the scripts of a port, by phase.

    The plugin handles every request, including those denied later, so it also marks answers.
    `hsts_seconds`: how long browsers use https only (RFC 6797); 0: not set. `more`: lower-case
    names of headers that callers must not send, beside the script's own list.
    """
    config: JsonFields = {}
    if hsts_seconds:
        set_header = (
            "kong.response.set_header('Strict-Transport-Security', "
            f"'max-age={hsts_seconds}')"
        )
        config["header_filter"] = [f"return function() {set_header} end"]
    for phase, script in code.phases(table):
        if phase == "access":
            script = with_inputs(
                ScriptInputs(table),
                f"local MORE = '{' '.join(more)}'\n{script}",
            )
        config.setdefault(phase, []).append(script)
    return config


def jwt(anonymous: str | None) -> Config:
    """Return the configuration of `jwt`. It verifies a token in the Authorization header only.

    Without a valid token the caller is the consumer `anonymous`, and the gate decides. If
    `anonymous` is None, the answer is 401.
    """
    return {
        "key_claim_name": "kid",
        "claims_to_verify": ["exp"],
        "uri_param_names": [],
        "cookie_names": [],
        "anonymous": anonymous,
    }


def openid_connect(issuer: str, anonymous: str | None) -> Config:
    """Return the configuration of `openid-connect`, which replaces `jwt` on Kong Enterprise.

    It verifies a bearer token with the keys that `issuer` publishes. It finds the key ring by its
    `custom_id` and forwards the verified token. The gate alone checks audience, scopes and groups:
    this plugin would answer 403 to a wrong audience, not 401. `anonymous`: see `jwt`.

    Source: Kong's reference of the plugin, 3.11.
    """
    return {
        "issuer": issuer,
        "issuers_allowed": [issuer],
        "auth_methods": ["bearer"],
        "bearer_token_param_type": ["header"],
        "consumer_claim": ["iss"],
        "consumer_by": ["custom_id"],
        "upstream_access_token_header": VERIFIED_HEADER,
        "disable_session": [
            "bearer"
        ],  # a session cookie would be a second credential
        # Without verification, anybody on the network path could answer with other keys.
        "ssl_verify": True,
        "anonymous": anonymous,
    }


def gate(table: str, address: str) -> Config:
    """Return the configuration of `post-function`: the gate with its table and the workload's
    address.

    Only this plugin knows the address. Scripts behind the gate handle the rest of an allowed
    request.
    """
    config = {
        "access": [
            with_inputs(
                ScriptInputs(table, address),
                code.gate(table),
            )
        ]
    }
    for phase, parts in code.behind(table):
        config.setdefault(phase, []).append(deployed_script(*parts))
    return config
