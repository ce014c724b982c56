"""How the stand-in checks and completes entities. A real Kong does it by the same schemas.

Source: recorded answers of a Kong 3.10 with PostgreSQL (duplicate, fk-absent, put-upsert, patch,
delete). Seen on a Kong 3.10: a new Target without a port gets port 8000; a patched Target keeps its
text.
"""

from __future__ import annotations

from collections.abc import Mapping

from kong_rules.entities import DEFAULT_TARGET_PORT, UUID, Entity, Errors
from kong_rules.errors import AnswerError, schema_violation
from sandbox.kong import former, pem, rules, validation
from sandbox.kong.balancer_schemas import TARGETS, UPSTREAMS
from sandbox.kong.basic_auth import password_hash
from sandbox.kong.fields import Field, Fields, Schema
from sandbox.kong.plugin_schemas import PLUGIN_SCHEMAS
from sandbox.kong.schema import (
    ACLS,
    BASICAUTH_CREDENTIALS,
    CA_CERTIFICATES,
    CERTIFICATES,
    CONSUMERS,
    JWT_SECRETS,
    KEYAUTH_CREDENTIALS,
    PLUGINS,
    ROUTES,
    SERVICES,
    SNIS,
)
from sandbox.kong.wire import wire

_ALL = (
    SERVICES,
    ROUTES,
    PLUGINS,
    CONSUMERS,
    JWT_SECRETS,
    KEYAUTH_CREDENTIALS,
    BASICAUTH_CREDENTIALS,
    ACLS,
    CERTIFICATES,
    CA_CERTIFICATES,
    SNIS,
    UPSTREAMS,
    TARGETS,
)
SCHEMAS: Mapping[str, Schema] = {schema.name: schema for schema in _ALL}
# The rule of a name in a path, by kind.
_NAMES = {
    "services": rules.utf8_name,
    "routes": rules.utf8_name,
    "plugins": rules.utf8_name,
    "snis": rules.sni,
    "upstreams": rules.upstream_name,
}


class Checks:
    """The checks of Kong's schemas, in the words of `kong_rules.checks.Checks`."""

    def require_name(self, kind: str, key: str, *, nested: bool) -> None:
        """Reject a name that Kong would not even look for.

        A group of an ACL is a name only below its consumer.
        """
        nameless = kind == "ca_certificates" or (kind == "acls" and not nested)
        if nameless and not UUID.match(key):
            wrong = {"id": "expected a valid UUID"}
            message = "invalid primary key: '{id=\"expected a valid UUID\"}'"
            raise AnswerError(
                400,
                {
                    "code": 1,
                    "name": "invalid primary key",
                    "fields": wrong,
                    "message": message,
                },
            )
        is_name = kind in _NAMES and not UUID.match(key)
        error = _NAMES[kind](key) if is_name else None
        if error:
            raise AnswerError(
                400,
                {"code": 10, "name": "invalid unique name", "message": error},
            )

    def sent(self, kind: str, value: Entity) -> Entity:
        """Return the sent fields, with former names of fields replaced."""
        if kind == "targets":
            return _with_port(value)
        return with_current_names(kind, value)

    def merged(self, kind: str, old: Entity, patch: Entity) -> Entity:
        """Return an entity with changed fields."""
        if "config" in patch:
            patch = dict(
                with_current_names(kind, {"name": old.get("name"), **patch})
            )
        return merged_records(
            _fields(kind, {**old, **patch}),
            without_former_names(kind, old),
            patch,
        )

    def stored(self, kind: str, value: Entity, *, updating: bool) -> Entity:
        """Return an entity as it is stored, without transient fields."""
        entity, errors = validated(kind, value, updating=updating)
        if errors:
            raise schema_violation(errors)
        fields = SCHEMAS[kind].fields
        return {
            name: field
            for name, field in entity.items()
            if not fields[name].shown.get("transient")
        }

    def hashed(self, kind: str, entity: Entity) -> Entity:
        """Return a credential with its password as Kong stores it."""
        if kind != "basicauth_credentials":
            return entity
        password = wire(entity["password"])
        hashed = password_hash(entity["consumer"]["id"], password)
        return {**entity, "password": hashed}


def _fields(kind: str, value: Entity) -> Fields:
    if kind != "plugins" or value.get("name") not in PLUGIN_SCHEMAS:
        return SCHEMAS[kind].fields
    return {**PLUGINS.fields, **PLUGIN_SCHEMAS[value["name"]].fields}


def validated(
    kind: str, value: Entity, *, updating: bool = False
) -> tuple[Entity, Errors]:
    """Return an entity as it would be stored, and its errors. Plugins have their own schema."""
    schema = SCHEMAS[kind]
    if kind == "plugins":
        name = value.get("name")
        if not isinstance(name, str) or name not in PLUGIN_SCHEMAS:
            error = "required field missing"
            if name is not None:
                error = (
                    f"plugin '{name}' not enabled; "
                    "add it to the 'plugins' configuration property"
                )
            return {}, {"name": error}
        own = PLUGIN_SCHEMAS[name]
        schema = Schema(
            name,
            {**PLUGINS.fields, **own.fields},
            own.checks,
            own.early_checks,
            own.late_checks,
        )
    elif kind == "routes":
        value = _route_defaults(value)
        if isinstance(value["protocols"], list):
            first = next(iter(value["protocols"]), None)
            if (
                first
                not in ROUTES.fields[  # type: ignore[union-attr]
                    "protocols"
                ].elements.shown["one_of"]
            ):
                return {}, {
                    "protocols": f"unknown type: {'nil' if first is None else first}"
                }
    elif kind == "upstreams":
        value = _with_algorithm(value)
    elif kind == "ca_certificates":
        value = {**value, "cert_digest": pem.digest(value.get("cert"))}
    entity, errors = validation.complete(schema, value, updating=updating)
    if kind == "plugins" and not errors and entity.get("config"):
        entity["config"] = former.unfolded(
            schema.fields["config"], entity["config"]
        )
    return entity, errors


def _config_of(kind: str, plugin: Entity) -> Field | None:
    """Return the record of a plugin's configuration, also with former names of fields."""
    own = (
        PLUGIN_SCHEMAS.get(str(plugin.get("name")))
        if kind == "plugins"
        else None
    )
    record = (
        own.fields["config"]
        if own and isinstance(plugin.get("config"), dict)
        else None
    )
    return record if record and record.former else None


def with_current_names(kind: str, value: Entity) -> Entity:
    """Return the sent fields, with former names of fields replaced. Raises ViolationError."""
    record = _config_of(kind, value)
    if record is None:
        return value
    config, errors = former.folded(record, value["config"])
    if errors:
        raise schema_violation(errors)
    return {**value, "config": config}


def without_former_names(kind: str, entity: Entity) -> Entity:
    """Return an entity without the former names of its fields, as Kong stores it."""
    record = _config_of(kind, entity)
    if record is None:
        return entity
    return {
        **entity,
        "config": {
            name: setting
            for name, setting in entity["config"].items()
            if name not in record.former
        },
    }


def merged_records(fields: Fields, old: Entity, patch: Entity) -> Entity:
    """Return `old` with `patch` on top; records are merged field by field, all other values are
    replaced."""
    merged = dict(old)
    for name, value in patch.items():
        field = fields.get(name)
        if (
            field is not None
            and field.type == "record"
            and isinstance(merged.get(name), dict)
        ):
            if value == []:
                value = {}
            if isinstance(value, dict):
                value = merged_records(field.fields, merged[name], value)
        merged[name] = value
    return merged


def _with_port(value: Entity) -> Entity:
    """Return a new Target as Kong spells it. Raises ViolationError, in other words than the
    schema's."""
    target = value.get("target")
    if not isinstance(target, str):
        return value
    parts = rules.address(target)
    if parts is None:
        raise schema_violation(
            {"target": "Invalid target; not a valid hostname or ip address"}
        )
    port = DEFAULT_TARGET_PORT if parts.port is None else parts.port
    return {**value, "target": f"{parts.host}:{port}"}


def _route_defaults(value: Entity) -> Entity:
    filled = {"protocols": ["http", "https"], **value}
    protocols = filled["protocols"]
    if (
        isinstance(protocols, list)
        and protocols
        and protocols[0] in ("grpc", "grpcs")
    ):
        filled.setdefault("strip_path", False)
    return filled


def _with_algorithm(value: Entity) -> Entity:
    """Return an Upstream whose algorithm fits its `hash_on`, also if the request names another
    [seen on a Kong 3.10]."""
    filled = {
        **value,
        "hash_on": "none" if value.get("hash_on") is None else value["hash_on"],
    }
    if filled.get("algorithm") in (None, "round-robin", "consistent-hashing"):
        filled["algorithm"] = (
            "round-robin"
            if filled["hash_on"] == "none"
            else "consistent-hashing"
        )
    return filled
