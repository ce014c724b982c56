"""The stand-in for the okta plugin: the official plugin's management API requests, for the
resources below.

Modelled: auth.Server, ServerScope, ServerClaim, ServerPolicy, ServerPolicyRule; app.OAuth;
AppGroupAssignments; trustedorigin.Origin; the lookups group.get_group and auth.get_server_keys. The
requests were recorded from pulumi-okta 6.8.0. Not modelled: the state that the official plugin
keeps when a read after a create fails.
"""

from importlib import metadata

from sandbox.plugins.okta_api import ManagementApi, quoted
from sandbox.plugins.okta_app import AppGroupAssignments, OAuth
from sandbox.plugins.okta_origin import Origin
from sandbox.plugins.okta_server import (
    Server,
    ServerClaim,
    ServerPolicy,
    ServerPolicyRule,
    ServerScope,
)
from sandbox.plugins.provider import Plugin, ProviderError, run
from sandbox.plugins.values import UNKNOWN, Properties, has_unknown


class Lookups:
    """The data sources, by token; each takes a function's arguments and returns its result."""

    def __init__(self, api: ManagementApi) -> None:
        self._api = api

    def group(self, arguments: Properties) -> Properties:
        """okta:group/getGroup:getGroup, by `name` or `id`. Raises ProviderError if no group
        matches."""
        if has_unknown(arguments):
            return {"id": UNKNOWN, **arguments}
        if arguments.get("id"):
            group_of = self._api.accepted(
                "GET", f"/api/v1/groups/{arguments['id']}"
            )
        else:
            name = arguments.get("name", "")
            listed = self._api.accepted(
                "GET", f"/api/v1/groups?q={quoted(name)}"
            )
            exact = [
                group for group in listed if group["profile"]["name"] == name
            ]
            if not exact:
                raise ProviderError(f"group with name {name!r} does not exist")
            group_of = exact[0]
        return {
            "id": group_of["id"],
            "name": group_of["profile"]["name"],
            "description": group_of["profile"].get("description", ""),
            "type": group_of.get("type"),
            "includeUsers": False,
            "users": [],
        }

    def server_keys(self, arguments: Properties) -> Properties:
        """okta:auth/getServerKeys:getServerKeys: one key, never the list."""
        if has_unknown(arguments):
            return {"id": UNKNOWN, **arguments}
        server = arguments["authServerId"]
        key = arguments["keyId"]
        keys = self._api.accepted(
            "GET",
            f"/api/v1/authorizationServers/{server}/credentials/keys/{key}",
        )
        public = {
            name: keys.get(name)
            for name in ("alg", "e", "kid", "kty", "n", "status", "use")
        }
        return {
            "id": keys.get("kid"),
            "authServerId": server,
            "keyId": key,
            **public,
        }


def plugin() -> Plugin:
    """Return the plugin, to be configured by the engine."""
    api = ManagementApi()
    servers = (
        Server(api),
        ServerScope(api),
        ServerClaim(api),
        ServerPolicy(api),
        ServerPolicyRule(api),
    )
    kinds = (*servers, OAuth(api), AppGroupAssignments(api), Origin(api))
    resources = {kind.token: kind for kind in kinds}
    lookups = Lookups(api)
    functions = {
        "okta:group/getGroup:getGroup": lookups.group,
        "okta:auth/getServerKeys:getServerKeys": lookups.server_keys,
    }
    return Plugin(
        "okta",
        metadata.version("pulumi-okta"),
        api.configure,
        resources.__getitem__,
        functions,
    )


def main() -> None:
    """Serve the plugin until the engine ends it."""
    run(plugin())
