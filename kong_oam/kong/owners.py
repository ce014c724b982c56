"""The owner of an entity of Kong, by its name and tags: this stack, another stack, or none.

A stack changes and deletes only its own entities. For another stack's entity, its messages name
that stack.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from kong_oam.access.settings.partitions import stack_of
from kong_oam.diagnostics import some
from kong_oam.kong import names
from kong_oam.kong.entities import Entity, tags_of

Kind = Literal["ours", "another stack's", "foreign"]


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of an entity. `stack`: the name of the Pulumi stack that created it; empty if
    foreign."""

    kind: Kind
    stack: str = ""

    def __str__(self) -> str:
        return f"of stack '{self.stack}'" if self.stack else "not of any stack"


@dataclass(frozen=True, slots=True)
class OwnerLookup:
    """The stack that asks for the owner of an entity.

    `estate`: the name in the tags of all its entities. `partition`: the part of the estate that the
    stack deploys; None: the base. `whole`: entities of all stacks of the estate count as ours.
    """

    estate: str
    partition: str | None = None
    whole: bool = False

    def owner(self, entity: Entity) -> Owner:
        """Return the owner of an entity of Kong.

        A stack's name comes first, since somebody may have changed tags by hand. Then a tag of
        another estate wins over ours. An entity that another stack may need thus never counts as
        ours.
        """
        tags = tags_of(entity)
        stack = self._stack(entity, tags)
        if stack is None:
            return Owner("foreign")
        partition = names.partition_in(tags)
        is_own_part = self.whole or partition == self.partition
        is_ours = stack == self.estate and is_own_part
        return Owner(
            "ours" if is_ours else "another stack's", stack_of(stack, partition)
        )

    def _stack(self, entity: Entity, tags: Iterable[str]) -> str | None:
        """Return the estate that owns the entity, or None for a foreign entity."""
        name = str(entity.get("username") or entity.get("name") or "")
        has_our_name = names.is_given_by(self.estate, name)
        has_our_tags = self.estate in names.stacks_in(tags)
        if has_our_name and has_our_tags:
            return self.estate
        # A single tag identifies another stack's entity. Ours have both tags.
        others = names.stacks_named(tags) - {self.estate}
        if others:
            return min(others)
        giver = "" if has_our_name else names.stack_in_name(name)
        if giver:
            return giver
        return self.estate if has_our_tags else None


def owner_in_words(entity: Entity, owner: Owner) -> str:
    """Return words about the maker of another owner's entity. A foreign entity is described by its
    tags."""
    if owner.stack:
        return f"of stack '{owner.stack}'"
    tags = entity.get("tags")
    shown = (
        f"its tags are {some(map(repr, tags))}" if tags else "it has no tags"
    )
    return f"of no stack ({shown})"
