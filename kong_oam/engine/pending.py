"""The state that an interrupted run leaves, as a value: the resources that it records, and
creations cut off."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from kong_oam.engine.state import Outputs, logical_name


@dataclass(frozen=True, slots=True)
class PendingCreation:
    """A creation that was begun and whose end was not recorded. `id` is there where its answer had
    been heard.

    `provider` is the logical name of the provider that was asked for it.
    """

    type: str
    inputs: Outputs
    id: str | None
    provider: str = ""


@dataclass(frozen=True, slots=True)
class RecordedResource:
    """A resource that the state has. `used`: another that it has depends on it. `provider`: as of a
    PendingCreation."""

    type: str
    urn: str
    id: str
    used: bool
    provider: str = ""

    def __str__(self) -> str:
        return f"{self.type.rpartition(':')[2]} {logical_name(self.urn)} ({self.id})"


@dataclass(frozen=True, slots=True)
class ExportedState:
    """The state of a stack, as `pulumi stack export` gives it.

    `ids`: of everything recorded (both halves of ids such as `credential|consumer`). `pending`:
    creations cut off. `root` is the URN of the stack itself, None where nothing was ever recorded.
    `resources` are those with an id. `unresolved`: URNs of resources that refer to another URN
    which does not stand before them, with that URN. The engine reads no such state.
    """

    ids: frozenset[str]
    pending: tuple[PendingCreation, ...]
    root: str | None
    resources: tuple[RecordedResource, ...] = ()
    unresolved: tuple[tuple[str, str], ...] = ()

    def pending_at(
        self, provider: str, types: Container[str]
    ) -> tuple[PendingCreation, ...]:
        """Return those of some types that `provider`, its resource's logical name, was asked
        for."""
        return tuple(
            creation
            for creation in self.pending
            if creation.provider == provider and creation.type in types
        )
