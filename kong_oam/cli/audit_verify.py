"""`audit verify`: check the records of an estate."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path

from kong_oam.cli.audit_record import folder_of, stacks_of
from kong_oam.cli.command import FOUND, OK
from kong_oam.cli.console import Console
from kong_oam.cli.estates import default_stack, settings_of
from kong_oam.diagnostics import errors

VERIFY_DETAILS = """\
Checks the records of an estate: each file, their order, and the engine's own history and state. It
finds missing, changed and reordered records, updates without a record, and states that no update
wrote. It lists runs with uncommitted files, and authors who approved alone.

Digests prove nothing against somebody who can rewrite the folder. Signatures do, if that person has
no key.

Exit status: 0 no findings, or only warnings; 1 findings; 2 folder or engine cannot be read.

  python -m kong_oam audit verify evidence --stack prod
  python -m kong_oam audit verify evidence --stack prod --key evidence.pub
"""


def verify_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        metavar="FOLDER",
        help="the folder of records (default: the stack's setting `evidence`)",
    )
    parser.add_argument(
        "--stack",
        "-s",
        default=default_stack(),
        metavar="NAME",
        help="the stack, or the base of the estate",
    )
    parser.add_argument(
        "--key",
        type=Path,
        metavar="KEY",
        help="a public key (PEM); each record needs a signature by its private key",
    )


def run_verify(options: Namespace, console: Console) -> int:
    # Imported here, so that other verbs start faster.
    from kong_oam.audit.history.check import (
        all_findings,
        findings_of_signatures,
    )
    from kong_oam.audit.history.read import read_history
    from kong_oam.audit.history.signature import signature_problem

    settings = settings_of(options.stack)
    folder = folder_of(options.folder, settings)
    history = read_history(folder)
    found = [*all_findings(history, stacks_of(settings))]
    if options.key:
        problem_of = partial(signature_problem, key=options.key)
        found += findings_of_signatures(history.runs, problem_of)
    console.print(*found)
    problems = errors(found)
    counted = f"{len(history.runs)} record(s) in {folder}"
    if problems:
        console.print(f"{len(problems)} finding(s) about {counted}")
        return FOUND
    console.print(f"{counted}: complete, unchanged, and in order")
    return OK
