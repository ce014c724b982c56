"""Where a stack's fingerprint is the same before and after a change, a run of it would register the very same.

Pairs of the sample estate and one changed in one thing: the program is run on every stack of both, under Pulumi's
mocks. What is left out of the fingerprint on purpose is found so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.settings.stack import read_file, stack_file
from kong_oam.engine.state import STACK, from_outputs
from kong_oam.identity.kinds import describe
from kong_oam.render.stage import read_applications
from kong_oam.stacks import fingerprint as digests
from kong_oam.stacks import order
from kong_oam.stacks.order import Estates
from kong_oam.stacks.records import Known, Record
from tests.support.engine.partitions import partition, stack_of
from tests.support.mocks import States
from tests.support.partition_program import PARTITIONS, estate_at, run_all

APPLICATIONS = "applications/"
CHANGES: dict[str, tuple[str, str, str]] = {
    "image": ("orders", "orders:1.4", "orders:1.5"),
    "rule": (
        "orders",
        "{paths: [/orders], methods: [GET], scopes",
        "{paths: [/orders], methods: [GET, OPTIONS], scopes",
    ),
    "public": ("orders", "{paths: [/orders/health], methods: [GET]", "{paths: [/orders/alive], methods: [GET]"),
    "host": ("orders", "orders.example.com", "orders2.example.com"),
    "owner": ("orders", "owner: team-orders", "owner: team-sales"),
    "description": ("orders", "orders.read: Read orders", "orders.read: See orders"),
    "scope": (
        "orders",
        "methods: [POST, PUT, DELETE], scopes: [orders.write]}",
        "methods: [POST, PUT, DELETE], scopes: [orders.read, orders.write]}",
    ),
    "group": ("orders", "groups: [sales], components", "groups: [sales, order-desk], components"),
    "role": ("orders", "components: [shop/checkout, shop/web]", "components: [shop/web, shop/checkout]"),
    "workload": ("shop", "checkout:2.1", "checkout:2.2"),
    "redirect": ("shop", "redirectPaths: [/callback]", "redirectPaths: [/back]"),
    "grant": (
        "shop",
        "calls: [{component: orders/api, scopes: [orders.read, orders.write]}]",
        "calls: [{component: orders/api, scopes: [orders.read]}]",
    ),
    "rotation": ("shop", "kind: service\n", "kind: service\n            rotateEvery: 30d\n"),
    "waiver": ("shop", 'until: "2027-03-31"', 'until: "2027-02-28"'),
    "labels": ("hello", "metadata:\n", "metadata:\n  labels: {tier: front}\n"),
    "annotations": ("hello", "annotations: {owner: team-hello}", "annotations: {owner: team-hello, note: b}"),
    "refresh": ("reports", "refresh: true", "refresh: false"),
    "environment": ("reports", "value: info", "value: debug"),
    "order": ("reports", "dependsOn: [renderer]", "dependsOn: []"),
    "nothing": ("orders", "apiVersion", "# a line\napiVersion"),
}
"""By what it changes: an Application, a text that stands once in it, and what comes in its place."""

SETTINGS: dict[str, tuple[str, str]] = {
    "clear text is redirected": ("scheme: http\n", "scheme: http\n    plainHttp: redirect\n"),
    "headers are taken": ("scheme: http\n", "scheme: http\n    stripHeaders: [x-internal]\n"),
}
"""The same of settings."""


@dataclass(frozen=True, slots=True)
class World:
    """An estate, what is known of its stacks, and what the program registers and exports on each, by partition."""

    estates: Estates
    known: Known
    made: dict[str | None, Any]


def _world() -> World:
    """Of the project in the working directory, once all of its stacks have been run."""
    settings = read_file(stack_file(stack_of(None)), describe)
    reading = read_applications(settings.applications, settings.definitions, settings.stack.minor)
    compiled = compile_estate(reading, settings.stack)
    assert compiled.estate is not None, "\n".join(map(str, compiled.diagnostics))
    estates, states = Estates(settings, compiled.estate), States()
    registered = run_all(states)
    outputs: dict[str | None, Any] = {name: from_outputs(states[stack_of(name)]).outputs for name in registered}
    records = {name: Record("", "", None, estates.ids(one["clients"])) for name, one in outputs.items()}
    made = {
        name: ({(one.type, one.name): one for one in of_stack if one.type != STACK}, outputs[name])
        for name, of_stack in registered.items()
    }
    return World(estates, Known(records, outputs[None]["base"]), made)


def _edited(file: Path, old: str, new: str) -> World:
    text = file.read_text("utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
    file.write_text(text.replace(old, new), "utf-8")
    try:
        return _world()
    finally:
        file.write_text(text, "utf-8")


Worlds = tuple[World, dict[str, World]]


@pytest.fixture(scope="module", params=["okta", pytest.param("entra", marks=pytest.mark.deep)])
def worlds(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    """The sample estate as it is, and by what changes, with each change alone."""
    with estate_at(request.param, tmp_path_factory.mktemp("project")) as folder:
        partition(folder, PARTITIONS)
        changed = {name: _edited(folder / f"{APPLICATIONS}{of}.yaml", *texts) for name, (of, *texts) in CHANGES.items()}
        changed |= {name: _edited(folder / stack_file(stack_of(None)), *texts) for name, texts in SETTINGS.items()}
        yield _world(), changed


def _kept(before: World, after: World) -> set[str | None]:
    """The stacks whose fingerprint is the same."""
    return {
        name
        for name in before.made
        if before.estates.fingerprint(name, before.known) == after.estates.fingerprint(name, after.known)
    }


def _missed(before: World, after: World) -> set[str | None]:
    """The stacks that a command leaves out, and a run of which would make something else."""
    return {name for name in _kept(before, after) if before.made[name] != after.made[name]}


def test_what_is_left_out_would_register_the_same(worlds: Worlds) -> None:
    """After every change, and with every resource, in whatever order they come, and every output."""
    before, changed = worlds
    assert {name: missed for name, after in changed.items() if (missed := _missed(before, after))} == {}


def test_a_change_runs_few_of_the_stacks(worlds: Worlds) -> None:
    """Else the oracle would say nothing."""
    before, changed = worlds
    ran = {name: set(before.made) - _kept(before, after) for name, after in changed.items()}
    assert ran["nothing"] == set()
    for name in ("image", "rule", "public", "owner"):
        assert ran[name] == {"apis"}, name
    assert ran["waiver"] == {"shops"}
    assert ran["workload"] == {"shops"}
    for name in ("labels", "annotations", "environment", "order"):
        assert ran[name] == {"rest"}, name
    assert ran["grant"] - {"rest"} == {"apis", "shops"}  # at Entra any token means one for any API that is called
    for name in SETTINGS:
        assert ran[name] == set(before.made), name


_FIELDS = {
    "who calls from elsewhere": ("Estate", "foreign"),
    "rules": ("Component", "rules"),
    "scopes": ("Component", "scopes"),
    "calls": ("Client", "calls"),
    "properties": ("Component", "properties"),
    "labels": ("Application", "labels"),
    "redirects": ("Client", "redirect_uris"),
    "refresh tokens": ("Client", "refresh"),
    "endpoints": ("Component", "endpoints"),
    "of settings, the gateway": ("Settings", "gateway"),
}


@pytest.mark.parametrize("left_out", _FIELDS)
def test_what_is_left_out_of_the_fingerprint_is_found(
    worlds: Worlds, left_out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A field of one type, or all components of others: some change is missed then."""
    before, changed = worlds
    of, name = _FIELDS[left_out]
    if of == "Estate":
        usual = order.fingerprint
        monkeypatch.setattr(order, "fingerprint", lambda s, e, *more: usual(s, replace(e, foreign=()), *more))
    else:
        all_fields = digests.fields
        monkeypatch.setattr(
            digests, "fields", lambda one: [f for f in all_fields(one) if (type(one).__name__, f.name) != (of, name)]
        )
    assert any(_missed(before, after) for after in changed.values())
