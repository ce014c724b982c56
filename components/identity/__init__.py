"""Identity providers: which kinds there are, and the one interface that the rest of the program knows them by.

A kind is a module of this folder with `describe(settings) -> Provider` (a pure value: how its tokens spell things),
`inspect(settings, estate, held) -> Iterable[Diagnostic]` (what stands in the way at the product, before anything is
made, where the state holds `held`), `provision(settings, estate, rotation) -> Identity` and `left(settings, state,
opened) -> Left | None` (what an interrupted run made there). What kinds share is in modules whose names begin with an
underscore. Nothing outside this folder knows which kind it deals with.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Protocol

import pulumi

from components.identity.keys import Keys
from components.refusal import refuse
from components.rotation import Rotation
from kong_oam.access.model import Estate, Provider
from kong_oam.access.settings.stack import ProviderSettings, StackError
from kong_oam.diagnostics import Diagnostic, suggestion
from kong_oam.engine.pending import State
from kong_oam.engine.state import Held
from kong_oam.identity.common.discovery import DiscoveryError, Published, SigningKey, discover
from kong_oam.identity.common.errors import RefusedError as RefusedError
from kong_oam.identity.common.issuer_moves import moved
from kong_oam.identity.common.orphans import Left

_KINDS = tuple(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a secret lies that was not made here: a Kubernetes Secret in the workload's namespace, and a key of it."""

    name: str
    key: str


@dataclass(frozen=True)
class Credential:
    """What a client component needs to get tokens: who it is, and one proof of it. A public client has none.

    `keys` are its own; `client_secret` (a Pulumi secret) is shared with the provider, or `kept` somewhere already;
    `federated` is the audience for which its cluster gives its ServiceAccount tokens that the provider takes.
    """

    client_id: pulumi.Output[str]
    keys: Keys | None = None
    client_secret: pulumi.Output[str] | None = None
    kept: Kept | None = None
    federated: str | None = None


@dataclass(frozen=True)
class Identity:
    """One provisioned provider. `clients` are by component key (`application/component`).

    `keys` are all that the issuer signs with now, and those that it is known to sign with next; the first one signs. Of
    `former` it may have signed with until a moment ago. `audiences` are those that the provider makes
    up itself, by component key; for every other component the model's audience is the one in its tokens.
    """

    issuer: pulumi.Output[str]
    token_endpoint: pulumi.Output[str]
    authorization_endpoint: pulumi.Output[str]
    keys: pulumi.Output[Sequence[SigningKey]]
    clients: Mapping[str, Credential]
    audiences: Mapping[str, pulumi.Output[str]] = field(default_factory=dict)
    former: pulumi.Input[Sequence[SigningKey]] = ()
    requests: Mapping[str, pulumi.Output[str]] = field(default_factory=dict)
    """What to ask for to get a token for a component, where that is not the scopes themselves."""


def published(name: str, issuer: pulumi.Input[str], proxy: str | None = None) -> pulumi.Output[Published]:
    """What the issuer of provider `name` says, in every run in which the issuer is known already when it is asked.

    A key set that cannot be read ends the run, before anything that depends on it is changed.
    """

    def ask(address: str) -> Published:
        try:
            said = discover(address, proxy)
        except DiscoveryError as error:
            refuse(f"identity provider '{name}': {error}")
        for why in said.ignored:
            pulumi.log.debug(f"identity provider '{name}': {why}")
        return said

    return pulumi.Output.from_input(issuer).apply(ask)


class InspectionError(Exception):
    """The provider cannot be looked at, or not used as it is. The message says what was found and what to change."""


class _Kind(Protocol):
    def describe(self, settings: ProviderSettings) -> Provider: ...

    def inspect(self, settings: ProviderSettings, estate: Estate, held: Held) -> Iterable[Diagnostic]: ...

    def provision(self, settings: ProviderSettings, estate: Estate, rotation: Rotation) -> Identity: ...

    def left(self, settings: ProviderSettings, state: State, opened: ExitStack) -> Left | None: ...


def _kind(settings: ProviderSettings) -> _Kind:
    if settings.type not in _KINDS:
        raise StackError(
            f"identity provider '{settings.name}': type '{settings.type}'{suggestion(settings.type, _KINDS)}"
        )
    module: _Kind = importlib.import_module(f"components.identity.{settings.type}")
    return module


def describe(settings: ProviderSettings) -> Provider:
    """How the provider's tokens spell things, before it exists."""
    return _kind(settings).describe(settings)


def inspect(
    settings: ProviderSettings, estate: Estate, held: Held, issuers: Mapping[str, str]
) -> tuple[Diagnostic, ...]:
    """What at the provider stands in the way of `provision`: all of it, in previews too. Raises InspectionError.

    `issuers` are those whose tokens count until now, by provider.
    """
    if other := tuple(moved(settings, estate, issuers)):
        return other
    return tuple(_kind(settings).inspect(settings, estate, held))


def provision(settings: ProviderSettings, estate: Estate, rotation: Rotation) -> Identity:
    """The provider's resources: issuer, scopes, one app per client, and what each may be issued."""
    return _kind(settings).provision(settings, estate, rotation)


def left(providers: Iterable[ProviderSettings], state: State, opened: ExitStack) -> tuple[Left, ...]:
    """What interrupted creations made at the providers that were asked for them; connections are closed by `opened`.

    Providers that are one and the same place are looked at once. Raises InspectionError without an account, and
    RefusedError.
    """
    found = (_kind(settings).left(settings, state, opened) for settings in providers)
    return tuple({one.where: one for one in found if one}.values())
