"""The objects of a tenant, and the changes that Microsoft Graph rejects.

Fields and error texts follow recordings of the official plugin. The rules follow Graph's reference
and the identity platform (app roles, permission scopes), for the cases that the program and its
tests meet.
"""

from __future__ import annotations

import base64
import copy
import re
import secrets
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, product
from typing import Any

from cryptography import x509

from sandbox.edges import Json

MICROSOFT_GRAPH = "00000003-0000-0000-c000-000000000000"
SIGN_IN = {
    "email": "64a6cdd6-aab1-4aaf-94b8-3cc8405e90d0",
    "offline_access": "7427e0e9-2fba-42fe-b0c0-848c9e6a8182",
    "openid": "37f7f235-527c-4136-accd-4a02d197296e",
    "profile": "14dad69e-099b-42c9-810b-d002981feec1",
}
"""The scopes of a sign-in: permissions of Microsoft Graph, and their ids (Graph's permissions
reference)."""
NO_ROLE = "00000000-0000-0000-0000-000000000000"
_VALUE = re.compile(
    r"[A-Za-z0-9:!#$%&'()*+,\-/;<=>?@\[\]^_`{|}~]"
    r"[A-Za-z0-9:!#$%&'()*+,\-./;<=>?@\[\]^_`{|}~]{0,119}\Z"
)
_ALIKE = (
    ("description", "adminConsentDescription"),
    ("displayName", "adminConsentDisplayName"),
    ("isEnabled", "isEnabled"),
    ("value", "value"),
)
_MERGED = (
    "api",
    "info",
    "web",
    "spa",
    "publicClient",
    "parentalControlSettings",
)
"""Members of an application of which a PATCH may name a part."""
_NO_CERTIFICATE = "KeyCredentialsInvalidValue"
"""Graph's code for a key credential without a value (the collection azure.azcollection of Ansible,
issue 1872)."""


class GraphError(Exception):
    """An error: HTTP status, Graph's code and its words."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


def bad(message: str, code: str = "Request_BadRequest") -> GraphError:
    return GraphError(400, code, message)


def missing(identifier: str) -> GraphError:
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{identifier}' does not exist or one of its queried reference-property objects "
        "are not present.",
    )


def stamp(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _certificates(
    known: Mapping[str, x509.Certificate], wanted: Iterable[Json]
) -> list[tuple[Json, x509.Certificate]]:
    """Return key credentials as Graph lists them, each with its certificate. A known credential may
    come without its value. Raises GraphError."""
    certificates = []
    for entry in wanted:
        key_id = entry.get("keyId") or str(uuid.uuid4())
        value = entry.get("key")
        if not value and key_id not in known:
            raise bad("KeyValue cannot be null or empty.", _NO_CERTIFICATE)
        certificate = _certificate(value) if value else known[key_id]
        _check_life(entry, certificate)
        certificates.append(
            ({**entry, "keyId": key_id, "key": None}, certificate)
        )
    return certificates


def _certificate(value: str) -> x509.Certificate:
    """Decode the value of a key credential. Raises GraphError.

    Graph documents a certificate's raw data (DER) in base64 (keyCredential). The official plugin
    sends the text of a PEM file in base64 (terraform-provider-azuread,
    internal/helpers/credentials); that Graph accepts it is a guess. The error text for invalid
    base64 is from microsoft-graph-docs, issue 10556; the error text for other bytes is made up.
    """
    try:
        data = base64.b64decode(value, validate=True)
    except ValueError:
        message = (
            "Cannot convert a primitive value to the expected type 'Edm.Binary'. See the "
            "inner exception for more "
        )
        raise bad(f"{message}details.") from None
    try:
        return (
            x509.load_pem_x509_certificate
            if b"-----BEGIN " in data
            else x509.load_der_x509_certificate
        )(data)
    except ValueError:
        raise bad(
            "The value of a key credential is no X.509 certificate.",
            _NO_CERTIFICATE,
        ) from None


def _check_life(entry: Json, certificate: x509.Certificate) -> None:
    """Raise a GraphError if a credential begins or ends outside its certificate's life."""
    start = entry.get("startDateTime")
    if (
        start
        and datetime.fromisoformat(start) < certificate.not_valid_before_utc
    ):
        raise bad(
            "Key credential start date is invalid.",
            "KeyCredentialsInvalidStartDate",
        )
    end = entry.get("endDateTime")
    if end and datetime.fromisoformat(end) > certificate.not_valid_after_utc:
        raise bad(
            "Key credential end date is invalid.",
            "KeyCredentialsInvalidEndDate",
        )


def _application() -> Json:
    return {
        "deletedDateTime": None,
        "applicationTemplateId": None,
        "disabledByMicrosoftStatus": None,
        "description": None,
        "groupMembershipClaims": None,
        "identifierUris": [],
        "isDeviceOnlyAuthSupported": False,
        "isFallbackPublicClient": False,
        "nativeAuthenticationApisEnabled": None,
        "notes": None,
        "publisherDomain": "acme.onmicrosoft.test",
        "serviceManagementReference": None,
        "signInAudience": "AzureADandPersonalMicrosoftAccount",
        "tags": [],
        "tokenEncryptionKeyId": None,
        "uniqueName": None,
        "samlMetadataUrl": None,
        "defaultRedirectUri": None,
        "certification": None,
        "optionalClaims": {},
        "servicePrincipalLockConfiguration": None,
        "requestSignatureVerification": None,
        "addIns": [],
        "api": {
            "acceptMappedClaims": False,
            "knownClientApplications": [],
            "requestedAccessTokenVersion": None,
            "oauth2PermissionScopes": [],
            "preAuthorizedApplications": [],
        },
        "appRoles": [],
        "info": {
            "logoUrl": None,
            "marketingUrl": None,
            "privacyStatementUrl": None,
            "supportUrl": None,
            "termsOfServiceUrl": None,
        },
        "keyCredentials": [],
        "parentalControlSettings": {
            "countriesBlockedForMinors": [],
            "legalAgeGroupRule": "Allow",
        },
        "passwordCredentials": [],
        "publicClient": {"redirectUris": []},
        "requiredResourceAccess": [],
        "verifiedPublisher": {
            "displayName": None,
            "verifiedPublisherId": None,
            "addedDateTime": None,
        },
        "web": {
            "homePageUrl": None,
            "logoutUrl": None,
            "redirectUris": [],
            "implicitGrantSettings": {
                "enableAccessTokenIssuance": False,
                "enableIdTokenIssuance": False,
            },
            "redirectUriSettings": [],
        },
        "spa": {"redirectUris": []},
    }


def _principal() -> Json:
    return {
        "deletedDateTime": None,
        "accountEnabled": True,
        "alternativeNames": [],
        "applicationTemplateId": None,
        "appRoleAssignmentRequired": False,
        "description": None,
        "disabledByMicrosoftStatus": None,
        "loginUrl": None,
        "logoutUrl": None,
        "notes": None,
        "notificationEmailAddresses": [],
        "preferredSingleSignOnMode": None,
        "preferredTokenSigningKeyThumbprint": None,
        "samlSingleSignOnSettings": {},
        "servicePrincipalType": "Application",
        "tags": [],
        "tokenEncryptionKeyId": None,
        "addIns": [],
        "info": {},
        "keyCredentials": [],
        "passwordCredentials": [],
        "resourceSpecificApplicationPermissions": [],
        "verifiedPublisher": {},
    }


@dataclass(slots=True)
class Secrets:
    """Secrets of an application's credentials, which Graph never returns again: a password or a
    certificate, by key id."""

    passwords: dict[str, str] = field(default_factory=dict)
    certificates: dict[str, x509.Certificate] = field(default_factory=dict)


@dataclass(slots=True)
class Directory:
    """One tenant, with objects by their object ids. Hold its lock to read or change it.

    `lag`: seconds until an application's new role, which can be read at once, can be assigned.
    """

    tenant: str
    now: Callable[[], float]
    lag: float = 0.0
    applications: dict[str, Json] = field(default_factory=dict)
    principals: dict[str, Json] = field(default_factory=dict)
    groups: dict[str, Json] = field(default_factory=dict)
    assignments: dict[str, Json] = field(default_factory=dict)
    grants: dict[str, Json] = field(default_factory=dict)
    federated: dict[str, dict[str, Json]] = field(default_factory=dict)
    kept: dict[str, Secrets] = field(default_factory=dict)
    owners: dict[str, list[Json]] = field(default_factory=dict)
    """Owners of applications and service principals, by object id. The creator is not recorded."""
    users: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Logins, and the names of the groups that they are in."""
    foreign: dict[str, Json] = field(default_factory=dict)
    """Applications of other tenants with a service principal in this tenant, as Microsoft Graph has
    in every tenant."""
    _roles: dict[str, float] = field(default_factory=dict)
    """The time since when a role exists, by id."""

    def __post_init__(self) -> None:
        graph = {
            **_application(),
            "displayName": "Microsoft Graph",
            "appId": MICROSOFT_GRAPH,
            "id": str(uuid.uuid4()),
        }
        graph["api"]["oauth2PermissionScopes"] = [
            {
                "id": identifier,
                "value": scope,
                "type": "User",
                "isEnabled": True,
            }
            for scope, identifier in SIGN_IN.items()
        ]
        self.foreign[graph["id"]] = graph
        self.kept[graph["id"]] = Secrets()
        self.create_principal({"appId": MICROSOFT_GRAPH})

    def add_group(
        self, name: str, identifier: str | None = None, description: str = ""
    ) -> None:
        made = identifier or str(uuid.uuid4())
        self.groups[made] = {
            "id": made,
            "displayName": name,
            "securityEnabled": True,
            "mailEnabled": False,
            "mailNickname": name,
            "description": description,
            "groupTypes": [],
            "visibility": None,
            "onPremisesSyncEnabled": None,
            "proxyAddresses": [],
            "isAssignableToRole": None,
            "@odata.type": "#microsoft.graph.group",
        }

    def groups_of(self, login: str) -> set[str]:
        """Object ids of the groups that a user is in."""
        return {
            group["id"]
            for group in self.groups.values()
            if group["displayName"] in self.users[login]
        }

    # Applications

    def application(self, identifier: str) -> Json:
        return _known(self.applications, identifier)

    def by_app_id(self, app_id: str) -> Json | None:
        known = (*self.applications.values(), *self.foreign.values())
        return next((app for app in known if app["appId"] == app_id), None)

    def create_application(self, body: Json) -> Json:
        made = {
            "id": str(uuid.uuid4()),
            "appId": str(uuid.uuid4()),
            "createdDateTime": stamp(self.now()),
        }
        app = {**_application(), **made}
        if not body.get("displayName"):
            raise bad(
                "A value is required for property 'displayName' of resource 'Application'."
            )
        certificates = _certificates({}, body.get("keyCredentials", ()))
        self._put(app, body)
        self.applications[app["id"]] = app
        self.kept[app["id"]] = Secrets()
        self.federated[app["id"]] = {}
        self._keep(app, certificates)
        return app

    def update_application(self, identifier: str, body: Json) -> None:
        app = self.application(identifier)
        known = self.kept[app["id"]].certificates
        certificates = (
            _certificates(known, body["keyCredentials"])
            if "keyCredentials" in body
            else None
        )
        self._put(app, body)
        if certificates is not None:
            self._keep(app, certificates)

    def _put(self, app: Json, body: Json) -> None:
        changed = copy.deepcopy(app)
        for name, value in body.items():
            if name in ("id", "keyCredentials") or "@odata" in name:
                continue
            if name not in changed and name != "displayName":
                raise bad(f"Invalid property '{name}'.")
            if name in _MERGED and isinstance(value, dict):
                changed[name] = {**changed[name], **value}
            else:
                changed[name] = value
        changed["appRoles"] = [
            {"origin": "Application", **role} for role in changed["appRoles"]
        ]
        changed["web"]["redirectUriSettings"] = [
            {"uri": uri, "index": None}
            for uri in changed["web"]["redirectUris"]
        ]
        _check_entitlements(app, changed)
        uris = set(changed["identifierUris"])
        for other in self.applications.values():
            if other["id"] != app["id"] and uris.intersection(
                other["identifierUris"]
            ):
                raise bad(
                    "Another object with the same value for "
                    "property identifierUris already exists.",
                    "ObjectConflict",
                )
        self._note_roles(app["appRoles"], changed["appRoles"])
        app.update(changed)

    def _note_roles(
        self, before: Iterable[Json], after: Iterable[Json]
    ) -> None:
        """Record the time since when each role of an application exists."""
        old = {role["id"] for role in before}
        new = {role["id"] for role in after}
        for role in old - new:
            self._roles.pop(role, None)
        for role in new - old:
            self._roles[role] = self.now()

    def _keep(
        self, app: Json, certificates: list[tuple[Json, x509.Certificate]]
    ) -> None:
        app["keyCredentials"] = [entry for entry, _ in certificates]
        self.kept[app["id"]].certificates = {
            entry["keyId"]: certificate for entry, certificate in certificates
        }

    def delete_application(self, identifier: str) -> None:
        """Delete an application with its service principal. (Graph hides the principal for 30
        days.)"""
        app = self.application(identifier)
        for principal in [
            other["id"]
            for other in self.principals.values()
            if other["appId"] == app["appId"]
        ]:
            self.delete_principal(principal)
        self._note_roles(app["appRoles"], ())
        del (
            self.applications[identifier],
            self.kept[identifier],
            self.federated[identifier],
        )

    def add_password(self, identifier: str, wanted: Json) -> Json:
        app = self.application(identifier)
        made: Json = {
            "customKeyIdentifier": None,
            "displayName": wanted.get("displayName"),
            "endDateTime": wanted.get("endDateTime"),
            "hint": "abc",
            "keyId": str(uuid.uuid4()),
            "secretText": None,
            "startDateTime": wanted.get("startDateTime") or stamp(self.now()),
        }
        app["passwordCredentials"] = [*app["passwordCredentials"], made]
        secret = self.kept[identifier].passwords[made["keyId"]] = (
            secrets.token_urlsafe(30)
        )
        return {**made, "secretText": secret}

    def remove_password(self, identifier: str, key_id: str) -> None:
        app = self.application(identifier)
        if self.kept[identifier].passwords.pop(key_id, None) is None:
            raise bad("No credentials found to be removed.")
        app["passwordCredentials"] = [
            password
            for password in app["passwordCredentials"]
            if password["keyId"] != key_id
        ]

    def add_federated(self, identifier: str, body: Json) -> Json:
        self.application(identifier)
        known = self.federated[identifier]
        if any(
            credential["name"] == body.get("name")
            for credential in known.values()
        ):
            raise GraphError(
                409,
                "Request_MultipleObjectsWithSameKeyValue",
                "FederatedIdentityCredential with name exists.",
            )
        if len(body.get("audiences", ())) != 1:
            raise bad(
                "A federated identity credential has exactly one audience."
            )
        made: Json = {
            "id": str(uuid.uuid4()),
            "description": None,
            "@odata.type": "#microsoft.graph.federatedIdentityCredential",
        }
        known[made["id"]] = {
            **made,
            **{
                name: value
                for name, value in body.items()
                if "@odata" not in name
            },
        }
        return known[made["id"]]

    # Service principals

    def principal(self, identifier: str) -> Json:
        return _known(self.principals, identifier)

    def principal_of(self, app_id: str) -> Json | None:
        return next(
            (
                principal
                for principal in self.principals.values()
                if principal["appId"] == app_id
            ),
            None,
        )

    def create_principal(self, body: Json) -> Json:
        app_id = str(body.get("appId"))
        if self.by_app_id(app_id) is None:
            raise bad(
                f"The appId '{app_id}' of the service principal does not reference a valid "
                "application object."
            )
        if self.principal_of(app_id) is not None:
            message = (
                f"The service principal cannot be created because the name {app_id} is "
                "already in use."
            )
            raise GraphError(
                409, "Request_MultipleObjectsWithSameKeyValue", message
            )
        made = {
            "id": str(uuid.uuid4()),
            "appId": app_id,
            "createdDateTime": stamp(self.now()),
        }
        principal = self.principals[made["id"]] = {**_principal(), **made}
        self.update_principal(made["id"], body)
        return principal

    def update_principal(self, identifier: str, body: Json) -> None:
        principal = self.principal(identifier)
        principal.update(
            {
                name: value
                for name, value in body.items()
                if name not in ("id", "appId") and "@odata" not in name
            }
        )

    def delete_principal(self, identifier: str) -> None:
        """Delete a principal with its assignments. Its grants stay, without a client."""
        self.principal(identifier)
        del self.principals[identifier]
        for key, assignment in list(self.assignments.items()):
            if identifier in (
                assignment["principalId"],
                assignment["resourceId"],
            ):
                del self.assignments[key]

    def shown_principal(self, principal: Json) -> Json:
        """Return a service principal with the members that it takes from its application."""
        app = self.by_app_id(principal["appId"]) or {}
        return {
            **principal,
            "appDisplayName": app["displayName"],
            "displayName": app["displayName"],
            "appOwnerOrganizationId": self.tenant,
            "appRoles": app["appRoles"],
            "oauth2PermissionScopes": app["api"]["oauth2PermissionScopes"],
            "replyUrls": redirect_uris(app),
            "servicePrincipalNames": [
                principal["appId"],
                *app["identifierUris"],
            ],
            "signInAudience": app["signInAudience"],
            "homepage": app["web"]["homePageUrl"],
        }

    # Assignments and grants

    def assign(self, resource: str, body: Json) -> Json:
        target = self.principal(resource)
        role_id = str(body.get("appRoleId"))
        principal = str(body.get("principalId"))
        group = self.groups.get(principal)
        if group is None and principal not in self.principals:
            raise bad(f"Not a valid reference update: '{principal}'")
        app = self.by_app_id(target["appId"]) or {}
        if not self._assignable(
            app, role_id, "User" if group else "Application"
        ):
            raise bad("Permission being assigned was not found on application")
        key = {
            "appRoleId": role_id,
            "principalId": principal,
            "resourceId": resource,
        }
        if any(
            key.items() <= assignment.items()
            for assignment in self.assignments.values()
        ):
            raise bad("Permission being assigned already exists on the object")
        assignee = group or self.shown_principal(self.principal(principal))
        made = {
            "id": secrets.token_urlsafe(20),
            "deletedDateTime": None,
            "createdDateTime": stamp(self.now()),
            "principalDisplayName": assignee["displayName"],
            "principalType": "Group" if group else "ServicePrincipal",
            "resourceDisplayName": app["displayName"],
            **key,
        }
        self.assignments[made["id"]] = made
        return made

    def _assignable(self, app: Json, role_id: str, kind: str) -> bool:
        """Return whether an application has the role for such members, and Graph knows it."""
        if role_id == NO_ROLE:
            return not app["appRoles"]
        # Another replica of Graph learns of a new role only after the lag.
        since = self._roles.get(role_id)
        if since is None or self.now() - since < self.lag:
            return False
        for role in app["appRoles"]:
            if role["id"] == role_id and role["isEnabled"]:
                return kind in role["allowedMemberTypes"]
        return False

    def grant(self, body: Json) -> Json:
        for name in ("clientId", "resourceId"):
            self.principal(str(body.get(name)))
        made: Json = {
            "id": secrets.token_urlsafe(16),
            "principalId": None,
            "@odata.type": "#microsoft.graph.oAuth2PermissionGrant",
        }
        made |= {
            name: value for name, value in body.items() if "@odata" not in name
        }
        if any(
            _parties(other) == _parties(made) for other in self.grants.values()
        ):
            raise GraphError(
                409,
                "Request_MultipleObjectsWithSameKeyValue",
                "Permission entry already exists.",
            )
        self.grants[made["id"]] = made
        return made

    def roles_of(
        self, principals: set[str], resource: Json
    ) -> Iterator[tuple[str, str | None]]:
        """Ids and values of the roles that these principals are assigned at a resource, as far as
        they still exist."""
        app = self.by_app_id(resource["appId"]) or {}
        values = {
            role["id"]: role["value"]
            for role in app["appRoles"]
            if role["isEnabled"]
        }
        for assignment in self.assignments.values():
            theirs = (
                assignment["resourceId"] == resource["id"]
                and assignment["principalId"] in principals
            )
            if theirs and (
                assignment["appRoleId"] == NO_ROLE
                or assignment["appRoleId"] in values
            ):
                yield (
                    assignment["appRoleId"],
                    values.get(assignment["appRoleId"]),
                )


def _known(objects: dict[str, Json], identifier: str) -> Json:
    if identifier not in objects:
        raise missing(identifier)
    return objects[identifier]


def _parties(grant: Json) -> list[Any]:
    names = ("clientId", "resourceId", "principalId", "consentType")
    return [grant.get(name) for name in names]


def redirect_uris(app: Json) -> list[str]:
    """Return the redirect URIs of an application's three platforms."""
    platforms = (app["web"], app["spa"], app["publicClient"])
    return [
        *chain.from_iterable(platform["redirectUris"] for platform in platforms)
    ]


def _check_entitlements(before: Json, after: Json) -> None:
    """Raise a GraphError if Graph rejects an application's roles and permission scopes."""
    roles = after["appRoles"]
    scopes = after["api"]["oauth2PermissionScopes"]
    _check_each(roles)
    _check_each(scopes)
    for role, scope in product(roles, scopes):
        _check_pair(role, scope)
    _check_enabled(before["appRoles"], roles)
    _check_enabled(before["api"]["oauth2PermissionScopes"], scopes)


def _check_each(entitlements: list[Json]) -> None:
    ids = [entitlement["id"] for entitlement in entitlements]
    values = [
        entitlement["value"]
        for entitlement in entitlements
        if entitlement.get("value")
    ]
    if len({*ids}) != len(ids) or len({*values}) != len(values):
        raise _duplicate()
    for value in values:
        if not _VALUE.match(value):
            raise bad(
                f"Value '{value}' has characters that are not allowed.",
                "InvalidValue",
            )


def _check_pair(role: Json, scope: Json) -> None:
    if role["id"] != scope["id"]:
        if role.get("value") == scope["value"]:
            raise _duplicate()
    elif any(role.get(ours) != scope.get(theirs) for ours, theirs in _ALIKE):
        raise bad(
            "The following values must match for the 'oauth2Permissions' and 'appRoles' "
            f"properties with identifier '{role['id']}': (description, "
            "adminConsentDescription),(displayName, adminConsentDisplayName),(isEnabled, "
            "isEnabled),(origin, origin),(value, value).",
            "InvalidValue",
        )


def _duplicate() -> GraphError:
    return bad(
        "It contains duplicate value. Please provide unique value.",
        "InvalidValue",
    )


def _check_enabled(before: list[Json], after: list[Json]) -> None:
    """Raise a GraphError if an enabled entitlement is removed or changes."""
    now = {
        entitlement["id"]: {**entitlement, "isEnabled": True}
        for entitlement in after
    }
    for entitlement in before:
        if (
            entitlement["isEnabled"]
            and now.get(entitlement["id"]) != entitlement
        ):
            raise bad(
                "Permission (scope or role) cannot be deleted or updated unless disabled first.",
                "CannotDeleteOrUpdateEnabledEntitlement",
            )
