"""What an identity provider is provisioned from, and what that gives: an issuer, and a credential
for each client."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from kong_oam.access.client import at_provider
from kong_oam.access.model import Estate
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.identity.common.discovery import (
    DiscoveryError,
    Published,
    SigningKey,
    discover,
)
from kong_oam.oam.position import Texts

from ..credentials import Recorded, Rotation, once_held
from ..grants import NONE, Grants, finish
from ..graph import Predecessors
from ..records import Record
from ..refusal import refuse
from .keys import Keys

Homes = Mapping[str, pulumi.Resource]
"""By component key, what all that a provider has of this component as a client lies under."""


@dataclass(frozen=True, slots=True)
class IssuerArgs:
    """What a provider's resources are made from.

    `granted_before`: the scopes that clients are granted by the state, by the client's name.
    `groups`: ids of the groups that roles name, by the provider's names. In a partition of an
    estate only what is its clients' is made: `base` has what the estate's base made.
    """

    settings: ProviderSettings
    estate: Estate
    rotation: Rotation
    granted_before: Mapping[str, Collection[str]]
    homes: Homes
    groups: Texts
    base: Record | None


@dataclass(frozen=True, slots=True)
class SecretReference:
    """A secret that was not made here: a Kubernetes Secret in the workload's namespace, and a key
    of it."""

    name: str
    key: str


@dataclass(frozen=True)
class Credential:
    """The credential by which a client component gets tokens: its id, and one proof. A public
    client has no proof.

    `keys` are its own; `client_secret` (a Pulumi secret) is shared with the provider, or lies
    somewhere already, as `secret_reference` says; `federation_audience` is the audience for which
    its cluster gives its ServiceAccount tokens that the provider takes. `record` is what the next
    run is to know of it, `grants` what it may be issued.
    """

    client_id: pulumi.Output[str]
    keys: Keys | None = None
    client_secret: pulumi.Output[str] | None = None
    secret_reference: SecretReference | None = None
    federation_audience: str | None = None
    record: Recorded | None = None
    grants: Grants = NONE

    @property
    def granted(self) -> Predecessors:
        """What comes before pods ask for tokens with it."""
        return self.grants.made


ClientCredentials = Mapping[str, Credential]
"""The credentials of clients, by component key."""


@dataclass(frozen=True)
class Issuer:
    """A provisioned provider. `clients` are by component key (`application/component`).

    `keys` are all that the issuer signs with now, and those that it is known to sign with next; the
    first one signs. With one of `previous_keys` it may have signed until a moment ago. `audiences`
    are those that the provider makes up, by component key; for every other component the model's
    audience is the one in its tokens.
    """

    issuer: pulumi.Output[str]
    token_endpoint: pulumi.Output[str]
    authorization_endpoint: pulumi.Output[str]
    keys: pulumi.Output[Sequence[SigningKey]]
    clients: ClientCredentials
    audiences: Mapping[str, pulumi.Output[str]] = field(default_factory=dict)
    previous_keys: pulumi.Input[Sequence[SigningKey]] = ()
    requests: Mapping[str, pulumi.Output[str]] = field(default_factory=dict)
    """By component key, what to ask for to get a token for it, where that is not the scopes
    themselves."""
    shared: Mapping[str, pulumi.Input[Any]] = field(default_factory=dict)
    """What partitions of the estate need of it besides, by words that its kind alone knows."""

    @property
    def client_ids(self) -> dict[str, pulumi.Output[str]]:
        """The ids of its clients, by component key."""
        return {key: client.client_id for key, client in self.clients.items()}

    @property
    def made(self) -> dict[str, pulumi.Input[Any]]:
        """What partitions of the estate have to know of it."""
        return {
            "issuer": self.issuer,
            "tokenEndpoint": self.token_endpoint,
            "authorizationEndpoint": self.authorization_endpoint,
            **self.shared,
        }


Issuers = Mapping[str, Issuer]
"""The issuers of an estate, by the name of their provider."""


def of_base(base: Record, clients: ClientCredentials, **more: Any) -> Issuer:
    """Return the issuer that the base of the estate made, with the clients of a partition."""
    return Issuer(
        issuer=base.value("issuer"),
        token_endpoint=base.value("tokenEndpoint"),
        authorization_endpoint=base.value("authorizationEndpoint"),
        keys=pulumi.Output.from_input([]),
        clients=clients,
        **more,
    )


def existing(
    args: IssuerArgs, clients: ClientCredentials, **more: Any
) -> Issuer:
    """Return an issuer that is there before the stack, as it publishes itself, or as the base of
    the estate read it."""
    if args.base is not None:
        return of_base(args.base, clients, **more)
    metadata = published(args.settings.name, args.settings.issuer or "")
    return Issuer(
        issuer=metadata.issuer,
        token_endpoint=metadata.token_endpoint,
        authorization_endpoint=metadata.authorization_endpoint,
        keys=metadata.keys,
        clients=clients,
        **more,
    )


def published(
    name: str, issuer: pulumi.Input[str], proxy: str | None = None
) -> pulumi.Output[Published]:
    """Fetch what the issuer of provider `name` publishes, in every run in which that issuer is
    known already.

    A key set that cannot be read ends the run, before anything that depends on it is changed.
    """

    def ask(address: str) -> Published:
        try:
            return discover(address, proxy)
        except DiscoveryError as error:
            refuse(f"identity provider '{name}': {error}")

    return pulumi.Output.from_input(issuer).apply(ask)


def finish_clients(
    issuers: Issuers,
    running: Mapping[str, Predecessors],
) -> dict[str, Recorded]:
    """Make the grants that come after clients' pods. Return what the next run is to know of the
    credentials of all clients that have keys or secrets, by the client's name.

    `running` is what runs with them, by component key: a key counts from the run in which its pods
    had it, so that the key before does not end after a run that failed on the way there.
    """
    records = {}
    for name, issuer in issuers.items():
        for component, credential in issuer.clients.items():
            pods = running[component]
            finish(credential.grants, pods)
            if credential.record is not None:
                client = at_provider(component, name)
                records[client] = once_held(credential.record, pods)
    return records
