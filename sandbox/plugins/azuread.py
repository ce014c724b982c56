"""The stand-in for the azuread plugin: the official plugin's requests to Microsoft Graph, for the
resources below.

Modelled: Application, ApplicationPassword, ApplicationCertificate,
ApplicationFederatedIdentityCredential, ServicePrincipal, AppRoleAssignment,
ServicePrincipalDelegatedPermissionGrant; the lookups getGroup and getServicePrincipal. The requests
were recorded from pulumi-azuread 6.11.1; certificates and the second lookup follow its source. Not
modelled: imports of credentials, and its waiting (it checks five times, five seconds apart, that a
deleted object is gone).
"""

from importlib import metadata

from sandbox.plugins.azuread_api import Graph, filtered
from sandbox.plugins.azuread_application import (
    Application,
    ApplicationCertificate,
    ApplicationFederatedIdentityCredential,
    ApplicationPassword,
)
from sandbox.plugins.azuread_principal import (
    AppRoleAssignment,
    ServicePrincipal,
    ServicePrincipalDelegatedPermissionGrant,
)
from sandbox.plugins.provider import Plugin, ProviderError, run
from sandbox.plugins.values import UNKNOWN, Properties, has_unknown


class Lookups:
    """The data sources, by token; each takes a function's arguments and returns its result."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def group(self, arguments: Properties) -> Properties:
        """azuread:index/getGroup:getGroup, by `displayName`. Raises ProviderError if no group or
        several match."""
        if has_unknown(arguments):
            return {"id": UNKNOWN, "objectId": UNKNOWN, **arguments}
        name = arguments["displayName"].replace("'", "''")
        condition = f"displayName eq '{name}'"
        if "securityEnabled" in arguments:
            condition += f" and securityEnabled eq {str(arguments['securityEnabled']).lower()}"
        listed = self._graph.accepted(
            "GET", filtered("/beta/groups", condition)
        )["value"]
        if len(listed) != 1:
            problem = (
                "No group found" if not listed else "More than one group found"
            )
            raise ProviderError(
                f"{problem} matching specified parameters "
                f'(displayName: "{arguments["displayName"]}")'
            )
        group = listed[0]
        for kind in ("members", "owners"):
            self._graph.accepted("GET", f"/beta/groups/{group['id']}/{kind}")
        names = (
            "description",
            "displayName",
            "mailEnabled",
            "mailNickname",
            "securityEnabled",
        )
        return {
            "id": group["id"],
            "objectId": group["id"],
            **{name: group.get(name) for name in names},
        }

    def service_principal(self, arguments: Properties) -> Properties:
        """azuread:index/getServicePrincipal:getServicePrincipal, by `clientId`. Raises
        ProviderError if none matches."""
        if has_unknown(arguments):
            return {"id": UNKNOWN, "objectId": UNKNOWN, **arguments}
        app_id = arguments["clientId"]
        listed = self._graph.accepted(
            "GET", filtered("/v1.0/servicePrincipals", f"appId eq '{app_id}'")
        )["value"]
        if not listed:
            raise ProviderError(
                f'No service principal found for client ID: "{app_id}"'
            )
        principal = listed[0]
        scopes = {
            scope["value"]: scope["id"]
            for scope in principal["oauth2PermissionScopes"]
        }
        named = {
            "clientId": app_id,
            "displayName": principal["displayName"],
            "oauth2PermissionScopeIds": scopes,
        }
        return {"id": principal["id"], "objectId": principal["id"], **named}


def plugin() -> Plugin:
    """Return the plugin, to be configured by the engine."""
    graph = Graph()
    credentials = (
        ApplicationPassword(graph),
        ApplicationCertificate(graph),
        ApplicationFederatedIdentityCredential(graph),
    )
    principals = (
        ServicePrincipal(graph),
        AppRoleAssignment(graph),
        ServicePrincipalDelegatedPermissionGrant(graph),
    )
    resources = {
        kind.token: kind
        for kind in (Application(graph), *credentials, *principals)
    }
    lookups = Lookups(graph)
    functions = {
        "azuread:index/getGroup:getGroup": lookups.group,
        "azuread:index/getServicePrincipal:getServicePrincipal": lookups.service_principal,
    }
    return Plugin(
        "azuread",
        metadata.version("pulumi-azuread"),
        graph.configure,
        resources.__getitem__,
        functions,
    )


def main() -> None:
    """Serve the plugin until the engine ends it."""
    run(plugin())
