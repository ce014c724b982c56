"""Compare the oracle with the project: one pair of estates, its questions, and every answer that
differs.

The questions go to `kong_oam.access.decide.answer`, with real tokens that are signed here. They
also go to the emitted Lua: admission and the gate of the request's component, and gates of others,
which must deny it. During a run, admission may belong to one estate and the gate to the other.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from random import Random
from typing import Any
from urllib.parse import unquote_to_bytes
from zlib import crc32

from lupa.luajit21 import LuaRuntime

from kong_oam.access import decide
from kong_oam.access.compile.estate import Compiled, compile_estate
from kong_oam.access.forward import sent_path
from kong_oam.access.model import Estate
from kong_oam.access.paths import AmbiguousPathError, read_text
from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import Settings
from kong_oam.access.tokens import KeyRing
from kong_oam.identity import kinds
from kong_oam.kong import names, plugins
from kong_oam.kong.table import address, table
from kong_oam.oam.application import join_readings, read_bytes
from sandbox.kong import uri
from tests.support.gateway_tokens import Issuer, ec_key
from tests.support.oracle import meaning, worlds
from tests.support.oracle.meaning import Answer, Page, Request, Token
from tests.support.oracle.worlds import Question, World

NOW = 1_790_000_000.0
_KEY, _STRAY = ec_key(), ec_key()
_FAULTS = (
    "expired",
    "early",
    "another issuer",
    "no mark",
    "another key",
    "unknown key id",
    "groups of two types",
)
_UNVERIFIED = ("another key", "unknown key id")
"""Faults for which Kong's `jwt` finds no credential, or a credential that does not fit."""


class Project:
    """A world as the project reads it. Answers are cached."""

    def __init__(self, world: World) -> None:
        self.world = world
        prefix = "kong-oam:"
        values = {
            key.removeprefix(prefix): value
            for key, value in world.stack["config"].items()
        }
        self.settings: Settings = parse("tests", values, kinds.describe)
        readings = [
            read_bytes(f"app{number}.yaml", json.dumps(application).encode())
            for number, application in enumerate(world.applications)
        ]
        self.compiled: Compiled = compile_estate(
            join_readings(readings), self.settings.stack
        )
        self._scripts: dict[tuple[str, int], tuple[Any, Any]] = {}
        self._answering: dict[tuple[str, int], Any] = {}
        self._signed: dict[Token, str] = {}

    @property
    def estate(self) -> Estate:
        assert self.compiled.estate is not None, "\n".join(
            str(diagnostic) for diagnostic in self.compiled.diagnostics
        )
        return self.compiled.estate

    @cached_property
    def issuers(self) -> dict[str, Issuer]:
        """Return the issuers by provider. An issuer that the provisioning creates has a name here
        too."""
        return {
            name: Issuer(
                NOW,
                replace(
                    provider, issuer=provider.issuer or f"https://{name}.test"
                ),
                name,
                _KEY,
                _STRAY,
            )
            for name, provider in self.settings.stack.providers.items()
        }

    @cached_property
    def rings(self) -> dict[str, KeyRing]:
        return {
            name: replace(
                issuer.ring,
                clients={client_id(key): key for key in self.clients_of(name)},
            )
            for name, issuer in self.issuers.items()
        }

    def clients_of(self, provider: str) -> list[str]:
        return [
            client.component
            for client in self.estate.clients
            if client.provider == provider
        ]

    def decision(self, request: Request) -> Answer:
        """Return the answer of `kong_oam.access.decide`."""
        authorization = (
            (f"Bearer {self.signed(request.token)}",) if request.token else ()
        )
        headers = (request.header,) if request.header else ()
        raw = decide.Request(
            request.method,
            request.host,
            request.target,
            request.address,
            headers,
        )
        found = decide.answer(self.estate, raw, authorization, self.rings, NOW)
        return Answer(
            found.status, found.component.key if found.component else None
        )

    def sent(self, request: Request) -> str | None:
        """Return the path at the workload; None for an ambiguous or unexposed path."""
        try:
            path = read_text(request.target)
        except AmbiguousPathError:
            return None
        pair = self.estate.reached(request.host.partition(":")[0], path)
        if pair is None:
            return None
        endpoint, component = pair
        return sent_path(component.forward(endpoint, path), path)

    def signed(self, token: Token) -> str:
        if token not in self._signed:
            self._signed[token] = signed(self.issuers[token.provider], token)
        return self._signed[token]

    def places(self) -> list[tuple[str, int]]:
        """Return components with their ports: each has a gate."""
        return [
            (component.key, port)
            for component in self.estate.exposed
            for port in map(int, component.backends)
        ]

    def scripts(self, lua: Lua, position: tuple[str, int]) -> tuple[Any, Any]:
        """Return admission and the gate before a port of a component."""
        if position not in self._scripts:
            component = self.estate.components[position[0]]
            ring = names.ring(
                self.estate.stack.name, component.identity.provider
            )
            ids = {
                key: client_id(key)
                for key in self.clients_of(component.identity.provider)
            }
            decided_by = table(
                self.estate, component, str(position[1]), ring, clients=ids
            )
            configs = (
                plugins.admission(decided_by),
                plugins.gate(decided_by, address("workload.test", position[1])),
            )
            admission, gate = (
                lua.compiled(config["access"][0]) for config in configs
            )
            self._scripts[position] = admission, gate
            (answers,) = configs[0]["header_filter"]
            self._answering[position] = (
                lua.compiled(answers) if "code.cors()" in answers else None
            )
        return self._scripts[position]

    def answering(self, lua: Lua, position: tuple[str, int]) -> Any:
        """Return the script before a port of a component that decides which pages may read an
        answer; None without a script."""
        self.scripts(lua, position)
        return self._answering[position]


def signed(issuer: Issuer, token: Token) -> str:
    """Return a token with these facts, in its provider's spelling."""
    provider, spelling = issuer.provider, issuer.provider.spelling
    changes: dict[str, Any] = {
        spelling.client: client_id(token.client),
        spelling.subject: "somebody",
    }
    if provider.per_api:
        changes["aud"] = (
            provider.audience_of(token.api) if token.api else "api://elsewhere"
        )
    if token.user:
        listed = replace(provider, groups={}).listed
        changes |= {
            spelling.groups: [listed(group) for group in token.groups],
            spelling.user: "u1",
        }
    else:
        own = spelling.own_value or client_id(token.client)
        changes |= {spelling.own: own}
    scopes = (
        [spelling.service_scopes.prefix + scope for scope in token.scopes]
        if not token.user
        else token.scopes
    )
    if token.user and spelling.user == spelling.scopes.claim:
        changes[spelling.user] = (
            " ".join(token.scopes) or "openid"
        )  # without scopes no such token exists
    fault = fault_of(token)
    faults: dict[str | None, dict[str, Any]] = {
        "expired": {"exp": NOW - 1},
        "early": {"nbf": NOW + 60},
        "another issuer": {"iss": "https://else.test"},
        "no mark": {spelling.marks[0].claim: None},
        "groups of two types": {spelling.groups: ["sales", 1]},
    }
    changes |= faults.get(fault, {})
    kid = "else" if fault == "unknown key id" else issuer.kid
    return issuer.signed(
        issuer.payload(scopes, **changes),
        _STRAY if fault == "another key" else None,
        kid=kid,
    )


def client_id(client: str | None) -> str:
    return f"id-of-{client}"


def fault_of(token: Token) -> str | None:
    """Return the fault of an invalid token: always the same for the same token."""
    return (
        None
        if token.counts
        else _FAULTS[crc32(repr(token).encode()) % len(_FAULTS)]
    )


_HARNESS = """
local decode = ...
local facts, status
local exited = {}
local function nothing() end
local shared = setmetatable({}, { __index = function(_, key) return facts[key] end,
                                  __newindex = function(_, key, value) facts[key] = value end })
local env = setmetatable({
  ngx = { ctx = {}, var = shared, now = function() return facts.now end, decode_base64 = decode,
          req = { get_headers = function() return facts.headers end, clear_header = nothing,
                  get_method = function() return facts.method end,
                  discard_body = nothing } },
  kong = { ctx = { shared = shared }, log = { err = nothing },
           client = { get_consumer = function() return facts.consumer end,
                      get_credential = function() return facts.credential end,
                      get_forwarded_ip = function() return facts.address end },
           service = { set_target = nothing, request = { set_header = nothing, clear_header = nothing,
                                                         set_path = function(path) facts.sent = path end } },
           response = { exit = function(code) status = code error(exited, 0) end,
                        clear_header = nothing, add_header = nothing, get_status = function() return 200 end,
                        set_header = function(name, value) facts['said ' .. name] = value end } },
}, { __index = _G })
local function compiled(code) return assert(load(code, "=script", "t", env))() end
local function run(script, given)
  facts, status = given, nil
  local fine, why = pcall(script)
  if fine then return 200 end
  return why == exited and status or 500
end
return compiled, run
"""


class Lua:
    """Admission and gates in one LuaJIT, with the part of Kong that they use."""

    def __init__(self) -> None:
        runtime = LuaRuntime(
            encoding="latin-1",
            unpack_returned_tuples=True,
            register_builtins=False,
        )
        self._table = runtime.table_from
        self.compiled, self._run = runtime.execute(_HARNESS, _decoded)

    def facts(self, project: Project, request: Request) -> Any:
        """Return the request as the scripts see it, after Kong's routing and `jwt`."""
        target = request.target.decode("latin-1")
        path, mark, query = target.partition("?")
        request_facts: dict[str, Any] = {
            "now": NOW,
            "method": request.method,
            "address": request.address,
            "http_host": request.host,
            "request": f"{request.method} {target} HTTP/1.1",
            "request_uri": target,
            "upstream_uri": uri.escaped(uri.normalized(path)) + mark + query,
        }
        headers = {"host": request.host}
        if request.header:
            headers[request.header[0]] = request.header[1]
        token = request.token
        if token is not None:
            text = project.signed(token)
            headers["authorization"] = f"Bearer {text}"
            if fault_of(token) not in _UNVERIFIED:
                issuer = project.issuers[token.provider]
                ring = names.ring(project.estate.stack.name, token.provider)
                consumer = {
                    "id": token.provider,
                    "username": ring,
                    "custom_id": issuer.provider.issuer,
                }
                owner = self._table({"id": token.provider})
                credential = {
                    "key": issuer.kid,
                    "algorithm": issuer.algorithm,
                    "consumer": owner,
                }
                request_facts |= {
                    "authenticated_jwt_token": text,
                    "consumer": self._table(consumer),
                }
                request_facts["credential"] = self._table(credential)
        request_facts["headers"] = self._table(headers)
        return self._table(request_facts)

    def through(self, admission: Any, gate: Any, facts: Any) -> int:
        if uri.refused_by_nginx(facts["request_uri"].partition("?")[0]):
            return 400
        admitted: int = self._run(admission, facts)
        if admitted != 200:
            return admitted
        status: int = self._run(gate, facts)
        return status

    def allowed(
        self,
        admission: Any,
        answering: Any,
        facts: Any,
        origin: str,
        *,
        preflight: bool,
    ) -> str | None:
        """Return the origin whose pages may read the answer to a page's request, or to its
        preflight."""
        facts["http_origin"] = origin
        if preflight:
            facts["http_access_control_request_method"], facts["method"] = (
                facts["method"],
                "OPTIONS",
            )
        self._run(admission, facts)
        ended = self._run(answering, facts)
        assert ended == 200, ended
        found: str | None = facts["said Access-Control-Allow-Origin"]
        return found


def _decoded(text: str) -> str | None:
    try:
        return base64.b64decode(text, validate=True).decode("latin-1")
    except (binascii.Error, ValueError):
        return None


@dataclass
class Report:
    """The questions, and the answers that differ. A decision is one compared answer of the project."""

    decisions: int = 0
    counted: Counter[str] = field(default_factory=Counter)
    disagreements: list[str] = field(default_factory=list)

    def add(self, other: Report) -> None:
        self.decisions += other.decisions
        self.counted += other.counted
        self.disagreements += other.disagreements


def compared(seed: int, count: int) -> Report:
    """Ask `count` questions about the seed's pair of estates."""
    rng = Random(seed)
    before, after = worlds.estates(rng)
    comparison = _Comparison(seed, Project(before), Project(after))
    if comparison.compile():
        for question in worlds.questions(rng, before, after, count):
            comparison.ask(question)
        apart = Random(f"pages {seed}")
        for page in worlds.pages(apart, before, after, count // 4):
            comparison.show(page, preflight=apart.random() < 0.5)
    return comparison.report


class _Comparison:
    """Questions to a pair of estates, and to the states between them, with their report."""

    def __init__(self, seed: int, was: Project, now: Project) -> None:
        self.seed, self.was, self.now = seed, was, now
        self.lua = Lua()
        self.report = Report(counted=Counter({"pairs of estates": 1}))

    def compile(self) -> bool:
        """Return whether both estates compile. The generator aims at valid estates."""
        found = [
            project
            for project in (self.was, self.now)
            if project.compiled.estate is None
        ]
        lines = [
            str(diagnostic)
            for project in found
            for diagnostic in project.compiled.diagnostics
        ]
        self.report.disagreements += [
            f"seed {self.seed}: not compiled: {line}" for line in lines
        ]
        return not found

    def ask(self, question: Question) -> None:
        request, was, now = question.request, self.was, self.now
        earlier, meant = was.world.answer(request), now.world.answer(request)
        self.report.counted.update(
            worlds.seen(question, was.world, now.world, earlier, meant)
        )
        if request.token and request.token.provider not in now.issuers:
            return
        self._judge("decide", request, meant, now.decision(request).status)
        facts, own = (
            self.lua.facts(now, request),
            (meant.component or "", meant.port or 0),
        )
        for position in self._gates_to_ask(own):
            status = self.lua.through(*now.scripts(self.lua, position), facts)
            self._judge(
                f"gate of {position[0]}:{position[1]}",
                request,
                meant if position == own else Answer(404),
                status,
            )
            if position == own and status == 200:
                self._compare_sent(
                    request, facts["sent"] or facts["upstream_uri"]
                )
        if own == (earlier.component, earlier.port) and own in was.places():
            self._half_finished(own, request, facts, earlier, meant)

    def _compare_sent(self, request: Request, target: str) -> None:
        """Compare the path at the workload: of the gate, of the project, and of the oracle."""
        now = self.now.world
        meant = meaning.sent(now.applications, now.stack, request)
        path = target.partition("?")[0].encode("latin-1")
        by_gate = unquote_to_bytes(path)
        by_project = (self.now.sent(request) or "").encode()
        self.report.decisions += 1
        if by_gate != meant or by_project != meant:
            text = f"seed {self.seed}: sent {by_gate!r}, {by_project!r}, meant is {meant!r}: {request}"
            self.report.disagreements.append(text)

    def show(self, page: Page, *, preflight: bool) -> None:
        """Compare whether the page may read the answer, or its preflight's answer: at the gate of
        the request's component, and at another gate."""
        world, request = (
            self.now.world,
            Request(page.method, page.host, page.target),
        )
        meant, readable = world.answer(request), world.readable(page)
        own = meant.component or "", meant.port or 0
        self.report.counted[
            f"a page {'reads' if readable else 'may not read'}"
        ] += 1
        if uri.refused_by_nginx(
            page.target.partition(b"?")[0].decode("latin-1")
        ):
            return
        for position in self._gates_to_ask(own):
            answering = self.now.answering(self.lua, position)
            admission, _ = self.now.scripts(self.lua, position)
            facts = self.lua.facts(self.now, request)
            shows = answering and self.lua.allowed(
                admission, answering, facts, page.origin, preflight=preflight
            )
            self.report.decisions += 1
            expected = page.origin if readable and position == own else None
            if shows != expected and not (
                shows is None and meaning.is_spelled_oddly(page.target)
            ):
                self.report.disagreements.append(
                    f"seed {self.seed}: cors of {position} says {shows}, meant is {expected}: {page}"
                )

    def _gates_to_ask(self, own: tuple[str, int]) -> Iterator[tuple[str, int]]:
        """Yield the gate of the request's component, and another gate, each other gate in turn."""
        places = self.now.places()
        if own in places:
            yield own
            places.remove(own)
        if places:
            yield places[self.report.decisions % len(places)]

    def _half_finished(
        self,
        position: tuple[str, int],
        request: Request,
        facts: Any,
        earlier: Answer,
        meant: Answer,
    ) -> None:
        """Check admission of one estate with the gate of the other: allowed only where both estates
        allow."""
        for name, admitting, deciding in (
            ("gate before", self.now, self.was),
            ("gate after", self.was, self.now),
        ):
            if request.token and request.token.provider not in deciding.issuers:
                continue
            self.report.counted[f"half-finished: {name}"] += 1
            (admission, _), (_, gate) = (
                admitting.scripts(self.lua, position),
                deciding.scripts(self.lua, position),
            )
            status = self.lua.through(admission, gate, facts)
            self.report.decisions += 1
            if meaning.must_allow(earlier, meant) != (status == 200):
                self._differs(f"half-finished, {name}", request, meant, status)

    def _judge(
        self, who: str, request: Request, meant: Answer, status: int
    ) -> None:
        self.report.decisions += 1
        if meant.status != status and {meant.status, status} != {
            400,
            404,
        }:  # without a route Kong answers 404 in place of 400
            self._differs(who, request, meant, status)

    def _differs(
        self, who: str, request: Request, meant: Answer, status: int
    ) -> None:
        if why := known(request, meant, status):
            self.report.counted[f"known: {why}"] += 1
        else:
            text = f"seed {self.seed}: {who} answers {status}, meant is {meant}: {request}"
            self.report.disagreements.append(text)


def known(request: Request, meant: Answer, status: int) -> str | None:
    """Return a known difference between the project and its documents, if the answer is one."""
    if meant.status == 400 and meant.component and status == 401:
        return "401 comes before the 400 for other spellings"
    if status in (400, 401, 403) and meaning.is_spelled_oddly(request.target):
        return "an odd spelling is refused that nobody is known to misread"
    return None
