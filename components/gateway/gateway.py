"""Provisions the shared objects of an estate in its Kong workspace: key rings of issuers, the
anonymous consumer, and the empty Upstream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi_kong as kong
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions

from kong_oam.access.settings.values import Settings
from kong_oam.kong import names
from kong_oam.kong.account import Account
from kong_oam.kong.key_slots import SlotOutput
from kong_oam.kong.preflight import GatewayFacts
from kong_oam.oam.position import Texts
from kong_oam.traits.upstream_tls.at_kong import CLIENT_CERTIFICATE

from ..identity.issuer import Issuer, Issuers
from ..records import Base
from .certificates import Pem, provision_certificate
from .key_ring import assigned, filled
from .workspace import TokenIssuer, Workspace

# The key in each slot of a ring, as the next run reads it.
Slots = Output[list[SlotOutput]]


@dataclass(frozen=True, slots=True)
class GatewayArgs:
    """The inputs of a stack's gateway.

    `key_slots` is the output of the run before: {provider: [slot, ...]}. `certificates` are the
    stack's own, by name. In a partition of an estate, `base` has the resources of the estate's
    base.
    """

    settings: Settings
    account: Account
    facts: GatewayFacts
    issuers: Issuers
    key_slots: Mapping[str, Sequence[SlotOutput]]
    certificates: Mapping[str, Pem]
    base: Base | None = None


class Gateway(ComponentResource):
    """The key rings, the anonymous consumer and the empty Upstream. A partition uses its base's.

    `workspace` is the input for all further Kong resources. `slots` is the stack output that tells
    the next run which key sits in which key slot.
    """

    def __init__(
        self, name: str, args: GatewayArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("kong-oam:gateway:Gateway", name, None, opts)
        self.slots: Mapping[str, Slots] = {}
        provider = _provider(f"{name}-account", args.account, self)
        if args.base is not None:
            self.workspace = _of_base(args, args.base, provider)
        else:
            options = ResourceOptions(parent=self, provider=provider)
            self.workspace, self.slots = _provision(
                name, args, provider, options
            )
        self.register_outputs({})

    @property
    def recorded(self) -> dict[str, Input[Any]]:
        """Return the ids that partitions of the estate need."""
        workspace = self.workspace
        recorded: dict[str, Input[Any]] = {
            "nobody": workspace.anonymous,
            "rings": {
                key: issuer.ring for key, issuer in workspace.issuers.items()
            },
        }
        if workspace.client_certificate is not None:
            recorded["clientCertificate"] = workspace.client_certificate
        return recorded


def _provider(name: str, account: Account, parent: Resource) -> kong.Provider:
    secret = Output.secret
    return kong.Provider(
        name,
        kong_admin_uri=account.admin_url,
        kong_admin_token=secret(account.token) if account.token else None,
        kong_api_key=secret(account.api_key) if account.api_key else None,
        kong_workspace=account.workspace,
        # Strict matching sees any manual change of a plugin, also of a field that the program
        # leaves out.
        strict_plugins_match=True,
        opts=ResourceOptions(
            parent=parent,
            additional_secret_outputs=["kongAdminToken", "kongApiKey"],
        ),
    )


def _provision(
    name: str,
    args: GatewayArgs,
    provider: kong.Provider,
    options: ResourceOptions,
) -> tuple[Workspace, dict[str, Slots]]:
    stack = args.settings.stack.name
    anonymous = kong.Consumer(
        f"{name}-anonymous",
        username=names.anonymous(stack),
        # The provider sends an absent custom_id as an empty text in every update, and Kong
        # answers that with 400.
        custom_id=names.anonymous(stack),
        tags=names.tags(stack),
        opts=options,
    )
    nowhere = kong.Upstream(
        f"{name}-nowhere",
        name=names.nowhere(stack),
        tags=names.tags(stack),
        opts=options,
    )
    issuers = {}
    slots = {}
    for key, issuer in args.issuers.items():
        # The ring stands for all callers with a token of the issuer; its credentials are the keys.
        ring = kong.Consumer(
            f"{name}-ring-{key}",
            username=names.ring(stack, key),
            custom_id=issuer.issuer,
            tags=names.tags(stack),
            opts=options,
        )
        issuers[key] = _token_issuer(issuer, ring.id, {})
        # Enterprise's openid-connect reads the issuer's keys where they are published.
        if args.settings.gateway.edition == "oss":
            slots[key] = _fill(f"{name}-ring-{key}", ring, key, args, options)
    workspace = Workspace(
        provider=provider,
        schemas=args.facts.schemas,
        authorities=args.facts.authorities,
        anonymous=anonymous.id,
        nowhere=nowhere.name,
        issuers=issuers,
        client_certificate=_client_certificate(args, options),
        before_authentication=(anonymous,),
    )
    return workspace, slots


def _fill(
    name: str,
    ring: kong.Consumer,
    key: str,
    args: GatewayArgs,
    options: ResourceOptions,
) -> Slots:
    """Make the fixed number of credentials of a provider's ring. Return the record for the next
    run."""
    settings = args.settings
    issuer = args.issuers[key]
    stack = settings.stack.name
    count = settings.gateway.key_slots
    before = args.key_slots.get(key) or ()
    unused = [names.unused_key(stack, key, index) for index in range(count)]
    slots = Output.all(issuer.keys, issuer.previous_keys).apply(
        lambda lists: assigned(settings, key, before, *lists)
    )
    keys = Output.all(slots, issuer.keys).apply(
        lambda values: filled(values[0], values[1][0], unused)
    )
    secret = ResourceOptions(additional_secret_outputs=["secret"])
    # Kong generates a secret for a credential without a secret.
    for index in range(count):
        kong.ConsumerJwtAuth(
            f"{name}-slot-{index}",
            consumer_id=ring.id,
            algorithm=keys[index].algorithm,
            key=keys[index].kid,
            rsa_public_key=keys[index].pem,
            secret=Output.secret(
                "unused: RS256 and ES256 verify with the public key"
            ),
            tags=names.tags(stack),
            opts=ResourceOptions.merge(options, secret),
        )
    return slots.apply(lambda now: [slot.to_output() for slot in now])


def _of_base(
    args: GatewayArgs, base: Base, provider: kong.Provider
) -> Workspace:
    """Return the workspace that the base of the estate made, with the clients of this
    partition."""
    recorded = base.gateway
    issuers = {
        key: _token_issuer(
            issuer, recorded.value("rings", key), base.clients[key]
        )
        for key, issuer in args.issuers.items()
    }
    shown = _shown_certificate(args.settings)
    return Workspace(
        provider=provider,
        schemas=args.facts.schemas,
        authorities=args.facts.authorities,
        anonymous=recorded.value("nobody"),
        nowhere=names.nowhere(args.settings.stack.name),
        issuers=issuers,
        client_certificate=recorded.value("clientCertificate")
        if shown
        else None,
    )


def _token_issuer(
    issuer: Issuer, ring: Output[str], elsewhere: Texts
) -> TokenIssuer:
    """Return the facts about an issuer that services need. `elsewhere` are client ids of other
    partitions."""
    return TokenIssuer(
        issuer.issuer,
        ring,
        issuer.audiences,
        {**elsewhere, **issuer.client_ids},
    )


def _client_certificate(
    args: GatewayArgs, options: ResourceOptions
) -> Output[str] | None:
    """Make the gateway's client certificate for workloads, if the stack names it. Return its id."""
    shown = _shown_certificate(args.settings)
    if shown is None:
        return None
    tags = names.tags(args.settings.stack.name)
    pem = args.certificates[shown]
    return provision_certificate(CLIENT_CERTIFICATE, pem, tags, options).id


def _shown_certificate(settings: Settings) -> str | None:
    over_tls = settings.gateway.upstream_tls
    return over_tls.client_certificate if over_tls else None
