"""`new`: write a component with its access trait."""

from __future__ import annotations

import os
import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from kong_oam.access.model import Estate
from kong_oam.cli.answers import (
    FLAGS,
    FlagValues,
    as_option,
    component_spec,
    missing_flags,
    set_default_type,
)
from kong_oam.cli.changes import (
    AccessChanges,
    document,
    full_command,
    print_changes,
)
from kong_oam.cli.command import OK, Command, UsageError, quoted
from kong_oam.cli.console import MODULE, Console
from kong_oam.cli.dialogue import Dialogue
from kong_oam.cli.draft import Draft, draft_component
from kong_oam.cli.entries import FindingEntry, diagnostic_entry
from kong_oam.cli.estates import (
    add_estate,
    compiled_of,
    has_no_stack,
    reading_of,
    selected_settings,
)
from kong_oam.cli.scaffold import ScaffoldError
from kong_oam.cli.writing import write_all
from kong_oam.errors import InputError
from kong_oam.oam.edit import unified
from kong_oam.oam.files import files_of, is_empty_folder
from kong_oam.render.stage import Renderer
from kong_oam.render.tools import Tools

_DETAILS = """\
Writes a component with its access trait, in a new file or at the end of an existing Application.
The flag --calls adds a grant to the file of the called component, and --caller adds the call to the
file of the caller. Their owners review these changes. The command prints the effect on access as
`diff` does. It overwrites no file. If `check` finds a problem in the result, it writes nothing,
unless --anyway is set.

On a terminal, it prompts for missing, relevant answers. If it cannot write the component, it prints
the answers as flags.

  python -m kong_oam new --app billing --component invoices \\
      --image registry.example.com/billing:1.0 --owner team-billing --port 8080 \\
      --domain billing.example.com --group sales --calls orders/api:orders.read
  python -m kong_oam new --app billing --component nightly --type worker \\
      --image registry.example.com/nightly:1.0 --owner team-billing \\
      --calls billing/invoices:invoices.read
  python -m kong_oam new --app billing --component app --client native \\
      --redirect-uri com.example.billing:/callback --owner team-billing \\
      --calls billing/invoices:invoices.read
"""


class NewFile(TypedDict):
    """A written file with its text. A file that is not new is extended."""

    file: str
    new: bool
    text: str


class NewAnswer(TypedDict):
    """The written files, their new findings, and the changes of access."""

    files: list[NewFile]
    findings: list[FindingEntry]
    notes: list[str]
    access: AccessChanges | None


def _arguments(parser: ArgumentParser) -> None:
    for flag in FLAGS.values():
        if flag.metavar:
            action = "append" if flag.separator else "store"
            parser.add_argument(
                as_option(flag.name),
                action=action,
                choices=flag.choices,
                metavar=flag.metavar,
                help=flag.help,
            )
        else:
            parser.add_argument(
                as_option(flag.name), action="store_true", help=flag.help
            )
    parser.add_argument(
        "--anyway",
        action="store_true",
        help="write the component even if `check` finds problems in it",
    )
    add_estate(parser)


def _run(options: Namespace, console: Console) -> int:
    with Tools() as tools:
        return _new(options, console, Renderer(tools))


def _new(options: Namespace, console: Console, renderer: Renderer) -> int:
    settings = selected_settings(options)
    names = options.applications or settings.applications
    folder = _folder(names)
    reading = reading_of(
        [name for name in names if not is_empty_folder(name)],
        settings,
        renderer=renderer,
    )
    compiled = compiled_of(reading, settings)
    assert compiled.estate  # no errors
    dialogue = _dialogue(options, compiled.estate)
    try:
        spec = component_spec(dialogue.answers)
        file = folder / f"{spec.app}.yaml"
        draft = draft_component(
            spec, str(file), reading, compiled, settings, renderer.render_texts
        )
        if draft.findings and not options.anyway:
            raise ScaffoldError(
                f"{len(draft.findings)} finding(s) in the new text; nothing was "
                "written: fix them, or add --anyway",
                tuple(draft.findings),
            )
    except InputError as error:
        if not dialogue.words:
            raise UsageError(error.summary, error.findings) from None
        flags = shlex.join(dialogue.words)
        raise UsageError(
            f"{error.summary}\nyour answers, as flags: {flags}", error.findings
        ) from None
    resolved = {}
    for path, problem in files_of(names, Path()):
        if not problem:
            resolved[str(path)] = Path(os.path.realpath(path))
    write_all(draft.changed, draft.before, resolved)
    _report(draft, settings.stack.scheme, options, console)
    return OK


def _dialogue(options: Namespace, estate: Estate) -> Dialogue:
    """Return the values of the flags. On a terminal, prompt for missing values."""
    answers: FlagValues = {flag: getattr(options, flag) for flag in FLAGS}
    set_default_type(answers)
    dialogue = Dialogue(answers, estate)
    is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    # With --json, prompts would mix with the output.
    if is_terminal and not options.json and missing_flags(answers):
        dialogue.ask_missing()
    return dialogue


def _folder(names: Sequence[str]) -> Path:
    """Return the folder for a new Application: the first folder of the names. Raises UsageError."""
    for folder in map(Path, names):
        if folder.is_dir():
            return folder
    raise UsageError(
        f"{' '.join(map(quoted, names))}: no existing folder; create a folder for the new "
        "Application"
    )


def _report(
    draft: Draft, scheme: str, options: Namespace, console: Console
) -> None:
    before = draft.before
    if console.json:
        files: list[NewFile] = [
            {"file": file, "new": file not in before, "text": text}
            for file, text in draft.changed.items()
        ]
        findings = [*map(diagnostic_entry, draft.findings)]
        access = (
            None if draft.changes is None else document(draft.changes, scheme)
        )
        answer: NewAnswer = {
            "files": files,
            "findings": findings,
            "notes": [*draft.notes],
            "access": access,
        }
        console.print_json(answer)
        return
    for file, text in draft.changed.items():
        console.print(
            console.paint(
                "bold", f"{file}: {'extended' if file in before else 'new'}"
            )
        )
        shown = unified(file, before[file], text) if file in before else text
        console.print_exactly(*(shown or "").removesuffix("\n").split("\n"), "")
    if draft.changes:
        command = full_command(options, "diff", "--json")
        print_changes(draft.changes, scheme, console, command)
        console.print("")
    next_command = (
        f"{MODULE} check"
        if has_no_stack()
        else f"pulumi preview -s {options.stack}"
    )
    console.print(*draft.findings, *draft.notes, f"next: {next_command}")


COMMAND = Command(
    "new",
    "write a component with its access trait",
    _DETAILS,
    _arguments,
    _run,
    NewAnswer,
)
