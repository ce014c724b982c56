"""Entra without a tenant: owners of names in a stack with several providers, ids, certificates, and
its description."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from kong_oam.access.model import Stack
from kong_oam.access.providers import LONGEST_LISTED, Provider
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.access.tokens import KeyRing, Refusal, authenticate
from kong_oam.identity.common.certificates import certificate
from kong_oam.identity.common.parts import clients_at
from kong_oam.identity.entra.description import SPELLING, describe
from kong_oam.identity.entra.names import (
    apis,
    other_tenants,
    role_id,
    scope_id,
    tenant_of,
)
from tests.support.estates import SPELLING as ANOTHER
from tests.support.estates import api, estate
from tests.support.gateway_tokens import Issuer
from tests.support.partner_keys import private_pem

TENANT = "11111111-1111-4111-8111-111111111111"
ISSUER = f"https://login.microsoftonline.com/{TENANT}/v2.0"
SETTINGS = ProviderSettings(
    "main", "entra", "api://tests", access_token_minutes=90, issuer=ISSUER
)

ACCESS = """
            owner: team
            identityProvider: PROVIDER
            scopes: {NAME.read: r}
            rules: [{scopes: [NAME.read]}]
            roles:
              reader: {scopes: [NAME.read], components: [shop/job, shop/other]}
"""
SHOP = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: job
      type: worker
      properties: {image: x}
      traits: [{type: client, properties: {kind: service, calls: [{component: a/api, scopes: [a.read]}]}}]
    - name: other
      type: worker
      properties: {image: x}
      traits: [{type: client, properties: {kind: service, calls: [{component: b/api, scopes: [b.read]}]}}]
"""


def test_it_is_the_value_that_the_stack_describes() -> None:
    """Audience and groups are the stack's, the issuer is the tenant, and a token is for one API."""
    settings = replace(SETTINGS, groups={"sales": "ACME Sales"})
    assert describe(settings) == Provider(
        "main",
        "api://tests",
        SPELLING,
        issuer=ISSUER,
        groups={"sales": "ACME Sales"},
        per_api=True,
    )


def test_only_its_own_apis_and_clients_are_in_its_tenant() -> None:
    """APIs of another provider of the stack are not registered, nor clients that call only these."""
    other = Provider(
        "other", "api://tests", ANOTHER, issuer="https://other.example.com"
    )
    stack = Stack(
        "tests",
        {"main": describe(SETTINGS), "other": other},
        domain="apps.example.com",
    )
    traits = {
        name: ACCESS.replace("NAME", name).replace("PROVIDER", at)
        for name, at in (("a", "main"), ("b", "other"))
    }
    two_applications = estate(
        *(
            api(name, domain=f"{name}.example.com", access=traits[name])
            for name in "ab"
        ),
        SHOP,
        stack=stack,
    )
    assert set(apis(SETTINGS, two_applications)) == {"a/api"}
    assert [
        client.component for client in clients_at(SETTINGS, two_applications)
    ] == ["shop/job"]
    assert other_tenants(SETTINGS, two_applications) == []


def test_tenants_of_another_cloud_sign_with_other_keys() -> None:
    """Only tenants of one Entra sign with the same keys."""
    second_tenant = replace(
        SETTINGS,
        name="gov",
        issuer=ISSUER.replace("microsoftonline.com", "microsoftonline.us"),
    )
    beside = replace(
        SETTINGS,
        name="two",
        issuer=ISSUER.replace(TENANT, "22222222-2222-4222-8222-222222222222"),
    )
    stack = Stack(
        "tests",
        {
            provider.name: describe(provider)
            for provider in (SETTINGS, second_tenant, beside)
        },
        domain="apps.example.com",
    )
    found = other_tenants(SETTINGS, estate(api(), stack=stack))
    assert found == ["two"]


def test_an_id_is_of_one_stack_component_and_value() -> None:
    """Two stacks may share a tenant; no part of a name moves over into the next."""
    for make in (scope_id, role_id):
        ids = [
            make("s", "a/b", "c"),
            make("t", "a/b", "c"),
            make("s", "a/d", "c"),
            make("s", "a/b", "d"),
        ]
        assert (
            len({*ids, make("sa", "/b", "c"), make("s", "a/bc", "")})
            == len(ids) + 2
        )


def test_a_tenants_id_is_written_as_its_tokens_write_it() -> None:
    """In small letters: `iss` is compared as it is."""
    odd = "AAAAAAAA-1111-4111-8111-111111111111"
    assert tenant_of(ISSUER.replace(TENANT, odd)) is None
    small = tenant_of(ISSUER.replace(TENANT, odd.lower()))
    assert small is not None and small.id == odd.lower()


@pytest.mark.parametrize("mark", ["_claim_names", "hasgroups"])
def test_a_token_that_leaves_roles_or_groups_out_does_not_count(
    mark: str,
) -> None:
    """Entra says so in one of two ways, by the kind of sign-in."""
    signer = Issuer(now=1_000_000.0, provider=describe(SETTINGS))
    ring = KeyRing(
        signer.provider, ISSUER, signer.ring.keys, {"orders/api": "aud"}
    )
    claims = {
        "iss": ISSUER,
        "aud": "aud",
        "azp": "c",
        "oid": "o",
        "ver": "2.0",
        "jti": None,
        "cid": None,
        "uid": None,
    }
    token = signer.token(**claims, scp="orders.read", **{mark: True})
    refusal = authenticate(token, ring, signer.now, "orders/api")
    assert refusal == Refusal("the user has too many groups for the token")


@pytest.mark.parametrize("subject", ["shop/checkout", f"{'a' * 40}/{'b' * 40}"])
def test_a_certificate_says_whose_it_is(subject: str) -> None:
    """As far as a common name reaches: 64 characters."""
    made = certificate(
        private_pem(
            rsa.generate_private_key(public_exponent=65537, key_size=2048)
        ),
        subject,
    )
    read = x509.load_pem_x509_certificate(made.encode())
    (name,) = read.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    assert name.value == subject[:64]
    assert read.serial_number > 0


def test_a_certificate_is_of_an_rsa_key() -> None:
    """Entra takes no other from clients."""
    with pytest.raises(TypeError, match="RSA"):
        certificate(
            private_pem(ec.generate_private_key(ec.SECP256R1())),
            "shop/checkout",
        )


@pytest.mark.parametrize(
    "group",
    ["sales", "x" * 114, "x" * 115, "\u00fc" * 400],
    ids=["short", "fits", "long", "escaped"],
)
def test_what_tokens_list_of_a_group_is_a_value_that_graph_takes(
    group: str,
) -> None:
    """The model's limit is not above Graph's limit for the value of a role (Microsoft Graph,
    appRole)."""
    listed = Provider("main", "api://tests", SPELLING, per_api=True).listed(
        group
    )
    assert len(listed) <= LONGEST_LISTED <= 120
    assert listed.isascii() and " " not in listed
