"""`check`: what is wrong in Applications, and what somebody should look at."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from kong_oam.access.compile.estate import Compiled, compile_estate
from kong_oam.access.lint import sarif
from kong_oam.access.lint.finding import LintFinding
from kong_oam.access.lint.lint import lint
from kong_oam.cli.command import FOUND, OK, Command, UsageError, quoted
from kong_oam.cli.console import Console
from kong_oam.cli.estates import add_stack, judging_settings, no_stack_is_here, place_entry, reading_of
from kong_oam.codes import CODES
from kong_oam.diagnostics import Diagnostic, errors

_DETAILS = """\
Reads Applications and prints everything that is wrong in them, with file, line and column. Where nothing is, it prints
what lint finds, with the change that mends it as a diff where one is certain (`patch -p0` takes it). Dates are judged
by the stack's asOf. Provisions nothing, calls nobody. Exit status 1 where there is an error or a finding of lint.

  python -m kong_oam check
  python -m kong_oam check applications/orders.yaml --stack aws
  python -m kong_oam check --sarif check.sarif
"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="files, folders and globs (default: what the stack names, or else applications)",
    )
    add_stack(parser)
    parser.add_argument("--sarif", type=Path, metavar="FILE", help="write all of it to FILE as SARIF 2.1.0, too")


def _run(options: argparse.Namespace, console: Console) -> int:
    settings = judging_settings(options.stack)
    reading = reading_of(options.paths, settings)
    if not reading.applications and not reading.diagnostics:
        named = " ".join(map(quoted, options.paths or settings.applications))
        raise UsageError(f"no Application is in {named}; `python -m kong_oam new` writes one")
    compiled = compile_estate(reading, settings.stack)
    findings = lint(reading.applications, compiled.estate, settings.as_of) if compiled.estate else ()
    if options.sarif:
        _write_sarif(options.sarif, (*compiled.diagnostics, *(finding.diagnostic for finding in findings)))
    if console.json:
        console.print_json(_document(compiled, findings))
    else:
        console.print(*(_shown(diagnostic, console) for diagnostic in compiled.diagnostics))
        for finding in findings:
            _print_finding(finding, console)
        console.print(_summary(compiled, findings))
    return FOUND if errors(compiled.diagnostics) or findings else OK


def _write_sarif(file: Path, diagnostics: tuple[Diagnostic, ...]) -> None:
    try:
        file.write_text(json.dumps(sarif.document(diagnostics, Path.cwd(), CODES), indent=2), "utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from None


def _shown(diagnostic: Diagnostic, console: Console) -> str:
    mark = f"{diagnostic.severity} {diagnostic.code}"
    colour = console.paint("red" if diagnostic.severity == "error" else "yellow", mark)
    return str(diagnostic).replace(mark, colour, 1)


def _print_finding(finding: LintFinding, console: Console) -> None:
    console.print(_shown(finding.diagnostic, console), f"      = {finding.remedy}")
    if suggestion := finding.suggestion():
        console.print_exactly(*(_painted(line, console) for line in suggestion.removesuffix("\n").split("\n")))


def _painted(line: str, console: Console) -> str:
    if line.startswith("+"):
        return console.paint("green", line)
    return console.paint("red", line) if line.startswith("-") else line


def _summary(compiled: Compiled, findings: tuple[LintFinding, ...]) -> str:
    if compiled.estate is None:
        return f"{len(errors(compiled.diagnostics))} error(s); nothing would be provisioned"
    what = f"{len(compiled.estate.applications)} application(s), {len(compiled.estate.components)} component(s)"
    by = (
        "; no stack is here, so that none says what hosts, providers and groups there are" if no_stack_is_here() else ""
    )
    return f"{what}: no errors" + (f", {len(findings)} finding(s)" if findings else "") + by


def _document(compiled: Compiled, findings: tuple[LintFinding, ...]) -> dict[str, Any]:
    return {
        "usable": compiled.estate is not None,
        "diagnostics": [_entry(diagnostic) for diagnostic in compiled.diagnostics],
        "findings": [_finding(finding) for finding in findings],
    }


def _entry(diagnostic: Diagnostic) -> dict[str, Any]:
    where = place_entry(diagnostic.place) or {}
    return {"severity": diagnostic.severity, "code": diagnostic.code, "message": diagnostic.message, **where}


def _finding(finding: LintFinding) -> dict[str, Any]:
    entry = {"component": finding.component, "remedy": finding.remedy, "suggestion": finding.suggestion()}
    return _entry(finding.diagnostic) | entry


COMMAND = Command("check", "print what is wrong in Applications", _DETAILS, _arguments, _run)
