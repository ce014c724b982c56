"""The demo's table: the token of each caller, and the answer to each of their calls.

Callers read the Secrets of their workloads in the cluster, and nothing else. Every answer of the
gateway is compared with the model's. A cell that differs is marked and listed, and the demo fails.
"""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.data import PathSegments
from kong_oam.access.decide import Decision, Request, decide
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.issue import User, issue
from kong_oam.access.methods import http_method, is_call, tool_of
from kong_oam.access.model import Client, Component, Estate, Stack
from kong_oam.access.paths import within, written
from kong_oam.access.providers import Provider
from kong_oam.access.settings.stack import read_file
from kong_oam.access.settings.values import ProviderSettings, plain
from kong_oam.access.tokens import Claims, Refusal
from kong_oam.render.stage import read_applications
from sandbox import browser, caller
from sandbox.edges import Json
from sandbox.local import STACK, USERS, Local

_NEXT = """\
Next: docs/tutorial.md edits an Application and deploys the change (make sandbox).
      docs/concepts.md explains the table. make demo VERBOSE=1 prints all log lines."""
_MIXED = b"/%2e%2e;/"  # appended to a path, it is read differently by different servers


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller, the token from the provider, and the claims that the model expects in the token.

    A caller whose token request was denied calls without a token. Some providers deny no request
    and issue a token without permissions.
    """

    name: str
    token: str | None
    got: str
    meant: Claims | Refusal | None

    @property
    def missed(self) -> bool:
        """Whether an expected token is missing."""
        return self.token is None and isinstance(self.meant, Claims)

    @property
    def summary(self) -> str:
        """The scopes of the token, or why there is no valid token."""
        void = self.token is not None and isinstance(self.meant, Refusal)
        return "a token without permissions" if void else self.got


@dataclass(frozen=True, slots=True)
class Call:
    """One request, `target` as the raw bytes of the request line.

    `method` is an HTTP method, or the call of an MCP tool (`kong_oam.access.methods`).
    """

    method: str
    host: str
    target: bytes

    def __str__(self) -> str:
        return f"{self.method:6} {self.host}{self.target.decode('latin-1')}"

    @property
    def message(self) -> bytes | None:
        """The body of the request: a message that calls the tool."""
        if not is_call(self.method):
            return None
        message: Json = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": tool_of(self.method), "arguments": {}},
        }
        return json.dumps(message).encode()


@dataclass(frozen=True, slots=True)
class Table:
    """The table of calls: the gateway's status for each caller in order, and the status by the
    model."""

    callers: tuple[Caller, ...]
    rows: dict[Call, tuple[int, ...]]
    meant: dict[Call, tuple[int, ...]]
    codes: dict[Call, tuple[str, ...]]
    """The reasons that the model has, by code."""
    ids: dict[Call, tuple[str, ...]]
    """The ids that the gateway gave the requests."""

    @property
    def wrong(self) -> tuple[str, ...]:
        """Return the differences between the gateway and the model."""
        return (*self._differences(),)

    def _differences(self) -> Iterator[str]:
        for client in self.callers:
            if client.missed:
                yield f"{client.name} has no token: {client.got}"
        for call, row in self.rows.items():
            columns = zip(self.callers, row, self.meant[call], strict=True)
            for client, got, meant in columns:
                if got != meant:
                    yield f"{call} as {client.name}: {got}, and the model says {meant}"

    def __str__(self) -> str:
        width = max(len(str(call)) for call in self.rows)
        lines = [
            f"  {'':{width}}  "
            + " ".join(
                f"{_letter(number):>3}" for number in range(len(self.callers))
            )
        ]
        for call, row in self.rows.items():
            answers = (
                f"{got}{'' if got == meant else '!'}"
                for got, meant in zip(row, self.meant[call], strict=True)
            )
            lines.append(
                f"  {call!s:{width}}  "
                + " ".join(f"{answer:>3}" for answer in answers)
            )
        return "\n".join(lines)


def estate_of(
    project: Path,
    on: Callable[[Stack], Stack] = lambda stack: stack,
    name: str = STACK,
) -> Estate:
    """Return the estate of the project in this folder on the stack `name`, or on `on(stack)`."""
    settings = read_file(project / f"stacks/Pulumi.{name}.yaml", _described)
    stack = on(settings.stack)
    reading = read_applications(
        settings.applications, settings.definitions, stack.minor, folder=project
    )
    compiled = compile_estate(reading, stack)
    assert compiled.estate is not None, (
        "the program has just accepted the same files"
    )
    return compiled.estate


def _described(settings: ProviderSettings) -> Provider:
    """Facts about a provider that the model needs: whether its tokens are for a single API."""
    return replace(plain(settings), per_api=settings.type == "entra")


def ask(local: Local, estate: Estate, proxy_url: str = "") -> Table:
    """Get a token for every caller, and make every call at the sandbox's gateway or at another
    gateway."""
    gateway = urlsplit(proxy_url or local.kong.proxy_url).netloc
    callers = (
        Caller("nobody", None, "no token", None),
        *_callers(local, estate),
    )
    table = Table(callers, {}, {}, {}, {})
    for call in _calls(estate):
        answers = [send(gateway, call, caller) for caller in callers]
        decisions = [_meant(estate, call, caller) for caller in callers]
        table.rows[call] = tuple(status for status, _ in answers)
        table.ids[call] = tuple(number for _, number in answers)
        table.meant[call] = tuple(decision.status for decision in decisions)
        table.codes[call] = tuple(decision.code for decision in decisions)
    return table


def deployed(state: str) -> str:
    """Return how many resources of each product a stack has; `state` is the JSON of its export."""
    resources = json.loads(state)["deployment"]["resources"]
    products = Counter(
        resource["type"].partition(":")[0]
        for resource in resources
        if resource.get("custom") and not resource["type"].startswith("pulumi:")
    )
    counts = [f"{count} of {name}" for name, count in sorted(products.items())]
    return f"Deployed resources: {', '.join(counts)}."


def show(
    local: Local,
    project: Path,
    provider: str,
    records: Path,
    *,
    verbose: bool = False,
) -> int:
    """Make the calls and print the report. Return 0 if every answer equals the model's, else 1."""
    table = ask(local, estate_of(project))
    lines, differing = log(table, records.read_text("utf-8"))
    wrong = (*table.wrong, *differing)
    print(report(table, lines, wrong, provider, verbose=verbose))
    return 1 if wrong else 0


def report(
    table: Table,
    lines: Sequence[str],
    wrong: Sequence[str],
    provider: str,
    *,
    verbose: bool = False,
) -> str:
    """Return the tokens, the table of calls, log lines, and the verdict as text.

    `lines` is the log of all calls, and `wrong` lists the differences from the model. `provider`
    names the source of tokens. Without `verbose` the report has three log lines.
    """
    callers = []
    without_token = []
    for number, client in enumerate(table.callers):
        letter = _letter(number)
        mark = "   <- the model says otherwise" if client.missed else ""
        callers.append(f"  {letter}  {client.name:42} {client.summary}{mark}")
        if client.token is None and client.meant is not None:
            without_token.append(letter)
    log_lines = lines if verbose else excerpt(lines, len(table.callers))
    verdict = (
        "\n  ".join(("Differs from the model:", *wrong))
        if wrong
        else f"All {len(lines)} answers and log lines match the Applications."
    )
    parts = (
        f"Tokens (from {provider}, with the credentials in each workload's Secret)",
        "\n".join(callers),
        "Calls (answers of the Kong stand-in with the deployed gate; each 200 is the workload's)",
        str(table),
        f"  Without a token: A {' '.join(without_token)}".rstrip(),
        "The gateway's log of these calls",
        "\n".join(log_lines),
        verdict,
        _NEXT,
    )
    return "\n" + "\n\n".join(parts)


def excerpt(lines: Sequence[str], callers: int) -> list[str]:
    """Return three log lines of one call: allowed, without the scope, and without a token.

    `lines` has as many lines for each call as there are `callers`.
    """
    codes = (" allowed ", " scope-missing ", " token-needed ")
    for start in range(0, len(lines), callers):
        of_call = lines[start : start + callers]
        found = []
        for code in codes:
            matching = (line for line in of_call if code in line)
            found.append(next(matching, None))
        if None not in found:
            return [line for line in found if line]
    return list(lines[:3])


def _callers(local: Local, estate: Estate) -> Iterator[Caller]:
    for client in estate.clients:
        provider = estate.stack.providers[client.provider]
        component = estate.components[client.component]
        if component.outside:
            continue  # it has no Secret here; its owner holds its keys
        settings = caller.environment(
            local.cluster.url, component.workload.namespace, component.name
        )
        for api in (
            dict.fromkeys(call.component for call in client.calls)
            if provider.per_api
            else [None]
        ):
            yield from _callers_of(
                client,
                provider,
                settings,
                estate.components[api] if api else None,
            )


def _callers_of(
    client: Client,
    provider: Provider,
    settings: Mapping[str, str],
    api: Component | None,
) -> Iterator[Caller]:
    """Yield the client, or each user who signs in through it, with a token for one API where tokens
    are for one."""
    several = (
        api is not None and len({call.component for call in client.calls}) > 1
    )
    name = (
        f"{client.component} at {api.key}"
        if api and several
        else client.component
    )
    if not client.user_facing:
        token, got = _token(settings, None, api)
        yield Caller(name, token, got, issue(provider, client, api=api))
        return
    for user in USERS:
        token, got = _token(settings, user.login, api, *client.origins[:1])
        meant = issue(
            provider,
            client,
            User(user.login, tuple(map(provider.group, user.groups))),
            api=api,
        )
        yield Caller(f"{name} for {user.login}", token, got, meant)


def _token(
    settings: Mapping[str, str],
    login: str | None,
    api: Component | None,
    origin: str | None = None,
) -> tuple[str | None, str]:
    try:
        return caller.token(settings, login, api.key if api else None, origin)
    except browser.IssuerError as refused:
        return None, f"refused: {refused.error}"


def _calls(estate: Estate) -> Iterator[Call]:
    """Return a call for each rule, a call that no rule lists, and a call with an ambiguous path.

    For an MCP endpoint, return the call of a tool.
    """
    seen: dict[Call, None] = {}
    for component in estate.exposed:
        for endpoint in component.exposure.endpoints:
            for call in _calls_of(component, endpoint):
                seen.setdefault(call)
    yield from seen


def _calls_of(component: Component, endpoint: Endpoint) -> Iterator[Call]:
    host = endpoint.host.replace("*", "any")
    for rule in component.exposure.rules:
        if not within(rule.path, endpoint.path):
            continue
        target = written(rule.path).encode()
        if rule.path in component.mcp_endpoints:
            yield Call(_first_tool(component, rule.path), host, target)
            continue
        yield Call(rule.methods[0], host, target)
        if "PATCH" not in rule.methods:
            yield Call("PATCH", host, target)
        if rule.public and rule.path:
            yield Call("GET", host, target + _MIXED)


def _first_tool(component: Component, path: PathSegments) -> str:
    """Return the call of the first tool that rules on the path list."""
    calls = (rule.calls for rule in component.owned[path])
    return next(chain.from_iterable(calls))


def log(table: Table, records: str) -> tuple[list[str], list[str]]:
    """Return a line for each call from the gateway's records, and the lines that differ from the
    model."""
    by_id = {
        record["requestId"]: record
        for record in map(json.loads, records.splitlines())
    }
    width = max(len(str(call)) for call in table.rows)
    lines = []
    wrong = []
    for call, row in table.rows.items():
        for number, (calling, status, request) in enumerate(
            zip(table.callers, row, table.ids[call], strict=True)
        ):
            record = by_id.get(request, {})
            meant = table.codes[call][number]
            # A record names the client's component only if the client calls the API.
            client = record.get("client") and record.get(
                "caller", calling.name.split()[0]
            )
            who = " for ".join(
                filter(None, (client, record.get("user") and record["subject"]))
            )
            code = record.get("code", "no record")
            rule = record.get("rule", "-")
            words = (
                f"{_letter(number):>3}  {call!s:{width}}  {record.get('status', '-')!s:3}  "
                f"{code:22}  {who or '-':30}"
            )
            void = calling.token is not None and isinstance(
                calling.meant, Refusal
            )
            if record.get("status") != status or (code != meant and not void):
                wrong.append(
                    f"the log has of {call} as {calling.name}: {code}, and the model says {meant}"
                )
            lines.append(f"{words}  {rule}")
    return lines, wrong


def send(gateway: str, call: Call, client: Caller) -> tuple[int, str]:
    """Send a request to a gateway. Return the status, and the id of the request."""
    connection = http.client.HTTPConnection(gateway, timeout=10)
    try:
        connection.putrequest(
            http_method(call.method),
            call.target.decode("latin-1"),
            skip_host=True,
        )
        connection.putheader("Host", call.host)
        if client.token:
            connection.putheader("Authorization", f"Bearer {client.token}")
        message = call.message
        if message:
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Content-Length", str(len(message)))
        connection.endheaders(message)
        answer = connection.getresponse()
        return answer.status, answer.headers["X-Kong-Request-Id"]
    finally:
        connection.close()


def _meant(estate: Estate, call: Call, client: Caller) -> Decision:
    return decide(
        estate, Request(call.method, call.host, call.target), client.meant
    )


def _letter(number: int) -> str:
    return chr(ord("A") + number) if number < 26 else str(number)
