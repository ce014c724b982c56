"""The policy pack on one of several stacks of an estate: what the base made is judged there, and counts in partitions."""

from __future__ import annotations

import json
from dataclasses import replace

from kong_oam.access.model import Estate
from kong_oam.access.partitions import base_of
from kong_oam.kong import names, plugins
from policies.catalogue import RULES
from policies.deployed import Deployment, Resource
from tests.support.sound_deployment import ESTATE, MODEL, SOUND, resource

BY_ID = {rule.id: rule for rule in RULES}
NOWHERE, NOBODY = (
    names.nowhere(ESTATE.stack.name),
    names.anonymous(ESTATE.stack.name),
)
OF_BASE = ("kong:index/upstream:Upstream", "kong:index/consumer:Consumer")
CONSUMER = resource(
    "kong:index/consumer:Consumer", "gateway-anonymous", username=NOBODY
)
UPSTREAM = resource("kong:index/upstream:Upstream", "gateway-nowhere")


def found(rule: str, deployment: Deployment) -> list[str]:
    return [finding.message for finding in BY_ID[rule].findings(deployment, {})]


def partition(
    *more: Resource, host: str = NOWHERE, caller: str = NOBODY
) -> Deployment:
    """A sound deployment of a partition: it refers by name to its base's Upstream and consumer."""

    def own(part: Resource) -> Resource:
        if part.name == "api-service":
            return replace(
                part,
                properties={**part.properties, "host": host},
                made_of={},
            )
        if part.name == "jwt":
            config = json.dumps(
                {"run_on_preflight": True, **plugins.jwt(caller)}
            )
            return replace(
                part,
                properties={**part.properties, "configJson": config},
            )
        return part

    resources = (
        own(resource)
        for resource in SOUND.resources
        if resource.type not in OF_BASE
    )
    model = replace(MODEL, estate=replace(ESTATE, role="partition"))
    return replace(SOUND, resources=(*resources, *more), model=model)


def base(*more: Resource) -> Deployment:
    """The gateway's resources of the estate's base."""
    return replace(
        SOUND,
        resources=(CONSUMER, UPSTREAM, *more),
        model=replace(MODEL, estate=base_of(ESTATE)),
    )


def test_a_partition_leads_to_what_its_base_made() -> None:
    """Only the names of the same estate count."""
    assert (
        found("service-nowhere", partition())
        == found("authentication-strict", partition())
        == []
    )
    assert (
        found("service-nowhere", partition(host=names.nowhere("other"))) != []
    )
    assert found("service-nowhere", partition(host="api.orders.svc")) != []
    assert (
        found(
            "authentication-strict", partition(caller=names.anonymous("other"))
        )
        != []
    )
    assert (
        found(
            "authentication-strict",
            partition(caller=names.ring(ESTATE.stack.name, "main")),
        )
        != []
    )


def test_in_an_estate_of_one_stack_a_name_is_not_enough() -> None:
    """There the Upstream and the consumer are beside it."""
    deployment = replace(partition(), model=MODEL)
    assert found("service-nowhere", deployment) != []
    assert found("authentication-strict", deployment) != []


def test_the_anonymous_consumer_of_a_partition_has_no_credential() -> None:
    """With a credential of the base's consumer; a limit of those who have no token is none."""
    credential = resource(
        "kong:index/consumerJwtAuth:ConsumerJwtAuth",
        "more",
        consumerId="of the base",
    )
    assert found("authentication-strict", partition(credential)) != []
    limit = resource(
        "kong:index/plugin:Plugin",
        "limit",
        consumerId="of the base",
        configJson="{}",
    )
    assert found("authentication-strict", partition(limit)) == []


def test_nothing_gives_the_bases_upstream_a_target() -> None:
    """Neither in the base, where no service leads to it, nor in a partition, where its id is a text."""
    target = resource(
        "kong:index/target:Target", "way", {"upstreamId": UPSTREAM.urn}
    )
    assert found("service-nowhere", base()) == []
    assert found("service-nowhere", base(target)) == [
        "target way leads services around their gates"
    ]
    alone = resource(
        "kong:index/target:Target", "way", upstreamId="of the base"
    )
    assert found("service-nowhere", partition(alone)) == [
        "target way leads services around their gates"
    ]


def test_a_gates_own_upstream_has_targets() -> None:
    own = resource("kong:index/upstream:Upstream", "crm")
    target = resource(
        "kong:index/target:Target", "way", {"upstreamId": own.urn}
    )
    assert found("service-nowhere", partition(own, target)) == []
    around = resource("kong:index/service:Service", "s", {"host": own.urn})
    assert found("service-nowhere", partition(own, target, around)) == [
        "target way leads services around their gates"
    ]


def test_the_anonymous_consumer_of_a_base_has_no_credential() -> None:
    """The key rings have some."""
    ring = resource(
        "kong:index/consumer:Consumer",
        "ring",
        username=names.ring(ESTATE.stack.name, "main"),
    )
    slot = resource(
        "kong:index/consumerJwtAuth:ConsumerJwtAuth",
        "slot",
        {"consumerId": ring.urn},
    )
    assert found("authentication-strict", base(ring, slot)) == []
    more = resource(
        "kong:index/consumerJwtAuth:ConsumerJwtAuth",
        "more",
        {"consumerId": CONSUMER.urn},
    )
    assert found("authentication-strict", base(ring, slot, more)) == [
        "gateway-anonymous is the anonymous consumer of partitions, but has credentials"
    ]


def test_components_are_judged_in_their_own_stack() -> None:
    """The base knows them without owner and rules, and a partition those that it calls."""
    foreign = tuple(_without_owners().components.values())
    caller = replace(ESTATE, role="partition", applications=(), foreign=foreign)
    for deployment in (
        base(),
        replace(partition(), model=replace(MODEL, estate=caller)),
    ):
        assert found("component-owned", deployment) == []
    assert (
        found(
            "component-owned",
            replace(SOUND, model=replace(MODEL, estate=_without_owners())),
        )
        != []
    )


def _without_owners() -> Estate:
    (application,) = ESTATE.applications
    components = tuple(
        replace(component, owner=None, waivers=())
        for component in application.components
    )
    return replace(
        ESTATE, applications=(replace(application, components=components),)
    )
