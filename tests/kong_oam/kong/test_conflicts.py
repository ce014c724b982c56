"""Names in Kong that are needed and taken: whose they are, which of them count, and that nothing else is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest

from kong_oam.access.model import Stack
from kong_oam.access.partitions import part_of
from kong_oam.access.settings.stack import read_file
from kong_oam.access.upstream import Target, Upstream
from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.state import RecordedNames
from kong_oam.identity.common.discovery import (
    DiscoveryError,
    Published,
    SigningKey,
)
from kong_oam.kong import names
from kong_oam.kong.account import Account
from kong_oam.kong.admin import AdminApi
from kong_oam.kong.at_kong import TraitPlugin
from kong_oam.kong.conflicts import (
    issuer_conflicts,
    missing_consumers,
    name_conflicts,
    needed_names,
)
from kong_oam.kong.trait_plugins import former_roles, trait_plugins
from sandbox.kong import Kong
from sandbox.kong.pem import self_signed
from tests.support.diffs import settings
from tests.support.estates import ISSUER, PROVIDER, STACK, estate, external
from tests.support.json_object import JsonObject
from tests.support.mocks import all_of, run_program
from tests.support.old_credentials import texts
from tests.support.repository import ROOT

APPLICATION = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x, ports: [{port: 80}]}
      traits:
        - {type: gateway, properties: {domain: shop.example.com, secretName: shop-tls, http: {/: 80}}}
"""
ESTATE = estate(APPLICATION, stack=Stack("tests", {"main": PROVIDER}))
NOTHING: RecordedNames = frozenset()
ALL: RecordedNames = frozenset(
    [*((entity.type, entity.logical) for entity in needed_names(ESTATE))]
)
SERVICE = "kong-oam.tests.shop.api.80"
OURS = names.tags("tests")


@pytest.fixture
def admin() -> Iterator[httpx.Client]:
    """An empty Kong, as somebody else changes it."""
    with Kong() as kong, httpx.Client(base_url=kong.admin_url) as theirs:
        yield theirs


def _make(admin: httpx.Client, path: str, **body: Any) -> JsonObject:
    answer = admin.post(path, json=body)
    assert answer.status_code == 201, answer.text
    made: JsonObject = answer.json()
    return made


def _conflicts(
    admin: httpx.Client,
    held_names: RecordedNames = NOTHING,
    transport: httpx.BaseTransport | None = None,
) -> list[Diagnostic]:
    with AdminApi(Account(str(admin.base_url)), transport) as api:
        return list(name_conflicts(api, ESTATE, held_names))


def test_what_others_have_under_other_names_is_no_concern(
    admin: httpx.Client,
) -> None:
    """Whatever its tags are."""
    _make(admin, "/services", name=f"{SERVICE}0", host="x")
    _make(
        admin,
        "/services",
        name="kong-oam.other.shop.api.80",
        host="x",
        tags=names.tags("other"),
    )
    _make(admin, "/consumers", username="somebody")
    assert _conflicts(admin) == []


def test_what_others_have_under_our_names_is_named_with_its_tags(
    admin: httpx.Client,
) -> None:
    """The finding has the component's position, if there is one. Tags of another stack, or only our
    common tag, are not ours."""
    service = _make(
        admin, "/services", name=SERVICE, host="x", tags=["theirs", "kong-oam"]
    )
    route = _make(
        admin,
        "/routes",
        name=f"{SERVICE}.protected-0",
        paths=["/x"],
        tags=names.tags("other"),
    )
    upstream = _make(
        admin, "/upstreams", name="kong-oam.tests.nowhere", tags=["theirs"]
    )
    consumer = _make(admin, "/consumers", username="kong-oam.tests.ring.main")
    found = {
        conflict.message.split("(")[1].split(")")[0]: conflict
        for conflict in _conflicts(admin)
    }
    assert found.keys() == {
        service["id"],
        route["id"],
        upstream["id"],
        consumer["id"],
    }
    assert {conflict.code for conflict in found.values()} == {"ENV405"}
    assert str(found[service["id"]]).startswith(
        f"app1.yaml:6:7: error ENV405: Kong has service '{SERVICE}' ({service['id']}) of no stack "
        "(its tags are 'theirs', 'kong-oam'); ask its owner to rename or remove it\n"
    )
    assert found[route["id"]].message.endswith(
        "of stack 'other'; let a run of that stack rename or remove it"
    )
    assert (
        "Kong has upstream 'kong-oam.tests.nowhere'"
        in found[upstream["id"]].message
    )
    assert "it has no tags" in found[consumer["id"]].message


def test_what_has_our_tags_is_recovered(admin: httpx.Client) -> None:
    """Its creation was recorded nowhere: the message leads to the command that removes it."""
    _make(
        admin,
        "/services",
        name=SERVICE,
        host="x",
        tags=[*OURS, "kong-oam-component:shop.api"],
    )
    (found,) = _conflicts(admin)
    assert found.code == "ENV406"
    assert "`python -m kong_oam recover -s tests`" in found.message


def test_the_upstream_of_an_interrupted_run_is_recovered(
    admin: httpx.Client,
) -> None:
    """It is the first that a run makes, and no service leads there yet."""
    _make(admin, "/upstreams", name="kong-oam.tests.nowhere", tags=OURS)
    assert [conflict.code for conflict in _conflicts(admin)] == ["ENV406"]
    assert _conflicts(admin, ALL) == []


def _certificate(admin: httpx.Client, *tags: str) -> None:
    certificate, key = self_signed("shop.example.com")
    _make(
        admin,
        "/certificates",
        cert=certificate,
        key=key,
        snis=["shop.example.com"],
        tags=list(tags),
    )


def test_a_host_that_anothers_certificate_is_shown_for_is_taken(
    admin: httpx.Client,
) -> None:
    """The check includes our existing certificates, which may get another host."""
    _certificate(admin, "theirs")
    for held_names in (NOTHING, ALL):
        (found,) = _conflicts(admin, held_names)
        assert (
            found.code == "ENV405"
            and "certificate for host 'shop.example.com'" in found.message
        )
        assert "ask its owner to change its hosts or remove it" in found.message


def _issuers(
    admin: httpx.Client,
    held_names: RecordedNames = NOTHING,
    known: Mapping[str, str] | None = None,
) -> list[Diagnostic]:
    with AdminApi(Account(str(admin.base_url))) as api:
        return list(
            issuer_conflicts(api, SETTINGS, ESTATE, held_names, known or {})
        )


def test_an_issuer_that_another_stack_of_the_same_kong_has_is_named(
    admin: httpx.Client,
) -> None:
    """Kong takes its key ring once, whatever the ring is called; also where a stack goes over to the issuer."""
    tags = names.tags("prod")
    ring = _make(
        admin,
        "/consumers",
        username="kong-oam.prod.ring.main",
        custom_id=ISSUER,
        tags=tags,
    )
    (found,) = _issuers(admin)
    assert (found.code, found.message) == (
        "ENV405",
        f"identity provider 'main': Kong has consumer 'kong-oam.prod.ring.main' with custom_id '{ISSUER}' ({ring['id']}) "
        "of stack 'prod'. Kong accepts an issuer's keys once; use another issuer, workspace or Kong, or deploy both "
        "from one stack",
    )
    assert (
        len(_issuers(admin, ALL, {"main": "https://before.example.com"})) == 1
    )
    assert _issuers(admin, ALL, {"main": ISSUER}) == [], "it is in the state"
    part = part_of(
        estate(
            APPLICATION,
            stack=replace(SETTINGS.stack, partitions={"shops": ("*",)}),
        ),
        "shops",
    )
    with AdminApi(Account(str(admin.base_url))) as api:
        assert [*issuer_conflicts(api, SETTINGS, part, NOTHING, {})] == [], (
            "its base has the ring"
        )


def test_a_signing_key_that_others_have_in_kong_is_named(
    admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kong takes a credential of a key id once. The issuer is asked only where others have credentials."""
    issuers: list[str] = []

    def discovered(issuer: str) -> Published:
        issuers.append(issuer)
        return Published(
            issuer,
            "",
            "",
            (SigningKey("k1", "RS256", ""), SigningKey("k2", "RS256", "")),
        )

    monkeypatch.setattr("kong_oam.kong.conflicts.discover", discovered)
    _make(admin, "/consumers", username="ours", tags=OURS)
    _make(admin, "/consumers/ours/jwt", key="k1", tags=OURS)
    assert (_issuers(admin), issuers) == ([], [])
    _make(admin, "/consumers", username="legacy")
    _make(admin, "/consumers/legacy/jwt", key="k3")
    assert (_issuers(admin), issuers) == ([], [ISSUER])
    _make(admin, "/consumers/legacy/jwt", key="k2", tags=["theirs"])
    (found,) = _issuers(admin)
    assert "Kong has jwt credential 'k2'" in found.message
    assert "of no stack (its tags are 'theirs')" in found.message
    assert _issuers(admin, ALL, {"main": ISSUER}) == [found], (
        "a ring that is there gets the issuer's next key"
    )


def test_an_issuer_that_cannot_be_read_is_told_by_the_run(
    admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run reports the error. Names are unknown before."""

    def discovered(issuer: str) -> Published:
        raise DiscoveryError(issuer)

    monkeypatch.setattr("kong_oam.kong.conflicts.discover", discovered)
    _make(admin, "/consumers", username="legacy")
    _make(admin, "/consumers/legacy/jwt", key="k3")
    assert _issuers(admin) == []


def test_what_the_state_holds_is_ours_and_is_not_asked_about(
    admin: httpx.Client,
) -> None:
    """One request, for certificates; with the state of before an interrupted run, ours count as lost."""
    _certificate(admin, *OURS)
    paths: list[str] = []

    class Transport(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            paths.append(request.url.path)
            return super().handle_request(request)

    assert _conflicts(admin, ALL, Transport()) == []
    assert paths == ["/certificates"]
    assert [conflict.code for conflict in _conflicts(admin)] == ["ENV406"]


SETTINGS = replace(settings("tests"), stack=Stack("tests", {"main": PROVIDER}))
WITH_LIMIT = (
    APPLICATION
    + "        - {type: rate-limit, properties: {per: client, requests: {hour: 1}}}\n"
    "        - {type: access, properties: {owner: o, rules: [{public: {reason: r}}]}}\n"
)
LIMITED = estate(WITH_LIMIT, stack=SETTINGS.stack)


def test_what_a_partition_lost_is_recovered_in_its_own_stack(
    admin: httpx.Client,
) -> None:
    """Entities of another partition are moved instead."""
    stack = Stack("tests", {"main": PROVIDER}, partitions={"shops": ("*",)})
    part = part_of(estate(WITH_LIMIT, stack=stack), "shops")
    with AdminApi(Account(str(admin.base_url))) as api:

        def conflicts_with(tags: list[str]) -> list[str]:
            service = _make(
                admin, "/services", name=SERVICE, host="x", tags=tags
            )
            conflicts = [*name_conflicts(api, part, NOTHING)]
            admin.delete(f"/services/{service['id']}").raise_for_status()
            return [
                f"{conflict.code} {conflict.message.rpartition('`python -m kong_oam ')[2]}"
                for conflict in conflicts
            ]

        own, other = (names.partition_tag(name) for name in ("shops", "other"))
        assert conflicts_with([*OURS, own]) == [
            "ENV406 recover -s tests-shops`"
        ]
        assert conflicts_with([*OURS, other]) == ["ENV419 move -s tests`"]


def test_every_plugin_before_everybody_is_the_same_as_one_by_its_name() -> None:
    """So a switch between the two traits changes the plugin. Kong would reject a second plugin of
    the kind."""
    logs = {
        "tcp": {"host": "x", "port": 1},
        "file": "/x",
        "otlp": {"logs": "http://x/"},
        "http": {"url": "http://x/"},
    }
    on = settings(
        gateway={
            "cidrs": ["192.0.2.0/24"],
            "reach": "loadBalancer",
            "logs": logs,
            "metrics": True,
        }
    )
    made = [
        plugin
        for plugin in trait_plugins(on, LIMITED.components["shop/api"]).plugins
        if not plugin.caller
    ]
    assert {extra.role: former_roles(extra) for extra in made} == {
        extra.role: (f"plugin-{extra.kind}",) for extra in made
    }
    assert {
        former_roles(
            TraitPlugin(f"plugin-{extra.kind}", extra.kind, {}, asked=True)
        )
        for extra in made
    } == {(extra.role,) for extra in made}
    assert len(made) == 6


def test_a_few_names_are_asked_for_and_many_looked_for_in_every_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both ways find the taken name, which is on the second page."""
    paths: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        if request.url.path == f"/services/{SERVICE}":
            return httpx.Response(200, json={"id": "2", "name": SERVICE})
        if request.url.path.count("/") > 1:
            return httpx.Response(404, json={"message": "Not found"})
        if request.url.path != "/services":
            return httpx.Response(200, json={"data": []})
        if request.url.params.get("offset") != "a b=":
            return httpx.Response(
                200, json={"data": [{"id": "1", "name": "x"}], "offset": "a b="}
            )
        return httpx.Response(
            200, json={"data": [{"id": "2", "name": SERVICE}], "offset": None}
        )

    with httpx.Client(base_url="http://kong.test") as client:
        of_few = _conflicts(client, transport=httpx.MockTransport(answer))
        assert (
            paths.count(f"/services/{SERVICE}") == 1
            and "/services" not in paths
        )
        monkeypatch.setattr("kong_oam.kong.conflicts.FEW", 0)
        of_many = _conflicts(client, transport=httpx.MockTransport(answer))
        assert paths.count("/services") == 2
    assert (
        [conflict.code for conflict in of_few]
        == [conflict.code for conflict in of_many]
        == ["ENV405"]
    )


def test_names_and_resources_are_those_that_the_program_makes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For the sample estate: every service, route, upstream and consumer that it registers is looked for, and no other."""
    made = {}
    with Kong() as kong:
        monkeypatch.setenv("KONG_ADMIN_ADDR", kong.admin_url)
        registered = run_program(monkeypatch)
    named = {
        "service:Service": "name",
        "route:Route": "name",
        "upstream:Upstream": "name",
    }
    for kind, name in {**named, "consumer:Consumer": "username"}.items():
        token = f"kong:index/{kind}"
        made |= {
            (token, resource.name): resource.inputs[name]
            for resource in all_of(registered, token).values()
        }
    texts = [
        file.read_text("utf-8")
        for file in sorted((ROOT / "applications").glob("*.yaml"))
    ]
    sample = estate(
        *texts, stack=read_file(ROOT / "stacks/Pulumi.local.yaml").stack
    )
    assert {
        (entity.type, entity.logical): entity.name
        for entity in needed_names(sample)
    } == made


@pytest.mark.parametrize(
    ("upstream", "name"),
    [
        (Upstream((Target("a.net"),), "http"), "a.net"),
        (
            Upstream((Target("a.net"),), "http", balanced=True),
            "kong-oam.tests.legacy.crm.to-0bf320eb",
        ),
    ],
)
def test_another_upstream_cannot_take_the_calls_of_a_host(
    admin: httpx.Client, upstream: Upstream, name: str
) -> None:
    stack = Stack(
        "tests", {"main": PROVIDER}, upstreams={"legacy/crm": upstream}
    )
    made = estate(external(), stack=stack)
    there = _make(admin, "/upstreams", name=name)["id"]
    with AdminApi(Account(str(admin.base_url))) as api:
        (conflict,) = name_conflicts(api, made, NOTHING)
    assert conflict.message == (
        f"Kong has upstream '{name}' ({there}) of no stack (it has no tags); ask its "
        "owner to rename or remove it"
    )


def test_an_address_is_no_name_of_an_upstream() -> None:
    upstreams = {"legacy/crm": Upstream((Target("10.0.0.1"),), "http")}
    made = estate(external(), stack=replace(STACK, upstreams=upstreams))
    assert [
        needed.name
        for needed in needed_names(made)
        if needed.type == "kong:index/upstream:Upstream"
    ] == ["kong-oam.tests.nowhere"]


@pytest.mark.parametrize(
    ("made", "code"),
    [
        ({"username": "acme"}, None),
        ({"username": "acme", "tags": ["decK"]}, None),
        ({"username": "other", "custom_id": "acme"}, "ENV423"),
        ({"username": "acme", "tags": OURS}, "ENV424"),
        ({"username": "acme", "tags": ["kong-oam-stack:b"]}, "ENV424"),
    ],
)
def test_the_consumer_of_an_old_credential_exists_and_is_its_owners(
    admin: httpx.Client, made: JsonObject, code: str | None
) -> None:
    """The run finds this before it creates anything, and asks for no credential."""
    _make(admin, "/consumers", **made)
    asked: list[str] = []

    def noted(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return admin.request(request.method, request.url.path)

    account = Account(str(admin.base_url), None, None, None)
    transport = httpx.MockTransport(noted)
    estate_now = estate(*texts(), stack=ESTATE.stack)
    with AdminApi(account, transport) as api:
        found = [*missing_consumers(api, estate_now)]
    assert [each.code for each in found] == ([code] if code else [])
    assert asked == ["/consumers/acme"]
    if code:
        assert str(found[0].position) == "app2.yaml:12:21"
