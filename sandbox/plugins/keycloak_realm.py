# ruff: noqa: ARG002 - the methods of Resource share their signatures
"""Resources of a realm: Role, GroupRoles, GenericRoleMapper, and openid's ClientScope with its
protocol mappers.

Sources: the traffic of the official plugin, or its source for other cases.
"""

from __future__ import annotations

from typing import ClassVar

from sandbox.edges import Json
from sandbox.plugins.keycloak_api import (
    AdminApi,
    RealmObject,
    described,
    quoted,
    role_body,
    text,
)
from sandbox.plugins.provider import Found, ProviderError, Resource
from sandbox.plugins.values import Properties


class Role(RealmObject):
    """keycloak:index/role:Role, of the realm. Not modelled: roles of clients, composite roles,
    attributes, the input `import`."""

    token = "keycloak:index/role:Role"
    replaces = frozenset({"realmId", "clientId"})
    sticky = frozenset({"name"})

    def collection(self, inputs: Properties) -> str:
        return f"/{inputs['realmId']}/roles"

    def path(self, identifier: str, inputs: Properties) -> str:
        return f"/{inputs['realmId']}/roles-by-id/{identifier}"

    def body(self, inputs: Properties) -> Json:
        fixed = {
            "clientRole": False,
            "containerId": "",
            "composite": False,
            "attributes": {},
        }
        return {
            "name": inputs["name"],
            "description": inputs.get("description") or "",
            **fixed,
        }

    def state(self, answer: Json, inputs: Properties) -> Properties:
        return {
            "realmId": inputs["realmId"],
            "name": answer["name"],
            "description": answer.get("description"),
        }

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        """Keycloak answers with the name; the role is looked up by it and written once more."""
        name = self._api.created(self.collection(inputs), self.body(inputs))
        identifier = self._api.accepted(
            "GET", f"{self.collection(inputs)}/{quoted(name)}"
        )["id"]
        self._api.accepted(
            "PUT",
            self.path(identifier, inputs),
            {"id": identifier, **self.body(inputs)},
        )
        return identifier, self._read(identifier, inputs)

    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        self._api.accepted(
            "PUT",
            self.path(identifier, news),
            {"id": identifier, **self.body(news)},
        )
        self._api.accepted("GET", f"{self.path(identifier, news)}/composites")
        return self._read(identifier, news)


class ClientScope(RealmObject):
    """keycloak:openid/clientScope:ClientScope. Not modelled: guiOrder, extraConfig."""

    token = "keycloak:openid/clientScope:ClientScope"
    replaces = frozenset({"realmId"})
    sticky = frozenset({"name"})
    defaults = {
        "includeInTokenScope": True,
        "includeInOpenidProviderMetadata": True,
    }

    def collection(self, inputs: Properties) -> str:
        return f"/{inputs['realmId']}/client-scopes"

    def body(self, inputs: Properties) -> Json:
        consent = inputs.get("consentScreenText")
        attributes = {
            "consent.screen.text": consent or "",
            "display.on.consent.screen": text(bool(consent)),
            "gui.order": "",
            "include.in.openid.provider.metadata": text(
                inputs["includeInOpenidProviderMetadata"]
            ),
            "include.in.token.scope": text(inputs["includeInTokenScope"]),
        }
        fixed = {"protocol": "openid-connect", "attributes": attributes}
        return {
            "name": inputs["name"],
            "description": inputs.get("description") or "",
            **fixed,
        }

    def state(self, answer: Json, inputs: Properties) -> Properties:
        attributes = answer.get("attributes", {})
        return {
            "realmId": inputs["realmId"],
            "name": answer["name"],
            "description": answer.get("description"),
            "consentScreenText": attributes.get("consent.screen.text"),
            "includeInTokenScope": attributes.get("include.in.token.scope")
            == "true",
            "includeInOpenidProviderMetadata": attributes.get(
                "include.in.openid.provider.metadata"
            )
            == "true",
        }


class Mapper(RealmObject):
    """A protocol mapper of a client scope. `config` is by input: the name of the setting, and
    whether it is a flag."""

    kind: str
    config: ClassVar[dict[str, str]] = {}
    fixed: ClassVar[dict[str, str]] = {}
    replaces = frozenset({"realmId", "clientScopeId", "clientId"})
    sticky = frozenset({"name"})

    def collection(self, inputs: Properties) -> str:
        return (
            f"/{inputs['realmId']}/client-scopes/{inputs['clientScopeId']}"
            "/protocol-mappers/models"
        )

    def body(self, inputs: Properties) -> Json:
        config = {
            **self.fixed,
            **{
                setting: text(inputs.get(name))
                for name, setting in self.config.items()
            },
        }
        return {
            "name": inputs["name"],
            "protocol": "openid-connect",
            "protocolMapper": self.kind,
            "config": dict(sorted(config.items())),
        }

    def state(self, answer: Json, inputs: Properties) -> Properties:
        config: dict[str, str] = answer.get("config", {})
        read: Json = {}
        for name, setting in self.config.items():
            value = config.get(setting)
            read[name] = (
                value == "true"
                if isinstance(self.defaults.get(name), bool)
                else value
            )
        return {
            **{name: inputs[name] for name in ("realmId", "clientScopeId")},
            "name": answer["name"],
            **read,
        }

    def imported(self, identifier: str) -> tuple[str, Properties]:
        """`REALM/client-scope/SCOPE/ID`. Not modelled: by name, and mappers of clients."""
        realm, kind, scope, own = (*identifier.split("/"), "", "", "")[:4]
        if kind != "client-scope" or not own:
            raise ProviderError(
                f"invalid import {identifier!r} of a protocol mapper"
            )
        return own, {"realmId": realm, "clientScopeId": scope}

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        """Reject a duplicate mapper name in the scope before any request."""
        if any(
            entry["name"] == inputs["name"]
            for entry in self._api.accepted("GET", self.collection(inputs))
        ):
            raise ProviderError(
                f"validation error: a protocol mapper with name {inputs['name']} already exists"
            )
        return super().create(inputs)

    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        self._api.accepted("GET", self.collection(news))
        return super().update(identifier, state, news)


class AudienceProtocolMapper(Mapper):
    """keycloak:openid/audienceProtocolMapper:AudienceProtocolMapper."""

    token = "keycloak:openid/audienceProtocolMapper:AudienceProtocolMapper"
    kind = "oidc-audience-mapper"
    defaults = {
        "addToAccessToken": True,
        "addToIdToken": True,
        "addToTokenIntrospection": True,
    }
    config = {
        "addToAccessToken": "access.token.claim",
        "addToIdToken": "id.token.claim",
        "addToTokenIntrospection": "introspection.token.claim",
        "includedClientAudience": "included.client.audience",
        "includedCustomAudience": "included.custom.audience",
    }


class UserRealmRoleProtocolMapper(Mapper):
    """keycloak:openid/userRealmRoleProtocolMapper:UserRealmRoleProtocolMapper."""

    token = "keycloak:openid/userRealmRoleProtocolMapper:UserRealmRoleProtocolMapper"
    kind = "oidc-usermodel-realm-role-mapper"
    defaults = {
        "addToAccessToken": True,
        "addToIdToken": True,
        "addToTokenIntrospection": True,
        "addToUserinfo": True,
        "claimValueType": "String",
        "multivalued": False,
    }
    config = {
        "addToAccessToken": "access.token.claim",
        "addToIdToken": "id.token.claim",
        "addToTokenIntrospection": "introspection.token.claim",
        "addToUserinfo": "userinfo.token.claim",
        "claimName": "claim.name",
        "claimValueType": "jsonType.label",
        "multivalued": "multivalued",
        "realmRolePrefix": "usermodel.realmRoleMapping.rolePrefix",
    }


class GenericRoleMapper(Resource):
    """keycloak:index/genericRoleMapper:GenericRoleMapper: a realm role that a client scope
    requests.

    Not modelled: roles of clients, and mappings on a client.
    """

    token = "keycloak:index/genericRoleMapper:GenericRoleMapper"
    replaces = frozenset({"realmId", "clientScopeId", "clientId", "roleId"})

    def __init__(self, api: AdminApi) -> None:
        self._api = api

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        role = self._api.accepted("GET", _role(inputs))
        self._api.accepted("POST", _mappings(inputs), [role_body(role)])
        self._api.accepted("GET", _mappings(inputs))
        realm = inputs["realmId"]
        scope = inputs["clientScopeId"]
        return (
            f"{realm}/client-scope/{scope}/scope-mappings//{role['id']}",
            dict(inputs),
        )

    def read(
        self, identifier: str, inputs: Properties, state: Properties
    ) -> Found | None:
        known = state or inputs
        answer = self._api.send("GET", _mappings(known))
        if answer.status == 404 or known["roleId"] not in [
            entry["id"] for entry in answer.body or []
        ]:
            return None
        return Found(inputs, known)

    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        raise ProviderError(
            "every input of a role mapping forces a replacement"
        )

    def delete(self, identifier: str, state: Properties) -> None:
        """DELETE with the role in the body: without it, Keycloak removes the scope's mappings."""
        role = self._api.send("GET", _role(state))
        if role.status == 404:
            return
        answer = self._api.send("DELETE", _mappings(state), [role.body])
        if answer.status >= 300 and answer.status != 404:
            raise ProviderError(
                f"failed to delete {self.token}: {described(answer)}"
            )


def _role(inputs: Properties) -> str:
    return f"/{inputs['realmId']}/roles-by-id/{inputs['roleId']}"


def _mappings(inputs: Properties) -> str:
    return f"/{inputs['realmId']}/client-scopes/{inputs['clientScopeId']}/scope-mappings/realm"


class GroupRoles(Resource):
    """keycloak:index/groupRoles:GroupRoles, of realm roles; with `exhaustive` false the group's
    others are left alone.

    Not modelled: roles of clients, groups of organizations.
    """

    token = "keycloak:index/groupRoles:GroupRoles"
    replaces = frozenset({"realmId", "groupId"})
    defaults = {"exhaustive": True}
    unordered = frozenset({"roleIds"})

    def __init__(self, api: AdminApi) -> None:
        self._api = api

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        self._reconcile(inputs, ())
        return f"{inputs['realmId']}/{inputs['groupId']}", dict(inputs)

    def read(
        self, identifier: str, inputs: Properties, state: Properties
    ) -> Found | None:
        known = state or inputs
        group = self._api.send("GET", _group(known))
        if group.status == 404:
            return None
        held = [entry["id"] for entry in self._held(known)]
        seen = [
            role
            for role in held
            if known["exhaustive"] or role in known["roleIds"]
        ]
        now = {**known, "roleIds": seen}
        return Found({**inputs, "roleIds": seen}, now)

    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        self._reconcile(
            news,
            tuple(
                role for role in state["roleIds"] if role not in news["roleIds"]
            ),
        )
        return dict(news)

    def delete(self, identifier: str, state: Properties) -> None:
        if self._api.send("GET", _group(state)).status == 404:
            return
        self._change("DELETE", state, tuple(state["roleIds"]))

    def _reconcile(self, inputs: Properties, dropped: tuple[str, ...]) -> None:
        self._api.accepted("GET", _group(inputs))
        self._change("DELETE", inputs, dropped)
        held = [entry["id"] for entry in self._held(inputs)]
        self._change(
            "POST",
            inputs,
            tuple(role for role in inputs["roleIds"] if role not in held),
        )
        if inputs["exhaustive"]:
            self._change(
                "DELETE",
                inputs,
                tuple(role for role in held if role not in inputs["roleIds"]),
            )

    def _held(self, inputs: Properties) -> list[Json]:
        roles: list[Json] = self._api.accepted(
            "GET", f"{_group(inputs)}/role-mappings"
        ).get("realmMappings", [])
        return roles

    def _change(
        self, method: str, inputs: Properties, roles: tuple[str, ...]
    ) -> None:
        answers = [
            self._api.send("GET", _role({**inputs, "roleId": role}))
            for role in roles
        ]
        bodies = [
            role_body(answer.body) for answer in answers if answer.status == 200
        ]
        if bodies:
            self._api.accepted(
                method, f"{_group(inputs)}/role-mappings/realm", bodies
            )


def _group(inputs: Properties) -> str:
    return f"/{inputs['realmId']}/groups/{inputs['groupId']}"
