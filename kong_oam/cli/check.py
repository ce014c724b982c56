"""`check`: find errors in Applications, and constructs that need a review."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from kong_oam.access.absent import with_absent_clients
from kong_oam.access.compile.estate import Compiled, compile_estate
from kong_oam.access.data import Names
from kong_oam.access.lint.finding import LintFinding
from kong_oam.access.lint.lint import lint
from kong_oam.access.memory import Memory
from kong_oam.access.model import Estate
from kong_oam.access.settings.assumed import GROUPS
from kong_oam.access.settings.project import STACKS
from kong_oam.access.settings.values import Settings
from kong_oam.cli.applied_fixes import apply_fixes
from kong_oam.cli.changes import full_command
from kong_oam.cli.command import FOUND, OK, Command, UsageError, quoted
from kong_oam.cli.console import Console, print_note
from kong_oam.cli.entries import (
    FindingEntry,
    diagnostic_entry,
)
from kong_oam.cli.estates import (
    add_estate,
    estate_words,
    has_no_stack,
    missing_applications_note,
    no_callers_note,
    read_at,
    role_notes,
    selected_settings,
    without_clients,
)
from kong_oam.cli.fix_entries import LintEntry, lint_entry
from kong_oam.cli.fixes import EditedApplications, Fixes, fixes_of
from kong_oam.cli.known_findings import KnownFindings
from kong_oam.cli.output import write_sarif
from kong_oam.cli.watch import watch
from kong_oam.codes import CODES
from kong_oam.diagnostics import (
    Diagnostic,
    Diagnostics,
    errors,
    ordered,
    printable,
)
from kong_oam.errors import KongOamError
from kong_oam.invariants.file import file_of
from kong_oam.invariants.file import read_file as read_invariants
from kong_oam.invariants.findings import invariant_findings
from kong_oam.invariants.model import InvariantsFile
from kong_oam.kong.old_credential_findings import (
    findings as old_credentials_found,
)
from kong_oam.oam.application import Reading, ReadOne, read_file
from kong_oam.oam.files import files_of
from kong_oam.render.project import definition_files
from kong_oam.render.stage import Renderer
from kong_oam.render.tools import Tools
from kong_oam.traits.kong_plugin.findings import findings

_DETAILS = """\
Reads all Applications and prints every error with file, line and column. Without errors, it prints
lint findings. Dates are compared with the stack's asOf. The command deploys nothing and contacts
no server.

A certain fix that gives no access is printed as a diff for `patch -p0`; --fix applies these fixes.
JSON has every certain fix as a diff for `git apply`, with the exact changes of access that it
makes. A fix that grants access says so, and only you can apply it.

FILE limits the printed findings to these files and to errors in definitions. The command counts all
other findings. It still reads all Applications.

With --since, it prints errors, and the warnings and lint findings that a git revision does not
have. JSON lists all of them and marks new findings. If the revision cannot be read, all findings
are new.

Exit status: 0 no errors and no lint findings (with --since: no new findings), 1 errors or lint
findings.

  python -m kong_oam check
  python -m kong_oam check applications/orders.yaml --stack aws
  python -m kong_oam check --watch
  python -m kong_oam check --fix
  python -m kong_oam check --sarif check.sarif
"""


class CheckAnswer(TypedDict):
    """The answer of `check`. An unusable estate cannot be deployed. `elsewhere` counts the findings
    of other files. `unjudged` are Applications without files here. `fixed` counts the fixes of
    --fix."""

    usable: bool
    diagnostics: list[FindingEntry]
    findings: list[LintEntry]
    elsewhere: int
    unjudged: list[str]
    notes: list[str]
    fixed: NotRequired[int]


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="print findings of these files, folders and globs only",
    )
    add_estate(parser)
    parser.add_argument(
        "--watch",
        action="store_true",
        help="check again after every save, until Ctrl-C",
    )
    parser.add_argument(
        "--fix",
        action="store_true",
        help="first apply all certain fixes that give no access",
    )
    parser.add_argument(
        "--since",
        metavar="REVISION",
        help="print only errors, and findings that are new since this git revision",
    )
    parser.add_argument(
        "--sarif",
        type=Path,
        metavar="FILE",
        help="also write the findings to FILE as SARIF 2.1.0",
    )


def _run(options: Namespace, console: Console) -> int:
    if not options.watch:
        return _check(options, console, selected_settings(options))
    if console.json:
        raise UsageError("use --json or --watch, not both")
    for name in ("fix", "since"):
        if getattr(options, name):
            raise UsageError(f"use --{name} or --watch, not both")
    return _watch(options, console)


def _watch(options: Namespace, console: Console) -> int:
    settings = selected_settings(options)
    memory = Memory()

    def refresh() -> None:
        nonlocal settings
        fresh = selected_settings(options)
        # The memory is valid for this settings object only.
        settings = settings if fresh == settings else fresh

    def files() -> Iterator[Path]:
        # The stack may name its list of groups freely, so all files of the folder are watched.
        sources: list[str | Path] = [*STACKS.glob("*"), GROUPS]
        sources += _names(options, settings)
        for file, _ in files_of(sources, Path()):
            yield file
        for file, _ in definition_files(settings.definitions, Path()):
            yield file
        yield file_of(settings)

    with Tools() as tools:
        renderer = Renderer(tools)

        def answer(read_one: ReadOne) -> None:
            _check(options, console, settings, read_one, memory, renderer)

        return watch(files, refresh, answer, console)


def _names(options: Namespace, settings: Settings) -> list[str]:
    return [*(options.applications or settings.applications), *options.files]


def _check(
    options: Namespace,
    console: Console,
    settings: Settings,
    read_one: ReadOne = read_file,
    memory: Memory | None = None,
    renderer: Renderer | None = None,
) -> int:
    """Check the Applications, print the report and return the exit status."""
    names = _names(options, settings)
    with Tools() as tools:
        applications = EditedApplications(
            names,
            settings,
            read_one,
            renderer or Renderer(tools),
            memory or Memory(),
        )
        return _answer(options, console, applications)


def _answer(
    options: Namespace, console: Console, applications: EditedApplications
) -> int:
    """Check these Applications, after their fixes with --fix. Raises UsageError if the named files
    have no Application."""
    settings = applications.settings
    memory = applications.memory
    is_shown = _selection(options.files, settings)
    judge = partial(
        _judged,
        settings=settings,
        invariants=read_invariants(settings),
        memory=memory,
        options=estate_words(options),
    )
    fixed = None
    if options.fix:
        fixed = apply_fixes(applications, judge, is_shown)
    reading = applications.reading()
    named = options.files or options.applications
    read = [*reading.applications, *reading.diagnostics]
    if named and not any(map(is_shown, read)):
        raise UsageError(
            f"no Application in {' '.join(map(quoted, named))}: check the path, or write an "
            "Application with `python -m kong_oam new`"
        )
    compiled, lint_findings = judge(reading)
    # Forget results that this check did not use.
    if compiled.estate:
        memory.forget()
    diagnostics = tuple(filter(is_shown, compiled.diagnostics))
    findings = tuple(filter(is_shown, lint_findings))
    shown = (*diagnostics, *(finding.diagnostic for finding in findings))
    earlier, unread = _earlier_findings(options) if options.since else ((), "")
    known = KnownFindings(earlier)
    report = Report(
        compiled,
        diagnostics,
        findings,
        elsewhere=len(compiled.diagnostics) + len(lint_findings) - len(shown),
        new=frozenset(filter(known.is_new, shown)),
        fixed=fixed,
    )
    if options.sarif:
        write_sarif(options.sarif, shown, CODES)
    if console.json:
        fixes: Fixes = {}
        if compiled.estate:
            first = findings[: console.limit]
            fixes = fixes_of(first, compiled.estate, applications)
        answer = _document(report, fixes, since=options.since)
        if unread:
            answer["notes"].append(unread)
        console.print_json(answer)
    else:
        if unread:
            print_note(unread)
        _print(report, console)
        console.print(*_summary(report, options))
    return FOUND if errors(diagnostics) or report.new_findings else OK


def _print(report: Report, console: Console) -> None:
    """Print errors, and findings that are new since the revision."""
    for diagnostic in report.diagnostics:
        if diagnostic in report.new or diagnostic.severity == "error":
            console.print(_coloured(diagnostic, console))
    for finding in report.new_findings:
        _print_finding(finding, console)


def _earlier_findings(options: Namespace) -> tuple[Diagnostics, str]:
    """Return the findings at the revision. If it cannot be read, return none and a note: then all
    findings count as new."""
    label = f"REVISION ({printable(options.since)})"
    try:
        reading, settings, invariants = read_at(
            options.since,
            options.stack,
            options.applications,
            options.definitions,
            prefix="",
            label=label,
        )
    except KongOamError as error:
        return (), f"{label}: {error}; all findings count as new"
    compiled, lint_findings = _judged(reading, settings, invariants)
    linted = tuple(finding.diagnostic for finding in lint_findings)
    return (*compiled.diagnostics, *linted), ""


def _judged(
    reading: Reading,
    settings: Settings,
    invariants: InvariantsFile,
    memory: Memory | None = None,
    options: Names = (),
) -> tuple[Compiled, tuple[LintFinding, ...]]:
    """Return the estate with its diagnostics, and the findings of lint. Without an estate, a run
    would stop before its start, and there are no findings."""
    compiled = compile_estate(reading, settings.stack, memory)
    estate = compiled.estate
    if estate is None:
        return compiled, ()
    of_invariants = invariant_findings(settings, estate, invariants, options)
    further_errors = [
        *findings(settings, estate),
        *old_credentials_found(settings, estate),
        *of_invariants.errors,
    ]
    if further_errors:
        diagnostics = ordered((*compiled.diagnostics, *further_errors))
        return replace(compiled, estate=None, diagnostics=diagnostics), ()
    found = lint(reading.applications, estate, settings.as_of, memory)
    return compiled, (*found, *of_invariants.lint)


@dataclass(frozen=True)
class Report:
    """The findings to print: findings in the named files, and the number of findings `elsewhere`.
    `new` are the findings that the revision lacks; without a revision, all findings are new.
    `fixed` is the number of applied fixes; None without --fix."""

    compiled: Compiled
    diagnostics: Diagnostics
    findings: tuple[LintFinding, ...]
    elsewhere: int
    new: frozenset[Diagnostic]
    fixed: int | None = None

    @property
    def new_findings(self) -> list[LintFinding]:
        """Lint findings that the revision does not have."""
        return [
            finding
            for finding in self.findings
            if finding.diagnostic in self.new
        ]

    @property
    def known(self) -> int:
        """The number of warnings and lint findings that the revision also has."""
        not_new = {*self.diagnostics} - self.new - {*errors(self.diagnostics)}
        return len(not_new) + len(self.findings) - len(self.new_findings)


def _selection(
    names: Sequence[str], settings: Settings
) -> Callable[[Any], bool]:
    """Return a filter for objects with a position in the named files, under any spelling of a path.
    Objects without a position pass; without names, all objects pass.

    Errors in definitions and invariants pass, too, because they can hide the errors in any file. A
    broken invariant passes if it rests on a position in the files.
    """
    selected = {file.resolve() for file, _ in files_of(names, Path())}
    hiding = {file_of(settings).resolve()}
    for file, _ in definition_files(settings.definitions, Path()):
        hiding.add(file.resolve())
    # Many findings are in few files, and each resolved path costs a system call.
    resolve = cache(lambda file: Path(file).resolve())

    def is_here(item: Any) -> bool:
        if not names or item.position is None:
            return True
        file = resolve(item.position.file)
        if getattr(item, "severity", "") == "error" and file in hiding:
            return True
        files = {file}
        for related in getattr(item, "related", ()):
            files.add(resolve(related.position.file))
        return not files.isdisjoint(selected)

    return is_here


def _coloured(diagnostic: Diagnostic, console: Console) -> str:
    mark = f"{diagnostic.severity} {diagnostic.code}"
    colour = console.paint(
        "red" if diagnostic.severity == "error" else "yellow", mark
    )
    return str(diagnostic).replace(mark, colour, 1)


def _print_finding(finding: LintFinding, console: Console) -> None:
    console.print(
        _coloured(finding.diagnostic, console), f"      = {finding.remedy}"
    )
    # `patch` applies the output, so it has no fix that gives access.
    suggestion = None if finding.kind.grants else finding.suggestion()
    if suggestion:
        for line in suggestion.removesuffix("\n").split("\n"):
            console.print_exactly(_coloured_line(line, console))


def _coloured_line(line: str, console: Console) -> str:
    if line.startswith("+"):
        return console.paint("green", line)
    return console.paint("red", line) if line.startswith("-") else line


def _summary(report: Report, options: Namespace) -> Iterator[str]:
    if report.fixed is not None:
        yield f"{report.fixed} finding(s) fixed"
    estate = report.compiled.estate
    if estate is not None:
        yield from _estate_summary(report, estate)
    elif count := len(errors(report.diagnostics)):
        yield f"{count} error(s); nothing can be deployed{report.compiled.reservation}"
    else:
        yield "no errors in these files; lint runs after the other errors are fixed"
    if report.known:
        yield (
            f"{report.known} finding(s) already at {printable(options.since)}: check without "
            "--since prints them"
        )
    if report.elsewhere:
        command = full_command(options, "check")
        yield f"{report.elsewhere} finding(s) elsewhere: `{command}` prints them"


def _estate_summary(report: Report, estate: Estate) -> Iterator[str]:
    """Yield the size of the estate, the number of its findings, and the notes."""
    line = (
        f"{len(estate.applications)} application(s), {len(estate.components)} component(s): no "
        "errors"
    )
    if report.new_findings:
        line += f", {len(report.new_findings)} finding(s)"
    if has_no_stack():
        has_groups = estate.stack.known_groups is not None
        unknown = (
            "hosts and providers"
            if has_groups
            else "hosts, providers and groups"
        )
        line += f"; without a stack, {unknown} are not checked"
    yield line
    yield from _notes(report.compiled)


def _notes(compiled: Compiled) -> Iterator[str]:
    """Yield the parts of an estate that could not be checked, and components without callers."""
    estate = compiled.estate
    if estate is None:
        return
    if compiled.unjudged:
        yield missing_applications_note(compiled.unjudged)
    yield from role_notes(estate)
    if names := without_clients(with_absent_clients(estate), estate.components):
        yield no_callers_note(names)


def _document(
    report: Report, fixes: Fixes, *, since: str | None
) -> CheckAnswer:
    diagnostics = [*map(diagnostic_entry, report.diagnostics)]
    findings = [
        lint_entry(finding, fixes.get(index))
        for index, finding in enumerate(report.findings)
    ]
    if since:
        for entry, diagnostic in zip(
            diagnostics, report.diagnostics, strict=True
        ):
            entry["new"] = diagnostic in report.new
        for lint, finding in zip(findings, report.findings, strict=True):
            lint["new"] = finding.diagnostic in report.new
    answer: CheckAnswer = {
        "usable": report.compiled.estate is not None,
        "diagnostics": diagnostics,
        "findings": findings,
        "elsewhere": report.elsewhere,
        "unjudged": [*report.compiled.unjudged],
        "notes": [*_notes(report.compiled)],
    }
    if report.fixed is not None:
        answer["fixed"] = report.fixed
    return answer


COMMAND = Command(
    "check",
    "find errors in Applications",
    _DETAILS,
    _arguments,
    _run,
    CheckAnswer,
)
