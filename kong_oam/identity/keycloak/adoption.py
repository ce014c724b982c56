"""Finds what a realm has under names of ours and the state does not know: how to adopt it, and what has to go first.

In a realm a name is there once: to create it again would fail half-way. What has no name of its own (the roles of a
group, the lists of a client's scopes, the roles that a scope asks for) takes what is there as it is made.

Sources: the ids that the provider's resources are imported by; the notes of kong_oam.identity.keycloak.foreign.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from kong_oam.access.model import Client, Estate
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.state import Held
from kong_oam.http.management import FEW, Row
from kong_oam.identity.common.adoption import Adoption, Conflict, Managed
from kong_oam.identity.keycloak import foreign
from kong_oam.identity.keycloak.api import Realm
from kong_oam.identity.keycloak.names import AUDIENCE, CLIENT, GROUPS, ROLE, SCOPE, SERVICE, SUBJECT, Names

COMPONENT = "kong-oam:identity:Keycloak"
KINDS = {AUDIENCE: "oidc-audience-mapper", GROUPS: "oidc-usermodel-realm-role-mapper"}
"""Kinds of protocol mappers, by the type of their resources."""

PROOFS = {
    "own": ("use.jwks.string", "jwks.string", "token.endpoint.auth.signing.alg"),
    "published": ("use.jwks.url", "jwks.url", "token.endpoint.auth.signing.alg"),
    "none": (),
}
"""Attributes by which a client proves who it is: with its own keys, with those that its owner publishes, or not."""

_KNOWN_SECRET = "whoever made it knows its secret; remove it, and `up` makes it anew"  # noqa: S105 - no secret


def name_conflicts(
    realm: Realm, settings: ProviderSettings, estate: Estate, held: Held, project: str
) -> Iterator[Diagnostic]:
    """Reports what is called in the realm as ours will be, and how to adopt it. Raises RefusedError."""
    search = _Search(realm, Names(settings, estate), held)
    adoption = Adoption(COMPONENT, project, realm.environment)
    yield from adoption.diagnostics(settings, estate, held, [*search.conflicts()], search.foreign_parts())


@dataclass(frozen=True)
class _Search:
    """Looks in a realm for the names of one stack. It does not ask about what the state holds. Raises RefusedError."""

    realm: Realm
    names: Names
    held: Held

    def conflicts(self) -> Iterator[Conflict]:
        """Finds objects of these names that the state does not know."""
        for logical, row in self._roles.items():
            yield self._conflict(ROLE, logical, row["name"], row["id"])
        for logical, row in self._new_scopes.items():
            yield self._conflict(SCOPE, logical, row["name"], row["id"])
        yield from self._mapper_conflicts()
        for logical, row in self._clients.items():
            obstacle = _KNOWN_SECRET if self._shares_secret(logical) else None
            yield self._conflict(CLIENT, logical, row["clientId"], row["id"], obstacle)

    def foreign_parts(self) -> Iterator[str]:
        """Reports what is foreign in objects that are to be adopted."""
        for logical, row in self._roles.items():
            group = self.names.roles[logical]
            parts = foreign.of_role(self.realm, row, (group if group.startswith("/") else f"/{group}",))
            yield from _messages("role", row["name"], parts)
        for logical, row in self._new_scopes.items():
            yield from _messages("client scope", row["name"], self._foreign_in_scope(logical, row))
        for logical, mapper in self.names.mappers.items():
            if mapper.scope not in self._new_scopes and self._is_new(mapper.type, logical):
                scope = self._all_scopes.get(self.names.scopes[mapper.scope], {})
                for row in scope.get("protocolMappers") or ():
                    if row["name"] == mapper.name:
                        parts = foreign.of_mapper(row, KINDS[mapper.type])
                        yield from _messages("client scope", scope["name"], parts)
        for logical, row in self._clients.items():
            if not self._shares_secret(logical):
                parts = self._foreign_in_client(self._client_named(logical), row)
                yield from _messages("client", row["clientId"], parts)

    def _mapper_conflicts(self) -> Iterator[Conflict]:
        for logical, mapper in self.names.mappers.items():
            if self._is_new(mapper.type, logical):
                scope = self._all_scopes.get(self.names.scopes[mapper.scope], {})
                for row in scope.get("protocolMappers") or ():
                    if row["name"] == mapper.name:
                        identifier = f"client-scope/{scope['id']}/{row['id']}"
                        yield self._conflict(mapper.type, logical, f"{mapper.name} of {scope['name']}", identifier)

    def _foreign_in_scope(self, logical: str, row: Row) -> Iterator[str]:
        mappers = {mapper.name: KINDS[mapper.type] for mapper in self.names.mappers.values() if mapper.scope == logical}
        roles, clients = self.names.roles_of_scope(logical), frozenset(self.names.clients.values())
        return foreign.of_scope(self.realm, row, mappers=mappers, roles=roles, clients=clients)

    def _foreign_in_client(self, client: Client, row: Row) -> Iterator[str]:
        proof = "published" if client.jwks_uri else "own" if client.keyed else "none"
        always = (SUBJECT, SERVICE, self.names.in_realm("groups"), self.names.in_realm(client.component))
        return foreign.of_client(
            self.realm,
            row,
            service=not client.user_facing,
            public=client.public,
            proofs=PROOFS[proof],
            always=always,
        )

    def _is_new(self, kind: str, logical: str) -> bool:
        return (kind, logical) not in self.held

    def _conflict(self, kind: str, logical: str, name: str, identifier: str, obstacle: str | None = None) -> Conflict:
        return Conflict(Managed(kind, logical, name), f"{self.realm.name}/{identifier}", obstacle)

    def _client_named(self, logical: str) -> Client:
        """Finds the client that a resource stands for."""
        clients = (client for client in self.names.estate.own_clients if client.provider == self.names.settings.name)
        return next(client for client in clients if self.names.client(client.component) == logical)

    def _shares_secret(self, logical: str) -> bool:
        return self.names.settings.client_secrets and self._client_named(logical).keyed

    @cached_property
    def _all_scopes(self) -> Mapping[str, Row]:
        return {row["name"]: row for row in self.realm.rows("/client-scopes")}

    @cached_property
    def _new_scopes(self) -> Mapping[str, Row]:
        new = {logical: name for logical, name in self.names.scopes.items() if self._is_new(SCOPE, logical)}
        return {logical: self._all_scopes[name] for logical, name in new.items() if name in self._all_scopes}

    @cached_property
    def _roles(self) -> Mapping[str, Row]:
        new = {logical: name for logical, name in self.names.roles.items() if self._is_new(ROLE, logical)}
        if len(new) > FEW:
            found = {row["name"]: row for row in self.realm.pages("/roles")}
            return {logical: found[name] for logical, name in new.items() if name in found}
        return {logical: row for logical, name in new.items() if (row := self.realm.role(name))}

    @cached_property
    def _clients(self) -> Mapping[str, Row]:
        new = {logical: name for logical, name in self.names.clients.items() if self._is_new(CLIENT, logical)}
        if len(new) > FEW:
            ours = self.realm.pages("/clients", clientId=self.names.in_realm(""), search="true")
            found = {row["clientId"]: row for row in ours}
            return {logical: found[name] for logical, name in new.items() if name in found}
        return {logical: row for logical, name in new.items() if (row := self.realm.client(name))}


def _messages(kind: str, name: str, parts: Iterator[str]) -> Iterator[str]:
    for part in parts:
        yield f"{kind} '{name}': {part}; that is not this stack's. Remove it before the {kind} is adopted"
