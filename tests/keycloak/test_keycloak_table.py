"""A real Keycloak behind the gateway: tokens and sign-ins, drift, key rotation, destroy. The tests
run in order."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import browser, caller
from sandbox.demo.table import ask, estate_of
from sandbox.keycloak import ACCOUNT, PERMISSIONS, Keycloak
from sandbox.local import GROUPS, STACK, USERS, Local
from sandbox.plugins.http import send_form
from sandbox.project import stack_file
from tests.support.engine.calls import call, part
from tests.support.engine.deployment import AT_ONCE, Deployment, project, start
from tests.support.engine.realm import REALM, WithKeycloak
from tests.support.engine.sample import Sample
from tests.support.json_object import JsonObject

pytestmark = pytest.mark.timeout(300)


def settings_of(keycloak: WithKeycloak, component: str) -> dict[str, str]:
    return caller.environment(keycloak.local.cluster.url, "default", component)


def signed_in(
    keycloak: WithKeycloak,
    login: str,
    component: str = "web",
    scopes: str = "openid orders.read",
) -> JsonObject:
    """Return Keycloak's answer to a web application for a user who filled in its login page."""
    own = settings_of(keycloak, component)
    return browser.login(
        browser.Endpoints(
            own["OAUTH_AUTHORIZATION_ENDPOINT"], own["OAUTH_TOKEN_ENDPOINT"]
        ),
        own["OAUTH_CLIENT_ID"],
        caller.proof_of(own),
        own["OAUTH_REDIRECT_URIS"].split()[0],
        scopes.split(),
        login,
    )


def service_token(keycloak: WithKeycloak, component: str = "checkout") -> str:
    return caller.token(settings_of(keycloak, component))[0]


def status(
    keycloak: WithKeycloak,
    token: str,
    host: str = "orders.example.com",
    path: str = "/orders",
) -> int:
    return call(keycloak.local, "GET", host, path, token).status


def test_every_caller_gets_the_same_answers_as_with_okta(
    keycloak: WithKeycloak, sample: Sample
) -> None:
    """Every call of every caller gets the same answer as with Okta, and the model's answer."""
    deployment = keycloak.deployment
    table = ask(keycloak.local, estate_of(deployment.folder))
    with_okta = ask(sample.local, estate_of(sample.deployment.folder))
    assert table.wrong == with_okta.wrong == ()
    assert table.rows == with_okta.rows
    assert [asked.name for asked in table.callers] == [
        asked.name for asked in with_okta.callers
    ]
    assert {200, 401, 403} <= {
        answer for row in table.rows.values() for answer in row
    }


def test_a_second_up_and_a_refresh_change_nothing(
    keycloak: WithKeycloak,
) -> None:
    """Keycloak's answers do not differ from the state."""
    assert keycloak.deployment.changes("up") == {}
    assert keycloak.deployment.changes("up", "--refresh") == {}


def test_the_policy_pack_finds_nothing(keycloak: WithKeycloak) -> None:
    """The pack checks the deployed stack: a realm's clients meet its rules for Okta's apps."""
    done = keycloak.deployment.pulumi(
        "preview", "-s", STACK, "--policy-pack", "policies"
    )
    assert "kong-oam@v0.0.1" in done.stdout
    assert [
        word
        for word in ("[mandatory]", "[advisory]", "can't run policy")
        if word in done.stdout
    ] == []


def test_a_second_stack_in_a_realm_is_refused(
    keycloak: WithKeycloak, tmp_path: Path
) -> None:
    """The scopes of both stacks have the same names; the run stops before it creates an object."""
    with Local(lags=AT_ONCE) as other:
        other.env.update(keycloak.server.environment(REALM))
        deployment = start(other, project(tmp_path))
        shutil.copy(
            stack_file(keycloak.deployment.folder),
            stack_file(deployment.folder),
        )
        done = deployment.run("up", check=False)
        assert done.returncode != 0
        assert (
            "ENV403: keycloak has objects with our names that are missing in the state of stack 'local'"
            in done.stdout
        )
        assert "openid.ClientScope 'orders.read', " in done.stdout
        assert other.kong.entities("services") == []


def test_a_user_of_no_group_gets_a_token_that_counts_nowhere(
    keycloak: WithKeycloak,
) -> None:
    """Keycloak signs every user in. Without a group of the client the token has no audience, so no
    rule accepts it, not even a rule for every signed-in user."""
    token = signed_in(keycloak, "user-none")["access_token"]
    assert "aud" not in part(token, 1) and "groups" not in part(token, 1)
    assert (
        status(keycloak, token)
        == status(keycloak, token, "hello.example.com", "/")
        == 401
    )
    good = signed_in(keycloak, "user-sales")["access_token"]
    assert (part(good, 1)["aud"], part(good, 1)["groups"]) == (
        "api://sandbox",
        ["sales"],
    )
    assert (
        status(keycloak, good)
        == status(keycloak, good, "hello.example.com", "/")
        == 200
    )


def test_a_client_cannot_get_ungranted_scopes(
    keycloak: WithKeycloak,
) -> None:
    """The client gets no other scope: neither for itself, nor for a user, nor by a realm's defaults
    for new clients."""
    own = settings_of(keycloak, "checkout")
    account = (
        own["OAUTH_TOKEN_ENDPOINT"],
        own["OAUTH_CLIENT_ID"],
        caller.proof_of(own),
    )
    assert (
        browser.client_credentials(*account, ["orders.read"])["scope"]
        == "orders.read"
    )
    for scope in (
        "orders.write",
        "reports.audit",
        "profile",
        "kong-oam.local.groups",
    ):
        with pytest.raises(browser.IssuerError, match="invalid_scope"):
            browser.client_credentials(*account, ["orders.read", scope])
    for scope in ("reports.read", "offline_access"):
        with pytest.raises(browser.IssuerError, match="invalid_scope"):
            signed_in(keycloak, "user-both", scopes=f"openid {scope}")
    with pytest.raises(browser.IssuerError, match="unauthorized_client"):
        web = settings_of(keycloak, "web")
        browser.client_credentials(
            web["OAUTH_TOKEN_ENDPOINT"],
            web["OAUTH_CLIENT_ID"],
            caller.proof_of(web),
            [],
        )


def test_other_tokens_of_the_realm_do_not_count(keycloak: WithKeycloak) -> None:
    """ID tokens, refresh tokens, tokens of the realm's other clients, and of another realm of the same server."""
    tokens = signed_in(keycloak, "user-both", "console", "openid reports.read")
    assert (
        status(
            keycloak, tokens["access_token"], "reports.example.com", "/reports"
        )
        == 200
    )
    for kind in ("id_token", "refresh_token"):
        assert (
            status(keycloak, tokens[kind], "reports.example.com", "/reports")
            == 401
        ), kind
    for realm in (REALM, "master"):
        name, secret = (
            (ACCOUNT, keycloak.server.account_secret)
            if realm == REALM
            else keycloak.server.administrator
        )
        form = {
            "grant_type": "client_credentials",
            "client_id": name,
            "client_secret": secret,
        }
        answer = send_form(
            keycloak.server.url,
            f"/realms/{realm}/protocol/openid-connect/token",
            form,
        )
        assert (
            status(
                keycloak, answer.body["access_token"], "hello.example.com", "/"
            )
            == 401
        ), realm


def test_a_refresh_token_is_given_where_it_was_asked_for(
    keycloak: WithKeycloak,
) -> None:
    """`refresh: true` of the console; the shop's application has none."""
    assert "refresh_token" not in signed_in(keycloak, "user-sales")
    own = settings_of(keycloak, "console")
    tokens = signed_in(keycloak, "user-sales", "console", "openid reports.read")
    account = (
        own["OAUTH_TOKEN_ENDPOINT"],
        own["OAUTH_CLIENT_ID"],
        caller.proof_of(own),
    )
    renewed = browser.refresh(*account, tokens["refresh_token"])["access_token"]
    assert status(keycloak, renewed, "reports.example.com", "/reports") == 200


def test_clients_authenticate_with_their_own_key(
    keycloak: WithKeycloak,
) -> None:
    """A secret in Keycloak is useless for them, and so is another client's key."""
    own, other = (
        settings_of(keycloak, "checkout"),
        settings_of(keycloak, "renderer"),
    )
    assert "OAUTH_CLIENT_SECRET" not in own
    where = own["OAUTH_TOKEN_ENDPOINT"], own["OAUTH_CLIENT_ID"]
    assert browser.client_credentials(
        *where, caller.proof_of(own), ["orders.read"]
    )["access_token"]
    for proof in (
        caller.proof_of(other),
        browser.PrivateKey(other["OAUTH_PRIVATE_KEY"], own["OAUTH_KEY_ID"]),
        "secret",
    ):
        with pytest.raises(browser.IssuerError):
            browser.client_credentials(*where, proof, ["orders.read"])


def test_no_secret_of_a_client_is_in_clear(keycloak: WithKeycloak) -> None:
    """Neither the exported state nor the outputs have one."""
    deployment, base = keycloak.deployment, f"/{REALM}/clients"
    ids = [
        client["id"]
        for client in keycloak.server.admin("GET", base).body
        if "kong-oam.local" in client["clientId"]
    ]
    values = [
        keycloak.server.admin("GET", f"{base}/{client}/client-secret").body.get(
            "value"
        )
        for client in ids
    ]
    keys = [
        settings_of(keycloak, name)["OAUTH_PRIVATE_KEY"].splitlines()[1]
        for name in ("checkout", "web")
    ]
    secrets = [*keys, *filter(None, values)]
    assert len(secrets) >= 4
    for shown in (
        deployment.pulumi("stack", "export").stdout,
        deployment.pulumi("stack", "output", "--json").stdout,
    ):
        assert [
            secret
            for secret in (*secrets, keycloak.server.account_secret)
            if secret in shown
        ] == []


@pytest.mark.deep
def test_manual_changes_are_found_and_repaired(
    keycloak: WithKeycloak,
) -> None:
    """An added grant, a removed role of a group, and a removed condition of an audience."""
    admin, base = keycloak.server.admin, f"/{REALM}"
    ids = {
        client["clientId"]: client["id"]
        for client in admin("GET", f"{base}/clients").body
    }
    scopes = {
        scope["name"]: scope["id"]
        for scope in admin("GET", f"{base}/client-scopes").body
    }
    checkout = ids["kong-oam.local.shop.checkout"]
    admin(
        "PUT",
        f"{base}/clients/{checkout}/optional-client-scopes/{scopes['orders.write']}",
    )
    (group,) = (
        group["id"]
        for group in admin("GET", f"{base}/groups").body
        if group["name"] == "sales"
    )
    role = admin("GET", f"{base}/roles/sales").body
    admin("DELETE", f"{base}/groups/{group}/role-mappings/realm", [role])
    for_web = scopes["kong-oam.local.shop.web"]
    admin(
        "DELETE", f"{base}/client-scopes/{for_web}/scope-mappings/realm", [role]
    )
    expected = {
        "keycloak-granted-shop/checkout": "update",
        "keycloak-members-sales": "update",
        "keycloak-of-shop/web-sales": "create",
    }
    assert keycloak.deployment.changes("preview", "--refresh") == expected
    assert keycloak.deployment.changes("up", "--refresh") == expected
    assert keycloak.deployment.changes("up", "--refresh") == {}
    assert (
        ask(keycloak.local, estate_of(keycloak.deployment.folder)).wrong == ()
    )


def test_roles_that_others_gave_a_group_are_left_alone(
    keycloak: WithKeycloak,
) -> None:
    """These roles belong to the realm."""
    admin, base = keycloak.server.admin, f"/{REALM}"
    (group,) = (
        group["id"]
        for group in admin("GET", f"{base}/groups").body
        if group["name"] == "sales"
    )
    admin("POST", f"{base}/roles", {"name": "theirs"})
    admin(
        "POST",
        f"{base}/groups/{group}/role-mappings/realm",
        [admin("GET", f"{base}/roles/theirs").body],
    )
    assert keycloak.deployment.changes("up", "--refresh") == {}
    held = admin("GET", f"{base}/groups/{group}/role-mappings").body[
        "realmMappings"
    ]
    assert {group["name"] for group in held} == {"sales", "theirs"}


def _slots(deployment: Deployment) -> list[tuple[str, bool] | None]:
    """Return key ids by slot, and whether they are retired."""
    return [
        (slot["key"]["kid"], slot["retired"] is not None)
        if slot["key"]
        else None
        for slot in deployment.output("keySlots")["keycloak"]
    ]


@pytest.mark.deep
def test_a_rotated_key_is_taken_and_the_old_one_kept_while_its_tokens_live(
    keycloak: WithKeycloak,
) -> None:
    """New tokens are valid after an `up`. Old tokens stay valid, even once Keycloak no longer
    publishes their key."""
    deployment, server = keycloak.deployment, keycloak.server
    before = service_token(keycloak)
    old = part(before, 0)["kid"]
    assert _slots(deployment) == [(old, False), None, None, None]
    server.rotate(REALM, "next", 200)
    after = service_token(keycloak)
    new = part(after, 0)["kid"]
    assert new != old
    assert (status(keycloak, before), status(keycloak, after)) == (200, 401)
    assert set(deployment.changes("up")) == {
        f"gateway-ring-keycloak-slot-{index}" for index in (1, 2, 3)
    }
    assert (status(keycloak, before), status(keycloak, after)) == (200, 200)
    deployment.assert_unchanged()
    providers = server.admin(
        "GET", f"/{REALM}/components?type=org.keycloak.keys.KeyProvider"
    ).body
    (first,) = (
        provider["id"]
        for provider in providers
        if provider["name"] == "rsa-generated"
    )
    server.admin("DELETE", f"/{REALM}/components/{first}")
    deployment.run("up")
    assert _slots(deployment) == [(old, True), (new, False), None, None]
    assert (status(keycloak, before), status(keycloak, after)) == (200, 200)


def test_a_missing_group_stops_the_run(
    keycloak: WithKeycloak,
) -> None:
    """The message has the nearest name in the realm; the run makes no change."""
    deployment = keycloak.deployment
    deployment.edit(
        "applications/orders.yaml", "groups: [sales]", "groups: [sale]"
    )
    try:
        done = deployment.run("up", check=False)
        assert done.returncode != 0
        assert (
            "error ENV401: role 'viewer': group 'sale' of keycloak does not exist; did you mean 'sales'?"
            in done.stdout
        )
    finally:
        deployment.edit(
            "applications/orders.yaml", "groups: [sale]", "groups: [sales]"
        )
    deployment.assert_unchanged()


@pytest.fixture
def powerless(keycloak: WithKeycloak) -> Iterator[None]:
    """Remove the account's roles in the realm, for one test."""
    admin, base = keycloak.server.admin, f"/{REALM}"
    ids = {
        client["clientId"]: client["id"]
        for client in admin("GET", f"{base}/clients").body
    }
    user = admin(
        "GET", f"{base}/clients/{ids[ACCOUNT]}/service-account-user"
    ).body["id"]
    where = (
        f"{base}/users/{user}/role-mappings/clients/{ids['realm-management']}"
    )
    roles = admin("GET", where).body
    assert {role["name"] for role in roles} == set(PERMISSIONS)
    admin("DELETE", where, roles)
    yield
    admin("POST", where, roles)


def test_an_account_without_permission_stops_the_run(
    keycloak: WithKeycloak, powerless: None
) -> None:
    """The message names the required roles; all callers keep their answers."""
    done = keycloak.deployment.run("up", check=False)
    assert done.returncode != 0
    assert (
        "give the service account of keycloak:clientId the roles manage-clients"
        in done.stdout
    )
    assert status(keycloak, service_token(keycloak)) == 200


def _realm(server: Keycloak) -> JsonObject:
    """Return the objects of the realm that a stack may change, without ids."""
    names = {
        "clients": "clientId",
        "client-scopes": "name",
        "roles": "name",
        "groups": "path",
        "users": "username",
    }
    found: JsonObject = {}
    for kind, name in names.items():
        found[kind] = sorted(
            entry[name]
            for entry in server.admin("GET", f"/{REALM}/{kind}").body
        )
    return found


def test_destroy_leaves_the_realm_as_it_was(keycloak: WithKeycloak) -> None:
    """The realm still has its users, its groups and other people's objects, and no object of the
    stack."""
    before = _realm(keycloak.server)
    assert any("kong-oam.local" in name for name in before["clients"])
    keycloak.deployment.run("destroy")
    after = _realm(keycloak.server)
    assert "kong-oam.local" not in json.dumps(after)
    assert after["groups"] == sorted(f"/{group}" for group in GROUPS)
    assert after["users"] == sorted(user.login for user in USERS)
    assert set(GROUPS) <= set(before["roles"])
    assert set(after["roles"]) == set(before["roles"]) - set(GROUPS)
    assert ACCOUNT in after["clients"]
    assert (
        "orders.read" in before["client-scopes"]
        and "orders.read" not in after["client-scopes"]
    )
