"""The stand-in for the keycloak plugin: the official plugin's Admin API requests, for the resources
below.

Modelled: Role and GroupRoles of realm roles, GenericRoleMapper of realm roles on client scopes;
openid's Client, ClientScope, AudienceProtocolMapper, UserRealmRoleProtocolMapper,
ClientDefaultScopes, ClientOptionalScopes; the lookup getGroup. The requests were recorded from
pulumi-keycloak 6.14.1 and Keycloak 26.7.3. The lookup follows its source, and imports use the
recorded ids. Not modelled: imports of objects without a name, and the state that the official
plugin keeps when a read after a create fails.
"""

from importlib import metadata
from urllib.parse import quote

from sandbox.plugins.keycloak_api import AdminApi, described
from sandbox.plugins.keycloak_client import (
    Client,
    ClientDefaultScopes,
    ClientOptionalScopes,
)
from sandbox.plugins.keycloak_realm import (
    AudienceProtocolMapper,
    ClientScope,
    GenericRoleMapper,
    GroupRoles,
    Role,
    UserRealmRoleProtocolMapper,
)
from sandbox.plugins.provider import Plugin, ProviderError, run
from sandbox.plugins.values import UNKNOWN, Properties, has_unknown


class Lookups:
    """The data sources, by token; each takes a function's arguments and returns its result."""

    def __init__(self, api: AdminApi) -> None:
        self._api = api

    def group(self, arguments: Properties) -> Properties:
        """keycloak:index/getGroup:getGroup, by `groupPath`. Raises ProviderError if no group
        matches.

        Not modelled: the search by `name`, which returns the first group of that name at any level.
        """
        if has_unknown(arguments):
            return {"id": UNKNOWN, **arguments}
        if not arguments.get("groupPath"):
            raise ProviderError(
                "the stand-in for keycloak looks groups up by groupPath only"
            )
        realm = arguments["realmId"]
        path = str(arguments["groupPath"]).removeprefix("/")
        answer = self._api.send("GET", f"/{realm}/group-by-path/{quote(path)}")
        if answer.status == 404:
            raise ProviderError(
                f"group not found at path: {arguments['groupPath']}"
            )
        if answer.status != 200:
            raise ProviderError(
                f"failed to get group by path {arguments['groupPath']}: {described(answer)}"
            )
        group_of = answer.body
        return {
            "id": group_of["id"],
            "name": group_of["name"],
            "path": group_of["path"],
            "parentId": group_of.get("parentId", ""),
            "realmId": realm,
            "attributes": {},
        }


def plugin() -> Plugin:
    """Return the plugin, to be configured by the engine."""
    api = AdminApi()
    realm = (
        Role(api),
        GroupRoles(api),
        GenericRoleMapper(api),
        ClientScope(api),
    )
    mappers = (AudienceProtocolMapper(api), UserRealmRoleProtocolMapper(api))
    clients = (Client(api), ClientDefaultScopes(api), ClientOptionalScopes(api))
    resources = {kind.token: kind for kind in (*realm, *mappers, *clients)}
    functions = {"keycloak:index/getGroup:getGroup": Lookups(api).group}
    return Plugin(
        "keycloak",
        metadata.version("pulumi-keycloak"),
        api.configure,
        resources.__getitem__,
        functions,
    )


def main() -> None:
    """Serve the plugin until the engine ends it."""
    run(plugin())
