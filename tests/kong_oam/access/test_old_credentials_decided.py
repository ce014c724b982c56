"""Old credentials until a date: both sides, the last day, and the texts of commands."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

from kong_oam.access.before import (
    OldCaller,
    OldCredential,
    end_of,
    last_day_before,
)
from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.decide import Request, decide
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.diff.wording import callers_text
from kong_oam.access.lint.lint import lint
from kong_oam.access.partitions import part_of
from kong_oam.access.report import access_table
from kong_oam.kong.old_credential_findings import findings
from kong_oam.oam.application import join_readings, read_bytes
from tests.support.diffs import requests, settings
from tests.support.estates import STACK, compiled, estate
from tests.support.old_credentials import ACME, ORDERS, texts

JWKS = (
    "      type: external\n",
    "      type: external\n      properties: {jwksUri: https://acme.example.com/k}\n",
)
GET = Request("GET", "orders.example.com", b"/orders")


def codes(*applications: str) -> list[str]:
    return [
        f"{found.severity} {found.code}"
        for found in compiled(*applications).diagnostics
    ]


def test_the_earlier_last_day_counts() -> None:
    """The client's day is before the component's, with the scopes of its grants."""
    component = estate(*texts()).components["orders/api"]
    assert component.identity.old_callers == (
        OldCaller("acme/partner", "acme", "key-auth", "2027-03-31", ("read",)),
    )
    earlier = ORDERS.replace("2027-06-30", "2027-01-31")
    component = estate(earlier, ACME).components["orders/api"]
    assert component.identity.old_callers[0].until == "2027-01-31"


@pytest.mark.parametrize(
    ("at", "status"),
    [(None, 200), (1_806_537_599.9, 200), (1_806_537_600.0, 401)],
)
def test_the_last_day_ends_at_midnight_utc(
    at: float | None, status: int
) -> None:
    """The first second of the next day is too late."""
    midnight = datetime.datetime(2027, 4, 1, tzinfo=datetime.UTC)
    assert end_of("2027-03-31") == midnight.timestamp()
    assert last_day_before(end_of("2027-03-31")) == "2027-03-31"
    decision = decide(
        estate(*texts()), GET, OldCredential("acme", "key-auth", at)
    )
    assert decision.status == status


@pytest.mark.parametrize(
    ("credential", "code"),
    [
        (OldCredential("acme", "key-auth"), "allowed"),
        (OldCredential("acme", "basic-auth"), "credential-not-accepted"),
        (OldCredential("other", "key-auth"), "credential-not-accepted"),
        (OldCredential("", "key-auth"), "credential-not-accepted"),
        (OldCredential("acme", "key-auth", 1e10), "credential-ended"),
    ],
)
def test_only_the_declared_consumer_and_kind_count(
    credential: OldCredential, code: str
) -> None:
    assert decide(estate(*texts()), GET, credential).code == code


def test_a_client_with_only_an_old_credential_is_at_no_provider() -> None:
    """With the address of its keys it has both."""
    alone = estate(*texts())
    assert alone.clients == ()
    both = estate(ORDERS, ACME.replace(*JWKS))
    assert [client.component for client in both.clients] == ["acme/partner"]
    caller = both.components["orders/api"].identity.old_callers[0]
    assert caller.client == "acme/partner"


@pytest.mark.parametrize(
    ("orders", "acme", "found"),
    [
        (("acceptBefore", "service"), (), ["error OAM102"]),
        ((), ("by: key-auth", "by: basic-auth"), ["error ACC280"]),
        ((), ("2027-03-31", "2027-02-30"), ["error OAM103"]),
        (("2027-06-30", "2027-06-31"), (), ["error OAM103"]),
        ((), ("kind: external", "kind: native"), ["error ACC284"]),
        ((), ("consumer: acme", "consumer: 'a\"b'"), ["error OAM103"]),
        (("[acme/partner]", "[]"), (), ["error ACC204"]),
    ],
)
def test_a_side_that_does_not_fit_is_an_error(
    orders: tuple[str, ...], acme: tuple[str, ...], found: list[str]
) -> None:
    made = codes(
        ORDERS.replace(*orders) if orders else ORDERS,
        ACME.replace(*acme) if acme else ACME,
    )
    assert made[: len(found)] == found or found[0] in made


def test_a_component_that_accepts_nobodys_old_credential_is_as_before() -> None:
    """Only one side says so."""
    tokens = ACME.replace(*JWKS).replace("            before:", "            #")
    accepting = estate(ORDERS, tokens)
    component = accepting.components["orders/api"]
    assert component.identity.accept_before is not None
    assert component.identity.old_callers == ()


def test_a_registered_client_loses_only_its_old_credential() -> None:
    """The component's owner may end old credentials alone; a client without tokens must know."""
    orders = ORDERS.replace(
        "            acceptBefore: {by: key-auth, until: 2027-06-30, reason: keys}\n",
        "",
    )
    assert codes(orders, ACME.replace(*JWKS)) == ["warning ACC281"]
    assert codes(orders, ACME) == ["error ACC280"]


def test_two_clients_cannot_have_one_consumer() -> None:
    """The gate could not tell them apart."""
    second = ACME.replace("name: acme, namespace: acme", "name: bolt")
    orders = ORDERS.replace("[acme/partner]", "[acme/partner, bolt/partner]")
    assert "error ACC283" in codes(orders, ACME, second)


@pytest.mark.parametrize(
    ("today", "found"),
    [
        ("2027-03-31", []),
        ("2027-04-01", ["ACC282 old credentials counted until 2027-03-31"]),
        (
            "2027-07-01",
            [
                "ACC282 old credentials counted until 2027-06-30",
                "ACC282 old credentials counted until 2027-03-31",
            ],
        ),
    ],
)
def test_a_run_asks_to_remove_a_side_that_is_over(
    today: str, found: list[str]
) -> None:
    """The stack's `asOf` is the clock."""
    on = settings(asOf=today)
    listed = [
        f"{each.code} {each.message.partition(',')[0]}"
        for each in findings(on, estate(*texts()))
    ]
    assert listed == found


@pytest.mark.parametrize(
    ("places", "more", "code"),
    [
        ("names: [authorization]", {}, "ACC285"),
        ("names: [x-auth-key]", {}, "ACC285"),
        ("names: [x-corp-key]", {"stripHeaders": ["x-corp"]}, "ACC285"),
        (
            "in: [query]",
            {"logs": {"stdout": True, "query": ["apikey"]}},
            "ENV425",
        ),
        ("names: [x-api-key], in: [header, query]", {}, None),
    ],
)
def test_a_place_where_no_key_may_be_is_an_error(
    places: str, more: dict[str, object], code: str | None
) -> None:
    """Admission removes some headers, and records keep some arguments."""
    orders = ORDERS.replace("reason: keys}", f"reason: keys, {places}}}")
    gateway = {"cidrs": ["192.0.2.0/24"], "reach": "loadBalancer", **more}
    on = settings(gateway=gateway)
    found = [each.code for each in findings(on, estate(orders, ACME))]
    assert found == ([code] if code else [])


def test_a_password_has_no_names() -> None:
    orders, acme = texts("basic-auth")
    orders = orders.replace("reason: keys}", "reason: keys, in: [header]}")
    assert codes(orders, acme) == ["error ACC285"]


def model(*applications: str) -> AccessModel:
    on = settings()
    reading = join_readings(
        read_bytes(f"app{n}.yaml", text.encode())
        for n, text in enumerate(applications)
    )
    made = compile_estate(reading, on.stack).estate
    assert made is not None
    return model_of(made, on)


@pytest.mark.parametrize(
    ("now", "lines"),
    [
        (
            ("until: 2027-03-31", "until: 2027-04-30"),
            ["widened acme/partner (as acme by key, until 2027-04-30)"],
        ),
        (
            ("until: 2027-03-31", "until: 2027-02-28"),
            ["narrowed acme/partner (as acme by key, until 2027-02-28)"],
        ),
        (
            ("consumer: acme", "consumer: bolt"),
            [
                "granted acme/partner (as bolt by key, until 2027-03-31)",
                "revoked acme/partner (as acme by key, until 2027-03-31)",
            ],
        ),
        (JWKS, ["granted acme/partner"]),
    ],
)
def test_diff_says_by_key_and_until_when(
    now: tuple[str, str], lines: list[str]
) -> None:
    """A later day widens, an earlier day narrows, and tokens are another way."""
    changes = requests(diff(model(*texts()), model(ORDERS, ACME.replace(*now))))
    assert [f"{c.kind} {callers_text(c.callers)}" for c in changes] == lines


def test_the_table_of_access_says_by_key_and_until_when() -> None:
    (line,) = [
        line
        for line in access_table(estate(*texts())).splitlines()
        if line.startswith("GET,HEAD orders.example.com/orders ")
    ] or [""]
    assert line.endswith(
        "orders/api: read: acme/partner (as acme by key, until 2027-03-31)"
    )


@pytest.mark.parametrize(
    ("today", "found"),
    [
        ("2027-02-28", []),
        ("2027-03-01", ["LINT317"]),
        ("2027-06-01", ["LINT317", "LINT317"]),
    ],
)
def test_lint_reminds_thirty_days_before_the_last_day(
    today: str, found: list[str]
) -> None:
    """Each side has its own day."""
    reading = join_readings(
        read_bytes(f"app{n}.yaml", text.encode())
        for n, text in enumerate(texts())
    )
    made = estate(*texts())
    listed = lint(
        reading.applications, made, datetime.date.fromisoformat(today)
    )
    codes = [each.code for each in listed if each.code == "LINT317"]
    assert codes == found
    assert not [each for each in listed if each.code == "LINT301"]


def test_a_partition_has_the_old_callers_of_its_components() -> None:
    """The client may be in another partition."""
    stack = replace(STACK, partitions={"a": ("orders",), "b": ("*",)})
    part = part_of(estate(*texts(), stack=stack), "a")
    assert [*part.own] == ["orders/api"]
    callers = part.own["orders/api"].identity.old_callers
    assert [caller.client for caller in callers] == ["acme/partner"]
    other = part_of(estate(*texts(), stack=stack), "b")
    assert [*other.components] == ["acme/partner"]
