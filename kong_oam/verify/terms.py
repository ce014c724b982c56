"""The facts of a deployment beside the entities of its gateway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kong_oam.access.data import Texts
from kong_oam.access.model import Estate
from kong_oam.access.settings.values import Settings
from kong_oam.identity.common.discovery import SigningKey
from kong_oam.kong import names, plugins
from kong_oam.kong.entities import Config, Entity, pem_of
from kong_oam.kong.intended import Complete, Deployed
from kong_oam.kong.key_slots import Slot
from kong_oam.kong.old_credentials import accepted_at
from kong_oam.kong.table import Authentication
from kong_oam.kong.upstreams import addresses, balanced
from kong_oam.traits.kong_plugin.value import KONG_PLUGIN


@dataclass(frozen=True, slots=True)
class Terms:
    """Facts by which a gateway is read.

    `workloads`: the component by its workload's "host:port". `targets`: this "host:port" by each
    target of an external component. `verifying`: the intended
    configuration of `openid-connect` by provider; it fetches the keys itself. `lifetimes`: of
    tokens by provider, in seconds. `accepted`: a kind of plugin and its Kong service, for plugins
    that an Application adds, with a waiver if necessary. Their effects on calls are not judged.
    """

    estate: Estate
    deployed: Deployed
    plugin: Authentication
    verifying: Mapping[str, Config]
    lifetimes: Mapping[str, float]
    workloads: Texts
    targets: Texts
    accepted: frozenset[tuple[str, str]]

    @staticmethod
    def of(
        settings: Settings,
        estate: Estate,
        deployed: Deployed,
        complete: Complete,
    ) -> Terms:
        """Return the terms of a deployed stack."""
        workloads = {}
        targets: dict[str, str] = {}
        accepted = set()
        for component in estate.exposed:
            upstream = balanced(component)
            for backend in component.backends:
                service = names.service(settings.stack.name, component, backend)
                workload = deployed.upstreams[service]
                workloads[workload] = component.key
                if upstream:
                    targets |= dict.fromkeys(addresses(upstream), workload)
                accepted |= {
                    (plugin.name, service)
                    for plugin in component.traits.each(KONG_PLUGIN)
                }
                if old := accepted_at(component):
                    accepted.add((old.by, service))
        plugin = plugins.AUTHENTICATION[settings.gateway.edition]
        verifying = {}
        if plugin == "openid-connect":
            for provider, issuer in deployed.issuers.items():
                config = plugins.openid_connect(issuer, None)
                verifying[provider] = complete(plugin, config)
        lifetimes = {
            provider.name: 60.0 * provider.access_token_minutes
            for provider in settings.providers
        }
        return Terms(
            estate,
            deployed,
            plugin,
            verifying,
            lifetimes,
            workloads,
            targets,
            frozenset(accepted),
        )

    def client_id(self, provider: str, component: str) -> str:
        """Return the id of the client in tokens."""
        return self.deployed.clients.get(provider, {}).get(component, component)

    def rings(self) -> frozenset[str]:
        """Return the names of the key rings."""
        return frozenset(
            names.ring(self.estate.stack.name, provider)
            for provider in self.deployed.issuers
        )

    def genuine(self, credential: Entity, owner: str) -> bool:
        """Return whether a credential of the consumer `owner` is its issuer's key, also in an empty
        slot."""
        for provider, slots in self.deployed.slots.items():
            if owner == names.ring(self.estate.stack.name, provider):
                return self._is_in(slots, provider, credential)
        return False

    def _is_in(
        self, slots: Sequence[Slot], provider: str, credential: Entity
    ) -> bool:
        pem = pem_of(credential)
        pems = {
            slot.key.kid: slot.key.pem.strip() for slot in slots if slot.key
        }
        if pems.get(credential["key"]) == pem:
            return True
        stack = self.estate.stack.name
        for index in range(len(slots)):
            # An empty slot may hold any key of the issuer, under an unused id.
            if credential["key"] == names.unused_key(stack, provider, index):
                return pem in pems.values()
        return False

    def current(self, provider: str) -> tuple[SigningKey, ...]:
        """Return the keys with which the provider signs now."""
        slots = self.deployed.slots.get(provider, ())
        return tuple(
            slot.key for slot in slots if slot.key and not slot.retired
        )
