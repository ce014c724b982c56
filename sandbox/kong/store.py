"""Kong's entities, stored as Kong stores them: unique keys, foreign keys, cascades, defaults, and
their past.

Every write makes a new immutable `Snapshot`. The store keeps past snapshots, so `Store.seen`
returns the entities of some seconds ago. This models the data plane's lags without timers.

Source: recorded answers of a Kong 3.10 with PostgreSQL (duplicate, fk-absent, put-upsert, patch,
delete). Seen on a Kong 3.10: a new Target without a port gets port 8000; a patched Target keeps its
text.
"""

from __future__ import annotations

import secrets
import string
import threading
import uuid
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sandbox.kong import former, pem, rules, validation
from sandbox.kong.balancer_schemas import TARGETS, UPSTREAMS
from sandbox.kong.basic_auth import password_hash
from sandbox.kong.entities import (
    DEFAULT_TARGET_PORT,
    NAMED_BY,
    UUID,
    Entity,
    Errors,
    Snapshot,
    Table,
)
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
KINDS: Mapping[str, Schema] = {schema.name: schema for schema in _ALL}
# Fields that are unique together.
_UNIQUE_TOGETHER: Mapping[str, tuple[str, ...]] = {
    "acls": ("consumer", "group"),
    "plugins": ("consumer", "name", "route", "service"),
    "targets": ("target", "upstream"),
}
# Fields that Kong makes up if a request lacks them.
_GENERATED: Mapping[str, tuple[str, ...]] = {
    "jwt_secrets": ("key", "secret"),
    "keyauth_credentials": ("key",),
}
UNHASHED = ("least-connections", "latency")
"""Algorithms of an Upstream that leave it no `hash_on`."""
_LONGEST_PAST = 4096


class ViolationError(Exception):
    """An error with Kong's status and body (`name`, `code`, `fields`, `message`)."""

    def __init__(
        self, status: int, code: int, name: str, message: str, fields: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {
            "code": code,
            "name": name,
            "message": message,
            "fields": fields,
        }


class Store:
    """The one place where entities change. Safe to use from several threads.

    `now` stamps entities (Unix seconds); `clock` orders the past (seconds, never backwards).
    """

    def __init__(
        self, now: Callable[[], float], clock: Callable[[], float]
    ) -> None:
        self._now = now
        self._clock = clock
        self._lock = threading.RLock()
        self._times: list[float] = [float("-inf")]
        self._past: list[Snapshot] = [Snapshot({kind: {} for kind in KINDS})]

    @property
    def current(self) -> Snapshot:
        return self._past[-1]

    def past(self) -> tuple[Snapshot, ...]:
        """Return the entities after every remembered change, oldest first; the last are current."""
        with self._lock:
            return tuple(self._past)

    def seen(self, *lags: float) -> tuple[Snapshot, ...]:
        """Return the entities as they were some seconds ago, for each lag, all measured from one
        moment."""
        with self._lock:
            moment = self._clock()
            return tuple(
                self._past[bisect_right(self._times, moment - lag) - 1]
                if lag > 0
                else self.current
                for lag in lags
            )

    def restore(self, snapshot: Snapshot) -> None:
        """Hold the entities of `snapshot`, as if they had been there from the beginning."""
        with self._lock:
            self._times = [float("-inf")]
            self._past = [snapshot]

    def insert(self, kind: str, value: Entity) -> Entity:
        """Create an entity. Raises ViolationError: schema, primary key, unique key, foreign key."""
        with self._lock:
            value = _with_port(value) if kind == "targets" else value
            entity = self._validated(
                kind, self._stamped(kind, _folded(kind, value), None)
            )
            if value.get("id", "") is None:
                raise _primary_key_violation(None)
            if entity["id"] in self.current.tables[kind]:
                raise _primary_key_violation(entity["id"])
            return self._put(kind, _with_hash(kind, entity))

    def upsert(self, kind: str, key: str, value: Entity) -> Entity:
        """Create or wholly replace the entity with this id or name, which overrides the value's
        own."""
        with self._lock:
            # Two consumers may have groups of the same name.
            within = {"consumer": value["consumer"]} if kind == "acls" else None
            old = self.current.find(kind, key, within)
            named = "id" if UUID.match(key) else NAMED_BY[kind]
            value = {**value, named: key.lower() if named == "id" else key}
            if old is not None:
                value = {
                    **value,
                    "id": old["id"],
                    "created_at": value.get("created_at", old["created_at"]),
                }
            entity = self._validated(
                kind, self._stamped(kind, _folded(kind, value), old)
            )
            return self._put(kind, _with_hash(kind, entity))

    def update(self, kind: str, old: Entity, patch: Entity) -> Entity:
        """Change the named fields of an entity. Records are merged, so absent fields of `config`
        stay."""
        with self._lock:
            fixed = {
                name: value
                for name, value in patch.items()
                if name not in ("id", "updated_at")
            }
            if "config" in fixed:
                fixed = dict(_folded(kind, {"name": old.get("name"), **fixed}))
            merged = merged_records(
                self._fields(kind, {**old, **fixed}),
                _without_former_names(kind, old),
                fixed,
            )
            if "updated_at" in KINDS[kind].fields:
                merged["updated_at"] = self._moment(kind)
            entity = self._validated(kind, merged, updating=True)
            if "password" in fixed:
                entity = _with_hash(kind, entity)
            return self._put(kind, entity)

    def delete(self, kind: str, entity: Entity) -> None:
        """Remove an entity and its dependents. Raises ViolationError if another entity needs it."""
        with self._lock:
            tables = dict(self.current.tables)
            if kind == "ca_certificates":
                _require_unused(tables, entity["id"])
            _remove(tables, kind, entity["id"])
            self._commit(tables)

    def _stamped(self, kind: str, value: Entity, old: Entity | None) -> Entity:
        moment = self._moment(kind)
        stamped = {
            "created_at": moment,
            **{
                name: field
                for name, field in value.items()
                if name != "updated_at"
            },
        }
        if "updated_at" in KINDS[kind].fields:
            stamped["updated_at"] = moment
        if stamped.get("id") is None:
            stamped["id"] = str(uuid.uuid4())
        for name in _GENERATED.get(kind, ()):
            if name not in stamped:
                stamped[name] = old[name] if old else _generated()
        return stamped

    def _moment(self, kind: str) -> float:
        whole = KINDS[kind].fields["created_at"].type == "integer"
        return int(self._now()) if whole else round(self._now(), 3)

    def _fields(self, kind: str, value: Entity) -> Fields:
        if kind != "plugins" or value.get("name") not in PLUGIN_SCHEMAS:
            return KINDS[kind].fields
        return {**PLUGINS.fields, **PLUGIN_SCHEMAS[value["name"]].fields}

    def _validated(
        self, kind: str, value: Entity, *, updating: bool = False
    ) -> Entity:
        entity, errors = validated(kind, value, updating=updating)
        if errors:
            raise schema_violation(errors)
        entity["id"] = entity["id"].lower()
        return {
            name: field
            for name, field in entity.items()
            if not KINDS[kind].fields[name].shown.get("transient")
        }

    def _put(self, kind: str, entity: Entity) -> Entity:
        tables = dict(self.current.tables)
        self._check_unique(kind, entity)
        for name, target in _references(kind):
            reference = entity.get(name)
            # Kinds that are not modelled have no entities, so a reference to them is dangling.
            if reference and reference["id"] not in tables.get(target, {}):
                raise _foreign_key_violation(name, target, reference)
        tables[kind] = {**tables[kind], entity["id"]: entity}
        self._commit(tables)
        return entity

    def _check_unique(self, kind: str, entity: Entity) -> None:
        keys = [
            (name,)
            for name, field in KINDS[kind].fields.items()
            if field.shown.get("unique")
        ]
        together = [_UNIQUE_TOGETHER[kind]] if kind in _UNIQUE_TOGETHER else []
        for key in [*together, *keys]:
            wanted = {name: entity.get(name) for name in key}
            if len(key) == 1 and wanted[key[0]] is None:
                continue
            for other in self.current.tables[kind].values():
                if other["id"] != entity["id"] and all(
                    other.get(name) == value for name, value in wanted.items()
                ):
                    raise ViolationError(
                        409,
                        5,
                        "unique constraint violation",
                        f"UNIQUE violation detected on '{_key_text(wanted)}'",
                        wanted,
                    )

    def _commit(self, tables: Mapping[str, Table]) -> None:
        self._times.append(self._clock())
        self._past.append(Snapshot(tables))
        if len(self._past) > _LONGEST_PAST:
            # For an earlier time, return the oldest remembered snapshot.
            del self._times[0], self._past[0]
            self._times[0] = float("-inf")


def validated(
    kind: str, value: Entity, *, updating: bool = False
) -> tuple[Entity, Errors]:
    """Return an entity as it would be stored, and its errors. Plugins have their own schema."""
    schema = KINDS[kind]
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


def _folded(kind: str, value: Entity) -> Entity:
    """Return the sent fields, with former names of fields replaced. Raises ViolationError."""
    record = _config_of(kind, value)
    if record is None:
        return value
    config, errors = former.folded(record, value["config"])
    if errors:
        raise schema_violation(errors)
    return {**value, "config": config}


def _without_former_names(kind: str, entity: Entity) -> Entity:
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


def schema_violation(errors: Errors) -> ViolationError:
    return ViolationError(
        400, 2, "schema violation", validation.message(errors), errors
    )


def absent(kind: str, key: str) -> ViolationError:
    """Return Kong's error for changing a missing entity."""
    name = "id" if UUID.match(key) else NAMED_BY[kind]
    noun = "primary key " if name == "id" else ""
    text = f"could not find the entity with {noun}'{{{name}=\"{key}\"}}'"
    return ViolationError(404, 6, "not found", text, {name: key})


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


def _with_hash(kind: str, entity: Entity) -> Entity:
    """Return a credential with its password as Kong stores it."""
    if kind != "basicauth_credentials":
        return entity
    password = wire(entity["password"])
    hashed = password_hash(entity["consumer"]["id"], password)
    return {**entity, "password": hashed}


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


def _references(kind: str) -> Iterator[tuple[str, str]]:
    for name, field in KINDS[kind].fields.items():
        if field.type == "foreign":
            yield name, str(field.shown["reference"])


def _remove(tables: dict[str, Table], kind: str, key: str) -> None:
    for other in KINDS:
        for name, target in _references(other):
            if target != kind:
                continue
            holders = [
                row["id"]
                for row in tables[other].values()
                if (row.get(name) or {}).get("id") == key
            ]
            if (
                holders
                and KINDS[other].fields[name].shown.get("on_delete")
                != "cascade"
            ):
                text = f"an existing '{other}' entity references this '{kind}' entity"
                raise ViolationError(
                    400,
                    4,
                    "foreign key violation",
                    text,
                    {"@referenced_by": other},
                )
            for holder in holders:
                _remove(tables, other, holder)
    tables[kind] = {
        name: row for name, row in tables[kind].items() if name != key
    }


def _require_unused(tables: Mapping[str, Table], key: str) -> None:
    """A service names CA certificates only by id, which may be unknown; a used CA certificate
    cannot be deleted [recorded]."""
    for service in tables["services"].values():
        if key in (service["ca_certificates"] or ()):
            text = f"ca certificate {key} is still referenced by services (id = {service['id']})"
            raise ViolationError(400, 19, "referenced by others", text, None)


def _primary_key_violation(key: str | None) -> ViolationError:
    shown = "userdata: NULL" if key is None else key
    return ViolationError(
        400,
        3,
        "primary key violation",
        f"primary key violation on key '{{id=\"{shown}\"}}'",
        {"id": key},
    )


def _foreign_key_violation(
    name: str, target: str, reference: Entity
) -> ViolationError:
    text = (
        f"the foreign key '{_key_text(reference)}' does not reference an existing '{target}' "
        "entity."
    )
    return ViolationError(
        400, 4, "foreign key violation", text, {name: dict(reference)}
    )


def _key_text(key: Entity) -> str:
    """Return a key as Kong spells it in messages: `{name="a",service={id="..."}}`."""

    def spelt(value: Any) -> str:
        if value is None:
            return "null"
        return _key_text(value) if isinstance(value, dict) else f'"{value}"'

    return (
        "{"
        + ",".join(
            f"{name}={spelt(value)}" for name, value in sorted(key.items())
        )
        + "}"
    )


def _generated() -> str:
    letters = string.ascii_letters + string.digits
    return "".join(secrets.choice(letters) for _ in range(32))
