"""Changed refusals and changed paths at the workload: one line each, and nothing else."""

from __future__ import annotations

import pytest

from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.wording import label, relevant_changes, row
from tests.support.diffs import model

BASE = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: crm}}
spec:
  components:
    - name: api
      type: webservice
      properties: {{image: crm}}
      traits:
        - {{type: gateway, properties: {{domain: crm.example.com, http: {{/: 80}}}}}}
        - type: access
          properties:
            owner: team
            scopes: {{read: Read}}
            {forward}
            rules:
              - {{paths: [/], methods: [GET], public: {{reason: x}}{refusals}}}
              - {{paths: [/db-manage-auth], methods: [GET], scopes: [read]}}
"""


def lines(
    old: tuple[str, str], new: tuple[str, str]
) -> list[tuple[str, str, str, str]]:
    """Return kind, callers, methods and place of each change. Each side has refusals, and
    forwards."""
    models = []
    for refusals, forward in (old, new):
        more = f", refusals: {refusals}" if refusals else ""
        paths = f"forward: {forward}" if forward else ""
        models.append(model(BASE.format(refusals=more, forward=paths)))
    changes = relevant_changes(diff(*models))
    return [(label(change), *row(change, "https")[:3]) for change in changes]


@pytest.mark.parametrize(
    ("old", "new", "kind", "place"),
    [
        (
            "{begins: [/db-manage-auth]}",
            "",
            "newly public",
            "/db-manage-auth* but not /db-manage-auth",
        ),
        ("{exactly: [/a/b]}", "", "newly public", "/a/b exactly"),
        ("{below: [/a]}", "", "newly public", "/a/*"),
        ("", "{below: [/a]}", "revoked", "/a/*"),
        (
            "{begins: [/a]}",
            "{below: [/a]}",
            "newly public",
            "/a* but not /a/*",
        ),
        (
            "{begins: [/a, /b]}",
            "{begins: [/b], exactly: [/ab]}",
            "newly public",
            "/a* but not /ab exactly",
        ),
    ],
)
def test_a_changed_refusal_is_a_line(
    old: str, new: str, kind: str, place: str
) -> None:
    """The line names the texts that open or close, and the declared paths that stay as they are."""
    url = f"https://crm.example.com{place}"
    expected = [(kind, "everybody", "GET,HEAD", url)]
    assert lines((old, ""), (new, "")) == expected


def test_an_equal_text_is_no_change() -> None:
    """`below: [/a]` and `begins: [/a/]` refuse the same paths."""
    assert lines(("{below: [/a]}", ""), ("{begins: [/a/]}", "")) == []


def test_a_letter_for_every_ending_hides_no_opening() -> None:
    """Refusals take every letter and digit behind `/a`; the path `/a-x` still opens."""
    signs = "abcdefghijklmnopqrstuvwxyz0123456789"
    taken = ", ".join(f"/a{sign}" for sign in signs)
    found = lines(
        (f"{{begins: [/a], exactly: [{taken}]}}", ""),
        (f"{{begins: [{taken}], exactly: [/a, /a/]}}", ""),
    )
    assert [(kind, place.partition(" ")[0]) for kind, _, _, place in found] == [
        ("newly public", "https://crm.example.com/a*")
    ]


@pytest.mark.parametrize(
    ("old", "new", "answers"),
    [
        ("{/crm: /}", "{/crm: /v1}", "/crm as / -> {}, /crm as /v1"),
        ("", "{/crm: /}", "same path -> {}, /crm as /"),
        ("{/crm: /}", "", "/crm as / -> {}, same path"),
    ],
)
def test_a_changed_path_at_the_workload_is_a_line(
    old: str, new: str, answers: str
) -> None:
    by = "crm/api:80 (team)"
    place = f"https://crm.example.com/crm: {by}, {answers.format(by)}"
    expected = [("now answered by crm/api", "everybody", "GET,HEAD", place)]
    assert lines(("", old), ("", new)) == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [("{/crm: /}", "{/crm: /, /crm/x: /x}"), ("", "{/crm: /crm}")],
)
def test_another_way_to_write_a_path_is_no_change(old: str, new: str) -> None:
    assert lines(("", old), ("", new)) == []
