"""Another address of an external component answers its requests: a line of `diff`."""

from __future__ import annotations

from typing import Any

import pytest

from kong_oam.access.diff.change import Answer, Change
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.model import AccessModel
from tests.support.diffs import model, settings
from tests.support.estates import external

ACCESS = (
    "        - {type: access, properties: "
    "{owner: o, rules: [{methods: [GET], public: {reason: r}}]}}\n"
)


def behind(upstream: dict[str, Any], http: str = "{/: 8080}") -> AccessModel:
    gateway = {"upstreams": {"legacy/crm": upstream}}
    return model(external(http=http, more=ACCESS), on=settings(gateway=gateway))


OLD = behind({"host": "a.example.net", "scheme": "http"})


@pytest.mark.parametrize(
    ("upstream", "text"),
    [
        (
            {"host": "b.example.net", "scheme": "http"},
            "http to b.example.net:8080",
        ),
        (
            {"host": "a.example.net", "port": 81, "scheme": "http"},
            "http to a.example.net:81",
        ),
        (
            {
                "targets": [
                    {"host": "b.example.net"},
                    {"host": "a.example.net"},
                ],
                "scheme": "http",
            },
            "http to a.example.net:8080, b.example.net:8080",
        ),
    ],
)
def test_another_address_is_another_answer(
    upstream: dict[str, Any], text: str
) -> None:
    (change,) = diff(OLD, behind(upstream))
    assert isinstance(change, Change)
    assert change.kind == "answered by"
    assert change.answers == (
        Answer("legacy/crm", "8080", "http to a.example.net:8080", "o"),
        Answer("legacy/crm", "8080", text, "o"),
    )


def test_the_same_address_in_other_words_is_no_change() -> None:
    same = {"host": "A.example.net", "port": 8080, "scheme": "http"}
    assert diff(OLD, behind(same)) == ()
    checked = {"host": "a.example.net", "scheme": "http", "health": "/up"}
    assert diff(OLD, behind(checked)) == ()
