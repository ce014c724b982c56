"""Name conflicts at a provider: objects that have the names of ours and that the state does not
know. No twin is made. The findings are worded alike for every kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kong_oam.access.model import Estate
from kong_oam.access.settings.partitions import stack_of
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.diagnostics import Diagnostic

MADE_ANEW = (
    "If they are this stack's for another reason, remove them there: the next run makes them anew.",
    "If they are somebody else's, have them renamed.",
)
"""The remedy for an object that cannot be adopted: its maker may have left a way in."""


@dataclass(frozen=True, slots=True)
class Managed:
    """An object that the stack manages: the resource's type and logical name, and the object's name
    at the provider.

    The name of an app at Okta is its label, of a trusted origin the origin itself, which is in the
    org once.
    """

    type: str
    logical: str
    name: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """An object at the provider that has the name of one of ours, with its id there. `about`: a
    hint whose it is."""

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
        f"{settings.name} has what the state of stack '{stack}' does not know"
    )
    return Diagnostic("ENV403", message, details=(*listed, recovery, *advice))


def stack_at(estate: Estate) -> str:
    """Return the stack that this run deploys, which may be a partition's."""
    partitions = (component.partition for component in estate.own.values())
    return stack_of(estate.stack.name, next(filter(None, partitions), None))
