"""One stack with two identity providers: a component picks its provider, tokens are valid only at
their provider's components, and groups are separate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from kong_oam.access.model import Estate
from sandbox import caller
from sandbox.demo.existing import PROVIDER, hand_out, provider_entry, set_up
from sandbox.demo.table import estate_of
from sandbox.issuer import Issuer
from sandbox.local import Local
from sandbox.project import set_providers
from tests.support.engine.calls import call, service_token, user_token
from tests.support.engine.deployment import AT_ONCE, Deployment, project, start

OKTA = {"name": "okta", "type": "okta"}
GROUPS = {"sales": "Sales Team", "order-desk": "Order Desk"}
"""Logical groups as the issuer that exists calls them; at Okta they are called as in the Applications."""


@dataclass(frozen=True, slots=True)
class Two:
    """The sample estate: the existing issuer guards `reports`, and Okta all other components."""

    deployment: Deployment
    issuer: Issuer

    def token(self, component: str, user: str | None = None) -> str:
        """Return a token of the issuer that exists, which is not the stack's default."""
        settings = caller.environment(
            self.deployment.local.cluster.url, "default", component
        )
        own = {
            k.replace(f"_{PROVIDER.upper()}_", "_"): v
            for k, v in settings.items()
            if f"OAUTH_{PROVIDER.upper()}_" in k
        }
        return caller.token(own, user)[0]

    def status(self, method: str, url: str, token: str) -> int:
        host, _, path = url.partition("/")
        return call(
            self.deployment.local, method, host, f"/{path}", token
        ).status


def _mine(estate: Estate) -> Estate:
    """Return the part of the estate whose clients are at the issuer that exists."""
    applications = tuple(
        replace(
            application,
            components=tuple(
                part.with_clients(
                    client
                    for client in part.identity.clients
                    if client.provider == PROVIDER
                )
                for part in application.components
            ),
        )
        for application in estate.applications
    )
    return Estate(estate.stack, applications)


def _reports_elsewhere(folder: Path) -> None:
    """The access trait of reports/library picks the provider."""
    file = folder / "applications" / "reports.yaml"
    application = yaml.safe_load(file.read_text("utf-8"))
    (library,) = (
        part
        for part in application["spec"]["components"]
        if part["name"] == "library"
    )
    (access,) = (
        trait for trait in library["traits"] if trait["type"] == "access"
    )
    access["properties"]["identityProvider"] = PROVIDER
    file.write_text(yaml.safe_dump(application, sort_keys=False), "utf-8")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    users = {
        "user-sales": ("Sales Team",),
        "user-order-desk": ("Order Desk",),
        "user-wrong": ("sales",),
    }
    with (
        Issuer("api://sandbox", users=users) as issuer,
        Local(lags=AT_ONCE) as local,
    ):
        deployment = start(local, project(tmp_path_factory.mktemp("project")))
        _reports_elsewhere(deployment.folder)
        named = {"name": PROVIDER, "type": "oidc", "groups": GROUPS}
        set_providers(
            deployment.folder, [OKTA, named]
        )  # enough to know the caller and the API
        estate = _mine(estate_of(deployment.folder))
        set_up(issuer, estate)
        hand_out(issuer, estate, local.cluster)
        set_providers(
            deployment.folder,
            [OKTA, {**provider_entry(issuer, estate), "groups": GROUPS}],
        )
        deployment.run("up")
        yield Two(deployment, issuer)


def test_each_component_accepts_only_its_providers_tokens(two: Two) -> None:
    """And no others, though both are the stack's and the same audience."""
    local = two.deployment.local
    ours, theirs = service_token(local, "checkout"), two.token("renderer")
    assert two.status("GET", "orders.example.com/orders", ours) == 200
    assert two.status("GET", "reports.example.com/reports", theirs) == 200
    assert two.status("GET", "orders.example.com/orders", theirs) == 401
    assert two.status("GET", "reports.example.com/reports", ours) == 401
    assert two.status("GET", "hello.example.com/", ours) == 200
    assert (
        two.status("GET", "hello.example.com/", theirs) == 401
    )  # without an access trait: the default's


def test_a_group_is_called_as_its_provider_calls_it(two: Two) -> None:
    """`sales` of the Application is `Sales Team` at one provider and `sales` at the other."""
    assert (
        two.status(
            "GET",
            "reports.example.com/reports",
            two.token("console", "user-sales"),
        )
        == 200
    )
    assert (
        two.status(
            "PUT",
            "reports.example.com/reports",
            two.token("console", "user-sales"),
        )
        == 403
    )
    assert (
        two.status(
            "PUT",
            "reports.example.com/reports",
            two.token("console", "user-order-desk"),
        )
        == 200
    )
    with pytest.raises(caller.browser.IssuerError, match="access_denied"):
        two.token("console", "user-wrong")
    token = user_token(two.deployment.local, "web", "user-sales")
    assert two.status("GET", "orders.example.com/orders", token) == 200


def test_two_rings_and_two_issuers(two: Two) -> None:
    """Each has its own keys; nothing changes in a second run."""
    assert set(two.deployment.output("issuers")) == {"okta", PROVIDER}
    assert set(two.deployment.output("keySlots")) == {"okta", PROVIDER}
    assert two.deployment.changes("up") == {}
