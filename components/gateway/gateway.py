"""Provisions what an estate has once in its Kong workspace: key rings of issuers, consumer nobody,
Upstream nowhere."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import pulumi
import pulumi_kong as kong

from kong_oam.access.model import Component, Estate
from kong_oam.access.settings.stack import Settings
from kong_oam.engine.state import StackState
from kong_oam.identity.common.discovery import SigningKey
from kong_oam.kong import actual, names, plugins
from kong_oam.kong.account import Account
from kong_oam.kong.key_slots import Slot, TooManyKeysError, assign
from kong_oam.kong.plugins import config_json
from kong_oam.kong.preflight import GatewayFacts as Facts

from ..base import Base
from ..identity.issuer import Issuer
from ..refusal import refuse

Config = Mapping[str, Any] | str | pulumi.Output[Mapping[str, Any] | str]
"""A plugin's configuration; as a text it is given to Kong as it stands."""


class Gateway(pulumi.ComponentResource):
    """The key rings, the consumer nobody and the Upstream nowhere. `slots` is the stack output that
    tells the next run which key sits where, `client_certificate` the id of what is shown to
    workloads that ask for it, once that is there.

    `state`: what the run before recorded of the stack; its output `keySlots` is {provider: [slot,
    ...]}. In a partition of an estate all that is its base's: `base` has what that made.
    """

    client_certificate: pulumi.Output[str] | None = None
    nobody: pulumi.Output[str]
    """The id of the consumer for calls without a token."""
    nowhere: pulumi.Input[str]
    """The name of the Upstream that services lead to."""
    rings: Mapping[str, pulumi.Output[str]]
    """By provider, the id of the consumer that stands for all who have a token of it."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        account: Account,
        facts: Facts,
        estate: Estate,
        issuers: Mapping[str, Issuer],
        state: StackState,
        base: Base | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("kong-oam:gateway:Gateway", name, None, opts)
        self.settings, self.facts, self.estate, self.issuers = (
            settings,
            facts,
            estate,
            issuers,
        )
        self.state, self._account = state, account
        self._foreign = base.clients if base else {}
        self.stack = settings.stack.name
        self.provider = kong.Provider(
            f"{name}-account",
            kong_admin_uri=account.admin_url,
            kong_admin_token=pulumi.Output.secret(account.token)
            if account.token
            else None,
            kong_api_key=pulumi.Output.secret(account.api_key)
            if account.api_key
            else None,
            kong_workspace=account.workspace,
            strict_plugins_match=True,
            opts=pulumi.ResourceOptions(
                parent=self, additional_secret_outputs=["kongAdminToken", "kongApiKey"]
            ),
        )
        self.options = pulumi.ResourceOptions(parent=self, provider=self.provider)
        self._configurations: dict[
            str, tuple[pulumi.Input[str], pulumi.Output[str | None]]
        ] = {}
        """By logical name of a plugin, what it is given, and what it has then."""
        self.tables: dict[str, pulumi.Output[str]] = {}
        """By service, the table that its admission and its gate decide by."""
        self.slots: dict[str, pulumi.Output[list[Mapping[str, Any]]]] = {}
        self.first: Sequence[pulumi.Resource] = ()
        """What comes before the plugins that verify tokens."""
        if base is None:
            self._make(name)
        else:
            self.nobody, self.nowhere = (
                base.gateway.value("nobody"),
                names.nowhere(self.stack),
            )
            self.rings = {key: base.gateway.value("rings", key) for key in issuers}
            if (
                settings.gateway.upstream_tls
                and settings.gateway.upstream_tls.client_certificate
            ):
                self.client_certificate = base.gateway.value("clientCertificate")
        self.register_outputs({})

    def client_id(self, provider: str, component: str) -> pulumi.Input[str]:
        """Gives the id of a component's client, of this stack or of another partition of the
        estate."""
        clients = self.issuers[provider].clients
        return (
            clients[component].client_id
            if component in clients
            else self._foreign[provider][component]
        )

    @property
    def made(self) -> dict[str, pulumi.Input[Any]]:
        """What partitions of the estate have to know of it."""
        known = (
            {"clientCertificate": self.client_certificate}
            if self.client_certificate is not None
            else {}
        )
        return {"nobody": self.nobody, "rings": dict(self.rings), **known}

    def _make(self, name: str) -> None:
        nobody = kong.Consumer(
            f"{name}-anonymous",
            username=names.anonymous(self.stack),
            # The provider sends an absent custom_id as an empty text in every update, and Kong
            # answers that with 400.
            custom_id=names.anonymous(self.stack),
            tags=names.tags(self.stack),
            opts=self.options,
        )
        nowhere = kong.Upstream(
            f"{name}-nowhere",
            name=names.nowhere(self.stack),
            tags=names.tags(self.stack),
            opts=self.options,
        )
        self.nobody, self.nowhere, self.first = nobody.id, nowhere.name, (nobody,)
        self.rings = dict(self._rings(name))

    def _rings(self, name: str) -> Iterator[tuple[str, pulumi.Output[str]]]:
        """Makes a consumer per issuer, whose credentials are the issuer's keys. Yields their ids,
        by provider."""
        for key, issuer in self.issuers.items():
            ring = kong.Consumer(
                f"{name}-ring-{key}",
                username=names.ring(self.stack, key),
                custom_id=issuer.issuer,
                tags=names.tags(self.stack),
                opts=self.options,
            )
            yield key, ring.id
            # Enterprise's openid-connect reads the issuer's keys where they are published.
            if self.settings.gateway.edition == "oss":
                self.slots[key] = self._fill(ring, f"{name}-ring-{key}", key, issuer)

    def _fill(
        self, ring: kong.Consumer, name: str, key: str, issuer: Issuer
    ) -> pulumi.Output[list[Mapping[str, Any]]]:
        """Makes the ring's fixed number of credentials. Returns what the next run has to know."""
        count = self.settings.gateway.key_slots
        unused = [names.unused_key(self.stack, key, index) for index in range(count)]
        slots = pulumi.Output.all(issuer.keys, issuer.previous_keys).apply(
            lambda lists: self._assigned(key, *lists)
        )
        keys = pulumi.Output.all(slots, issuer.keys).apply(
            lambda both: _filled(both[0], both[1][0], unused)
        )
        for index in range(count):
            kong.ConsumerJwtAuth(
                f"{name}-slot-{index}",
                consumer_id=ring.id,
                algorithm=keys[index].algorithm,
                key=keys[index].kid,
                rsa_public_key=keys[index].pem,
                secret=pulumi.Output.secret(
                    "unused: RS256 and ES256 verify with the public key"
                ),
                tags=names.tags(self.stack),
                opts=pulumi.ResourceOptions.merge(
                    self.options,
                    pulumi.ResourceOptions(additional_secret_outputs=["secret"]),
                ),
            )
        return slots.apply(lambda assigned: [slot.to_output() for slot in assigned])

    def _assigned(
        self,
        key: str,
        published: Sequence[SigningKey],
        previous_keys: Sequence[SigningKey],
    ) -> tuple[Slot, ...]:
        before = self.state.outputs.get("keySlots") or {}
        minutes = next(
            p.access_token_minutes for p in self.settings.providers if p.name == key
        )
        try:
            return assign(
                map(Slot.from_output, before.get(key) or ()),
                published,
                self.settings.gateway.key_slots,
                self.settings.as_of,
                datetime.timedelta(minutes=minutes),
                previous_keys,
            )
        except TooManyKeysError as error:
            refuse(f"identity provider '{key}': {error}")

    def warn_of_unknown_tables(self) -> None:
        """Warns in a preview of tables that it cannot show. Called once all services are
        registered."""
        if pulumi.runtime.is_dry_run():
            # Kept: the SDK waits for outputs for as long as somebody has them.
            self._warned: pulumi.Output[bool] = pulumi.Output.from_input(
                self._warn_of_unknown_tables()
            )

    async def _warn_of_unknown_tables(self) -> bool:
        """Warns of configurations that are not known yet: the official plugin takes these for
        unchanged ones."""
        unknown = [
            service
            for service, table in self.tables.items()
            if not await table.is_known()
        ]
        if unknown:
            pulumi.log.warn(
                f"gateway: this run changes what {len(unknown)} gates decide by, as that of "
                f"{unknown[0]}, and no preview can show it before: the provider makes up an id of "
                "a client or an API in the same run"
            )
        return bool(unknown)

    def authentication(self, component: Component) -> tuple[str, Config]:
        """Gives the plugin that verifies tokens before the component, and its configuration."""
        nobody = names.nobody(self.stack, component)
        if self.settings.gateway.edition == "oss":
            return "jwt", plugins.jwt(nobody)
        issuer = self.issuers[component.provider].issuer
        return "openid-connect", issuer.apply(
            lambda issuer: plugins.openid_connect(issuer, nobody)
        )

    def plugin(
        self,
        logical: str,
        kind: str,
        config: Config,
        opts: pulumi.ResourceOptions,
        *,
        tags: Sequence[str],
        service: kong.Service,
        consumer: pulumi.Input[str] | None = None,
    ) -> kong.Plugin:
        """Makes a plugin of a service, or of what one consumer asks it.

        Its configuration is in full: strict matching then sees any change by hand.
        """

        keeps_records = self.settings.gateway.logs is not None

        def in_full(config: Mapping[str, Any] | str) -> str:
            if isinstance(config, str):
                return config
            return config_json(
                self.facts.schemas[kind], kind, config, keeps_records=keeps_records
            )

        given = (
            config.apply(in_full)
            if isinstance(config, pulumi.Output)
            else in_full(config)
        )
        plugin = kong.Plugin(
            logical,
            name=kind,
            config_json=given,
            strict_match=True,
            enabled=True,
            service_id=service.id,
            consumer_id=consumer,
            tags=list(tags),
            opts=pulumi.ResourceOptions.merge(
                opts, pulumi.ResourceOptions(provider=self.provider)
            ),
        )
        self._configurations[logical] = given, plugin.config_json
        return plugin

    @cached_property
    def enforced(self) -> pulumi.Output[str]:
        """What the plugins enforce together, once all of them are made: a run that fails at one
        exports nothing."""
        made = {logical: pair[1] for logical, pair in self._configurations.items()}
        return pulumi.Output.all(**made).apply(
            lambda configurations: actual.enforced(
                self.state, self._account, configurations
            )
        )

    @cached_property
    def as_meant(self) -> pulumi.Output[bool]:
        """Whether all plugins are as this run means them: a flag may leave some out (`--target`),
        which are as they were, or are not there and unknown."""

        async def all_are() -> bool:
            return pulumi.runtime.is_dry_run() or all(
                [await _alike(*pair) for pair in self._configurations.values()]
            )

        return pulumi.Output.from_input(all_are())

    def once_known(self, new: str, before: str) -> pulumi.Input[str]:
        """Gives `new`, or `before` for as long as it is not known what is enforced: a run left out
        what one failed at that was to enforce `new`."""
        if not self.state.doubted or pulumi.runtime.is_dry_run():
            return new
        return self.enforced.apply(
            lambda enforced: before if enforced == actual.UNKNOWN else new
        )


async def _alike(meant: pulumi.Input[str], made: pulumi.Output[str | None]) -> bool:
    has = await made.future()
    given = await pulumi.Output.from_input(meant).future()
    return (
        has is not None and given is not None and json.loads(has) == json.loads(given)
    )


def _filled(
    slots: Sequence[Slot], current: SigningKey, unused: Sequence[str]
) -> list[SigningKey]:
    """Gives a key for every slot. An empty one holds the issuer's own current key, under an id that
    it never uses: no other private half can ever sign there."""
    return [
        slot.key or replace(current, kid=kid)
        for slot, kid in zip(slots, unused, strict=True)
    ]
