"""The arguments of verbs that serve an Admin API on a local port while another command runs."""

from __future__ import annotations

from argparse import ArgumentParser


def add_local_command(parser: ArgumentParser, *, port: int) -> None:
    """Add the local port, with its default, and the command to run."""
    parser.add_argument(
        "--port",
        type=int,
        default=port,
        help="the local port on 127.0.0.1 (default: %(default)s)",
    )
    parser.add_argument(
        "words",
        nargs="+",
        metavar="command",
        help="the command to run, after --",
    )
