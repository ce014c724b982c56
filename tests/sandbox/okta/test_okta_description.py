"""Every answer of the Okta stand-in to an operation of Okta's API description satisfies that description."""

from collections import Counter
from typing import Any

import pytest

from tests.support.sandbox.okta_description import description
from tests.support.sandbox.okta_org import Admin, app, build, client_id, new_okta, policy, rule

ANSWERS_AT_LEAST = 121
# Operations that the official plugin needs and the description does not have.
UNDESCRIBED = {"/api/v1/users/me", "/.well-known/okta-organization", "/api/v1/policies"}


class Checked:
    """Holds every answer against the description, and counts."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []

    def __call__(self, method: str, path: str, status: int, body: Any) -> None:
        if description().responses(method, path) is None:
            assert path in UNDESCRIBED or path.startswith("/api/v1/internal/"), f"{method} {path}"
            self.counts["not in the description"] += 1
            return
        self.counts["checked"] += 1
        errors = description().errors(method, path, status, body)
        self.faults += [f"{method} {path} {status}: {error}" for error in errors]


def live(admin: Admin, path: str, body: Any, lifecycle: bool = False) -> None:
    """The life of one object: create, read, list, replace, (de)activate, delete, read and delete what is gone."""
    made = admin.make(path, body)
    own = f"{path}/{made['id']}"
    admin.get(own)
    admin.get(path)
    assert admin.call("PUT", f"/api/v1/{own}", body)[0] == 200
    for verb in ("deactivate", "activate", "deactivate") if lifecycle else ():
        assert admin.call("POST", f"/api/v1/{own}/lifecycle/{verb}")[0] in (200, 204)
    assert admin.refused("POST", path, {**body, "nonsense": 1})[0] == 400
    assert admin.call("DELETE", f"/api/v1/{own}")[0] == 204
    for method in ("GET", "DELETE"):
        assert admin.call(method, f"/api/v1/{own}")[0] == 404


def test_the_whole_life_of_every_object_satisfies_the_description() -> None:
    """Each kind is created, read, listed, replaced, deactivated, refused and deleted."""
    description()
    key = {"kty": "RSA", "kid": "k1", "e": "AQAB", "n": "AQAB"}
    claim = {
        "name": "c",
        "claimType": "RESOURCE",
        "valueType": "GROUPS",
        "group_filter_type": "EQUALS",
        "value": "sales",
    }
    with new_okta() as okta:
        estate = build(okta)
        checked = Checked()
        admin = Admin(okta.url, checked)
        path, held = estate.path, admin.get(f"{estate.path}/policies")[0]["id"]
        live(admin, "authorizationServers", {"name": "other", "audiences": ["api://other"]}, lifecycle=True)
        live(admin, f"{path}/scopes", {"name": "orders.audit", "description": "Audit orders", "consent": "REQUIRED"})
        live(admin, f"{path}/claims", claim)
        live(admin, f"{path}/policies", policy("p", client_id(estate.web)), lifecycle=True)
        live(admin, f"{path}/policies/{held}/rules", rule("r", "client_credentials", ["*"], []), lifecycle=True)
        live(admin, "apps", app("a", "service"), lifecycle=True)
        live(admin, "apps", app("a", "web", grant_types=["authorization_code", "refresh_token"]), lifecycle=True)
        live(admin, "apps", app("a", "web", application_type="browser", method="none"), lifecycle=True)
        live(admin, "apps", app("a", "service", method="private_key_jwt", jwks={"keys": [key]}), lifecycle=True)
        live(admin, "groups", {"profile": {"name": "team", "description": "A team"}})
        origin = {"name": "o", "origin": "https://o.example.com", "scopes": [{"type": "CORS"}]}
        live(admin, "trustedOrigins", origin, lifecycle=True)
        kid = admin.get(f"{path}/credentials/keys")[0]["kid"]
        admin.get(f"{path}/credentials/keys/{kid}")
        assert admin.call("POST", f"/api/v1/{path}/credentials/lifecycle/keyRotate", {"use": "sig"})[0] == 200
        assignment = f"apps/{estate.web['id']}/groups/{estate.groups['Everyone']}"
        assert admin.call("PUT", f"/api/v1/{assignment}", {"profile": {}})[0] == 200
        admin.get(assignment)
        admin.get(f"apps/{estate.web['id']}/groups?limit=200")
        assert admin.call("DELETE", f"/api/v1/{assignment}")[0] == 204
        policies = admin.get("policies?type=ACCESS_POLICY")
        assert admin.call("PUT", f"/api/v1/apps/{estate.web['id']}/policies/{policies[0]['id']}")[0] == 204
    print(dict(checked.counts))
    assert checked.faults == []
    assert checked.counts["checked"] >= ANSWERS_AT_LEAST


@pytest.mark.parametrize("status", [400, 404])
def test_refusals_are_errors_as_described(status: int) -> None:
    """The Error schema has errorCode, errorSummary, errorLink, errorId and errorCauses."""
    with new_okta() as okta:
        admin = Admin(okta.url)
        target = "/api/v1/apps" if status == 400 else "/api/v1/apps/0oa1"
        method = "POST" if status == 400 else "GET"
        found, body = admin.call(method, target, {} if status == 400 else None)
        assert found == status
        assert description().errors(method, target, found, body) == []
        assert sorted(body) == ["errorCauses", "errorCode", "errorId", "errorLink", "errorSummary"]
