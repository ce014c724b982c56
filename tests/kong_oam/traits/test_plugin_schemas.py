"""A gateway's findings about plugins by name: on the sandbox's Kong (a stand-in), and as a Kong
3.10 answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kong_oam.diagnostics import Diagnostic
from kong_oam.kong import preflight
from kong_oam.kong.account import Account
from kong_oam.kong.plugins import SchemaError, config_json
from kong_oam.traits.kong_plugin.schemas import inspect, schema_findings
from kong_oam.traits.kong_plugin.value import KONG_PLUGIN
from sandbox.kong import Kong
from sandbox.kong.http import Request, Response
from tests.support.estates import estate
from tests.support.kong_plugins import application_with_plugins
from tests.support.sandbox import kong_recordings as recordings


@pytest.fixture(scope="module")
def kong() -> Iterator[Kong]:
    with Kong() as gateway:
        yield gateway


class Recorded:
    """An Admin API that has the schemas of a Kong 3.10, and refuses what it is told to."""

    def __init__(self, **fields: Any) -> None:
        self._fields = fields

    def get(self, path: str) -> Any:
        if path == "/":
            return {
                "plugins": {
                    "available_on_server": dict.fromkeys(
                        ("datadog", "http-log", "rate-limiting", "acl", "acme"),
                        True,
                    )
                }
            }
        return recordings.schema(f"plugins/{path.rpartition('/')[2]}.json")

    def validation_errors(self, path: str, fields: Any) -> Any:
        assert path == "/schemas/plugins/validate" and fields.keys() == {
            "name",
            "config",
        }
        return self._fields


def said(trait: str, **fields: Any) -> list[Diagnostic]:
    return [
        *schema_findings(
            Recorded(**fields),
            estate(application_with_plugins(trait))
            .components["orders/api"]
            .traits[KONG_PLUGIN],
        )
    ]  # type: ignore[arg-type]


def at(found: list[Diagnostic]) -> list[tuple[str, str, str]]:
    """Code, message and the text that the place begins with."""
    shown = []
    for finding in found:
        assert finding.position is not None
        line, caret = finding.position.excerpt().splitlines()[-2:]
        shown.append(
            (finding.code, finding.message, line[caret.index("^") :][:14])
        )
    return shown


def test_nothing_is_asked_where_nothing_is_asked_for() -> None:
    assert (
        inspect(
            Account("http://127.0.0.1:9"), estate(application_with_plugins())
        )
        == ()
    )


def test_a_gateway_that_has_all_of_it_finds_nothing(kong: Kong) -> None:
    known = estate(
        application_with_plugins(
            "{name: correlation-id, config: {header_name: X-Cid}}",
            "{name: bot-detection, config: {deny: [a]}}",
        )
    )
    assert inspect(Account(kong.admin_url), known) == ()


def test_a_plugin_that_the_gateway_does_not_have_is_named(kong: Kong) -> None:
    """With what is nearest."""
    (finding,) = at(
        [
            *inspect(
                Account(kong.admin_url),
                estate(application_with_plugins("{name: bot-detecton}")),
            )
        ]
    )
    assert finding == (
        "ENV418",
        "this Kong has no plugin 'bot-detecton'; did you mean 'bot-detection'?",
        "bot-detecton}",
    )


def test_fields_and_values_are_found_where_they_stand(kong: Kong) -> None:
    """In Kong's own words."""
    wrong = "{name: correlation-id, config: {header_nam: x, generator: uuids}}"
    words = "this Kong rejects the configuration of correlation-id: "
    assert at(
        [
            *inspect(
                Account(kong.admin_url), estate(application_with_plugins(wrong))
            )
        ]
    ) == [
        (
            "ENV418",
            f"{words}config.header_nam: unknown field",
            "x, generator: ",
        ),
        (
            "ENV418",
            f"{words}config.generator: expected one of: uuid, uuid#counter, tracker",
            "uuids}}",
        ),
    ]


def test_errors_in_lists_and_of_several_fields_have_a_place() -> None:
    """As a Kong 3.10 answered: nested as the entity is, with null where nothing is wrong, or as one text of all."""
    trait = "{name: datadog, config: {metrics: [{name: latency, stat_type: timer}, {name: latency, stat_type: x, tags: [3]}]}}"
    fields = {
        "config": {
            "metrics": [
                None,
                {
                    "stat_type": "expected one of: ...",
                    "tags": ["expected a string"],
                },
            ]
        }
    }
    found = at(said(trait, **fields))
    assert [where for _, _, where in found] == [
        "[{name: latenc",
        "[{name: latenc",
    ]
    both = {
        "@entity": [
            "exactly one of these fields must be non-empty: 'config.allow', 'config.deny'"
        ]
    }
    assert [
        where
        for _, _, where in at(
            said("{name: acl, config: {allow: [a], deny: [b]}}", **both)
        )
    ] == ["[a], deny: [b]"]
    whole = {
        "config": "The limit for hour(3.0) cannot be lower than the limit for minute(5.0)"
    }
    assert [
        where
        for _, _, where in at(
            said("{name: rate-limiting, config: {minute: 5, hour: 3}}", **whole)
        )
    ] == ["{minute: 5, ho"]


def test_a_former_name_is_refused() -> None:
    """Kong takes it, and prints both: a run could never compare them."""
    (finding,) = at(
        said("{name: rate-limiting, config: {minute: 5, redis_host: x}}")
    )
    words = "plugin rate-limiting: this gateway's schema lacks redis_host; use the current name, or a newer Kong"
    assert finding == ("ENV418", words, "{minute: 5, re")


def test_what_kong_would_encrypt_does_not_stand_in_clear() -> None:
    """An address without credentials is no secret."""
    assert (
        said(
            "{name: http-log, config: {http_endpoint: 'https://logs.example.com/in'}}"
        )
        == []
    )
    assert (
        said(
            "{name: http-log, config: {http_endpoint: '{vault://orders/endpoint}'}}"
        )
        == []
    )
    (finding,) = at(
        said(
            "{name: http-log, config: {http_endpoint: 'https://me:secret@logs.example.com'}}"
        )
    )
    assert (
        finding[0] == "ACC248"
        and "config.http_endpoint is a secret for Kong" in finding[1]
    )
    *_, finding = at(
        said("{name: http-log, config: {http_endpoint: 'http://[::1'}}")
    )
    assert finding[0] == "ACC248", "nobody can read it as an address"
    (finding,) = at(
        said(
            "{name: rate-limiting, config: {minute: 5, redis: {password: hunter2}}}"
        )
    )
    assert finding[0] == "ACC248" and finding[2] == "hunter2}}}"


def test_a_plugin_that_stands_before_everything_is_refused() -> None:
    """`acme`, say: Kong has it for no single service."""
    (finding,) = at(
        said("{name: acme, config: {account_email: '{vault://orders/mail}'}}")
    )
    assert (
        finding[0] == "ENV418"
        and "cannot act on a single component" in finding[1]
    )


def _own(trait: str, name: str) -> str:
    return application_with_plugins(trait, name=name).replace(
        "orders.example.com", f"{name}.example.com"
    )


def test_a_configuration_that_is_refused_is_found_wherever_it_stands(
    kong: Kong,
) -> None:
    """It is asked about once, and each place is said."""
    validated: list[str] = []

    def counted(request: Request, proceed: Callable[[], Response]) -> Response:
        validated.extend(
            [request.target] if request.target.endswith("/validate") else []
        )
        return proceed()

    kong.faults = counted
    trait = "{name: correlation-id, config: {generator: uuids}}"
    found = inspect(
        Account(kong.admin_url), estate(_own(trait, "one"), _own(trait, "two"))
    )
    kong.faults = None
    assert [str(finding.position).split(":")[0] for finding in found] == [
        "app1.yaml",
        "app2.yaml",
    ]
    assert len(validated) == 1


def test_what_a_run_asks_of_every_gateway_is_the_same_for_any_estate() -> None:
    """It reads the version, and the schemas of the guards."""
    targets: list[str] = []

    def counted(request: Request, proceed: Callable[[], Response]) -> Response:
        targets.append(request.target)
        return proceed()

    with Kong() as gateway:
        gateway.faults = counted
        preflight.inspect(Account(gateway.admin_url))
    assert targets == [
        "/",
        *(
            f"/schemas/plugins/{kind}"
            for kind in ("pre-function", "jwt", "post-function")
        ),
    ]


@pytest.mark.parametrize("value", [7, "text", ["redis"]])
def test_what_is_no_record_does_not_fit_a_schema(value: Any) -> None:
    """It is said, whatever stands there."""
    fields = [
        {"redis": {"type": "record", "fields": [{"host": {"type": "string"}}]}}
    ]
    schema = {"fields": [{"config": {"type": "record", "fields": fields}}]}
    with pytest.raises(
        SchemaError, match=r"plugin x\.redis: .* is not an object"
    ):
        config_json(schema, "x", {"redis": value})
