"""Callers as tables read them from tokens, and their scopes there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kong_oam.access.data import NameSets, Scopes
from kong_oam.kong.script import Table


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """A caller, as a table reads it from a token.

    `client`: its id at the provider. `scopes` None: any scopes. `groups`: of a user; None: no user.
    """

    client: str
    scopes: Scopes | None
    groups: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """The scopes of a caller's token by a table. None: any scopes."""

    scopes: Scopes | None


def forged_identities(tables: Iterable[Table]) -> Iterator[CallerIdentity]:
    """Yield the identities that a forged token may claim: each client, with the most scopes and
    groups."""
    groups: set[str] = set()
    scopes_of: NameSets = {"": set()}
    for table in filter(None, tables):
        groups.update(table["groups"])
        for holders in (table["services"], table["on_behalf"]):
            for client, scopes in holders.items():
                scopes_of.setdefault(client, set()).update(scopes)
    for client in sorted(scopes_of):
        most = frozenset(scopes_of[client])
        yield CallerIdentity(client, most)
        yield CallerIdentity(client, most, frozenset(groups))


def scopes_held(table: Table, client: str) -> tuple[Scopes, Scopes]:
    """Return the scopes of the client by the table: as itself, and for its users."""
    as_itself = table["services"].get(client, ())
    for_users = table["on_behalf"].get(client, ())
    return frozenset(as_itself), frozenset(for_users)


def held_by(table: Table, identity: CallerIdentity) -> Held:
    """Return the caller's scopes by the table."""
    if identity.scopes is None:
        return Held(None)
    as_itself, for_users = scopes_held(table, identity.client)
    if identity.groups is None:
        return Held(identity.scopes & as_itself)
    by_groups: set[str] = set()
    for group in identity.groups:
        by_groups.update(table["groups"].get(group, ()))
    return Held(identity.scopes & for_users & by_groups)
