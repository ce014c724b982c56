"""Two stacks on one Kong: `verify` of a stack prints no command that changes the other stack's
entities."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from random import Random

import pytest

from kong_oam.cli.console import Console
from kong_oam.cli.verify import lines_of
from kong_oam.kong.entities import Entities, Entity
from kong_oam.kubernetes import kubectl
from kong_oam.kubernetes.estate import objects_of
from kong_oam.objects.selection import STACK
from kong_oam.verify.drift import with_intended_names
from kong_oam.verify.stack import Reason, Result, workloads
from tests.support.documentation import page
from tests.support.edits_by_hand import edited
from tests.support.tiers import deep_after, examples
from tests.support.two_stacks import (
    STACKS,
    deployment,
    generated,
    in_partitions,
    running_stacks,
    union,
)
from tests.support.verified_gateway import Hands, Running, report_lines

ADMISSION = "plugin pre-function of service 'kong-oam.local.orders.shop.3000'"
ANYBODY = "anybody, without a token"
KINDS = (
    "services",
    "routes",
    "plugins",
    "consumers",
    "credentials",
    "upstreams",
    "targets",
)


@pytest.fixture(scope="module")
def stacks() -> Iterator[dict[str, Running]]:
    with running_stacks() as running:
        yield running


@pytest.fixture
def hands(stacks: dict[str, Running]) -> Iterator[Hands]:
    with Hands(stacks["local"].kong.admin_url) as made:
        yield made


def printed(result: Result, stack: str) -> list[str]:
    """The lines that `verify` prints of a result."""
    return [*lines_of(result, stack, Console(StringIO()))]


@pytest.mark.parametrize("stack", STACKS)
def test_both_stacks_decide_as_meant_beside_each_other(
    stacks: dict[str, Running], stack: str
) -> None:
    """The other stack's keys are no findings."""
    assert report_lines(stacks[stack].judged()) == []


def _disable(hands: Hands) -> None:
    hands.change(
        "plugins",
        hands.find(
            "plugins",
            name="pre-function",
            service="kong-oam.local.orders.shop.3000",
        ),
        enabled=False,
    )


def _delete(hands: Hands) -> None:
    hands.remove(
        "plugins",
        hands.find(
            "plugins",
            name="pre-function",
            service="kong-oam.local.orders.shop.3000",
        ),
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [(_disable, ": it is disabled"), (_delete, " is missing")],
)
def test_without_an_admission_its_stack_alone_has_a_finding(
    stacks: dict[str, Running],
    hands: Hands,
    change: Callable[[Hands], None],
    text: str,
) -> None:
    """The finding has one cause and one command, and no key of the other stack among them."""
    change(hands)
    lines = printed(stacks["local"].judged(), "local")
    assert lines[0] == f"closed: {ADMISSION}{text}"
    if change is _disable:
        shown = page("how-to/share-a-kong.md")
        assert (
            f"    {lines[0]}\n    ...\n        to do: pulumi up -s local --refresh\n"
            in shown
        )
    assert [line for line in lines if "to do" in line or "owns it" in line] == [
        "    to do: pulumi up -s local --refresh"
    ]
    assert stacks["prod"].lines() == []


def test_a_route_of_another_stack_that_diverts_calls_is_told_with_that_stack(
    stacks: dict[str, Running], hands: Hands
) -> None:
    """There is no command: the stack that owns the route has to act."""
    route = hands.find(
        "routes", name="kong-oam.prod.orders.shop.3000.protected-0"
    )
    hands.change(
        "routes", route, hosts=["shop.local.example.com"], regex_priority=500
    )
    lines = printed(stacks["local"].judged(), "local")
    assert "".join(f"    {line}\n" for line in lines) in page(
        "how-to/share-a-kong.md"
    )
    assert lines == [
        "closed: route 'kong-oam.prod.orders.shop.3000.protected-0' is of stack 'prod'; "
        "service 'kong-oam.prod.orders.shop.3000' is of stack 'prod'",
        "    GET,HEAD http://shop.local.example.com/",
        f"        can no longer be called by {ANYBODY}",
        "    stack 'prod' owns it: python -m kong_oam verify --stack prod",
        "1 finding(s): the Kong of stack 'local' does not enforce the Applications",
    ]
    (first, *_) = printed(stacks["prod"].judged(), "prod")
    assert first.startswith(
        "closed: route 'kong-oam.prod.orders.shop.3000.protected-0': hosts is"
    )


def test_a_key_of_another_stack_is_no_cause_beside_the_cause(
    stacks: dict[str, Running], hands: Hands
) -> None:
    """Without the gate, the holders of all keys pass: the gate is the cause, and no key is."""
    hands.remove(
        "plugins",
        hands.find(
            "plugins",
            name="post-function",
            service="kong-oam.local.orders.api.8080",
        ),
    )
    texts = [
        reason.text
        for _, reasons in stacks["local"].judged().findings
        for reason in reasons
    ]
    assert set(texts) == {
        "plugin post-function of service 'kong-oam.local.orders.api.8080' is missing"
    }


def test_what_others_use_of_a_foreign_route_is_not_removed(
    stacks: dict[str, Running], hands: Hands
) -> None:
    """Only the route that takes our calls is: its service and Upstream take none without it."""
    hands.make("/upstreams", name="shared.test")
    for name in ("theirs", "others"):
        hands.make("/services", name=name, host="shared.test")
    taking = {
        "hosts": ["shop.local.example.com"],
        "paths": ["~/"],
        "methods": ["GET"],
        "regex_priority": 500,
    }
    hands.make("/services/theirs/routes", name="taking", **taking)
    hands.make(
        "/services/theirs/routes", name="elsewhere", hosts=["elsewhere.test"]
    )
    hands.make("/services/others/routes", name="beside", hosts=["beside.test"])

    def to_do() -> list[str]:
        return [
            line
            for line in printed(stacks["local"].judged(), "local")
            if "to do: " in line or "ask first" in line
        ]

    kinds = [
        line.partition("$KONG_ADMIN_ADDR/")[2].partition("/")[0]
        for line in to_do()
    ]
    assert kinds == ["routes"]
    for line in to_do():
        hands.run(line.partition("to do: ")[2])
    assert printed(stacks["local"].judged(), "local")[0].endswith(
        "enforces the Applications"
    )
    assert hands.find("services", name="others") and hands.find(
        "upstreams", name="shared.test"
    )


def test_who_uses_a_foreign_entity_is_told_before_it_is_removed(
    stacks: dict[str, Running], hands: Hands
) -> None:
    """A global foreign plugin acts on the services of both stacks, and on foreign services."""
    hands.make("/services", name="theirs", host="elsewhere.test")
    hands.make(
        "/plugins", name="request-termination", config={"status_code": 503}
    )
    lines = printed(stacks["local"].judged(), "local")
    mind = "    ask its other users first: "
    assert [
        line.removeprefix(mind) for line in lines if line.startswith(mind)
    ] == [
        "service 'kong-oam.prod.orders.api.8080' (of stack 'prod'), "
        "service 'kong-oam.prod.orders.shop.3000' (of stack 'prod'), service 'theirs' (not of any stack)"
    ]
    assert (
        sum(
            bool(re.match("    to do: curl -X DELETE .*/plugins/", line))
            for line in lines
        )
        == 1
    )


RING = "kong-oam.prod.ring.okta"
OF_PROD = ["kong-oam", "kong-oam-stack:prod"]


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("rate-limiting", {"minute": 1}),
        ("request-termination", {"status_code": 503}),
    ],
)
def test_a_limit_of_another_stack_for_its_own_consumer_is_no_finding(
    stacks: dict[str, Running],
    hands: Hands,
    name: str,
    config: dict[str, object],
) -> None:
    """The holders of its tokens may call what is public here. Their own stack limits them."""
    hands.make(
        f"/consumers/{RING}/plugins", name=name, config=config, tags=OF_PROD
    )
    assert stacks["local"].lines() == []


def test_a_foreign_plugin_on_a_consumer_of_another_stack_is_left_to_that_stack(
    stacks: dict[str, Running], hands: Hands
) -> None:
    """The purpose of the plugin is unknown here."""
    hands.make(
        f"/consumers/{RING}/plugins", name="rate-limiting", config={"minute": 1}
    )
    lines = printed(stacks["local"].judged(), "local")
    assert lines[0] == (
        f"limited: plugin rate-limiting of consumer '{RING}' is not ours, and it acts on an entity of stack 'prod'"
    )
    assert (
        "    stack 'prod' owns it: python -m kong_oam verify --stack prod"
        in lines
    )
    assert not [line for line in lines if "DELETE" in line]
    assert [
        line
        for line in printed(stacks["prod"].judged(), "prod")
        if "to do: curl -X DELETE" in line
    ]


def test_a_foreign_route_to_a_service_of_another_stack_is_told_with_that_service(
    stacks: dict[str, Running], hands: Hands
) -> None:
    """A foreign route takes calls of one stack to the other stack. No plugin there is a reason,
    with or without tags."""
    service = "kong-oam.prod.orders.shop.3000"
    fields = {
        "hosts": ["shop.local.example.com"],
        "paths": ["~/"],
        "methods": ["GET"],
        "regex_priority": 500,
    }
    hands.make(f"/services/{service}/routes", name="theirs", **fields)
    for name in ("pre-function", "jwt", "post-function"):
        hands.change(
            "plugins",
            hands.find("plugins", name=name, service=service),
            tags=[],
        )
    lines = printed(stacks["local"].judged(), "local")
    assert lines[0] == (
        "closed: route 'theirs' is not ours, and it acts on an entity of stack 'prod'; "
        f"service '{service}' is of stack 'prod'"
    )
    assert not [line for line in lines if "DELETE" in line]
    assert (
        "    stack 'prod' owns it: python -m kong_oam verify --stack prod"
        in lines
    )


def test_a_foreign_entity_stays_while_entities_of_another_stack_belong_to_it(
    stacks: dict[str, Running], hands: Hands
) -> None:
    """Kong would delete them with it."""
    tags = ["kong-oam", "kong-oam-stack:prod"]
    hands.make("/services", name="theirs", host="elsewhere.test")
    route = hands.make(
        "/services/theirs/routes",
        name="theirs",
        hosts=["shop.local.example.com"],
        paths=["/"],
    )
    hands.change("routes", route, regex_priority=500, paths=["~/"])
    hands.make(
        "/routes/theirs/plugins", name="correlation-id", config={}, tags=tags
    )
    lines = printed(stacks["local"].judged(), "local")
    assert lines[0].startswith(
        "diverted: route 'theirs' is not ours, and entities of stack 'prod' belong to it; "
    )
    assert (
        "    stack 'prod' owns it: python -m kong_oam verify --stack prod"
        in lines
    )
    assert not [line for line in lines if "/routes/" in line]


def test_a_service_of_another_stack_with_our_tags_is_not_ours_renamed() -> None:
    """Else a command would lead it to where ours leads."""
    ours = {
        "id": "an-id",
        "name": "kong-oam.local.a.b.80",
        "tags": ["kong-oam", "kong-oam-stack:local"],
    }
    theirs = {**ours, "name": "kong-oam.prod.a.b.80"}
    by_hand = {**ours, "name": "orders"}
    wanted = Entities(services=(ours,))
    assert with_intended_names(
        Entities(services=(theirs,)), wanted
    ).services == (theirs,)
    assert with_intended_names(
        Entities(services=(by_hand,)), wanted
    ).services == (ours,)


@pytest.mark.parametrize("number", deep_after(2, range(5)))
def test_no_command_touches_an_entity_of_the_other_stack(number: int) -> None:
    """Whatever somebody edits by hand on either stack, and whatever foreign entities there are."""
    pair = {
        stack: generated(stack, number) if number else deployment(stack)
        for stack in STACKS
    }
    entities = union(pair.values())
    for seed in range(examples(60)):
        live = edited(Random(seed), entities, STACKS)
        by_id = {
            entity["id"]: entity
            for kind in KINDS
            for entity in getattr(live, kind)
        }
        for stack, other in (STACKS, STACKS[::-1]):
            lines = printed(pair[stack].judged(live), stack)
            for line in (
                line for line in lines if line.startswith("    to do: ")
            ):
                assert set(re.findall(r"pulumi up -s (\S+)", line)) <= {
                    stack
                }, (
                    seed,
                    line,
                )
                for identifier in re.findall(
                    r"KONG_ADMIN_ADDR/\S*?([^/\s]+)(?:\s|$)", line
                ):
                    touched = by_id[identifier]
                    deletes = " DELETE " in line
                    with_it = [
                        entity
                        for entity in by_id.values()
                        if deletes and _belongs(entity, touched)
                    ]
                    assert not [
                        entity
                        for entity in (touched, *with_it)
                        if _is_of(entity, other)
                    ], (
                        seed,
                        line,
                    )
                    on = [
                        by_id[touched[scope]["id"]]
                        for scope in _SCOPES
                        if deletes and touched.get(scope)
                    ]
                    is_theirs = any(
                        _is_of(entity, other) for entity in on
                    ) and not any(_is_of(entity, stack) for entity in on)
                    assert not is_theirs, (seed, line)


def _is_of(entity: Entity, stack: str) -> bool:
    return f"kong-oam-stack:{stack}" in entity.get("tags", ())


_SCOPES = ("service", "route", "consumer", "upstream")


def _belongs(entity: Entity, parent: Entity) -> bool:
    """Whether Kong deletes the entity with its parent."""
    return any(
        (entity.get(scope) or {}).get("id") == parent["id"] for scope in _SCOPES
    )


@pytest.mark.parametrize(
    ("partition", "kind", "line"),
    [
        ("payments", "plugins", "to do: pulumi up -s local-payments --refresh"),
        (
            "rest",
            "plugins",
            "stack 'local-payments' owns it: python -m kong_oam verify --stack local-payments",
        ),
        (
            "payments",
            "credentials",
            "stack 'local' owns it: python -m kong_oam verify --stack local",
        ),
        (
            None,
            "plugins",
            "to do: python -m kong_oam refresh -s local --yes && python -m kong_oam up -s local --yes",
        ),
    ],
)
def test_the_stack_of_an_estate_that_owns_an_entity_has_to_act(
    partition: str | None, kind: str, line: str
) -> None:
    """Stacks of one estate share a tag: the tag of the partition says whose an entity is."""
    deployed = in_partitions(partition)
    entities = union([deployed])
    gone = "post-function" if kind == "plugins" else ""
    others = tuple(
        entity
        for entity in getattr(entities, kind)
        if gone and entity["name"] != gone
    )
    lines = printed(
        deployed.judged(replace(entities, **{kind: others})), "local"
    )
    assert {
        text.strip() for text in lines if "to do" in text or "owns it" in text
    } == {line}


def test_an_object_of_another_stack_in_the_cluster_is_told_with_that_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever its fields are, there is no command that changes it."""
    deployed = deployment("local")
    (manifest, *_) = objects_of(deployed.estate, deployed.settings)
    labels = {**manifest["metadata"].get("labels", {}), STACK: "prod"}
    theirs = {
        **manifest,
        "metadata": {**manifest["metadata"], "labels": labels},
    }
    monkeypatch.setattr(
        kubectl, "read", lambda *_: {kubectl.name_of(manifest): theirs}
    )
    monkeypatch.setattr(kubectl, "network_policies", lambda *_: [])
    found = {
        altered.name: altered.reasons
        for altered in workloads(deployed.settings, deployed.estate).altered
    }
    assert found[
        f"Deployment '{manifest['metadata']['namespace']}/{manifest['metadata']['name']}'"
    ] == (Reason("it belongs to stack 'prod'", "", stack="prod"),)
