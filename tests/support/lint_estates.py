"""Find lint's findings in files, styles of YAML to write them in, and every answer of the gateway
to compare."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping

import yaml

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.decide import Request, decide
from kong_oam.access.issue import User, issue
from kong_oam.access.lint.finding import LintFinding
from kong_oam.access.lint.lint import lint
from kong_oam.access.model import METHODS, Estate, Stack
from kong_oam.access.paths import written
from kong_oam.access.tokens import Claims, Refusal
from kong_oam.oam.application import join_readings, read_bytes
from tests.support.estates import STACK
from tests.support.json_object import JsonObject

AS_OF = datetime.date(2026, 11, 25)

Data = JsonObject
Files = Mapping[str, str]


class _Indented(yaml.SafeDumper):
    """Sequences are indented below their key, as people write them."""

    def increase_indent(
        self, flow: bool = False, indentless: bool = False
    ) -> None:
        super().increase_indent(flow, False)


def _flow(data: Data) -> str:
    return yaml.safe_dump(
        data, default_flow_style=True, sort_keys=False, width=10_000
    )


def _mixed(data: Data) -> str:
    return yaml.dump(
        data,
        Dumper=_Indented,
        default_flow_style=None,
        sort_keys=False,
        width=10_000,
    )


def _block(data: Data) -> str:
    return yaml.safe_dump(data, default_flow_style=False, sort_keys=False)


def _commented(data: Data) -> str:
    """Write block style with a comment before and behind every line, and some blank lines."""
    lines = yaml.dump(
        data, Dumper=_Indented, default_flow_style=False, sort_keys=False
    ).splitlines()
    return "".join(
        f"{'' if number % 5 else chr(10)}# before {number}\n{line}  # behind {number}\n"
        for number, line in enumerate(lines)
    )


def _multiline_flow(data: Data) -> str:
    """Write JSON, indented: flow style over many lines, which is valid YAML."""
    return yaml.safe_dump(
        data, default_flow_style=True, sort_keys=False, width=20
    )


def _crlf(data: Data) -> str:
    return _mixed(data).replace("\n", "\r\n")


STYLES: Mapping[str, Callable[[Data], str]] = {
    "flow": _flow,
    "mixed": _mixed,
    "block": _block,
    "commented": _commented,
    "flow over many lines": _multiline_flow,
    "crlf": _crlf,
}


def styled(orders: str, shop: str, style: str) -> dict[str, str]:
    """Return the files of two Applications, written anew in a style."""
    write = STYLES[style]
    return {
        "orders.yaml": write(yaml.safe_load(orders)),
        "shop.yaml": write(yaml.safe_load(shop)),
    }


def linted(
    files: Files, stack: Stack = STACK
) -> tuple[Estate, tuple[LintFinding, ...]]:
    """Return lint's findings, and the estate that has them."""
    reading = join_readings(
        read_bytes(name, text.encode()) for name, text in files.items()
    )
    compiled = compile_estate(reading, stack)
    assert compiled.estate is not None, "\n".join(
        map(str, compiled.diagnostics)
    )
    return compiled.estate, lint(reading.applications, compiled.estate, AS_OF)


def answers(estate: Estate) -> dict[tuple[str, ...], int]:
    """Return the status by method, URL and caller: every method, at and below every path of a rule,
    all clients and groups."""
    groups = sorted(
        {
            group
            for component in estate.components.values()
            for role in component.identity.roles
            for group in role.groups
        }
    )
    paths = {
        rule.path
        for component in estate.exposed
        for rule in component.exposure.rules
    } | {
        (),
        ("orders", "v1"),
    }
    targets = {
        written(path + below)
        for path in paths
        for below in ((), ("x",), ("V1",))
    }
    return {
        (method, host, target, caller): decide(
            estate, Request(method, host, target.encode()), claims
        ).status
        for host in estate.by_host
        for target in targets
        for method in METHODS
        for caller, claims in _principals(estate, groups)
    }


def _principals(
    estate: Estate, groups: list[str]
) -> Iterator[tuple[str, Claims | Refusal | None]]:
    yield "nobody", None
    for client in estate.clients:
        provider = estate.stack.providers[client.provider]
        for group in groups if client.user_facing else [""]:
            user = (
                User("somebody", (provider.group(group),))
                if client.user_facing
                else None
            )
            yield f"{client.component} {group}", issue(provider, client, user)
