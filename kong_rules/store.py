"""Kong's entities, stored as Kong stores them: unique keys, foreign keys, cascades, and their past.

Every write makes a new immutable `Snapshot`. The store keeps past snapshots, so `Store.seen`
returns the entities of some seconds ago. This models the data plane's lags without timers.

Source: recorded answers of a Kong 3.10 with PostgreSQL (duplicate, fk-absent, put-upsert, patch,
delete).
"""

from __future__ import annotations

import secrets
import string
import threading
import uuid
from bisect import bisect_right
from collections.abc import Callable, Mapping

from kong_rules.checks import Checks
from kong_rules.entities import UUID, Entity, Snapshot, Table
from kong_rules.errors import (
    ViolationError,
    dangling,
    not_unique,
    referenced,
    taken_primary_key,
)
from kong_rules.kinds import KINDS

_LONGEST_PAST = 4096


class Store:
    """The one place where entities change. Safe to use from several threads.

    `now` stamps entities (Unix seconds); `clock` orders the past (seconds, never backwards).
    `remembered`: the number of past snapshots.
    """

    def __init__(
        self,
        checks: Checks,
        now: Callable[[], float],
        clock: Callable[[], float],
        remembered: int = _LONGEST_PAST,
    ) -> None:
        self.checks = checks
        self._now = now
        self._clock = clock
        self._remembered = remembered
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
            sent = self.checks.sent(kind, value)
            entity = self._stored(kind, self.stamped(kind, sent))
            if sent.get("id", "") is None:
                raise taken_primary_key(None)
            if entity["id"] in self.current.tables[kind]:
                raise taken_primary_key(entity["id"])
            return self._put(kind, self.checks.hashed(kind, entity))

    def upsert(self, kind: str, key: str, value: Entity) -> Entity:
        """Create or wholly replace the entity with this id or name, which overrides the value's
        own."""
        with self._lock:
            # Two consumers may have groups of the same name.
            within = {"consumer": value["consumer"]} if kind == "acls" else None
            old = self.current.find(kind, key, within)
            named_by = KINDS[kind].named_by
            if UUID.match(key) or named_by is None:
                value = {**value, "id": key.lower()}
            else:
                value = {**value, named_by: key}
            if old is not None:
                created = value.get("created_at", old["created_at"])
                value = {**value, "id": old["id"], "created_at": created}
            sent = self.checks.sent(kind, value)
            entity = self._stored(kind, self.stamped(kind, sent, old))
            return self._put(kind, self.checks.hashed(kind, entity))

    def update(self, kind: str, old: Entity, patch: Entity) -> Entity:
        """Change the named fields of an entity. Records are merged, so absent fields of `config`
        stay."""
        with self._lock:
            fixed = {
                name: value
                for name, value in patch.items()
                if name not in ("id", "updated_at")
            }
            merged = self.checks.merged(kind, old, fixed)
            if KINDS[kind].keeps_updates:
                merged["updated_at"] = self._moment(kind)
            entity = self._stored(kind, merged, updating=True)
            if "password" in fixed:
                entity = self.checks.hashed(kind, entity)
            return self._put(kind, entity)

    def delete(self, kind: str, entity: Entity) -> None:
        """Remove an entity and its dependents. Raises ViolationError if another entity needs it."""
        with self._lock:
            tables = dict(self.current.tables)
            if kind == "ca_certificates":
                _require_unused(tables, entity["id"])
            _remove(tables, kind, entity["id"])
            self._commit(tables)

    def stamped(
        self, kind: str, value: Entity, old: Entity | None = None
    ) -> Entity:
        """Return an entity with its times, its id and generated fields. `old`: what it replaces."""
        moment = self._moment(kind)
        stamped = {"created_at": moment, **value}
        stamped.pop("updated_at", None)
        if KINDS[kind].keeps_updates:
            stamped["updated_at"] = moment
        if stamped.get("id") is None:
            stamped["id"] = str(uuid.uuid4())
        for name in KINDS[kind].generated:
            if name not in stamped:
                stamped[name] = old[name] if old else _generated()
        return stamped

    def _moment(self, kind: str) -> float:
        if KINDS[kind].in_milliseconds:
            return round(self._now(), 3)
        return int(self._now())

    def _stored(
        self, kind: str, value: Entity, *, updating: bool = False
    ) -> Entity:
        entity = self.checks.stored(kind, value, updating=updating)
        return {**entity, "id": entity["id"].lower()}

    def _put(self, kind: str, entity: Entity) -> Entity:
        tables = dict(self.current.tables)
        self._check_unique(kind, entity)
        for name, target in KINDS[kind].references.items():
            reference = entity.get(name)
            if reference and reference["id"] not in tables[target.kind]:
                raise dangling(name, target.kind, reference)
        tables[kind] = {**tables[kind], entity["id"]: entity}
        self._commit(tables)
        return entity

    def _check_unique(self, kind: str, entity: Entity) -> None:
        for key in KINDS[kind].unique:
            wanted = {name: entity.get(name) for name in key}
            if len(key) == 1 and wanted[key[0]] is None:
                continue
            for other in self.current.tables[kind].values():
                if other["id"] != entity["id"] and all(
                    other.get(name) == value for name, value in wanted.items()
                ):
                    raise not_unique(wanted)

    def _commit(self, tables: Mapping[str, Table]) -> None:
        self._times.append(self._clock())
        self._past.append(Snapshot(tables))
        if len(self._past) > self._remembered:
            # For an earlier time, return the oldest remembered snapshot.
            del self._times[0], self._past[0]
            self._times[0] = float("-inf")


def _remove(tables: dict[str, Table], kind: str, key: str) -> None:
    for other, facts in KINDS.items():
        for name, target in facts.references.items():
            if target.kind != kind:
                continue
            holders = [
                row["id"]
                for row in tables[other].values()
                if (row.get(name) or {}).get("id") == key
            ]
            if holders and not target.cascades:
                raise referenced(kind, other)
            for holder in holders:
                _remove(tables, other, holder)
    tables[kind] = {
        name: row for name, row in tables[kind].items() if name != key
    }


def _require_unused(tables: Mapping[str, Table], key: str) -> None:
    """A service names CA certificates only by id, which may be unknown; a used CA certificate
    cannot be deleted [recorded]."""
    for service in tables["services"].values():
        if key in (service.get("ca_certificates") or ()):
            text = f"ca certificate {key} is still referenced by services (id = {service['id']})"
            raise ViolationError(400, 19, "referenced by others", text, None)


def _generated() -> str:
    letters = string.ascii_letters + string.digits
    return "".join(secrets.choice(letters) for _ in range(32))
