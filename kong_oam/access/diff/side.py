"""One of the two estates of a comparison: callers of its sites, their tokens, and the answering
targets."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from kong_oam.access.before import OldCredential
from kong_oam.access.callers import (
    Callers,
    logical_names,
    principal_of,
    provider_names,
)
from kong_oam.access.data import Networks, PathSegments
from kong_oam.access.decide import Decision, Proof, Request, decide
from kong_oam.access.diff.change import Answer
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.endpoint import Endpoint, component_key
from kong_oam.access.forward import sent_path
from kong_oam.access.hosts import host_patterns
from kong_oam.access.issue import User, issue
from kong_oam.access.model import METHODS, Client, Component
from kong_oam.access.networks import intersection
from kong_oam.access.paths import written
from kong_oam.access.principals import (
    ITSELF,
    NOBODY,
    Access,
    Condition,
    Groups,
    Principal,
)
from kong_oam.access.sites import Sites, SitesByHost, SitesByPort
from kong_oam.access.tokens import Token

_NOBODY_BY_METHOD = dict.fromkeys(METHODS, NOBODY)


class Side:
    """One of the two estates, with answers by site and path.

    `names` are all logical names of groups if stacks are compared; None within one stack.
    """

    def __init__(
        self, model: AccessModel, names: frozenset[str] | None
    ) -> None:
        self.model = model
        self._between_stacks = names is not None
        self.sites: Sites = (
            SitesByHost(model.estate)
            if names is None
            else SitesByPort(model.estate)
        )
        self._callers = Callers(
            model.estate,
            provider_names if names is None else logical_names(names),
        )
        self.clients = {
            principal_of(client): client for client in model.estate.clients
        }
        self._issued: dict[
            tuple[Principal, User | None], tuple[Token, ...]
        ] = {}

    def at(self, site: str, path: PathSegments) -> Mapping[str, Access]:
        """Return the access to a path, by method."""
        component = self.sites.component(site, path)
        if component is None:
            return _NOBODY_BY_METHOD
        by_method = self._callers.at(component, path)
        if self.sites.describes(site, path):
            return {**by_method, "GET": NOBODY}
        return by_method

    def basis(self, site: str) -> list[object] | None:
        """Return everything that decides the answers on a site. None if that includes other sites,
        because any token suffices."""
        if self._between_stacks:
            return None
        estate = self.model.estate
        basis: list[object] = []
        for name in host_patterns(site):
            for endpoint, component in estate.by_host.get(name, ()):
                if any(
                    not rule.public and not rule.scopes
                    for rule in component.exposure.rules
                ):
                    return None
                basis += self._basis_of(endpoint, component)
        if not basis:
            return None
        for name, provider in estate.stack.providers.items():
            basis.append((name, provider.groups, provider.per_api))
        return basis

    def _basis_of(
        self, endpoint: Endpoint, component: Component
    ) -> Iterator[object]:
        yield endpoint
        yield self._answer(endpoint, component)
        yield component.key
        yield component.identity.provider
        yield component.exposure.rules
        yield component.exposure.forwards
        yield component.identity.roles
        yield component.identity.old_callers
        yield component.allowed_from
        for users in (False, True):
            held = self.model.estate.granted_at(component, users=users)
            yield held
            for name in held:
                client = self.clients.get(
                    Principal(name, component.identity.provider, users)
                )
                yield client and client.groups

    def answered_by(self, site: str, path: PathSegments) -> Answer | None:
        """Return the target of allowed requests."""
        pair = self.sites.endpoint_on(site, path)
        if pair is None:
            return None
        endpoint, component = pair
        answer = self._answer(endpoint, component)
        forward = component.forward(endpoint, path)
        if forward is None:
            return answer
        return replace(answer, forward=(written(forward.path), forward.target))

    def sent_path(self, site: str, path: PathSegments) -> str:
        """Return the path of an allowed request at the workload."""
        pair = self.sites.endpoint_on(site, path)
        forward = pair[1].forward(pair[0], path) if pair else None
        return sent_path(forward, path)

    def _answer(self, endpoint: Endpoint, component: Component) -> Answer:
        key = component_key(component.key)
        pods = self.model.pods.get(key, {}).get(endpoint.port_name, "")
        return Answer(key, endpoint.port_name, pods, component.owner)

    def tokens(
        self,
        principal: Principal | None,
        groups: Groups,
        site: str,
        path: PathSegments,
    ) -> tuple[Proof | None, ...]:
        """Return the tokens that the provider issues to the principal, for a user in `groups` if it
        signs users in. The first is the token that the client sends with such a call. A principal
        with an old credential has only this credential."""
        if principal and principal.by:
            return (self._old_credential(principal, site, path),)
        client = self.clients.get(principal) if principal else None
        # A client that only the other estate has may call public paths.
        if client is None:
            return (None,)
        estate = self.model.estate
        provider = estate.stack.providers[client.provider]
        names = map(provider.group, groups) if self._between_stacks else groups
        user = (
            User("user", tuple(sorted(names))) if client.user_facing else None
        )
        at_path = estate.token_api_at(self.sites.component(site, path), client)
        first = issue(provider, client, user, api=at_path)
        if not provider.per_api:
            return (first,)
        others = self._tokens_for_calls(client, user)
        return tuple(dict.fromkeys((first, *others)))

    def _tokens_for_calls(
        self, client: Client, user: User | None
    ) -> tuple[Token, ...]:
        """Return the tokens for each API that the client calls. They are the same at each path."""
        principal = principal_of(client)
        known = self._issued.get((principal, user))
        if known is None:
            estate = self.model.estate
            provider = estate.stack.providers[client.provider]
            known = tuple(
                issue(provider, client, user, api=api)
                for call in client.calls
                if (api := estate.components.get(call.component))
            )
            self._issued[principal, user] = known
        return known

    def _old_credential(
        self, principal: Principal, site: str, path: PathSegments
    ) -> OldCredential | None:
        component = self.sites.component(site, path)
        for caller in component.identity.old_callers if component else ():
            named = caller.client, caller.by, caller.consumer
            if named == (principal.client, principal.by, principal.consumer):
                return OldCredential(caller.consumer, caller.by)
        return None

    def answer(
        self,
        site: str,
        path: PathSegments,
        method: str,
        token: Proof | None,
        address: str | None,
    ) -> Decision:
        host = self.sites.host(site, path) or ""
        request = Request(method, host, written(path).encode(), address)
        return decide(self.model.estate, request, token)

    def takes(
        self,
        site: str,
        path: PathSegments,
        method: str,
        token: Proof | None,
        networks: Networks,
    ) -> bool:
        """Return whether the gate accepts a token from an address in these networks."""
        decision = self.answer(site, path, method, token, None)
        component = decision.component
        rule = decision.rule
        if not decision.allowed or not component or not rule:
            return False
        decided = component.method_at(path, method)
        allowed_from = component.networks(rule.path, decided)
        return intersection(networks, allowed_from) is not None

    def groups_named(self, site: str, path: PathSegments) -> Groups:
        """Return the groups of the roles of the answering component, by the provider's names."""
        component = self.sites.component(site, path)
        if component is None:
            return frozenset()
        provider = self.model.estate.provider_of(component)
        return frozenset(map(provider.group, component.groups))

    def known(
        self, others: Collection[Principal], site: str, path: PathSegments
    ) -> Iterator[Principal]:
        """Yield the principals whose tokens the gate may accept there: all if any token suffices,
        else the principals with a grant."""
        component = self.sites.component(site, path)
        if component is None:
            return
        for rule in component.owning(path):
            if not rule.public and not rule.scopes:
                yield from others
                return
        provider = component.identity.provider
        for users in (False, True):
            for client in self.model.estate.granted_at(component, users=users):
                principal = Principal(client, provider, users)
                if principal in others:
                    yield principal

    def signed_in(self, principal: Principal) -> Condition:
        """Return the condition on users who get a token from the client: any of its groups."""
        client = self.clients[principal]
        if not client.user_facing:
            return ITSELF
        provider = self.model.estate.stack.providers[principal.provider]
        names = map(provider.group, client.groups)
        return frozenset(frozenset({name}) for name in names)

    def owner(self, principal: Principal) -> str | None:
        """Return the owner of a client of this estate."""
        return self.model.estate.components[principal.client].owner

    def lifetime(self, principal: Principal) -> int | None:
        """Return the lifetime of tokens in minutes; None between stacks, whose tokens are
        unrelated, and for an old credential, which ends at once."""
        return (
            None
            if self._between_stacks or principal.by
            else self.model.minutes[principal.provider]
        )
