"""Where Applications of others are not here, no answer leaves out their clients, and each says what is not judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kong_oam.__main__ import main
from tests.support.estates import api
from tests.support.projects import git

ACCESS = """{owner: billing, scopes: {b.read: read, b.write: write},
    rules: [{methods: [GET], scopes: [b.read]}, {methods: [POST], scopes: [b.write]}], roles: {ROLES}}"""
READER = "reader: {scopes: [b.read], groups: [sales], components: [shop/web]}"
NOT_JUDGED = (
    "not judged, since it is not here: shop; -f takes its folder, too (until then, a client of it that a role names "
    "counts as asking for all that it grants)"
)
URL = "https://billing.example.com/"
FILE = Path("applications/billing.yaml")


def write(roles: str) -> None:
    access = " ".join(ACCESS.replace("ROLES", roles).split())
    FILE.write_text(
        api(
            "billing",
            domain="billing.example.com",
            http="{/: 8080}",
            access=access,
        ),
        "utf-8",
    )


@pytest.fixture(autouse=True)
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A team's repository with one commit, in which a role names a client of a team that is not here."""
    monkeypatch.chdir(tmp_path)
    FILE.parent.mkdir()
    write(READER)
    for arguments in (
        ["init", "--initial-branch", "main"],
        ["add", "."],
        ["commit", "--message", "first"],
    ):
        git(*arguments)


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (READER.replace("b.read]", "b.read, b.write]"), {"granted": [("shop/web", [["sales"]]), ("shop/web", [])]}),
        (READER.replace("sales", "sales, desk"), {"widened": [("shop/web", [["desk"]])]}),
        (READER.replace(", groups: [sales]", ""), {"revoked": [("shop/web", [["sales"]])]}),
        # The web application may be assigned to those in desk by what it calls elsewhere.
        (f"{READER}, desk: {{scopes: [b.read], groups: [desk]}}", {"widened": [("shop/web", [["desk"]])]}),
        (READER.replace("shop/web", "orders/api"), {
            "granted": [("orders/api", [["sales"]]), ("orders/api", [])],
            "revoked": [("shop/web", [["sales"]]), ("shop/web", [])],
        }),
    ],
)  # fmt: skip
def test_what_a_change_does_to_clients_that_are_not_here_is_told(
    roles: str,
    expected: dict[str, list[tuple[str, list[list[str]]]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As themselves, and for users in groups: which of these they are, nobody here knows."""
    write(roles)
    assert main(["diff", "--exit-code", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    by_kind: dict[str, list[tuple[str, list[list[str]]]]] = {}
    for change in found["changes"]:
        if not change["otherSpellings"]:
            holders = {
                (holder["client"], json.dumps(holder["usersIn"]))
                for holder in change["for"]
            }
            by_kind.setdefault(change["kind"], []).extend(
                (client, json.loads(users)) for client, users in holders
            )
    assert {
        kind: sorted(holders, key=str) for kind, holders in by_kind.items()
    } == {kind: sorted(holders, key=str) for kind, holders in expected.items()}
    assert "shop" in found["unjudged"]


def test_no_change_is_not_all_that_diff_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Beside the answer on standard error; in Markdown, which is passed on alone, in it."""
    assert main(["diff", "--exit-code"]) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"{NOT_JUDGED}\n")
    assert main(["diff", "--markdown"]) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == (
        f"No change of access.\n\n`{NOT_JUDGED}`\n",
        "",
    )


@pytest.mark.parametrize(
    ("question", "holds"),
    [
        (["who", "GET", URL], ["shop/web", "sales"]),
        (["who", "--component", "billing/api"], ["shop/web", "sales"]),
        (["what", "shop/web"], ["itself or users in sales"]),
        (["what", "--user-in", "sales"], ["user of shop/web"]),
        (["matrix"], ["shop/web", "sales"]),
        (["matrix", "--format", "csv"], ["shop/web"]),
        (["explain", "GET", URL, "--as", "shop/web"], ["200 GET"]),
        (
            ["explain", "GET", URL, "--as", "shop/web", "--user-in", "sales"],
            ["200 GET"],
        ),
        (
            ["graph"],
            ["shop/web", "not here", "not judged, since it is not here: shop"],
        ),
        (
            ["graph", "--since", "HEAD"],
            ["not judged, since it is not here: shop"],
        ),
    ],
)
def test_every_answer_has_the_clients_that_are_not_here(
    question: list[str], holds: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """And says that this is not known."""
    assert main(question) == 0
    printed = capsys.readouterr()
    assert [text for text in holds if text not in printed.out] == []
    assert NOT_JUDGED in printed.err + printed.out


@pytest.mark.parametrize(
    "question",
    [["who", "GET", URL], ["matrix"], ["explain", "GET", URL], ["diff"]],
)
def test_what_is_not_judged_is_a_field(
    question: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Where all are here, it is left out, and nothing is remarked."""
    assert main([*question, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unjudged"] == ["shop"]
    write(READER.replace(", components: [shop/web]", ""))
    git("commit", "--all", "--message", "second")
    assert main([*question, "--json"]) == 0
    printed = capsys.readouterr()
    assert "unjudged" not in json.loads(printed.out)
    assert printed.err == ""


def test_what_others_offer_is_not_judged_either(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A call of an API that is not here."""
    client = "\n        - {type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [o]}]}}\n"
    write("reader: {scopes: [b.read, b.write], groups: [sales]}")
    FILE.write_text(FILE.read_text("utf-8").rstrip("\n") + client, "utf-8")
    assert main(["what", "billing/api"]) == 0
    assert (
        "not judged, since it is not here: orders;" in capsys.readouterr().err
    )
