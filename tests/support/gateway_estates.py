"""Estates for tests of gateways: an estate written by hand, and Applications that Hypothesis
generates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from kong_oam.access.model import (
    EXTERNAL,
    METHODS,
    Application,
    Call,
    Client,
    ClientKind,
    Component,
    Estate,
    Stack,
)
from kong_oam.access.providers import ClaimMapping, Listing, Provider, TokenType
from kong_oam.access.tokens import KeyRing
from tests.support.components import component_with
from tests.support.estates import SPELLING, api
from tests.support.gateway_tokens import GROUPS, Issuer, ec_key
from tests.support.json_object import JsonObject

ACCESS = """
            owner: team
            scopes: {read: r, write: w, "a.b": odd}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [read]}
              - {paths: [/orders], methods: [POST, PUT], scopes: [read, write]}
              - {paths: [/orders], methods: [PUT], scopes: ["a.b"]}
              - {paths: [/orders/health, "/orders/x:y"], methods: [GET], public: {reason: probes}}
              - {paths: [/orders/health/deep], scopes: [write]}
              - {paths: [/docs], methods: [GET, OPTIONS], public: {reason: docs}}
            roles:
              viewer: {scopes: [read], groups: [sales]}
              editor: {scopes: [read, write], groups: [desk, "de]==]sk"]}
"""

_WORDS = ClaimMapping(
    client="azp", user="oid", scopes=Listing("scope", "words"), service_scopes=Listing("roles"), groups="groups", subject="sub",
    own="idtyp", own_value="app", marks=(TokenType("use", "access"), TokenType("ver", "2.", prefix=True)), overage=("hasgroups", "_claim_names"),
)  # fmt: skip


def stack(name: str, scheme: Any = "https") -> Stack:
    """Return a stack with two issuers: `main` signs with RS256, `other` with ES256 and other
    claims."""
    main = Provider(
        "main",
        f"api://{name}",
        SPELLING,
        issuer=f"https://issuer.{name}.example.com",
    )
    renamed = {group: f"id-of-{group}" for group in GROUPS[:2]}
    other = Provider(
        "other",
        f"api://{name}/other",
        _WORDS,
        issuer=f"https://other.{name}.example.com",
        groups=renamed,
    )
    return Stack(name, {"main": main, "other": other}, scheme=scheme)


def issuers(
    stack: Stack, now: float, lifetime: float = 3600
) -> dict[str, Issuer]:
    """Return the issuers of a stack; their key ids have its name, since they are unique in a
    workspace."""
    main, other = (stack.providers[name] for name in ("main", "other"))
    return {
        "main": Issuer(now, main, stack.name, lifetime=lifetime),
        "other": Issuer(
            now,
            other,
            f"{stack.name}-other",
            ec_key(),
            ec_key(),
            lifetime=lifetime,
        ),
    }


class Scene:
    """An estate, and the issuers whose keys its gateway has. No dataclass, so that a failing case
    does not print it."""

    def __init__(self, estate: Estate, issuers: Mapping[str, Issuer]) -> None:
        self.estate, self.issuers = with_callers(estate), issuers

    @property
    def rings(self) -> dict[str, KeyRing]:
        return {name: issuer.ring for name, issuer in self.issuers.items()}

    @property
    def now(self) -> float:
        return self.issuers["main"].now

    @property
    def pems(self) -> dict[str, dict[str, str]]:
        """Return the keys by provider and key id, as `kong_deployment` puts them into a Kong."""
        return {
            name: {issuer.kid: issuer.pem}
            for name, issuer in self.issuers.items()
        }


def with_callers(estate: Estate) -> Estate:
    """Return the estate with the components whose clients `tests.support.gateway_tokens.CLIENTS`
    names."""
    callers = Application(
        "callers",
        "callers",
        {},
        {},
        (_caller(estate, "all", None), _caller(estate, "some", 1)),
    )
    return replace(estate, applications=(*estate.applications, callers))


def _caller(estate: Estate, name: str, most: int | None) -> Component:
    """Return a client with up to `most` scopes of each component, for itself and for users."""
    position = next(iter(estate.components.values())).position
    calls: dict[str, list[Call]] = {}
    for component in estate.components.values():
        if scopes := tuple(sorted(component.identity.scopes)[:most]):
            calls.setdefault(component.identity.provider, []).append(
                Call(component.key, scopes, (), position)
            )
    kinds: tuple[ClientKind, ...] = ("service", "native")
    clients = tuple(
        Client(
            f"callers/{name}",
            kind,
            provider,
            tuple(called),
            (),
            (),
            False,
            position,
        )
        for provider, called in calls.items()
        for kind in kinds
    )
    return component_with(
        f"callers/{name}",
        estate.stack.default_provider.name,
        namespace="callers",
        type=EXTERNAL,
        clients=clients,
        position=position,
    )


def nested_applications(domain: str) -> list[str]:
    """Return four components on `orders.<domain>`, `*.<domain>` and below it: nested public and
    protected paths, two ports."""
    host = f"orders.{domain}"
    wild = "{owner: w, rules: [{methods: [GET], public: {reason: w}}]}"
    return [
        api(
            "orders",
            domain=host,
            http="{/orders: 8080, /docs: 8080, /orders/files: 9090}",
            access=ACCESS,
        ),
        api("nested", domain=host, http="{/orders/nested: 8080}"),
        api("wild", domain=f"*.{domain}", http="{/: 80}", access=wild),
        api("deep", domain=f"*.deep.{domain}", http="{/orders: 80}"),
    ]


def generated_applications(domain: str, count: int, number: int) -> list[str]:
    """Return `count` applications, each below its own domain, from the seed `number`."""
    texts: list[str] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
    )
    @given(data=st.data())
    def draw(data: st.DataObject) -> None:
        name = f"d{len(texts)}"
        texts.append(
            json.dumps(data.draw(_application(name, f"{name}.{domain}")))
        )

    draw()
    return texts


_GATEWAY_PATHS = (
    "/",
    "/orders",
    "/orders/v1.0",
    "/orders/v1.0/deep",
    "/orders/x:y",
    "/docs",
    "/Docs",
)
_BELOW = (
    "",
    "",
    "/health",
    "/health/deep",
    "/x:y",
    "/(a+b)$",
    "/Caps",
    "/v1.0",
    "/~_-!&',=@",
)
_TOGETHER = (
    ("GET",),
    ("POST", "PUT"),
    ("PATCH",),
    ("DELETE", "OPTIONS"),
    ("HEAD",),
)


@st.composite
def _application(draw: st.DrawFn, name: str, domain: str) -> JsonObject:
    """Draw an application of up to four components that share hosts: exact hosts, wildcards and
    wildcards below them."""
    hosts = [f"a.{domain}", f"*.{domain}", f"*.b.{domain}", f"c.b.{domain}"]
    places = st.tuples(st.sampled_from(hosts), st.sampled_from(_GATEWAY_PATHS))
    exposed: list[dict[str, dict[str, int]]] = [
        {} for _ in range(draw(st.integers(1, 4)))
    ]
    for host, path in draw(
        st.lists(places, min_size=len(exposed), max_size=8, unique=True)
    ):
        owner = draw(st.sampled_from(exposed))
        owner.setdefault(host, {})[path] = draw(
            st.sampled_from([8080, 8080, 9090])
        )
    components = [
        draw(_component(f"c{number}", f"{name}.{number}", traits))
        for number, traits in enumerate(exposed)
        if traits
    ]
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": name},
        "spec": {"components": components},
    }


@st.composite
def _component(
    draw: st.DrawFn,
    name: str,
    prefix: str,
    exposed: Mapping[str, Mapping[str, int]],
) -> JsonObject:
    """Draw a component with a gateway trait per host and, in five of six cases, an access trait."""
    traits: list[JsonObject] = [
        {
            "type": "gateway",
            "properties": {
                "name": f"g{number}",
                "domain": host,
                "http": dict(http),
            },
        }
        for number, (host, http) in enumerate(exposed.items())
    ]
    if draw(st.integers(0, 5)):
        paths = sorted({path for http in exposed.values() for path in http})
        traits.append(
            {"type": "access", "properties": draw(_access(prefix, paths))}
        )
    return {
        "name": name,
        "type": "webservice",
        "properties": {"image": "x"},
        "traits": traits,
    }


@st.composite
def _access(
    draw: st.DrawFn, prefix: str, gateway_paths: list[str]
) -> JsonObject:
    """Draw scopes, consistent rules and roles. Scopes have `prefix`: they are unique per issuer."""
    scopes = [f"{prefix}.read", f"{prefix}.write", f"{prefix}.odd"]
    needed = st.lists(
        st.sampled_from(scopes), min_size=1, max_size=2, unique=True
    )
    below = st.builds(
        lambda base, rest: base.rstrip("/") + rest or "/",
        st.sampled_from(gateway_paths),
        st.sampled_from(_BELOW),
    )
    rules: list[JsonObject] = []
    for path in draw(st.lists(below, min_size=1, max_size=5, unique=True)):
        groups = (
            [METHODS]
            if draw(st.booleans())
            else draw(
                st.lists(st.sampled_from(_TOGETHER), min_size=1, unique=True)
            )
        )
        if ("GET",) in groups:
            groups = [
                group for group in groups if group != ("HEAD",)
            ]  # GET lists it already
        for methods in groups:
            rule: JsonObject = {"paths": [path], "methods": list(methods)}
            if draw(st.integers(0, 3)) == 0:
                rules.append({**rule, "public": {"reason": "generated"}})
            else:
                rules += [
                    {**rule, "scopes": draw(needed)}
                    for _ in range(draw(st.integers(1, 2)))
                ]
    rules = [*map(draw, map(_refusing, rules))]
    holders = st.lists(
        st.sampled_from(GROUPS), min_size=1, max_size=2, unique=True
    )
    roles = {
        f"r{number}": {"scopes": draw(needed), "groups": draw(holders)}
        for number in range(draw(st.integers(0, 3)))
    }
    return {
        "owner": "team",
        "identityProvider": draw(st.sampled_from(["main", "main", "other"])),
        "forwardToken": draw(st.booleans()),
        "forward": draw(_forward(gateway_paths)),
        "scopes": dict.fromkeys(scopes, "generated"),
        "rules": rules,
        "roles": roles,
    }


def _forward(gateway_paths: list[str]) -> st.SearchStrategy[dict[str, str]]:
    """Draw up to two paths at the workload."""
    keys = st.builds(
        lambda base, rest: base.rstrip("/") + rest or "/",
        st.sampled_from(
            [path for path in gateway_paths if path != "/Docs"] or ["/Docs"]
        ),
        st.sampled_from(_BELOW),
    )
    targets = st.sampled_from(("/", "/base", "/base/", "/v1/x:y", "/orders"))
    return st.dictionaries(keys, targets, max_size=2)


@st.composite
def _refusing(draw: st.DrawFn, rule: JsonObject) -> JsonObject:
    """Draw refusals for a third of the rules."""
    (path,) = rule["paths"]
    base = path.rstrip("/")
    texts = st.sampled_from([f"{base}/{rest}" for rest in _REFUSED])
    refusals = draw(
        st.dictionaries(
            st.sampled_from(("exactly", "below", "begins")),
            st.lists(texts, min_size=1, max_size=2, unique=True),
            max_size=2,
        )
    )
    return rule if draw(st.integers(0, 2)) else {**rule, "refusals": refusals}


_REFUSED = ("health", "deep", "7", "orders", "CAPS/deep", "v1.0", "x:y")
