"""`verify`: whether the Kong of a stack decides as the Applications mean.

The one place that knows both sides: what is meant is access's, how a Kong is read is the gateway's.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from access.cli.command import FOUND, OK, Command, UsageError
from access.cli.console import Colour, Console
from access.cli.estates import add_estate, estate_of, settings_of
from access.model import METHODS
from access.verify import KINDS, OTHER_METHOD, Exposure, Finding

if TYPE_CHECKING:
    from components.verify import Reason, Result

_DETAILS = """\
Reads the routes, services, plugins, consumers and credentials of the stack's Kong, works out who may call what with
them, and compares that with what the Applications here mean. Prints who may now call what that they may not, or no
longer (or perhaps not) what they may, by which entity, and what to do. Changes nothing. Exit status 1 where there is a
finding, 2 where Kong or the stack's outputs cannot be read.

  python -m access verify --stack aws
  pulumi stack output -s aws --json > outputs.json; python -m access verify --stack aws --outputs outputs.json

Kong's address and credentials are those of the stack: gateway.adminUrl or KONG_ADMIN_ADDR; KONG_ADMIN_TOKEN and
KONG_API_KEY, or the secrets of the stack's configuration.
"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_estate(parser)
    parser.add_argument(
        "--outputs", type=Path, metavar="FILE", help="the stack's outputs as JSON (default: asks `pulumi stack output`)"
    )


def _run(options: argparse.Namespace, console: Console) -> int:
    # Only this verb needs the gateway's side, and the SDKs behind it: the others start without them.
    from components.identity import describe
    from components.verify import UnverifiedError, verify

    settings = settings_of(options.stack, describe=describe)
    estate = estate_of(options.applications, settings)
    try:
        result = verify(settings, estate, options.outputs)
    except UnverifiedError as error:
        raise UsageError(str(error)) from None
    if console.json:
        console.print_json([_entry(finding, reasons) for finding, reasons in result.findings])
    else:
        console.print(*_lines(result, options.stack, console))
    return FOUND if result.findings else OK


def _lines(result: Result, stack: str, console: Console) -> Iterator[str]:
    for finding, reasons in result.findings:
        colour: Colour = "yellow" if finding.kind in ("weakened", "closed", "limited") else "red"
        yield f"{console.paint(colour, finding.kind)}: {_told(reasons)}"
        for exposure in finding.exposures:
            yield from (f"    {methods(exposure)} {url}" for url in exposure.urls)
            yield f"        {KINDS[finding.kind]} {', '.join(exposure.callers)}"
        if not finding.exposures:
            yield "    nobody may call anything else for it now, but it could replace what guards, or lead around it"
        yield from (f"    to do: {remedy}" for remedy in dict.fromkeys(reason.remedy for reason in reasons))
    yield _verdict(result, stack)


def _verdict(result: Result, stack: str) -> str:
    found, kinds = len(result.findings), {finding.kind for finding, _ in result.findings}
    if not found:
        return f"{result.components} exposed component(s): the Kong of stack '{stack}' decides as the Applications mean"
    if kinds == {"limited"}:
        return f"{found} finding(s): the Kong of stack '{stack}' may refuse what the Applications mean to be allowed"
    return f"{found} finding(s): the Kong of stack '{stack}' does not decide as the Applications mean"


def _told(reasons: tuple[Reason, ...]) -> str:
    return "; ".join(reason.text for reason in reasons) or "the Kong as it is"


def methods(exposure: Exposure) -> str:
    """`*` for all that rules can list."""
    listed = [method for method in exposure.methods if method != OTHER_METHOD]
    text = "*" if set(METHODS) <= set(listed) else ",".join(listed)
    return f"{text or 'none'} (and others)" if OTHER_METHOD in exposure.methods and text != "*" else text


def _entry(finding: Finding, reasons: tuple[Reason, ...]) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "reasons": [{"text": reason.text, "remedy": reason.remedy} for reason in reasons],
        "calls": [
            {"callers": list(one.callers), "methods": list(one.methods), "urls": list(one.urls)}
            for one in finding.exposures
        ],
    }


COMMAND = Command("verify", "compare a stack's Kong with what the Applications mean", _DETAILS, _arguments, _run)
