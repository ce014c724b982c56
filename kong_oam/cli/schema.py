"""`schema`: print a JSON Schema: of Applications for editors, or of a verb's JSON."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from kong_oam.cli.answer_schema import answer_schema
from kong_oam.cli.command import OK, Command, check_known, verbs_of
from kong_oam.cli.console import Console
from kong_oam.oam.editor import schema_text

_DETAILS = """\
Prints a JSON Schema of an Application with all component types, traits and their fields. Editors
with yaml-language-server use it to complete and describe fields. They mark errors that `check` can
find in a single file.

With VERB, it prints the JSON Schema of the verb's answer with --json, or of its failure.

  python -m kong_oam schema --output application.schema.json
  python -m kong_oam schema check
  python -m kong_oam schema audit replay
"""


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "verb",
        nargs="*",
        metavar="VERB",
        help="a verb with --json, such as check or audit replay",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write the schema to FILE"
    )


def _run(options: Namespace, console: Console) -> int:
    text = schema_text()
    if options.verb:
        text = _answer_schema(options.parser, options.verb)
    if options.output is None:
        console.print_exactly(text.removesuffix("\n"))
        return OK
    options.output.write_text(text, "utf-8")
    return OK


def _answer_schema(parser: ArgumentParser, words: Sequence[str]) -> str:
    """Return the schema of a verb's answer. Raises UsageError for a verb without JSON."""
    name = " ".join(words)
    verbs = {
        name: verb
        for name, verb in verbs_of(parser)
        if verb.get_default("answer")
    }
    check_known("verb with --json", name, verbs)
    schema = answer_schema(verbs[name].get_default("answer"), name)
    return json.dumps(schema, indent=2) + "\n"


COMMAND = Command(
    "schema",
    "print a JSON Schema for editors or of a verb's JSON",
    _DETAILS,
    _arguments,
    _run,
)
