"""Lint: what is found, and that the suggested diff mends just that."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kong_oam.access.lint.finding import LintFinding
from tests.support.lint_estates import (
    STYLES,
    Data,
    access_of,
    answers,
    changed,
    files_of,
    linted,
)

Change = Callable[[Data, Data], None]


def unchanged(orders: Data, shop: Data) -> None:
    pass


def idle_viewer(orders: Data, shop: Data) -> None:
    access_of(orders)["roles"]["viewer"]["components"].insert(1, "shop/idle")


def last_viewer(orders: Data, shop: Data) -> None:
    access_of(orders)["roles"]["viewer"]["components"].append("shop/idle")


def writer_alone(orders: Data, shop: Data) -> None:
    access_of(orders)["roles"]["writer"] = {
        "scopes": ["write"],
        "components": ["shop/job"],
    }


def writer_beside_a_group(orders: Data, shop: Data) -> None:
    access_of(orders)["roles"]["writer"] = {
        "scopes": ["write"],
        "components": ["shop/job"],
        "groups": ["desk"],
    }


def empty_role(orders: Data, shop: Data) -> None:
    access_of(orders)["roles"] = {"nobody": {"scopes": ["read"]}} | access_of(
        orders
    )["roles"]


def only_role(orders: Data, shop: Data) -> None:
    access_of(shop, 2)["scopes"] = {"pages": "Pages"}
    access_of(shop, 2)["rules"].append(
        {"paths": ["/in"], "methods": ["GET"], "scopes": ["pages"]}
    )
    access_of(shop, 2)["roles"] = {"nobody": {"scopes": ["pages"]}}


def idle_scope(orders: Data, shop: Data) -> None:
    access_of(orders)["scopes"]["audit"] = "Read who did what"


def only_scope(orders: Data, shop: Data) -> None:
    access_of(shop, 2)["scopes"] = {"audit": "Read who did what"}


def bundled_scope(orders: Data, shop: Data) -> None:
    idle_scope(orders, shop)
    access_of(orders)["roles"]["editor"]["scopes"].append("audit")


def stricter_rule(orders: Data, shop: Data) -> None:
    access_of(orders)["rules"].insert(
        0,
        {
            "paths": ["/orders"],
            "methods": ["GET", "PUT"],
            "scopes": ["write", "read"],
        },
    )


def stricter_rule_with_a_scope_of_its_own(orders: Data, shop: Data) -> None:
    idle_scope(orders, shop)
    access_of(orders)["rules"].append(
        {"paths": ["/orders"], "methods": ["GET"], "scopes": ["read", "audit"]}
    )


def same_rule(orders: Data, shop: Data) -> None:
    access_of(orders)["rules"].append(
        {"paths": ["/orders"], "methods": ["GET"], "scopes": ["read"]}
    )


def repeated_rule(orders: Data, shop: Data) -> None:
    access_of(orders)["rules"].append(
        {"paths": ["/orders"], "methods": ["HEAD"], "scopes": ["read"]}
    )


def stricter_path(orders: Data, shop: Data) -> None:
    rule = {
        "paths": ["/orders/x", "/orders"],
        "methods": ["GET"],
        "scopes": ["read", "write"],
    }
    access_of(orders)["rules"].append(rule)


def repeated_public_rule(orders: Data, shop: Data) -> None:
    access_of(shop, 2)["rules"].append(
        {
            "methods": ["POST", "GET"],
            "public": {"reason": "again", "until": "2027-01-01"},
        }
    )


def longer_gateway_path(orders: Data, shop: Data) -> None:
    access_of(orders)["rules"].append(
        {"paths": ["/orders/v1"], "methods": ["GET"], "scopes": ["write"]}
    )
    shop["spec"]["components"][2]["traits"].append(
        {
            "type": "gateway",
            "properties": {
                "name": "v1",
                "domain": "orders.example.com",
                "http": {"/orders/v1": 80},
            },
        }
    )


def public_for_all_methods(orders: Data, shop: Data) -> None:
    del access_of(shop, 2)["rules"][0]["methods"]


def public_root_beside_protected_paths(orders: Data, shop: Data) -> None:
    access_of(shop, 2)["scopes"] = {"admin": "Administer"}
    access_of(shop, 2)["rules"].append(
        {"paths": ["/admin"], "scopes": ["admin"]}
    )


def public_for_ever(orders: Data, shop: Data) -> None:
    del access_of(shop, 2)["rules"][0]["public"]["until"]


def public_too_long(orders: Data, shop: Data) -> None:
    access_of(shop, 2)["rules"][0]["public"]["until"] = "2026-11-24"


def role_without_a_way_in(orders: Data, shop: Data) -> None:
    access_of(orders)["scopes"]["audit"] = "Read who did what"
    access_of(orders)["rules"].append(
        {"paths": ["/orders/audit"], "methods": ["GET"], "scopes": ["audit"]}
    )
    access_of(orders)["roles"]["auditor"] = {
        "scopes": ["audit"],
        "groups": ["audit"],
    }


def no_client_for_users(orders: Data, shop: Data) -> None:
    shop["spec"]["components"][2]["traits"].pop()
    for role in access_of(orders)["roles"].values():
        role["components"].remove("shop/web")


def no_owner(orders: Data, shop: Data) -> None:
    del shop["metadata"]["annotations"]


def no_owner_at_all(orders: Data, shop: Data) -> None:
    del shop["metadata"]["annotations"]
    traits = shop["spec"]["components"][2]["traits"]
    traits[:] = [trait for trait in traits if trait["type"] == "gateway"]
    for role in access_of(orders)["roles"].values():
        role["components"] = [
            member for member in role["components"] if member != "shop/web"
        ]


def wider_rule(orders: Data, shop: Data) -> None:
    access_of(orders)["rules"].append(
        {"paths": ["/orders"], "methods": ["GET", "DELETE"], "scopes": ["read"]}
    )


def alternative_rule(orders: Data, shop: Data) -> None:
    access_of(orders)["rules"].append(
        {"paths": ["/orders"], "methods": ["GET"], "scopes": ["write"]}
    )


def rule_below(orders: Data, shop: Data) -> None:
    access_of(orders)["rules"].append(
        {"paths": ["/orders/x"], "methods": ["GET"], "scopes": ["read"]}
    )


def own_path_below_a_longer_gateway_path(orders: Data, shop: Data) -> None:
    longer_gateway_path(orders, shop)
    orders["spec"]["components"][0]["traits"][0]["properties"]["http"][
        "/orders/v1/own"
    ] = 8080


def waived(finding: str, until: str, *more: Change) -> Change:
    def change(orders: Data, shop: Data) -> None:
        for further in more:
            further(orders, shop)
        waiver = {"finding": finding, "reason": "known", "until": until}
        access_of(shop, 2).setdefault("waivers", []).append(waiver)

    return change


stale = waived("LINT306", "2027-01-01")
late = waived("LINT306", "2026-11-24", public_for_ever)

MENDED: list[tuple[Change, str, str]] = [
    (
        idle_viewer,
        "LINT301",
        "'shop/idle' holds role 'viewer', but asks for none of its scopes",
    ),
    (
        last_viewer,
        "LINT301",
        "'shop/idle' holds role 'viewer', but asks for none of its scopes",
    ),
    (
        writer_alone,
        "LINT301",
        "'shop/job' holds role 'writer', but asks for none of its scopes",
    ),
    (
        writer_beside_a_group,
        "LINT301",
        "'shop/job' holds role 'writer', but asks for none of its scopes",
    ),
    (empty_role, "LINT302", "no group and no component holds role 'nobody'"),
    (only_role, "LINT302", "no group and no component holds role 'nobody'"),
    (idle_scope, "LINT303", "no rule asks for scope 'audit'"),
    (only_scope, "LINT303", "no rule asks for scope 'audit'"),
    (
        stricter_rule,
        "LINT304",
        "never decides: GET, HEAD /orders needs no more than read (line N)",
    ),
    (
        stricter_rule_with_a_scope_of_its_own,
        "LINT304",
        "never decides: GET, HEAD /orders needs no more than read (line N)",
    ),
    (
        same_rule,
        "LINT304",
        "never decides: GET, HEAD /orders needs no more than read (line N)",
    ),
    (
        repeated_rule,
        "LINT304",
        "never decides: GET, HEAD /orders needs no more than read (line N)",
    ),
    (
        stricter_path,
        "LINT304",
        "never decides on /orders: GET, HEAD /orders needs no more than read (line N)",
    ),
    (
        repeated_public_rule,
        "LINT304",
        "never decides: GET, HEAD, POST / is public already (line N)",
    ),
    (
        late,
        "LINT309",
        "LINT306 was accepted until 2026-11-24 (known); today is 2026-11-25",
    ),
    (stale, "LINT310", "LINT306 is not found here, and waived (known)"),
    (
        waived("LINT305", "2020-01-01", late),
        "LINT310",
        "LINT305 is not found here, and waived (known)",
    ),
]
UNDECIDED: list[tuple[Change, str, str]] = [
    (bundled_scope, "LINT303", "no rule asks for scope 'audit'"),
    (longer_gateway_path, "LINT304", "never decides: requests for /orders/v1 go to 'shop/web'"),
    (public_for_all_methods, "LINT305", "names no methods, so that POST, PUT, PATCH, DELETE are public as well"),
    (public_root_beside_protected_paths, "LINT305", "names no paths, so that whatever no longer path protects is public, new paths included"),
    (public_for_ever, "LINT306", "public without an end date (pages)"),
    (public_too_long, "LINT307", "public until 2026-11-24 (pages), and still open on 2026-11-25"),
    (role_without_a_way_in, "LINT312", "role 'auditor' lets nobody in: no client that signs users in asks for 'audit'"),
    (no_client_for_users, "LINT312", "role 'editor' lets nobody in: no client that signs users in asks for 'read' or 'write'"),
    (no_owner, "LINT308", "nobody owns 'job', 'idle'"),
    (no_owner_at_all, "LINT308", "nobody owns 'job', 'idle', 'web'"),
]  # fmt: skip


def messages(findings: tuple[LintFinding, ...]) -> list[tuple[str, str]]:
    """Codes and messages, without the lines that some of them name."""
    return sorted(
        (finding.code, re.sub(r"\(line \d+\)", "(line N)", finding.message))
        for finding in findings
    )


@pytest.mark.parametrize("style", STYLES)
def test_an_estate_that_is_right_has_no_findings(style: str) -> None:
    """The one that every test below changes."""
    assert messages(linted(files_of(changed(unchanged), style))[1]) == []


@pytest.mark.parametrize(
    "change",
    [
        wider_rule,
        alternative_rule,
        rule_below,
        own_path_below_a_longer_gateway_path,
    ],
)
def test_a_rule_that_decides_something_is_no_finding(change: Change) -> None:
    """For one of its methods, for other callers, below another path, or where only some requests go elsewhere."""
    assert messages(linted(files_of(changed(change), "mixed"))[1]) == []


def test_a_role_that_a_group_holds_stays() -> None:
    """Only its unused component goes; without its only holder the whole role does."""
    texts = {}
    for change in (writer_alone, writer_beside_a_group):
        (finding,) = linted(files_of(changed(change), "mixed"))[1]
        assert finding.change
        texts[change] = finding.change() or ""
    assert "writer:" not in texts[writer_alone]
    assert (
        "writer:\n                scopes: [write]\n                groups: [desk]\n"
        in texts[writer_beside_a_group]
    )


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("change", "code", "message"), MENDED)
def test_the_suggested_diff_mends_the_finding_and_nothing_else(
    change: Change, code: str, message: str, style: str, tmp_path: Path
) -> None:
    """`patch -p0` and `git apply -p0` take it; then the finding is gone, the others and every answer stay as they were."""
    files = files_of(changed(change), style)
    estate, findings = linted(files)
    assert (code, message) in messages(findings)
    finding = next(
        finding
        for finding in findings
        if finding.code == code
        and re.sub(r"line \d+", "line N", finding.message) == message
    )
    diff = finding.suggestion()
    assert diff is not None
    patched = _applied(
        diff, files, tmp_path / "patch", "patch", "-p0", "--binary"
    )
    assert (
        _applied(diff, files, tmp_path / "git", "git", "apply", "-p0")
        == patched
    )
    after, unfixed = linted(patched)
    remaining = messages(findings)
    remaining.remove((code, message))
    assert messages(unfixed) == remaining
    assert answers(after) == answers(estate)
    if style == "commented":
        _only_whole_lines(files, patched)


def _applied(
    diff: str, files: dict[str, str], folder: Path, *command: str
) -> dict[str, str]:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())
    ran = subprocess.run(
        command,
        input=diff.encode(),
        cwd=folder,
        capture_output=True,
        timeout=30,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return {name: (folder / name).read_bytes().decode() for name in files}


def _only_whole_lines(before: dict[str, str], after: dict[str, str]) -> None:
    """Lines are taken away or put in; none is another than before, comments included."""
    for name, text in before.items():
        shorter, longer = sorted(
            (text.splitlines(), after[name].splitlines()), key=len
        )
        lines = iter(longer)
        assert all(line in lines for line in shorter)


@pytest.mark.parametrize("style", ["flow", "commented"])
@pytest.mark.parametrize(("change", "code", "message"), UNDECIDED)
def test_where_no_change_is_certain_none_is_suggested(
    change: Change, code: str, message: str, style: str
) -> None:
    """The finding says what to do in words."""
    _, findings = linted(files_of(changed(change), style))
    (finding,) = [
        finding
        for finding in findings
        if (finding.code, finding.message) == (code, message)
    ]
    assert finding.suggestion() is None
    assert finding.remedy


def test_a_finding_stands_where_it_is_written() -> None:
    """At the name in the role, not at the role."""
    _, (finding,) = linted(files_of(changed(idle_viewer), "flow"))
    text = files_of(changed(idle_viewer), "flow")["orders.yaml"]
    assert text[finding.position.column - 1 :].startswith("shop/idle")
    assert str(finding.diagnostic).startswith(
        f"orders.yaml:1:{finding.position.column}: warning LINT301: "
    )


def test_a_waived_finding_is_none_until_its_day_is_over() -> None:
    """The day itself included; afterwards both the finding and the waiver are findings."""
    in_time = waived("LINT306", "2026-11-25", public_for_ever)
    assert messages(linted(files_of(changed(in_time), "mixed"))[1]) == []
    assert [
        finding.code for finding in linted(files_of(changed(late), "mixed"))[1]
    ] == [
        "LINT306",
        "LINT309",
    ]


def test_a_waiver_is_for_its_own_component_and_code() -> None:
    """What is waived in one component is found in another."""

    def elsewhere(orders: Data, shop: Data) -> None:
        public_for_ever(orders, shop)
        waiver = {
            "finding": "LINT306",
            "reason": "known",
            "until": "2027-01-01",
        }
        access_of(orders)["waivers"] = [waiver]

    assert [
        finding.code
        for finding in linted(files_of(changed(elsewhere), "mixed"))[1]
    ] == [
        "LINT310",
        "LINT306",
    ]


def test_aliases_make_every_edit_uncertain() -> None:
    """One text stands for two places: nobody edits it by position."""
    files = files_of(changed(idle_scope), "mixed")
    first, remainder = files["orders.yaml"].split("[read]", 1)
    aliased = files | {
        "orders.yaml": f"{first}&r [read]{remainder.replace('[read]', '*r')}"
    }
    assert linted(files)[1][0].suggestion() is not None
    (finding,) = linted(aliased)[1]
    assert (finding.code, finding.suggestion()) == ("LINT303", None)


def test_a_reason_cannot_talk_to_the_terminal() -> None:
    """Control characters of a reason are spaces in a message, and a long one is cut."""

    def loud(orders: Data, shop: Data) -> None:
        access_of(shop, 2)["rules"][0]["public"] = {
            "reason": "\x1b[31mred\n" + "x" * 200
        }

    (finding,) = linted(files_of(changed(loud), "mixed"))[1]
    assert finding.message.startswith("public without an end date ([31mred xxx")
    assert finding.message.isprintable()
    assert len(finding.message) < 120
