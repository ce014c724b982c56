"""Changes of settings that no single request shows: settings of the stack and of its clients, as
values."""

from __future__ import annotations

import pytest
import yaml

from kong_oam.access.diff.change import Answer, Setting, Subject
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.kind import Kind
from kong_oam.access.diff.snapshot import AccessModel, dump_model, load_model
from kong_oam.access.settings.stack import parse
from tests.support.diffs import edited, model
from tests.support.partner_keys import certified, rsa_key

STACK = """
cloud: aws
asOf: "2026-11-25"
domains: {default: apps.example.com}
gateway: {cidrs: [192.0.2.0/24, 198.51.100.0/24], reach: loadBalancer, hstsSeconds: 600}
identityProviders:
  - name: corp
    type: oidc
    issuer: https://login.example.com
    audience: api://orders
    accessTokenMinutes: 30
    tokens:
      user: sid
      accessToken: {claim: token_use, value: access}
      overage: [more]
    clients:
      shop/checkout: {id: checkout-7f3, secret: {name: checkout-corp, key: client-secret}}
"""
APPLICATIONS = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: orders}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders: 8080}}
        - type: access
          properties:
            owner: team-orders
            scopes: {read: Read}
            rules: [{paths: [/orders], methods: [GET], scopes: [read]}]
            roles:
              viewer: {scopes: [read], groups: [sales], components: [shop/checkout, shop/web, outside/app, outside/partner]}
---
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: checkout
      type: worker
      properties: {image: checkout}
      traits:
        - {type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [read]}]}}
    - name: web
      type: webservice
      properties: {image: web}
      traits:
        - type: gateway
          properties: {http: {/: 3000}}
        - type: access
          properties: {owner: team-shop, rules: [{public: {reason: pages}}]}
        - type: client
          properties: {kind: web, redirectPaths: [/callback], calls: [{component: orders/api, scopes: [read]}]}
---
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: outside}
spec:
  components:
    - name: app
      type: external
      traits:
        - {type: client, properties: {kind: native, redirectUris: ["com.example.app:/callback"], calls: [{component: orders/api, scopes: [read]}]}}
    - name: partner
      type: external
      properties: {jwksUri: "https://partner.example.com/keys"}
      traits:
        - {type: client, properties: {kind: external, calls: [{component: orders/api, scopes: [read]}]}}
"""
CORP = Subject(provider="corp")
CHECKOUT = Subject("shop/checkout", "corp")
WEB = Subject("shop/web", "corp")


def estate(applications: str = APPLICATIONS, stack: str = STACK) -> AccessModel:
    return model(applications, on=parse("local", yaml.safe_load(stack)))


BEFORE = estate()
EXPORTED = load_model(dump_model(BEFORE))


@pytest.mark.parametrize(
    ("old", "new", "kind", "subject", "name", "was", "now"),
    [
        ("sid", "uid", "may widen", CORP, "tokens.user", "sid", "uid"),
        ("sid", "sid\n      client: azp", "may widen", CORP, "tokens.client", "client_id", "azp"),
        ("      overage: [more]\n", "", "may widen", CORP, "tokens.overage", ["more"], []),
        ("[more]", "[more, most]", "may narrow", CORP, "tokens.overage", ["more"], ["more", "most"]),
        ("//login.", "//sso.", "may widen", CORP, "issuer", "https://login.example.com", "https://sso.example.com"),
        ("api://orders", "api://all", "may widen", CORP, "audience", "api://orders", "api://all"),
        ("Minutes: 30", "Minutes: 60", "may widen", CORP, "accessTokenMinutes", 30, 60),
        ("Minutes: 30", "Minutes: 15", "may narrow", CORP, "accessTokenMinutes", 30, 15),
        ("audience:", "clientSecrets: true\n    audience:", "changed", CORP, "clientSecrets", False, True),
        ("audience:", "clusterIssuer: https://c.example.com\n    audience:", "may widen", CORP, "clusterIssuer", None, "https://c.example.com"),
        ("checkout-7f3", "checkout-8a4", "may widen", CHECKOUT, "id", "checkout-7f3", "checkout-8a4"),
        ("checkout-corp", "other", "changed", CHECKOUT, "secret", "checkout-corp/client-secret", "other/client-secret"),
        ("hstsSeconds: 600", "hstsSeconds: 0", "changed", Subject(), "gateway.hstsSeconds", 600, 0),
        ("hsts", "edition: enterprise, hsts", "may widen", Subject(), "gateway.edition", "oss", "enterprise"),
        ("192.0.2.0/24, ", "", "may narrow", Subject(), "gateway.cidrs", ["192.0.2.0/24", "198.51.100.0/24"], ["198.51.100.0/24"]),
        ("192.0.2.0/24, 198.51.100.0/24", "192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24", "may widen", Subject(), "gateway.cidrs", ["192.0.2.0/24", "198.51.100.0/24"], ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"]),
        ("hsts", "serviceAnnotations: {lb: internal}, hsts", "may widen", Subject(), "gateway.serviceAnnotations", {}, {"lb": "internal"}),
        ("hsts", "plainHttp: redirect, hsts", "changed", Subject(), "gateway.plainHttp", "refuse", "redirect"),
        ("hsts", "stripHeaders: [X-User], hsts", "may narrow", Subject(), "gateway.stripHeaders", [], ["x-user"]),
        ("cloud: aws", "cloud: aws\nrotation: {overlap: 30d}", "changed", Subject(), "rotation.overlap", 7, 30),
    ],
)  # fmt: skip
def test_another_setting_of_the_stack_is_a_change_with_both_values(
    old: str, new: str, kind: Kind, subject: Subject, name: str, was: object, now: object
) -> None:  # fmt: skip
    """The old side is an estate or an exported model; the opposite change is a change too."""
    after = estate(stack=edited(STACK, (old, new)))
    change = Setting(kind, subject, name, was, now)
    assert diff(BEFORE, after) == diff(EXPORTED, after) == (change,)
    (back,) = diff(after, BEFORE)
    assert (back.was, back.now) == (now, was)


@pytest.mark.parametrize(
    ("new", "changes"),
    [
        (
            "accessToken: {claim: token_use, prefix: acc}",
            [
                Setting(
                    "may widen", CORP, "tokens.accessToken",
                    [{"claim": "token_use", "value": "access", "prefix": False}],
                    [{"claim": "token_use", "value": "acc", "prefix": True}],
                )
            ],
        ),
        (
            "accessToken: {claim: token_use, value: access}\n      service: {claim: sub_type, value: app}",
            [
                Setting("may widen", CORP, "tokens.service.claim", "sub", "sub_type"),
                Setting("may widen", CORP, "tokens.service.value", None, "app"),
            ],
        ),
        (
            "accessToken: {claim: token_use, value: access}\n      serviceScopes: {claim: roles}",
            [
                Setting("may widen", CORP, "tokens.serviceScopes.claim", "scope", "roles"),
                Setting("may widen", CORP, "tokens.serviceScopes.form", "words", "list"),
            ],
        ),
    ],
    ids=["the mark of access tokens", "services", "their scopes"],
)  # fmt: skip
def test_another_spelling_of_tokens_may_widen(
    new: str, changes: list[Setting]
) -> None:
    """Each part of a claim's spelling is a separate value."""
    spelled = edited(
        STACK, ("accessToken: {claim: token_use, value: access}", new)
    )
    after = estate(stack=spelled)
    assert diff(BEFORE, after) == diff(EXPORTED, after) == tuple(changes)


CALLBACK = "https://web-shop.apps.example.com/callback"


@pytest.mark.parametrize(
    ("old", "new", "kind", "subject", "name", "was", "now"),
    [
        ("com.example.app", "com.example.other", "may widen", Subject("outside/app", "corp"), "redirectUris", ["com.example.app:/callback"], ["com.example.other:/callback"]),
        ("[/callback]", "[/callback, /new]", "may widen", WEB, "redirectUris", [CALLBACK], [CALLBACK, "https://web-shop.apps.example.com/new"]),
        ("partner.example", "rival.example", "may widen", Subject("outside/partner", "corp"), "jwksUri", "https://partner.example.com/keys", "https://rival.example.com/keys"),
        ("kind: web,", "kind: browser,", "may widen", WEB, "kind", "web", "browser"),
        ("kind: web,", "refresh: true, kind: web,", "may widen", WEB, "refresh", False, True),
        ("kind: service,", "rotateEvery: 30d, kind: service,", "changed", CHECKOUT, "rotateEvery", None, 30),
        ("owner: team-orders", "owner: team-orders\n            waivers: [{finding: LINT301, reason: tidied soon, until: 2027-01-31}]", "changed", Subject("orders/api"), "waivers", [], ["LINT301 until 2027-01-31"]),
    ],
)  # fmt: skip
def test_another_setting_of_a_client_or_component_is_a_change_with_both_values(
    old: str, new: str, kind: Kind, subject: Subject, name: str, was: object, now: object
) -> None:  # fmt: skip
    """The old side is an estate or an exported model."""
    after = estate(edited(APPLICATIONS, (old, new)))
    change = Setting(kind, subject, name, was, now)
    assert diff(BEFORE, after) == diff(EXPORTED, after) == (change,)


def test_another_namespace_changes_pods_and_credentials() -> None:
    """The answering pods and the clients' credentials move to another namespace."""
    moved = edited(APPLICATIONS, ("namespace: shop", "namespace: elsewhere"))
    answered, *changes = diff(BEFORE, estate(moved))
    assert answered.answers == (
        Answer("shop/web", "3000", "own pods in shop at 3000 (Deployment web)"),
        Answer(
            "shop/web", "3000", "own pods in elsewhere at 3000 (Deployment web)"
        ),
    )
    assert changes == [
        Setting("may widen", CHECKOUT, "namespace", "shop", "elsewhere"),
        Setting("may widen", WEB, "namespace", "shop", "elsewhere"),
    ]


def test_another_scheme_changes_dependent_settings() -> None:
    """Plain http exposes tokens, and users return to it; https denies plain calls."""
    clear = estate(stack=edited(STACK, ("hstsSeconds: 600", "scheme: http")))
    in_clear = "http://web-shop.apps.example.com/callback"
    assert diff(BEFORE, clear) == (
        Setting("may widen", Subject(), "gateway.scheme", "https", "http"),
        Setting("may widen", WEB, "redirectUris", [CALLBACK], [in_clear]),
        Setting("changed", Subject(), "gateway.hstsSeconds", 600, 0),
    )
    back = Setting("may narrow", Subject(), "gateway.scheme", "http", "https")
    assert back in diff(clear, BEFORE)


def test_another_client_without_a_workload_is_another_principal() -> None:
    """Only its name identifies an application on a device; the URL of its keys identifies a
    partner."""
    renamed = edited(
        APPLICATIONS,
        ("outside/app", "outside/other"),
        ("name: app\n", "name: other\n"),
        ("outside/partner", "outside/ally"),
        ("name: partner\n", "name: ally\n"),
    )
    changes = diff(BEFORE, estate(renamed))
    assert [
        (change.kind, change.callers[0].principal.client) for change in changes
    ] == [
        ("granted", "outside/other"),
        ("revoked", "outside/app"),
    ]


def test_a_partners_certificate_is_compared_by_its_fingerprint() -> None:
    """The holder of its key calls as the partner; the certificate itself is not printed."""
    pem = certified(rsa_key())
    certificates = {"outside/partner": [pem]}
    data = yaml.safe_load(STACK)
    data["identityProviders"][0]["certificates"] = certificates
    after = model(APPLICATIONS, on=parse("local", data))
    (change,) = diff(BEFORE, after)
    (fingerprint,) = change.now
    partner = Subject("outside/partner", "corp")
    assert change == Setting(
        "may widen", partner, "certificates", [], [fingerprint]
    )
    assert len(fingerprint) == 64
    assert "BEGIN" not in dump_model(after)
