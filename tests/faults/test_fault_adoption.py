"""An object at Okta has our name: the run creates none, and the command in its message adopts it."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from tests.support.engine.calls import credential, user_token
from tests.support.faults.stacks import Empty, Stack, job_status, object_counts
from tests.support.faults.tiny import TINY
from tests.support.json_object import JsonObject

WEB = """\
    - name: web
      type: webservice
      properties: {image: registry.example.com/web, ports: [{port: 80}]}
      traits:
        - {type: gateway, properties: {domain: web.example.com, http: {/: 80}}}
        - type: access
          properties: {owner: team-tiny, rules: [{public: {reason: it signs users in}}]}
        - type: client
          properties:
            kind: web
            redirectPaths: [/callback]
            refresh: true
            calls: [{component: tiny/api, scopes: [things.read]}]
"""
WITH_WEB = (
    TINY.replace("components: [tiny/job]", "components: [tiny/job, tiny/web]")
    + WEB
)


def _refused(stack: Stack, verb: str = "up") -> str:
    """Expect a run to stop because of an existing object; return the command in its output."""
    before = object_counts(stack.local)
    arguments = (verb, "--yes", "--skip-preview") if verb == "up" else (verb,)
    done = stack.pulumi(*arguments, check=False)
    assert done.returncode != 0 and "ENV403" in done.stdout, done.stdout
    assert object_counts(stack.local) == before
    (command,) = {
        line.strip()
        for line in done.stdout.splitlines()
        if line.strip().startswith("echo ")
    }
    return command


def _shell(stack: Stack, command: str) -> None:
    """Run the pasted command in a shell."""
    local = stack.local
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=stack.folder,
        env=local.env,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _app_by_hand(stack: Stack, label: str) -> Any:
    settings = {
        "application_type": "service",
        "grant_types": ["client_credentials"],
        "response_types": ["token"],
    }
    credentials = {
        "oauthClient": {"token_endpoint_auth_method": "client_secret_post"}
    }
    about = {
        "name": "oidc_client",
        "label": label,
        "signOnMode": "OPENID_CONNECT",
    }
    return stack.okta(
        "POST",
        "/apps",
        {
            **about,
            "credentials": credentials,
            "settings": {"oauthClient": settings},
        },
    )


@pytest.mark.deep
def test_a_server_a_scope_and_an_app_made_by_hand_are_taken_over(
    empty: Empty,
) -> None:
    """Preview and up reject them alike. After the command and an up, all three have their old ids
    and our settings."""
    stack = empty(applications=[TINY])
    about = {
        "name": "kong-oam local",
        "description": "by hand",
        "audiences": ["api://by-hand"],
    }
    server = stack.okta("POST", "/authorizationServers", about)["id"]
    scope = stack.okta(
        "POST",
        f"/authorizationServers/{server}/scopes",
        {"name": "things.read"},
    )["id"]
    app = _app_by_hand(stack, "kong-oam local tiny/job")["id"]
    command = _refused(stack, "preview")
    assert _refused(stack) == command
    _shell(stack, command)
    stack.run("up")
    stack.assert_unchanged()
    (kept,) = stack.local.okta.objects("authorizationServers")
    assert (kept["id"], kept["audiences"]) == (server, ["api://kong-oam/local"])
    assert [
        found["id"]
        for found in stack.local.okta.objects("scopes")
        if not found["system"]
    ] == [scope]
    (taken,) = stack.local.okta.objects("apps")
    method = taken["credentials"]["oauthClient"]["token_endpoint_auth_method"]
    assert (taken["id"], method) == (app, "private_key_jwt")
    assert job_status(stack) == 200


@pytest.mark.deep
@pytest.mark.parametrize(
    "shared", [False, True], ids=["keys of their own", "shared secrets"]
)
def test_an_app_that_the_state_forgot_is_taken_over(
    empty: Empty, shared: bool
) -> None:
    """Okta shows no secret of an unchanged app: the run stops before a workload gets an empty
    secret, and names the remedy. A key is the program's own, so the run completes."""
    stack = empty(applications=[WITH_WEB])
    if shared:
        provider = "    - name: okta\n      type: okta\n"
        stack.edit(
            "stacks/Pulumi.local.yaml",
            provider,
            f"{provider}      clientSecrets: true\n",
        )
    stack.run("up")
    (app,) = (
        resource["urn"]
        for resource in stack.state()
        if resource["urn"].endswith("::okta-app-tiny/web")
    )
    stack.rewrite(lambda held: _without(held, {app}))
    _shell(stack, _refused(stack))
    if shared:
        stopped = stack.run("up", check=False)
        assert stopped.returncode != 0
        assert f"pulumi up --replace '{app}'" in stopped.stdout
        stack.run("up", "--replace", app)
        assert len(credential(stack.local, "web")["OAUTH_CLIENT_SECRET"]) > 20
    else:
        stack.run("up")
    stack.assert_unchanged()
    assert len(stack.local.okta.objects("apps")) == 2
    assert user_token(stack.local, "web", "user-sales")


def _without(held: list[JsonObject], gone: set[str]) -> list[JsonObject]:
    """Return the resources of a state without these, and without references to them."""
    for resource in held:
        resource["dependencies"] = [
            urn for urn in resource.get("dependencies") or () if urn not in gone
        ]
        of_inputs = resource.get("propertyDependencies") or {}
        resource["propertyDependencies"] = {
            name: [urn for urn in urns or () if urn not in gone]
            for name, urns in of_inputs.items()
        }
    return [resource for resource in held if resource["urn"] not in gone]
