"""Callers of an estate: the principals that may make each request.

The answers follow from `issue` and `decide`, and tests compare both: a principal may call if
`decide` allows the token that `issue` gives it. Estates with equal answers have equal access.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import chain

from kong_oam.access.before import OldCaller
from kong_oam.access.data import NameSets, Networks, PathSegments, Scopes
from kong_oam.access.methods import METHODS
from kong_oam.access.model import (
    Client,
    Component,
    Estate,
    applying,
    listing,
)
from kong_oam.access.principals import (
    EVERYBODY,
    ITSELF,
    MOST,
    NOBODY,
    Access,
    Condition,
    Groups,
    Principal,
    TooManyGroupSetsError,
    minimal,
    minimal_transversals,
)
from kong_oam.access.providers import Provider

_NOBODY_AT_ALL = dict.fromkeys(METHODS, NOBODY)


def principal_of(client: Client) -> Principal:
    """Return the principal that calls through the client."""
    return Principal(client.component, client.provider, client.user_facing)


def old_principal(component: Component, caller: OldCaller) -> Principal:
    """Return the principal that calls the component by an old credential."""
    provider = component.identity.provider
    return Principal(
        caller.client, provider, by=caller.by, consumer=caller.consumer
    )


def old_principals(
    estate: Estate, client: str | None = None
) -> Iterator[Principal]:
    """Yield the principals of old credentials, of one client's component or of all."""
    for component in estate.components.values():
        for caller in component.identity.old_callers:
            if client in (None, caller.client):
                yield old_principal(component, caller)


# Maps a logical group of an Application to the names of a user's groups: any of these is that
# group.
Naming = Callable[[Provider, str], Groups]


def provider_names(provider: Provider, group: str) -> Groups:
    """Return the provider's name of a group, as in users' tokens."""
    return frozenset({provider.group(group)})


def logical_groups(estate: Estate) -> frozenset[str]:
    """Return all group names in the Applications and in the stack's mapping."""
    names: set[str] = set()
    for provider in estate.stack.providers.values():
        names.update(provider.groups)
    for component in estate.components.values():
        names.update(component.groups)
    return frozenset(names)


def logical_names(names: Iterable[str]) -> Naming:
    """Return a naming of groups by the Applications' names. `names` are all such names: two may
    mean one group at the provider."""
    all_names = frozenset(names)
    # Stored with the provider, so that its id is not reused.
    known = {}

    def named(provider: Provider, group: str) -> Groups:
        if id(provider) not in known:
            by_theirs: NameSets = {}
            for name in all_names:
                by_theirs.setdefault(provider.group(name), set()).add(name)
            known[id(provider)] = provider, by_theirs
        same = known[id(provider)][1].get(provider.group(group), ())
        return frozenset({group, *same})

    return named


class Callers:
    """The callers of each request in one estate. Not frozen, because answers are cached."""

    def __init__(self, estate: Estate, naming: Naming = provider_names) -> None:
        self._estate = estate
        self._naming = naming
        self._clients: dict[str, dict[tuple[str, bool], Client]] = {}
        for client in estate.clients:
            of_provider = self._clients.setdefault(client.provider, {})
            of_provider[client.component, client.user_facing] = client
        # Each answer is kept, because comparisons use object identity.
        self._everybody: dict[Networks, Access] = {(): EVERYBODY}
        self._allowed: dict[object, Access] = {}
        self._with_any_token: dict[str, Access] = {}
        self._conditions: dict[object, Condition] = {}

    def at(
        self, component: Component, path: PathSegments
    ) -> Mapping[str, Access]:
        """Return the access to a path of the component, by method."""
        if component.may_match_another_rule(path):
            return _NOBODY_AT_ALL
        rules = applying(component.owning(path), path)
        result = {}
        for method in component.methods_at(path):
            matching = listing(rules, method)
            networks: Networks = ()
            if matching:
                networks = component.networks(matching[0].path, method)
            if any(rule.public for rule in matching):
                result[method] = self._everybody_in(networks)
            else:
                needed = frozenset(frozenset(rule.scopes) for rule in matching)
                result[method] = self._with_one_of(component, needed, networks)
        return result

    def _everybody_in(self, networks: Networks) -> Access:
        if networks not in self._everybody:
            self._everybody[networks] = replace(EVERYBODY, networks=networks)
        return self._everybody[networks]

    def _with_one_of(
        self,
        component: Component,
        alternatives: frozenset[Scopes],
        networks: Networks,
    ) -> Access:
        # Rules of a component with the same scopes share one value, on any path and method.
        key = component.key, alternatives, networks
        if key not in self._allowed:
            conditions: dict[Principal, Condition] = {}
            until: dict[Principal, str] = {}
            for needed in alternatives:
                access = self.principals_with(component, needed)
                until |= access.until
                for principal, condition in access.principals.items():
                    others = conditions.get(principal, frozenset())
                    conditions[principal] = minimal(others | condition)
            self._allowed[key] = Access(
                principals=conditions,
                networks=networks if conditions else (),
                until=until,
            )
        return self._allowed[key]

    def principals_with(self, component: Component, needed: Scopes) -> Access:
        """Return the principals whose tokens or old credentials have all of `needed` at the
        component. Without needed scopes: all that can get a token or have an old credential."""
        access = self._with_tokens(component, needed)
        if not component.identity.old_callers:
            return access
        principals = dict(access.principals)
        until = {}
        for caller in component.identity.old_callers:
            if needed.issubset(caller.scopes):
                principal = old_principal(component, caller)
                principals[principal] = ITSELF
                until[principal] = caller.until
        return replace(access, principals=principals, until=until)

    def _with_tokens(self, component: Component, needed: Scopes) -> Access:
        clients = self._clients.get(component.identity.provider, {})
        if needed:
            able = []
            for users in (False, True):
                held = self._estate.granted_at(component, users=users)
                for name, scopes in held.items():
                    if needed.issubset(scopes):
                        able.append(clients[name, users])
            return self._access_of(component, needed, able)
        per_api = self._estate.provider_of(component).per_api
        api = component.key if per_api else component.identity.provider
        if api not in self._with_any_token:
            gets_one = partial(self._gets_a_token, component)
            able = [*filter(gets_one, clients.values())]
            self._with_any_token[api] = self._access_of(component, needed, able)
        return self._with_any_token[api]

    def _access_of(
        self,
        component: Component,
        needed: Scopes,
        clients: Iterable[Client],
    ) -> Access:
        conditions = {}
        for client in clients:
            if condition := self._condition(component, client, needed):
                conditions[principal_of(client)] = condition
        return Access(principals=conditions)

    def _gets_a_token(self, component: Component, client: Client) -> bool:
        """Return whether the client can get a valid token for the component, with any scopes."""
        per_api = self._estate.provider_of(component).per_api
        apis = self._estate.apis_at(component)
        if client.user_facing and not per_api:
            return True
        return any(
            call.scopes
            for call in client.calls
            if not per_api or call.component in apis
        )

    def _condition(
        self, component: Component, client: Client, needed: Scopes
    ) -> Condition:
        """Return the condition on users: a group of each clause."""
        if not client.user_facing:
            return ITSELF
        key = (
            component.identity.provider,
            tuple(clauses_of(component, client, needed)),
        )
        if key not in self._conditions:
            provider = self._estate.provider_of(component)
            names = map(partial(self._names, provider), key[1])
            condition = minimal_transversals(names)
            if condition is None:
                raise TooManyGroupSetsError(
                    f"'{component.key}' ({component.position}) has a rule that users meet through "
                    f"more than {MOST:,} sets of groups: name fewer groups in the roles that grant "
                    "its scopes"
                )
            self._conditions[key] = condition
        return self._conditions[key]

    def _names(self, provider: Provider, groups: Iterable[str]) -> Groups:
        naming = partial(self._naming, provider)
        return frozenset(chain.from_iterable(map(naming, groups)))


def clauses_of(
    component: Component, client: Client, needed: Iterable[str]
) -> Iterator[frozenset[str]]:
    """Yield sets of logical groups, of which a user needs one group each: first the client's
    groups, then the groups with each scope."""
    yield frozenset(client.groups)
    for scope in sorted(needed):
        roles = [
            role for role in component.identity.roles if scope in role.scopes
        ]
        yield frozenset(chain.from_iterable(role.groups for role in roles))
