"""Decides about existing trusted origins: an org has an origin once, shared by all pages of it.

Two stacks of one org may have pages of one origin, for example while an Application moves to
another cloud. If both had it in their states, the first stack to go would delete it for both. So a
trusted origin belongs to one stack, whose name it has; or it is shared, has no stack's name, and no
stack removes it. A stack adopts another stack's origin only after the other stack shared it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import httpx

from kong_oam.access.model import Estate
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.diagnostics import Diagnostic
from kong_oam.http.management import FEW, Row
from kong_oam.identity.common.conflicts import Managed
from kong_oam.identity.okta.api import rows
from kong_oam.oam.position import SourcePosition


@dataclass(frozen=True, slots=True)
class ExistingOrigin:
    """One of the org's trusted origins that a client here needs."""

    object: Managed
    row: Row

    @property
    def id(self) -> str:
        return str(self.row["id"])

    @property
    def kinds(self) -> list[str]:
        """The uses that it is trusted for: CORS, REDIRECT, IFRAME_EMBED."""
        return [str(scope["type"]) for scope in self.row["scopes"]]

    @property
    def is_trusted(self) -> bool:
        """Whether pages there may read answers."""
        return self.row["status"] == "ACTIVE" and "CORS" in self.kinds

    def __str__(self) -> str:
        return (
            f"'{self.row['name']}', {' and '.join(self.kinds) or 'for nothing'}, "
            f"{self.row['status']}"
        )


def origin_owner(name: str, origin: str) -> str | None:
    """Read from a trusted origin's name its stack: "" if stacks share it, None if it is foreign."""
    begin, _, stack = name.removesuffix(f" {origin}").partition(" ")
    return (
        stack if begin == "kong-oam" and name.endswith(f" {origin}") else None
    )


def existing_origins(
    org: httpx.Client, wanted: Iterable[Managed]
) -> Iterator[ExistingOrigin]:
    """Find the origins of the org among `wanted`: a few by name, many from the list. Raises
    ManagementApiError."""
    by_name = {managed.name: managed for managed in wanted}
    if len(by_name) > FEW:
        listed = rows(org, "/trustedOrigins")
    else:
        listed = chain.from_iterable(
            rows(org, "/trustedOrigins", q=name) for name in by_name
        )
    # Two searches may find the same origin: Okta searches for parts of a name.
    by_id = {row["id"]: row for row in listed}
    for row in by_id.values():
        managed = by_name.get(str(row["origin"]).rstrip("/").lower())
        if managed:
            yield ExistingOrigin(managed, row)


def adoption_refusal(
    existing: ExistingOrigin, settings: ProviderSettings, estate: Estate
) -> Diagnostic | None:
    """Report why an origin is not adopted, with the remedy; None if it may be."""
    origin = existing.object.name
    stack = estate.stack.name
    owner = origin_owner(str(existing.row["name"]), origin)
    shared = origin in settings.shared_origins
    setting = f"`sharedOrigins: [{origin}]`"
    fact = f"{settings.name} has trusted origin '{origin}' ({existing.id})"
    file = f"stacks/Pulumi.{stack}.yaml"
    if owner and owner != stack:
        todo = (
            f"write {setting} in {file} and in the file of stack '{owner}', run `pulumi up -s "
            f"{owner}`, then run this again"
        )
        message = (
            f"{fact} of stack '{owner}', which would remove it together with its own pages; "
            f"{todo}"
        )
    elif owner == "" and not shared:
        message = f"{fact}, which stacks share; write {setting} in {file}"
    elif shared and not existing.is_trusted:
        message = (
            f"{fact}, which is shared but not allowed for CORS; allow CORS there (Security > API "
            "> Trusted Origins)"
        )
    else:
        return None
    return Diagnostic("ENV403", message, _place(estate, origin))


def _place(estate: Estate, origin: str) -> SourcePosition | None:
    for client in estate.clients:
        if origin in client.origins:
            return client.position
    return None
