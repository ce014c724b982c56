"""What an identity provider is provisioned from, and what that gives: an issuer, and a credential
for each client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.identity.common.discovery import (
    DiscoveryError,
    Published,
    SigningKey,
    discover,
)
from kong_oam.identity.common.looked_up import LookedUp

from ..credentials import Rotation
from ..grants import Grants
from ..records import Record
from ..refusal import refuse
from .keys import Homes as Homes
from .keys import Keys


@dataclass(frozen=True, slots=True)
class Provisioning:
    """What a provider's resources are made from. `looked_up` has the groups that roles name. In a
    partition of an estate only what is its clients' is made: `base` has what the estate's base
    made."""

    settings: ProviderSettings
    estate: Estate
    rotation: Rotation
    grants: Grants
    homes: Homes
    looked_up: LookedUp
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
    its cluster gives its ServiceAccount tokens that the provider takes. `granted` is what comes
    before pods ask for tokens with it.
    """

    client_id: pulumi.Output[str]
    keys: Keys | None = None
    client_secret: pulumi.Output[str] | None = None
    secret_reference: SecretReference | None = None
    federation_audience: str | None = None
    granted: Sequence[pulumi.Resource] = ()


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
    clients: Mapping[str, Credential]
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


def of_base(base: Record, clients: Mapping[str, Credential], **more: Any) -> Issuer:
    """Gives the issuer that the base of the estate made, with the clients of a partition."""
    return Issuer(
        issuer=base.value("issuer"),
        token_endpoint=base.value("tokenEndpoint"),
        authorization_endpoint=base.value("authorizationEndpoint"),
        keys=pulumi.Output.from_input([]),
        clients=clients,
        **more,
    )


def published(
    name: str, issuer: pulumi.Input[str], proxy: str | None = None
) -> pulumi.Output[Published]:
    """Fetches what the issuer of provider `name` publishes, in every run in which that issuer is
    known already.

    A key set that cannot be read ends the run, before anything that depends on it is changed.
    """

    def ask(address: str) -> Published:
        try:
            return discover(address, proxy)
        except DiscoveryError as error:
            refuse(f"identity provider '{name}': {error}")

    return pulumi.Output.from_input(issuer).apply(ask)
