"""Texts of changes of access, from values: each text once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kong_oam.access.diff.change import (
    AffectedCaller,
    Answer,
    Change,
    Difference,
    Example,
    Exposer,
    Setting,
    Subject,
)
from kong_oam.access.diff.kind import Kind
from kong_oam.access.diff.rights import RIGHTS
from kong_oam.access.diff.wording import (
    callers_text,
    headline,
    label,
    methods,
    place_text,
    relevant_changes,
    row,
    token_note,
    users,
)
from kong_oam.access.model import METHODS
from kong_oam.access.networks import Source, network
from kong_oam.access.principals import ITSELF, Condition, Principal
from kong_oam.access.request_classes import Region, Subtree
from kong_oam.oam.position import Document, SourcePosition

JOB = AffectedCaller(Principal("shop/job", "okta"), ITSELF)
WEB = Principal("shop/web", "okta", users=True)
SALES = frozenset({frozenset({"sales"})})
REVOKED = Change(
    kind="revoked",
    callers=(JOB,),
    methods=("GET", "HEAD"),
    site="orders.example.com",
    region=Region(Subtree(("orders",)), (Subtree(("orders", "health")),)),
    example=Example("GET", ("orders",), None, None, None),
)
OWNER = Setting("owner", Subject("orders/api"), "owner", "team-a", "team-b")


@pytest.mark.parametrize(
    ("caller", "words"),
    [
        (AffectedCaller(None), "everybody"),
        (AffectedCaller(None, source=Source((network("10.0.0.0/8"),))), "everybody from 10.0.0.0/8"),
        (JOB, "shop/job"),
        (replace(JOB, owner="team-a"), "shop/job (team-a)"),
        (AffectedCaller(WEB, SALES), "shop/web for users in sales"),
    ],
)  # fmt: skip
def test_a_caller_is_named_with_groups_and_networks(
    caller: AffectedCaller, words: str
) -> None:
    """Everybody, a client as itself with its owner, or its users."""
    assert callers_text([caller]) == words
    assert callers_text([caller, JOB]) == f"{words}, shop/job"


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (ITSELF, ""),
        (frozenset({frozenset({"sales", "desk"})}), "desk and sales"),
        (
            frozenset({frozenset({"sales"}), frozenset({"desk"})}),
            "desk or sales",
        ),
        (
            frozenset({frozenset({"sales"}), frozenset({"desk", "audit"})}),
            "sales or (audit and desk)",
        ),
    ],
)
def test_groups_are_listed_from_the_fewest(
    condition: Condition, words: str
) -> None:
    """Groups that are required together are in brackets beside others."""
    assert users(condition) == words


def test_all_callers_and_all_groups_are_named() -> None:
    """Any number of callers is listed."""
    clients = [f"shop/{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    callers = [
        AffectedCaller(Principal(client, "okta"), ITSELF) for client in clients
    ]
    assert callers_text(callers) == ", ".join(clients)
    groups = [f"g{number:02}" for number in range(12)] + ["zz-all-staff"]
    condition = frozenset(frozenset({group}) for group in groups)
    assert users(condition) == " or ".join(groups)


def test_all_methods_are_a_star() -> None:
    """All methods are the methods that the gateway accepts."""
    assert methods(METHODS) == "*"
    assert methods(("GET", "HEAD")) == "GET,HEAD"


@pytest.mark.parametrize(
    ("site", "region", "words"),
    [
        ("a.example.com", Region(Subtree(())), "https://a.example.com/"),
        (
            "a.example.com",
            Region(
                Subtree(("orders",)),
                (
                    Subtree(("orders", "health")),
                    Subtree(("orders", "health."), True),
                ),
            ),
            "https://a.example.com/orders but not /orders/health",
        ),
        (
            "a.example.com",
            Region(Subtree(("admin.",), True)),
            "https://a.example.com/admin. and other spellings",
        ),
        (
            "orders/api:8080",
            Region(Subtree(("orders",))),
            "orders/api:8080 /orders",
        ),
    ],
    ids=["a host", "exceptions", "other spellings", "between stacks"],
)
def test_a_place_is_a_url_without_its_exceptions(
    site: str, region: Region, words: str
) -> None:
    """Other spellings among the exceptions are denied and not listed."""
    assert (
        place_text(replace(REVOKED, site=site, region=region), "https") == words
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (REVOKED, "at once"),
        (replace(REVOKED, minutes=5), "old tokens work up to 5 minutes"),
        (replace(REVOKED, kind="granted"), ""),
        (replace(REVOKED, callers=(AffectedCaller(None),)), ""),
        (
            replace(REVOKED, callers=(AffectedCaller(None),), minutes=5),
            "old tokens work up to 5 minutes",
        ),
    ],
    ids=[
        "no old token counts",
        "old tokens count",
        "an opening",
        "everybody",
        "everybody, old tokens count",
    ],
)
def test_a_closing_change_says_how_long_old_tokens_count(
    change: Change, words: str
) -> None:
    """For everybody, the note appears only if old tokens work."""
    assert token_note(change) == words


def test_a_row_has_the_callers_the_methods_the_requests_and_a_note() -> None:
    """The note is the place of the rule if tokens do not matter."""
    requests = "https://orders.example.com/orders but not /orders/health"
    assert row(REVOKED, "https") == (
        "shop/job",
        "GET,HEAD",
        requests,
        "at once",
    )
    file = Document("app.yaml", "rules: []", 0, {})
    placed = replace(
        REVOKED, kind="granted", position=SourcePosition(file, ("rules",))
    )
    assert row(placed, "https") == (
        "shop/job",
        "GET,HEAD",
        requests,
        "app.yaml:1:8",
    )


ANSWER = Answer("orders/api", "8080", "pods a", "team-a")


@pytest.mark.parametrize(
    ("kind", "now", "words"),
    [
        (
            "answered by",
            Answer("evil/proxy", "80", "pods b"),
            "/: orders/api:8080 (team-a) -> evil/proxy:80",
        ),
        (
            "answered by",
            replace(ANSWER, pods="pods b"),
            "/: orders/api:8080 (team-a), pods a -> orders/api:8080 (team-a), pods b",
        ),
        (
            "granted",
            Answer("evil/proxy", "80", "pods b", "team-e"),
            "/; now answered by evil/proxy:80 (team-e), before orders/api:8080 (team-a)",
        ),
    ],
    ids=["another component", "other pods", "beside another change"],
)
def test_a_changed_answer_names_both_targets(
    kind: Kind, now: Answer, words: str
) -> None:
    """Owners are named; pods are named if the component and port are equal."""
    change = replace(
        REVOKED, kind=kind, region=Region(Subtree(())), answers=(ANSWER, now)
    )
    assert row(change, "https")[2] == f"https://orders.example.com{words}"


def test_the_label_of_another_answer_names_the_component() -> None:
    """The label of any other change is its kind."""
    answers = (ANSWER, Answer("evil/proxy", "80"))
    change = replace(REVOKED, kind="answered by", answers=answers)
    assert label(change) == "now answered by evil/proxy"
    assert label(replace(change, kind="granted")) == "granted"
    assert label(OWNER) == "owner"


@pytest.mark.parametrize(
    ("setting", "concerned", "words"),
    [
        (OWNER, "orders/api", "team-a -> team-b"),
        (replace(OWNER, was=None), "orders/api", "none -> team-b"),
        (
            Setting("changed", Subject(), "gateway.scheme", "https", "http"),
            "everybody",
            "gateway.scheme: https -> http",
        ),
        (
            Setting("may widen", Subject(provider="okta"), "accessTokenMinutes", 5, 60),
            "clients of okta",
            "identityProviders.okta.accessTokenMinutes: 5 -> 60",
        ),
        (
            Setting("may widen", Subject("shop/web", "okta"), "redirectUris", ["a"], ["b"]),
            "shop/web at okta",
            "redirectUris: added b; removed a",
        ),
        (
            Setting("changed", Subject("shop/web", "okta"), "redirectUris", ["a", "b"], ["b", "a"]),
            "shop/web at okta",
            "redirectUris: in another order",
        ),
        (
            Setting("may widen", Subject("shop/web"), "forwardToken", False, True),
            "callers of shop/web",
            "forwardToken: false -> true",
        ),
        (
            Setting("may widen", Subject("orders/api"), RIGHTS, [], ["get pods in namespace orders"]),
            "pods of orders/api",
            "rights: added get pods in namespace orders",
        ),
        (
            Setting(
                "may widen", Subject(), "certificate of a.example", None, "evil/tls",
                ((Exposer("orders/api", "team-a"),), (Exposer("evil/api"), Exposer("orders/api", "team-b"))),
            ),
            "callers of evil/api, orders/api (team-a), orders/api (team-b)",
            "certificate of a.example: none -> evil/tls",
        ),
    ],
    ids=[
        "owner", "no owner before", "stack", "provider", "client", "order", "component", "rights", "certificate",
    ],
)  # fmt: skip
def test_a_setting_names_its_subject_and_both_values(
    setting: Setting, concerned: str, words: str
) -> None:
    """A list names what was added and removed."""
    assert row(setting, "https") == (concerned, "", words, "")


NOT_HEALTH = "https://orders.example.com/orders but not /orders/health"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([], ""),
        ([REVOKED], f"revoked from shop/job: GET,HEAD {NOT_HEALTH}"),
        (
            [replace(REVOKED, kind="newly public", callers=(AffectedCaller(None),)), REVOKED],
            f"newly public: GET,HEAD {NOT_HEALTH} (and 1 more change of access)",
        ),
        (
            [replace(REVOKED, kind="widened", callers=(AffectedCaller(WEB, SALES),)), REVOKED, OWNER],
            f"widened to shop/web for users in sales: GET,HEAD {NOT_HEALTH} (and 2 more changes of access)",
        ),
        ([OWNER], "owner of orders/api: team-a -> team-b"),
        (
            [replace(OWNER, kind="changed", name="issuer", of=Subject(provider="okta"))],
            "changed for clients of okta: identityProviders.okta.issuer: team-a -> team-b",
        ),
    ],
    ids=["nothing", "one", "public", "users", "owner", "setting"],
)  # fmt: skip
def test_a_headline_is_the_worst_change_and_how_many_more_there_are(
    changes: list[Difference], words: str
) -> None:
    """The changes are sorted, the worst first."""
    assert headline(changes, "https") == words


def test_other_spellings_are_listed_where_the_path_itself_is_not() -> None:
    """Each added or removed rule changes them too; spellings that are now denied are left out."""
    admin = replace(
        REVOKED, kind="newly public", region=Region(Subtree(("admin",)))
    )
    otherwise = replace(admin, region=Region(Subtree(("Admin.",), True)))
    refused = replace(
        otherwise, kind="revoked", region=Region(Subtree(("x.",), True))
    )
    assert relevant_changes([admin, otherwise, refused]) == [admin]
    assert relevant_changes([OWNER, otherwise, refused]) == [OWNER, otherwise]
    assert relevant_changes([refused]) == [refused]
