"""The consumers of others that old credentials need in Kong."""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.model import Estate
from kong_oam.kong.entities import Entities, EntitiesOfKind, Entity
from kong_oam.verify.drift import Drift


def with_consumers(entities: Entities, estate: Estate) -> EntitiesOfKind:
    """Return the consumers of intended entities, and the consumers of old credentials."""
    names = dict.fromkeys(name for name, _ in _needed(estate))
    others: list[Entity] = [{"id": name, "username": name} for name in names]
    return (*entities.consumers, *others)


def vanished(estate: Estate, live: Entities) -> dict[str, Drift]:
    """Return the consumers of old credentials that Kong lacks, by label."""
    existing = {consumer.get("username") for consumer in live.consumers}
    drifted = {}
    for name, client in _needed(estate):
        if name not in existing:
            label = f"consumer '{name}'"
            text = (
                f"{label} is missing, so {client} cannot call by its old credential; ask its owner "
                "to create it, or remove `before`"
            )
            drifted[label] = Drift(text, misplaced=True)
    return drifted


def _needed(estate: Estate) -> Iterator[tuple[str, str]]:
    for component in estate.exposed:
        for caller in component.identity.old_callers:
            yield caller.consumer, caller.client
