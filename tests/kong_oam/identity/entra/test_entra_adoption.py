"""What a tenant has under our names: what is adopted and by which ids, what has to go first, what is not asked."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from kong_oam.access.model import Stack
from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.state import Held
from kong_oam.identity.common.looked_up import LookedUp
from kong_oam.identity.entra import assignments as wanted
from kong_oam.identity.entra.adoption import name_conflicts
from kong_oam.identity.entra.api import Account, Graph
from kong_oam.identity.entra.assignments import ASSIGNMENT, FEDERATED, GRANT, NO_ROLE, PRINCIPAL
from kong_oam.identity.entra.description import describe
from kong_oam.identity.entra.names import APPLICATION, MICROSOFT_GRAPH, Tenant, role_id
from kong_oam.identity.entra.preflight import group_ids
from sandbox.entra import Entra
from sandbox.entra.service import ADMINISTRATOR, TENANT
from tests.support.applications import WITH_SIGN_IN
from tests.support.entra_mocks import SETTINGS, entra, program
from tests.support.estates import estate
from tests.support.mocks import Registered

STACK = Stack("tests", {"main": describe(SETTINGS)}, domain="apps.example.com")
ESTATE = estate(WITH_SIGN_IN, stack=STACK)
API, JOB, WEB = "kong-oam tests shop/api API", "kong-oam tests shop/job", "kong-oam tests shop/web"
READ, READER = (
    role_id("tests", "shop/api", "scope=read"),
    role_id("tests", "shop/api", STACK.providers["main"].listed("sales")),
)
OTHER, OTHER2 = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2))
"""Roles that are none of ours."""
ALL: Held = frozenset(
    [
        *((APPLICATION, f"main-{key}") for key in wanted.applications(SETTINGS, ESTATE)),
        *((PRINCIPAL, f"main-principal-{key}") for key in wanted.applications(SETTINGS, ESTATE)),
        *((ASSIGNMENT, one.logical) for one in wanted.assignments(SETTINGS, ESTATE)),
        *((GRANT, one.logical) for one in wanted.grants(SETTINGS, ESTATE)),
    ]
)


@pytest.fixture
def tenant() -> Iterator[Entra]:
    with Entra(groups=("sales", "others")) as made:
        yield made


def told(tenant: Entra, held: Held = frozenset(), **settings: Any) -> list[Diagnostic]:
    with Graph(Account(Tenant(tenant.url, TENANT), ADMINISTRATOR, tenant.secret)) as graph:
        changed = replace(SETTINGS, **settings)
        groups = group_ids(graph, changed, ESTATE, LookedUp())
        return list(name_conflicts(graph, changed, ESTATE, held, "kong-oam", groups))


def foreign(tenant: Entra, held: Held = frozenset(), **settings: Any) -> list[str]:
    return [one.message.partition("; that is")[0] for one in told(tenant, held, **settings) if one.code == "ENV404"]


def imported(found: Diagnostic) -> list[dict[str, Any]]:
    (line,) = (line.strip() for line in str(found).splitlines() if line.strip().startswith("echo "))
    echo, file, pipe, *command = shlex.split(line)
    assert (echo, pipe, command[:2]) == ("echo", "|", [f"ARM_TENANT_ID={TENANT}", "ARM_USE_CLI=false"])
    assert command[2].startswith("ARM_METADATA_HOSTNAME=127.0.0.1:")
    assert shlex.join(command[3:]).startswith("pulumi import --stack tests --yes --protect=false")
    resources: list[dict[str, Any]] = json.loads(file)["resources"]
    return resources


def make(tenant: Entra, name: str, **more: Any) -> tuple[str, str]:
    """An application and its service principal, as somebody made them; gives their object ids."""
    app = tenant.directory.create_application({"displayName": name, **more})
    return app["id"], tenant.directory.create_principal({"appId": app["appId"]})["id"]


def make_api(tenant: Entra) -> tuple[str, str]:
    roles = [(READ, "scope=read", "Application"), (READER, "group=sales", "User")]
    roles += [(one, f"scope={one}", "Application") for one in (OTHER, OTHER2)]
    listed = [
        {"id": one, "value": value, "displayName": value, "isEnabled": True, "allowedMemberTypes": [kind]}
        for one, value, kind in roles
    ]
    return make(tenant, API, appRoles=listed)


def group(tenant: Entra, name: str) -> str:
    return next(one["id"] for one in tenant.directory.groups.values() if one["displayName"] == name)


def assign(tenant: Entra, at: str, who: str, role: str) -> str:
    return str(tenant.directory.assign(at, {"appRoleId": role, "principalId": who})["id"])


def grant(tenant: Entra, client: str, at: str, scope: str = "read", **more: Any) -> str:
    body = {"clientId": client, "resourceId": at, "consentType": "AllPrincipals", "scope": scope, **more}
    return str(tenant.directory.grant(body)["id"])


def microsoft_graph(tenant: Entra) -> str:
    found = tenant.directory.principal_of(MICROSOFT_GRAPH)
    assert found is not None
    return str(found["id"])


def test_names_that_are_looked_for_are_those_that_are_made() -> None:
    """Of the sample estate: who is assigned what, and what is consented to, is what the program registers."""
    registered = program(clusterIssuer="https://cluster.example.com")
    applications = {one.name: one.inputs["displayName"] for one in entra(registered, "Application").values()}
    provider = replace(SETTINGS, name="entra")
    sample = _sample(provider)
    assert applications == {f"entra-{key}": name for key, name in wanted.applications(provider, sample).items()}
    assert set(entra(registered, "ServicePrincipal")) == {
        name.replace("entra-", "entra-principal-", 1) for name in applications
    }
    made = {one.name: _between(one) for one in entra(registered, "AppRoleAssignment").values()}
    expected = {}
    for one in wanted.assignments(provider, sample):
        holder = f"id of {one.group}" if one.group else f"object entra-principal-{one.client}"
        expected[one.logical] = (holder, one.role, f"object entra-principal-{one.at}")
    assert made == expected and len(made) > 8
    consented = {
        one.name: (one.inputs["servicePrincipalObjectId"], one.inputs["resourceServicePrincipalObjectId"])
        for one in entra(registered, "ServicePrincipalDelegatedPermissionGrant").values()
    }
    assert set(consented) == {one.logical for one in wanted.grants(provider, sample)}
    for one in wanted.grants(provider, sample):
        if one.at != MICROSOFT_GRAPH:
            assert consented[one.logical] == (
                f"object entra-principal-{one.client}",
                f"object entra-principal-{one.at}",
            )
    federated = entra(registered, "ApplicationFederatedIdentityCredential")
    assert {one.inputs["displayName"] for one in federated.values()} == {wanted.FEDERATION_NAME}
    assert "entra-federation-shop/checkout" in federated


def _between(one: Registered) -> tuple[str, str, str]:
    return one.inputs["principalObjectId"], one.inputs["appRoleId"], one.inputs["resourceObjectId"]


def _sample(provider: Any) -> Any:
    from pathlib import Path

    from kong_oam.access.compile.estate import compile_estate
    from kong_oam.oam.application import read_files

    stack = Stack("local", {"entra": describe(provider)}, domain="sandbox.example.com", scheme="http")
    compiled = compile_estate(read_files([Path(__file__).parents[4] / "applications"]), stack)
    assert compiled.estate is not None
    return compiled.estate


def test_a_tenant_without_our_names_is_no_concern(tenant: Entra) -> None:
    make(tenant, f"{JOB}2")
    assert told(tenant) == []


def test_what_the_state_holds_is_ours_and_is_not_asked_about(tenant: Entra) -> None:
    make_api(tenant)
    assert told(tenant, ALL) == []
    assert [path for _, path in tenant.requests if "applications" in path or "Principals" in path] == []


def test_everything_of_our_names_is_listed_with_the_id_to_import_it_by(tenant: Entra) -> None:
    """Assignments and consent are known by whom they are between: those that the program would make."""
    (api, at), (job, calls), (web, signs) = make_api(tenant), make(tenant, JOB), make(tenant, WEB)
    holds = assign(tenant, at, group(tenant, "sales"), READER)
    granted, let_in = assign(tenant, at, calls, READ), assign(tenant, signs, group(tenant, "sales"), NO_ROLE)
    consent, sign_in = grant(tenant, signs, at), grant(tenant, signs, microsoft_graph(tenant), "openid")
    (found,) = told(tenant)
    assert found.code == "ENV403" and f"\n  Application '{JOB}', /applications/{job} (made " in str(found)
    first, *rest = imported(found)
    assert first == {"type": "kong-oam:identity:Entra", "name": "main", "component": True}
    assert {(one["type"], one["name"]): one["id"] for one in rest} == {
        (APPLICATION, "main-api-shop/api"): f"/applications/{api}",
        (APPLICATION, "main-app-shop/job"): f"/applications/{job}",
        (APPLICATION, "main-app-shop/web"): f"/applications/{web}",
        (PRINCIPAL, "main-principal-api-shop/api"): f"/servicePrincipals/{at}",
        (PRINCIPAL, "main-principal-app-shop/job"): f"/servicePrincipals/{calls}",
        (PRINCIPAL, "main-principal-app-shop/web"): f"/servicePrincipals/{signs}",
        (ASSIGNMENT, "main-group-shop/api:sales"): f"/servicePrincipals/{at}/appRoleAssignedTo/{holds}",
        (ASSIGNMENT, "main-grant-shop/job:shop/api:read"): f"/servicePrincipals/{at}/appRoleAssignedTo/{granted}",
        (ASSIGNMENT, "main-signs-in-shop/web:sales"): f"/servicePrincipals/{signs}/appRoleAssignedTo/{let_in}",
        (GRANT, "main-grant-shop/web:shop/api"): f"/oauth2PermissionGrants/{consent}",
        (GRANT, "main-consent-shop/web"): f"/oauth2PermissionGrants/{sign_in}",
    }


def test_of_several_of_one_name_none_is_taken_over(tenant: Entra) -> None:
    both = [make(tenant, JOB)[0] for _ in range(2)]
    (found,) = told(tenant)
    assert all(one in str(found) for one in both)
    assert "ServicePrincipal" not in str(found)
    assert f"There are several of '{JOB}': rename or remove all but the one" in str(found)
    assert "pulumi import" not in str(found)


def test_what_an_interrupted_run_left_of_our_own_application_is_taken_over_alone(tenant: Entra) -> None:
    """Its service principal and an assignment; what else is at an application that is ours is nobody's concern here."""
    (_, at), (_, calls) = make_api(tenant), make(tenant, JOB)
    assign(tenant, at, calls, OTHER)
    granted = assign(tenant, at, calls, READ)
    assign(tenant, at, calls, OTHER2)
    assign(tenant, at, group(tenant, "others"), READER)
    new = {(PRINCIPAL, "main-principal-app-shop/job"), (ASSIGNMENT, "main-grant-shop/job:shop/api:read")}
    (found,) = told(tenant, ALL - new | {("kong-oam:identity:Entra", "main")})
    assert [(one["name"], one["id"]) for one in imported(found)] == [
        ("main-principal-app-shop/job", f"/servicePrincipals/{calls}"),
        ("main-grant-shop/job:shop/api:read", f"/servicePrincipals/{at}/appRoleAssignedTo/{granted}"),
    ]


def test_whoever_could_be_the_client_has_to_go_first(tenant: Entra) -> None:
    """Owners, secrets and certificates of the application and of its service principal, trust in another's tokens."""
    app, principal = make(tenant, JOB)
    directory = tenant.directory
    user = {"id": "u1", "userPrincipalName": "eve@example.com"}
    directory.owners[app] = [user, {"id": _caller(tenant)}]
    directory.owners[principal] = [{"id": "s1", "displayName": "evil"}]
    secret = directory.add_password(app, {"displayName": "mine"})["keyId"]
    directory.applications[app]["keyCredentials"] = [{"keyId": "k1", "displayName": None}]
    directory.principals[principal]["passwordCredentials"] = [{"keyId": "k2", "displayName": "x"}]
    directory.principals[principal]["keyCredentials"] = [{"keyId": "k3", "displayName": "y"}]
    trust = {"issuer": "https://evil.example.com", "subject": "me", "audiences": ["a"]}
    directory.add_federated(app, {"name": "kubernetes", **trust})
    assert foreign(tenant) == [
        f"application '{JOB}': {stray}"
        for stray in (
            "owner 'eve@example.com' (u1)",
            f"secret 'mine' ({secret})",
            "certificate 'None' (k1)",
            "federated credential 'kubernetes' (https://evil.example.com, me)",
            "owner 'evil' (s1)",
            "secret 'x' (k2)",
            "certificate 'y' (k3)",
        )
    ]
    assert "pulumi import" not in str(told(tenant)[0])


def _caller(tenant: Entra) -> str:
    with Graph(Account(Tenant(tenant.url, TENANT), ADMINISTRATOR, tenant.secret)) as graph:
        assert graph.caller
        return graph.caller


def test_trust_in_the_cluster_is_taken_over_and_set_right(tenant: Entra) -> None:
    """Where the stack has it: the one of its name, whatever it trusts until then. Any other has to go."""
    app, _ = make(tenant, JOB)
    trust = {"issuer": "https://old.example.com", "subject": "me", "audiences": ["a"]}
    one = tenant.directory.add_federated(app, {"name": "kubernetes", **trust})["id"]
    (found,) = told(tenant, cluster_issuer="https://cluster.example.com")
    assert {each["name"]: each["id"] for each in imported(found) if each["type"] == FEDERATED} == {
        "main-federation-shop/job": f"{app}/federatedIdentityCredential/{one}"
    }
    tenant.directory.add_federated(app, {"name": "more", **trust})
    assert foreign(tenant, cluster_issuer="https://cluster.example.com") == [
        f"application '{JOB}': federated credential 'more' (https://old.example.com, me)"
    ]


def test_whoever_is_assigned_or_consented_to_has_to_be_ours(tenant: Entra) -> None:
    """At an API: groups, services and clients that no role names. Of a client: rights elsewhere, a user's own consent.

    What a user consented to at Microsoft Graph, such as a sign-in, is theirs.
    """
    (api, at), (_, signs), (_, evil) = make_api(tenant), make(tenant, WEB), make(tenant, "evil")
    tenant.directory.applications[api]["api"]["preAuthorizedApplications"] = [{"appId": "a1"}]
    assign(tenant, at, evil, READ)
    assign(tenant, at, group(tenant, "others"), READER)
    assign(tenant, evil, signs, NO_ROLE)
    assign(tenant, signs, group(tenant, "sales"), NO_ROLE)
    grant(tenant, evil, at)
    grant(tenant, signs, at, "read write", consentType="Principal", principalId="u1")
    grant(tenant, signs, microsoft_graph(tenant), "openid", consentType="Principal", principalId="u1")
    evil_app = tenant.directory.principals[evil]["id"]
    assert foreign(tenant) == [
        f"application '{API}': application a1, which is authorized in advance",
        f"application '{API}': 'evil' assigned to '{API}'",
        f"application '{API}': 'others' assigned to '{API}'",
        f"application '{API}': consent to 'read' for client {evil_app} (AllPrincipals)",
        f"application '{API}': consent to 'read write' for client {signs} (Principal)",
        f"application '{WEB}': '{WEB}' assigned to 'evil'",
        f"application '{WEB}': consent to 'read write' for client {signs} (Principal)",
    ]


def test_what_our_resources_set_right_is_no_obstacle(tenant: Entra) -> None:
    """Redirects, addresses, permissions, who may sign in: they are the application's own, and replaced as a whole."""
    make(tenant, WEB, web={"redirectUris": ["https://evil.example.com/"]}, identifierUris=["api://evil"])
    assert foreign(tenant) == []
