"""The removal of lines from Applications as a patch."""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.diff.snapshot import dump_model, load_model
from kong_oam.audit.report.lines import LineKey, lines_of
from kong_oam.audit.report.removal import ByHand, opened, removal_of
from tests.support.diffs import API as ORDERS
from tests.support.diffs import SHOP, model
from tests.support.old_credentials import ACME
from tests.support.old_credentials import ORDERS as ACCEPTING

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


def applied(
    folder: Path, texts: Collection[str], *keys: LineKey
) -> AccessModel:
    """Return the model after git applied the removal of these lines."""
    removal = removal_of(model(*texts).estate, keys, no_problem)
    assert removal.removed == keys
    for number, text in enumerate(texts):
        (folder / f"app{number}.yaml").write_text(text)
    subprocess.run(
        ["git", "apply", "-"],
        input="".join(removal.diffs).encode(),
        cwd=folder,
        check=True,
    )
    files = sorted(folder.glob("app*.yaml"))
    return model(*(file.read_text() for file in files))


def assert_removed(
    folder: Path, texts: Collection[str], *keys: LineKey
) -> None:
    """Assert that the removal leaves every other line, and gives nobody more access."""
    before = model(*texts)
    after = applied(folder, texts, *keys)
    wanted = {line.key for line in lines_of(before.estate)} - {*keys}
    assert {line.key for line in lines_of(after.estate)} == wanted
    assert not opened(diff(before, after))


@pytest.mark.parametrize(
    "keys",
    [(CHECKOUT,), (WEB,), (DOCS,), (WEB, CHECKOUT), (WEB, DESK, DOCS)],
    ids=lambda keys: ", ".join(key.holder for key in keys),
)
def test_a_patch_removes_exactly_the_lines(
    keys: tuple[LineKey, ...], tmp_path: Path
) -> None:
    """Every other line stays, and nobody gets more access."""
    assert_removed(tmp_path, (API, SHOP), *keys)


def test_a_path_leaves_a_rule_with_several_paths() -> None:
    """The other paths of the rule stay public."""
    several = API.replace(
        "paths: [/orders/health]", "paths: [/orders/health, /orders/ready]"
    )
    estate = model(several, SHOP).estate
    (change,) = removal_of(estate, [HEALTH], no_problem).diffs
    assert "+              - {paths: [/orders/ready], methods" in change


# Two paths of the gateway trait, and a rule for both.
TWO_PATHS = API.replace("{/orders: 8080}", "{/orders: 8080, /prices: 8080}")
EVERYWHERE = TWO_PATHS.replace(
    "{paths: [/orders/docs], public:", "{methods: [OPTIONS], public:"
)
GUIDE = LineKey("orders/api", "public", "* /orders/guide")
SEVERAL = API.replace(
    "paths: [/orders/docs]", "paths: [/orders/docs, /orders/guide]"
)


def test_a_rule_goes_with_its_last_path(tmp_path: Path) -> None:
    """Without its paths, the rule would have all paths of the gateway trait."""
    assert_removed(tmp_path, (SEVERAL, SHOP), DOCS, GUIDE)


@pytest.mark.parametrize(
    ("paths", "left"),
    [
        (
            ("/orders",),
            "{methods: [OPTIONS], public: {reason: documentation}, paths: [/prices]}",
        ),
        (("/orders", "/prices"), ""),
    ],
)
def test_a_rule_without_paths_keeps_the_other_paths(
    paths: tuple[str, ...], left: str, tmp_path: Path
) -> None:
    """The rule has all paths of the gateway trait, so it has to name the others."""
    keys = [
        LineKey("orders/api", "public", f"OPTIONS {path}") for path in paths
    ]
    assert_removed(tmp_path, (EVERYWHERE, SHOP), *keys)
    text = (tmp_path / "app0.yaml").read_text()
    assert left in text
    assert ("documentation" in text) == bool(left)


def test_a_line_with_a_problem_stays(tmp_path: Path) -> None:
    """All other lines are removed. The reason comes from the check."""

    def check(_: Mapping[str, str], keys: Collection[LineKey]) -> str:
        return "opens a path" if HEALTH in keys else ""

    removal = removal_of(model(API, SHOP).estate, [CHECKOUT, HEALTH], check)
    assert removal.removed == (CHECKOUT,)
    assert removal.by_hand == {HEALTH: ByHand("opens a path", "app0.yaml:20")}
    assert len(removal.diffs) == 2


def test_a_component_without_rules_is_closed_by_hand() -> None:
    """A rule must be written, not removed. The place is the gateway trait."""
    bare = API.partition("        - type: access")[0]
    key = LineKey("orders/api", "any token", "tokens of okta")
    removal = removal_of(model(bare).estate, [key], no_problem)
    assert removal.diffs == ()
    assert removal.by_hand == {
        key: ByHand(
            "write an access trait with scopes and rules", "app0.yaml:12"
        )
    }


@pytest.mark.parametrize("key", [CHECKOUT, HEALTH, SALES])
def test_a_missing_application_is_edited_elsewhere(key: LineKey) -> None:
    """A line without a position in a file stays."""
    estate = load_model(dump_model(model(API, SHOP))).estate
    removal = removal_of(estate, [key], no_problem)
    assert removal.by_hand == {
        key: ByHand("its Application is not here; name its folder with -f")
    }


# A partner with a key only; a service with a key and tokens; and a second API with keys.
PARTNER = LineKey("orders/api", "old credential", "acme/partner as acme by key")
JOB = LineKey("orders/api", "old credential", "jobs/job as jobs by key")
JOB_AT_PRICES = LineKey(
    "prices/api", "old credential", "jobs/job as jobs by key"
)
PRICES = (
    ACCEPTING.replace("orders", "prices")
    .replace("acme/partner", "jobs/job")
    .replace("read", "prices.read")
    .replace("write", "prices.write")
)
SHARED = ACCEPTING.replace("[acme/partner]", "[acme/partner, jobs/job]")
JOBS = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: jobs, namespace: jobs}
spec:
  components:
    - name: job
      type: worker
      properties: {image: x}
      traits:
        - type: client
          properties:
            kind: service
            before: {consumer: jobs, by: key-auth, until: 2027-03-31, reason: keys}
            calls:
              - {component: orders/api, scopes: [read]}
              - {component: prices/api, scopes: [prices.read]}
"""
WITH_KEYS = (SHARED, ACME, JOBS, PRICES)


@pytest.mark.parametrize(
    "keys",
    [
        (PARTNER,),
        (JOB, JOB_AT_PRICES),
        (PARTNER, JOB),
        (JOB_AT_PRICES,),
        (PARTNER, JOB, JOB_AT_PRICES),
    ],
    ids=["calls", "before", "acceptBefore", "of an api", "all"],
)
def test_old_credentials_end_by_the_entry_that_gives_nothing_else(
    keys: tuple[LineKey, ...], tmp_path: Path
) -> None:
    """A call without tokens, a `before`, or an `acceptBefore`. Tokens stay. A partner without a call
    has no role."""
    assert_removed(tmp_path, WITH_KEYS, *keys)
    is_holder = "acme/partner" in (tmp_path / "app0.yaml").read_text()
    assert is_holder == (PARTNER not in keys)


def test_an_old_credential_with_shared_entries_ends_by_hand() -> None:
    """The client keeps its key for the other API, and the partner keeps its key here."""
    removal = removal_of(model(*WITH_KEYS).estate, [JOB], no_problem)
    assert removal.removed == ()
    assert removal.by_hand == {
        JOB: ByHand(
            "its `before`, and `acceptBefore` at app0.yaml:22, give other lines, too; "
            "revoke these lines as well",
            "app2.yaml:14",
        )
    }


def test_old_credentials_of_an_entry_are_tried_together() -> None:
    """A problem of another line leaves them in the patch."""

    def check(texts: Mapping[str, str], keys: Collection[LineKey]) -> str:
        if not texts:
            return "another entry still gives it"
        return "opens a path" if PARTNER in keys else ""

    keys = [JOB, PARTNER, JOB_AT_PRICES]
    removal = removal_of(model(*WITH_KEYS).estate, keys, check)
    assert removal.removed == (JOB, JOB_AT_PRICES)
    assert [*removal.by_hand] == [PARTNER]
