"""Entities of Kong that carry the stack's tags and that its state does not know: made, but the
answer was lost."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kong_oam.errors import EngineError, ProductError
from kong_oam.http.management import Row
from kong_oam.kong.admin import AdminApi, RejectedChangeError
from kong_oam.kong.owners import Owner, OwnerLookup
from kong_oam.oam.position import Texts

_COLLECTIONS = (
    "routes",
    "plugins",
    "services",
    "targets",
    "upstreams",
    "jwts",
    "consumers",
    "certificates",
)
"""In the order of removal: what leads somewhere goes before what guards it. A stack makes no
targets: somebody's."""

_PARENTS = ("route", "service", "upstream", "consumer")


class OutdatedStateError(EngineError):
    """The state is older than the gateway, or another stack's. The message says what shows it, and
    what to do."""


class RemovalError(ProductError):
    """Kong did not remove an entity. The message has its words."""


@dataclass(frozen=True, slots=True)
class LostEntity:
    """An entity of Kong that may be lost.

    `collection` is its path in the Admin API, `parents` are the ids of what it belongs to, by kind
    (`service`).
    """

    collection: str
    id: str
    name: str
    tags: frozenset[str] = frozenset()
    parents: Texts = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path of the entity in the Admin API."""
        if self.collection == "jwts":
            return f"/consumers/{self.parents['consumer']}/jwt/{self.id}"
        if self.collection == "targets":
            return f"/upstreams/{self.parents['upstream']}/targets/{self.id}"
        return f"/{self.collection}/{self.id}"

    def owner(self, lookup: OwnerLookup) -> Owner:
        """Return the owner of the entity."""
        return lookup.owner({"name": self.name, "tags": self.tags})

    @property
    def guards(self) -> str | None:
        """The id of the service that it guards, where it is a plugin on one."""
        return (
            self.parents.get("service")
            if self.collection == "plugins"
            else None
        )

    def __str__(self) -> str:
        return f"{self.collection[:-1]} {self.name}"


def lost(
    entities: Iterable[LostEntity],
    known: frozenset[str],
    lookup: OwnerLookup,
    *,
    older: bool = False,
) -> tuple[tuple[LostEntity, str | None], ...]:
    """Return the lost ones of `entities` (all that there are): those that the stack which asks
    owns, and that have no `known` id, in the order of removal.

    With each comes the reason not to remove it, or None: something that stays belongs to it, or it
    is a plugin whose service a route that stays leads to, and which would be more open without it.
    `older`: the state is known to be one of before. Raises OutdatedStateError for another that is.
    """
    entities = sorted(
        entities,
        key=lambda entity: (
            _COLLECTIONS.index(entity.collection),
            entity.name,
            entity.id,
        ),
    )
    kinds = {entity.id: entity.owner(lookup).kind for entity in entities}
    theirs = {
        identifier
        for identifier, kind in kinds.items()
        if kind == "another stack's"
    }
    unrecorded = []
    for entity in entities:
        is_unrecorded = kinds[entity.id] == "ours" and entity.id not in known
        # Somebody may have given our tags to what another stack made.
        if is_unrecorded and theirs.isdisjoint(entity.parents.values()):
            unrecorded.append(entity)
    if not older:
        _check_that_parents_are_known(unrecorded)
    staying = {entity.id: entity for entity in entities}
    result = []
    for entity in unrecorded:
        reason = _reason_to_keep(entity, staying.values(), lookup)
        # What is to be removed keeps nothing else from being removed.
        if reason is None:
            del staying[entity.id]
        result.append((entity, reason))
    return tuple(result)


def _check_that_parents_are_known(unrecorded: Iterable[LostEntity]) -> None:
    """Raise OutdatedStateError where an entity and its parent are both lost.

    No interrupted run loses both: what belongs to another entity is only begun once the state knows
    that one."""
    by_id = {entity.id: entity for entity in unrecorded}
    for entity in by_id.values():
        for parent in entity.parents.values():
            if parent in by_id:
                raise OutdatedStateError(
                    f"the state knows neither {by_id[parent]} nor what belongs to it, {entity}. No "
                    "interrupted run leaves that behind: is this the stack's backend (`pulumi "
                    "whoami -v`), and its last state? Where a state of before was put back on "
                    "purpose: --older-state"
                )


def _reason_to_keep(
    entity: LostEntity, staying: Iterable[LostEntity], lookup: OwnerLookup
) -> str | None:
    for neighbour in staying:
        if entity.id in neighbour.parents.values():
            return f"{_shown(neighbour, lookup)} belongs to it"
        service = neighbour.parents.get("service")
        if (
            entity.guards
            and neighbour.collection == "routes"
            and service == entity.guards
        ):
            return f"it guards what {_shown(neighbour, lookup)} leads to; take the routes away first"
    return None


def _shown(entity: LostEntity, lookup: OwnerLookup) -> str:
    """Return the entity in words, and whose it is where it is another stack's."""
    owner = entity.owner(lookup)
    return (
        f"{entity} {owner}" if owner.kind == "another stack's" else str(entity)
    )


def entities(admin: AdminApi) -> list[LostEntity]:
    """Return all entities of the kinds that a stack makes, and what belongs to them, whoever made
    them. Raises AdminError."""
    rows = list(_rows(admin))
    names = {row["id"]: _name(row) for _, row in rows}
    return [_entity(collection, row, names) for collection, row in rows]


def _rows(admin: AdminApi) -> Iterator[tuple[str, Row]]:
    """Yield each row of the Admin API, after its collection."""
    for collection in _COLLECTIONS:
        # Kong lists targets by upstream.
        if collection == "targets":
            continue
        for row in admin.rows(f"/{collection}"):
            yield collection, row
            if collection == "upstreams":
                for target in admin.rows(f"/upstreams/{row['id']}/targets"):
                    yield "targets", target


def _name(row: Row) -> str:
    fields = ("name", "username", "target", "id")
    return next(str(row[field]) for field in fields if row.get(field))


def remove(admin: AdminApi, lost: Iterable[LostEntity], settle: float) -> None:
    """Remove entities one after the other; what is gone already is gone. Raises RemovalError,
    AdminError.

    Before the first guard it waits for `settle` seconds: every worker sees the routes gone by then.
    """
    waited = False
    for entity in lost:
        if entity.guards and not waited:
            time.sleep(settle)
            waited = True
        try:
            admin.delete(entity.path)
        except RejectedChangeError as error:
            raise RemovalError(
                f"{entity} was not removed: {error.answer}"
            ) from None


def _entity(collection: str, row: Row, names: Texts) -> LostEntity:
    parents = {kind: row[kind]["id"] for kind in _PARENTS if row.get(kind)}
    name = str(row["key"]) if collection == "jwts" else names[row["id"]]
    if collection in ("plugins", "targets", "jwts"):
        name += "".join(f" of {names[parent]}" for parent in parents.values())
    return LostEntity(
        collection, row["id"], name, frozenset(row.get("tags") or ()), parents
    )
