"""The kong and okta stand-ins under the real engine, against the stand-ins of the products."""

from collections.abc import Callable

import httpx
import pytest

from tests.support.sandbox.engine_project import Project

pytestmark = pytest.mark.engine

KONG = """
import json, pulumi, pulumi_kong as kong
service = kong.Service("s", name="svc", protocol="http", host="a.default.svc.cluster.local", port=80)
config = {{"anonymous": {anonymous}, "claims_to_verify": ["exp"], "cookie_names": [], "header_names": ["authorization"],
    "key_claim_name": "kid", "maximum_expiration": 0, "realm": None, "run_on_preflight": True,
    "secret_is_base64": False, "uri_param_names": []}}
plugin = kong.Plugin("p", name="jwt", service_id=service.id, strict_match=True, config_json=json.dumps(config))
user = kong.Consumer("c", username="ring", custom_id="issuer")
key = kong.ConsumerJwtAuth("k", consumer_id=user.id, algorithm="HS256", key="kid-1", rsa_public_key="unused",
    secret=pulumi.Output.secret("very-hidden-secret"))
kong.Route("r", name="rt", protocols=["http"], hosts=["a.example.com"], paths=["~/a(?:/|$)"], service_id=service.id,
    strip_path=False, preserve_host=True, regex_priority=2, opts=pulumi.ResourceOptions(depends_on=[plugin, key]))
"""


def _kong(one: Project) -> dict[str, list[str]]:
    return {kind: [str(e.get("name")) for e in one.local.kong.entities(kind)] for kind in ("services", "routes")}


@pytest.mark.deep
def test_kong_entities_live_through_up_refresh_drift_and_destroy(project: Callable[[str], Project]) -> None:
    """Nothing changes by itself; a hand-made change is repaired; destroy leaves nothing."""
    one = project(KONG.format(anonymous=None))
    assert one.changes("preview") == {"create": 6}
    shown = one.up("--diff").stdout
    assert _kong(one) == {"services": ["svc"], "routes": ["rt"]}
    assert "very-hidden-secret" not in shown + one.pulumi("stack", "export").stdout
    assert one.changes("preview", "--refresh") == {"same": 6}
    plugin = one.local.kong.entities("plugins")[0]
    _admin(one, "PATCH", f"/plugins/{plugin['id']}", {"config": {"anonymous": "somebody"}})
    assert one.changes("preview") == {"same": 6}
    assert one.changes("preview", "--refresh") == {"same": 5, "update": 1}
    one.up("--refresh")
    assert one.local.kong.entities("plugins")[0]["config"]["anonymous"] is None
    one.pulumi("destroy", "--yes", "--skip-preview")
    assert _kong(one) == {"services": [], "routes": []}
    assert one.local.kong.entities("consumers") == []


UPSTREAM = """
import pulumi_kong as kong
upstream = kong.Upstream("u", name="orders.cases", tags=["t"])
kong.Target("t", upstream_id=upstream.id, target="localhost:80", weight=100)
kong.Service("s", name="svc", protocol="http", host=upstream.name, port=1)
"""


@pytest.mark.deep
def test_a_kong_upstream_and_its_target_settle(project: Callable[[str], Project]) -> None:
    """Kong's own health checks are no difference; what is lost by hand is made anew; destroy leaves nothing."""
    one = project(UPSTREAM)
    one.up()
    assert one.changes("preview", "--refresh") == {"same": 4}
    _admin(one, "DELETE", "/upstreams/orders.cases/targets/localhost:80", {})
    assert one.changes("preview", "--refresh") == {"same": 3, "create": 1}
    one.up("--refresh")
    assert [target["target"] for target in one.local.kong.entities("targets")] == ["localhost:80"]
    one.pulumi("destroy", "--yes", "--skip-preview")
    assert one.local.kong.entities("upstreams") == one.local.kong.entities("targets") == []


def test_kongs_own_words_reach_the_user_and_a_second_service_of_a_name_is_refused(
    project: Callable[[str], Project],
) -> None:
    """409 with Kong's message; the one that exists stays."""
    one = project("import pulumi_kong as k; k.Service('a', name='taken', protocol='http', host='h')")
    one.up()
    one.write(
        "import pulumi_kong as k\n"
        "k.Service('a', name='taken', protocol='http', host='h')\n"
        "k.Service('b', name='taken', protocol='http', host='h')\n"
    )
    failed = one.up(check=False)
    assert failed.returncode != 0
    assert "UNIQUE violation detected on" in failed.stdout
    assert "HTTP status 409" in failed.stdout


@pytest.mark.deep
def test_destroying_a_credential_that_is_gone_fails_until_a_refresh(project: Callable[[str], Project]) -> None:
    """Kong answers 404 for nested entities."""
    one = project(KONG.format(anonymous=None))
    one.up()
    credential = one.local.kong.entities("jwt_secrets")[0]
    _admin(one, "DELETE", f"/consumers/{credential['consumer']['id']}/jwt/{credential['id']}")
    failed = one.pulumi("destroy", "--yes", "--skip-preview", check=False)
    assert failed.returncode != 0
    assert "could not delete kong JWTAuth: HTTP status 404" in failed.stdout
    one.pulumi("destroy", "--yes", "--skip-preview", "--refresh")


@pytest.mark.deep
def test_without_an_admin_token_nothing_is_made(project: Callable[[str], Project]) -> None:
    """The provider's own token goes before the environment's."""
    failed = project(
        "import os, pulumi, pulumi_kong as k\n"
        "provider = k.Provider('p', kong_admin_uri=os.environ['KONG_ADMIN_ADDR'], kong_admin_token='wrong')\n"
        "k.Consumer('c', username='c', opts=pulumi.ResourceOptions(provider=provider))\n"
    ).up(check=False)
    assert failed.returncode != 0
    assert "HTTP status 401" in failed.stdout


OKTA = """
import pulumi, pulumi_okta as okta
sales = okta.group.get_group_output(name="sales")
inside = pulumi.ResourceOptions(replace_on_changes=["authServerId", "policyId"])
server = okta.auth.Server("s", name="as", audiences=["api://orders"], description="{description}")
scope = okta.auth.ServerScope("read", auth_server_id=server.id, name="orders.read", description="Read",
    display_name="Read orders", opts=inside)
claim = okta.auth.ServerClaim("groups", auth_server_id=server.id, name="groups", claim_type="RESOURCE",
    value_type="GROUPS", group_filter_type="REGEX", value=".*", opts=inside)
web = okta.app.OAuth("web", label="web", type="web", grant_types=["authorization_code"], response_types=["code"],
    redirect_uris=["https://a.example.com/callback"], pkce_required=True)
okta.AppGroupAssignments("assigned", app_id=web.id, groups=[{{"id": sales.id, "profile": "{{}}"}}])
policy = okta.auth.ServerPolicy("p", auth_server_id=server.id, name="web", description="web", priority=1,
    client_whitelists=[web.client_id], opts=inside)
okta.auth.ServerPolicyRule("r", auth_server_id=server.id, policy_id=policy.id, name="web", priority=1,
    grant_type_whitelists=["authorization_code"], scope_whitelists=["orders.read"], group_whitelists=[sales.id],
    opts=pulumi.ResourceOptions.merge(inside, pulumi.ResourceOptions(depends_on=[scope])))
key = okta.auth.get_server_keys_output(auth_server_id=server.id, key_id=server.kid)
pulumi.export("kid", key.kid)
pulumi.export("secret", web.client_secret)
pulumi.export("issuer", server.issuer)
"""


@pytest.mark.deep
def test_okta_objects_live_through_up_refresh_update_and_destroy(project: Callable[[str], Project]) -> None:
    """A second up and a refresh change nothing, the client secret stays hidden, destroy leaves nothing."""
    one = project(OKTA.format(description="first"))
    assert one.changes("preview") == {"create": 8}
    shown = one.up("--diff").stdout
    secret = one.pulumi("stack", "output", "secret", "--show-secrets").stdout.strip()
    assert len(secret) >= 14
    assert secret not in shown + one.pulumi("stack", "export").stdout
    assert secret in one.pulumi("stack", "export", "--show-secrets").stdout
    assert one.changes("preview", "--refresh") == {"same": 8}
    assert one.pulumi("stack", "output", "kid").stdout.strip() != ""
    one.write(OKTA.format(description="second"))
    assert one.changes("preview") == {"same": 7, "update": 1}
    one.up()
    assert one.changes("preview", "--refresh") == {"same": 8}
    one.pulumi("destroy", "--yes", "--skip-preview")
    assert one.local.okta.objects("authorizationServers") == []
    assert one.local.okta.objects("apps") == []


@pytest.mark.deep
def test_a_wrong_okta_token_stops_before_anything_is_made(project: Callable[[str], Project]) -> None:
    """The plugin probes GET /api/v1/users/me first."""
    failed = project(
        "import pulumi, pulumi_okta as o\n"
        "provider = o.Provider('p', api_token='wrong')\n"
        "o.auth.Server('s', name='as', audiences=['a'], opts=pulumi.ResourceOptions(provider=provider))\n"
    ).up(check=False)
    assert failed.returncode != 0
    assert "the provider was not properly configured" in failed.stdout


def _admin(one: Project, method: str, path: str, body: object = None) -> None:
    headers = {"Kong-Admin-Token": one.local.env["KONG_ADMIN_TOKEN"]}
    httpx.request(method, one.local.kong.admin_url + path, json=body, headers=headers).raise_for_status()
