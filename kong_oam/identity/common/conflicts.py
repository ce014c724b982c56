"""Name conflicts at a provider: existing objects with our names that the state does not know. No
duplicate is made.

The findings have the same words for every kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kong_oam.access.model import Estate
from kong_oam.access.settings.partitions import stack_of
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.diagnostics import Diagnostic

# The remedy for an object that cannot be adopted: its maker may have left a way in.
MADE_ANEW = (
    "If they are this stack's for another reason, remove them there: the next run makes them "
    "anew.",
    "If they belong to others, have them renamed.",
)


@dataclass(frozen=True, slots=True)
class Managed:
    """An object that the stack manages: the resource's type and logical name, and the object's name
    at the provider.

    An app's name at Okta is its label; a trusted origin's name is the origin, which an org has
    once.
    """

    type: str
    logical: str
    name: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """An object at the provider with the name of our object, and its id there. `about` hints at its
    owner."""

    object: Managed
    id: str
    about: str = ""

    def __str__(self) -> str:
        module = self.object.type.partition(":")[2].partition("/")[0]
        kind = self.object.type.rpartition(":")[2]
        qualified = f"{module}.{kind}" if module != "index" else kind
        about = f" ({self.about})" if self.about else ""
        return f"{qualified} '{self.object.name}', {self.id}{about}"


def conflict_finding(
    settings: ProviderSettings,
    estate: Estate,
    conflicts: Sequence[Conflict],
    advice: Iterable[str],
) -> Diagnostic:
    """Report the conflicts, each with the remedy if no interrupted run made it."""
    stack = stack_at(estate)
    listed = (f"  {conflict}" for conflict in conflicts)
    recovery = (
        f"If an interrupted run made them, `python -m kong_oam recover -s {stack} --remove` "
        "removes them."
    )
    message = (
        f"{settings.name} has objects with our names that are missing in the state of stack "
        f"'{stack}'"
    )
    return Diagnostic("ENV403", message, details=(*listed, recovery, *advice))


def stack_at(estate: Estate) -> str:
    """Return the stack that this run deploys, which may be a partition's."""
    partitions = (component.partition for component in estate.own.values())
    return stack_of(estate.stack.name, next(filter(None, partitions), None))
