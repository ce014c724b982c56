"""Adopted Kongs: the old side answers, the new side decides, and both are compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network
from random import Random
from typing import Any

import yaml

from kong_oam.access.before import OldCredential
from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.decide import Decision, Request, decide
from kong_oam.access.forward import forward_of, sent_path
from kong_oam.access.lint.lint import lint
from kong_oam.access.model import Estate
from kong_oam.access.paths import read_text, written
from kong_oam.access.settings.stack import parse
from kong_oam.adopt.answers import Answers, OldAnswer
from kong_oam.adopt.deck import read_deck
from kong_oam.adopt.entities import OldKong
from kong_oam.adopt.path_text import escaped
from kong_oam.adopt.requests import NOBODY, OldCaller, OldRequest
from kong_oam.adopt.writing.cells import declared_texts
from kong_oam.adopt.writing.options import Options
from kong_oam.adopt.writing.write import Written, write
from kong_oam.oam.application import join_readings, read_bytes

HOST = "api.example.com"
OPTIONS = Options((HOST,), "2027-03-31", "2026-12-01")
APPLICATION = "applications/kong.yaml"
STACK = "stacks/Pulumi.prod.yaml"
REPORT = "adopt-report.md"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "PURGE")
_INSIDE, _OUTSIDE = "10.2.0.1", "192.0.2.1"


def read_old(text: str, name: str = "kong.yaml") -> OldKong | None:
    """Return the Kong of a decK file, or None for a rejected file."""
    return read_deck([(name, text.encode())])[0]


def adopted(text: str, **options: Any) -> Written:
    """Return the files for a decK file, which needs no format version."""
    if "_format_version" not in text:
        text = f'_format_version: "3.0"\n{text}'
    old = read_old(text)
    assert old is not None
    return write(old, replace(OPTIONS, **options))


@dataclass
class NewSide:
    """The estate of written files, and the findings of `check`."""

    estate: Estate
    findings: list[str] = field(default_factory=list)

    def decide(self, request: Request, caller: OldCaller) -> Decision:
        """Decide a request of an old caller."""
        proof = None
        if caller.consumer and caller.by in ("key-auth", "basic-auth"):
            proof = OldCredential(caller.consumer, caller.by)
        return decide(self.estate, request, proof)


def new_side(files: Written) -> NewSide:
    """Compile the written files, and lint them. https services have a CA here."""
    config = yaml.safe_load(files.files[STACK])["config"]
    settings = {key.partition(":")[2]: value for key, value in config.items()}
    settings["gateway"].pop("upstreamTls", None)
    read = parse("prod", settings)
    stack = replace(read.stack, upstream_tls="tls")
    reading = join_readings(
        [read_bytes(APPLICATION, files.files[APPLICATION].encode())]
    )
    compiled = compile_estate(reading, stack)
    assert compiled.estate is not None, [*map(str, compiled.diagnostics)]
    findings = [*map(str, compiled.diagnostics)]
    for finding in lint(reading.applications, compiled.estate, read.as_of):
        findings.append(str(finding.diagnostic))
    return NewSide(compiled.estate, findings)


def requests(old: OldKong, random: Random, count: int) -> Iterator[OldRequest]:
    """Yield requests near the declared texts: exactly, below, continued, and spelled otherwise."""
    texts = declared_texts(old.routes)
    hosts = sorted({host for route in old.routes for host in route.hosts})
    for _ in range(count):
        host = random.choice([*hosts, HOST])
        if host.startswith("*."):
            host = random.choice(["q", "q.a"]) + host[1:]
        if host.endswith("*") or random.random() < 0.05:
            host = "other.test"
        text = random.choice(texts)
        bare = text.rstrip("/")
        path = random.choice(
            [
                text,
                bare or "/",
                f"{bare}/",
                *(f"{bare}/{more}" for more in ("x", "7", "a/b", "x/", "Y.z")),
                *(f"{text}{more}" for more in ("x", "-a", "X/", "7/b")),
                *(f"{text}{more}" for more in ("/../x", "%41", "//", "%2Fz")),
                text[: random.randrange(1, len(text) + 1)],
                text.upper(),
                "/zz",
            ]
        )
        yield OldRequest(random.choice(_METHODS), host, escaped(path))


def callers(old: OldKong, most: int) -> list[OldCaller]:
    """Return nobody, and each kind of credential of the first consumers."""
    found = [NOBODY]
    for consumer in old.consumers[:most]:
        found += [OldCaller(consumer.name, kind) for kind in consumer.kinds]
    return found


@dataclass
class Comparison:
    """Counts of requests, and the wrong requests."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def compare(
    old: OldKong, new: NewSide, random: Random, count: int, most_consumers: int
) -> Comparison:
    """Ask both sides. A request that our routes do not match stays with the old routes."""
    result = Comparison()
    answers = Answers(old)
    for asked in requests(old, random, count):
        for caller in callers(old, most_consumers):
            address = random.choice([_INSIDE, _OUTSIDE])
            answer = answers.answer(asked, caller)
            passes = _passes(answer, address)
            request = Request(
                asked.method,
                asked.host or "",
                asked.path.encode("latin-1"),
                address,
            )
            decision = new.decide(request, caller)
            where = f"{asked.method} {asked.host}{asked.path} of {caller}"
            if decision.status == 404:
                result.counts["unchanged"] += 1
            elif not decision.allowed:
                result.counts["closed" if passes else "denied"] += 1
            elif asked.method == "HEAD" and _differs_from_get(
                answers, asked, caller, answer
            ):
                result.counts["head"] += 1
            elif not passes:
                result.wrong.append(f"opened: {where}")
            else:
                problem = _other_way(old, new.estate, asked, answer)
                result.counts["same"] += not problem
                if problem:
                    result.wrong.append(f"{problem}: {where}")
    return result


def _passes(answer: OldAnswer, address: str) -> bool:
    if answer.outcome != "passes":
        return False
    if answer.networks is None:
        return True
    config = answer.networks.config
    caller = ip_address(address)
    denied = any(caller in ip_network(each) for each in config.get("deny", ()))
    allowed = config.get("allow", ())
    listed = any(caller in ip_network(each) for each in allowed)
    return not denied and (listed or not allowed)


def _differs_from_get(
    answers: Answers, asked: OldRequest, caller: OldCaller, head: OldAnswer
) -> bool:
    """Return whether GET passes, and HEAD did not pass to the same place."""
    get = answers.answer(replace(asked, method="GET"), caller)
    is_same = head.outcome == "passes" and head.destination == get.destination
    return get.outcome == "passes" and not is_same


def _other_way(
    old: OldKong, estate: Estate, asked: OldRequest, answer: OldAnswer
) -> str:
    """Return what differs at the workload; empty if nothing does."""
    path = read_text(asked.path.encode("latin-1"))
    reached = estate.reached(asked.host or "", path)
    assert reached is not None and answer.destination is not None
    endpoint, component = reached
    upstream = component.exposure.upstream
    assert upstream is not None
    was = answer.destination
    targets = {(was.host, was.port)}
    if known := old.upstream.get(was.host):
        targets = set()
        for target in known.targets:
            host, _, port = target.target.rpartition(":")
            targets.add((host, int(port)))
    if {(each.host, each.port) for each in upstream.targets} != targets:
        return "another service"
    forward = forward_of(component.exposure.forwards, endpoint.port_name, path)
    sent = read_text((was.path or "").encode("latin-1"))
    if sent_path(forward, path) != written(sent):
        return "another path"
    header = upstream.host_header or upstream.server_name or asked.host
    return "" if was.host_header in (None, header) else "another Host"
