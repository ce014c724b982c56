"""Answers about an estate with missing Applications: they include clients of these, and name what
was not checked. Deleted Applications have no clients."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kong_oam.__main__ import main
from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.snapshot import dump_model
from kong_oam.cli.estates import estate_of, reading_of, settings_or_defaults
from tests.support.cli import Cli
from tests.support.estates import api
from tests.support.projects import commit_all, git
from tests.support.streams import Capsys

ACCESS = """{owner: billing, scopes: {b.read: read, b.write: write},
    rules: [{methods: [GET], scopes: [b.read]}, {methods: [POST], scopes: [b.write]}], roles: {ROLES}}"""
READER = "reader: {scopes: [b.read], groups: [sales], components: [shop/web]}"
NOT_JUDGED = (
    "Applications without files here are not checked: shop; add their folders with -f (until then, their clients are assumed to "
    "ask for all scopes of their roles)"
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
    """A team's repository with one commit, and a role for a client of a missing Application."""
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
        # The web application may be assigned to the group desk for its other calls.
        (f"{READER}, desk: {{scopes: [b.read], groups: [desk]}}", {"widened": [("shop/web", [["desk"]])]}),
        (READER.replace("shop/web", "orders/api"), {
            "granted": [("orders/api", [["sales"]]), ("orders/api", [])],
            "revoked": [("shop/web", [["sales"]]), ("shop/web", [])],
        }),
    ],
)  # fmt: skip
def test_diff_lists_clients_of_missing_applications(
    roles: str,
    expected: dict[str, list[tuple[str, list[list[str]]]]],
    cli: Cli,
) -> None:
    """As themselves and for users of any group: their kind is unknown here."""
    write(roles)
    found = cli.json("diff", "--exit-code", "--json", status=1)
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


def test_diff_without_changes_names_missing_applications(
    capsys: Capsys,
) -> None:
    """On standard error; in Markdown, which is passed on alone, inside it."""
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
            [
                "shop/web",
                "not here",
                "Applications without files here are not checked: shop",
            ],
        ),
        (
            ["graph", "--since", "HEAD"],
            ["Applications without files here are not checked: shop"],
        ),
    ],
)
def test_every_answer_has_clients_of_missing_applications(
    question: list[str], holds: list[str], capsys: Capsys
) -> None:
    """With a note about the missing Applications."""
    assert main(question) == 0
    printed = capsys.readouterr()
    assert [text for text in holds if text not in printed.out] == []
    assert NOT_JUDGED in printed.err + printed.out


@pytest.mark.parametrize(
    "question",
    [["who", "GET", URL], ["matrix"], ["explain", "GET", URL], ["diff"]],
)
def test_json_lists_missing_applications(
    question: list[str], capsys: Capsys, cli: Cli
) -> None:
    """The field is left out if nothing is missing, and no note is printed."""
    assert cli.json(*question, "--json")["unjudged"] == ["shop"]
    write(READER.replace(", components: [shop/web]", ""))
    git("commit", "--all", "--message", "second")
    assert main([*question, "--json"]) == 0
    printed = capsys.readouterr()
    assert "unjudged" not in json.loads(printed.out)
    assert printed.err == ""


def test_calls_to_missing_apis_are_not_checked(
    cli: Cli,
) -> None:
    """The API may be in another repository."""
    client = "\n        - {type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [o]}]}}\n"
    write("reader: {scopes: [b.read, b.write], groups: [sales]}")
    FILE.write_text(FILE.read_text("utf-8").rstrip("\n") + client, "utf-8")
    assert (
        "Applications without files here are not checked: orders;"
        in cli.error("what", "billing/api", status=0)
    )


ACME = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: partner, namespace: partner}
spec:
  components:
    - name: acme
      type: worker
      properties: {image: x}
      traits:
        - type: client
          properties: {kind: service, calls: [{component: billing/api, scopes: [b.read]}]}
"""
PARTNER = Path("applications/partner.yaml")
STILL_NAMED = (
    "applications/billing.yaml:13:179: role 'reader' names partner/acme, which no Application here has; if it was deleted, "
    "remove it from the role"
)


@pytest.fixture
def _deleted_partner() -> None:
    """The base revision has the partner's Application, and the new revision only its role."""
    write(
        "reader: {scopes: [b.read, b.write], groups: [sales], components: [partner/acme]}"
    )
    PARTNER.write_text(ACME, "utf-8")
    commit_all("with the partner")
    PARTNER.unlink()


@pytest.mark.usefixtures("_deleted_partner")
def test_grants_of_a_deleted_application_are_revoked(
    capsys: Capsys,
    cli: Cli,
) -> None:
    """It is not in another repository, so nothing is assumed. The other scopes of the role are no
    new grant."""
    assert main(["diff"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "revoked from partner/acme: GET,HEAD https://billing.example.com/",
        "",
        "CHANGE   FOR           METHODS   WHERE",
        "revoked  partner/acme  GET,HEAD  https://billing.example.com/  at once",
    ]
    assert printed.err == f"{STILL_NAMED}\n"
    found = cli.json("diff", "--json")
    assert [change["kind"] for change in found["changes"]] == ["revoked"]
    assert "unjudged" not in found
    assert cli("diff", "--markdown").endswith(f"\n\n`{STILL_NAMED}`\n")


@pytest.mark.usefixtures("_deleted_partner")
def test_the_graph_removes_a_deleted_application(
    capsys: Capsys,
) -> None:
    assert main(["graph", "--since", "HEAD", "--json"]) == 0
    printed = capsys.readouterr()
    graph = json.loads(printed.out)
    changed = {node["name"]: node["change"] for node in graph["nodes"]}
    assert changed["partner/acme"] == "removed"
    assert graph["notes"] == [
        STILL_NAMED,
        "The same change in diff:",
        "− revoked: partner/acme: GET,HEAD https://billing.example.com/",  # noqa: RUF001
    ]
    assert printed.err == f"{STILL_NAMED}\n"


@pytest.mark.usefixtures("_deleted_partner")
def test_check_lists_roles_that_name_a_deleted_component(
    cli: Cli,
) -> None:
    assert cli("check").splitlines() == [
        "1 application(s), 1 component(s): no errors; without a stack, hosts, providers and groups are not checked",
        "Applications without files here are not checked: partner; add their folders with -f",
        STILL_NAMED,
    ]
    assert cli.json("check", "--json")["notes"] == [
        "Applications without files here are not checked: partner; add their folders with -f",
        STILL_NAMED,
    ]


@pytest.mark.usefixtures("_deleted_partner")
def test_other_missing_applications_are_still_assumed(
    cli: Cli,
) -> None:
    """Only the base revision's own Applications count as deleted."""
    write(
        "reader: {scopes: [b.read, b.write], groups: [sales], components: [partner/acme, shop/web]}"
    )
    found = cli.json("diff", "--json")
    assert {
        (change["kind"], holder["client"])
        for change in found["changes"]
        for holder in change["for"]
    } == {("revoked", "partner/acme"), ("granted", "shop/web")}
    assert found["unjudged"] == ["shop"]


@pytest.mark.usefixtures("_deleted_partner")
def test_a_complete_base_has_applications_of_other_repositories(
    cli: Cli,
) -> None:
    """So an Application that only the base has is not deleted: its callers are assumed here."""
    PARTNER.write_text(ACME, "utf-8")
    settings = settings_or_defaults("local")
    estate = estate_of(reading_of(None, settings), settings)
    model = dump_model(model_of(estate, settings))
    Path("model.json").write_text(json.dumps(model), "utf-8")
    PARTNER.unlink()
    found = cli.json("diff", "model.json", ".", "--json")
    assert {
        (change["kind"], change["example"]["method"], holder["client"])
        for change in found["changes"]
        if change["kind"] in ("granted", "revoked")
        for holder in change["for"]
    } == {
        ("granted", "GET", "partner/acme"),
        ("granted", "POST", "partner/acme"),
    }
    assert found["unjudged"] == ["partner"]
