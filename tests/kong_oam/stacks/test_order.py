"""Selection of the stacks that a command runs, by the records of their last runs."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import Settings
from kong_oam.identity.kinds import describe
from kong_oam.oam.application import join_readings, read_bytes
from kong_oam.stacks.order import Estates
from kong_oam.stacks.records import Known, Record
from tests.support.json_object import JsonObject

DAY = datetime.date(2026, 11, 25)
ISSUER = "https://login.microsoftonline.com/3f9c0d1e-8a52-4c1b-9b8e-0f6f5f3f7a11/v2.0"
OKTA: JsonObject = {"name": "okta", "type": "okta"}
ENTRA: JsonObject = {
    "name": "entra",
    "type": "entra",
    "issuer": ISSUER,
    "accessTokenMinutes": 90,
}
PARTITIONS = {"apis": ["apis"], "shop": ["shop"], "rest": ["*"]}
API = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders, namespace: apis}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x, ports: [{port: 8080}]}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/: 8080}}
        - type: access
          properties:
            owner: o
            scopes: {orders.read: Read}
            rules: [{methods: [GET], scopes: [orders.read]}]
            roles: {viewer: {scopes: [orders.read], groups: [staff], components: [shop/web]}}
"""
CLIENT = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: web
      type: worker
      properties: {image: web}
      traits: [{type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [orders.read]}]}}]
"""
ALONE = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: alone, namespace: alone}
spec:
  components: [{name: job, type: worker, properties: {image: x}}]
"""
ANY = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: pages, namespace: pages, annotations: {owner: p}}
spec:
  components:
    - name: web
      type: webservice
      properties: {image: x, ports: [{port: 80}]}
      traits: [{type: gateway, properties: {domain: pages.example.com, http: {/: 80}}}]
"""


def settings(
    provider: JsonObject = OKTA,
    partitions: Mapping[str, list[str]] = PARTITIONS,
) -> Settings:
    data = {
        "cloud": "local",
        "asOf": str(DAY),
        "gateway": {"namespace": "kong", "podLabels": {"app": "kong"}},
        "identityProviders": [provider],
        "partitions": {**partitions},
    }
    return parse("prod", data, describe)


def estates(
    *texts: str,
    provider: JsonObject = OKTA,
    configured: dict[str | None, str] | None = None,
    partitions: Mapping[str, list[str]] = PARTITIONS,
) -> Estates:
    of_stack = settings(provider, partitions)
    readings = [
        read_bytes(f"{number}.yaml", text.encode())
        for number, text in enumerate(texts or (API, CLIENT, ALONE))
    ]
    model = compile_estate(join_readings(readings), of_stack.stack).estate
    assert model is not None
    return Estates(of_stack, model, configured or {})


BASE = {
    "providers": {
        "okta": {
            "server": "s",
            "groups": {"staff": "g", "others": "h"},
            "issuer": "https://i",
        }
    },
    "gateway": {"nobody": "n", "rings": {"okta": "r"}},
}


def ran(stacks: Estates, base: Any = None, ids: str = "") -> Known:
    """All stacks as if they had just run, one after the other."""
    known = Known({}, BASE if base is None else base)
    for partition in (None, *reversed(stacks.settings.stack.partitions)):
        record = Record(
            stacks.fingerprint(partition, known),
            "now",
            None,
            ids or stacks.ids({}),
        )
        known = Known({**known.records, partition: record}, known.base)
    return known


def outdated(
    stacks: Estates, known: Known, today: datetime.date = DAY
) -> list[str | None]:
    return [*stacks.outdated(known, today)]


def test_stacks_that_never_ran_run_base_first() -> None:
    """All stacks are up to date."""
    assert outdated(estates(), Known()) == [None, "apis", "shop", "rest"]


def test_a_stack_that_has_just_run_is_not_outdated() -> None:
    """The record is valid until the due day of a rotation."""
    stacks = estates()
    known = ran(stacks)
    assert outdated(stacks, known) == []
    due = {**known.records, "shop": replace(known.records["shop"], due=DAY)}
    assert outdated(stacks, Known(due, known.base)) == ["shop"]


def test_a_change_runs_its_dependents() -> None:
    """A workload runs its own partition; a scope runs the base and its callers; a new call runs the
    called partition, but not the base."""
    known = ran(estates())
    assert outdated(
        estates(API, CLIENT, ALONE.replace("image: x", "image: y")), known
    ) == ["rest"]
    more = API.replace(
        "{orders.read: Read}", "{orders.read: Read, orders.write: Write}"
    )
    more = more.replace(
        "rules: [", "rules: [{methods: [POST], scopes: [orders.write]}, "
    )
    assert outdated(estates(more, CLIENT, ALONE), known) == [
        None,
        "apis",
        "shop",
    ]
    assert outdated(
        estates(API.replace("owner: o", "owner: p"), CLIENT, ALONE), known
    ) == ["apis"]
    assert outdated(
        estates(API.replace(", components: [shop/web]", ""), ALONE), known
    ) == [
        "apis",
        "shop",
    ]


def test_a_namespace_that_goes_elsewhere_runs_where_it_was_and_where_it_is() -> (
    None
):
    """Other partitions, of which a large estate has many, do not run. An added or removed partition
    runs all."""
    before = {
        "apis": ["apis"],
        "shop": ["shop", "alone"],
        "rest": ["*"],
        "last": ["last"],
    }
    after = {**before, "shop": ["shop"], "last": ["last", "alone"]}
    now, then = (
        estates(partitions=partitions) for partitions in (after, before)
    )
    assert outdated(now, ran(then)) == ["shop", "last"]
    assert outdated(
        estates(partitions={**before, "new": ["new"]}), ran(then)
    ) == [
        None,
        *before,
        "new",
    ]


def test_new_outputs_of_the_base_run_their_readers() -> None:
    """Outputs of a provider or the gateway run all partitions. Outputs of groups and APIs run the
    partitions that use them."""
    stacks = estates()
    known = ran(stacks)

    def outdated_with(**okta: Any) -> list[str | None]:
        providers = {"okta": {**BASE["providers"]["okta"], **okta}}
        return outdated(
            stacks, Known(known.records, {**BASE, "providers": providers})
        )

    assert outdated_with(groups={"staff": "g", "others": "another"}) == []
    assert outdated_with(server="another") == ["apis", "shop", "rest"]
    assert outdated(
        stacks, Known(known.records, {**BASE, "gateway": {"nobody": "m"}})
    ) == [
        "apis",
        "shop",
        "rest",
    ]
    assert (
        outdated(
            stacks,
            Known(known.records, {**BASE, "offered": {}, "generation": 7}),
        )
        == []
    )


def test_ids_that_a_provider_generates_run_the_called_partitions() -> None:
    """They run when the ids become known, and when they change."""
    stacks = estates(provider=ENTRA)
    known = ran(stacks, ids=stacks.ids({"entra": {"shop/web": "1"}}))
    assert outdated(stacks, known) == []
    without = Known(
        {
            name: record
            for name, record in known.records.items()
            if name != "shop"
        },
        known.base,
    )
    assert outdated(stacks, without) == ["apis", "shop"]
    anew = {
        **known.records,
        "shop": replace(
            known.records["shop"], ids=stacks.ids({"entra": {"shop/web": "2"}})
        ),
    }
    assert outdated(stacks, Known(anew, known.base)) == ["apis"]


def test_ids_of_calling_clients_run_no_stack() -> None:
    """If any token suffices, all APIs of the token are known, and their callers do not matter."""
    stacks = estates(API, CLIENT, ANY, provider=ENTRA)
    known = ran(stacks, ids=stacks.ids({"entra": {"shop/web": "1"}}))
    assert {
        component.key for component in stacks.partition_estate("rest").foreign
    } == {
        "orders/api",
        "shop/web",
    }
    anew = {
        **known.records,
        "shop": replace(
            known.records["shop"], ids=stacks.ids({"entra": {"shop/web": "2"}})
        ),
    }
    assert outdated(stacks, Known(anew, known.base)) == ["apis"]


def test_predictable_ids_run_no_stack() -> None:
    """It does not matter whether the caller's stack has run. But when an id that Okta generated
    disappears, the called partition runs."""
    stacks = estates()
    usual = {"okta": {"shop/web": "kong-oam.prod.shop.web"}}
    assert (
        stacks.ids(usual)
        == stacks.ids({})
        != stacks.ids({"okta": {"shop/web": "0oa1"}})
    )
    known = ran(stacks)
    without = Known(
        {
            name: record
            for name, record in known.records.items()
            if name != "shop"
        },
        known.base,
    )
    assert outdated(stacks, without) == ["shop"]
    made_up = ran(stacks, ids=stacks.ids({"okta": {"shop/web": "0oa1"}}))
    assert outdated(stacks, made_up) == []
    replaced = {
        **made_up.records,
        "shop": replace(made_up.records["shop"], ids=stacks.ids(usual)),
    }
    assert outdated(stacks, Known(replaced, made_up.base)) == ["apis"]


def test_a_change_of_a_stacks_file_runs_that_stack() -> None:
    """The change is an account or a certificate in the file."""
    known = ran(estates())
    assert outdated(estates(configured={None: "another"}), known) == [None]
    assert outdated(estates(configured={"rest": "another"}), known) == ["rest"]
