"""The identities that the tables of a route read from a verified token."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import cached_property

from kong_oam.access.before import OldCredential
from kong_oam.access.data import Texts
from kong_oam.access.providers import Provider
from kong_oam.access.tokens import Claims
from kong_oam.kong.entities import Entity
from kong_oam.kong.script import Table
from kong_oam.verify.identities import (
    CallerIdentity,
    Held,
    forged_identities,
    held_by,
)
from kong_oam.verify.old_credentials import held_by_credential
from kong_oam.verify.questions import AuthenticationResult, Caller, Forged
from kong_oam.verify.terms import Terms

_SIGNATURES = frozenset({"RS256", "ES256"})


class Reader:
    """Reads tokens as tables do, with the facts of a deployment."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._spellings: Mapping[str, object] = {
            name: json.loads(json.dumps(asdict(provider.spelling)))
            for name, provider in terms.estate.stack.providers.items()
        }

    def holdings(
        self,
        tables: tuple[Table, ...],
        caller: Caller,
        passage: AuthenticationResult,
    ) -> Iterator[tuple[Held | None, ...]]:
        """Yield the caller's scopes at each table, for each identity that the caller's tokens may
        name."""
        if isinstance(caller.token, OldCredential):
            credential = caller.token
            yield tuple(
                held_by_credential(table, credential, passage)
                for table in tables
            )
            return
        for claimed in self._claimed(tables, caller):
            held = []
            for table in tables:
                identity = self._read_by(table, claimed, caller, passage)
                held.append(held_by(table, identity) if identity else None)
            yield tuple(held)

    def _claimed(
        self, tables: Iterable[Table], caller: Caller
    ) -> Iterator[CallerIdentity | None]:
        """Yield the identities that the caller's tokens name. A forger's tokens name the strongest
        identities."""
        token = caller.token
        if token is None or isinstance(token, OldCredential):
            yield None
        elif isinstance(token, Forged):
            yield from forged_identities(tables)
        else:
            scopes = frozenset(token.scopes)
            groups = frozenset(token.groups) if token.user else None
            for client in self._ids(tables, token):
                yield CallerIdentity(client, scopes, groups)

    def _ids(self, tables: Iterable[Table], token: Claims) -> Iterable[str]:
        """Return the possible ids of the client.

        A client outside the estate may have every id that a table has and the estate lacks.
        """
        if token.client:
            return (self._terms.client_id(token.provider, token.client),)
        listed = {""}
        for table in filter(None, tables):
            listed.update(table["services"], table["on_behalf"])
        return sorted(
            client
            for client in listed
            if (token.provider, client) not in self._declared
        )

    def _read_by(
        self,
        table: Table,
        claimed: CallerIdentity | None,
        caller: Caller,
        passage: AuthenticationResult,
    ) -> CallerIdentity | None:
        """Return the identity that a table reads; None if the table does not accept the token."""
        token = caller.token
        consumer = passage.consumer
        if (
            token is None
            or isinstance(token, OldCredential)
            or consumer is None
            or passage.algorithm not in _SIGNATURES
        ):
            return None
        if not table or not self._is_of_ring(table, consumer):
            return None
        if isinstance(token, Forged) and token.credential:
            return claimed
        provider = self._terms.estate.stack.providers[token.provider]
        issuer = table["issuer"] or consumer.get("custom_id")
        if issuer != self._terms.deployed.issuers[provider.name]:
            return None
        usual = table["spelling"] == self._spellings[provider.name]
        if not self._counts(table, token, provider, usual=usual):
            return None
        # With other names of claims, the token may name anybody.
        return claimed if usual else CallerIdentity("", None)

    def _is_of_ring(self, table: Table, consumer: Entity) -> bool:
        """Return whether a table accepts tokens of the consumer's keys, as its plugin verifies
        them."""
        is_ring = consumer.get("username") == table["ring"]
        return is_ring and table["authentication"] == self._terms.plugin

    def _counts(
        self,
        table: Table,
        token: Claims | Forged,
        provider: Provider,
        *,
        usual: bool,
    ) -> bool:
        audiences = self._audiences[provider.name]
        listed = table["audiences"]
        if isinstance(token, Claims):
            name = token.audience or provider.audience
            return audiences.get(name, name) in listed
        # With other names of claims, or another audience, a token may contain anything.
        return not usual or not set(listed).issubset(audiences.values())

    @cached_property
    def _declared(self) -> frozenset[tuple[str, str]]:
        """The estate's clients: the provider of each, and its id there."""
        clients = self._terms.estate.clients
        return frozenset(
            (
                client.provider,
                self._terms.client_id(client.provider, client.component),
            )
            for client in clients
        )

    @cached_property
    def _audiences(self) -> Mapping[str, Texts]:
        """The audiences of each provider, as the provider writes them, by the model's names."""
        providers = self._terms.estate.stack.providers
        return {
            name: self._audiences_of(provider)
            for name, provider in providers.items()
        }

    def _audiences_of(self, provider: Provider) -> Texts:
        if not provider.per_api:
            return {provider.audience: provider.audience}
        deployed = self._terms.deployed.audiences
        audiences = {}
        for key in self._terms.estate.components:
            name = provider.audience_of(key)
            audiences[name] = deployed.get(key, name)
        return audiences
