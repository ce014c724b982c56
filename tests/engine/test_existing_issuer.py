"""An existing issuer (oidc): the same Applications, no changes at the issuer, and the same answers
for every caller."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from sandbox.demo.existing import PROVIDER, hand_out, provider_entry, set_up
from sandbox.demo.table import ask, estate_of
from sandbox.issuer import Issuer, Key
from sandbox.local import USERS, Local
from sandbox.project import set_providers, stack_file
from tests.support.engine.calls import call
from tests.support.engine.deployment import (
    AT_ONCE,
    Deployment,
    Empty,
    project,
    start,
)
from tests.support.engine.sample import Sample
from tests.support.tiers import deep_after

AUDIENCE = "api://sandbox"
GROUPS = {user.login: user.groups for user in USERS}


def _prepared(deployment: Deployment, issuer: Issuer) -> Deployment:
    estate = estate_of(deployment.folder)
    set_up(issuer, estate)
    hand_out(issuer, estate, deployment.local.cluster)
    set_providers(deployment.folder, [provider_entry(issuer, estate)])
    return deployment


@pytest.fixture(scope="module")
def existing(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Deployment, Issuer]]:
    """The sample estate after its `up`; who uses it changes nothing that lasts."""
    folder = tmp_path_factory.mktemp("project")
    with Issuer(AUDIENCE, users=GROUPS) as issuer, Local(lags=AT_ONCE) as local:
        deployment = _prepared(start(local, project(folder)), issuer)
        deployment.run("up")
        yield deployment, issuer


def test_every_caller_gets_the_same_answers_as_with_okta(
    existing: tuple[Deployment, Issuer], sample: Sample
) -> None:
    """Every call of every caller has the same answer, which is also the model's."""
    deployment, _ = existing
    table = ask(deployment.local, estate_of(deployment.folder))
    with_okta = ask(sample.local, estate_of(sample.deployment.folder))
    assert table.wrong == with_okta.wrong == ()
    assert table.rows == with_okta.rows
    assert [caller.name for caller in table.callers] == [
        caller.name for caller in with_okta.callers
    ]
    assert {200, 401, 403} <= {
        answer for row in table.rows.values() for answer in row
    }


def test_nothing_is_made_at_the_issuer_and_nothing_changes_again(
    existing: tuple[Deployment, Issuer],
) -> None:
    """No resource of an identity provider's package, and a quiet second run."""
    deployment, issuer = existing
    packages = {
        resource["type"].split(":")[0] for resource in deployment.state()
    }
    assert packages == {"pulumi", "kong-oam", "kong", "kubernetes"}
    assert deployment.output("issuers") == {PROVIDER: issuer.url}
    deployment.assert_unchanged()


@pytest.mark.deep
def test_a_components_own_variable_is_set_once(
    existing: tuple[Deployment, Issuer],
) -> None:
    """It overrides ours: Kubernetes would create a Deployment with duplicate variables, and then
    reject each update."""
    deployment, _ = existing
    shop, image = (
        "applications/shop.yaml",
        "image: registry.example.com/checkout:2.1\n",
    )
    own = f"{image}        env: [{{name: OAUTH_CLIENT_SECRET, value: mine}}]\n"
    deployment.edit(shop, image, own)
    assert deployment.changes("up")["shop/checkout-deployment"] == "update"
    (found,) = (
        item
        for item in deployment.local.cluster.objects("Deployment")
        if item["metadata"]["name"] == "checkout"
    )
    (container,) = found["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [
        {"name": "OAUTH_CLIENT_SECRET", "value": "mine"}
    ]
    deployment.edit(shop, own, image)
    assert deployment.changes("up")["shop/checkout-deployment"] == "update"


def test_the_clients_secrets_stay_where_they_are(
    existing: tuple[Deployment, Issuer],
) -> None:
    """The pods refer to them by name and key; no value is in the state or in a Secret of ours."""
    deployment, issuer = existing
    exported = deployment.pulumi("stack", "export", "--show-secrets").stdout
    kept = {
        client.id: client.secret
        for client in issuer.clients.values()
        if client.secret is not None
    }
    assert {
        client: secret in exported for client, secret in kept.items()
    } == dict.fromkeys(kept, False)
    assert 0 < len(kept) < len(issuer.clients), "pages keep none"
    (found,) = (
        item
        for item in deployment.local.cluster.objects("Deployment")
        if item["metadata"]["name"] == "checkout"
    )
    (container,) = found["spec"]["template"]["spec"]["containers"]
    reference = {
        "secretKeyRef": {"name": "shop-checkout-oidc", "key": "secret"}
    }
    assert {"name": "OAUTH_CLIENT_SECRET", "valueFrom": reference} in container[
        "env"
    ]
    (own,) = (
        secret
        for secret in deployment.local.cluster.objects("Secret")
        if secret["metadata"]["name"] == "checkout-client"
    )
    assert (
        "OAUTH_CLIENT_ID" in own["data"]
        and "OAUTH_CLIENT_SECRET" not in own["data"]
    )


def test_an_id_token_and_a_strangers_token_do_not_count(
    existing: tuple[Deployment, Issuer],
) -> None:
    """Denied are tokens without the mark of an access token, for another audience, or signed by an
    encryption key."""
    deployment, issuer = existing
    client = deployment.output("clients")[PROVIDER]["shop/checkout"]
    own = {"sub": client, "client_id": client}
    claims = {
        "iss": issuer.url,
        "aud": AUDIENCE,
        **own,
        "scope": "orders.read",
        "exp": 2**31,
    }
    access = {**claims, "token_use": "access"}
    key = issuer.published[0]

    def status(token: str) -> int:
        return call(
            deployment.local, "GET", "orders.example.com", "/orders", token
        ).status

    assert status(key.sign(access)) == 200
    assert status(key.sign(claims)) == 401
    assert status(key.sign({**access, "token_use": "id"})) == 401
    assert status(key.sign({**access, "aud": client})) == 401
    assert (
        status(key.sign({**access, "sub": "other", "client_id": "other"}))
        == 403
    ), "a client that nobody declared"
    assert status(Key(kid=key.kid).sign(access)) == 401
    assert status(issuer._encryption.sign(access)) == 401


@pytest.mark.deep
def test_a_client_that_the_stack_does_not_name_stops_the_run(
    empty: Empty,
) -> None:
    """The message has its place in the Application and the nearest known name; nothing is
    provisioned."""
    with Issuer(AUDIENCE, users=GROUPS) as issuer:
        deployment = _prepared(empty(), issuer)
        file = stack_file(deployment.folder)
        file.write_text(
            file.read_text("utf-8").replace("shop/checkout:", "shop/chekout:"),
            "utf-8",
        )
        done = deployment.run("up", check=False)
    assert done.returncode != 0
    output = done.stdout
    assert "applications/shop.yaml:" in output
    assert (
        "error ENV402: no client id for 'shop/checkout' at oidc; did you mean 'shop/chekout'?"
        in output
    )
    assert (
        "Set it under identityProviders[].clients in stacks/Pulumi.local.yaml"
        in output
    )
    assert {
        resource["type"].split(":")[0] for resource in deployment.state()
    } <= {"pulumi"}


@pytest.mark.parametrize(
    ("fault", "message"),
    deep_after(
        1,
        [
            ("down", "answers 503 without a JSON object"),
            (
                "renamed",
                "publishes the issuer 'https://other.example.com'; set exactly that issuer",
            ),
            ("no keys", "no key in its key set can verify tokens"),
        ],
    ),
)
def test_an_issuer_that_cannot_be_believed_stops_the_run(
    existing: tuple[Deployment, Issuer], fault: str, message: str
) -> None:
    """Before any change: the deployed estate stays as it is."""
    deployment, issuer = existing
    before = json.dumps(
        deployment.local.kong.entities("jwt_secrets"), sort_keys=True
    )
    keys = issuer.published
    if fault == "no keys":
        issuer.published = []
    issuer.down, issuer.named = (
        fault == "down",
        "https://other.example.com" if fault == "renamed" else None,
    )
    try:
        done = deployment.run("up", check=False)
    finally:
        issuer.down, issuer.named, issuer.published = False, None, keys
    assert (
        done.returncode != 0
        and message in done.stdout
        and "identity provider 'oidc'" in done.stdout
    )
    assert (
        json.dumps(
            deployment.local.kong.entities("jwt_secrets"), sort_keys=True
        )
        == before
    )
    deployment.assert_unchanged()
