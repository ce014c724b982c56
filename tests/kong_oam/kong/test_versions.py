"""Which versions and settings of Kong a run accepts, on the sandbox's Kong (a stand-in)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from kong_oam.kong import versions
from kong_oam.kong.account import Account
from kong_oam.kong.admin import AdminError
from kong_oam.kong.at_kong import TraitPlugin
from kong_oam.kong.plugins import SchemaError, config_json
from kong_oam.kong.preflight import PreflightError, inspect
from kong_oam.kong.trait_plugins import features_of
from sandbox.kong import Kong
from sandbox.kong.plugin_schemas import PLUGIN_SCHEMAS
from tests.support.estates import api, estate


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("2.8.1", "Kong 2.8.1 is too old; use 3.4 or newer"),
        ("3.3.1", "Kong 3.3.1 is too old; use 3.4 or newer"),
        (
            "3.6.0",
            "Kong 3.6.0 sends an encoded space (%20) to workloads as a space; use 3.7 or newer",
        ),
        ("3.6.1", "Kong 3.6.1 sends an encoded space"),
        ("3.6.1.8-enterprise-edition", "Kong 3.6.1.8-enterprise-edition sends"),
    ],
)
def test_a_version_that_is_known_to_fail_is_refused(
    version: str, message: str
) -> None:
    """The message has the defect and the first version without it."""
    with (
        Kong(version=version) as kong,
        pytest.raises(PreflightError, match=re.escape(message)),
    ):
        inspect(Account(kong.admin_url))


@pytest.mark.parametrize("version", ["3.4.0", "3.7.1", "3.10.1", "4.0.0"])
def test_a_version_without_a_live_test_is_a_warning(version: str) -> None:
    """The warning has the command to try."""
    with Kong(version=version) as kong:
        *_, warning = inspect(Account(kong.admin_url)).warnings
    assert (warning.code, warning.severity) == ("ENV429", "warning")
    assert f"not on {version}; run them on a Kong" in warning.message
    assert "make test-live KONG_ADMIN_URL=" in warning.message


@pytest.mark.parametrize("version", ["3.9.1", "3.10.0"])
def test_a_version_that_the_live_tests_ran_on_is_no_warning(
    version: str,
) -> None:
    """The exact version counts, not its release."""
    with Kong(version=version) as kong:
        assert inspect(Account(kong.admin_url)).warnings == ()


@pytest.mark.parametrize(
    ("version", "has_flaw"),
    [("3.4.2", True), ("3.5.0", True), ("3.7.0", False)],
)
def test_a_flaw_that_no_script_can_mend_is_a_warning(
    version: str, has_flaw: bool
) -> None:
    """Kong 3.4.2 was seen to take the body of a HEAD for the next request."""
    with Kong(version=version) as kong:
        found = inspect(Account(kong.admin_url)).warnings
    messages = [warning.message for warning in found]
    start = f"Kong {version} takes the body of a HEAD to an unknown host"
    assert any(text.startswith(start) for text in messages) is has_flaw


def test_no_version_of_enterprise_ran() -> None:
    """A version of Enterprise has two more parts, and the name."""
    assert versions.warnings_of("3.10.0.0-enterprise-edition")
    assert versions.release_of("3.10.0.0-enterprise-edition") == (3, 10, 0, 0)
    assert versions.defect_of("3.10.0.0-enterprise-edition") is None


@pytest.mark.parametrize("mode", ["sandbox", "lax", "on"])
def test_modes_in_which_the_scripts_run_are_accepted(mode: str) -> None:
    """A Kong that does not name its mode has the default of its time, sandbox."""
    with Kong(configuration={"untrusted_lua": mode}) as kong:
        assert inspect(Account(kong.admin_url)).version
    with Kong(configuration={}) as kong:
        assert inspect(Account(kong.admin_url)).version


@pytest.mark.parametrize("mode", ["strict", "off", "stricter"])
def test_modes_in_which_the_scripts_fail_are_refused(mode: str) -> None:
    """The message has the setting to change and its effect. Enterprise 3.14 starts
    with `strict`."""
    with (
        Kong(configuration={"untrusted_lua": mode}) as kong,
        pytest.raises(PreflightError) as raised,
    ):
        inspect(Account(kong.admin_url))
    message = str(raised.value)
    assert f"(untrusted_lua={mode})" in message
    assert "set untrusted_lua=lax (from 3.14) or sandbox" in message
    assert "permit scripts to choose the workload" in message


def test_a_router_of_expressions_is_refused() -> None:
    """Before anything is made, not by `verify` alone."""
    with (
        Kong(configuration={"router_flavor": "expressions"}) as kong,
        pytest.raises(
            AdminError,
            match="router_flavor 'expressions' is not supported; set "
            "router_flavor=traditional_compatible",
        ),
    ):
        inspect(Account(kong.admin_url))


def test_a_field_that_the_gateway_lacks_is_refused_with_the_version_that_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A Kong before 3.6 has no `redis` of rate-limiting."""
    limiting = PLUGIN_SCHEMAS["rate-limiting"]
    config = limiting.fields["config"]
    fields = {
        name: item for name, item in config.fields.items() if name != "redis"
    }
    older = replace(
        limiting,
        fields={
            **limiting.fields,
            "config": replace(config, fields=fields, former={}),
        },
    )
    monkeypatch.setitem(PLUGIN_SCHEMAS, "rate-limiting", older)  # type: ignore[arg-type]
    plugin = TraitPlugin(
        "rate-limit", "rate-limiting", {"redis": {"host": "redis.example.com"}}
    )
    with Kong(version="3.4.2") as kong:
        account = Account(kong.admin_url)
        message = (
            "Kong 3.4.2: plugin rate-limiting: this gateway's schema lacks redis; use Kong 3.6 or "
            "newer, or remove the setting that needs it"
        )
        with pytest.raises(PreflightError, match=re.escape(message)):
            inspect(account, more=[plugin])
        inspect(account, more=[replace(plugin, config={"minute": 5})])


def test_the_version_of_several_fields_is_the_last_of_theirs() -> None:
    """A field that no table knows has no version."""
    schema = {"fields": [{"config": {"type": "record", "fields": []}}]}
    config = {"propagation": {}, "traces_endpoint": "http://traces"}
    with pytest.raises(SchemaError, match=r"use Kong 3\.8 or newer, or remove"):
        config_json(schema, "opentelemetry", config)
    with pytest.raises(SchemaError, match="or a newer Kong"):
        config_json(schema, "opentelemetry", {**config, "nope": 1})


@pytest.mark.parametrize(
    ("retries", "needs"),
    [
        ("{count: 2}", False),
        ("{count: 0, methods: [GET]}", False),
        ("{count: 2, methods: [GET, HEAD, PUT, DELETE, OPTIONS, POST]}", False),
        ("{count: 2, methods: [GET]}", True),
    ],
)
def test_fewer_methods_with_retries_need_a_function_of_newer_versions(
    retries: str, needs: bool
) -> None:
    """Without it, Kong would repeat a PUT that the trait excludes."""
    trait = f"        - {{type: limits, properties: {{retries: {retries}}}}}\n"
    made = estate(api("shop") + trait)
    features = features_of(made)
    assert bool(features) is needs
    with Kong(version="3.7.1") as kong:
        account = Account(kong.admin_url)
        if not needs:
            inspect(account, features=features)
            return
        with pytest.raises(
            PreflightError,
            match=re.escape(
                "Kong 3.7.1 lacks kong.service.set_retries, which the trait limits of 'shop/api' "
                "needs; use Kong 3.8 or newer"
            ),
        ):
            inspect(account, features=features)
    with Kong(version="3.8.0") as kong:
        inspect(Account(kong.admin_url), features=features)


FORMER = {
    "type": "string",
    "translate_backwards": ["redis", "host"],
}
NAMED: dict[str, Any] = {
    **FORMER,
    "deprecation": {"replaced_with": [{"path": ["redis", "host"]}]},
}


@pytest.mark.parametrize("former", [FORMER, NAMED], ids=["3.6", "3.8"])
def test_a_former_name_has_the_value_of_its_current_name(
    former: dict[str, Any],
) -> None:
    """Kong prints both. Versions 3.6 and 3.7 name the current field in another entry."""
    record = {
        "type": "record",
        "fields": [
            {"redis": {"type": "record", "fields": [{"host": {}}]}},
        ],
        "shorthand_fields": [{"redis_host": former}, {"gone": {}}],
    }
    schema = {"fields": [{"config": record}]}
    made = config_json(schema, "rate-limiting", {"redis": {"host": "r"}})
    assert made == '{"redis":{"host":"r"},"redis_host":"r"}'
