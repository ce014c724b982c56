"""The models that the stacks of an estate export are read as one model."""

from __future__ import annotations

from typing import Any

import pytest

from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.snapshot import (
    ModelError,
    dump_model,
    join_models,
    load_model,
)
from kong_oam.access.model import Estate
from kong_oam.access.partitions import deployed_by
from kong_oam.access.report import access_table, grants
from tests.support.diffs import model, settings

ORDERS = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders, namespace: orders}
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
            rules: [{methods: [GET], scopes: [read]}]
            roles: {viewer: {scopes: [read], components: [shop/web]}}
    - name: database
      type: worker
      properties: {image: database}
"""
SHOP = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: web
      type: worker
      properties: {image: web}
      traits:
        - {type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [read]}]}}
"""
STACK = settings()
PARTITIONED = settings(partitions={"apis": ["orders"], "sales": ["shop"]})
ESTATE = model(ORDERS, SHOP, on=PARTITIONED).estate
BASE, APIS, SALES = (
    deployed_by(ESTATE, partition) for partition in (None, "apis", "sales")
)
ALONE = model(ORDERS, SHOP, on=STACK)
EXPORTED_ALONE = dump_model(ALONE)
EXPORTED_BY_BASE, EXPORTED_BY_APIS, EXPORTED_BY_SALES = (
    dump_model(model_of(part, PARTITIONED)) for part in (BASE, APIS, SALES)
)


@pytest.mark.parametrize("base_first", [True, False])
def test_the_models_of_all_stacks_are_the_model_of_one_stack(
    base_first: bool,
) -> None:
    """One stack that deploys both Applications exports the same."""
    stacks = [EXPORTED_BY_BASE, EXPORTED_BY_APIS, EXPORTED_BY_SALES]
    found = load_model(join_models(stacks if base_first else stacks[::-1]))
    expected = load_model(EXPORTED_ALONE)
    assert found.estate.components == expected.estate.components
    assert found.workloads == expected.workloads


@pytest.mark.parametrize(
    ("exported", "components"),
    [
        ([EXPORTED_BY_BASE], set()),
        ([EXPORTED_BY_BASE, EXPORTED_BY_APIS], {"orders/api"}),
        ([EXPORTED_BY_BASE, EXPORTED_BY_SALES], {"shop/web"}),
        ([EXPORTED_ALONE], {"orders/api", "shop/web"}),
        ([EXPORTED_ALONE, EXPORTED_BY_APIS], {"orders/api", "shop/web"}),
    ],
    ids=["base", "base and apis", "base and sales", "one stack", "one stack, then apis"],
)  # fmt: skip
def test_components_come_from_stacks_that_have_run(
    exported: list[str], components: set[str]
) -> None:
    """A model that was exported before the estate had partitions is valid until each partition has
    run."""
    assert {*load_model(join_models(exported)).estate.components} == components


@pytest.mark.parametrize(
    ("exported", "expected"),
    [
        (
            ['1\nstack {"name":"prod"}', '1\norders/api {"a":1}'],
            '1\nstack {"name":"prod"}\norders/api {"a":1}',
        ),
        (
            ['1\norders/api {"a":1}', '1\norders/api {"foreign":true}'],
            '1\norders/api {"a":1}',
        ),
        (
            ['1\norders/api {"a":1}', '1\norders/api {"a":2}'],
            '1\norders/api {"a":2}',
        ),
    ],
    ids=["lines of both", "another stack deploys it", "the last"],
)  # fmt: skip
def test_lines_are_joined_by_component(
    exported: list[str], expected: str
) -> None:
    """A stack marks a component that another stack deploys as foreign."""
    assert join_models(exported) == expected


def test_a_stack_states_facts_of_its_own_components_alone() -> None:
    """Otherwise all facts of a component would look new after a move to another stack."""
    exported = load_model(EXPORTED_BY_APIS)
    assert {*exported.estate.components} == {"orders/api", "shop/web"}
    assert {subject.component for subject in exported.facts} == {
        "",
        "orders/api",
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1\nstack {",
        "1\na/b [1]",
        '1\na/b {"foreign": 1}',
        7,
        None,
        {"a": 1},
        "2",
    ],
)
def test_a_text_that_is_no_model_is_refused(text: Any) -> None:
    """The invalid model is alone, or follows a valid model."""
    for texts in ([text], [EXPORTED_BY_BASE, text] if text != "" else [text]):
        with pytest.raises(ModelError):
            load_model(join_models(texts))


@pytest.mark.parametrize(
    ("stack", "access", "granted"),
    [
        (BASE, "", ""),
        (APIS, "GET,HEAD orders.example.com/orders  orders/api: read: shop/web\n", ""),
        (SALES, "", "shop/web at okta  read\n"),
        (
            ALONE.estate,
            "GET,HEAD orders.example.com/orders  orders/api: read: shop/web\n",
            "shop/web at okta  read\n",
        ),
    ],
    ids=["base", "apis", "sales", "one stack"],
)  # fmt: skip
def test_a_line_of_a_table_is_in_the_stack_that_deploys_its_component(
    stack: Estate, access: str, granted: str
) -> None:
    """The access table lists APIs; the table of grants lists clients."""
    head = "REQUESTS  COMPONENT, SCOPES AND WHO HAS THEM\n"
    assert access_table(stack) == head + access
    assert grants(stack) == f"CLIENT  SCOPES\n{granted}"
