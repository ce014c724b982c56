"""The engine's plan for the sample estate: all of it at the first preview, and nothing after the
first up."""

import json
from pathlib import Path

import pytest

from kong_oam.kong.script import inputs_of
from sandbox.local import STACK
from tests.support.documentation import below, block, page
from tests.support.engine.calls import call, service_token
from tests.support.engine.deployment import Deployment, Empty, operations
from tests.support.engine.sample import Sample
from tests.support.json_object import JsonObject

ORDERS_TABLE: JsonObject = {
    "version": 4,
    "authentication": "jwt",
    "component": "orders/api",
    "ring": "kong-oam.local.ring.okta",
    "issuer": None,
    "audiences": ["api://kong-oam/local"],
    "per_api": False,
    "spelling": {
        "client": "cid",
        "user": "uid",
        "subject": "sub",
        "scopes": {"claim": "scp", "form": "list", "prefix": ""},
        "service_scopes": {"claim": "scp", "form": "list", "prefix": ""},
        "own": "sub",
        "own_value": None,
        "groups": "groups",
        "marks": [{"claim": "jti", "value": "AT.", "prefix": True}],
        "overage": [],
    },
    "forward_token": False,
    "hosts": {"orders.example.com": {"/orders": True}},
    "rules": {
        "/orders": {
            "GET": [["orders.read"]],
            "HEAD": [["orders.read"]],
            "POST": [["orders.write"]],
            "PUT": [["orders.write"]],
            "DELETE": [["orders.write"]],
        },
        "/orders/health": {"GET": "public", "HEAD": "public"},
    },
    "services": {"kong-oam.local.shop.checkout": ["orders.read"]},
    "on_behalf": {"kong-oam.local.shop.web": ["orders.read", "orders.write"]},
    "callers": {
        "kong-oam.local.shop.checkout": ["shop/checkout", "service", {}],
        "kong-oam.local.shop.web": [
            "shop/web",
            "web",
            {"order-desk": "order-desk", "sales": "sales"},
        ],
    },
    "groups": {
        "sales": ["orders.read"],
        "order-desk": ["orders.read", "orders.write"],
    },
    "logical": {},
    "depth": 2,
}


def test_the_first_preview_shows_every_resource_of_the_up(
    sample: Sample,
) -> None:
    """The engine knows all resources before any of them exists."""
    steps = json.loads(sample.output["preview"])["steps"]
    previewed = {step["urn"]: step["op"] for step in steps}
    assert previewed == operations(sample.output["up"])
    assert set(previewed.values()) == {"create"}
    names = {urn.rsplit("::", 1)[1] for urn in previewed}
    assert {
        "okta-server",
        "orders/api-8080-gate",
        "gateway-nowhere",
        "orders/api-protected-1-8080",
        "shop/web-client",
    } <= names


def test_the_first_preview_holds_the_gates_table(sample: Sample) -> None:
    """Before anything exists, the whole table by which orders/api will be guarded can be read in it."""
    steps = json.loads(sample.output["preview"])["steps"]
    (gate,) = (
        step for step in steps if step["urn"].endswith("::orders/api-8080-gate")
    )
    script = json.loads(gate["newState"]["inputs"]["configJson"])["access"][0]
    inputs = inputs_of(script)
    assert inputs
    table = json.loads(inputs.table)
    workloads = [caller.pop() for caller in table["callers"].values()]
    assert table == ORDERS_TABLE
    assert len({*workloads}) == 2


def test_a_preview_as_text_shows_the_access_table(empty: Empty) -> None:
    """`preview --diff` of a first deployment shows the access table, and the gate's own table if
    texts are shown in full. Otherwise the CLI cuts them after three lines."""
    output = (
        empty()
        .pulumi("preview", "-s", STACK, "--diff", "--show-full-output")
        .stdout
    )
    gate = output[output.index("::orders/api-8080-gate]") :]
    assert (
        "'/orders/health': {'GET':'public','HEAD':'public'}"
        in gate[: gate.index("serviceId")]
    )
    access = output[output.index("--outputs:--") :]
    assert (
        "\\nPOST,PUT,DELETE orders.example.com/orders  orders/api: orders.write: shop/web for order-desk\\n"
        in access
    )
    assert (
        "\\n* hello.example.com/  hello/hello-world: any principal of okta\\n"
        in access
    )


def test_a_preview_of_one_rule_shows_the_lines_that_change(
    deployed: Deployment,
) -> None:
    """The preview takes 28 lines. It shows nothing of the exported model."""
    deployed.edit(
        "applications/orders.yaml",
        "methods: [GET], scopes: [orders.read]}",
        "methods: [GET], scopes: [orders.write]}",
    )
    output = deployed.pulumi("preview", "-s", STACK).stdout
    count = len(
        [
            line
            for line in output.splitlines()
            if not line.startswith("@ previewing")
        ]
    )
    assert count == 28
    assert "__model" not in output


def test_a_preview_shows_the_lines_of_access_that_change(
    deployed: Deployment,
) -> None:
    """As the tutorial has it, each of its lines, and of the outputs no other."""
    tutorial = page("tutorial.md")
    hello = deployed.folder / "applications/hello.yaml"
    hello.write_text(
        hello.read_text("utf-8")
        + block(below(tutorial, "Give it an access trait:"), "yaml"),
        "utf-8",
    )
    calls = (
        "            calls: [{component: orders/api, scopes: [orders.read]}]\n"
    )
    new = block(
        below(tutorial, "replace the `calls:` line of `checkout` by:"), "yaml"
    ).replace("checkot", "checkout")
    deployed.edit("applications/shop.yaml", calls, new)
    hello.write_text(
        hello.read_text("utf-8").replace("checkot", "checkout"), "utf-8"
    )
    output = deployed.pulumi("preview", "-s", STACK).stdout
    shown = tutorial.partition("    $ pulumi preview -s local\n")[2].partition(
        "\n\n"
    )[0]
    lines = [" ".join(line.split()) for line in output.splitlines()]
    assert [
        line
        for line in shown.splitlines()
        if " ".join(line.split()) not in lines
    ] == []
    outputs = output.partition("Outputs:\n")[2].partition("\n\n")[0]
    assert len(outputs.splitlines()) - 1 == shown.partition("    Outputs:\n")[
        2
    ].partition("    Resources")[0].count("\n")
    assert "\n  ~ enforced   : " in outputs, "the one line that is left out"


def test_a_second_up_changes_nothing(sample: Sample) -> None:
    """Every resource stays as it is."""
    done = operations(sample.deployment.run("up", "--json").stdout)
    assert {
        urn: op for urn, op in done.items() if op not in ("same", "read")
    } == {}
    assert len(done) > 90


def test_an_up_after_a_refresh_changes_nothing(sample: Sample) -> None:
    """The answers of Kong, Okta and the cluster equal the requests to them."""
    done = operations(sample.deployment.run("up", "--refresh", "--json").stdout)
    assert {
        urn: op
        for urn, op in done.items()
        if op not in ("same", "read", "refresh")
    } == {}
    assert len(done) > 90


@pytest.mark.deep
def test_a_saved_plan_deploys(empty: Empty, tmp_path: Path) -> None:
    """`up --plan` deploys a preview that was saved in a file, on an empty stack."""
    deployment = empty()
    deployment.local.env["PULUMI_EXPERIMENTAL"] = "true"
    plan = tmp_path / "plan.json"
    deployment.pulumi("preview", "-s", STACK, "--save-plan", str(plan))
    assert len(json.loads(plan.read_text())["resourcePlans"]) > 100
    deployment.run("up", "--plan", str(plan))
    local = deployment.local
    assert call(local, "GET", "orders.example.com", "/orders").status == 401
    assert (
        call(
            local,
            "GET",
            "orders.example.com",
            "/orders",
            service_token(local, "checkout"),
        ).status
        == 200
    )


@pytest.mark.deep
def test_a_saved_plan_has_the_previewed_changes(
    empty: Empty, tmp_path: Path
) -> None:
    """An Application that was edited after the preview is not deployed by its plan."""
    deployment = empty()
    deployment.local.env["PULUMI_EXPERIMENTAL"] = "true"
    plan = tmp_path / "plan.json"
    deployment.pulumi("preview", "-s", STACK, "--save-plan", str(plan))
    deployment.edit(
        "applications/orders.yaml", "[POST, PUT, DELETE]", "[PUT, DELETE]"
    )
    refused = deployment.run("up", "--plan", str(plan), check=False)
    assert refused.returncode != 0
    assert "orders/api-8080-admission" in refused.stdout + refused.stderr
    assert (
        call(deployment.local, "GET", "orders.example.com", "/orders").status
        == 404
    )
