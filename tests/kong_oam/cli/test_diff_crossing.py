"""`diff OLD NEW --crossing`: who of OLD may call what NEW adds, and the reverse."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.projects import GIT, replace_once
from tests.support.two_companies import write_companies

BOTH = Path("both/applications/acme.yaml")


@pytest.fixture(autouse=True)
def merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    """The project `ours`, and the project `both` with the Applications of a second company."""
    monkeypatch.chdir(tmp_path)
    write_companies(tmp_path, "ours", "acme")
    stack = Path("acme/stacks/Pulumi.local.yaml")
    # Both have one provider, and the second company has no external component and no peer.
    for old, new in (
        ("login.acme", "login.ours"),
        ("id: job", "id: job2"),
        ("id: web", "id: web2"),
    ):
        replace_once(stack, old, new)
    application = Path("acme/applications/shop.yaml")
    text = application.read_text("utf-8").partition("    - name: crm")[0]
    application.write_text(text.replace(", peers: [prometheus]", ""), "utf-8")
    text = stack.read_text("utf-8")
    upstreams = text.index("    upstreams:")
    providers = text.index("  kong-oam:identityProviders:")
    stack.write_text(text[:upstreams] + text[providers:], "utf-8")
    cli("merge", "ours", "acme", "-o", "merge.patch", status=1)
    git = ["git", "apply", "../merge.patch"]
    subprocess.run(git, cwd="acme", check=True, env=GIT, timeout=60)
    shutil.copytree("ours", "both")
    shutil.copy(application, BOTH)
    clients = "        shop/job: {id: job,"
    added = (
        "        acme-shop/job: {id: job2, secret: {name: job, key: secret}}\n"
        "        acme-shop/web: {id: web2, secret: {name: web, key: secret}}\n"
    )
    replace_once(
        Path("both/stacks/Pulumi.local.yaml"), clients, added + clients
    )
    replace_once(
        Path("both/stacks/Pulumi.local.yaml"),
        "kong-oam:knownGroups: [sales]",
        "kong-oam:knownGroups: [sales, acme-sales]",
    )


def test_nothing_crosses_after_a_merge_with_renames(cli: Cli) -> None:
    """An empty answer has status 0."""
    assert cli("diff", "ours", "both", "--crossing", "--exit-code") == ""
    assert cli.json("diff", "ours", "both", "--crossing", "--json") == {
        "calls": [],
        "groups": [],
        "connections": [],
    }


def test_calls_groups_and_connections_are_listed(cli: Cli) -> None:
    """Each caller of one company has a line for each endpoint of the other."""
    replace_once(BOTH, "acme-shop/job]\n", "acme-shop/job, shop/job]\n")
    replace_once(BOTH, '"acme-sales"', '"sales"')
    replace_once(BOTH, "components: [acme-shop/job]", "components: [shop/job]")
    replace_once(
        Path("both/applications/shop.yaml"),
        "calls: [{component: shop/api, scopes: [read]}]",
        "calls: [{component: shop/api, scopes: [read]}, {component: acme-shop/api, scopes: [acme.read]}]",
    )
    printed = cli("diff", "ours", "both", "--crossing")
    assert [line.split("  ")[0] for line in printed.splitlines()] == [
        "CROSSING",
        "call",
        "group",
        "connection",
    ]
    assert printed.splitlines()[1].split() == [
        "call", "shop/job", "acme-shop/api", "*", "http://shop.acme.example/",
    ]  # fmt: skip
    assert "sales of corp  shop/api and acme-shop/api" in printed
    assert "port 9090 inside the cluster" in printed
    found = cli.json(
        "diff", "ours", "both", "--crossing", "--json", "--exit-code", status=1
    )
    assert [call["client"] for call in found["calls"]] == ["shop/job"]
    (group,) = found["groups"]
    assert group["components"] == {"old": ["shop/api"], "others": ["acme-shop/api"]}  # fmt: skip
    (connection,) = found["connections"]
    assert (connection["caller"], connection["component"]) == (
        "shop/job",
        "acme-shop/api",
    )


@pytest.mark.parametrize("option", ["--markdown", "--sarif=x"])
def test_crossing_has_no_other_format(option: str, cli: Cli) -> None:
    """Only a table and JSON."""
    printed = cli.usage("diff", "ours", "both", "--crossing", option)
    assert "leave --markdown and --sarif out" in printed
