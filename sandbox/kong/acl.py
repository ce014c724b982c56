"""The `acl` plugin: it allows or denies consumers by their groups.

Source: kong/plugins/acl (Kong 3.10), and recorded exchanges (step acl). Not modelled: groups that
another plugin leaves (`authenticated_groups`), for example `ldap-auth`.
"""

from __future__ import annotations

from operator import itemgetter

from kong_rules.entities import Entity
from sandbox.kong.errors import error_response
from sandbox.kong.exchange import Exchange
from sandbox.kong.http import Response
from sandbox.kong.wire import wire


class Acl:
    """Denies with 403, and with 401 if nobody is authenticated."""

    priority = 950

    def access(self, exchange: Exchange, plugin: Entity) -> Response | None:
        config = plugin["config"]
        groups = _groups(exchange)
        if exchange.consumer is None or (not groups and not config["deny"]):
            known = exchange.credential is not None
            return _denied(exchange, 403 if known else 401)
        listed = config["deny"] or config["allow"] or ()
        is_listed = not set(groups).isdisjoint(listed)
        if is_listed == bool(config["deny"]):
            return _denied(exchange, 403)
        if not config["hide_groups_header"]:
            exchange.set_header("X-Consumer-Groups", wire(", ".join(groups)))
        return None

    def header_filter(self, exchange: Exchange, plugin: Entity) -> None:
        pass

    def log(self, exchange: Exchange, plugin: Entity) -> None:
        pass


def _groups(exchange: Exchange) -> list[str]:
    """Return the groups of the consumer, in the order of their ids."""
    if exchange.consumer is None:
        return []
    rows = sorted(
        exchange.credentials.tables["acls"].values(), key=itemgetter("id")
    )
    consumer = {"id": exchange.consumer["id"]}
    return [row["group"] for row in rows if row["consumer"] == consumer]


def _denied(exchange: Exchange, status: int) -> Response:
    message = "You cannot consume this service" if status == 403 else None
    accept = exchange.request.header("accept")
    return error_response(status, message, accept, exchange.request_id)
