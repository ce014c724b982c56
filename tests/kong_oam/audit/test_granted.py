"""The lines of a report, and the recorded runs that granted and removed them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from kong_oam.access.diff.snapshot import dump_model, load_model
from kong_oam.audit.history.read import read_runs
from kong_oam.audit.report.granted import RunFacts, grants_of
from kong_oam.audit.report.lines import LineKey, lines_of
from tests.support.diffs import API, SHOP, model
from tests.support.history import STATE, write_chain

WEB = LineKey("orders/api", "client", "shop/web")
SALES = LineKey("orders/api", "group", "sales")
HEALTH = LineKey("orders/api", "public", "GET /orders/health")

ONLY_READ = (
    API.replace("[desk], components: [shop/web]", "[desk]"),
    SHOP.replace("scopes: [read, write]", "scopes: [read]"),
)


def recorded(*texts: str, **more: object) -> Mapping[str, object]:
    """Return the fields of a record of a run with these Applications."""
    return {"model": dump_model(model(*texts)).split("\n"), **more}


def update(commit: str, **changes: int) -> Mapping[str, object]:
    """Return the stacks of a record with an update of this commit."""
    done = {
        "kind": "update",
        "start": "2026-11-25T09:58:00Z",
        "result": "succeeded",
        "changes": changes,
        "facts": {"git.head": commit},
    }
    return {"local": {"updates": [done], "state": STATE, "resources": 37}}


def test_every_grant_and_public_rule_is_a_line() -> None:
    """Clients, groups and public rules, each with owner and scopes."""
    found = [
        (
            line.key.component,
            line.key.kind,
            line.key.holder,
            line.owner,
            line.holder_owner,
            " ".join(line.scopes),
        )
        for line in lines_of(model(API, SHOP).estate)
    ]
    assert found == [
        ("orders/api", "client", "shop/checkout", "team-orders", "", "read"),
        (
            "orders/api",
            "client",
            "shop/web",
            "team-orders",
            "team-shop",
            "read write",
        ),
        ("orders/api", "group", "desk", "team-orders", "", "write"),
        ("orders/api", "group", "sales", "team-orders", "", "read"),
        (
            "orders/api",
            "public",
            "GET /orders/health",
            "team-orders",
            "",
            "",
        ),
        ("shop/web", "public", "* /", "team-shop", "", ""),
    ]


def test_a_model_has_the_same_lines() -> None:
    """Only reasons and waivers are missing."""
    whole = model(API, SHOP)
    exported = load_model(dump_model(whole)).estate
    assert lines_of(exported) == lines_of(whole.estate)


def test_a_scope_has_the_run_that_granted_it(tmp_path: Path) -> None:
    """The first record has grants of unknown origin. A repeated run changes nothing."""
    write_chain(
        tmp_path,
        recorded(*ONLY_READ),
        recorded(
            API,
            SHOP,
            stacks=update("abc"),
            forge=[
                {
                    "number": 12,
                    "authors": ["ann"],
                    "approvers": ["ben"],
                }
            ],
        ),
        recorded(API, SHOP),
    )
    second = RunFacts(
        2, "2026-11-25T10:00:00Z", "abc", (12,), ("ann",), ("ben",), (), True
    )
    grants = grants_of(read_runs(tmp_path))
    assert grants.granted[WEB] == {"read": None, "write": second}
    assert grants.granted[SALES] == {"read": None}
    assert grants.removed == {}


def test_a_line_that_came_back_has_the_later_run(tmp_path: Path) -> None:
    """A gap ends a grant: the next run grants it anew."""
    write_chain(
        tmp_path,
        recorded(API, SHOP),
        recorded(API.replace("groups: [sales], ", ""), SHOP),
        recorded(API, SHOP),
    )
    grants = grants_of(read_runs(tmp_path))
    assert grants.granted[SALES] == {
        "read": RunFacts(3, "2026-11-25T10:00:00Z")
    }
    assert SALES not in grants.removed


def test_a_removed_line_has_the_run_that_removed_it(tmp_path: Path) -> None:
    """Also if its component is gone."""
    no_health = API.replace("public: {reason: probes}", "scopes: [read]")
    alone = re.sub(r", components: \[[^]]*\]", "", no_health)
    write_chain(
        tmp_path,
        recorded(API, SHOP),
        recorded(no_health, SHOP),
        {"kind": "open", "openings": [{"component": "orders/api"}]},
        recorded(alone),
    )
    removed = grants_of(read_runs(tmp_path)).removed
    assert removed[HEALTH].number == 2
    assert removed[LineKey("shop/web", "public", "* /")].number == 4
    assert removed[WEB].number == 4


def test_a_first_deployment_granted_its_lines(tmp_path: Path) -> None:
    """An update that also keeps resources is not the first."""
    write_chain(
        tmp_path / "first", recorded(API, SHOP, stacks=update("abc", create=37))
    )
    (run,) = grants_of(read_runs(tmp_path / "first")).granted[SALES].values()
    assert run and run.commit == "abc"
    later = update("abc", create=1, same=36)
    write_chain(tmp_path / "later", recorded(API, SHOP, stacks=later))
    grants = grants_of(read_runs(tmp_path / "later"))
    assert grants.granted[SALES] == {"read": None}
