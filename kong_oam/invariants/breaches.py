"""Find the calls that break an invariant, among the callers of a request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from kong_oam.access.model import Estate
from kong_oam.access.principals import Access, Groups, Principal
from kong_oam.access.providers import Provider
from kong_oam.invariants.model import Who

NO_GROUPS: Groups = frozenset()


@dataclass(frozen=True, slots=True)
class Call:
    """A call: without a token (no principal), or by a principal for a user in exactly these groups.

    `groups` are the provider's names. `client` is a listed client that makes a call without a
    token.
    """

    principal: Principal | None = None
    groups: Groups = NO_GROUPS
    client: str = ""

    @property
    def rank(self) -> tuple[object, ...]:
        """The sort key: calls without a token first, then few groups."""
        named = self.principal or _FIRST
        return named, self.client, len(self.groups), sorted(self.groups)


_FIRST = Principal("", "")


class Listed:
    """A list of callers in one estate. Not frozen, because names at providers are kept."""

    def __init__(self, who: Who, estate: Estate) -> None:
        self._who = who
        self._estate = estate
        self._at_provider: dict[str, Groups] = {}

    @property
    def anybody(self) -> bool:
        return self._who.anybody

    def has_client(self, client: str) -> bool:
        return self._who.lists_client(client)

    def has_group(self, provider: str, groups: Groups) -> bool:
        """Return whether one of a user's groups at a provider is listed."""
        return not groups.isdisjoint(self._names_at(provider))

    def clients(self) -> Iterator[str]:
        """Yield the listed clients of the estate, also with an old credential only."""
        clients = {client.component for client in self._estate.clients}
        for component in self._estate.components.values():
            clients.update(
                caller.client for caller in component.identity.old_callers
            )
        yield from sorted(filter(self._who.lists_client, clients))

    def permits(self, call: Call) -> bool:
        """Return whether an exception with this list permits a call."""
        principal = call.principal
        if principal is None:
            return self.anybody or bool(
                call.client and self.has_client(call.client)
            )
        return self.has_client(principal.client) or self.has_group(
            principal.provider, call.groups
        )

    def _names_at(self, name: str) -> Groups:
        if name not in self._at_provider:
            provider = self._estate.stack.providers[name]
            self._at_provider[name] = provider_groups(
                provider, self._who.groups
            )
        return self._at_provider[name]


def provider_groups(provider: Provider, groups: Iterable[str]) -> Groups:
    """Return the provider's names of logical groups."""
    return frozenset(map(provider.group, groups))


def breaches(
    kind: Literal["never", "only"], listed: Listed, access: Access
) -> list[Call]:
    """Return the calls that break an invariant without its exceptions, in order."""
    find = _forbidden if kind == "never" else _unlisted
    return sorted(find(listed, access), key=lambda call: call.rank)


def _forbidden(listed: Listed, access: Access) -> Iterator[Call]:
    """Yield the calls of listed callers. A public request is a call of every listed client."""
    if access.everybody:
        if listed.anybody:
            yield Call()
        for client in listed.clients():
            yield Call(client=client)
    for principal, condition in access.principals.items():
        is_listed = listed.has_client(principal.client)
        for groups in condition:
            if is_listed or listed.has_group(principal.provider, groups):
                yield Call(principal, groups)


def _unlisted(listed: Listed, access: Access) -> Iterator[Call]:
    """Yield the calls of callers that the list does not have."""
    if access.everybody and not listed.anybody:
        yield Call()
    for principal, condition in access.principals.items():
        if listed.has_client(principal.client):
            continue
        for groups in condition:
            if not listed.has_group(principal.provider, groups):
                yield Call(principal, groups)
