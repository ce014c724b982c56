"""Two stacks on one Kong: `local`, which has the global plugin, and `prod`, with its code at each
port."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from uuid import NAMESPACE_URL, uuid5

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.settings.stack import read_file
from kong_oam.access.settings.values import Settings
from kong_oam.identity.kinds import describe
from kong_oam.kong.entities import Entities, Entity
from kong_oam.oam.application import read_bytes
from tests.support import gateway_estates
from tests.support.estates import estate as compiled_estate
from tests.support.gateway_tokens import Issuer
from tests.support.repository import ROOT
from tests.support.verified_gateway import Deployment, Running

STACKS = ("local", "prod")

_APPLICATION = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders, namespace: %(stack)s}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: registry.example.com/orders:1, ports: [{port: 8080}]}
      traits:
        - type: gateway
          properties: {domain: orders.%(stack)s.example.com, http: {/orders: 8080}}
        - type: access
          properties:
            owner: team-orders
            scopes: {orders.read: Read orders}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [orders.read]}
            roles:
              reader: {scopes: [orders.read], components: [orders/report]}
    - name: shop
      type: webservice
      properties: {image: registry.example.com/shop:1, ports: [{port: 3000}]}
      traits:
        - type: gateway
          properties: {domain: shop.%(stack)s.example.com, http: {/: 3000}}
        - type: access
          properties:
            owner: team-shop
            rules:
              - {paths: [/], methods: [GET], public: {reason: a shop}}
    - name: report
      type: worker
      properties: {image: registry.example.com/report:1}
      traits:
        - type: client
          properties: {kind: service, calls: [{component: orders/api, scopes: [orders.read]}]}
"""


def deployment(stack: str) -> Deployment:
    """Return one of the two stacks: `orders/api` has no public rule, `orders/shop` only public
    rules. It has its own hosts."""
    usual = read_file(
        ROOT / "stacks/Pulumi.local.yaml",
        lambda location: replace(
            describe(location), issuer=f"https://{stack}.example.com"
        ),
    )
    settings = _named(usual, stack)
    text = _APPLICATION % {"stack": stack}
    compiled = compile_estate(
        read_bytes("orders.yaml", text.encode()), settings.stack
    )
    assert compiled.estate is not None, compiled.diagnostics
    issuer = Issuer(
        time.time(), settings.stack.default_provider, kid=f"key-of-{stack}"
    )
    return Deployment(settings, compiled.estate, issuer, domain=f"{stack}.test")


def in_partitions(partition: str | None) -> Deployment:
    """Return the stack `local` with all Applications in partition `payments`, as its base or one of
    its partitions sees it."""
    whole = deployment(STACKS[0])
    model = replace(
        whole.settings.stack,
        partitions={"payments": (STACKS[0],), "rest": ("*",)},
    )
    compiled = compile_estate(
        read_bytes(
            "orders.yaml", (_APPLICATION % {"stack": STACKS[0]}).encode()
        ),
        model,
    )
    assert compiled.estate is not None, compiled.diagnostics
    settings = replace(whole.settings, stack=model, partition=partition)
    return replace(whole, settings=settings, estate=compiled.estate)


def _named(settings: Settings, stack: str) -> Settings:
    providers = {
        name: replace(provider, audience=f"api://kong-oam/{stack}")
        for name, provider in settings.stack.providers.items()
    }
    return replace(
        settings,
        stack=replace(settings.stack, name=stack, providers=providers),
    )


@contextmanager
def running_stacks() -> Iterator[dict[str, Running]]:
    """Yield both stacks on one Kong, by name."""
    first, second = STACKS
    with (
        Running(deployment(first)) as own,
        Running(deployment(second), beside=own) as other,
    ):
        yield {first: own, second: other}


def union(deployments: Iterable[Deployment]) -> Entities:
    """Return all entities of stacks on one Kong, as their runs make them, each with its own id."""
    found: dict[str, list[Entity]] = {
        kind.name: [] for kind in fields(Entities)
    }
    for item in deployments:
        for kind, entities in found.items():
            entities += [
                with_ids(item.settings.stack.name, entity)
                for entity in getattr(item.meant, kind)
            ]
    return Entities(
        **{kind: tuple(entities) for kind, entities in found.items()}
    )


def with_ids(stack: str, entity: Entity) -> Entity:
    """Return the entity with ids as Kong would assign them: no other stack has the same ids."""

    def identifier(name: str) -> str:
        return str(uuid5(NAMESPACE_URL, f"{stack}/{name}"))

    made = {**entity, "id": identifier(entity["id"])}
    if "host" in made:
        made["port"] = 1
    for parent in ("service", "route", "consumer", "upstream"):
        if made.get(parent):
            made[parent] = {"id": identifier(made[parent]["id"])}
    return made


def generated(stack: str, number: int) -> Deployment:
    """Return a stack with generated Applications, from the seed `number`, and one issuer."""
    model = gateway_estates.stack(stack, "http")
    main = model.providers["main"]
    model = replace(model, providers={"main": main})
    texts = gateway_estates.generated_applications(
        f"{stack}.example.com", 1, number
    )
    texts = [
        text.replace(
            '"identityProvider": "other"', '"identityProvider": "main"'
        )
        for text in texts
    ]
    settings = replace(deployment(stack).settings, stack=model)
    issuer = Issuer(time.time(), main, kid=f"key-of-{stack}")
    return Deployment(
        settings,
        compiled_estate(*texts, stack=model),
        issuer,
        domain=f"{stack}.test",
    )
