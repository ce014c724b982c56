"""`python -m kong_oam.emergency`: opens one path to everybody for a while, when `pulumi up` cannot, and closes it.

    python -m kong_oam.emergency -s STACK                                   lists what is open
    python -m kong_oam.emergency -s STACK open APPLICATION/COMPONENT PATH --reason TEXT [--methods GET] [--minutes 60]
    python -m kong_oam.emergency -s STACK close                             closes all of it now

It needs Kong's Admin API and nothing else: no identity provider, no state, no cluster. PATH is that of a rule, whose
other methods, and whose longer and shorter rules, stay as they are. The gates know when it ends, and close by
themselves. Each of them has what was opened, until when and why; `python -m kong_oam verify` tells of it as long as it
lasts; the next `pulumi up --refresh` takes it away, as does one that changes the component's rules.

Exit status: 0 done (listed: nothing is open), 1 listed: something is open, 2 not done, or not all: what it says.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from kong_oam.access.model import METHODS
from kong_oam.access.settings.stack import Settings, read_file
from kong_oam.cli import module as command
from kong_oam.diagnostics import printable
from kong_oam.errors import ProductError, SettingsError, UndoneError
from kong_oam.kong import names, plugins
from kong_oam.kong.account import account
from kong_oam.kong.admin import rows
from kong_oam.kong.entities import reference
from kong_oam.kong.preflight import client
from kong_oam.kong.table import opened
from kong_oam.verify.gate import script_of, with_table

LONGEST = 480  # minutes; gate.lua takes none that lasts longer: such a one is a rule, and belongs into the Application
_SEEN = 15  # seconds; Kong's workers look for changes every 5 by default


class EmergencyError(UndoneError):
    """Not done, or not all of it. The message says what is left, and what to do."""


@dataclass(frozen=True, slots=True)
class _Gated:
    """A service of the stack, with the plugins that guard it by the parts they play."""

    component: str
    admission: Mapping[str, Any]
    authentication: Mapping[str, Any]
    gate: Mapping[str, Any]

    @property
    def tables(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """What admission and the gate decide by. Raises EmergencyError where these are not of this version."""
        scripts = script_of(self.admission), script_of(self.gate)
        read = [one.table for one in scripts if one is not None and one.table]
        if len(read) != len(scripts):
            raise EmergencyError(
                f"the scripts of {self.component} were changed by hand, or are of another version of the program: "
                "nobody can say what they open. Use that version, or `pulumi up --refresh`"
            )
        return read[0], read[1]

    @property
    def opening(self) -> Mapping[str, Any] | None:
        """What is, or was, open at one of the two. Raises EmergencyError."""
        admitting, deciding = self.tables
        found: Mapping[str, Any] | None = deciding.get("opened") or admitting.get("opened")
        return found

    @property
    def is_left_anonymous(self) -> bool:
        """Whether calls without a token pass its authentication, though no rule is public. Raises EmergencyError."""
        public = any("public" in methods.values() for methods in self.tables[1]["rules"].values())
        return not public and self.authentication["config"].get("anonymous") is not None


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns the exit status."""
    parser = command.parser("kong_oam.emergency", __doc__)
    parser.add_argument("--stack", "-s", required=True, help="the stack whose gateway it is")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    opening = verbs.add_parser("open", help="open one rule's path to everybody")
    opening.add_argument("component", metavar="APPLICATION/COMPONENT")
    opening.add_argument("path", metavar="PATH", help="of a rule, as the Application writes it")
    opening.add_argument("--reason", required=True, help="why, and the incident's number: it stands at the gateway")
    opening.add_argument("--methods", default="GET", help="comma-separated; GET includes HEAD (default: GET)")
    opening.add_argument("--minutes", type=int, default=60, help=f"1 to {LONGEST} (default: 60)")
    verbs.add_parser("close", help="close all that is open, now")
    options = parser.parse_args(arguments)
    return command.reported(lambda: _run(options), EmergencyError, SettingsError, ProductError)


def _run(options: argparse.Namespace) -> int:
    settings = read_file(Path("stacks") / f"Pulumi.{options.stack}.yaml")
    kong = account(settings)
    with client(kong.admin_url, kong.token, settings.gateway.workspace, kong.api_key) as admin:
        found = tuple(_gated(admin, kong.admin_url, settings))
        now = _now(admin)
        if options.verb == "open":
            return _open(admin, settings, found, options, now)
        return _close(admin, found) if options.verb == "close" else _list(found, now)


def _now(admin: httpx.Client) -> float:
    """Seconds by Kong's own clock, by which the gates see the end. Raises EmergencyError."""
    try:
        return parsedate_to_datetime(admin.get("/").headers["date"]).timestamp()
    except (KeyError, ValueError):
        raise EmergencyError("Kong's Admin API does not say what time it is (the header Date)") from None


def _gated(admin: httpx.Client, url: str, settings: Settings) -> Iterator[_Gated]:
    tags, kinds = set(names.tags(settings.stack.name)), plugins.guards(settings.gateway.edition)
    guards = {
        (reference(one, "service"), one["name"]): one
        for one in rows(admin, "/plugins", url)
        if not one.get("route") and not one.get("consumer")
    }
    for service in rows(admin, "/services", url):
        component = names.component_of(settings.stack.name, service.get("name") or "")
        found = [one for kind in kinds if (one := guards.get((service["id"], kind)))]
        if component and tags <= set(service.get("tags") or ()) and len(found) == len(kinds):
            yield _Gated(component, *found)


def _open(
    admin: httpx.Client, settings: Settings, found: Sequence[_Gated], options: argparse.Namespace, now: float
) -> int:
    chosen = [one for one in found if one.component == options.component]
    if not chosen:
        known = ", ".join(sorted({one.component for one in found})) or "none"
        raise EmergencyError(f"this Kong has no gate of '{options.component}'; it has those of: {known}")
    rules = chosen[0].tables[1]["rules"]
    if options.path not in rules:
        raise EmergencyError(
            f"'{options.component}' has no rule for '{options.path}'; it has those for: {', '.join(sorted(rules))}"
        )
    if not 1 <= options.minutes <= LONGEST:
        raise EmergencyError(f"--minutes is 1 to {LONGEST}: what lasts longer is a rule of the Application")
    if not options.reason.strip() or not options.reason.isprintable():
        raise EmergencyError("--reason is a line of text that can be printed")
    for one in chosen:  # all scripts are known before the first change
        if (open_already := one.opening) and open_already["ends"] > now:
            raise EmergencyError(f"{_told(one.component, open_already, now)}: close that first")
    methods = _methods(options.methods, rules[options.path])
    ends = int(now) + 60 * options.minutes
    opening = {"path": options.path, "methods": methods, "ends": ends, "reason": options.reason}
    nobody = {"anonymous": names.anonymous(settings.stack.name)}
    try:
        for one in chosen:  # the gate last: until then everything is as it was
            _patch(admin, one.authentication, nobody)
            _patch(admin, one.admission, with_table(one.admission, partial(opened, opening=opening)))
            _patch(admin, one.gate, with_table(one.gate, partial(opened, opening=opening)))
    except (EmergencyError, httpx.HTTPError) as error:
        why = str(error) or type(error).__name__
        raise EmergencyError(
            f"{why}. It may be open in part: python -m kong_oam.emergency -s {settings.stack.name} close"
        ) from None
    print(f"{_told(options.component, opening, now)}; at all nodes within some {_SEEN} seconds")
    print(f"To close it before: python -m kong_oam.emergency -s {settings.stack.name} close")
    return 0


def _close(admin: httpx.Client, found: Sequence[_Gated]) -> int:
    """All gates first, whatever fails; then admission, and who passes without a token."""
    failed: list[str] = []
    closing: set[str] = set()

    def attempt(one: _Gated, step: Callable[[_Gated], None]) -> None:
        try:
            if one.opening is not None or one.is_left_anonymous:
                closing.add(one.component)
                step(one)
        except (EmergencyError, httpx.HTTPError) as error:
            failed.append(str(error) or type(error).__name__)

    def close_gate(one: _Gated) -> None:
        _patch(admin, one.gate, with_table(one.gate, partial(opened, opening=None)))

    def close_rest(one: _Gated) -> None:
        if one.is_left_anonymous:
            _patch(admin, one.authentication, {"anonymous": None})
        _patch(admin, one.admission, with_table(one.admission, partial(opened, opening=None)))

    for step in (close_gate, close_rest):
        for one in found:
            attempt(one, step)
    if failed:
        raise EmergencyError("; ".join(dict.fromkeys(failed)))
    for component in sorted(closing):
        print(f"closed: {component}; at all nodes within some {_SEEN} seconds")
    if not closing:
        print("nothing is open in an emergency")
    return 0


def _list(found: Sequence[_Gated], now: float) -> int:
    openings = {one.component: opening for one in found if (opening := one.opening) is not None}
    for component, opening in sorted(openings.items()):
        print(_told(component, opening, now))
    left = sorted({one.component for one in found if one.is_left_anonymous} - set(openings))
    for component in left:
        print(f"left: calls of {component} without a token still pass its authentication; `close` mends that")
    if not openings and not left:
        print("nothing is open in an emergency")
    return 1 if left or any(opening["ends"] > now for opening in openings.values()) else 0


def _told(component: str, opening: Mapping[str, Any], now: float) -> str:
    ends = datetime.datetime.fromtimestamp(opening["ends"], datetime.UTC)
    state = "open" if opening["ends"] > now else "over"
    return (
        f"{state}: {','.join(opening['methods'])} {opening['path']} of {component} for everybody until {ends:%FT%TZ}"
        f" ({printable(str(opening.get('reason', 'no reason given')))})"
    )


def _methods(text: str, rule: Mapping[str, Any]) -> list[str]:
    """Those that are named, of those that the rule lists."""
    named = {one.strip().upper() for one in text.split(",")}
    if unknown := sorted(named - set(METHODS)):
        raise EmergencyError(f"no method that the gateway listens to: {', '.join(unknown)}")
    methods = [method for method in METHODS if method in named or (method == "HEAD" and "GET" in named)]
    if "*" not in rule and (other := [method for method in methods if method not in rule]):
        raise EmergencyError(f"the rule does not list {', '.join(other)}, but {', '.join(rule)}")
    return methods


def _patch(admin: httpx.Client, plugin: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    answer = admin.patch(f"/plugins/{plugin['id']}", json={"config": config})
    if answer.status_code != 200:
        said = f"{answer.status_code} {answer.text[:300]}"
        raise EmergencyError(f"Kong did not take the change of {plugin['name']}: {said}")


if __name__ == "__main__":
    sys.exit(main())
