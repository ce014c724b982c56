"""A tenant of Entra: the same Applications, an application per API and per client, and the same
answers for every caller."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import caller
from sandbox.browser import IssuerError
from sandbox.demo.identity import ENTRA_LAG, ENTRA_SETTINGS
from sandbox.demo.table import ask, estate_of
from sandbox.entra import Entra
from sandbox.local import GROUPS, STACK, USERS, Local
from sandbox.project import set_providers
from tests.support.engine.calls import call
from tests.support.engine.deployment import AT_ONCE, Deployment, project, start
from tests.support.engine.sample import Sample

UNKNOWN = "gateway: a preview cannot show the changes of 4 gates, such as kong-oam.local.desk.mcp.8000: "
"""The message about clients and APIs whose ids the tenant generates in the same run."""


@pytest.fixture(scope="module")
def deployed(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Deployment, Entra]]:
    """The sample estate after its `up`; tests that change it come last, and revert their changes."""
    folder = tmp_path_factory.mktemp("project")
    with (
        Entra(
            GROUPS, {user.login: user.groups for user in USERS}, lag=ENTRA_LAG
        ) as tenant,
        Local(lags=AT_ONCE) as local,
    ):
        local.env |= tenant.environment
        deployment = start(local, project(folder, "policies"))
        entry = {
            "name": "entra",
            "type": "entra",
            "issuer": tenant.issuer,
            **ENTRA_SETTINGS,
        }
        set_providers(folder, [entry])
        previewed = deployment.pulumi(
            "preview", "-s", STACK, "--policy-pack", "policies"
        )
        assert UNKNOWN in previewed.stdout + previewed.stderr
        assert (
            "orders/api-8080-gate changes in this run, even if the preview lists it"
            in previewed.stdout
        )
        deployment.run("up")
        yield deployment, tenant


def test_every_caller_gets_the_same_answers_as_with_okta(
    deployed: tuple[Deployment, Entra], sample: Sample
) -> None:
    """Every call of every caller is answered in the same way, though a token of Entra's is for one API."""
    deployment, _ = deployed
    table = ask(deployment.local, estate_of(deployment.folder))
    with_okta = ask(sample.local, estate_of(sample.deployment.folder))
    assert table.wrong == with_okta.wrong == ()
    assert [item.name for item in table.callers] == [
        item.name for item in with_okta.callers
    ]
    assert table.rows.keys() == with_okta.rows.keys()
    assert table.rows == with_okta.rows
    assert {200, 401, 403} <= {
        answer for row in table.rows.values() for answer in row
    }


def test_a_second_run_changes_nothing(
    deployed: tuple[Deployment, Entra],
) -> None:
    """Nor does a refresh. A preview shows the gate's table with Entra's generated audience."""
    deployment, tenant = deployed
    previewed = deployment.pulumi("preview", "-s", STACK)
    assert "a preview cannot show" not in previewed.stdout + previewed.stderr
    deployment.assert_unchanged("preview")
    deployment.assert_unchanged()
    deployment.run("refresh")
    deployment.assert_unchanged()
    names = {
        application["appId"]: application["displayName"]
        for application in tenant.directory.applications.values()
    }
    assert {
        key: names[made] for key, made in deployment.output("audiences").items()
    } == {
        "desk/mcp": "kong-oam local desk/mcp API",
        "orders/api": "kong-oam local orders/api API",
        "reports/library": "kong-oam local reports/library API",
    }


def test_tokens_of_others_are_invalid(
    deployed: tuple[Deployment, Entra],
) -> None:
    """Denied are another tenant's token of the same key, tokens of version 1, and tokens for other
    APIs of the tenant. An application without an assignment gets no token."""
    deployment, tenant = deployed
    audience = deployment.output("audiences")["orders/api"]
    client = deployment.output("clients")["entra"]["shop/checkout"]
    base = {
        "iss": tenant.issuer,
        "aud": audience,
        "azp": client,
        "oid": "o",
        "ver": "2.0",
        "exp": 2**31,
    }
    claims = {**base, "idtyp": "app", "roles": ["scope=orders.read"]}

    def status(
        url: str = "orders.example.com/orders", **changes: object
    ) -> int:
        token = tenant.login.sign({**claims, **changes})
        host, _, path = url.partition("/")
        return call(deployment.local, "GET", host, f"/{path}", token).status

    assert status() == 200
    assert status(iss=tenant.issuer.replace("11111111", "99999999")) == 401
    assert status(ver="1.0") == 401
    assert status(azp="c") == 403, "a client that holds nothing here"
    assert status(idtyp=None) == 401
    assert status(aud=deployment.output("audiences")["reports/library"]) == 403
    assert status("hello.example.com/") == 200
    assert (
        status("hello.example.com/", aud="99999999-9999-4999-8999-999999999999")
        == 403
    )
    assert status(roles=["orders.read", "group=order-desk"]) == 403
    settings = caller.environment(
        deployment.local.cluster.url, "default", "checkout"
    )
    with pytest.raises(IssuerError) as refused:
        caller.token(
            {
                **settings,
                "API_SCOPES_X": f"{deployment.output('audiences')['reports/library']}/.default",
            },
            api="x",
        )
    assert "AADSTS501051" in refused.value.error_description
