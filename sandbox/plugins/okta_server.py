"""Authorization servers of Okta: Server, ServerScope, ServerClaim, ServerPolicy, ServerPolicyRule.

None of their inputs forces a replacement, `authServerId` and `policyId` included
(official-plugin.md, Replacement).
"""

from typing import ClassVar

from sandbox.edges import Json
from sandbox.plugins.okta_api import OktaObject, given
from sandbox.plugins.values import Properties, Value

_SERVERS = "/api/v1/authorizationServers"


class Server(OktaObject):
    """okta:auth/server:Server."""

    token = "okta:auth/server:Server"
    lifecycle = "before"
    gone_is_deleted = True
    defaults = {
        "credentialsRotationMode": "AUTO",
        "issuerMode": "ORG_URL",
        "status": "ACTIVE",
    }
    computed = frozenset(
        {"issuer", "kid", "credentialsLastRotated", "credentialsNextRotation"}
    )
    sticky = frozenset({"name"})
    unordered = frozenset({"audiences"})

    def collection(self, inputs: Properties) -> str:  # noqa: ARG002
        return _SERVERS

    def body(self, inputs: Properties) -> dict[str, Value]:
        return given(
            name=inputs.get("name"),
            description=inputs.get("description"),
            audiences=inputs["audiences"],
            issuerMode=inputs["issuerMode"],
            credentials={
                "signing": {"rotationMode": inputs["credentialsRotationMode"]}
            },
        )

    def state(self, answer: Value, inputs: Properties) -> Properties:  # noqa: ARG002
        signing = answer.get("credentials", {}).get("signing", {})
        return {
            "name": answer["name"],
            "description": answer.get("description"),
            "audiences": answer["audiences"],
            "issuer": answer.get("issuer"),
            "issuerMode": answer.get("issuerMode"),
            "status": answer["status"],
            "kid": signing.get("kid"),
            "credentialsRotationMode": signing.get("rotationMode"),
            "credentialsLastRotated": signing.get("lastRotated"),
            "credentialsNextRotation": signing.get("nextRotation"),
        }

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        """MANUAL rotation needs a second step: Okta makes every server with AUTO."""
        identifier, state = super().create(inputs)
        path = f"{_SERVERS}/{identifier}"
        if inputs["credentialsRotationMode"] == "MANUAL":
            self._api.accepted("PUT", path, self.body(inputs))
            state = self._read(identifier, inputs)
        if inputs["status"] == "INACTIVE":
            self._api.accepted("POST", f"{path}/lifecycle/deactivate")
            state["status"] = "INACTIVE"
        return identifier, state

    def delete(self, identifier: str, state: Properties) -> None:
        """Deactivate an active server before deleting it."""
        self._api.send("POST", f"{_SERVERS}/{identifier}/lifecycle/deactivate")
        super().delete(identifier, state)


class _OnServer(OktaObject):
    part: str
    parents: ClassVar[tuple[str, ...]] = ("authServerId",)

    def collection(self, inputs: Properties) -> str:
        return f"{_SERVERS}/{inputs['authServerId']}/{self.part}"


class ServerScope(_OnServer):
    """okta:auth/serverScope:ServerScope."""

    token = "okta:auth/serverScope:ServerScope"
    part = "scopes"
    gone_is_deleted = True
    defaults = {
        "consent": "IMPLICIT",
        "default": False,
        "metadataPublish": "ALL_CLIENTS",
        "optional": False,
    }
    computed = frozenset({"system"})
    sticky = frozenset({"name"})

    def body(self, inputs: Properties) -> dict[str, Value]:
        names = (
            "name",
            "description",
            "displayName",
            "consent",
            "default",
            "metadataPublish",
            "optional",
        )
        return given(**{name: inputs.get(name) for name in names})

    def state(self, answer: Value, inputs: Properties) -> Properties:
        names = (
            "name",
            "description",
            "displayName",
            "consent",
            "default",
            "metadataPublish",
            "optional",
            "system",
        )
        return {
            "authServerId": inputs["authServerId"],
            **{name: answer.get(name) for name in names},
        }


class ServerClaim(_OnServer):
    """okta:auth/serverClaim:ServerClaim."""

    token = "okta:auth/serverClaim:ServerClaim"
    part = "claims"
    defaults = {
        "alwaysIncludeInToken": True,
        "status": "ACTIVE",
        "valueType": "EXPRESSION",
    }
    sticky = frozenset({"name"})
    unordered = frozenset({"scopes"})

    def body(self, inputs: Properties) -> dict[str, Value]:
        names = (
            "name",
            "status",
            "claimType",
            "valueType",
            "value",
            "alwaysIncludeInToken",
        )
        return {
            **given(
                group_filter_type=inputs.get("groupFilterType"),
                **{name: inputs.get(name) for name in names},
            ),
            "conditions": given(scopes=inputs.get("scopes")),
        }

    def state(self, answer: Value, inputs: Properties) -> Properties:
        names = (
            "name",
            "status",
            "claimType",
            "valueType",
            "value",
            "alwaysIncludeInToken",
        )
        return {
            "authServerId": inputs["authServerId"],
            **{name: answer.get(name) for name in names},
            "groupFilterType": answer.get("group_filter_type"),
            "scopes": (answer.get("conditions") or {}).get("scopes") or [],
        }


class ServerPolicy(_OnServer):
    """okta:auth/serverPolicy:ServerPolicy. Its priority is written and read back; Okta may renumber
    it."""

    token = "okta:auth/serverPolicy:ServerPolicy"
    part = "policies"
    lifecycle = "after"
    defaults = {"status": "ACTIVE"}
    sticky = frozenset({"name"})
    unordered = frozenset({"clientWhitelists"})

    def body(self, inputs: Properties) -> dict[str, Value]:
        return given(
            type="OAUTH_AUTHORIZATION_POLICY",
            name=inputs.get("name"),
            status=inputs.get("status"),
            description=inputs.get("description"),
            priority=inputs.get("priority"),
            conditions={
                "clients": given(include=inputs.get("clientWhitelists"))
            },
        )

    def state(self, answer: Value, inputs: Properties) -> Properties:
        return {
            "authServerId": inputs["authServerId"],
            "name": answer["name"],
            "status": answer.get("status"),
            "description": answer.get("description"),
            "priority": answer.get("priority"),
            "clientWhitelists": answer["conditions"]["clients"].get(
                "include", []
            ),
        }


class ServerPolicyRule(_OnServer):
    """okta:auth/serverPolicyRule:ServerPolicyRule. A refresh token lifetime of 0 minutes is
    unlimited."""

    token = "okta:auth/serverPolicyRule:ServerPolicyRule"
    lifecycle = "after"
    defaults = {
        "status": "ACTIVE",
        "type": "RESOURCE_ACCESS",
        "accessTokenLifetimeMinutes": 60,
        "refreshTokenWindowMinutes": 10080,
    }
    computed = frozenset({"system"})
    sticky = frozenset({"name"})
    unordered = frozenset(
        {
            "grantTypeWhitelists",
            "scopeWhitelists",
            "groupWhitelists",
            "groupBlacklists",
            "userWhitelists",
            "userBlacklists",
        }
    )

    parents: ClassVar[tuple[str, ...]] = ("authServerId", "policyId")

    def collection(self, inputs: Properties) -> str:
        return f"{_SERVERS}/{inputs['authServerId']}/policies/{inputs['policyId']}/rules"

    def body(self, inputs: Properties) -> dict[str, Value]:
        token: Json = {
            "accessTokenLifetimeMinutes": inputs["accessTokenLifetimeMinutes"],
            "refreshTokenLifetimeMinutes": inputs.get(
                "refreshTokenLifetimeMinutes", 0
            ),
            "refreshTokenWindowMinutes": inputs["refreshTokenWindowMinutes"],
        }
        if inputs.get("inlineHookId"):
            token["inlineHook"] = {"id": inputs["inlineHookId"]}
        return {
            **given(
                name=inputs.get("name"),
                status=inputs["status"],
                type=inputs["type"],
                priority=inputs["priority"],
            ),
            "actions": {"token": token},
            "conditions": {
                "grantTypes": {"include": inputs["grantTypeWhitelists"]},
                "scopes": given(include=inputs.get("scopeWhitelists")),
                "people": {
                    "groups": given(
                        include=inputs.get("groupWhitelists"),
                        exclude=inputs.get("groupBlacklists"),
                    ),
                    "users": given(
                        include=inputs.get("userWhitelists"),
                        exclude=inputs.get("userBlacklists"),
                    ),
                },
            },
        }

    def state(self, answer: Value, inputs: Properties) -> Properties:
        conditions = answer["conditions"]
        token = answer["actions"]["token"]
        groups = conditions["people"]["groups"]
        users = conditions["people"]["users"]
        return {
            "authServerId": inputs["authServerId"],
            "policyId": inputs["policyId"],
            **{
                name: answer.get(name)
                for name in ("name", "status", "type", "priority", "system")
            },
            "accessTokenLifetimeMinutes": token.get(
                "accessTokenLifetimeMinutes"
            ),
            "refreshTokenLifetimeMinutes": token.get(
                "refreshTokenLifetimeMinutes"
            ),
            "refreshTokenWindowMinutes": token.get("refreshTokenWindowMinutes"),
            "inlineHookId": (token.get("inlineHook") or {}).get("id"),
            "grantTypeWhitelists": conditions["grantTypes"].get("include", []),
            "scopeWhitelists": conditions["scopes"].get("include", []),
            "groupWhitelists": groups.get("include", []),
            "groupBlacklists": groups.get("exclude", []),
            "userWhitelists": users.get("include", []),
            "userBlacklists": users.get("exclude", []),
        }
