"""A verb whose work has several steps, each a verb with arguments, as `adopt kong`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kong_oam.cli.command import Command, add_json
from kong_oam.cli.console import Console, with_called_name


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a verb. The fields are as in Command."""

    name: str
    summary: str
    details: str
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace, Console], int]
    answer: object = None


def command_of(
    name: str, summary: str, details: str, steps: Sequence[Step]
) -> Command:
    """Return the verb that runs one of these steps."""

    def arguments(parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(
            dest="verb", metavar="VERB", required=True, help="the step"
        )
        for step in steps:
            verb = verbs.add_parser(
                step.name,
                help=step.summary,
                description=with_called_name(step.details),
                formatter_class=RawDescriptionHelpFormatter,
            )
            step.arguments(verb)
            if step.answer:
                add_json(verb, step.answer)
            verb.set_defaults(run_verb=step.run)

    def run(options: Namespace, console: Console) -> int:
        status: int = options.run_verb(options, console)
        return status

    return Command(name, summary, details, arguments, run)
