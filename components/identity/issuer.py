"""The inputs and the result of provisioning an identity provider: an issuer, and a credential for
each client."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pulumi import Input, Output, Resource

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

from ..credentials import Recorded, Rotation, once_deployed
from ..grants import NONE, Grants, finish
from ..graph import Predecessors
from ..records import Record
from ..refusal import refuse
from .keys import Keys

# The parent of all resources of a client at a provider, by component key.
Homes = Mapping[str, Resource]


@dataclass(frozen=True, slots=True)
class IssuerArgs:
    """The inputs of a provider's resources.

    `granted_before`: the scopes of clients in the state, by the client's name. `groups`: ids of the
    groups that roles name, by the provider's names. A partition of an estate makes only its
    clients' resources: `base` has the base's.
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
    """An existing secret: a Kubernetes Secret in the workload's namespace, and a key of it."""

    name: str
    key: str


@dataclass(frozen=True)
class Credential:
    """The credential by which a client component gets tokens: its id, and one proof. A public
    client has no proof.

    `keys` are its own. `client_secret` (a Pulumi secret) is shared with the provider;
    `secret_reference` names an existing Secret instead. `federation_audience` is the audience of
    ServiceAccount tokens that the provider accepts. `record` is for the next run; `grants` are the
    client's grants.
    """

    client_id: Output[str]
    keys: Keys | None = None
    client_secret: Output[str] | None = None
    secret_reference: SecretReference | None = None
    federation_audience: str | None = None
    record: Recorded | None = None
    grants: Grants = NONE

    @property
    def granted(self) -> Predecessors:
        """Return the resources that come before pods ask for tokens."""
        return self.grants.made


ClientCredentials = Mapping[str, Credential]


@dataclass(frozen=True)
class Issuer:
    """A provisioned provider. `clients` are by component key (`application/component`).

    `keys` are all current signing keys and the known next keys; the first key signs.
    `previous_keys` signed recently. `audiences` are values that the provider chooses, by component
    key; for other components the model's audience is in the tokens.
    """

    issuer: Output[str]
    token_endpoint: Output[str]
    authorization_endpoint: Output[str]
    keys: Output[Sequence[SigningKey]]
    clients: ClientCredentials
    audiences: Mapping[str, Output[str]] = field(default_factory=dict)
    previous_keys: Input[Sequence[SigningKey]] = ()
    # The `scope` values of token requests, by component key, where they are not the scopes
    # themselves.
    requests: Mapping[str, Output[str]] = field(default_factory=dict)
    # The further values that partitions of the estate need, under names that only the kind knows.
    shared: Mapping[str, Input[Any]] = field(default_factory=dict)

    @property
    def client_ids(self) -> dict[str, Output[str]]:
        return {key: client.client_id for key, client in self.clients.items()}

    @property
    def recorded(self) -> dict[str, Input[Any]]:
        """Return the values that partitions of the estate need."""
        return {
            "issuer": self.issuer,
            "tokenEndpoint": self.token_endpoint,
            "authorizationEndpoint": self.authorization_endpoint,
            **self.shared,
        }


Issuers = Mapping[str, Issuer]


def of_base(base: Record, clients: ClientCredentials, **more: Any) -> Issuer:
    """Return the issuer that the base of the estate made, with the clients of a partition."""
    return Issuer(
        issuer=base.value("issuer"),
        token_endpoint=base.value("tokenEndpoint"),
        authorization_endpoint=base.value("authorizationEndpoint"),
        keys=Output.from_input([]),
        clients=clients,
        **more,
    )


def existing(
    args: IssuerArgs, clients: ClientCredentials, **more: Any
) -> Issuer:
    """Return an issuer that exists before the stack, from its published document or the estate's
    base."""
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
    name: str, issuer: Input[str], proxy: str | None = None
) -> Output[Published]:
    """Fetch the published document of provider `name`'s issuer, in every run that knows the issuer.

    An unreadable key set ends the run before it changes any dependent.
    """

    def ask(address: str) -> Published:
        try:
            return discover(address, proxy)
        except DiscoveryError as error:
            refuse(f"identity provider '{name}': {error}")

    return Output.from_input(issuer).apply(ask)


def finish_clients(
    issuers: Issuers,
    running: Mapping[str, Predecessors],
) -> dict[str, Recorded]:
    """Make the grants that come after clients' pods. Return the records of all clients with keys or
    secrets, by the client's name.

    `running` are the workloads with the credentials, by component key. A key counts from the run
    that rolls it out, so that a failed run never ends the key before.
    """
    records = {}
    for name, issuer in issuers.items():
        for component, credential in issuer.clients.items():
            pods = running[component]
            finish(credential.grants, pods)
            if credential.record is not None:
                client = at_provider(component, name)
                records[client] = once_deployed(credential.record, pods)
    return records
