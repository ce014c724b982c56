"""`new`: a component with its access template, ready to preview."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from kong_oam.cli.answers import FLAGS, Answers, missing_flags, settle, wanted, written
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
            parser.add_argument(written(flag.name), action="store_true", help=flag.help)
    parser.add_argument(
        "--anyway",
        action="store_true",
        help="write it although `check` finds something in it",
    )
    add_estate(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    with Tools() as tools:
        return _new(options, console, Renderer(tools))


def _new(options: argparse.Namespace, console: Console, renderer: Renderer) -> int:
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
    answers: Answers = {flag: getattr(options, flag) for flag in FLAGS}
    settle(answers)
    # Where JSON is printed, questions would stand before it.
    asks = (
        sys.stdin.isatty()
        and sys.stdout.isatty()
        and not options.json
        and missing_flags(answers)
    )
    dialogue = Dialogue(answers, compiled.estate)
    if asks:
        dialogue.ask_missing()
    try:
        meant = wanted(answers)
        file = folder / f"{meant.app}.yaml"
        draft = drafted(meant, str(file), reading, compiled, settings, renderer.again)
        if draft.findings and not options.anyway:
            what = f"{len(draft.findings)} finding(s) in what would be written; nothing was"
            listed = "\n".join(map(str, draft.findings))
            raise ScaffoldError(f"{listed}\n{what}: --anyway writes it all the same")
    except InputError as error:
        answered = (
            f"\nyour answers, as flags: {shlex.join(dialogue.words)}"
            if dialogue.words
            else ""
        )
        raise UsageError(f"{error}{answered}") from None
    real = {
        str(file): Path(os.path.realpath(file))
        for file, wrong in files_of(names, Path())
        if not wrong
    }
    write_all(draft.changed, draft.before, real)
    _report(draft, settings.stack.scheme, options, console)
    return OK


def _folder(names: Sequence[str]) -> Path:
    """The folder in which a new Application is written: the first that is named. Raises
    UsageError."""
    folder = next((Path(name) for name in names if Path(name).is_dir()), None)
    if folder is None:
        raise UsageError(
            f"{' '.join(map(quoted, names))} names no folder that is there; a new Application "
            "needs one"
        )
    return folder


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
        access = None if draft.changes is None else document(draft.changes, scheme)
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
            console.paint("bold", f"{file}: {'extended' if file in before else 'new'}")
        )
        shown = unified(file, before[file], text) if file in before else text
        console.print_exactly(*(shown or "").removesuffix("\n").split("\n"), "")
    _print_changes(draft, scheme, options, console)
    following = (
        "python -m kong_oam check"
        if no_stack_is_here()
        else f"pulumi preview -s {options.stack}"
    )
    console.print(*draft.findings, *draft.notes, f"next: {following}")


def _print_changes(
    draft: Draft, scheme: str, options: argparse.Namespace, console: Console
) -> None:
    """As `diff` prints them."""
    if draft.changes:
        print_changes(draft.changes, scheme, console, for_all([], options))
        console.print("")


COMMAND = Command(
    "new", "write a component with its access template", _DETAILS, _arguments, _run
)
