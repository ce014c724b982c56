"""The old Kong of a command: decK files, or a running Kong by its Admin API."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from kong_oam.cli.command import UsageError
from kong_oam.cli.console import print_note
from kong_oam.diagnostics import errors

if TYPE_CHECKING:
    from kong_oam.adopt.entities import OldKong
    from kong_oam.diagnostics import Diagnostics
    from kong_oam.kong.account import Account


def add_old_kong(parser: ArgumentParser) -> None:
    """Add the arguments that name an old Kong."""
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="decK files of one Kong"
    )
    parser.add_argument(
        "--admin", metavar="URL", help="the Admin API of a running Kong"
    )
    parser.add_argument(
        "--workspace", metavar="NAME", help="with --admin: the workspace"
    )


def old_kong(
    options: Namespace, consequence: str = " in the old Kong"
) -> OldKong:
    """Read the old Kong of `add_old_kong`, and print warnings. Raises UsageError and AdminError.

    `consequence`: the end of the message with the number of errors.
    """
    if bool(options.files) == bool(options.admin):
        raise UsageError("name decK files, or a running Kong by --admin")
    old, findings = _running(options) if options.admin else _deck(options)
    if old is None:
        problems = errors(findings)
        raise UsageError(f"{len(problems)} error(s){consequence}", problems)
    print_note(*findings)
    return old


def _deck(options: Namespace) -> tuple[OldKong | None, Diagnostics]:
    from kong_oam.adopt.deck import read_deck

    return read_deck((file, Path(file).read_bytes()) for file in options.files)


def _running(options: Namespace) -> tuple[OldKong | None, Diagnostics]:
    from kong_oam.adopt.running import read_running
    from kong_oam.kong.admin import AdminApi

    with AdminApi(account_of(options)) as admin:
        return read_running(admin, options.workspace or "")


def account_of(options: Namespace) -> Account:
    """Return the account of a running Kong. Raises UsageError."""
    from kong_oam.kong.account import Account, is_plain

    # The address may have a password, so no message quotes it.
    if not is_plain(options.admin):
        raise UsageError(
            "--admin is not http(s)://HOST[:PORT][/PATH]; put credentials into KONG_ADMIN_TOKEN or "
            "KONG_API_KEY"
        )
    return Account(
        options.admin,
        os.environ.get("KONG_ADMIN_TOKEN"),
        os.environ.get("KONG_API_KEY"),
        options.workspace,
    )
