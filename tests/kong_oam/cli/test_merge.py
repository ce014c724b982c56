"""`python -m kong_oam merge`: the collisions that it lists, and the patch that it writes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli
from tests.support.projects import GIT, replace_once
from tests.support.two_companies import write_companies

APPLICATION = Path("acme/applications/shop.yaml")
STACK = Path("acme/stacks/Pulumi.local.yaml")


@pytest.fixture(autouse=True)
def companies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The projects of two companies, in folders of the working directory."""
    monkeypatch.chdir(tmp_path)
    write_companies(tmp_path, "ours", "acme")


def apply(patch: str = "../merge.patch") -> None:
    """Apply the patch in the folder of the second company."""
    git = ["git", "apply", patch]
    subprocess.run(git, cwd="acme", check=True, env=GIT, timeout=60)


def found(report: Any) -> list[tuple[str, str, str | None]]:
    return [
        (each["kind"], each["name"], each["new"])
        for each in report["collisions"]
    ]


def test_all_collisions_are_listed_at_once(cli: Cli) -> None:
    """Each has its name in B after the patch, and its place in both estates."""
    report = cli.json("merge", "ours", "acme", "--json", status=1)
    assert found(report) == [
        ("application", "shop", "acme-shop"),
        ("namespace", "default", "acme-default"),
        ("identity provider", "corp", "acme-corp"),
        ("group", "sales", "acme-sales"),
        ("peer", "prometheus", "acme-prometheus"),
        ("setting", "default domain", "acme.example, written out for 1 component(s)"),
        ("setting", "default provider", "acme-corp, written out for 3 component(s)"),
        ("upstream", "shop/crm", "acme-shop/crm"),
    ]  # fmt: skip
    assert report["findings"] == []
    group = report["collisions"][3]
    assert group["a"] == {"file": "ours/applications/shop.yaml", "line": 23, "column": 26}  # fmt: skip
    assert group["b"] == {"file": "acme/applications/shop.yaml", "line": 23, "column": 26}  # fmt: skip


def test_the_patch_renames_names_and_their_references(cli: Cli) -> None:
    """`git apply` takes it in B's folder. Comments and styles stay, and a second run finds
    nothing."""
    cli("merge", "ours", "acme", "-o", "merge.patch", status=1)
    apply()
    assert cli("merge", "ours", "acme") == "no collision\n"
    text = APPLICATION.read_text("utf-8")
    for line in (
        "metadata: {name: acme-shop, namespace: acme-default}",
        "rules: [{scopes: [read]}]   # all of them",
        'groups: ["acme-sales"]',
        "components: [acme-shop/web, acme-shop/job]",
        "{port: 9090, components: [acme-shop/job], peers: [acme-prometheus]}",
        "calls: [{component: acme-shop/api, scopes: [read]}]",
        "- component: acme-shop/api",
        "properties: {http: {/: 3000}, domain: web-shop.acme.example}",
        '"http://db.acme-default.svc:5432/default"',
        "identityProvider: acme-corp",
    ):
        assert line in text
    settings = STACK.read_text("utf-8")
    for line in (
        "- name: acme-corp",
        "acme-shop/job: {id: job",
        "acme-shop/crm: {host: crm.acme.test",
        "kong-oam:knownGroups: [acme-sales]",
        "acme-prometheus: {namespace: monitoring",
        "groups: {acme-sales: sales}",
    ):
        assert line in settings


def test_the_second_estate_stays_the_same_under_its_new_names(
    cli: Cli,
) -> None:
    """On its own stack, `diff` prints each caller once under the old name and once under the new
    name. Users keep their groups at the provider."""
    subprocess.run(["cp", "-r", "acme", "before"], check=True, timeout=60)
    cli("merge", "ours", "acme", "-o", "merge.patch", status=1)
    apply()
    changes = cli.json("diff", "before", "acme", "--json")["changes"]
    callers: dict[str, list[Any]] = {}
    for change in changes:
        text = json.dumps([change["for"], change.get("site")])
        callers.setdefault(change["kind"], []).append(text)
    assert callers.keys() == {"granted", "revoked", "answered by"}
    granted = [text.replace("acme-", "") for text in callers["granted"]]
    assert sorted(granted) == [
        text.replace("acme-", "") for text in sorted(callers["revoked"])
    ]
    assert '"usersIn": [["sales"]]' in "".join(granted)


def test_groups_are_different_unless_they_are_declared_equal(cli: Cli) -> None:
    """The group `sales` of two companies keeps its name only with --same-group."""
    report = cli.json(
        "merge", "ours", "acme", "--same-group", "sales", "--json", status=1
    )
    assert [name for kind, name, _ in found(report) if kind == "group"] == []


def test_a_group_with_the_name_of_another_group_at_the_provider_is_renamed(
    cli: Cli,
) -> None:
    """`ours` maps `europe` to `sales`, so `sales` of B would be the same group. A new name is no
    name at the provider either."""
    replace_once(STACK, "login.acme", "login.ours")
    ours = Path("ours/applications/shop.yaml")
    replace_once(ours, '"sales"', "europe")
    replace_once(
        Path("ours/stacks/Pulumi.local.yaml"),
        "      audience: api://shop\n",
        "      audience: api://shop\n      groups: {europe: sales}\n",
    )
    replace_once(
        STACK,
        "      audience: api://shop\n",
        "      audience: api://shop\n      groups: {desk: acme-sales}\n",
    )
    report = cli.json("merge", "ours", "acme", "--json", status=1)
    assert ("group", "sales", "acme-sales-2") in found(report)
    assert report["crossing"]["groups"] == []


def test_a_group_that_both_map_to_one_group_crosses(cli: Cli) -> None:
    """A new logical name does not help: the provider has one group, so its owners decide."""
    replace_once(STACK, "login.acme", "login.ours")
    for company in ("ours", "acme"):
        replace_once(
            Path(company) / "stacks/Pulumi.local.yaml",
            "      audience: api://shop\n",
            "      audience: api://shop\n      groups: {sales: everybody}\n",
        )
    report = cli.json("merge", "ours", "acme", "--json", status=1)
    (group,) = report["crossing"]["groups"]
    assert group["group"] == "everybody"


def test_groups_equal_by_declaration_need_one_name_at_the_provider(
    cli: Cli,
) -> None:
    """Two names are listed, with both places."""
    replace_once(STACK, "login.acme", "login.ours")
    for company, name in (("ours", "one"), ("acme", "two")):
        replace_once(
            Path(company) / "stacks/Pulumi.local.yaml",
            "      audience: api://shop\n",
            f"      audience: api://shop\n      groups: {{sales: {name}}}\n",
        )
    arguments = ("merge", "ours", "acme", "--same-group", "sales", "--json")
    report = cli.json(*arguments, status=1)
    (row,) = [each for each in report["collisions"] if each["kind"] == "group"]
    assert row["remedy"] == "it has another name at the provider; keep one"
    assert row["b"] == {"file": str(STACK), "line": 20, "column": 23}


def test_a_namespace_may_be_shared(cli: Cli) -> None:
    """Then objects of one name collide, which no rename of the patch resolves."""
    arguments = ("merge", "ours", "acme", "--same-namespace", "default")
    report = cli.json(*arguments, "--json", status=1)
    assert ("namespace", "default") not in [row[:2] for row in found(report)]
    codes = {finding["code"] for finding in report["findings"]}
    assert codes == {"ACC227", "OAM107"}


def test_a_shared_host_and_path_are_listed_with_both_places(cli: Cli) -> None:
    """No rename resolves them. Other problems are listed too. A line is the line before the
    patch, which adds a line above."""
    replace_once(
        APPLICATION, "metadata: {name: shop}", "metadata:\n  name: shop"
    )
    replace_once(APPLICATION, "domain: shop.acme", "domain: shop.ours")
    printed = cli("merge", "ours", "acme", status=1)
    assert (
        "acme/applications/shop.yaml:15:58: error ACC205: shop.ours.example/ already belongs to "
        "'shop/api' (ours/applications/shop.yaml:14:58); use another host or path\n"
        "   15 |           properties: {domain: shop.ours.example, http: {/: 8080}}\n"
    ) in printed
    assert printed.endswith(
        "8 collision(s) for the patch (-o FILE writes it), 1 by hand\n"
    )


def test_scopes_collide_at_a_shared_provider(cli: Cli) -> None:
    """One issuer has each scope once. The rename reaches rules, roles and calls, and clients with
    one id are listed."""
    replace_once(STACK, "login.acme", "login.ours")
    report = cli.json(
        "merge", "ours", "acme", "-o", "merge.patch", "--json", status=1
    )
    assert ("scope", "read", "acme.read") in found(report)
    by_hand = [row[:2] for row in found(report) if row[2] is None]
    assert by_hand == [("client", "job"), ("client", "web")]
    apply()
    text = APPLICATION.read_text("utf-8")
    assert text.count("acme.read") == 5
    assert "identityProvider" not in text
    assert "groups:" not in STACK.read_text("utf-8")


def test_any_token_crosses_at_a_shared_provider(cli: Cli) -> None:
    """A component without scopes accepts tokens of both estates, so `merge` lists its callers."""
    replace_once(STACK, "login.acme", "login.ours")
    replace_once(STACK, "id: job", "id: job2")
    replace_once(STACK, "id: web", "id: web2")
    access = "        - type: access\n          properties: {owner: team, rules: [{public: {reason: pages}}]}\n"
    text = APPLICATION.read_text("utf-8")
    head, tail = text.rsplit(access, 1)
    APPLICATION.write_text(head + tail, "utf-8")
    report = cli.json("merge", "ours", "acme", "--json", status=1)
    calls = report["crossing"]["calls"]
    assert [(call["client"], call["component"]) for call in calls] == [
        ("shop/job", "acme-shop/crm"),
        ("shop/web", "acme-shop/crm"),
    ]


def test_a_host_that_a_suffix_would_change_is_listed(cli: Cli) -> None:
    """A suffix of the other stack also applies to B's Applications, so B would get another host."""
    stack = Path("ours/stacks/Pulumi.local.yaml")
    replace_once(
        stack,
        "{default: ours.example}",
        "{default: ours.example, suffixes: {acme.example: elsewhere.example}}",
    )
    report = cli.json("merge", "ours", "acme", "--json", status=1)
    rows = [each for each in report["collisions"] if not each["new"]]
    assert [(row["kind"], row["name"]) for row in rows] == [
        ("host", "shop.acme.example"),
        ("host", "web-shop.acme.example"),
        ("host", "crm.acme.example"),
    ]


def test_an_error_with_the_settings_of_both_is_listed(cli: Cli) -> None:
    """A suffix of the other stack makes the address of a server a host of the gateway."""
    replace_once(
        Path("ours/stacks/Pulumi.local.yaml"),
        "{default: ours.example}",
        "{default: ours.example, suffixes: {acme.example: acme.test}}",
    )
    report = cli.json("merge", "ours", "acme", "--json", status=1)
    assert [each["code"] for each in report["findings"]] == ["ACC272"]


def test_a_suffix_of_b_keeps_its_hosts(cli: Cli) -> None:
    """It belongs to the settings that are copied."""
    replace_once(
        STACK,
        "{default: acme.example}",
        "{default: acme.example, suffixes: {shop.acme.example: b.example}}",
    )
    report = cli.json("merge", "ours", "acme", "--json", status=1)
    assert [row for row in report["collisions"] if not row["new"]] == []


def test_settings_with_two_values_are_listed(cli: Cli) -> None:
    """The remedy is a choice of the owners."""
    for company, registry in (("ours", "a.test"), ("acme", "b.test")):
        replace_once(
            Path(company) / "stacks/Pulumi.local.yaml",
            "config:\n",
            f"config:\n  kong-oam:images: {{registry.example.com: {registry}}}\n",
        )
    report = cli.json("merge", "ours", "acme", "--json", status=1)
    (row,) = [each for each in report["collisions"] if not each["new"]]
    assert row["name"] == "images.registry.example.com"
    assert row["remedy"] == "its value differs; keep one"
    assert row["b"]["line"] == 2


def test_a_partition_gets_another_name_and_its_file_too(cli: Cli) -> None:
    """The stack's file of a partition has the partition's name."""
    for company in ("ours", "acme"):
        folder = Path(company) / "stacks"
        replace_once(
            folder / "Pulumi.local.yaml",
            "config:\n",
            "config:\n  kong-oam:partitions: {main: [default]}\n",
        )
        (folder / "Pulumi.local-main.yaml").write_text(
            "config:\n  kong-oam:estate: local\n", "utf-8"
        )
    arguments = ("merge", "ours", "acme")
    report = cli.json(*arguments, "-o", "merge.patch", "--json", status=1)
    assert ("partition", "main", "acme-main") in found(report)
    apply()
    assert "{acme-main: [acme-default]}" in STACK.read_text("utf-8")
    assert Path("acme/stacks/Pulumi.local-acme-main.yaml").is_file()
    assert cli(*arguments) == "no collision\n"


def test_types_of_one_name_are_listed(cli: Cli) -> None:
    """Two definitions of one type cannot be in one project."""
    for company, port in (("ours", 1), ("acme", 2)):
        file = Path(company) / "definitions/retries.yaml"
        file.parent.mkdir()
        file.write_text(
            "apiVersion: core.oam.dev/v1beta1\nkind: TraitDefinition\nmetadata: {name: retries}\n"
            f"spec: {{schematic: {{cue: {{template: 'parameter: {{count: *{port} | int}}'}}}}}}\n",
            "utf-8",
        )
    report = cli.json("merge", "ours", "acme", "--json", status=1)
    assert ("definition", "TraitDefinition retries", None) in found(report)


def test_applications_without_a_stack_have_the_settings_of_the_other_estate(
    cli: Cli,
) -> None:
    """Only names in Applications collide then, and names in the patch are relative to the
    folder."""
    STACK.unlink()
    STACK.parent.rmdir()
    report = cli.json(
        "merge", "ours", "acme", "-o", "merge.patch", "--json", status=1
    )
    assert {kind for kind, _, _ in found(report)} == {
        "application",
        "namespace",
        "group",
        "scope",
        "host",
    }
    assert ("host", "web-shop.ours.example", "web-acme-shop.ours.example") in found(report)  # fmt: skip
    patch = Path("merge.patch").read_text("utf-8")
    assert patch.startswith("--- a/applications/shop.yaml\n")
    assert {finding["code"] for finding in report["findings"]} == {"ACC271"}


@pytest.mark.parametrize("company", ["ours", "acme"])
def test_a_stack_does_not_collide_with_itself(company: str, cli: Cli) -> None:
    """If one estate has no stack, both have the same settings. Only names in Applications differ
    then."""
    stack = Path(company) / "stacks/Pulumi.local.yaml"
    stack.unlink()
    stack.parent.rmdir()
    (other,) = {"ours", "acme"} - {company}
    replace_once(
        Path(other) / "stacks/Pulumi.local.yaml",
        "      audience: api://shop\n",
        "      audience: api://shop\n      groups: {desk: Desk}\n",
    )
    for name in ("ours", "acme"):
        file = Path(name) / "applications/shop.yaml"
        text = file.read_text("utf-8").replace("api://", "")
        file.write_text(text.partition("    - name: crm")[0], "utf-8")
    stack = Path(other) / "stacks/Pulumi.local.yaml"
    text = stack.read_text("utf-8")
    start = text.index("    upstreams:")
    end = text.index("  kong-oam:identityProviders:")
    stack.write_text(text[:start] + text[end:], "utf-8")
    cli("merge", "ours", "acme", "-o", "merge.patch", status=1)
    apply()
    report = cli.json("merge", "ours", "acme", "--json")
    assert report["collisions"] == report["findings"] == []


def test_a_file_that_no_patch_can_hold_is_named(cli: Cli) -> None:
    """A patch with a part of the renames would break references, so none is written."""
    replace_once(APPLICATION, "owner: team\n", "owner: &team team\n")
    replace_once(APPLICATION, 'groups: ["sales"]', "groups: [sales, *team]")
    printed = cli("merge", "ours", "acme", "-o", "merge.patch", status=1)
    (row,) = [line for line in printed.splitlines() if "by hand: " in line]
    assert row.split()[:2] == ["file", "acme/applications/shop.yaml"]
    assert not Path("merge.patch").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ours", "none"), "B (none): no such file or folder"),
        (("ours", "acme", "--prefix", "A--b"), "--prefix 'A--b' cannot begin a name"),
        (("ours", "acme", "--stack", "lokal"), "A (ours): no stack 'lokal' in ours/stacks; did you mean 'local'?"),
        (("ours", "acme", "--stack-of-b", "prod"), "B (acme): no stack 'prod' in acme/stacks; known: local"),
    ],
)  # fmt: skip
def test_wrong_usage_has_one_message(
    arguments: tuple[str, ...], message: str, cli: Cli
) -> None:
    """The message names the operand."""
    assert message in cli.usage("merge", *arguments)


def test_an_unusable_estate_is_named(cli: Cli) -> None:
    """All its errors are listed, and no collision is."""
    replace_once(APPLICATION, "scopes: {read: Read}", "scopes: {}")
    printed = cli.usage("merge", "ours", "acme")
    assert printed.startswith("acme/applications/shop.yaml:")
    summary = printed.splitlines()[-1]
    assert summary.startswith("B (acme): ")
    assert summary.endswith("error(s): these Applications cannot be deployed")


def test_the_same_input_gives_the_same_patch(cli: Cli) -> None:
    """Byte for byte."""
    for name in ("first", "second"):
        cli("merge", "ours", "acme", "-o", name, status=1)
    assert Path("first").read_bytes() == Path("second").read_bytes()
    assert json.dumps(Path("first").read_text("utf-8"))
