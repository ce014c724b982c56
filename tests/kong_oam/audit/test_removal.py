"""The removal of lines from Applications as a patch."""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.diff.snapshot import dump_model, load_model
from kong_oam.access.model import Estate
from kong_oam.audit.report.lines import LineKey, lines_of
from kong_oam.audit.report.removal import opened, removal_of
from tests.support.diffs import API as ORDERS
from tests.support.diffs import SHOP, model

API = ORDERS.replace(
    "            roles:",
    """\
              - {paths: [/orders/docs], public: {reason: documentation}}
            roles:""",
)

WEB = LineKey("orders/api", "client", "shop/web")
CHECKOUT = LineKey("orders/api", "client", "shop/checkout")
SALES = LineKey("orders/api", "group", "sales")
DESK = LineKey("orders/api", "group", "desk")
HEALTH = LineKey("orders/api", "public", "GET /orders/health")
DOCS = LineKey("orders/api", "public", "* /orders/docs")


def no_problem(_: Mapping[str, str], __: Collection[LineKey]) -> str:
    """Find no problem."""
    return ""


def applied(folder: Path, estate: Estate, *keys: LineKey) -> AccessModel:
    """Return the model after git applied the removal of these lines."""
    removal = removal_of(estate, keys, no_problem)
    assert removal.removed == keys
    for name, text in (("app0.yaml", API), ("app1.yaml", SHOP)):
        (folder / name).write_text(text)
    subprocess.run(
        ["git", "apply", "-"],
        input="".join(removal.diffs).encode(),
        cwd=folder,
        check=True,
    )
    texts = [(folder / f"app{n}.yaml").read_text() for n in (0, 1)]
    return model(*texts)


@pytest.mark.parametrize(
    "keys",
    [(CHECKOUT,), (WEB,), (DOCS,), (WEB, CHECKOUT), (WEB, DESK, DOCS)],
    ids=lambda keys: ", ".join(key.holder for key in keys),
)
def test_a_patch_removes_exactly_the_lines(
    keys: tuple[LineKey, ...], tmp_path: Path
) -> None:
    """Every other line stays, and nobody gets more access."""
    before = model(API, SHOP)
    after = applied(tmp_path, before.estate, *keys)
    wanted = {line.key for line in lines_of(before.estate)} - {*keys}
    assert {line.key for line in lines_of(after.estate)} == wanted
    assert not opened(diff(before, after))


def test_a_path_leaves_a_rule_with_several_paths() -> None:
    """The other paths of the rule stay public."""
    several = API.replace(
        "paths: [/orders/health]", "paths: [/orders/health, /orders/ready]"
    )
    estate = model(several, SHOP).estate
    (change,) = removal_of(estate, [HEALTH], no_problem).diffs
    assert "+              - {paths: [/orders/ready], methods" in change


def test_a_line_with_a_problem_stays(tmp_path: Path) -> None:
    """All other lines are removed. The reason comes from the check."""

    def check(_: Mapping[str, str], keys: Collection[LineKey]) -> str:
        return "opens a path" if HEALTH in keys else ""

    removal = removal_of(model(API, SHOP).estate, [CHECKOUT, HEALTH], check)
    assert removal.removed == (CHECKOUT,)
    assert removal.by_hand == {HEALTH: "opens a path"}
    assert len(removal.diffs) == 2


def test_a_component_without_rules_is_closed_by_hand() -> None:
    """A rule must be written, not removed."""
    key = LineKey("orders/api", "any token", "tokens of okta")
    removal = removal_of(model(API, SHOP).estate, [key], no_problem)
    assert removal.diffs == ()
    assert removal.by_hand == {
        key: "write an access trait with scopes and rules"
    }


@pytest.mark.parametrize("key", [CHECKOUT, HEALTH, SALES])
def test_a_missing_application_is_edited_elsewhere(key: LineKey) -> None:
    """A line without a position in a file stays."""
    estate = load_model(dump_model(model(API, SHOP))).estate
    removal = removal_of(estate, [key], no_problem)
    assert removal.by_hand == {
        key: "its Application is not here; name its folder with -f"
    }
