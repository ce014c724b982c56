"""`merge`: list all collisions of two estates, and write the renames for the second."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from kong_oam.cli.command import Command
from kong_oam.cli.console import Console
from kong_oam.cli.merge_answer import MergeAnswer

_DETAILS = """\
Lists all collisions of two estates that are to become one: names of Applications, namespaces,
scopes, groups, identity providers, peers, partitions, upstreams, clients and consumers, and
settings with different values. Then it lists the errors and new warnings of `check` for both
together after the renames, and who of one estate could call what of the other.

A and B are folders of projects, or folders or files with Applications. A keeps its names. With
-o, the command writes the renames for B as a patch, and changes no other file. Apply the patch in
B's folder with `git apply`. It keeps the hosts that B has with the chosen stack.

Groups and namespaces of one name are different, unless you declare them equal.

Exit status: 0 no collision, 1 collisions.

  python -m kong_oam merge . ../acme -o merge.patch
  python -m kong_oam merge . ../acme --same-group sales --prefix acme
"""


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "a", metavar="A", help="the estate that keeps its names"
    )
    parser.add_argument("b", metavar="B", help="the estate that joins it")
    parser.add_argument(
        "--stack",
        metavar="NAME",
        help="A's stack whose settings apply (default: the only stack, or local)",
    )
    parser.add_argument(
        "--stack-of-b",
        metavar="NAME",
        help="B's stack whose settings apply (default: the only stack, or local)",
    )
    parser.add_argument(
        "--same-group",
        action="append",
        default=[],
        metavar="NAME",
        help="a logical group that is the same in A and B (repeatable)",
    )
    parser.add_argument(
        "--same-namespace",
        action="append",
        default=[],
        metavar="NAME",
        help="a namespace that A and B share (repeatable)",
    )
    parser.add_argument(
        "--prefix",
        metavar="WORD",
        help="the beginning of new names (default: the name of B's folder)",
    )
    parser.add_argument(
        "--output",
        "-o",
        type=Path,
        metavar="FILE",
        help="write the renames for B to FILE, as a patch for `git apply` in B's folder",
    )


def _run(options: Namespace, console: Console) -> int:
    # Imported here, so that other verbs start faster.
    from kong_oam.cli.merge_report import run_merge

    return run_merge(options, console)


COMMAND = Command(
    "merge",
    "list the collisions of two estates, and write renames",
    _DETAILS,
    _arguments,
    _run,
    MergeAnswer,
)
