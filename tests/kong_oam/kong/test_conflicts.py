"""Names in Kong that are needed and taken: whose they are, which of them count, and that nothing else is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from kong_oam.access.model import Stack
from kong_oam.access.settings.stack import read_file
from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.state import Held
from kong_oam.kong import names
from kong_oam.kong.conflicts import name_conflicts, needed
from kong_oam.kong.preflight import client
from sandbox.kong import Kong
from sandbox.kong.pem import self_signed
from tests.support.estates import PROVIDER, estate
from tests.support.mocks import all_of, run_program

ROOT = Path(__file__).parents[3]
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
NOTHING: Held = frozenset()
ALL: Held = frozenset((one.type, one.logical) for one in needed(ESTATE))
SERVICE = "kong-oam.tests.shop.api.80"
OURS = names.tags("tests")


@pytest.fixture
def admin() -> Iterator[httpx.Client]:
    """An empty Kong."""
    with Kong() as kong, client(kong.admin_url) as asked:
        yield asked


def _make(admin: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    answer = admin.post(path, json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def _found(admin: httpx.Client, held: Held = NOTHING) -> list[Diagnostic]:
    return list(name_conflicts(admin, str(admin.base_url), ESTATE, held))


def test_what_others_have_under_other_names_is_no_concern(admin: httpx.Client) -> None:
    """Whatever its tags are."""
    _make(admin, "/services", name=f"{SERVICE}0", host="x")
    _make(admin, "/services", name="kong-oam.other.shop.api.80", host="x", tags=names.tags("other"))
    _make(admin, "/consumers", username="somebody")
    assert _found(admin) == []


def test_what_others_have_under_our_names_is_named_with_its_tags(admin: httpx.Client) -> None:
    """The component's place where it is one's; tags of another stack and of ours without the stack are not ours."""
    service = _make(admin, "/services", name=SERVICE, host="x", tags=["theirs", "kong-oam"])
    route = _make(admin, "/routes", name=f"{SERVICE}.protected-0", paths=["/x"], tags=names.tags("other"))
    upstream = _make(admin, "/upstreams", name="kong-oam.tests.nowhere", tags=["theirs"])
    consumer = _make(admin, "/consumers", username="kong-oam.tests.ring.main")
    found = {one.message.split("(")[1].split(")")[0]: one for one in _found(admin)}
    assert found.keys() == {service["id"], route["id"], upstream["id"], consumer["id"]}
    assert {one.code for one in found.values()} == {"ENV405"}
    assert str(found[service["id"]]).startswith(
        f"app1.yaml:6:7: error ENV405: Kong has service '{SERVICE}' ({service['id']}) that stack 'tests' did not make: "
        "its tags are 'theirs', 'kong-oam'. It is left as it is; have it renamed or removed by whoever made it\n"
    )
    assert "its tags are 'kong-oam', 'kong-oam-stack:other'" in found[route["id"]].message
    assert "Kong has upstream 'kong-oam.tests.nowhere'" in found[upstream["id"]].message
    assert "it has no tags" in found[consumer["id"]].message


def test_what_has_our_tags_is_recovered(admin: httpx.Client) -> None:
    """Its creation was recorded nowhere: the message leads to the command that removes it."""
    _make(admin, "/services", name=SERVICE, host="x", tags=[*OURS, "kong-oam-component:shop.api"])
    (found,) = _found(admin)
    assert found.code == "ENV406"
    assert "`python -m kong_oam.recover -s tests`" in found.message


def test_the_upstream_of_an_interrupted_run_is_recovered(admin: httpx.Client) -> None:
    """It is the first that a run makes, and no service leads there yet."""
    _make(admin, "/upstreams", name="kong-oam.tests.nowhere", tags=OURS)
    assert [one.code for one in _found(admin)] == ["ENV406"]
    assert _found(admin, ALL) == []


def _certificate(admin: httpx.Client, *tags: str) -> None:
    certificate, key = self_signed("shop.example.com")
    _make(admin, "/certificates", cert=certificate, key=key, snis=["shop.example.com"], tags=list(tags))


def test_a_host_that_anothers_certificate_is_shown_for_is_taken(admin: httpx.Client) -> None:
    """Also where ours is there already: it may have been given one more host."""
    _certificate(admin, "theirs")
    for held in (NOTHING, ALL):
        (found,) = _found(admin, held)
        assert found.code == "ENV405" and "certificate for host 'shop.example.com'" in found.message
        assert "have it take other hosts or removed" in found.message


def test_what_the_state_holds_is_ours_and_is_not_asked_about(admin: httpx.Client) -> None:
    """One request, for certificates; with the state of before an interrupted run, ours count as lost."""
    _certificate(admin, *OURS)
    asked: list[str] = []
    admin.event_hooks = {"request": [lambda request: asked.append(request.url.path)]}
    assert _found(admin, ALL) == []
    assert asked == ["/certificates"]
    assert [one.code for one in _found(admin)] == ["ENV406"]


def test_every_page_is_looked_through() -> None:
    """Kong hands out an offset; the second page has the name."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path != "/services":
            return httpx.Response(200, json={"data": []})
        if request.url.params.get("offset") != "a b=":
            return httpx.Response(200, json={"data": [{"id": "1", "name": "x"}], "offset": "a b="})
        return httpx.Response(200, json={"data": [{"id": "2", "name": SERVICE}], "offset": None})

    with httpx.Client(base_url="http://kong.test", transport=httpx.MockTransport(answer)) as asked:
        assert [one.code for one in _found(asked)] == ["ENV405"]


def test_names_and_resources_are_those_that_the_program_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the sample estate: every service, route, upstream and consumer that it registers is looked for, and no other."""
    made = {}
    with Kong() as kong:
        monkeypatch.setenv("KONG_ADMIN_ADDR", kong.admin_url)
        registered = run_program(monkeypatch)
    named = {"service:Service": "name", "route:Route": "name", "upstream:Upstream": "name"}
    for kind, name in {**named, "consumer:Consumer": "username"}.items():
        token = f"kong:index/{kind}"
        made |= {(token, one.name): one.inputs[name] for one in all_of(registered, token).values()}
    texts = [file.read_text("utf-8") for file in sorted((ROOT / "applications").glob("*.yaml"))]
    sample = estate(*texts, stack=read_file(ROOT / "stacks/Pulumi.local.yaml").stack)
    assert {(one.type, one.logical): one.name for one in needed(sample)} == made
