"""Reads an authorization server's signing keys from Okta's management API, including the next key.

The published key set names only the current key. With that key alone, Kong would deny every token
from a rotation until the next run.

Source: Okta's management API, "Authorization Server Keys": ACTIVE signs, NEXT will, EXPIRED did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kong_oam.http.addresses import without_secrets
from kong_oam.http.management import Row
from kong_oam.identity.common.discovery import (
    DiscoveryError,
    SigningKey,
    signing_keys,
)
from kong_oam.identity.okta import api


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """The keys of an authorization server.

    `keys`: the current key, then the next key. `previous_keys`: the key before, if known.
    """

    keys: tuple[SigningKey, ...]
    previous_keys: tuple[SigningKey, ...]


def server_keys(account: api.Account, server: str, issuer: str) -> ServerKeys:
    """Read the keys of a server (id). Raises ManagementApiError and DiscoveryError."""
    with api.client(account) as org:
        return from_rows(
            list(
                api.rows(
                    org, f"/authorizationServers/{server}/credentials/keys"
                )
            ),
            issuer,
        )


def from_rows(rows: Sequence[Row], issuer: str) -> ServerKeys:
    """Read the keys of a list, whose first expired key is the newest. Raises DiscoveryError."""
    by_status: dict[str, list[Row]] = {"ACTIVE": [], "NEXT": [], "EXPIRED": []}
    for row in rows:
        by_status.setdefault(str(row.get("status")), []).append(row)
    active = by_status["ACTIVE"]
    if len(active) != 1:
        raise DiscoveryError(
            f"{without_secrets(issuer)}: Okta lists {len(active)} "
            "active signing keys instead of a single key"
        )
    keys = signing_keys({"keys": [*active, *by_status["NEXT"]]}, issuer)
    expired = by_status["EXPIRED"][:1]
    previous_keys = signing_keys({"keys": expired}, issuer) if expired else ()
    return ServerKeys(keys, previous_keys)
