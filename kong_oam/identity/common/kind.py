"""A kind of identity provider: its functions that make nothing at the provider."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field

from kong_oam.access.model import Estate
from kong_oam.access.providers import Provider
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.diagnostics import Diagnostics
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.pending import ExportedState
from kong_oam.engine.state import RecordedNames, Resource
from kong_oam.identity.common.granted import Grant
from kong_oam.identity.common.orphans import Orphans
from kong_oam.oam.position import Texts


@dataclass(frozen=True, slots=True)
class Inspection:
    """The findings about a provider, and the ids of its groups, by the provider's names.

    A missing or ambiguous group has no id: a finding ends the run before the id is needed.
    """

    findings: Diagnostics = ()
    groups: Texts = field(default_factory=dict)


def _makes_nothing(*_: object) -> None:
    """Return None, for kinds that make nothing."""


def _grants_nothing(*_: object) -> Iterable[Grant]:
    return ()


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of identity provider: the `type` that settings name, and its functions.

    `describe` gives the provider as a value, before it exists; raises StackError. `inspect` finds
    conflicts at the product with a state that has `RecordedNames`.

    Only kinds that make resources have the other functions. `orphans` finds objects that an
    interrupted run made or deleted, over connections that the stack of contexts closes. Both it and
    `inspect` raise InspectionError and RefusedError.

    `client_id` gives the present or future id of a component's client, by the estate's name and the
    component's; None if the provider makes it up. `client_resource` gives the type and the logical
    name of the client's resource, by the provider's name and the component's. `grants` yields the
    clients' grants by the resources of a state. `proofs`: by the types of secrets, an output that
    identifies the secret and is public.
    """

    type: str
    describe: Callable[[ProviderSettings], Provider]
    inspect: Callable[
        [ProviderSettings, Estate, RecordedNames, Configuration], Inspection
    ]
    orphans: Callable[
        [ProviderSettings, ExportedState, ExitStack, Configuration],
        Orphans | None,
    ] = _makes_nothing
    client_id: Callable[[ProviderSettings, str, str], str | None] = (
        _makes_nothing
    )
    client_resource: Callable[[str, str], tuple[str, str]] | None = None
    grants: Callable[[str, Iterable[Resource]], Iterable[Grant]] = (
        _grants_nothing
    )
    proofs: Texts = field(default_factory=dict)
