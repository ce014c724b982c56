"""Inputs that stop a run before it creates anything: invalid Applications, and gateways without a
needed feature."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator

import pytest

from sandbox.cluster import CLUSTER
from sandbox.kong import Kong, Lags
from sandbox.local import STACK, Local
from tests.support.engine.deployment import Deployment, Empty, project, start
from tests.support.engine.inventory import entities
from tests.support.json_object import JsonObject

# `orders.reed` begins in column 61 of line 24.
WRONG = (
    "{paths: [/orders], methods: [GET], scopes: [orders.read]}",
    "{paths: [/orders], methods: [GET], scopes: [orders.reed]}",
)
POSITION = "applications/orders.yaml:24:61"


def test_the_program_stops_on_a_broken_invariant(empty: Empty) -> None:
    """A preview and a run print the request, and make nothing."""
    deployment = empty()
    invariant = '- never: {who: [group sales], may: "* orders.example.com/", reason: no sales, owner: platform}\n'
    (deployment.folder / "invariants.yaml").write_text(invariant, "utf-8")
    preview = deployment.pulumi("preview", "-s", STACK, check=False)
    for stopped in (preview, deployment.run("up", check=False)):
        assert stopped.returncode != 0
        message = "1 error(s) about invariants; nothing was provisioned"
        assert message in stopped.stdout
        assert "shop/web for users in sales may call GET" in stopped.stdout


def test_the_program_stops_on_a_scope_that_is_not_declared(
    empty: Empty,
) -> None:
    """Exit status, file, line and column, and not one call to Kong, Okta or the cluster: not even a connection."""
    deployment = empty()
    deployment.edit("applications/orders.yaml", *WRONG)
    with (
        socket.create_server(("127.0.0.1", 0)) as kong,
        socket.create_server(("127.0.0.1", 0)) as okta,
        socket.create_server(("127.0.0.1", 0)) as cluster,
    ):
        places = {
            "KONG_ADMIN_ADDR": kong,
            "OKTA_HTTP_PROXY": okta,
            CLUSTER: cluster,
        }
        for variable, server in places.items():
            server.setblocking(False)
            deployment.local.env[variable] = (
                f"http://127.0.0.1:{server.getsockname()[1]}"
            )
        stopped = deployment.run("up", check=False)
        for server in places.values():
            with pytest.raises(BlockingIOError):  # no request arrived
                server.accept()
    assert stopped.returncode != 0
    assert f"{POSITION}: error ACC201" in stopped.stdout
    assert "did you mean 'orders.read'?" in stopped.stdout
    assert stopped.stdout.count("orders.reed") == 2, (
        "the finding and the line of the file, each once"
    )
    assert (
        "error: Kong-OAM: 1 error(s) in the Applications; nothing was provisioned\n"
        in stopped.stdout
    )
    assert "Traceback" not in stopped.stdout + stopped.stderr
    assert [resource["type"] for resource in deployment.state()] in (
        [],
        ["pulumi:pulumi:Stack"],
    )
    assert entities(deployment.local) == {}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """An empty stack, whose program is led to one unusable gateway after the other."""
    with Local(lags=Lags()) as local:
        yield start(local, project(tmp_path_factory.mktemp("project")))


@pytest.mark.parametrize(
    ("kong", "message"),
    [
        (
            {"configuration": {"database": "off"}},
            "this Kong has no database (database=off)",
        ),
        (
            None,
            "does not answer (ConnectError); check gateway.adminUrl, or KONG_ADMIN_ADDR, and that Kong is up",
        ),
    ],
    ids=["no database", "not running"],
)
def test_a_gateway_that_cannot_be_used_stops_the_program(
    refused: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    kong: JsonObject | None,
    message: str,
) -> None:
    """Each has a specific message and a failing exit status, and nothing is created anywhere."""
    local = refused.local
    stand_in = Kong(
        **({"admin_token": local.env["KONG_ADMIN_TOKEN"]} | (kong or {}))
    )
    stand_in.start()
    try:
        monkeypatch.setitem(local.env, "KONG_ADMIN_ADDR", stand_in.admin_url)
        if kong is None:
            stand_in.stop()
        stopped = refused.run("up", check=False)
    finally:
        stand_in.stop()
    assert stopped.returncode != 0
    assert message in stopped.stdout
    assert "Traceback" not in stopped.stdout + stopped.stderr
    # The engine's own provider exists once the program has read the state.
    assert {resource["type"] for resource in refused.state()} <= {
        "pulumi:pulumi:Stack",
        "pulumi:providers:pulumi",
    }
    assert entities(local) == {}
    assert all(
        stand_in.entities(kind) == []
        for kind in ("services", "routes", "plugins", "consumers")
    )


def test_a_usable_gateway_does_not_stop_the_program(
    refused: Deployment,
) -> None:
    """The same stack with its own gateway: a preview succeeds, so the gateways were the reason."""
    assert refused.pulumi("preview", "-s", STACK).returncode == 0


_OTHERS = """config:
  applications: {type: array, items: {type: string}, default: [other]}
"""


@pytest.mark.deep
def test_no_run_deploys_other_applications_than_the_commands_read(
    empty: Empty,
) -> None:
    """Settings in the project, another folder or another file could make a run read other
    Applications than `check` and the review. Each stops the run, and the message names the
    setting."""
    deployment = empty("Pulumi.yaml")
    project_file, stacks = (
        deployment.folder / "Pulumi.yaml",
        deployment.folder / "stacks",
    )
    usual = project_file.read_text("utf-8")

    def output(*arguments: str) -> str:
        stopped = deployment.pulumi(
            "preview", "-s", STACK, *arguments, check=False
        )
        assert stopped.returncode != 0
        assert "Traceback" not in stopped.stdout + stopped.stderr
        return " ".join((stopped.stdout + stopped.stderr).split())

    project_file.write_text(usual + _OTHERS, "utf-8")
    assert (
        "Kong-OAM: stack 'local': Pulumi.yaml sets applications in its config, which no command reads"
        in output()
    )
    project_file.write_text(usual, "utf-8")
    stacks.rename(deployment.folder / "conf")
    project_file.write_text(
        usual.replace("stackConfigDir: stacks", "stackConfigDir: conf"), "utf-8"
    )
    assert "kong-oam:asOf, kong-oam:cloud" in output()
    shutil.copytree(deployment.folder / "conf", stacks)
    assert (
        "Kong-OAM: stack 'local': Pulumi.yaml makes the engine read other files than stacks/Pulumi."
        in output()
    )
    project_file.write_text(usual, "utf-8")
    other = deployment.folder / "conf" / f"Pulumi.{STACK}.yaml"
    other.write_text(
        other.read_text("utf-8").replace(
            "kong-oam:cloud: local", "kong-oam:cloud: aws"
        ),
        "utf-8",
    )
    assert (
        "Kong-OAM: stack 'local': kong-oam:cloud: differs from stacks/Pulumi.local.yaml"
        in output("--config-file", str(other))
    )
