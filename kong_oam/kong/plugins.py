"""Plugin configurations, spelled out in full against the schema of the gateway at hand.

Updates are PATCH and Kong deep-merges `config`: a key that is only left out stays live. So every
field that the schema has is sent, null where unset; with `strict_match` the provider then sees any
change made by hand.

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
from kong_oam.kong import code
from kong_oam.kong.entities import Config
from kong_oam.kong.script import ScriptInputs, framed
from kong_oam.kong.sources import sent
from kong_oam.kong.table import VERIFIED_HEADER, Authentication

AUTHENTICATION: Mapping[Edition, Authentication] = {
    "oss": "jwt",
    "enterprise": "openid-connect",
}
"""The plugin that verifies tokens."""


def guards(edition: Edition) -> tuple[str, str, str]:
    """The plugins of a gated service, in the order in which they run."""
    return "pre-function", AUTHENTICATION[edition], "post-function"


GUARDS = frozenset((*guards("oss"), *guards("enterprise")))
"""All plugins that guard a service, of whatever edition."""

# An edge: Kong's own.
Schema = Mapping[str, Any]
"""A plugin's schema as `GET /schemas/plugins/NAME` prints it."""


class SchemaError(ProductError):
    """The gateway's schema lacks a field that is needed. The message names plugin and field."""


CUSTOM_FIELDS = "custom_fields_by_lua"
"""The field of each plugin that writes records: scripts by name of a field, which run before a
record is sent."""

CLEARED = f"if not kong.ctx.shared.kong_oam_recorded then {code.BARE_RECORD} end return 1"
"""The field `version` of a record. Its script clears Kong's own record, unless admission's plugin
has replaced that."""


def config_json(
    schema: Schema, name: str, config: Config, *, keeps_records: bool = False
) -> str:
    """Compact sorted JSON of the whole configuration. Raises SchemaError for a field that the
    schema lacks.

    `keeps_records`: the stack does, so a plugin that writes records never sends Kong's own.
    """
    record = record_of(schema, name)
    if keeps_records and CUSTOM_FIELDS in fields_of(record):
        fields = {**(config.get(CUSTOM_FIELDS) or {}), "version": CLEARED}
        config = {**config, CUSTOM_FIELDS: fields}
    return json.dumps(
        _expand(record, config, name), sort_keys=True, separators=(",", ":")
    )


def record_of(schema: Schema, name: str) -> Schema:
    """The schema of a plugin's configuration. Raises SchemaError where there is none."""
    for field in schema["fields"]:
        if "config" in field:
            record: Schema = field["config"]
            return record
    raise SchemaError(f"plugin {name}: the gateway prints no config schema")


def fields_of(record: Schema, which: str = "fields") -> dict[str, Schema]:
    """The fields of a record by name; `shorthand_fields` are those by former names."""
    fields: dict[str, Schema] = {}
    for entry in record.get(which) or ():
        fields.update(entry)
    return fields


def _expand(record: Schema, config: Config, where: str) -> Config:
    if not isinstance(config, Mapping):
        raise SchemaError(f"plugin {where}: {config!r} is no record")
    fields = fields_of(record)
    if unknown := sorted(set(config) - set(fields)):
        raise SchemaError(
            f"plugin {where}: this gateway's schema lacks {some(unknown)}; use its present name, "
            "or a newer Kong"
        )
    whole = {}
    for name, field in fields.items():
        whole[name] = _value(field, config.get(name), f"{where}.{name}")
    return {**whole, **_formerly(record, whole)}


def _formerly(record: Schema, config: Config) -> Config:
    """The values that have a former name, too (seen on 3.10: rate-limiting's `redis_host`, now
    `redis.host`). Kong prints both, so a configuration without the former ones would never match
    what it has."""
    values = {}
    for name, field in fields_of(record, "shorthand_fields").items():
        now = (field.get("deprecation") or {}).get("replaced_with")
        if now:
            values[name] = reduce(getitem, now[0]["path"], config)
    return values


def _value(field: Schema, value: Any, where: str) -> Any:
    """A field as Kong prints it: each record in full, those in lists and maps, too."""
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
    """Configuration of `pre-function`: the scripts of a port, by phase.

    It meets every request, whatever refuses it later, so answers are marked here. `hsts_seconds`:
    how long browsers are told to use https only (RFC 6797); 0: not at all. `more`: headers that
    callers must not send, beside the code's own; their names in lower case.
    """
    config: JsonFields = {}
    if hsts_seconds:
        set_header = f"kong.response.set_header('Strict-Transport-Security', 'max-age={hsts_seconds}')"
        config["header_filter"] = [f"return function() {set_header} end"]
    for phase, script in code.phases(table):
        if phase == "access":
            script = framed(
                ScriptInputs(table),
                f"local MORE = '{' '.join(more)}'\n{script}",
            )
        config.setdefault(phase, []).append(script)
    return config


def jwt(anonymous: str | None) -> Config:
    """Configuration of `jwt`: it verifies a token in the Authorization header, and nowhere else.

    Without one that counts the caller is the consumer `anonymous`, of whom the gate decides; where
    that is None, the answer is 401.
    """
    return {
        "key_claim_name": "kid",
        "claims_to_verify": ["exp"],
        "uri_param_names": [],
        "cookie_names": [],
        "anonymous": anonymous,
    }


def openid_connect(issuer: str, anonymous: str | None) -> Config:
    """Configuration of `openid-connect`, in place of `jwt` on Kong Enterprise; `anonymous` as
    there.

    It verifies a bearer token with the keys that `issuer` publishes, finds the key ring by its
    `custom_id`, and hands on the token that it verified. Audience, scopes and groups are left to
    the gate, the one that decides: where one of them is wrong, this plugin would answer 403 to what
    is a 401.

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
        "disable_session": ["bearer"],  # a cookie would be a second way in
        "ssl_verify": True,  # by default anybody on the way could answer with keys of their own
        "anonymous": anonymous,
    }


def gate(table: str, address: str) -> Config:
    """Configuration of `post-function`: the fixed script, behind the one table that it decides by
    and the workload's address, which nothing else at the gateway knows; behind it what sees to the
    rest of a request that may pass."""
    config = {
        "access": [
            framed(
                ScriptInputs(table, address),
                sent("answer", "addresses", "gate"),
            )
        ]
    }
    for phase, parts in code.behind(table):
        config.setdefault(phase, []).append(sent(*parts))
    return config
