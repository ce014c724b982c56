# ruff: noqa: ARG002 - the methods of Resource share their signatures
"""Permissions of applications in a tenant: ServicePrincipal, AppRoleAssignment,
ServicePrincipalDelegatedPermissionGrant."""

from __future__ import annotations

from sandbox.edges import Json
from sandbox.plugins.azuread_api import GraphObject, filtered, last, temporary
from sandbox.plugins.provider import Found, ProviderError
from sandbox.plugins.values import Properties

_TYPE = "#microsoft.graph.servicePrincipal"
_LISTS = ("alternativeNames", "tags")
_TEXTS = ("description", "loginUrl", "notes", "preferredSingleSignOnMode")


class ServicePrincipal(GraphObject):
    """azuread:index/servicePrincipal:ServicePrincipal. Not modelled: owners, feature tags, SAML."""

    token = "azuread:index/servicePrincipal:ServicePrincipal"
    replaces = frozenset({"clientId"})
    computed = frozenset({"objectId", "displayName", "type"})
    sticky = frozenset({"accountEnabled"})
    unordered = frozenset(_LISTS)
    defaults = {"accountEnabled": True}

    def _body(self, inputs: Properties) -> Json:
        return {
            "@odata.type": _TYPE,
            "accountEnabled": bool(inputs.get("accountEnabled", True)),
            "appRoleAssignmentRequired": bool(
                inputs.get("appRoleAssignmentRequired")
            ),
            "notificationEmailAddresses": inputs.get(
                "notificationEmailAddresses"
            )
            or [],
            "samlSingleSignOnSettings": {},
            **{name: inputs.get(name) or [] for name in _LISTS},
            **{name: inputs.get(name) for name in _TEXTS},
        }

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        app_id = inputs["clientId"]
        listed = self._graph.accepted(
            "GET", filtered("/v1.0/servicePrincipals", f"appId eq '{app_id}'")
        )["value"]
        if listed:
            if not inputs.get("useExisting"):
                raise ProviderError(
                    f"A resource with the ID /servicePrincipals/{listed[0]['id']} already exists: "
                    "To be managed via Terraform, this resource needs to be imported"
                )
            self._graph.accepted(
                "PATCH",
                f"/v1.0/servicePrincipals/{listed[0]['id']}",
                self._body(inputs),
            )
            return f"/servicePrincipals/{listed[0]['id']}", self._state(
                listed[0]["id"], inputs
            )
        made = {
            **self._body(inputs),
            "appId": app_id,
            "description": temporary(),
            **self._graph.owner,
        }
        object_id = self._graph.accepted(
            "POST", "/v1.0/servicePrincipals", made, fresh=True
        )["id"]
        path = f"/v1.0/servicePrincipals/{object_id}"
        self._graph.accepted(
            "PATCH",
            path,
            {"@odata.type": _TYPE, "description": inputs.get("description")},
        )
        self._graph.accepted(
            "DELETE", f"{path}/owners/{self._graph.caller}/$ref"
        )
        return f"/servicePrincipals/{object_id}", self._state(object_id, inputs)

    def _state(self, object_id: str, inputs: Properties) -> Properties:
        principal = self._graph.accepted(
            "GET", f"/v1.0/servicePrincipals/{object_id}"
        )
        self._graph.accepted(
            "GET",
            f"/beta/servicePrincipals/{object_id}?$select=samlMetadataUrl",
        )
        self._graph.accepted(
            "GET", f"/v1.0/servicePrincipals/{object_id}/owners"
        )
        names = (
            "accountEnabled",
            "appRoleAssignmentRequired",
            "notificationEmailAddresses",
            *_LISTS,
            *_TEXTS,
        )
        return {
            **{
                name: value
                for name, value in inputs.items()
                if name == "useExisting"
            },
            **{name: principal[name] for name in names},
            "clientId": principal["appId"],
            "objectId": object_id,
            "displayName": principal["displayName"],
            "type": principal["servicePrincipalType"],
        }

    def read(
        self, identifier: str, inputs: Properties, state: Properties
    ) -> Found | None:
        if self._graph.found(f"/v1.0{identifier}") is None:
            return None
        return self.found(
            identifier,
            inputs,
            state,
            self._state(last(identifier), state or inputs),
        )

    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        self._graph.accepted("PATCH", f"/v1.0{identifier}", self._body(news))
        return self._state(last(identifier), news)

    def delete(self, identifier: str, state: Properties) -> None:
        self._graph.removed(f"/v1.0{identifier}")


class AppRoleAssignment(GraphObject):
    """azuread:index/appRoleAssignment:AppRoleAssignment."""

    token = "azuread:index/appRoleAssignment:AppRoleAssignment"
    replaces = frozenset({"appRoleId", "principalObjectId", "resourceObjectId"})
    computed = frozenset(
        {"principalDisplayName", "principalType", "resourceDisplayName"}
    )

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        resource = inputs["resourceObjectId"]
        self._graph.accepted("GET", f"/v1.0/servicePrincipals/{resource}")
        wanted = {
            "@odata.type": "#microsoft.graph.appRoleAssignment",
            "appRoleId": inputs["appRoleId"],
            "principalId": inputs["principalObjectId"],
            "resourceId": resource,
        }
        path = f"/servicePrincipals/{resource}/appRoleAssignedTo"
        made = self._graph.accepted("POST", f"/v1.0{path}", wanted, fresh=True)
        self._graph.accepted("GET", f"/v1.0{path}/{made['id']}", fresh=True)
        return f"{path}/{made['id']}", {
            **inputs,
            **{name: made[name] for name in self.computed},
        }

    def read(
        self, identifier: str, inputs: Properties, state: Properties
    ) -> Found | None:
        assignment = self._graph.found(f"/v1.0{identifier}")
        if assignment is None:
            return None
        between = {
            "appRoleId": "appRoleId",
            "principalObjectId": "principalId",
            "resourceObjectId": "resourceId",
        }
        own = {ours: assignment[theirs] for ours, theirs in between.items()} | {
            name: assignment[name] for name in self.computed
        }
        return self.found(identifier, inputs, state, state or own)

    def delete(self, identifier: str, state: Properties) -> None:
        answer = self._graph.send("DELETE", f"/v1.0{identifier}")
        if answer.status >= 300 and answer.status != 404:
            raise ProviderError(
                f"DELETE {identifier}: {answer.status} {answer.text}"
            )


class ServicePrincipalDelegatedPermissionGrant(GraphObject):
    """azuread:index/servicePrincipalDelegatedPermissionGrant, for all users."""

    token = (
        "azuread:index/servicePrincipalDelegatedPermissionGrant:"
        "ServicePrincipalDelegatedPermissionGrant"
    )
    replaces = frozenset(
        {
            "resourceServicePrincipalObjectId",
            "servicePrincipalObjectId",
            "userObjectId",
        }
    )
    unordered = frozenset({"claimValues"})

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        if inputs.get("userObjectId"):
            raise ProviderError(
                "the stand-in for azuread models consent for everybody only"
            )
        client = inputs["servicePrincipalObjectId"]
        resource = inputs["resourceServicePrincipalObjectId"]
        for principal in (client, resource):
            self._graph.accepted("GET", f"/v1.0/servicePrincipals/{principal}")
        wanted = {
            "@odata.type": "#microsoft.graph.oAuth2PermissionGrant",
            "clientId": client,
            "consentType": "AllPrincipals",
            "resourceId": resource,
            "scope": " ".join(inputs["claimValues"]),
        }
        made = self._graph.accepted(
            "POST", "/v1.0/oauth2PermissionGrants", wanted, fresh=True
        )
        self._graph.accepted(
            "GET", f"/v1.0/oauth2PermissionGrants/{made['id']}"
        )
        return f"/oauth2PermissionGrants/{made['id']}", dict(inputs)

    def read(
        self, identifier: str, inputs: Properties, state: Properties
    ) -> Found | None:
        grant = self._graph.found(f"/v1.0{identifier}")
        if grant is None:
            return None
        between = {
            "servicePrincipalObjectId": "clientId",
            "resourceServicePrincipalObjectId": "resourceId",
        }
        own = {ours: grant[theirs] for ours, theirs in between.items()}
        return self.found(
            identifier,
            inputs,
            state,
            {**own, **state, "claimValues": grant["scope"].split()},
        )

    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        scope = " ".join(news["claimValues"])
        change = {
            "@odata.type": "#microsoft.graph.oAuth2PermissionGrant",
            "scope": scope,
        }
        self._graph.accepted("PATCH", f"/v1.0{identifier}", change)
        return dict(news)

    def delete(self, identifier: str, state: Properties) -> None:
        answer = self._graph.send("DELETE", f"/v1.0{identifier}")
        if answer.status >= 300 and answer.status != 404:
            raise ProviderError(
                f"DELETE {identifier}: {answer.status} {answer.text}"
            )
