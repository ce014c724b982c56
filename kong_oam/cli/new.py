"""`new`: a component with its access template, ready to preview."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from kong_oam.access.model import Estate
from kong_oam.cli.answers import (
    FLAGS,
    FlagValues,
    missing_flags,
    settle,
    wanted,
    written,
)
from kong_oam.cli.changes import document, for_all, print_changes
from kong_oam.cli.command import OK, Command, UsageError, quoted
from kong_oam.cli.console import Console
from kong_oam.cli.dialogue import Dialogue
from kong_oam.cli.draft import Draft, drafted
from kong_oam.cli.entries import diagnostic_entry
from kong_oam.cli.estates import (
    add_estate,
    asked_settings,
    compiled_of,
    no_stack_is_here,
    reading_of,
)
from kong_oam.cli.scaffold import ScaffoldError
from kong_oam.cli.writing import write_all
from kong_oam.errors import InputError
from kong_oam.oam.edit import unified
from kong_oam.oam.files import files_of, is_empty_folder
from kong_oam.render.stage import Renderer
from kong_oam.render.tools import Tools

_DETAILS = """\
Writes a component with its access template: a new file, or behind the other components of an Application that exists.
What it calls is granted in the file of the called component, and what is to call it gets the call in its own file: the
owners review that. It prints what this does to access, as `diff` does. Nothing is overwritten, and nothing is written
in which `check` would find something, unless --anyway says so. Where the flags do not suffice it asks on a terminal for
what none says. Where the answers together cannot be written, it prints them as flags.

  python -m kong_oam new --app billing --component invoices --image registry.example.com/billing:1.0 \\
      --owner team-billing --port 8080 --domain billing.example.com --group sales --calls orders/api:orders.read
  python -m kong_oam new --app billing --component nightly --type worker --image registry.example.com/nightly:1.0 \\
      --owner team-billing --calls billing/invoices:invoices.read
  python -m kong_oam new --app billing --component app --client native --redirect-uri com.example.billing:/callback \\
      --owner team-billing --calls billing/invoices:invoices.read
"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    for flag in FLAGS.values():
        if flag.metavar:
            action = "append" if flag.separator else "store"
            parser.add_argument(
                written(flag.name),
                action=action,
                choices=flag.choices,
                metavar=flag.metavar,
                help=flag.help,
            )
        else:
            parser.add_argument(
                written(flag.name), action="store_true", help=flag.help
            )
    parser.add_argument(
        "--anyway",
        action="store_true",
        help="write it although `check` finds something in it",
    )
    add_estate(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    with Tools() as tools:
        return _new(options, console, Renderer(tools))


def _new(
    options: argparse.Namespace, console: Console, renderer: Renderer
) -> int:
    settings = asked_settings(options)
    names = options.applications or settings.applications
    folder = _folder(names)
    reading = reading_of(
        [name for name in names if not is_empty_folder(name)],
        settings,
        renderer=renderer,
    )
    compiled = compiled_of(reading, settings)
    assert compiled.estate  # there is no error
    dialogue = _dialogue(options, compiled.estate)
    try:
        meant = wanted(dialogue.answers)
        file = folder / f"{meant.app}.yaml"
        draft = drafted(
            meant, str(file), reading, compiled, settings, renderer.render_texts
        )
        if draft.findings and not options.anyway:
            listed = "\n".join(map(str, draft.findings))
            raise ScaffoldError(
                f"{listed}\n{len(draft.findings)} finding(s) in what would be written; nothing "
                "was: --anyway writes it all the same"
            )
    except InputError as error:
        if not dialogue.words:
            raise UsageError(str(error)) from None
        flags = shlex.join(dialogue.words)
        raise UsageError(f"{error}\nyour answers, as flags: {flags}") from None
    real = {}
    for path, problem in files_of(names, Path()):
        if not problem:
            real[str(path)] = Path(os.path.realpath(path))
    write_all(draft.changed, draft.before, real)
    _report(draft, settings.stack.scheme, options, console)
    return OK


def _dialogue(options: argparse.Namespace, estate: Estate) -> Dialogue:
    """Return what flags say, and on a terminal what somebody answers where they say too little."""
    answers: FlagValues = {flag: getattr(options, flag) for flag in FLAGS}
    settle(answers)
    dialogue = Dialogue(answers, estate)
    is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    # Where JSON is printed, questions would stand before it.
    if is_terminal and not options.json and missing_flags(answers):
        dialogue.ask_missing()
    return dialogue


def _folder(names: Sequence[str]) -> Path:
    """Return the folder in which a new Application is written: the first that is named. Raises
    UsageError."""
    for folder in map(Path, names):
        if folder.is_dir():
            return folder
    raise UsageError(
        f"{' '.join(map(quoted, names))} names no folder that is there; a new Application needs one"
    )


def _report(
    draft: Draft, scheme: str, options: argparse.Namespace, console: Console
) -> None:
    before = draft.before
    if console.json:
        files = [
            {"file": file, "new": file not in before, "text": text}
            for file, text in draft.changed.items()
        ]
        findings = [*map(diagnostic_entry, draft.findings)]
        access = (
            None if draft.changes is None else document(draft.changes, scheme)
        )
        console.print_json(
            {
                "files": files,
                "findings": findings,
                "notes": [*draft.notes],
                "access": access,
            }
        )
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
        print_changes(draft.changes, scheme, console, for_all([], options))
        console.print("")
    following = (
        "python -m kong_oam check"
        if no_stack_is_here()
        else f"pulumi preview -s {options.stack}"
    )
    console.print(*draft.findings, *draft.notes, f"next: {following}")


COMMAND = Command(
    "new",
    "write a component with its access template",
    _DETAILS,
    _arguments,
    _run,
)
