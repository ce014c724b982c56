"""The state that an interrupted run leaves: its recorded resources and interrupted creations."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from kong_oam.engine.state import Outputs, logical_name


@dataclass(frozen=True, slots=True)
class PendingCreation:
    """A creation that started and whose end is not recorded.

    `id` is None if the product's answer did not arrive. `provider` is the logical name of the
    provider that received the request.
    """

    type: str
    inputs: Outputs
    id: str | None
    provider: str = ""


@dataclass(frozen=True, slots=True)
class RecordedResource:
    """A resource in the state. `used`: another recorded resource depends on it. `provider`: the
    logical name of its provider."""

    type: str
    urn: str
    id: str
    used: bool
    provider: str = ""

    def __str__(self) -> str:
        return f"{self.type.rpartition(':')[2]} {logical_name(self.urn)} ({self.id})"


@dataclass(frozen=True, slots=True)
class ExportedState:
    """The state of a stack, as `pulumi stack export` returns it.

    `ids`: all recorded ids (both halves of ids such as `credential|consumer`, `upstream/target`).
    `pending`: interrupted creations. `root`: the URN of the stack, None if it never ran.
    `resources`: the resources with an id. `unresolved`: pairs of a resource's URN and a URN that it
    refers to but that does not precede it. The engine cannot read a state with unresolved
    references.
    """

    ids: frozenset[str]
    pending: tuple[PendingCreation, ...]
    root: str | None
    resources: tuple[RecordedResource, ...] = ()
    unresolved: tuple[tuple[str, str], ...] = ()

    def pending_at(
        self, provider: str, types: Container[str]
    ) -> tuple[PendingCreation, ...]:
        """Return the interrupted creations of some types at a provider (its logical name)."""
        return tuple(
            creation
            for creation in self.pending
            if creation.provider == provider and creation.type in types
        )
