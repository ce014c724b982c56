"""What is assumed of clients that are not here is all that they could be, and nothing where there is a stack."""

from __future__ import annotations

import datetime
from pathlib import Path

from kong_oam.access.absent import with_absent_clients
from kong_oam.access.callers import Callers
from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.matrix.rows import rows
from kong_oam.access.model import Estate
from kong_oam.access.principals import Condition, Principal, suffices
from kong_oam.access.settings.assumed import assumed
from kong_oam.oam.application import read_files
from tests.support.estates import api, estate

SAMPLE = sorted((Path(__file__).parents[3] / "applications").glob("*.yaml"))
ALONE = [file for file in SAMPLE if file.stem == "orders"]


def _estate(files: list[Path]) -> Estate:
    compiled = compile_estate(
        read_files(files), assumed("local", datetime.date(2026, 11, 25)).stack
    )
    assert compiled.estate is not None, compiled.diagnostics
    return with_absent_clients(compiled.estate)


def _access_of(of: Estate) -> dict[tuple[str, str, str, Principal], Condition]:
    """Who may call what of orders/api, by the start of the path."""
    return {
        (row.host, str(row.region.subtree), method, principal): condition
        for row in rows(of, Callers(of))
        if row.component == "orders/api"
        for method in row.methods
        for principal, condition in row.access.principals.items()
    }


def test_nobody_of_those_that_are_elsewhere_may_do_more_than_is_assumed() -> (
    None
):
    """The sample with all of it, and orders alone."""
    real, supposed = _access_of(_estate(SAMPLE)), _access_of(_estate(ALONE))
    elsewhere = {
        key for key in real if not key[-1].client.startswith("orders/")
    }
    assert {key[-1].users for key in elsewhere} == {True, False}
    assert elsewhere <= supposed.keys()
    assert all(
        suffices(groups, supposed[key])
        for key in elsewhere
        for groups in real[key]
    )


def test_with_a_stack_all_are_here() -> None:
    complete = estate(
        api(
            access="{owner: o, scopes: {s: s}, rules: [{scopes: [s]}], roles: {r: {scopes: [s], groups: [g]}}}"
        )
    )
    assert with_absent_clients(complete) is complete
