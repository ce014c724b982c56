"""Fields of Kong's entities and plugins: which values are kept, and which by name only.

A value is kept if the model reads it. All other values may be secrets. Sources: the field schemas
of Kong 3.10, and the former names that Kong 2 accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kong_oam.access.data import Names
from kong_oam.adopt.entities import CredentialKind
from kong_oam.diagnostics import Diagnostic, Position, Report, printable

# Lists of credentials in decK files, by their names.
CREDENTIALS: Mapping[str, CredentialKind] = {
    "keyauth_credentials": "key-auth",
    "basicauth_credentials": "basic-auth",
    "jwt_secrets": "jwt",
    "hmacauth_credentials": "hmac-auth",
    "oauth2_credentials": "oauth2",
    "mtls_auth_credentials": "mtls-auth",
}

# Fields that every entity may have, and that decide nothing.
COMMON = frozenset(
    {"id", "created_at", "updated_at", "tags", "ws_id", "_comment", "_ignore"}
)

SERVICE = frozenset(
    {"name", "url", "protocol", "host", "port", "path", "enabled"}
)
SERVICE_SETTINGS = (
    "ca_certificates",
    "client_certificate",
    "connect_timeout",
    "read_timeout",
    "retries",
    "tls_verify",
    "tls_verify_depth",
    "write_timeout",
)
ROUTE = frozenset(
    {
        *("name", "service", "protocols", "methods", "hosts", "paths"),
        *("headers", "snis", "sources", "destinations", "expression"),
        *("priority", "regex_priority", "strip_path", "preserve_host"),
        *("path_handling", "https_redirect_status_code"),
    }
)
ROUTE_SETTINGS = ("request_buffering", "response_buffering")
PLUGIN = frozenset(
    {
        *("name", "config", "enabled", "protocols", "route", "service"),
        *("consumer", "consumer_group", "instance_name", "run_on"),
        *("_config", "run_on_first_request"),
    }
)
CONSUMER = frozenset({"username", "custom_id", "consumer_groups"})
UPSTREAM = frozenset({"name"})
UPSTREAM_SETTINGS = ("algorithm", "hash_on", "host_header", "use_srv_name")
TARGET = frozenset({"target", "weight", "upstream"})

# The settings of each plugin whose values are kept.
PLUGIN_SETTINGS: Mapping[str, Names] = {
    "acl": (
        "allow",
        "deny",
        "hide_groups_header",
        "always_use_authenticated_groups",
        "include_consumer_groups",
    ),
    "basic-auth": ("anonymous", "hide_credentials"),
    "bot-detection": ("allow", "deny"),
    "correlation-id": ("header_name", "generator", "echo_downstream"),
    "cors": (
        "allow_origin_absent",
        "credentials",
        "exposed_headers",
        "headers",
        "max_age",
        "methods",
        "origins",
        "preflight_continue",
        "private_network",
    ),
    "hmac-auth": ("anonymous", "hide_credentials"),
    "ip-restriction": ("allow", "deny", "message", "status"),
    "jwt": (
        "anonymous",
        "claims_to_verify",
        "cookie_names",
        "header_names",
        "key_claim_name",
        "maximum_expiration",
        "run_on_preflight",
        "secret_is_base64",
        "uri_param_names",
    ),
    "key-auth": (
        "anonymous",
        "hide_credentials",
        "key_in_body",
        "key_in_header",
        "key_in_query",
        "key_names",
        "run_on_preflight",
    ),
    "ldap-auth": ("anonymous", "hide_credentials"),
    "oauth2": ("anonymous", "hide_credentials"),
    "rate-limiting": (
        "second",
        "minute",
        "hour",
        "day",
        "month",
        "year",
        "error_code",
        "error_message",
        "fault_tolerant",
        "header_name",
        "hide_client_headers",
        "limit_by",
        "path",
        "policy",
    ),
    "redirect": ("status_code",),
    "request-size-limiting": (
        "allowed_payload_size",
        "require_content_length",
        "size_unit",
    ),
    "request-termination": (
        "body",
        "content_type",
        "message",
        "status_code",
        "trigger",
    ),
    # The caller sees the headers of answers, so they are no secrets.
    "response-transformer": ("add", "append", "remove", "rename", "replace"),
}

# Former names of settings, in plugins that still have the setting.
_FORMER = {"whitelist": "allow", "blacklist": "deny"}
_WITH_FORMER = frozenset({"acl", "bot-detection", "ip-restriction"})
# Settings of `request-transformer` with names and values of headers.
_TRANSFORMS = ("add", "append", "remove", "rename", "replace")

PLACEHOLDERS = ("${", "{{", "{vault://")


def is_placeholder(value: object) -> bool:
    """Return whether a text has a placeholder that a tool or Kong replaces later."""
    return isinstance(value, str) and any(
        mark in value for mark in PLACEHOLDERS
    )


def kept_config(
    plugin: str, config: Mapping[str, Any]
) -> tuple[dict[str, Any], Names]:
    """Return the settings of a plugin with their values, and the names of its other settings.

    A setting that is null counts as missing.
    """
    kept: dict[str, Any] = {}
    others: list[str] = []
    known = PLUGIN_SETTINGS.get(plugin, ())
    for field, value in config.items():
        name = _FORMER.get(field, field) if plugin in _WITH_FORMER else field
        if value is None:
            continue
        if name in known:
            kept[name] = value
        elif plugin == "request-transformer" and field in _TRANSFORMS:
            kept[name] = _names_of_transform(value)
        else:
            others.append(field)
    return kept, tuple(sorted(others))


def _names_of_transform(value: object) -> dict[str, Any]:
    """Return the names of headers, arguments and fields that a transformation touches.

    The values of headers may be secrets. The path of `replace.uri` is kept.
    """
    names: dict[str, Any] = {}
    if not isinstance(value, Mapping):
        return names
    for part, entries in value.items():
        if part == "uri" and isinstance(entries, str):
            names[part] = entries
        elif isinstance(entries, list):
            touched = [str(entry).partition(":")[0] for entry in entries]
            names[part] = tuple(touched)
    return names


class EntityFields:
    """The fields of one entity. Wrong types are reported, and replaced by the default.

    `place` returns the position of a field. `unknown` lists fields that nobody understands, and
    fields with a placeholder in place of a number or a boolean.
    """

    def __init__(
        self,
        kind: str,
        values: Mapping[str, Any],
        place: Callable[[str], Position],
        report: Report,
    ) -> None:
        self.kind = kind
        self.values = values
        self.place = place
        self.report = report
        self.unknown: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        """Return a text. Numbers are texts, as in YAML without quotes."""
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self._wrong(name, "a text")
            return default
        return str(value)

    def number(self, name: str, default: int) -> int:
        """Return an integer."""
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and value.strip().isdecimal():
            return int(value)
        if is_placeholder(value):
            self._placeholder(name)
        else:
            self._wrong(name, "an integer")
        return default

    def flag(self, name: str, default: bool) -> bool:
        """Return a boolean."""
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if is_placeholder(value):
            self._placeholder(name)
        else:
            self._wrong(name, "true or false")
        return default

    def texts(self, name: str) -> Names:
        """Return a list of texts."""
        value = self.values.get(name)
        if value is None:
            return ()
        if isinstance(value, list):
            texts = [str(item) for item in value if isinstance(item, str | int)]
            if len(texts) == len(value):
                return tuple(texts)
        self._wrong(name, "a list of texts")
        return ()

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Return a mapping."""
        value = self.values.get(name)
        if value is None:
            return {}
        if isinstance(value, dict):
            return value
        self._wrong(name, "a mapping")
        return {}

    def chosen(self, names: Names) -> dict[str, Any]:
        """Return the fields with these names that are set."""
        return {
            name: self.values[name]
            for name in names
            if self.values.get(name) is not None
        }

    def rest(self, known: frozenset[str], settings: Names = ()) -> Names:
        """Return the names of fields that nobody understands, sorted."""
        read = {*known, *COMMON, *settings}
        others = [
            name
            for name, value in self.values.items()
            if name not in read and value is not None
        ]
        return tuple(sorted({*self.unknown, *others}))

    def _wrong(self, name: str, needed: str) -> None:
        message = f"'{printable(name)}' of a {self.kind} is not {needed}; write {needed}"
        self.report.append(Diagnostic("ADOPT503", message, self.place(name)))
        self.unknown.append(name)

    def _placeholder(self, name: str) -> None:
        message = (
            f"'{printable(name)}' of a {self.kind} is a placeholder, so its effect is unknown; "
            "substitute it first"
        )
        self.report.append(
            Diagnostic("ADOPT508", message, self.place(name), "warning")
        )
        self.unknown.append(name)
