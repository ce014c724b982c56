# ruff: noqa: ARG002 - the handlers share their signature
"""Microsoft Graph over HTTP: the requests of the official plugin and of the program's own look at a
tenant."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.edges import Json
from sandbox.entra.directory import Directory, GraphError, bad, missing

Answer = tuple[int, Json | None]
Handler = Callable[
    [Directory, Mapping[str, str], Mapping[str, str], Json], Answer
]

_ID = r"([^/]+)"
_BEGINS = re.compile(r"startswith\((\w+),'((?:[^']|'')*)'\)\Z")
_AND = re.compile(r" and (?=(?:[^']*'[^']*')*[^']*\Z)")
_PAGE = 100
_LARGEST_PAGE = 999
"""The default and the largest number of objects in an answer (`$top`)."""
_QUOTED = re.compile(r"'((?:[^']|'')*)'")
_ONE_OF = re.compile(r"(\w+) in \(('(?:[^']|'')*'(?:, ?'(?:[^']|'')*')*)\)\Z")
_EXPRESSIONS = 15
"""The answer to a filter with more than one clause (Graph's known issues). The wording is a guess.
"""
_EQUALS = re.compile(r"(\w+) eq (?:'((?:[^']|'')*)'|(true|false))\Z")


def _context(base: str, collection: str) -> Json:
    return {"@odata.context": f"{base}/v1.0/$metadata#{collection}"}


class Graph:
    """Answers requests about one directory. `base` is the address that its answers name."""

    def __init__(
        self, directory: Directory, base: str, page: int | None = None
    ) -> None:
        self._directory = directory
        self._base = base
        self._page = page
        self._routes = [
            ("GET", "/applications", self._applications),
            ("POST", "/applications", self._create_application),
            ("GET", f"/applications/{_ID}", self._application),
            ("PATCH", f"/applications/{_ID}", self._update_application),
            ("DELETE", f"/applications/{_ID}", self._delete_application),
            ("POST", f"/applications/{_ID}/addPassword", self._add_password),
            (
                "POST",
                f"/applications/{_ID}/removePassword",
                self._remove_password,
            ),
            (
                "GET",
                f"/applications/{_ID}/federatedIdentityCredentials",
                self._all_federated,
            ),
            (
                "POST",
                f"/applications/{_ID}/federatedIdentityCredentials",
                self._add_federated,
            ),
            (
                "GET",
                f"/applications/{_ID}/federatedIdentityCredentials/{_ID}",
                self._federated,
            ),
            (
                "PATCH",
                f"/applications/{_ID}/federatedIdentityCredentials/{_ID}",
                self._update_federated,
            ),
            (
                "DELETE",
                f"/applications/{_ID}/federatedIdentityCredentials/{_ID}",
                self._delete_federated,
            ),
            ("GET", "/servicePrincipals", self._principals),
            ("POST", "/servicePrincipals", self._create_principal),
            ("GET", f"/servicePrincipals/{_ID}", self._principal),
            ("PATCH", f"/servicePrincipals/{_ID}", self._update_principal),
            ("DELETE", f"/servicePrincipals/{_ID}", self._delete_principal),
            (
                "GET",
                f"/servicePrincipals/{_ID}/appRoleAssignedTo",
                self._assignments,
            ),
            ("GET", f"/servicePrincipals/{_ID}/appRoleAssignments", self._held),
            (
                "POST",
                f"/servicePrincipals/{_ID}/appRoleAssignedTo",
                self._assign,
            ),
            (
                "GET",
                f"/servicePrincipals/{_ID}/appRoleAssignedTo/{_ID}",
                self._assignment,
            ),
            (
                "DELETE",
                f"/servicePrincipals/{_ID}/appRoleAssignedTo/{_ID}",
                self._unassign,
            ),
            ("GET", "/oauth2PermissionGrants", self._grants),
            ("POST", "/oauth2PermissionGrants", self._grant),
            ("GET", f"/oauth2PermissionGrants/{_ID}", self._one_grant),
            ("PATCH", f"/oauth2PermissionGrants/{_ID}", self._update_grant),
            ("DELETE", f"/oauth2PermissionGrants/{_ID}", self._delete_grant),
            ("GET", "/groups", self._groups),
            (
                "GET",
                f"/(?:applications|servicePrincipals)/{_ID}/owners",
                self._owners,
            ),
            ("GET", f"/groups/{_ID}/(?:owners|members)", self._no_members),
            (
                "DELETE",
                rf"/(?:applications|servicePrincipals)/{_ID}/owners/{_ID}/\$ref",
                self._removed,
            ),
        ]

    def answer(
        self, method: str, path: str, query: Mapping[str, str], body: Json
    ) -> Answer:
        """Return the answer to one request, `path` without the version. Raises GraphError."""
        for verb, pattern, handler in self._routes:
            if verb == method and (match := re.fullmatch(pattern, path)):
                return handler(  # type: ignore[operator,no-any-return]
                    *match.groups(), query=query, body=body
                )
        raise GraphError(
            400,
            "Request_BadRequest",
            f"The stand-in for Microsoft Graph does not model {method} {path}.",
        )

    def _one(self, collection: str, entity: Json, status: int = 200) -> Answer:
        return status, {
            **_context(self._base, f"{collection}/$entity"),
            **entity,
        }

    def _list(
        self,
        collection: str,
        path: str,
        rows: list[Json],
        query: Mapping[str, str],
    ) -> Answer:
        if condition := query.get("$filter"):
            rows = [row for row in rows if _matches(row, condition)]
        start = int(query.get("$skiptoken", "0"))
        size = min(int(query.get("$top", _PAGE)), self._page or _LARGEST_PAGE)
        further = {}
        if len(rows) > start + size:
            kept = "".join(
                f"&{name}={query[name]}"
                for name in ("$filter", "$select", "$top")
                if name in query
            )
            further = {
                "@odata.nextLink": (
                    f"{self._base}/v1.0{path}?$skiptoken={start + size}"
                    f"{kept.replace(' ', '+')}"
                )
            }
        return 200, {
            **_context(self._base, collection),
            **further,
            "value": rows[start : start + size],
        }

    # Applications

    def _applications(self, *, query: Mapping[str, str], body: Json) -> Answer:
        return self._list(
            "applications",
            "/applications",
            list(self._directory.applications.values()),
            query,
        )

    def _create_application(
        self, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        return self._one(
            "applications", self._directory.create_application(body), 201
        )

    def _application(
        self, identifier: str, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        app = self._directory.application(identifier)
        if query.get("$select") == "oauth2RequirePostResponse":
            shown = {"id": identifier, "oauth2RequirePostResponse": False}
            return self._one("applications(oauth2RequirePostResponse)", shown)
        return self._one("applications", app)

    def _update_application(
        self, identifier: str, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        self._directory.update_application(identifier, body)
        return 204, None

    def _delete_application(
        self, identifier: str, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        self._directory.delete_application(identifier)
        return 204, None

    def _add_password(
        self, identifier: str, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        made = self._directory.add_password(
            identifier, body.get("passwordCredential") or {}
        )
        return 200, {
            **_context(self._base, "microsoft.graph.passwordCredential"),
            **made,
        }

    def _remove_password(
        self, identifier: str, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        self._directory.remove_password(identifier, str(body.get("keyId")))
        return 204, None

    def _all_federated(
        self, identifier: str, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        self._directory.application(identifier)
        path = f"/applications/{identifier}/federatedIdentityCredentials"
        return self._list(
            "x",
            path,
            list(self._directory.federated[identifier].values()),
            query,
        )

    def _add_federated(
        self, identifier: str, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        made = self._directory.add_federated(identifier, body)
        return self._one(
            f"applications('{identifier}')/federatedIdentityCredentials",
            made,
            201,
        )

    def _federated(
        self,
        identifier: str,
        credential: str,
        *,
        query: Mapping[str, str],
        body: Json,
    ) -> Answer:
        federated = self._directory.federated.get(identifier, {}).get(
            credential
        )
        if federated is None:
            raise missing(credential)
        return self._one(
            f"applications('{identifier}')/federatedIdentityCredentials",
            federated,
        )

    def _update_federated(
        self,
        identifier: str,
        credential: str,
        *,
        query: Mapping[str, str],
        body: Json,
    ) -> Answer:
        self._federated(identifier, credential, query=query, body={})
        changed = {
            name: value
            for name, value in body.items()
            if name != "id" and "@odata" not in name
        }
        self._directory.federated[identifier][credential].update(changed)
        return 204, None

    def _delete_federated(
        self,
        identifier: str,
        credential: str,
        *,
        query: Mapping[str, str],
        body: Json,
    ) -> Answer:
        self._federated(identifier, credential, query=query, body={})
        del self._directory.federated[identifier][credential]
        return 204, None

    # Service principals, assignments, grants

    def _principals(self, *, query: Mapping[str, str], body: Json) -> Answer:
        shown = list(
            map(
                self._directory.shown_principal,
                self._directory.principals.values(),
            )
        )
        return self._list(
            "servicePrincipals", "/servicePrincipals", shown, query
        )

    def _create_principal(
        self, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        made = self._directory.create_principal(body)
        return self._one(
            "servicePrincipals", self._directory.shown_principal(made), 201
        )

    def _principal(
        self, identifier: str, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        return self._one(
            "servicePrincipals",
            self._directory.shown_principal(
                self._directory.principal(identifier)
            ),
        )

    def _update_principal(
        self, identifier: str, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        self._directory.update_principal(identifier, body)
        return 204, None

    def _delete_principal(
        self, identifier: str, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        self._directory.delete_principal(identifier)
        return 204, None

    def _assignments(
        self, resource: str, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        self._directory.principal(resource)
        rows = [
            assignment
            for assignment in self._directory.assignments.values()
            if assignment["resourceId"] == resource
        ]
        return self._list(
            "appRoleAssignedTo",
            f"/servicePrincipals/{resource}/appRoleAssignedTo",
            rows,
            query,
        )

    def _held(
        self, principal: str, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        self._directory.principal(principal)
        rows = [
            assignment
            for assignment in self._directory.assignments.values()
            if assignment["principalId"] == principal
        ]
        return self._list(
            "appRoleAssignments",
            f"/servicePrincipals/{principal}/appRoleAssignments",
            rows,
            query,
        )

    def _assign(
        self, resource: str, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        made = self._directory.assign(resource, body)
        return self._one(
            f"servicePrincipals('{resource}')/appRoleAssignedTo", made, 201
        )

    def _assignment(
        self, resource: str, key: str, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        assignment = self._directory.assignments.get(key)
        if assignment is None or assignment["resourceId"] != resource:
            raise missing(key)
        return self._one(
            f"servicePrincipals('{resource}')/appRoleAssignedTo", assignment
        )

    def _unassign(
        self, resource: str, key: str, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        self._assignment(resource, key, query=query, body={})
        del self._directory.assignments[key]
        return 204, None

    def _grants(self, *, query: Mapping[str, str], body: Json) -> Answer:
        rows = list(self._directory.grants.values())
        return self._list(
            "oauth2PermissionGrants", "/oauth2PermissionGrants", rows, query
        )

    def _grant(self, *, query: Mapping[str, str], body: Json) -> Answer:
        return self._one(
            "oauth2PermissionGrants", self._directory.grant(body), 201
        )

    def _one_grant(
        self, key: str, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        if key not in self._directory.grants:
            raise missing(key)
        return self._one("oauth2PermissionGrants", self._directory.grants[key])

    def _update_grant(
        self, key: str, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        self._one_grant(key, query=query, body={})
        self._directory.grants[key]["scope"] = body["scope"]
        return 204, None

    def _delete_grant(
        self, key: str, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        self._one_grant(key, query=query, body={})
        del self._directory.grants[key]
        return 204, None

    def _groups(self, *, query: Mapping[str, str], body: Json) -> Answer:
        return self._list(
            "groups", "/groups", list(self._directory.groups.values()), query
        )

    def _owners(
        self, identifier: str, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        """Return the owners that a test set. A creator does not become an owner here."""
        owners = self._directory.owners.get(identifier, [])
        return 200, {
            **_context(self._base, "directoryObjects"),
            "value": owners,
        }

    def _no_members(
        self, identifier: str, *, query: Mapping[str, str], body: Json
    ) -> Answer:
        """Owners and members of groups: the stand-in has none."""
        return 200, {**_context(self._base, "directoryObjects"), "value": []}

    def _removed(
        self,
        identifier: str,
        owner: str,
        *,
        query: Mapping[str, str],
        body: Json,
    ) -> Answer:
        return 204, None


def _matches(row: Json, condition: str) -> bool:
    """Evaluate the supported forms of $filter: equalities joined by `and`, and the beginning of a
    text; case is ignored."""
    if match := _BEGINS.match(condition):
        name, text = match.groups()
        return (
            str(row.get(name))
            .lower()
            .startswith(text.replace("''", "'").lower())
        )
    for part in _AND.split(condition):
        if match := _ONE_OF.match(part):
            name = match[1]
            texts = _QUOTED.findall(match[2])
            if len(texts) > _EXPRESSIONS:
                raise bad(
                    f"Too many child clauses specified in search filter expression: {len(texts)}."
                )
            if str(row.get(name)).lower() not in [
                text.replace("''", "'").lower() for text in texts
            ]:
                return False
            continue
        match = _EQUALS.match(part)
        if match is None:
            raise bad(f"Invalid filter clause: {part}")
        name, text, truth = match.groups()
        wanted: Any = (
            truth == "true" if truth else text.replace("''", "'").lower()
        )
        have = row.get(name)
        if (have.lower() if isinstance(have, str) else have) != wanted:
            return False
    return True
