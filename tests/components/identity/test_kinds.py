"""Kinds of identity providers: which settings each takes, and how its tokens are read."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from kong_oam.access.providers import ClaimMapping, Listing, TokenType
from kong_oam.access.settings.values import (
    KnownClient,
    ProviderSettings,
    StackError,
)
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.state import Resource, StackState
from kong_oam.identity.kinds import KINDS, inspect, proofs_in
from tests.support.estates import estate
from tests.support.json_object import JsonObject
from tests.support.partner_keys import certified, rsa_key
from tests.support.provider_settings import stack
from tests.support.repository import ROOT

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

NOTHING_SET = Configuration(lambda _: None)
OKTA = {"name": "okta", "type": "okta"}
CERTIFICATE = certified(rsa_key())
TOKENS = {
    "user": "sid",
    "accessToken": {"claim": "token_use", "value": "access"},
}
OIDC = {
    "name": "corp",
    "type": "oidc",
    "issuer": "https://login.example.com",
    "audience": "api://a",
    "tokens": TOKENS,
}


def refusal(*providers: JsonObject) -> str:
    with pytest.raises(StackError) as refused:
        stack(*providers)
    return str(refused.value)


def test_a_stack_may_have_several_kinds() -> None:
    """The first is the default; each is described by its own module."""
    providers = stack(OKTA, OIDC).stack.providers
    assert list(providers) == ["okta", "corp"]
    assert (providers["okta"].issuer, providers["corp"].issuer) == (
        None,
        "https://login.example.com",
    )
    assert providers["okta"].spelling.client == "cid"


def test_what_is_known_of_a_kind_can_be_provisioned() -> None:
    """By a module that has the kind's name."""
    for kind in KINDS:
        module = import_module(f"components.identity.{kind.type}")
        assert callable(module.provision)


def test_the_program_loads_no_sdk_of_a_provider_before_a_stack_has_one() -> (
    None
):
    """All of them took a third of the time that it takes to start, in every run."""
    script = "import sys, components.program; print(sorted({'pulumi_azuread', 'pulumi_keycloak'} & sys.modules.keys()))"
    completed = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert completed.stdout == "[]\n"


@pytest.mark.parametrize("kind", [kind.type for kind in KINDS])
def test_every_kind_has_the_same_files(kind: str) -> None:
    """At an issuer that exists nothing is made, so that there is nothing to be asked or removed."""
    files = {
        file.stem
        for file in (ROOT / "kong_oam" / "identity" / kind).glob("*.py")
    }
    made = {"api", "names", "conflicts", "orphans"} if kind != "oidc" else set()
    assert files >= {"description", "preflight", *made}


def test_an_unknown_kind_is_refused_with_the_nearest() -> None:
    assert (
        'type: "Okta" is not one of entra, keycloak, oidc, okta; did you mean '
        "'okta'?" in refusal({"name": "corp", "type": "Okta"})
    )


def test_what_oidc_leaves_out_is_as_in_rfc_9068() -> None:
    """`client_id`, `scope` as words, `groups`; a service's token is about the client itself."""
    assert stack(OIDC).stack.providers["corp"].spelling == ClaimMapping(
        client="client_id",
        user="sid",
        scopes=Listing("scope", "words"),
        service_scopes=Listing("scope", "words"),
        groups="groups",
        marks=(TokenType("token_use", "access"),),
    )


def test_oidc_spells_as_it_is_told() -> None:
    """Every claim, both forms of lists, what marks an access token, and a service that says so by a value."""
    tokens = {
        "client": "azp",
        "subject": "oid",
        "user": "uti",
        "service": {"claim": "idtyp", "value": "app"},
        "scopes": {"claim": "scp", "form": "words"},
        "serviceScopes": {"claim": "roles"},
        "groups": "teams",
        "accessToken": {"claim": "ver", "prefix": ""},
        "overage": ["_claim_names"],
    }
    assert stack({**OIDC, "tokens": tokens}).stack.providers[
        "corp"
    ].spelling == ClaimMapping(
        client="azp",
        user="uti",
        scopes=Listing("scp", "words"),
        service_scopes=Listing("roles", "list"),
        groups="teams",
        marks=(TokenType("ver", "", prefix=True),),
        subject="oid",
        own="idtyp",
        own_value="app",
        overage=("_claim_names",),
    )


def test_clients_that_exist_are_known_by_their_components() -> None:
    registered = {
        "shop/web": {"id": "1"},
        "shop/job": {"id": "2", "secret": {"name": "job", "key": "k"}},
    }
    (settings,) = stack({**OIDC, "clients": registered}).providers
    assert settings.clients == {
        "shop/web": KnownClient("1"),
        "shop/job": KnownClient("2", ("job", "k")),
    }


@pytest.mark.parametrize(
    ("provider", "message"),
    [
        (
            {**OKTA, "issuer": "https://a.example.com"},
            "(type okta): ignores 'issuer'; remove it",
        ),
        ({**OKTA, "tokens": TOKENS}, "(type okta): ignores 'tokens'"),
        (
            {**OKTA, "clients": {"a/b": {"id": "1"}}},
            "(type okta): ignores 'clients'",
        ),
        (
            {**OKTA, "certificates": {"a/b": [CERTIFICATE]}},
            "(type okta): ignores 'certificates'",
        ),
        (
            {"name": "corp", "type": "oidc"},
            "(type oidc): needs 'issuer'; needs 'tokens'",
        ),
        (
            {**OIDC, "issuer": "http://login.example.com"},
            "issuer http://login.example.com: it is not https",
        ),
        (
            {**OIDC, "issuer": "https://me@login.example.com"},
            "it is not an address",
        ),
        ({**OIDC, "issuer": "login.example.com"}, "identityProviders.0.issuer"),
        (
            {**OIDC, "issuer": "https://login.example.com?a=b"},
            "identityProviders.0.issuer",
        ),
        ({**OIDC, "tokens": {"user": "sid"}}, "identityProviders.0.tokens"),
        (
            {**OIDC, "tokens": {**TOKENS, "accessToken": {"claim": "x"}}},
            "identityProviders.0.tokens.accessToken",
        ),
        (
            {**OIDC, "tokens": {**TOKENS, "scope": "scp"}},
            "has no setting 'scope'; did you mean 'scopes'?",
        ),
        (
            {**OIDC, "clients": {"web": {"id": "1"}}},
            "identityProviders.0.clients",
        ),
        (
            {**OIDC, "clients": {"a/b": {"id": "1", "secret": "s"}}},
            "identityProviders.0.clients.a/b.secret",
        ),
    ],
)
def test_settings_that_a_kind_cannot_use_are_refused(
    provider: JsonObject, message: str
) -> None:
    """Before anything is asked or made; a secret cannot be written into the file at all."""
    assert message in refusal(provider)


def test_plain_http_is_for_loopback() -> None:
    """An issuer of the sandbox."""
    assert (
        stack({**OIDC, "issuer": "http://127.0.0.1:8080"}).providers[0].issuer
        == "http://127.0.0.1:8080"
    )


def test_settings_are_frozen_values() -> None:
    assert ProviderSettings("a", "okta", "b") == ProviderSettings(
        "a", "okta", "b"
    )


@pytest.mark.parametrize(
    ("clients", "messages"),
    [
        (
            {},
            [
                "no client id for 'shop/job' at corp",
                "no client id for 'shop/spa' at corp",
            ],
        ),
        (
            {"shop/job": {"id": "1"}, "shop/spa": {"id": "2"}},
            ["'shop/job' at corp has no `secret`"],
        ),
        (
            {
                name: {"id": name, "secret": {"name": "s", "key": "k"}}
                for name in ("shop/job", "shop/spa")
            },
            [
                "'shop/spa' at corp runs on users' devices and cannot keep a `secret`"
            ],
        ),
        (
            {
                "shop/job": {"id": "1", "secret": {"name": "s", "key": "k"}},
                "shop/spa": {"id": "2"},
            },
            [],
        ),
    ],
)
def test_clients_of_an_issuer_that_exists_are_named_in_full(
    clients: JsonObject, messages: list[str]
) -> None:
    """All that is missing at once, each at its client trait."""
    settings = stack({**OIDC, "clients": clients})
    found = inspect(
        settings.providers[0],
        estate(WITH_CLIENTS, stack=settings.stack),
        frozenset(),
        {},
        NOTHING_SET,
    ).findings
    assert [finding.code for finding in found] == ["ENV402"] * len(messages)
    assert all(
        text in finding.message
        for text, finding in zip(messages, found, strict=True)
    )


def test_another_issuer_is_refused_with_what_would_break() -> None:
    """The finding names the effects and the confirmation; a new issuer is no change."""
    known = {
        "shop/job": {"id": "1", "secret": {"name": "s", "key": "k"}},
        "shop/spa": {"id": "2"},
    }
    entry, before = (
        {**OIDC, "clients": known},
        {"corp": "https://old.example.com"},
    )

    def findings_of(entry: JsonObject, issuers: dict[str, str]) -> list[str]:
        settings = stack(entry)
        inspection = inspect(
            settings.providers[0],
            estate(WITH_CLIENTS, stack=settings.stack),
            frozenset(),
            issuers,
            NOTHING_SET,
        )
        return [str(finding) for finding in inspection.findings]

    assert findings_of(entry, before) == [
        "error ENV407: the issuer of corp changes from https://old.example.com to https://login.example.com. Kong would "
        "deny all tokens, and clients and users would have to register anew. To confirm, write `movedFrom: "
        "https://old.example.com` beside the issuer in stacks/Pulumi.tests.yaml"
    ]
    assert (
        findings_of({**entry, "movedFrom": "https://other.example.com"}, before)
        != []
    )
    assert (
        findings_of({**entry, "movedFrom": "https://old.example.com"}, before)
        == []
    )
    assert (
        findings_of({**entry, "movedFrom": "https://old.example.com"}, {}) == []
    )
    assert (
        findings_of(entry, {"corp": "https://login.example.com"})
        == findings_of(entry, {})
        == findings_of(entry, {"x": "y"})
        == []
    )


def test_keys_and_secrets_are_told_from_others_by_what_is_no_secret() -> None:
    """Keys by their public half, wherever they count; a secret that a provider makes up by its id."""
    key = {"publicKeyPem": "public half", "privateKeyPem": "never read"}
    password = {"keyId": "id of the secret", "value": "never read"}
    resources = (
        Resource("tls:index/privateKey:PrivateKey", "okta-key-shop/job-a", key),
        Resource("tls:index/privateKey:PrivateKey", "okta-key-shop/job-b", {}),
        Resource(
            "azuread:index/applicationPassword:ApplicationPassword",
            "entra-secret-shop/job-a",
            password,
        ),
        Resource(
            "okta:app/oAuth:OAuth", "okta-app-shop/job", {"keyId": "other"}
        ),
    )
    state = StackState(frozenset(), {}, resources=resources)
    assert proofs_in(state) == {
        "okta-key-shop/job-a": "public half",
        "entra-secret-shop/job-a": "id of the secret",
    }
