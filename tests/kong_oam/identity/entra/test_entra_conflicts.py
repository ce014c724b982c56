"""A tenant's objects with our names: the check lists them, and skips objects in the state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.model import Stack
from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.state import RecordedNames
from kong_oam.identity.entra.assignments import assignments
from kong_oam.identity.entra.conflicts import applications, name_conflicts
from kong_oam.identity.entra.description import describe
from kong_oam.oam.application import read_files
from sandbox.entra import Entra
from tests.support.entra_mocks import SETTINGS, entra, graph_of, program
from tests.support.estates import estate
from tests.support.repository import ROOT

WITH_SIGN_IN = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x, ports: [{port: 80}]}
      traits:
        - {type: gateway, properties: {domain: shop.example.com, http: {/: 80}}}
        - type: access
          properties:
            owner: shop
            scopes: {read: Read}
            rules: [{scopes: [read]}]
            roles:
              reader: {scopes: [read], groups: [sales], components: [shop/job, shop/web]}
    - name: job
      type: worker
      properties: {image: x}
      traits: [{type: client, properties: {kind: service, calls: [{component: shop/api, scopes: [read]}]}}]
    - name: web
      type: webservice
      properties: {image: x, ports: [{port: 80}]}
      traits:
        - {type: gateway, properties: {domain: web.example.com, http: {/: 80}}}
        - type: access
          properties: {owner: shop, rules: [{public: {reason: it signs users in}}]}
        - type: client
          properties: {kind: web, redirectPaths: [/callback], calls: [{component: shop/api, scopes: [read]}]}
"""
"""An API, and two clients of it: a service, and an application on a server that users sign in to."""

STACK = Stack("tests", {"main": describe(SETTINGS)}, domain="apps.example.com")
ESTATE = estate(WITH_SIGN_IN, stack=STACK)
JOB = "kong-oam tests shop/job"
ALL: RecordedNames = frozenset(
    (application.type, application.logical)
    for application in applications(SETTINGS, ESTATE)
)


@pytest.fixture
def tenant() -> Iterator[Entra]:
    with Entra(groups=("sales",)) as made:
        yield made


def _conflicts(
    tenant: Entra, held_names: RecordedNames = frozenset()
) -> list[Diagnostic]:
    with graph_of(tenant) as graph:
        return list(name_conflicts(graph, SETTINGS, ESTATE, held_names))


def make(tenant: Entra, name: str) -> str:
    return str(tenant.directory.create_application({"displayName": name})["id"])


def test_names_that_are_looked_for_are_those_that_are_made() -> None:
    """For the sample estate. Role assignments refer to listed applications only."""
    registered = program(clusterIssuer="https://cluster.example.com")
    provider = replace(SETTINGS, name="entra")
    stack = Stack(
        "local",
        {"entra": describe(provider)},
        domain="sandbox.example.com",
        scheme="http",
    )
    sample = compile_estate(read_files([ROOT / "applications"]), stack).estate
    assert sample is not None
    made = {
        application.name: application.inputs["displayName"]
        for application in entra(registered, "Application").values()
    }
    assert made == {
        application.logical: application.name
        for application in applications(provider, sample)
    }
    principals = entra(registered, "ServicePrincipal")
    assert set(principals) == {
        name.replace("entra-", "entra-principal-", 1) for name in made
    }
    assigned = {
        assignment.name: (
            assignment.inputs["principalObjectId"],
            assignment.inputs["appRoleId"],
            assignment.inputs["resourceObjectId"],
        )
        for assignment in entra(registered, "AppRoleAssignment").values()
    }
    expected = {}
    for assignment in assignments(provider, sample):
        holder = (
            f"id of {assignment.group}"
            if assignment.group
            else f"object entra-principal-{assignment.client}"
        )
        expected[assignment.logical] = (
            holder,
            assignment.role,
            f"object entra-principal-{assignment.at}",
        )
    assert assigned == expected and len(assigned) > 8


def test_a_tenant_without_our_names_is_no_concern(tenant: Entra) -> None:
    make(tenant, f"{JOB}2")
    assert _conflicts(tenant) == []


def test_what_the_state_holds_is_ours_and_is_not_asked_about(
    tenant: Entra,
) -> None:
    make(tenant, JOB)
    assert _conflicts(tenant, ALL) == []
    assert [path for _, path in tenant.requests if "applications" in path] == []


def test_all_applications_of_our_names_are_listed_and_none_is_adopted(
    tenant: Entra,
) -> None:
    """Whoever registered one may have a secret of it. Several may have one name."""
    api, *jobs = (
        make(tenant, name) for name in ("kong-oam tests shop/api API", JOB, JOB)
    )
    (found,) = _conflicts(
        tenant,
        ALL - {("azuread:index/application:Application", "main-app-shop/job")},
    )
    assert found.code == "ENV403" and api not in str(found)
    assert all(
        f"\n  Application '{JOB}', {job} (made " in str(found) for job in jobs
    )
    assert "`python -m kong_oam recover -s tests --remove` removes them" in str(
        found
    )
    assert "remove them there: the next run makes them anew" in str(found)
    assert "pulumi import" not in str(found)
