"""Exported models that somebody edited: each is rejected or compared, without a crash."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.snapshot import ModelError, dump_model, load_model
from kong_oam.access.diff.wording import row
from kong_oam.cli.changes import document
from tests.support.diffs import API, BEFORE, SHOP, model
from tests.support.tiers import examples

DATABASE = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: data}
spec:
  components:
    - name: mysql
      type: webservice
      properties: {image: mysql, ports: [{port: 3306}]}
      traits:
        - type: access
          properties: {owner: team-data, internal: [{port: 3306, components: [orders/api, shop/web]}]}
"""
LINES = dump_model(model(API, SHOP, DATABASE)).split("\n")
JUNK = st.sampled_from(
    [
        None,
        0,
        -1.5,
        True,
        10**30,
        "",
        "x",
        "\x1b[31m",
        [],
        {},
        [[]],
        ["a"],
        [None],
        [1, 2, 3],
        {"a": 1},
    ]
)


def edited(data: st.DataObject, value: Any) -> Any:
    """Return `value` with a replaced or removed part."""
    if (
        not isinstance(value, dict | list)
        or not value
        or data.draw(st.integers(0, 5)) == 0
    ):
        return data.draw(JUNK)
    at = data.draw(
        st.sampled_from(
            sorted(value) if isinstance(value, dict) else range(len(value))
        )
    )
    inner = value[at]
    value = value.copy()
    if data.draw(st.integers(0, 4)) == 0:
        del value[at]
    else:
        value[at] = edited(data, inner)
    return value


@settings(
    max_examples=examples(400),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.integers(1, len(LINES) - 1), st.data())
def test_an_edited_model_is_refused_or_compared(
    line: int, data: st.DataObject
) -> None:
    """The edit is anywhere: an accepted model can be compared and printed in both directions."""
    name, _, text = LINES[line].partition(" ")
    part = json.dumps(edited(data, json.loads(text)))
    try:
        read = load_model(
            "\n".join([*LINES[:line], f"{name} {part}", *LINES[line + 1 :]])
        )
    except ModelError:
        return
    for old, new in ((read, BEFORE), (BEFORE, read)):
        changes = diff(old, new)
        assert document(changes, "https")
        for change in changes:
            assert all(map(str.isprintable, row(change, "https")))


@pytest.mark.parametrize(
    "lines",
    [
        [f"stack {'[' * 100_000}"],
        [LINES[1], 'orders/api {"provider": "okta"}', "orders {}"],
        [LINES[1], 'orders/a\x1bpi {"provider": "okta"}'],
        [LINES[1], 'orders/api {"provider": "nobody"}'],
        [
            LINES[1],
            'orders/api {"provider": "okta", "clients": [["web", "nobody", [], []]]}',
        ],
        ['orders/api {"provider": "okta"}'],
        [
            LINES[1],
            'a/b {"provider": "okta", "facts": {"": {"internal": {"p q": []}}}}',
        ],
    ],
)
def test_an_invalid_model_is_rejected(lines: list[str]) -> None:
    """Examples are too much nesting, invalid names, unknown providers, and a missing stack."""
    with pytest.raises(ModelError, match="not a model that a stack exports"):
        load_model("\n".join(["1", *lines]))
