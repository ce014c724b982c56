"""Plugin configurations, spelled out in full against the schema of the gateway at hand.

Updates are PATCH and Kong deep-merges `config`: a key that is only left out stays live. So every field that the schema
has is sent, null where unset; with `strict_match` the provider then sees any change made by hand.

Source: docs/explanation/design.md#removed-means-gone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from kong_oam.access.settings.stack import Edition
from kong_oam.errors import ProductError
from kong_oam.kong.script import ScriptInputs, framed
from kong_oam.kong.table import VERIFIED_HEADER, Authentication

AUTHENTICATION: Mapping[Edition, Authentication] = {"oss": "jwt", "enterprise": "openid-connect"}
"""The plugin that verifies tokens."""


def guards(edition: Edition) -> tuple[str, str, str]:
    """The plugins of a gated service, in the order in which they run."""
    return "pre-function", AUTHENTICATION[edition], "post-function"


_LUA = Path(__file__).resolve().parent / "lua"

Schema = Mapping[str, Any]
"""A plugin's schema as `GET /schemas/plugins/NAME` prints it."""


class SchemaError(ProductError):
    """The gateway's schema lacks a field that is needed. The message names plugin and field."""


def config_json(schema: Schema, name: str, config: Mapping[str, Any]) -> str:
    """Compact sorted JSON of the whole configuration. Raises SchemaError for a field that the schema lacks."""
    record = next((field["config"] for field in schema["fields"] if "config" in field), None)
    if record is None:
        raise SchemaError(f"plugin {name}: the gateway prints no config schema")
    return json.dumps(_expand(record, config, name), sort_keys=True, separators=(",", ":"))


def _expand(record: Schema, config: Mapping[str, Any], where: str) -> dict[str, Any]:
    fields: dict[str, Schema] = {name: field for entry in record["fields"] for name, field in entry.items()}
    if unknown := sorted(set(config) - set(fields)):
        raise SchemaError(f"plugin {where}: this gateway's schema lacks {', '.join(unknown)}; use Kong 3.4 or newer")
    return {name: _value(field, config.get(name), f"{where}.{name}") for name, field in fields.items()}


def _value(field: Schema, value: Any, where: str) -> Any:
    if field.get("type") == "record" and (value is not None or field.get("required")):
        return _expand(field, value or {}, where)
    return field.get("default") if value is None else value


_TOKEN = re.compile(r"""--.*|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\d+\.\d+|\w+|\S""")
_MERGED = re.compile(r"\w\w|\d\.|--")


@cache
def _lua(*names: str) -> str:
    """The scripts as one, without comments and needless space: every port has them, in Kong and in the state."""
    lines = (_tight(line) for name in names for line in (_LUA / f"{name}.lua").read_text("utf-8").splitlines())
    # Where they lay once. The line is part of every script that is deployed: with another, the first run of a new
    # version would change all plugins of all stacks for the sake of a comment.
    return "\n".join([f"-- components/gateway/lua: {', '.join(names)}", *filter(None, lines)])


def _tight(line: str) -> str:
    """A line of Lua, with a space only where two tokens would become one. No long string is in our scripts."""
    tight = ""
    for token in _TOKEN.findall(line):
        if not token.startswith("--"):
            tight += f" {token}" if _MERGED.fullmatch(tight[-1:] + token[0]) else token
    return tight


def admission(table: str, hsts_seconds: int = 0, more: Iterable[str] = ()) -> dict[str, Any]:
    """Configuration of `pre-function`: the fixed script behind the table by which the gate judges what it lets pass.

    It meets every request, whatever refuses it later, so answers are marked here. `hsts_seconds`: how long browsers are
    told to use https only (RFC 6797); 0: not at all. `more`: headers that callers must not send, beside the script's
    own; their names in lower case.
    """
    script = f"local MORE = '{' '.join(more)}'\n{_lua('json', 'path', 'token', 'admission')}"
    config: dict[str, Any] = {"access": [framed(ScriptInputs(table), script)]}
    if hsts_seconds:
        set_header = f"kong.response.set_header('Strict-Transport-Security', 'max-age={hsts_seconds}')"
        config["header_filter"] = [f"return function() {set_header} end"]
    return config


def jwt(anonymous: str | None) -> dict[str, Any]:
    """Configuration of `jwt`: it verifies a token in the Authorization header, and nowhere else.

    Without one that counts the caller is the consumer `anonymous`, of whom the gate decides; where that is None, the
    answer is 401.
    """
    return {
        "key_claim_name": "kid",
        "claims_to_verify": ["exp"],
        "uri_param_names": [],
        "cookie_names": [],
        "anonymous": anonymous,
    }


def openid_connect(issuer: str, anonymous: str | None) -> dict[str, Any]:
    """Configuration of `openid-connect`, in place of `jwt` on Kong Enterprise; `anonymous` as there.

    It verifies a bearer token with the keys that `issuer` publishes, finds the key ring by its `custom_id`, and hands
    on the token that it verified. Audience, scopes and groups are left to the gate, the one that decides: where one of
    them is wrong, this plugin would answer 403 to what is a 401.

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


def knows_workload(gate: str) -> bool:
    """Whether a gate's configuration in Kong, as its JSON, is one that leads to the workload itself."""
    return "local UPSTREAM = " in gate


def gate(table: str, address: str) -> dict[str, Any]:
    """Configuration of `post-function`: the fixed script, behind the one table that it decides by and the workload's
    address, which nothing else at the gateway knows."""
    return {"access": [framed(ScriptInputs(table, address), _lua("gate"))]}
