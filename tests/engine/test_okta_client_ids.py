"""Client ids at Okta: chosen where an app is made, and left as they are where Okta made them up before that."""

from __future__ import annotations

import json

import pytest

from sandbox.local import STACK
from tests.support.engine.calls import call, credential, service_token
from tests.support.engine.deployment import (
    Deployment,
    Empty,
    remove_applications,
)
from tests.support.faults.tiny import HOST, PROTECTED, TINY

APP, POLICY, CHOSEN = (
    "okta-app-tiny/job",
    "okta-policy-tiny/job",
    "kong-oam.local.tiny.job",
)


@pytest.fixture
def tiny(empty: Empty) -> Deployment:
    deployment = empty("components")
    remove_applications(deployment.folder)
    (deployment.folder / "applications/tiny.yaml").write_text(TINY)
    return deployment


def _listed(deployment: Deployment) -> list[str]:
    """Return the clients of the policy, as a preview that makes it knows them."""
    steps = json.loads(
        deployment.pulumi("preview", "-s", STACK, "--json").stdout
    )["steps"]
    (policy,) = (
        step["newState"]
        for step in steps
        if step["urn"].endswith(f"::{POLICY}")
    )
    found: list[str] = policy["inputs"]["clientWhitelists"]
    return found


def _app(deployment: Deployment) -> tuple[str, str]:
    """Return the id of the one app, and its client id."""
    (app,) = deployment.local.okta.objects("apps")
    return app["id"], app["credentials"]["oauthClient"]["client_id"]


def _answered(deployment: Deployment) -> int:
    """Return the API's answer to the job with the data of its Secret."""
    return call(
        deployment.local,
        "GET",
        HOST,
        PROTECTED,
        service_token(deployment.local, "job"),
    ).status


def _replaced(deployment: Deployment) -> dict[str, str]:
    """Recreate the app, and return the other changes. The job gets tokens afterwards, and a second
    run does nothing."""
    before = _app(deployment)[0]
    changes = deployment.changes("up", "--replace", f"**::{APP}")
    assert changes.pop(APP) == "create-replacement"
    assert (_app(deployment)[0] != before, _app(deployment)[1]) == (
        True,
        CHOSEN,
    )
    assert _answered(deployment) == 200
    deployment.assert_unchanged("up", "--refresh")
    return changes


@pytest.mark.deep
def test_a_first_preview_knows_the_client_id_and_the_app_is_made_with_it(
    tiny: Deployment,
) -> None:
    """Its dependents are known as well; a second run does nothing; a recreated app has the same
    client id."""
    assert _listed(tiny) == [CHOSEN]
    tiny.run("up")
    assert (
        _app(tiny)[1]
        == CHOSEN
        == credential(tiny.local, "job")["OAUTH_CLIENT_ID"]
    )
    assert _answered(tiny) == 200
    tiny.assert_unchanged()
    assert _replaced(tiny) == {POLICY: "update"}
