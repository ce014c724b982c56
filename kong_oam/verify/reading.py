"""Whom the tables of a route take a caller for, by the token that authentication verified."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import cached_property
from typing import Any

from kong_oam.access.providers import Provider
from kong_oam.access.tokens import Claims
from kong_oam.verify.authentication import Passage
from kong_oam.verify.gate import CallerIdentity, Held, Table, forged_identities, held_by
from kong_oam.verify.questions import Caller, Forged
from kong_oam.verify.terms import Terms

_SIGNATURES = frozenset({"RS256", "ES256"})


class Reader:
    """Reads tokens as tables do, by what was deployed."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._spellings: Mapping[str, Any] = {
            name: json.loads(json.dumps(asdict(provider.spelling)))
            for name, provider in terms.estate.stack.providers.items()
        }

    def client_id(self, provider: str, component: str) -> str:
        """The id of the client in tokens."""
        return self._terms.deployed.clients.get(provider, {}).get(component, component)

    def holdings(
        self, tables: tuple[Table, ...], caller: Caller, passage: Passage
    ) -> Iterator[tuple[Held | None, ...]]:
        """Yields what each table takes the caller to hold, for each identity that their tokens may
        name."""
        for claimed in self._claimed(tables, caller):
            identities = (
                self._read_by(table, claimed, caller, passage) for table in tables
            )
            pairs = zip(tables, identities, strict=True)
            yield tuple(
                held_by(table, identity) if identity else None
                for table, identity in pairs
            )

    def _claimed(
        self, tables: Iterable[Table], caller: Caller
    ) -> Iterable[CallerIdentity | None]:
        """The identities that the caller's tokens name.

        That is the most there is, of those who write into them what they like; and where the client
        is none of the estate's, every id that a table has and the estate does not.
        """
        token = caller.token
        if token is None:
            return (None,)
        if isinstance(token, Forged):
            return forged_identities(tables)
        scopes, groups = (
            frozenset(token.scopes),
            frozenset(token.groups) if token.user else None,
        )
        if token.client:
            return (
                CallerIdentity(
                    self.client_id(token.provider, token.client), scopes, groups
                ),
            )
        listed = {
            client
            for table in tables
            if table
            for client in (*table["services"], *table["on_behalf"])
        }
        others = sorted(
            client
            for client in listed
            if (token.provider, client) not in self._declared
        )
        return [CallerIdentity(client, scopes, groups) for client in ("", *others)]

    def _read_by(
        self,
        table: Table,
        claimed: CallerIdentity | None,
        caller: Caller,
        passage: Passage,
    ) -> CallerIdentity | None:
        """The identity that a table takes the caller for: none, unless the token is one that it
        asks for."""
        consumer, token = passage.consumer, caller.token
        if (
            not table
            or passage.algorithm not in _SIGNATURES
            or consumer is None
            or token is None
        ):
            return None
        if (
            consumer.get("username") != table["ring"]
            or table["authentication"] != self._terms.plugin
        ):
            return None
        if isinstance(token, Forged) and token.credential:
            return claimed
        provider = self._terms.estate.stack.providers[token.provider or ""]
        if (
            table["issuer"] or consumer.get("custom_id")
        ) != self._terms.deployed.issuers[provider.name]:
            return None
        usual = table["spelling"] == self._spellings[provider.name]
        if isinstance(token, Forged):
            # Read by other words, or for another audience, a token may say anything.
            counts = not usual or not set(table["audiences"]).issubset(
                self._audiences[provider.name].values()
            )
        else:
            counts = self._audience(provider, token) in table["audiences"]
        if not counts:
            return None
        return claimed if usual else CallerIdentity("", None)

    @cached_property
    def _declared(self) -> frozenset[tuple[str, str]]:
        """The estate's clients: the provider of each, and its id there."""
        clients = self._terms.estate.clients
        return frozenset(
            (one.provider, self.client_id(one.provider, one.component))
            for one in clients
        )

    @cached_property
    def _audiences(self) -> Mapping[str, Mapping[str, str]]:
        """By provider, its audiences as it writes them, by the model's names: of this API, or of
        each component."""
        return {
            name: self._audiences_of(provider)
            for name, provider in self._terms.estate.stack.providers.items()
        }

    def _audiences_of(self, provider: Provider) -> Mapping[str, str]:
        if not provider.per_api:
            return {provider.audience: provider.audience}
        keys, deployed = self._terms.estate.components, self._terms.deployed.audiences
        return {
            provider.audience_of(key): deployed.get(key, provider.audience_of(key))
            for key in keys
        }

    def _audience(self, provider: Provider, claims: Claims) -> str:
        """The audience of the token, as its provider writes it."""
        name = claims.audience or provider.audience
        return self._audiences[provider.name].get(name, name)
