"""`verify` reads refusals from a table as the gate does."""

from __future__ import annotations

import json

import pytest

from kong_oam.access.paths import read_text
from kong_oam.kong.script import Table
from kong_oam.kong.table import table
from kong_oam.verify.gate import requirement
from kong_oam.verify.questions import Call
from tests.support.estates import api, estate

ACCESS = """{owner: t, scopes: {a: a}, rules: [
  {paths: [/], public: {reason: x}, refusals: {begins: [/x], exactly: [/y]}},
  {paths: [/], scopes: [a], refusals: {exactly: [/y]}}]}"""


def own_table() -> Table:
    found = estate(api(domain="a.test", http="{/: 80}", access=ACCESS))
    text = table(found, found.components["orders/api"], "80", "ring")
    read: Table = json.loads(text)
    return read


@pytest.mark.parametrize(
    ("target", "required"),
    [
        (b"/", "public"),
        (b"/x", [["a"]]),
        (b"/X1", [["a"]]),
        (b"/y", ()),
        (b"/y/", "public"),
    ],
)
def test_a_refused_call_has_the_other_requirements(
    target: bytes, required: object
) -> None:
    call = Call("https", "GET", "a.test", read_text(target))
    assert requirement(own_table(), call) == required


def test_an_opening_opens_no_refused_path() -> None:
    """It replaces the requirement of a rule, and the rule does not list the path."""
    opened = {"path": "/", "methods": ["GET"], "ends": 9e12}
    opened_table: Table = {**own_table(), "opened": opened}  # type: ignore[typeddict-item]
    call = Call("https", "GET", "a.test", read_text(b"/y"))
    assert requirement(opened_table, call) == ()
