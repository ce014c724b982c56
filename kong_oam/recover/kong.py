"""Lost entities of Kong: they carry the stack's tags, but its state lacks them, because an answer
was lost."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kong_oam.errors import EngineError, ProductError
from kong_oam.http.management import Row
from kong_oam.kong.admin import AdminApi, RejectedChangeError
from kong_oam.kong.owners import Owner, OwnerLookup
from kong_oam.oam.position import Texts

# Collections in the order of removal: routes before the plugins that guard them.
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

_PARENTS = ("route", "service", "upstream", "consumer")


class OutdatedStateError(EngineError):
    """The state is older than the gateway, or belongs to another stack. The message gives the
    evidence and the remedy."""


class RemovalError(ProductError):
    """Kong did not remove an entity. The message contains Kong's answer."""


@dataclass(frozen=True, slots=True)
class LostEntity:
    """An entity of Kong that may be lost.

    `collection` is its path in the Admin API. `parents` maps a kind, such as `service`, to the id
    of the entity's parent.
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
        """The id of the guarded service, if the entity is a plugin on a service."""
        return (
            self.parents.get("service")
            if self.collection == "plugins"
            else None
        )

    def __str__(self) -> str:
        return f"{self.collection[:-1]} {self.name}"


def lost_entities(
    entities: Iterable[LostEntity],
    known: frozenset[str],
    lookup: OwnerLookup,
    *,
    older: bool = False,
) -> tuple[tuple[LostEntity, str | None], ...]:
    """Return the lost entities in the order of removal: the asking stack owns them, and their ids
    are not `known`.

    `entities` are all entities of Kong. Each result has a reason to keep the entity, or None. An
    entity is kept if a kept entity belongs to it, or if it guards a service that a kept route
    reaches. `older`: the state is an older backup, restored on purpose. Raises OutdatedStateError
    if the state proves to be older.
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
        # Somebody may have given our tags to an entity of another stack.
        if is_unrecorded and theirs.isdisjoint(entity.parents.values()):
            unrecorded.append(entity)
    if not older:
        _check_that_parents_are_known(unrecorded)
    staying = {entity.id: entity for entity in entities}
    result = []
    for entity in unrecorded:
        reason = _reason_to_keep(entity, staying.values(), lookup)
        # An entity to remove protects no other entity.
        if reason is None:
            del staying[entity.id]
        result.append((entity, reason))
    return tuple(result)


def _check_that_parents_are_known(unrecorded: Iterable[LostEntity]) -> None:
    """Raise OutdatedStateError if an entity and its parent are both lost.

    No interrupted run loses both: it creates an entity only after the state has recorded the
    parent.
    """
    by_id = {entity.id: entity for entity in unrecorded}
    for entity in by_id.values():
        for parent in entity.parents.values():
            if parent in by_id:
                raise OutdatedStateError(
                    f"the state lacks both {by_id[parent]} and its child {entity}, so it is older "
                    "than the gateway, or another stack's. Check the backend with `pulumi whoami "
                    "-v`. If you restored an older state on purpose, add --older-state"
                )


def _reason_to_keep(
    entity: LostEntity, staying: Iterable[LostEntity], lookup: OwnerLookup
) -> str | None:
    for neighbour in staying:
        if entity.id in neighbour.parents.values():
            return f"{_label(neighbour, lookup)} belongs to it"
        service = neighbour.parents.get("service")
        if (
            entity.guards
            and neighbour.collection == "routes"
            and service == entity.guards
        ):
            return f"it guards the service of {_label(neighbour, lookup)}; remove its routes first"
    return None


def _label(entity: LostEntity, lookup: OwnerLookup) -> str:
    """Return the entity's label, with its owner if that is another stack."""
    owner = entity.owner(lookup)
    return (
        f"{entity} {owner}" if owner.kind == "another stack's" else str(entity)
    )


def entities(admin: AdminApi) -> list[LostEntity]:
    """Return all entities of the kinds that stacks create, and their children, of all owners.
    Raises AdminError."""
    rows = list(_rows(admin))
    names = {row["id"]: _name(row) for _, row in rows}
    return [_entity(collection, row, names) for collection, row in rows]


def _rows(admin: AdminApi) -> Iterator[tuple[str, Row]]:
    """Yield each row of the Admin API, after its collection."""
    for collection in _COLLECTIONS:
        # Kong lists targets by Upstream.
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
    """Remove entities in their order; missing entities are no error. Raises RemovalError,
    AdminError.

    Before the first plugin it waits `settle` seconds, until no worker serves the removed routes.
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
