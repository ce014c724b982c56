"""`python -m components.emergency`: opens one path to everybody for a while, when `pulumi up` cannot, and closes it.

    python -m components.emergency -s STACK                                   lists what is open
    python -m components.emergency -s STACK open APPLICATION/COMPONENT PATH --reason TEXT [--methods GET] [--minutes 60]
    python -m components.emergency -s STACK close                             closes all of it now

It needs Kong's Admin API and nothing else: no identity provider, no state, no cluster. PATH is that of a rule, whose
other methods, and whose longer and shorter rules, stay as they are. The gates know when it ends, and close by
themselves. Each of them has what was opened, until when and why; `python -m access verify` tells of it as long as it
lasts; the next `pulumi up --refresh` takes it away, as does one that changes the component's rules.

Exit status: 0 done (listed: nothing is open), 1 listed: something is open, 2 nothing was done.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from access.model import METHODS
from access.stack import Settings, StackError, read_file
from components.account import AccountError, account
from components.gateway import names, plugins
from components.gateway.live.admin import rows
from components.gateway.live.gate import script_of, with_table
from components.gateway.preflight import PreflightError, client
from components.gateway.table import opened

_LONGEST = 480  # minutes: a working day; what lasts longer is a rule, and belongs into the Application
_SEEN = 15  # seconds; Kong's workers look for changes every 5 by default


class EmergencyError(Exception):
    """Nothing, or not all, was done. The message says what to do."""


@dataclass(frozen=True, slots=True)
class _Gated:
    """A service of the stack, with the plugins that guard it by the parts they play."""

    component: str
    admission: Mapping[str, Any]
    authentication: Mapping[str, Any]
    gate: Mapping[str, Any]

    @property
    def table(self) -> Mapping[str, Any]:
        """What the gate decides by. Raises EmergencyError where it is no gate of this version of the program."""
        scripts = script_of(self.admission), script_of(self.gate)
        if any(one is None or not one.table for one in scripts):
            raise EmergencyError(f"the gate of {self.component} is not of this version of the program: use its own")
        assert scripts[1] is not None
        return scripts[1].table


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns the exit status."""
    summary, _, details = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="python -m components.emergency",
        description=summary,
        epilog=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stack", "-s", required=True, help="the stack whose gateway it is")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    opening = verbs.add_parser("open", help="open one rule's path to everybody")
    opening.add_argument("component", metavar="APPLICATION/COMPONENT")
    opening.add_argument("path", metavar="PATH", help="of a rule, as the Application writes it")
    opening.add_argument("--reason", required=True, help="why, and the incident's number: it stands at the gateway")
    opening.add_argument("--methods", default="GET", help="comma-separated; GET includes HEAD (default: GET)")
    opening.add_argument("--minutes", type=int, default=60, help=f"1 to {_LONGEST} (default: 60)")
    verbs.add_parser("close", help="close all that is open, now")
    options = parser.parse_args(arguments)
    try:
        settings = read_file(Path("stacks") / f"Pulumi.{options.stack}.yaml")
        kong = account(settings)
        with client(kong.admin_url, kong.token, settings.gateway.workspace, kong.api_key) as admin:
            found = tuple(_gated(admin, kong.admin_url, settings))
            if options.verb == "open":
                return _open(admin, settings, found, options)
            return _close(admin, found) if options.verb == "close" else _list(found)
    except (EmergencyError, AccountError, PreflightError, StackError) as error:
        print(f"error: {error}", file=sys.stderr)
    except httpx.HTTPError as error:
        print(f"error: {error.request.url.host} does not answer ({type(error).__name__})", file=sys.stderr)
    return 2


def _gated(admin: httpx.Client, url: str, settings: Settings) -> Iterator[_Gated]:
    tags, kinds = set(names.tags(settings.stack.name)), plugins.guards(settings.gateway.edition)
    guards = {((one.get("service") or {}).get("id"), one["name"]): one for one in rows(admin, "/plugins", url)}
    for service in rows(admin, "/services", url):
        found = [guards.get((service["id"], kind)) for kind in kinds]
        if tags <= set(service.get("tags") or ()) and all(found):
            application, component, _ = service["name"].split(".")[-3:]
            yield _Gated(f"{application}/{component}", *(one for one in found if one is not None))


def _open(admin: httpx.Client, settings: Settings, found: Sequence[_Gated], options: argparse.Namespace) -> int:
    methods = _methods(options.methods)
    if not 1 <= options.minutes <= _LONGEST:
        raise EmergencyError(f"--minutes is 1 to {_LONGEST}: what lasts longer is a rule of the Application")
    chosen = [one for one in found if one.component == options.component]
    if not chosen:
        known = ", ".join(sorted({one.component for one in found})) or "none"
        raise EmergencyError(f"this Kong has no gate of '{options.component}'; it has those of: {known}")
    rules = chosen[0].table["rules"]
    if options.path not in rules:
        raise EmergencyError(
            f"'{options.component}' has no rule for '{options.path}'; it has those for: {', '.join(sorted(rules))}"
        )
    ends = int(time.time()) + 60 * options.minutes
    opening = {"path": options.path, "methods": methods, "ends": ends, "reason": options.reason}
    nobody = {"anonymous": names.anonymous(settings.stack.name)}
    for one in chosen:
        _ = one.table  # both scripts are known before the first change
    for one in chosen:  # the gate last: until then everything is as it was
        _patch(admin, one.authentication, nobody)
        _patch(admin, one.admission, with_table(one.admission, partial(opened, opening=opening)))
        _patch(admin, one.gate, with_table(one.gate, partial(opened, opening=opening)))
    print(f"{_told(options.component, opening)}; at all nodes within some {_SEEN} seconds")
    print(f"To close it before: python -m components.emergency -s {settings.stack.name} close")
    return 0


def _close(admin: httpx.Client, found: Sequence[_Gated]) -> int:
    closing = [one for one in found if _opening(one) is not None]
    for one in closing:  # the gate first
        _patch(admin, one.gate, with_table(one.gate, partial(opened, opening=None)))
        _patch(admin, one.admission, with_table(one.admission, partial(opened, opening=None)))
        if not any("public" in rule.values() for rule in one.table["rules"].values()):
            _patch(admin, one.authentication, {"anonymous": None})
    for component in sorted({one.component for one in closing}):
        print(f"closed: {component}; at all nodes within some {_SEEN} seconds")
    if not closing:
        print("nothing is open in an emergency")
    return 0


def _list(found: Sequence[_Gated]) -> int:
    openings = {one.component: opening for one in found if (opening := _opening(one)) is not None}
    for component, opening in sorted(openings.items()):
        print(_told(component, opening))
    if not openings:
        print("nothing is open in an emergency")
    return 1 if any(opening["ends"] > time.time() for opening in openings.values()) else 0


def _opening(one: _Gated) -> Mapping[str, Any] | None:
    """What is open at a gate, or was; what is no gate of ours was not opened from here."""
    script = script_of(one.gate)
    found: Mapping[str, Any] | None = script.table.get("opened") if script else None
    return found


def _told(component: str, opening: Mapping[str, Any]) -> str:
    ends = datetime.datetime.fromtimestamp(opening["ends"], datetime.UTC)
    state = "open" if opening["ends"] > time.time() else "over"
    return (
        f"{state}: {','.join(opening['methods'])} {opening['path']} of {component} for everybody until {ends:%FT%TZ}"
        f" ({opening.get('reason', 'no reason given')})"
    )


def _methods(text: str) -> list[str]:
    named = {one.strip().upper() for one in text.split(",")}
    if unknown := sorted(named - set(METHODS)):
        raise EmergencyError(f"no method that the gateway listens to: {', '.join(unknown)}")
    return [method for method in METHODS if method in named or (method == "HEAD" and "GET" in named)]


def _patch(admin: httpx.Client, plugin: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    answer = admin.patch(f"/plugins/{plugin['id']}", json={"config": config})
    if answer.status_code != 200:
        raise EmergencyError(
            f"Kong did not take the change of {plugin['name']}: {answer.status_code} {answer.text[:300]}"
        )


if __name__ == "__main__":
    sys.exit(main())
