"""What a realm has under names of ours and the state does not know: how it is adopted, and what has to go first.

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
from kong_oam.identity.common.adoption import Adoption, Conflict, Managed
from kong_oam.identity.common.management import Row
from kong_oam.identity.keycloak import foreign
from kong_oam.identity.keycloak.api import Realm
from kong_oam.identity.keycloak.names import AUDIENCE, CLIENT, GROUPS, ROLE, SCOPE, SERVICE, SUBJECT, Names

COMPONENT = "kong-oam:identity:Keycloak"
KINDS = {AUDIENCE: "oidc-audience-mapper", GROUPS: "oidc-usermodel-realm-role-mapper"}
"""Of protocol mappers, by the type of their resources."""

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
    """What is called in the realm as ours will be, and how to adopt it. Raises RefusedError."""
    look = _Look(realm, Names(settings, estate), held)
    found = [*look.roles(), *look.scopes(), *look.mappers(), *look.clients()]
    yield from Adoption(COMPONENT, project, realm.environment).diagnostics(settings, estate, held, found, look.strays())


@dataclass(frozen=True)
class _Look:
    """At what one realm has of one stack's names. Raises RefusedError. What the state holds is not asked about."""

    realm: Realm
    names: Names
    held: Held

    def roles(self) -> Iterator[Conflict]:
        return (self._taken(ROLE, logical, row["name"], row["id"]) for logical, row in self._roles.items())

    def scopes(self) -> Iterator[Conflict]:
        return (self._taken(SCOPE, logical, row["name"], row["id"]) for logical, row in self._new_scopes.items())

    def mappers(self) -> Iterator[Conflict]:
        for logical, mapper in self.names.mappers.items():
            scope = self._all_scopes.get(self.names.scopes[mapper.scope]) if self._new(mapper.type, logical) else None
            for row in (scope or {}).get("protocolMappers") or ():
                if scope and row["name"] == mapper.name:
                    where = f"client-scope/{scope['id']}/{row['id']}"
                    yield self._taken(mapper.type, logical, f"{mapper.name} of {scope['name']}", where)

    def clients(self) -> Iterator[Conflict]:
        for logical, row in self._clients.items():
            shared = self.names.settings.client_secrets and self._meant(logical).keyed
            yield self._taken(CLIENT, logical, row["clientId"], row["id"], _KNOWN_SECRET if shared else None)

    def strays(self) -> Iterator[str]:
        """What is foreign in that which is to be adopted."""
        for logical, row in self._roles.items():
            group = self.names.roles[logical]
            found = foreign.of_role(self.realm, row, (group if group.startswith("/") else f"/{group}",))
            yield from _said("role", row["name"], found)
        for logical, row in self._new_scopes.items():
            yield from _said("client scope", row["name"], self._in_scope(logical, row))
        for logical, mapper in self.names.mappers.items():
            if mapper.scope not in self._new_scopes and self._new(mapper.type, logical):
                scope = self._all_scopes.get(self.names.scopes[mapper.scope], {})
                own = (one for one in scope.get("protocolMappers") or () if one["name"] == mapper.name)
                for one in own:
                    yield from _said("client scope", scope["name"], foreign.of_mapper(one, KINDS[mapper.type]))
        for logical, row in self._clients.items():
            if not (self.names.settings.client_secrets and self._meant(logical).keyed):
                yield from _said("client", row["clientId"], self._in_client(self._meant(logical), row))

    def _in_scope(self, logical: str, row: Row) -> Iterator[str]:
        own = {one.name: KINDS[one.type] for one in self.names.mappers.values() if one.scope == logical}
        asked = self.names.asked(logical)
        return foreign.of_scope(
            self.realm, row, mappers=own, roles=asked, clients=frozenset(self.names.clients.values())
        )

    def _in_client(self, client: Client, row: Row) -> Iterator[str]:
        own = "published" if client.jwks_uri else "own" if client.keyed else "none"
        always = (SUBJECT, SERVICE, self.names.here("groups"), self.names.here(client.component))
        return foreign.of_client(
            self.realm,
            row,
            service=not client.user_facing,
            public=client.public,
            proofs=PROOFS[own],
            always=always,
        )

    def _new(self, kind: str, logical: str) -> bool:
        return (kind, logical) not in self.held

    def _taken(self, kind: str, logical: str, name: str, identifier: str, obstacle: str | None = None) -> Conflict:
        return Conflict(Managed(kind, logical, name), f"{self.realm.name}/{identifier}", obstacle)

    def _meant(self, logical: str) -> Client:
        """The client that a resource stands for."""
        mine = (one for one in self.names.estate.clients if one.provider == self.names.settings.name)
        return next(one for one in mine if self.names.client(one.component) == logical)

    @cached_property
    def _all_scopes(self) -> Mapping[str, Row]:
        return {one["name"]: one for one in self.realm.rows("/client-scopes")}

    @cached_property
    def _new_scopes(self) -> Mapping[str, Row]:
        new = {logical: name for logical, name in self.names.scopes.items() if self._new(SCOPE, logical)}
        return {logical: self._all_scopes[name] for logical, name in new.items() if name in self._all_scopes}

    @cached_property
    def _roles(self) -> Mapping[str, Row]:
        new = {logical: name for logical, name in self.names.roles.items() if self._new(ROLE, logical)}
        return {logical: row for logical, name in new.items() if (row := self.realm.role(name))}

    @cached_property
    def _clients(self) -> Mapping[str, Row]:
        new = {logical: name for logical, name in self.names.clients.items() if self._new(CLIENT, logical)}
        return {logical: row for logical, name in new.items() if (row := self.realm.client(name))}


def _said(kind: str, name: str, found: Iterator[str]) -> Iterator[str]:
    for stray in found:
        yield f"{kind} '{name}': {stray}; that is not this stack's. Remove it before the {kind} is adopted"
