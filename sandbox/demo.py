"""What the demo shows once the estate is up: which token each caller got, and what each of their calls came to.

Callers take what their workloads have, the Secret in the cluster, and nothing else. Every answer of the gateway is held
against the model's: a cell that differs is marked and listed, and the demo fails.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from access.compile import compile_estate
from access.decide import Request, decide
from access.model import Component, Endpoint, Estate
from access.paths import within, written
from access.stack import read_file
from access.tokens import Claims, Refusal, User, issue
from oam.application import read_files
from sandbox import caller
from sandbox.local import STACK, USERS, Local
from sandbox.okta import browser

_MIXED = b"/%2e%2e;/"  # appended to a path, it is read differently by different servers


@dataclass(frozen=True, slots=True)
class Caller:
    """One who calls: `token` is what the provider stand-in gave, `meant` what the model says it gives."""

    name: str
    token: str | None
    got: str
    meant: Claims | Refusal | None

    @property
    def refused_as_meant(self) -> bool:
        return self.meant is None or isinstance(self.meant, Refusal) == (self.token is None)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, `target` as the raw bytes of the request line."""

    method: str
    host: str
    target: bytes

    def __str__(self) -> str:
        return f"{self.method:6} {self.host}{self.target.decode('latin-1')}"


def show(local: Local) -> int:
    """Prints the two tables. Exit status: 0 where every answer is the one that is meant, else 1."""
    root = Path()
    compiled = compile_estate(
        read_files([root / "applications"]), read_file(root / f"stacks/Pulumi.{STACK}.yaml").stack
    )
    assert compiled.estate is not None, "the program has just accepted the same files"
    estate = compiled.estate
    callers = [Caller("nobody", None, "no token", None), *_callers(local, estate)]
    print("\nWho got which token (from the Okta stand-in, with the credential in the workload's Secret)\n")
    for number, one in enumerate(callers):
        mark = "" if one.refused_as_meant else "   <- the model says otherwise"
        print(f"  {_letter(number)}  {one.name:42} {one.got}{mark}")
    print("\nWho may call what (answers of the Kong stand-in running the deployed gate; 200 came from the workload)\n")
    calls = tuple(_calls(estate))
    width = max(len(str(call)) for call in calls)
    print(f"  {'':{width}}  " + " ".join(f"{_letter(number):>3}" for number in range(len(callers))))
    wrong = [one.name for one in callers if not one.refused_as_meant]
    for call in calls:
        row = []
        for one in callers:
            got, meant = _answer(local, call, one), _meant(estate, call, one)
            if got is None or got == meant:
                row.append("  -" if got is None else f"{got:>3}")
            else:
                row.append(f"{got}!")
                wrong.append(f"{call} as {one.name}: {got}, and the model says {meant}")
        print(f"  {call!s:{width}}  " + " ".join(row))
    print("\n  -: has no token, because the provider refused one")
    print("\nEvery answer is the one that the model means." if not wrong else "\nWrong:\n  " + "\n  ".join(wrong))
    return 1 if wrong else 0


def _callers(local: Local, estate: Estate) -> Iterator[Caller]:
    for client in estate.clients:
        provider = estate.stack.providers[client.provider]
        component = estate.components[client.component]
        settings = caller.environment(local.cluster.url, component.namespace, component.name)
        if not client.user_facing:
            token, got = _token(settings, None)
            yield Caller(client.component, token, got, issue(provider, client))
            continue
        for user in USERS:
            token, got = _token(settings, user.login)
            meant = issue(provider, client, User(user.login, user.groups))
            yield Caller(f"{client.component} for {user.login}", token, got, meant)


def _token(settings: Mapping[str, str], login: str | None) -> tuple[str | None, str]:
    try:
        return caller.token(settings, login)
    except browser.RefusedError as refused:
        return None, f"refused: {refused.error}"


def _calls(estate: Estate) -> Iterator[Call]:
    """A call for each rule, one that no rule lists, and one whose path could be read in two ways."""
    seen: dict[Call, None] = {}
    for component in estate.exposed:
        for endpoint in component.endpoints:
            for call in _calls_of(component, endpoint):
                seen.setdefault(call)
    yield from seen


def _calls_of(component: Component, endpoint: Endpoint) -> Iterator[Call]:
    host = endpoint.host.replace("*", "any")
    for rule in component.rules:
        if within(rule.path, endpoint.path):
            target = written(rule.path).encode()
            yield Call(rule.methods[0], host, target)
            if "PATCH" not in rule.methods:
                yield Call("PATCH", host, target)
            if rule.public and rule.path:
                yield Call("GET", host, target + _MIXED)


def _answer(local: Local, call: Call, one: Caller) -> int | None:
    """The gateway's status; None where the caller has no token because it was refused one."""
    if one.token is None and one.meant is not None:
        return None
    connection = http.client.HTTPConnection(urlsplit(local.kong.proxy_url).netloc, timeout=10)
    try:
        connection.putrequest(call.method, call.target.decode("latin-1"), skip_host=True)
        connection.putheader("Host", call.host)
        if one.token:
            connection.putheader("Authorization", f"Bearer {one.token}")
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


def _meant(estate: Estate, call: Call, one: Caller) -> int:
    return decide(estate, Request(call.method, call.host, call.target), one.meant).status


def _letter(number: int) -> str:
    return chr(ord("A") + number) if number < 26 else str(number)
