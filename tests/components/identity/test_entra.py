"""Entra: what the program registers in a tenant, what it looks at first, and how it answers a tenant that refuses."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
)

from components.identity.entra.tenant import _redirects
from kong_oam.access.model import Stack
from kong_oam.access.providers import Provider
from kong_oam.access.rotation import Generation
from kong_oam.access.settings.values import ProviderSettings, StackError
from kong_oam.errors import ManagementApiError
from kong_oam.identity.common.certificates import certificate, thumbprint
from kong_oam.identity.common.groups import look_up, unclear_groups
from kong_oam.identity.common.parts import group_names
from kong_oam.identity.entra import api
from kong_oam.identity.entra.api import Account, Graph
from kong_oam.identity.entra.description import SPELLING, describe
from kong_oam.identity.entra.names import (
    MICROSOFT_GRAPH,
    Tenant,
    role_id,
    scope_id,
    tenant_of,
)
from kong_oam.identity.entra.preflight import (
    partners_without_certificate,
    shared_keys,
    unused_certificates,
)
from sandbox.entra import Entra
from sandbox.entra.service import ADMINISTRATOR, TENANT
from tests.support.entra_mocks import ISSUER, SETTINGS, entra, program
from tests.support.estates import ENTRA_SPELLING, estate
from tests.support.json_object import JsonObject
from tests.support.mocks import Registered, all_of, clear
from tests.support.partner_keys import private_pem

WITH_CLIENTS = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: shop.example.com, http: {/: 8080}}
        - type: access
          properties:
            owner: me
            scopes: {read: Read}
            rules: [{methods: [POST], scopes: [read]}, {methods: [GET], public: {reason: pages}}]
            roles: {all: {scopes: [read], groups: [g], components: [shop/job, shop/spa]}}
    - name: job
      type: worker
      properties: {image: x}
      traits:
        - type: client
          properties: {kind: service, calls: [{component: shop/api, scopes: [read]}]}
    - name: spa
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: spa.example.com, http: {/: 8080}}
        - type: access
          properties: {owner: me, rules: [{public: {reason: pages}}]}
        - type: client
          properties: {kind: browser, redirectPaths: [/cb], calls: [{component: shop/api, scopes: [read]}]}
"""
"""An API, and two clients of it: a service, and a page in the browser."""
WITH_GROUPS = """
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
              reader: {scopes: [read], groups: [sales]}
              desk: {scopes: [read], groups: [sales, desk]}
"""
"""An API whose roles name two groups, one of them twice."""

SLEEP = "time:index/sleep:Sleep"
APIS = ("desk/mcp", "orders/api", "reports/library")
CLIENTS = (
    "desk/bot",
    "reports/console",
    "reports/renderer",
    "shop/checkout",
    "shop/web",
)


@pytest.fixture(scope="module")
def registered() -> list[Registered]:
    return program()


# Registered resources


def test_an_api_asks_for_tokens_of_version_2_that_say_who_calls_as_itself(
    registered: list[Registered],
) -> None:
    """It is for this tenant alone, with the optional claim idtyp, and without the user's groups,
    which may be too many."""
    apis = {
        name: application
        for name, application in entra(registered, "Application").items()
        if "-api-" in name
    }
    assert set(apis) == {f"entra-api-{api}" for api in APIS}
    for application in apis.values():
        assert application.inputs["api"]["requestedAccessTokenVersion"] == 2
        assert application.inputs["optionalClaims"] == {
            "accessTokens": [{"name": "idtyp"}]
        }
        assert application.inputs["signInAudience"] == "AzureADMyOrg"
        assert application.inputs["groupMembershipClaims"] == []
    assert "identifierUris" not in apis["entra-api-orders/api"].inputs


def test_the_api_of_an_mcp_server_is_known_by_the_urls_of_its_endpoints(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Clients send the URL as `resource`."""
    monkeypatch.setattr(
        "components.identity.entra.tenant.resource_urls",
        lambda component, scheme: (f"{scheme}://{component.name}/mcp",),
    )
    made = entra(program(), "Application")
    assert made["entra-api-orders/api"].inputs["identifierUris"] == ["http://api/mcp"]  # fmt: skip
    clients = [name for name in made if "-api-" not in name]
    assert clients
    for name in clients:
        assert "identifierUris" not in made[name].inputs


def test_a_declared_scope_is_a_permission_for_users_and_a_role_for_services(
    registered: list[Registered],
) -> None:
    """Both enabled, with its name and description, under ids that follow from names; a group that roles name is one for users."""
    orders = entra(registered, "Application")["entra-api-orders/api"].inputs
    read, write = ("Read orders", "Place and change orders")
    assert orders["api"]["oauth2PermissionScopes"] == [
        {
            "id": scope_id("local", "orders/api", name),
            "value": name,
            "type": "Admin",
            "adminConsentDisplayName": name,
            "adminConsentDescription": description,
            "enabled": True,
        }
        for name, description in (
            ("orders.read", read),
            ("orders.write", write),
        )
    ]
    roles = [
        (
            role["value"],
            role["displayName"],
            role["description"],
            role["allowedMemberTypes"],
        )
        for role in orders["appRoles"]
    ]
    assert roles == [
        ("scope=orders.read", "orders.read", read, ["Application"]),
        ("scope=orders.write", "orders.write", write, ["Application"]),
        ("group=order-desk", "order-desk", "Is in the group", ["User"]),
        ("group=sales", "sales", "Is in the group", ["User"]),
    ]
    assert all(
        role["enabled"]
        and role["id"] == role_id("local", "orders/api", role["value"])
        for role in orders["appRoles"]
    )


def test_ids_are_the_same_in_every_run_and_no_two_entries_share_one(
    registered: list[Registered],
) -> None:
    """UUIDv5 of stack, component and value. No value stands in both lists: such a pair could never be changed."""
    assert (
        scope_id("local", "orders/api", "orders.read")
        == "7afc889a-dc90-5a19-b0da-a1f5cf7f9f73"
    )
    assert uuid.UUID(role_id("local", "orders/api", "group=sales")).version == 5
    assert scope_id("a", "b/c", "d") != role_id("a", "b/c", "d")
    ids = []
    for app in entra(registered, "Application").values():
        entries = [
            *app.inputs["api"].get("oauth2PermissionScopes", ()),
            *app.inputs.get("appRoles", ()),
        ]
        ids += [entry["id"] for entry in entries]
        assert len({entry["value"] for entry in entries}) == len(entries)
    assert len(ids) > 8
    assert len({*ids}) == len(ids)


def test_nobody_gets_a_token_without_an_assignment(
    registered: list[Registered],
) -> None:
    """Every application asks for one: APIs of users and services, clients of users."""
    principals = entra(registered, "ServicePrincipal")
    assert len(principals) == len(APIS) + len(CLIENTS)
    assert all(
        principal.inputs["appRoleAssignmentRequired"] is True
        for principal in principals.values()
    )


def test_services_are_assigned_scopes_and_groups_are_assigned_roles(
    registered: list[Registered],
) -> None:
    """A service its granted scopes, at their API; a group the role that says so there, and the clients it may use."""
    assignments = {
        name: (
            resource.inputs["principalObjectId"],
            resource.inputs["appRoleId"],
            resource.inputs["resourceObjectId"],
        )
        for name, resource in entra(registered, "AppRoleAssignment").items()
    }
    orders = "object entra-principal-api-orders/api"
    assert assignments["entra-grant-shop/checkout:orders/api:orders.read"] == (
        "object entra-principal-app-shop/checkout",
        role_id("local", "orders/api", "scope=orders.read"),
        orders,
    )
    for group in ("sales", "order-desk"):
        role = role_id("local", "orders/api", f"group={group}")
        assert assignments[f"entra-group-orders/api:{group}"] == (
            f"id of {group}",
            role,
            orders,
        )
    assert (
        len(
            [
                name
                for name in assignments
                if name.startswith("entra-group-orders/api")
            ]
        )
        == 2
    )
    nothing = "00000000-0000-0000-0000-000000000000"
    web = "object entra-principal-app-shop/web"
    assert assignments["entra-signs-in-shop/web:sales"] == (
        "id of sales",
        nothing,
        web,
    )
    assert not [
        name for name in assignments if name.startswith("entra-grant-shop/web")
    ]


def test_what_is_one_group_in_the_tenant_is_assigned_once() -> None:
    """Whatever Applications call it: Graph refuses the second of two assignments that are alike."""
    assigned = entra(
        program(groups={"order-desk": "sales"}), "AppRoleAssignment"
    )
    pairs = [
        tuple(str(value) for _, value in sorted(assignment.inputs.items()))
        for assignment in assigned.values()
    ]
    assert len({*pairs}) == len(pairs) == 9
    assert {
        "entra-group-orders/api:order-desk",
        "entra-signs-in-shop/web:order-desk",
    } <= assigned.keys()


def test_nobody_is_granted_what_has_not_settled(
    registered: list[Registered],
) -> None:
    """One pause for each API, made anew with the ids of its scopes and roles and with nothing else."""
    settled = {
        name: resource
        for name, resource in all_of(registered, SLEEP).items()
        if name.startswith("entra-")
    }
    assert set(settled) == {f"entra-settle-{api}" for api in APIS}
    orders = settled["entra-settle-orders/api"]
    assert (
        orders.inputs["createDuration"] == "20s"
        and "destroyDuration" not in orders.inputs
    )
    app = entra(registered, "Application")["entra-api-orders/api"].inputs
    ids = {f"role {role['value']}": role["id"] for role in app["appRoles"]}
    ids |= {
        f"scope {scope['value']}": scope["id"]
        for scope in app["api"]["oauth2PermissionScopes"]
    }
    assert orders.inputs["triggers"] == ids and len(ids) == 6
    assert {
        "entra-api-orders/api",
        "entra-principal-api-orders/api",
    } <= orders.after
    granted = {
        **entra(registered, "AppRoleAssignment"),
        **entra(registered, "ServicePrincipalDelegatedPermissionGrant"),
    }
    of_orders = {
        name: grant for name, grant in granted.items() if "orders/api" in name
    }
    assert len(of_orders) == 4
    assert all(
        "entra-settle-orders/api" in grant.after for grant in of_orders.values()
    )


def test_how_long_is_the_stacks_to_say() -> None:
    registered = program(settleSeconds=0.5)
    assert (
        all_of(registered, SLEEP)["entra-settle-orders/api"].inputs[
            "createDuration"
        ]
        == "0.5s"
    )


def test_users_clients_are_consented_to_what_they_were_granted(
    registered: list[Registered],
) -> None:
    """By the administrator for everybody: a user is never asked, and cannot say more."""
    grants = entra(registered, "ServicePrincipalDelegatedPermissionGrant")
    apis = {name for name in grants if name.startswith("entra-grant-")}
    assert apis == {
        "entra-grant-shop/web:orders/api",
        "entra-grant-reports/console:reports/library",
    }
    web = grants["entra-grant-shop/web:orders/api"].inputs
    assert web["claimValues"] == ["orders.read", "orders.write"]
    assert (
        web["servicePrincipalObjectId"] == "object entra-principal-app-shop/web"
    )
    assert "userObjectId" not in web


def test_where_any_token_will_do_one_for_any_api_of_the_stack_does(
    registered: list[Registered],
) -> None:
    """And none for anything else in the tenant."""
    gate = all_of(registered, "kong:index/plugin:Plugin")[
        "hello/hello-world-8000-gate"
    ].inputs["configJson"]
    apis = ",".join(f"'client entra-api-{api}'" for api in APIS)
    assert f"'audiences': [{apis}]" in json.loads(gate)["access"][0]


def test_users_clients_are_consented_to_a_sign_in(
    registered: list[Registered],
) -> None:
    """With permissions of Microsoft Graph, whose service principal is looked up; services sign nobody in."""
    grants = entra(registered, "ServicePrincipalDelegatedPermissionGrant")
    grants_of_clients = {
        name: grant.inputs
        for name, grant in grants.items()
        if name.startswith("entra-consent-")
    }
    assert set(grants_of_clients) == {
        "entra-consent-shop/web",
        "entra-consent-reports/console",
    }
    assert grants_of_clients["entra-consent-shop/web"] == {
        "servicePrincipalObjectId": "object entra-principal-app-shop/web",
        "resourceServicePrincipalObjectId": f"object {MICROSOFT_GRAPH}",
        "claimValues": ["openid", "profile"],
    }
    assert grants_of_clients["entra-consent-reports/console"][
        "claimValues"
    ] == [
        "offline_access",  # refresh: true
        "openid",
        "profile",
    ]


def test_the_gates_audience_is_the_client_id_of_the_api(
    registered: list[Registered],
) -> None:
    """And what a client asks for is all it was granted there; its Secret has the same shape as with any provider."""
    gate = all_of(registered, "kong:index/plugin:Plugin")[
        "orders/api-8080-gate"
    ].inputs["configJson"]
    assert (
        "'audiences': ['client entra-api-orders/api']"
        in json.loads(gate)["access"][0]
    )
    assert "'prefix':'scope='" in json.loads(gate)["access"][0]
    data = clear(
        all_of(registered, "kubernetes:core/v1:Secret")["shop/checkout-client"]
    )
    assert (
        data["OAUTH_SCOPES"]
        == data["API_SCOPES_ORDERS__API"]
        == "client entra-api-orders/api/.default"
    )
    assert {
        "OAUTH_PRIVATE_KEY",
        "OAUTH_KEY_ID",
        "OAUTH_CERTIFICATE",
        "OAUTH_CLIENT_ID",
    } <= set(data)
    assert data["OAUTH_KEY_ALGORITHM"] == "RS256"


def test_secrets_are_marked(registered: list[Registered]) -> None:
    (account,) = all_of(registered, "pulumi:providers:azuread").values()
    assert (
        account.inputs["tenantId"] == TENANT
        and account.inputs["clientId"] == ADMINISTRATOR
    )
    assert (
        account.inputs["clientSecret"] == "sandbox-client-secret"
        and "clientSecret" in account.secret
    )
    assert account.inputs["useCli"] == "false"


# Credentials


def test_a_client_proves_itself_with_a_certificate_of_its_own(
    registered: list[Registered],
) -> None:
    """Both slots are always filled, so that Entra trusts the next key before any pod has it."""
    found = entra(registered, "ApplicationCertificate")
    mine = {
        name: resource
        for name, resource in found.items()
        if "shop/checkout" in name
    }
    assert sorted(mine) == [
        "entra-certificate-shop/checkout-a",
        "entra-certificate-shop/checkout-b",
    ]
    for name, resource in mine.items():
        assert (
            resource.inputs["type"] == "AsymmetricX509Cert"
            and resource.inputs["encoding"] == "pem"
        )
        assert resource.inputs["value"].startswith(
            "-----BEGIN CERTIFICATE-----"
        )
        assert (
            resource.inputs["applicationId"] == "id of entra-app-shop/checkout"
        )
        assert (
            f"entra-key-shop/checkout-{name[-1]}" in resource.made_of["value"]
        )
    assert not [
        resource
        for resource in registered
        if resource.type.endswith(("ApplicationPassword", "IdentityCredential"))
    ]


def test_where_entra_can_read_the_clusters_keys_a_client_has_nothing_to_lose() -> (
    None
):
    """The subject is the component's own ServiceAccount; its token is in a file that the pods find by a variable."""
    registered = program(clusterIssuer="https://oidc.example.com/cluster")
    credential = entra(registered, "ApplicationFederatedIdentityCredential")[
        "entra-federation-shop/checkout"
    ].inputs
    assert credential["issuer"] == "https://oidc.example.com/cluster"
    assert credential["subject"] == "system:serviceaccount:default:checkout"
    assert credential["audiences"] == ["api://AzureADTokenExchange"]
    account = all_of(registered, "kubernetes:core/v1:ServiceAccount")[
        "shop/checkout-account"
    ].inputs["metadata"]
    assert (
        f"system:serviceaccount:{account['namespace']}:{account['name']}"
        == credential["subject"]
    )
    pod = all_of(registered, "kubernetes:apps/v1:Deployment")[
        "shop/checkout-deployment"
    ].inputs["spec"]["template"]["spec"]
    token = {
        "serviceAccountToken": {
            "audience": "api://AzureADTokenExchange",
            "expirationSeconds": 3600,
            "path": "token",
        }
    }
    assert {
        "name": "oauth-assertion-file",
        "projected": {"sources": [token]},
    } in pod["volumes"]
    folder = "/var/run/secrets/kong-oam.dev/oauth-assertion-file"
    mount = {
        "name": "oauth-assertion-file",
        "mountPath": folder,
        "readOnly": True,
    }
    assert mount in pod["containers"][0]["volumeMounts"]
    assert {"name": "OAUTH_ASSERTION_FILE", "value": f"{folder}/token"} in pod[
        "containers"
    ][0]["env"]
    secret = clear(
        all_of(registered, "kubernetes:core/v1:Secret")["shop/checkout-client"]
    )
    assert not {"OAUTH_PRIVATE_KEY", "OAUTH_CLIENT_SECRET"} & set(secret)
    assert not [
        resource
        for resource in registered
        if resource.type.startswith("tls:") or "Certificate" in resource.type
    ]


def test_a_secret_is_shared_only_where_the_stack_says_so() -> None:
    """Then two slots are replaced in turn: both are filled, and the client has the secret of its
    generation."""
    registered = program(clientSecrets=True)
    found = entra(registered, "ApplicationPassword")
    mine = {
        name: resource
        for name, resource in found.items()
        if "shop/checkout" in name
    }
    assert {
        name: password.inputs["rotateWhenChanged"]
        for name, password in mine.items()
    } == {
        "entra-secret-shop/checkout-a": {"generation": "1"},
        "entra-secret-shop/checkout-b": {"generation": "2"},
    }
    assert all(
        "value" in password.secret_outputs
        and "rotateWhenChanged" not in password.secret
        for password in mine.values()
    )
    secret = all_of(registered, "kubernetes:core/v1:Secret")[
        "shop/checkout-client"
    ]
    assert (
        clear(secret)["OAUTH_CLIENT_SECRET"]
        == "secret of entra-secret-shop/checkout-a"
    )
    assert "data" in secret.secret


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        ("web", "web"),
        ("browser", "single_page_application"),
        ("native", "public_client"),
        ("service", None),
    ],
)
def test_only_what_a_page_is_redirected_to_lets_pages_have_tokens(
    kind: Any, where: str | None
) -> None:
    """Entra lets a page have its token where the redirect is one of a single-page application, and no other."""
    uris = ("https://shop.example.com/callback",) if where else ()
    (client, *_) = estate(WITH_CLIENTS).clients
    redirects = _redirects(replace(client, kind=kind, redirect_uris=uris))
    assert {
        name: redirect.redirect_uris for name, redirect in redirects.items()
    } == {
        name: [*uris] if name == where else []
        for name in ("web", "single_page_application", "public_client")
    }


def test_a_certificate_follows_from_the_key_alone() -> None:
    """Every preview and every run makes the same, and it is signed by the key that it holds."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private_pem(private)
    made = certificate(pem, "shop/checkout")
    assert made == certificate(pem, "shop/checkout")
    read = x509.load_pem_x509_certificate(made.encode())
    read.verify_directly_issued_by(read)
    assert read.public_key() == private.public_key()
    assert (read.not_valid_before_utc.year, read.not_valid_after_utc.year) == (
        2020,
        2049,
    )
    digest = hashlib.sha256(read.public_bytes(Encoding.DER)).digest()
    assert thumbprint(made) == base64.urlsafe_b64encode(digest).decode().rstrip(
        "="
    )


def test_no_slot_keeps_a_key_that_has_ended() -> None:
    """Where both slots count at any time: while two overlap they have those two, else the client's own and the next."""
    import datetime

    day = datetime.date(2026, 1, 1)
    ready = [tuple(Generation(number, day, overlapping).prepared_in(slot) for slot in (0, 1))
            for number, overlapping in ((1, False), (2, True), (2, False), (3, True), (3, False))]  # fmt: skip
    assert ready == [(1, 2), (1, 2), (3, 2), (3, 2), (3, 4)]


# Settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"issuer": None}, "needs 'issuer'"),
        (
            {"issuer": "https://login.microsoftonline.com/common/v2.0"},
            "is not https://login.microsoftonline.com/<tenant id>",
        ),
        (
            {"issuer": f"https://sts.windows.net/{TENANT}/"},
            "is not https://login.microsoftonline.com/<tenant id>/v2.0",
        ),
        (
            {"issuer": f"https://login.example.com/{TENANT}/v2.0"},
            "is not https://login.microsoftonline.com/<tenant id>/v2.0",
        ),
        (
            {"issuer": f"https://login.microsoftonline.com/{TENANT}/v2.0/"},
            "is not https://login.microsoftonline.com/",
        ),
        (
            {"access_token_minutes": 60},
            "access tokens live up to 90 minutes: set accessTokenMinutes: 90",
        ),
        (
            {"client_secrets": True, "cluster_issuer": "https://a.example.com"},
            "set either clientSecrets or clusterIssuer",
        ),
        (
            {"cluster_issuer": "http://a.example.com"},
            "clusterIssuer http://a.example.com: it is not https",
        ),
    ],
)
def test_settings_that_cannot_be_used_are_refused(
    settings: JsonObject, message: str
) -> None:
    settings_json = {"access_token_minutes": 90, "issuer": ISSUER, **settings}
    with pytest.raises(StackError, match=re.escape(message)):
        describe(
            ProviderSettings("main", "entra", "api://tests", **settings_json)
        )


@pytest.mark.parametrize(
    "login",
    [
        "https://login.microsoftonline.us",
        "https://login.partner.microsoftonline.cn",
    ],
)
def test_national_clouds_have_a_graph_and_a_token_exchange_of_their_own(
    login: str,
) -> None:
    tenant = tenant_of(f"{login}/{TENANT}/v2.0")
    assert tenant is not None and api.is_known(tenant)
    assert api.federation_audience(tenant) in (
        "api://AzureADTokenExchangeUSGov",
        "api://AzureADTokenExchangeChina",
    )
    assert Account(tenant, "a").graph in (
        "https://graph.microsoft.us",
        "https://microsoftgraph.chinacloudapi.cn",
    )


# Inspection before the first change


@pytest.fixture
def tenant() -> Iterator[Entra]:
    with Entra() as entra:
        yield entra


def graph_of(entra: Entra) -> Graph:
    return Graph(
        Account(Tenant(entra.url, TENANT), ADMINISTRATOR, entra.secret)
    )


def on_main() -> Stack:
    return Stack(
        "tests", {"main": describe(SETTINGS)}, domain="apps.example.com"
    )


def problems(entra: Entra) -> list[str]:
    roles = estate(WITH_GROUPS, stack=on_main())
    with graph_of(entra) as graph:
        ids = look_up(group_names(SETTINGS, roles), graph.group_ids)
        found = unclear_groups(
            SETTINGS, roles, ids, lambda: list(graph.groups())
        )
        return [str(finding).splitlines()[0] for finding in found]


def test_a_group_that_does_not_exist_is_said_with_the_nearest(
    tenant: Entra,
) -> None:
    """The finding is at each role that names it. An ambiguous group is reported, too, and all pages
    are read. A group that is merely similar may be another team's, so it is not named."""
    for number in range(250):
        tenant.directory.add_group(f"team-{number}")
    tenant.directory.add_group("desk")
    tenant.directory.add_group("sales-emea")
    where = "Create it there, or map 'sales' under identityProviders[].groups in stacks/Pulumi.tests.yaml"
    assert problems(tenant)[0].endswith(f" of main does not exist. {where}")
    tenant.directory.add_group("Salse")
    near = (
        f"group 'sales' of main does not exist; did you mean 'Salse'? {where}"
    )
    assert problems(tenant) == [
        f"app1.yaml:18:49: error ENV401: role 'reader': {near}",
        f"app1.yaml:19:47: error ENV401: role 'desk': {near}",
    ]
    tenant.directory.add_group("sales")
    assert problems(tenant) == []
    tenant.directory.add_group("desk")
    assert problems(tenant) == [
        "app1.yaml:19:54: error ENV401: role 'desk': group 'desk' of main exists 2 times. Rename the others"
    ]


def test_a_group_that_can_hold_no_role_does_not_count(tenant: Entra) -> None:
    """A distribution list of the name."""
    tenant.directory.add_group("desk")
    tenant.directory.add_group("sales", "plain")
    tenant.directory.groups["plain"]["securityEnabled"] = False
    assert [
        problem.split("group ")[1].split(". ")[0]
        for problem in problems(tenant)
    ] == ["'sales' of main does not exist"] * 2


def test_two_tenants_in_one_stack_are_refused_once() -> None:
    """They sign with the same keys, and Kong has a key id once."""
    from dataclasses import replace

    other = replace(
        SETTINGS,
        name="other",
        issuer=ISSUER.replace(TENANT, "99999999-1111-4111-8111-111111111111"),
    )
    stack = Stack(
        "tests",
        {provider.name: describe(provider) for provider in (SETTINGS, other)},
        domain="apps.example.com",
    )
    two_tenants = estate(WITH_GROUPS, stack=stack)
    assert [
        str(diagnostic) for diagnostic in shared_keys(SETTINGS, two_tenants)
    ] == [
        "error ENV408: main and other are tenants of one Entra, which signs for all of them with the same "
        "keys. A Kong workspace has each key once. Give each tenant its own stack and workspace"
    ]
    assert (
        list(shared_keys(SETTINGS, estate(WITH_GROUPS, stack=on_main()))) == []
    )


def test_a_tenant_that_only_exists_beside_one_that_is_made_in_is_refused_as_well() -> (
    None
):
    """Whatever it is called: of an issuer of kind oidc nobody asks this."""
    beside = Provider(
        "a",
        "api://tests",
        SPELLING,
        issuer=ISSUER.replace(TENANT, "99999999-1111-4111-8111-111111111111"),
    )
    two_tenants = estate(
        WITH_GROUPS,
        stack=Stack(
            "tests",
            {"main": describe(SETTINGS), "a": beside},
            domain="apps.example.com",
        ),
    )
    assert [
        diagnostic.code for diagnostic in shared_keys(SETTINGS, two_tenants)
    ] == ["ENV408"]


PARTNER = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: partner}
spec:
  components:
    - name: acme
      type: external
      properties: {jwksUri: "https://acme.example.com/keys"}
      traits: [{type: client, properties: {kind: external, calls: [{component: shop/api, scopes: [read]}]}}]
"""
GRANTING = WITH_GROUPS.replace(
    "groups: [sales]}", "groups: [sales], components: [partner/acme]}"
)


def test_a_partner_without_a_certificate_is_said_to_need_one() -> None:
    """A warning at its trait, with the setting: everything else of it is made."""
    with_partner = estate(GRANTING, PARTNER, stack=on_main())
    (found,) = partners_without_certificate(SETTINGS, with_partner)
    assert (found.code, found.severity) == ("ENV409", "warning")
    assert found.message == (
        "main does not read the jwksUri of 'partner/acme', so the client has no key. Set its owner's "
        "certificate under identityProviders[].certificates in stacks/Pulumi.tests.yaml"
    )
    assert (
        list(
            partners_without_certificate(
                replace(SETTINGS, certificates={"partner/acme": ("PEM",)}),
                with_partner,
            )
        )
        == []
    )
    assert (
        list(
            partners_without_certificate(
                SETTINGS, estate(WITH_GROUPS, stack=on_main())
            )
        )
        == []
    )


def test_a_certificate_of_nobody_is_refused_with_the_nearest() -> None:
    """An unknown component, and a component that is no partner's client there."""
    with_partner = estate(GRANTING, PARTNER, stack=on_main())
    certified = replace(
        SETTINGS, certificates={"partner/acne": ("PEM",), "shop/api": ("PEM",)}
    )
    where = "error ENV410: identityProviders[].certificates in stacks/Pulumi.tests.yaml"
    assert [
        str(diagnostic)
        for diagnostic in unused_certificates(certified, with_partner)
    ] == [
        f"{where}: 'partner/acne' is no client of kind external at main; did you mean 'partner/acme'?",
        f"{where}: 'shop/api' is no client of kind external at main; known: partner/acme",
    ]
    assert (
        list(
            unused_certificates(
                replace(SETTINGS, certificates={"partner/acme": ("PEM",)}),
                with_partner,
            )
        )
        == []
    )


# A tenant that refuses


def refusal_message(*answers: httpx.Response) -> str:
    remaining = iter(answers)
    account = Account(
        Tenant("https://login.microsoftonline.com", TENANT),
        "client",
        "a secret",
    )
    with (
        pytest.raises(ManagementApiError) as found,
        Graph(account, httpx.MockTransport(lambda _: next(remaining))) as graph,
    ):
        graph.group_ids(["sales"])
    return str(found.value)


TOKEN = httpx.Response(200, json={"access_token": "t"})


def test_missing_permissions_are_named() -> None:
    body = {
        "error": {
            "code": "Authorization_RequestDenied",
            "message": "Insufficient privileges to complete it.",
        }
    }
    message = refusal_message(TOKEN, httpx.Response(403, json=body))
    assert message.startswith(
        "graph.microsoft.com: GET /v1.0/groups answers 403 Authorization_RequestDenied: Insufficient"
    )
    assert (
        "AppRoleAssignment.ReadWrite.All" in message
        and "Group.Read.All" in message
    )


def test_a_wrong_secret_is_said_and_never_shown(tenant: Entra) -> None:
    account = Account(
        Tenant(tenant.url, TENANT), ADMINISTRATOR, "not the secret"
    )
    with pytest.raises(ManagementApiError) as found, Graph(account):
        pass
    assert "AADSTS7000215" in str(
        found.value
    ) and "check azuread:clientId" in str(found.value)
    assert "not the secret" not in str(found.value) + repr(account)


def test_a_next_page_elsewhere_is_not_asked() -> None:
    """The token would go there."""
    page = httpx.Response(
        200,
        json={
            "value": [],
            "@odata.nextLink": "https://graph.microsoft.com.example.com/v1.0/groups",
        },
    )
    assert "another server" in refusal_message(TOKEN, page)


def test_its_spelling_is_the_one_that_the_gate_is_tried_with() -> None:
    from dataclasses import replace

    assert replace(SPELLING, overage=()) == ENTRA_SPELLING
