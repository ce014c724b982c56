"""Reasons in an old configuration for which the first run beside it would stop."""

from __future__ import annotations

import pytest

from kong_oam.adopt.deck import read_deck
from kong_oam.adopt.stops import stops


def codes(text: str) -> list[str]:
    """Return the place and the code of each finding about a decK file."""
    raw = f'_format_version: "3.0"\n{text}'.encode()
    old, findings = read_deck([("kong.yaml", raw)])
    assert old is not None, findings
    return [f"{found.position}: {found.code}" for found in stops(old)]


TAGS = "_info: {select_tags: [old]}\n"


@pytest.mark.parametrize(
    "plugin",
    [
        "name: key-auth",
        "name: cors",
        "name: post-function",
        "name: unlisted",
        "name: rate-limiting, config: {minute: 5}",
        "name: correlation-id, config: {header_name: Authorization}",
        "name: http-log, config: {custom_fields_by_lua: {a: return 1}}",
    ],
)
def test_a_global_plugin_that_acts_is_named(plugin: str) -> None:
    assert codes(f"{TAGS}plugins:\n  - {{{plugin}}}\n") == [
        "kong.yaml:4:5: ENV427"
    ]


def test_a_global_plugin_that_every_component_replaces_stops_nothing() -> None:
    raw = b'_format_version: "3.0"\n_info: {select_tags: [old]}\nplugins: [{name: bot-detection}]\n'
    old, _ = read_deck([("kong.yaml", raw)])
    assert old is not None
    assert [found.code for found in stops(old)] == ["ENV427"]
    assert [*stops(old, frozenset({"bot-detection"}))] == []


@pytest.mark.parametrize(
    "plugin",
    [
        "name: prometheus",
        "name: correlation-id, config: {header_name: X-Id}",
        "name: key-auth, enabled: false",
        "name: key-auth, service: s",
        "name: ip-restriction, protocols: [tcp]",
    ],
)
def test_other_plugins_stop_nothing(plugin: str) -> None:
    text = (
        f"{TAGS}plugins:\n  - {{{plugin}}}\nservices: [{{name: s, host: h}}]\n"
    )
    assert codes(text) == []


def test_files_without_selected_tags_are_named() -> None:
    assert codes("services: []\n") == ["kong.yaml:1:1: ENV428"]
    text = "_info: {select_tags: [kong-oam]}\n"
    assert codes(text) == ["kong.yaml:1:1: ENV428"]
