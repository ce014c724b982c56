"""`verify` after a real `pulumi up`: no findings, then findings after manual changes, and no
findings after the repair."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kong_oam.__main__ import main
from sandbox.local import STACK
from tests.support.drifts import DRIFTS, EXPECTED, READERS, WRITERS
from tests.support.engine.deployment import Deployment
from tests.support.streams import Capsys
from tests.support.tiers import deep_after
from tests.support.verified_gateway import Hands


@pytest.fixture
def deployment(deployed: Deployment) -> Deployment:
    """The sample estate, with the stack's outputs in a file of its folder."""
    outputs = deployed.pulumi("stack", "output", "-s", STACK, "--json").stdout
    (deployed.folder / "outputs.json").write_text(outputs, "utf-8")
    return deployed


@pytest.fixture(autouse=True)
def in_the_project(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a user's shell is: in the project's folder, with the stack's environment."""
    monkeypatch.chdir(deployment.folder)
    for name in os.environ:
        monkeypatch.delenv(name)
    for name, value in deployment.local.env.items():
        monkeypatch.setenv(name, value)


def _hands(deployment: Deployment) -> Hands:
    return Hands(
        deployment.local.kong.admin_url,
        deployment.local.env["KONG_ADMIN_TOKEN"],
    )


def _pem() -> str:
    key = rsa.generate_private_key(
        public_exponent=65537, key_size=2048
    ).public_key()
    return key.public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    ).decode()


def test_verify_finds_nothing_after_an_up(
    capsys: Capsys,
) -> None:
    """With the outputs from the CLI."""
    assert main(["verify", "--stack", STACK]) == 0
    assert capsys.readouterr().out == (
        "6 exposed component(s): the Kong of stack 'local' enforces the Applications\n"
        "38 object(s) of the cluster match the last run of 'local'\n"
    )


@pytest.mark.parametrize(
    "name",
    [
        "no anonymous on jwt",
        "a changed role",
        "a service to our workload",
        "a gate of somebody's on our route",
        "the upstream removed",
        "others beside us",
    ],
)
def test_a_change_by_hand_on_a_stack_that_is_up(
    deployment: Deployment, capsys: Capsys, name: str
) -> None:
    """The findings are as in the tests without the engine: the program's entities are the intended
    entities."""
    ask = ["verify", "--only", "gateway", "--outputs", "outputs.json", "--json"]
    with _hands(deployment) as hands:
        DRIFTS[name](hands, _pem())
        status = main(ask)
        found = json.loads(capsys.readouterr().out)["findings"]
    reported = []
    for finding in found:
        reported.append(f"{finding['kind']}: ")
        reported += [
            f"  {', '.join(c['callers'])} | {_shown(c['methods'])} | {' '.join(c['urls'])}"
            for c in finding["calls"]
        ]
    expected = [
        line.partition(": ")[0] + ": " if line[0] != " " else line
        for line in EXPECTED[name]
    ]
    assert (status, reported) == (1 if expected else 0, expected)
    status = main(ask)
    answer = json.loads(capsys.readouterr().out)
    assert (status, answer) == (0, {"findings": [], "known": []})


REPAIRED = [
    (
        "another workload",
        "a target of our upstream",
        "a changed role",
        "a service to our workload",
    ),
    (
        "the upstream removed",
        "the version before, and no gate",
        "admission disabled",
    ),
    (
        "a disabled service at another path",
        "a route without hosts and methods",
        "no anonymous on jwt",
    ),
    (
        "TLS to the workload",
        "names of TLS that our route asks for",
        "a gate changed in every way",
    ),
    (
        "another path",
        "a header and a priority",
        "a route for streams",
        "our gate on a route alone",
    ),
    (
        "a route without a service for a header",
        "a ring under another name",
        "a service without a name",
    ),
    (
        "a retargeted route",
        "our gate made global",
        "tokens from the query",
        "a service under another name",
    ),
    (
        "a header that our route asks for",
        "another issuer of the ring",
        "a route on our service",
    ),
    (
        "a key moved to another consumer",
        "a route under another name",
        "an instance of its own",
    ),
    (
        "a key under another id",
        "a service with a path as good as none",
        "a gate that no request meets",
    ),
    (
        "a disabled service",
        "fewer methods",
        "jwt disabled",
        "a route that shadows ours",
    ),
]
"""Make all manual changes at once."""


@pytest.mark.parametrize(
    ("names",),
    deep_after(1, ((names,) for names in REPAIRED)),
    ids=" and ".join,
)
def test_the_remedies_of_verify_repair_the_stack(
    deployment: Deployment,
    capsys: Capsys,
    names: tuple[str, ...],
) -> None:
    """Just by the commands that are printed."""
    with _hands(deployment) as hands:
        for name in names:
            DRIFTS[name](hands, _pem())
        assert (
            main(["verify", "--only", "gateway", "--outputs", "outputs.json"])
            == 1
        )
        prefix, up = "    to do: ", f"pulumi up -s {STACK} --refresh"
        commands = [
            line.removeprefix(prefix)
            for line in capsys.readouterr().out.splitlines()
            if line.startswith(prefix)
        ]
        # In their order. The first of repeated requests is sent, and the last of repeated runs is
        # started: it recreates the objects that a request removed.
        for at, command in enumerate(commands):
            if command in (
                commands[at + 1 :] if command.endswith(up) else commands[:at]
            ):
                continue
            for part in command.split(" && "):
                if part == up:
                    deployment.run("up", "--refresh")
                else:
                    hands.run(part)
        hands.keep()
    assert (
        main(["verify", "--only", "gateway", "--outputs", "outputs.json"]) == 0
    ), (
        commands,
        capsys.readouterr().out,
    )


def _shown(methods: list[str]) -> str:
    listed = [method for method in methods if method != "PROPFIND"]
    return "*" if len(listed) == 7 else ",".join(listed)


def test_a_key_ring_of_another_issuer_denies_every_call(
    deployment: Deployment, capsys: Capsys
) -> None:
    """The stack creates the issuer, so the gates know it from the key ring: the finding has the
    problem and the remedy."""
    with _hands(deployment) as hands:
        ring = hands.find("consumers", username="kong-oam.local.ring.okta")
        hands.change("consumers", ring, custom_id="https://else.example.com")
        assert (
            main(["verify", "--only", "gateway", "--outputs", "outputs.json"])
            == 1
        )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(
        "closed: consumer 'kong-oam.local.ring.okta': custom_id is \"https://else.example.com\", not"
    )
    assert [
        "    GET,HEAD http://orders.example.com/orders",
        f"        can no longer be called by {READERS}",
    ] == [
        line
        for line in lines
        if "orders.example.com/orders" in line or line.endswith(READERS)
    ][:2]
    assert f"        can no longer be called by {WRITERS}" in lines
    assert "    to do: pulumi up -s local --refresh" in lines


def test_a_key_that_is_swapped_is_both_findings(
    deployment: Deployment, capsys: Capsys
) -> None:
    """Under the issuer's own key id, a stranger's key allows its holder, and denies the issuer's
    tokens."""
    with _hands(deployment) as hands:
        (server,) = deployment.local.okta.objects("authorizationServers")
        signing = server["credentials"]["signing"]["kid"]
        (own,) = (
            entity
            for entity in deployment.local.kong.entities("jwt_secrets")
            if entity["key"] == signing
        )
        consumer = own["consumer"]["id"]
        hands.change(f"consumers/{consumer}/jwt", own, rsa_public_key=_pem())
        assert (
            main(
                [
                    "verify",
                    "--only",
                    "gateway",
                    "--outputs",
                    "outputs.json",
                    "--json",
                ]
            )
            == 1
        )
        found = json.loads(capsys.readouterr().out)["findings"]
    assert [finding["kind"] for finding in found] == ["opened", "closed"]
    assert found[0]["calls"][0]["callers"] == [
        f"the holder of the key of credential '{own['key']}'"
    ]
    assert {
        reason["text"] for finding in found for reason in finding["reasons"]
    } == {f"credential '{own['key']}': its public key is not the issuer's"}


def test_an_unreadable_gateway_is_no_finding(
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capsys,
) -> None:
    """Exit status 2 and a remedy: Kong rejects the request or does not answer, outputs are
    incomplete, the stack is missing."""
    Path("none.json").write_text("{}", "utf-8")
    outputs = json.loads(Path("outputs.json").read_text("utf-8"))
    outputs["upstreams"] = {
        name: item
        for name, item in outputs["upstreams"].items()
        if ".orders." not in name
    }
    Path("before.json").write_text(json.dumps(outputs), "utf-8")
    messages = []
    for arguments, variable, value in (
        (["--outputs", "outputs.json"], "KONG_ADMIN_TOKEN", "wrong"),
        (
            ["--outputs", "outputs.json"],
            "KONG_ADMIN_ADDR",
            "http://127.0.0.1:1",
        ),
        (
            ["--outputs", "none.json"],
            "KONG_ADMIN_ADDR",
            deployment.local.kong.admin_url,
        ),
        (
            ["--outputs", "before.json"],
            "KONG_ADMIN_ADDR",
            deployment.local.kong.admin_url,
        ),
        (
            ["--outputs", "absent.json"],
            "KONG_ADMIN_ADDR",
            deployment.local.kong.admin_url,
        ),
        ([], "PULUMI_BACKEND_URL", "file:///nowhere"),
    ):
        with monkeypatch.context() as patched:
            patched.setenv(variable, value)
            assert main(["verify", *arguments]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        messages.append(captured.err)
    assert "rejects the credentials (401)" in messages[0]
    assert "does not answer" in messages[1]
    assert (
        messages[2]
        == "the outputs of stack 'local' lack 'keySlots'; run `pulumi up -s local` once\n"
    )
    assert messages[3] == (
        "'local' has never deployed orders/api, which the Applications here expose; run `pulumi up -s "
        "local`, or verify with the deployed Applications\n"
    )
    assert "absent.json" in messages[4]
    assert messages[5].startswith("`pulumi stack output` failed: ")
