"""Kong Enterprise: its configuration, compared with Kong's reference, and the answers of its gate.

No Kong Enterprise runs here. A stand-in of these tests replaces `openid-connect` where a request
needs it. Its name says so.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import StackError
from kong_oam.kong import conflicts as taken
from kong_oam.kong import names, plugins, preflight
from kong_oam.kong.account import Account
from kong_oam.kong.admin import AdminError
from kong_oam.kong.preflight import PreflightError, inspect
from kong_oam.kong.table import VERIFIED_HEADER
from kong_rules.entities import Snapshot
from sandbox.kong import Kong, jwt
from sandbox.kong.exchange import Exchange
from sandbox.kong.plugin_schemas import PLUGIN_SCHEMAS
from tests.support import kong_deployment
from tests.support import openid_connect_reference as reference
from tests.support.estates import estate
from tests.support.gateway_cases import Case, cases
from tests.support.gateway_estates import (
    Scene,
    issuers,
    nested_applications,
    stack,
)
from tests.support.json_object import JsonObject
from tests.support.limits import ALL, limited
from tests.support.mocks import Registered, all_of, run_program
from tests.support.tiers import examples

VERSION = "3.10.0.0-enterprise-edition"
FRAMES = ("ws_handshake", "ws_client_frame", "ws_upstream_frame", "ws_close")
"""Phases that only Kong Enterprise's serverless functions have (Kong's plugin reference)."""


def schemas() -> JsonObject:
    """Return the schemas of a Kong Enterprise. Plugins of both editions have Kong's own schemas."""
    with Kong() as kong:
        found = {
            name: dict(inspect(Account(kong.admin_url)).schemas[name])
            for name in ("pre-function", "post-function")
        }
    for schema in found.values():
        (record,) = (
            field["config"] for field in schema["fields"] if "config" in field
        )
        record["fields"] += [
            {phase: {"type": "array", "default": []}} for phase in FRAMES
        ]
    return {**found, "openid-connect": reference.schema()}


SCHEMAS = schemas()
ISSUER = "https://issuer.example.com"


def emitted(anonymous: str | None = None) -> JsonObject:
    text = plugins.config_json(
        SCHEMAS["openid-connect"],
        "openid-connect",
        plugins.openid_connect(ISSUER, anonymous),
    )
    config: JsonObject = json.loads(text)
    return config


def test_every_field_of_openid_connect_is_sent_and_of_its_documented_type() -> (
    None
):
    """All that Kong's reference names, and nothing else; what may only be one of some values is one of them."""
    config = emitted("nobody")
    kinds: tuple[tuple[Mapping[str, Any], type | tuple[type, ...]], ...] = (
        (reference.TEXTS, str), (reference.LISTS, list), (reference.FLAGS, bool), (reference.NUMBERS, (int, float)),
    )  # fmt: skip
    documented = {name: kind for fields, kind in kinds for name in fields}
    assert set(config) == {*documented, *reference.RECORDS}
    for name, kind in documented.items():
        assert config[name] is None or (
            isinstance(config[name], kind)
            and not (kind is str and not config[name])
        ), name
    for name, choices in reference.CHOICES.items():
        assert set(config[name]) <= set(choices), name


def test_what_differs_from_openid_connects_defaults_is_this() -> None:
    """Bearer tokens in a header only, this issuer only, its ring by `iss`, its certificate verified, no cookie given."""
    defaults = {
        **reference.TEXTS,
        **reference.LISTS,
        **reference.FLAGS,
        **reference.NUMBERS,
    }
    config = emitted()
    assert {
        name: config[name]
        for name in defaults
        if config[name] != defaults[name]
    } == {
        "issuer": ISSUER,
        "issuers_allowed": [ISSUER],
        "auth_methods": ["bearer"],
        "bearer_token_param_type": ["header"],
        "consumer_claim": ["iss"],
        "consumer_by": ["custom_id"],
        "upstream_access_token_header": "x-auth-verified-token",
        "disable_session": ["bearer"],
        "ssl_verify": True,
    }
    assert {
        name: value
        for name, value in emitted("nobody").items()
        if value != config[name]
    } == {"anonymous": "nobody"}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("verify_signature", True), ("verify_claims", True), ("enable_hs_signatures", False), ("ignore_signature", []),
        ("consumer_optional", False), ("run_on_preflight", True), ("extra_jwks_uris", None), ("leeway", 0),
        ("using_pseudo_issuer", False), ("introspect_jwt_tokens", False), ("search_user_info", False),
        ("bearer_token_cookie_name", None), ("upstream_headers_claims", None), ("logout_uri_suffix", None),
    ],
)  # fmt: skip
def test_no_default_of_openid_connect_opens_another_way(
    setting: str, value: object
) -> None:
    """Left to their defaults, yet relied upon: a Kong whose defaults differ would be seen here, once in the reference."""
    assert emitted()[setting] == value


def test_the_serverless_functions_have_enterprises_phases() -> None:
    """Sent empty: strict matching would see a script that somebody adds there by hand."""
    for kind, short in (
        ("pre-function", plugins.admission("{}")),
        ("post-function", plugins.gate("{}", "{}")),
    ):
        config = json.loads(plugins.config_json(SCHEMAS[kind], kind, short))
        assert {phase: config[phase] for phase in FRAMES} == {
            phase: [] for phase in FRAMES
        }
        assert config["access"] == short["access"]
        assert set(FRAMES).isdisjoint(
            PLUGIN_SCHEMAS[kind].fields["config"].fields
        ), "the OSS stand-in has them, too"


# The whole program


@pytest.fixture(scope="module")
def registered() -> Iterator[list[Registered]]:
    """All that the program registers with `gateway.edition: enterprise`; what Kong would say is made up."""
    facts = preflight.GatewayFacts(VERSION, 12.0, SCHEMAS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preflight, "inspect", lambda *_, **__: facts)
        patch.setattr(taken, "inspect", lambda *_: ())
        patch.setenv("KONG_ADMIN_ADDR", "http://kong.example.com:8001")
        yield run_program(patch, edition="enterprise")


def test_enterprise_has_openid_connect_in_place_of_jwt_and_slots(
    registered: list[Registered],
) -> None:
    """Every service and every public route has it. Key rings stay, identify the issuer, and hold no
    key."""
    made = all_of(registered, "kong:index/plugin:Plugin")
    kinds = sorted(
        (plugin.inputs["name"], "routeId" in plugin.inputs)
        for plugin in made.values()
    )
    services = len(all_of(registered, "kong:index/service:Service"))
    assert kinds == [
        (kind, False)
        for kind in ("openid-connect", "post-function", "pre-function")
        for _ in range(services)
    ]
    assert not [
        resource
        for resource in registered
        if resource.type == "kong:index/consumerJwtAuth:ConsumerJwtAuth"
    ]
    ring = all_of(registered, "kong:index/consumer:Consumer")[
        "gateway-ring-okta"
    ]
    assert ring.inputs["customId"] == "https://okta.example.com/oauth2/aus1"


def test_who_brings_no_token_is_nobody_where_something_is_public(
    registered: list[Registered],
) -> None:
    """As with `jwt`; elsewhere the plugin itself refuses."""
    for name, plugin in all_of(registered, "kong:index/plugin:Plugin").items():
        if plugin.inputs["name"] == "openid-connect":
            config = json.loads(plugin.inputs["configJson"])
            public = not name.startswith(("desk/", "hello/"))
            assert config["anonymous"] == (
                "kong-oam.local.anonymous" if public else None
            ), name
            assert plugin.after >= {"gateway-anonymous"}
            assert config["issuer"] == "https://okta.example.com/oauth2/aus1"
            assert set(config) == set(emitted())
            assert plugin.inputs["strictMatch"] is True


def test_routes_wait_for_openid_connect(registered: list[Registered]) -> None:
    """It is a guard like any other, so a missing plugin is a finding."""
    guards = {
        name
        for name, plugin in all_of(
            registered, "kong:index/plugin:Plugin"
        ).items()
        if plugin.inputs["name"] == "openid-connect"
    }
    assert guards
    for route in all_of(registered, "kong:index/route:Route").values():
        assert len(route.after & guards) == 1


def test_the_gate_of_enterprise_is_the_same_script(
    registered: list[Registered],
) -> None:
    """It differs from the other edition's by one entry of its table; admission does not differ at all."""
    made = all_of(registered, "kong:index/plugin:Plugin")
    (gate,) = json.loads(made["orders/api-8080-gate"].inputs["configJson"])[
        "access"
    ]
    assert gate.count("'authentication': 'openid-connect'") == 1
    (script,) = plugins.gate("T", "A")["access"]
    assert gate.split("]==]", 2)[2] == script.split("]==]", 2)[2]
    (admission,) = json.loads(
        made["orders/api-8080-admission"].inputs["configJson"]
    )["access"]
    assert (
        admission.split("]==]", 1)[1]
        == plugins.admission("T")["access"][0].split("]==]", 1)[1]
    )
    assert admission.split("]==]", 1)[0] == gate.split("]==]", 1)[0]


# Requests

WHEN = time.time()
SCENE = Scene(
    estate(*nested_applications("example.com"), stack=stack("tests")),
    issuers(stack("tests"), WHEN),
)
TRUSTED = SCENE.issuers["main"]
VERIFY = jwt.access
After = Callable[[Exchange], None]


class Gateway:
    """The sandbox's Kong with gates for openid-connect; `after` may spoil what its stand-in left."""

    def __init__(self, kong: Kong) -> None:
        self.kong = kong
        self.after: After = lambda _: None

    def status(self, *lines: str) -> int:
        case = Case("GET", "orders.example.com", b"/orders")
        return self.kong.handle(
            case.raw(*(line.encode() for line in lines)), scheme="https"
        ).status


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    def openid_connect_stand_in(
        exchange: Exchange, config: Mapping[str, Any], known: Snapshot
    ) -> jwt.Denied | None:
        """Verifies as `jwt` does, and tells what openid-connect documents: the consumer, and the token in a header."""
        denied = VERIFY(exchange, config, known)
        if exchange.token is not None:
            exchange.set_header(VERIFIED_HEADER, exchange.token)
        exchange.token = exchange.credential = None
        made.after(exchange)
        return denied

    with Kong(now=lambda: WHEN) as kong, pytest.MonkeyPatch.context() as patch:
        made = Gateway(kong)
        kong_deployment.deploy(
            kong.admin_url,
            SCENE.estate,
            SCENE.pems,
            authentication="openid-connect",
        )
        patch.setattr(jwt, "access", openid_connect_stand_in)
        yield made


GOOD = TRUSTED.service(["read"])
OTHER = TRUSTED.service(["read", "write"])


def nothing_ran(exchange: Exchange) -> None:
    exchange.consumer = None
    exchange.clear_header(VERIFIED_HEADER)


def no_consumer(exchange: Exchange) -> None:
    exchange.consumer = None


def another_consumer(exchange: Exchange) -> None:
    exchange.consumer = {
        "id": "5cf2a8a4-0f7f-4bb4-9b3e-5b7b9c7a4a11",
        "username": names.anonymous("tests"),
    }


def no_token(exchange: Exchange) -> None:
    exchange.clear_header(VERIFIED_HEADER)


def another_token(exchange: Exchange) -> None:
    exchange.set_header(VERIFIED_HEADER, OTHER)


def two_tokens(exchange: Exchange) -> None:
    exchange.set_header(VERIFIED_HEADER, GOOD, OTHER)


def two_authorizations(exchange: Exchange) -> None:
    exchange.add_header("Authorization", f"Bearer {OTHER}")


def no_authorization(exchange: Exchange) -> None:
    exchange.clear_header("Authorization")


def what_jwt_leaves(exchange: Exchange) -> None:
    exchange.clear_header(VERIFIED_HEADER)
    exchange.token = GOOD


@pytest.mark.parametrize(
    "spoilt",
    [
        nothing_ran, no_consumer, another_consumer, no_token, another_token, two_tokens, two_authorizations,
        no_authorization, what_jwt_leaves,
    ],
)  # fmt: skip
def test_the_gate_closes_where_openid_connect_does_not_say_what_it_verified(
    gateway: Gateway, spoilt: After
) -> None:
    """The plugin is missing, or a part of its result is missing or does not match. With a complete
    result the answer is 200."""
    authorization = f"Authorization: Bearer {GOOD}"
    gateway.after = lambda _: None
    assert gateway.status(authorization) == 200
    gateway.after = spoilt
    assert gateway.status(authorization) == 401


def test_the_verified_token_is_found_behind_a_hundred_headers(
    gateway: Gateway,
) -> None:
    """It is the last that is added, and reading headers stops at a hundred unless told otherwise."""
    gateway.after = lambda _: None
    filler = [f"X-{number}: y" for number in range(150)]
    assert gateway.status(f"Authorization: Bearer {GOOD}", *filler) == 200


def test_nobody_can_say_it_in_openid_connects_place(gateway: Gateway) -> None:
    """Admission removes the client's header in every spelling, so without openid-connect the header
    is missing."""

    def consumer_only(exchange: Exchange) -> None:
        assert not [
            name for name, _ in exchange.headers if "verified" in name.lower()
        ]

    gateway.after = consumer_only
    forged = [
        f"{name}: {GOOD}"
        for name in (
            "X-Auth-Verified-Token",
            "x_auth_verified_token",
            "X.Auth.Verified.Token",
        )
    ]
    assert gateway.status(*forged) == 401


def test_the_verified_token_stays_at_the_gateway(gateway: Gateway) -> None:
    """Only the gate needs it, in the plugin's header as in the client's."""
    gateway.after = lambda _: None
    case = Case("GET", "orders.example.com", b"/orders", (f"Bearer {GOOD}",))
    upstream = gateway.kong.handle(case.raw(), scheme="https").upstream
    assert upstream is not None
    found = {name.lower(): value for name, value in upstream.headers}
    assert "authorization" not in found
    assert {name for name in found if name.startswith("x-auth-")} == {
        "x-auth-client",
        "x-auth-subject",
        "x-auth-scopes",
    }


def test_a_gate_for_jwt_does_not_listen_to_openid_connect() -> None:
    """Each gate takes the word of one plugin: the other's, even complete, is none."""
    with Kong(now=lambda: WHEN) as kong, pytest.MonkeyPatch.context() as patch:
        kong_deployment.deploy(kong.admin_url, SCENE.estate, SCENE.pems)

        def said_as_openid_connect(
            exchange: Exchange, config: Mapping[str, Any], known: Snapshot
        ) -> None:
            VERIFY(exchange, config, known)
            exchange.set_header(VERIFIED_HEADER, GOOD)
            exchange.token = exchange.credential = None

        gateway = Gateway(kong)
        patch.setattr(jwt, "access", VERIFY)
        assert gateway.status(f"Authorization: Bearer {GOOD}") == 200
        patch.setattr(jwt, "access", said_as_openid_connect)
        assert gateway.status(f"Authorization: Bearer {GOOD}") == 401


@settings(
    max_examples=examples(500),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(case=cases(SCENE))
def test_the_gate_of_enterprise_answers_as_decide(
    gateway: Gateway, case: Case
) -> None:
    """For any request, behind the stand-in for openid-connect."""
    gateway.after = lambda _: None
    answer = gateway.kong.handle(case.raw(), scheme="https")
    decision = case.meant(SCENE)
    assert answer.status in case.statuses(decision), (
        answer.status,
        decision,
        answer.body,
    )
    assert (answer.upstream is not None) == decision.allowed


# Preflight and settings


@pytest.mark.parametrize(
    ("version", "edition", "actual"),
    [
        ("3.10.0", "enterprise", "oss"),
        (VERSION, "oss", "enterprise"),
        ("3.4.3.5-enterprise-edition", "oss", "enterprise"),
    ],
)
def test_a_gateway_of_another_edition_than_the_stacks_is_refused(
    version: str, edition: Any, actual: str
) -> None:
    """With both, and the setting that would be right."""
    message = f"Kong {version} has edition {actual}, but the stack has {edition}; set gateway.edition: {actual}"
    with (
        Kong(version=version) as kong,
        pytest.raises(PreflightError, match=re.escape(message)),
    ):
        inspect(Account(kong.admin_url), edition=edition)


def test_a_kong_enterprise_without_openid_connect_is_refused() -> None:
    """The preflight reads the schema of the plugin that verifies tokens. The stand-in for Kong
    lacks it and answers 404."""
    with (
        Kong(version=VERSION) as kong,
        pytest.raises(
            AdminError, match="schemas/plugins/openid-connect answers 404"
        ),
    ):
        inspect(Account(kong.admin_url), edition="enterprise")


def test_a_stack_is_oss_unless_it_says_otherwise_and_only_enterprise_has_workspaces() -> (
    None
):
    """These are the allowed values of `gateway.edition`, and its default."""

    def settings_with(**values: str) -> JsonObject:
        where = {"namespace": "kong", "podLabels": {"app": "kong"}}
        return {
            "cloud": "local", "asOf": "2026-01-01", "gateway": {**where, **values},
            "identityProviders": [{"name": "okta", "type": "okta"}],
        }  # fmt: skip

    assert parse("s", settings_with()).gateway.edition == "oss"
    assert (
        parse(
            "s", settings_with(edition="enterprise", workspace="w")
        ).gateway.edition
        == "enterprise"
    )
    with pytest.raises(
        StackError,
        match=r'kong-oam:gateway\.edition: "free" is not one of oss, enterprise',
    ):
        parse("s", settings_with(edition="free"))
    with pytest.raises(
        StackError,
        match="only Kong Enterprise has workspaces; set edition to enterprise",
    ):
        parse("s", settings_with(workspace="w"))


def test_a_limit_of_enterprise_counts_for_whom_openid_connect_verified() -> (
    None
):
    """The plugin also reads a token from other headers. None arrives there that Authorization
    lacks."""
    domain, own = "limits.example.com", stack("limits", "http")
    signers = issuers(own, WHEN)
    limits = limited(domain, own)
    clients: list[str] = []

    def openid_connect_stand_in(
        exchange: Exchange, config: Mapping[str, Any], known: Snapshot
    ) -> jwt.Denied | None:
        clients.extend(
            name
            for name in ("access_token", "x-access-token")
            if exchange.values(name)
        )
        denied = VERIFY(exchange, config, known)
        if exchange.token is not None:
            exchange.set_header(VERIFIED_HEADER, exchange.token)
        exchange.token = exchange.credential = None
        return denied

    def status(token: str) -> int:
        case = Case("GET", f"client.{domain}", b"/orders", (f"Bearer {token}",))
        return kong.handle(
            case.raw(b"access_token: x", b"X-Access-Token: x"), scheme="http"
        ).status

    with Kong(now=lambda: WHEN) as kong, pytest.MonkeyPatch.context() as patch:
        kong_deployment.deploy(
            kong.admin_url,
            limits,
            Scene(limits, signers).pems,
            authentication="openid-connect",
        )
        patch.setattr(jwt, "access", openid_connect_stand_in)
        tokens = [signers["main"].service(ALL, client) for client in "ccdd"]
        assert [status(token) for token in (*tokens, tokens[0])] == [
            200,
            200,
            200,
            200,
            429,
        ]
    assert clients == []
