"""Generated pairs of estates, where the second follows the first, and questions about them.

    before, after = estates(random.Random(7))
    for question in questions(rng, before, after, 100): ...

An estate is a plan of `Part`s, changed at random and then repaired (`_repair`), so that the result
has no errors. Hosts and paths have one owner, rules name declared scopes, and roles cover calls. It
is rendered as documents that a person could write.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from tests.support.oracle import meaning
from tests.support.oracle.meaning import (
    METHODS,
    Answer,
    Document,
    Page,
    Request,
    Token,
)

HOSTS = (
    "one.example.com",
    "two.example.com",
    "deep.two.example.com",
    "shop.example.org",
    "example.com",
)
WILDCARDS = ("*.example.com", "*.two.example.com")
PATHS = ("/", "/a", "/a/b", "/a/b/c", "/a/bb", "/d", "/d/e.json")
TAILS = (
    "",
    "",
    "/x",
    "/x/y",
    "/xx",
    "/health",
    "/~u_1-2",
    "/keys",
    "/x:y",
    "/p+q!",
)
KEYS = (
    "app/api",
    "app/store",
    "app/web",
    "shop/api",
    "shop/job",
    "shop/web",
    "lab/api",
    "lab/job",
    "lab/pages",
)
NEW_NAMES = ("agent", "robot")
SCOPES = (
    "read",
    "write",
    "items.read",
    "items.write",
    "audit",
    "a:b",
    "files/all",
    "x-1",
)
GROUPS = ("sales", "desk", "ops")
NETWORKS = (
    "10.0.0.0/8",
    "10.1.0.0/16",
    "127.0.0.0/8",
    "127.0.0.1/32",
    "0.0.0.0/0",
    "2001:db8::/32",
    "::/0",
    "::1/128",
)
ADDRESSES = (
    *(
        "127.0.0.1",
        "127.0.0.1",
        "127.0.0.2",
        "10.1.2.3",
        "10.200.0.1",
        "::ffff:10.1.2.3",
        "192.0.2.1",
    ),
    *("2001:db8::7", "2001:db9::7", "::1", "", "unix:"),
)
HEADERS = (
    *(
        ("Connection", value)
        for value in (
            "close",
            "Keep-Alive, Upgrade",
            "TE",
            "",
            " ,close",
            "HTTP2-Settings, Upgrade",
        )
    ),
    *(
        ("connection", value)
        for value in (
            "X-Auth-Client",
            "close, content-length",
            "Host",
            "keep-alive x",
            "upgrade;q=1",
        )
    ),
    *(
        ("Content_Length", "0"),
        ("x_forwarded-for", "192.0.2.1"),
        ("X-Real_IP", "::1"),
        ("X_Request_Id", "7"),
    ),
)
GROUP_NAMES: tuple[dict[str, str], ...] = (
    {},
    {},
    {"sales": "Sales EMEA"},
    {"sales": "desk", "desk": "sales"},
    {"sales": "everybody", "ops": "everybody"},
)
DOMAINS: tuple[dict[str, str], ...] = (
    {},
    {"example.com": "prod.example.net"},
    {
        "example.com": "prod.example.net",
        "two.example.com": "second.example.net",
        "le.com": "wrong.example.net",
    },
)
OKTA: Document = {"name": "okta", "type": "okta"}
ENTRA: Document = {
    "name": "tenant",
    "type": "entra",
    "issuer": "https://login.microsoftonline.com/11111111-1111-4111-8111-111111111111/v2.0",
    "accessTokenMinutes": 90,
    "clientSecrets": True,
}
CORP: Document = {
    "name": "corp",
    "type": "oidc",
    "issuer": "https://login.example.com",
    "audience": "api://corp",
    "tokens": {
        "user": "sid",
        "accessToken": {"claim": "token_use", "value": "access"},
    },
}
PROVIDERS = (
    (OKTA,),
    (OKTA,),
    (OKTA, CORP),
    (CORP, OKTA),
    (ENTRA,),
    (ENTRA, OKTA),
    (OKTA, ENTRA),
)
FOREIGN = (
    "https://partner.example",
    "http://one.example.com",
    "https://partner.example:8443",
)
"""Origins of foreign pages; one has a host that may be our own."""
OF_USERS = ("web", "browser", "native")
PAGES = ("web", "browser")
ELSEWHERE = ("native", "external")


@dataclass
class Part:
    """A component before rendering."""

    image: int = 1
    gateways: list[tuple[str | None, dict[str, int]]] = field(
        default_factory=list
    )
    access: bool = True
    provider: str | None = None
    scopes: list[str] = field(default_factory=list)
    rules: list[Document] = field(default_factory=list)
    roles: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    kind: str | None = None
    calls: dict[str, list[str]] = field(default_factory=dict)
    foreign: list[str] = field(default_factory=list)
    allow: Document = field(default_factory=dict)
    """The properties of its ip-allow trait; empty: no trait."""
    variant: int = 0
    """The number from which its refusals and its forwards are drawn."""

    @property
    def paths(self) -> list[str]:
        return [path for _, lines in self.gateways for path in lines]


@dataclass
class Plan:
    providers: tuple[Document, ...]
    groups: dict[str, dict[str, str]]
    suffixes: dict[str, str]
    parts: dict[str, Part]


@dataclass(frozen=True)
class World:
    applications: list[Document]
    stack: Document

    def answer(self, request: Request) -> Answer:
        return meaning.answer(self.applications, self.stack, request)

    def readable(self, page: Page) -> bool:
        return meaning.readable(self.applications, self.stack, page)


@dataclass(frozen=True)
class Question:
    request: Request
    tags: frozenset[str]
    """The special features of the estate, to count them."""


def estates(rng: Random) -> tuple[World, World]:
    """Return an estate, and an estate with a few changes."""
    plan = _plan(rng)
    _repair(plan)
    before = _render(plan)
    plan = copy.deepcopy(plan)
    for _ in range(rng.randint(1, 4)):
        rng.choice(_CHANGES)(rng, plan)
    _repair(plan)
    aside = Random(repr(before))
    for part in plan.parts.values():
        if aside.random() < 0.3:
            part.allow = _allow(aside, part)
            _repair_allow(part)
        if aside.random() < 0.3:
            part.variant += 1
    return before, _render(plan)


# Draw a plan


def _some(rng: Random, pool: Any, least: int, most: int) -> list[Any]:
    choices = sorted(set(pool))
    return rng.sample(choices, min(len(choices), rng.randint(least, most)))


def _plan(rng: Random) -> Plan:
    providers = rng.choice(PROVIDERS)
    names = {
        provider["name"]: rng.choice(GROUP_NAMES) for provider in providers
    }
    plan = Plan(providers, names, rng.choice(DOMAINS), {})
    for key in sorted(rng.sample(KEYS, rng.randint(3, 6))):
        plan.parts[key] = _part(rng, plan, key)
    for part in plan.parts.values():
        _roles(rng, plan, part)
    for part in plan.parts.values():
        _calls(rng, plan, part)
    return plan


def _part(rng: Random, plan: Plan, key: str) -> Part:
    part = Part(
        provider=rng.choice(
            [None, *(provider["name"] for provider in plan.providers)]
        )
    )
    name = key.split("/")[1]
    if name in ("api", "store", "web", "pages"):
        part.gateways = [_gateway(rng) for _ in range(rng.choice((1, 1, 2)))]
        part.access = rng.random() < 0.85
        part.scopes = _some(rng, SCOPES, 1, 4)
        part.rules = [_rule(rng, part) for _ in range(rng.randint(0, 6))]
    if name in ("web", "pages"):
        part.kind = rng.choice(PAGES)
    elif name == "job":
        part.kind = rng.choice(("service", "service", *ELSEWHERE))
    elif rng.random() < 0.4:
        part.kind = "service"
    apart = Random(
        f"{key} {part.image} {part.scopes}"
    )  # other draws from `rng` stay the same
    if apart.random() < 0.3:
        part.foreign = _some(apart, FOREIGN, 1, 2)
    part.allow = _allow(Random(repr((key, part))), part)
    return part


def _allow(rng: Random, part: Part) -> Document:
    """Draw networks, mostly none. They have a separate generator, as do addresses: other draws of a
    seed stay the same."""
    if not part.gateways or rng.random() < 0.6:
        return {}
    singles = [
        {
            "paths": [path],
            "methods": _some(rng, METHODS, 1, 4),
            "from": _some(rng, NETWORKS, 1, 2),
        }
        for path in _some(
            rng,
            [
                *part.paths,
                *(
                    path
                    for rule in part.rules
                    for path in rule.get("paths", [])
                ),
            ],
            0,
            3,
        )
    ]
    return (
        {"from": _some(rng, NETWORKS, 1, 3), "rules": singles}
        if rng.random() < 0.7
        else {"rules": singles}
    )


def _gateway(rng: Random) -> tuple[str | None, dict[str, int]]:
    host = rng.choice((*HOSTS, *HOSTS, *WILDCARDS, None))
    return host, {
        path: rng.choice((8080, 8080, 9090)) for path in _some(rng, PATHS, 1, 3)
    }


def _rule(rng: Random, part: Part) -> Document:
    rule: Document = {}
    if rng.random() < 0.8:
        rule["paths"] = [
            _below(rng.choice(part.paths), rng.choice(TAILS))
            for _ in range(rng.choice((1, 1, 2)))
        ]
    if rng.random() < 0.7:
        rule["methods"] = _some(rng, METHODS, 1, 3)
    if rng.random() < 0.3:
        rule["public"] = {"reason": "generated", "until": "2027-12-31"}
    else:
        rule["scopes"] = _some(rng, part.scopes, 1, 2)
    return rule


def _below(path: str, tail: str) -> str:
    return (path.rstrip("/") + tail) or "/"


def _roles(rng: Random, plan: Plan, part: Part) -> None:
    clients = [key for key, other in plan.parts.items() if other.kind]
    for name in _some(rng, ("viewer", "editor", "auditor"), 1, 3):
        part.roles[name] = {
            "scopes": _some(rng, part.scopes, 1, 3),
            "groups": _some(rng, GROUPS, 0, 2),
            "components": _some(rng, clients, 0, 4),
        }


def _calls(rng: Random, plan: Plan, part: Part) -> None:
    for key, other in plan.parts.items():
        if rng.random() < 0.8:
            part.calls[key] = _some(rng, other.scopes, 1, 4)


# Change a plan


def _owners(plan: Plan) -> list[Part]:
    return [
        part for part in plan.parts.values() if part.access and part.gateways
    ]


def _move_scope(rng: Random, plan: Plan) -> None:
    """Give a scope to another component, which requires it; some of its clients follow."""
    givers = [
        (key, part)
        for key, part in plan.parts.items()
        if part.access and part.gateways and part.scopes
    ]
    takers = _owners(plan)
    if len(takers) < 2 or not givers:
        return
    key, giver = rng.choice(givers)
    taker = rng.choice([part for part in takers if part is not giver] or takers)
    scope = rng.choice(giver.scopes)
    giver.scopes.remove(scope)
    taker.provider = giver.provider
    taker.scopes.append(scope)
    taker.rules.append(
        {
            "scopes": [scope],
            "paths": [rng.choice(taker.paths)],
            "methods": ["GET"],
        }
    )
    taker.roles["viewer"] = {
        "scopes": [scope],
        "groups": _some(rng, GROUPS, 0, 2),
        "components": [],
    }
    to = next(name for name, part in plan.parts.items() if part is taker)
    for name, part in plan.parts.items():
        if scope in part.calls.get(key, ()) and rng.random() < 0.5:
            part.calls.setdefault(to, []).append(scope)
            taker.roles["viewer"]["components"].append(name)


def _move_grant(rng: Random, plan: Plan) -> None:
    clients = [key for key, part in plan.parts.items() if part.kind]
    roles = [role for part in _owners(plan) for role in part.roles.values()]
    if roles:
        role = rng.choice(roles)
        role["components"] = _some(rng, clients, 0, 2)


def _move_groups(rng: Random, plan: Plan) -> None:
    roles = [role for part in _owners(plan) for role in part.roles.values()]
    if roles:
        rng.choice(roles)["groups"] = _some(rng, GROUPS, 0, 2)


def _ask_otherwise(rng: Random, plan: Plan) -> None:
    part = rng.choice(list(plan.parts.values()))
    part.calls = {}
    _calls(rng, plan, part)


def _rename_groups(rng: Random, plan: Plan) -> None:
    plan.groups[rng.choice(list(plan.groups))] = rng.choice(GROUP_NAMES)


def _remove(rng: Random, plan: Plan) -> None:
    if len(plan.parts) > 2:
        del plan.parts[rng.choice(list(plan.parts))]


def _no_client(rng: Random, plan: Plan) -> None:
    rng.choice(list(plan.parts.values())).kind = None


def _rename(rng: Random, plan: Plan) -> None:
    old = rng.choice(list(plan.parts))
    new = f"{old.split('/')[0]}/{rng.choice(NEW_NAMES)}"
    if new in plan.parts:
        return
    plan.parts[new] = plan.parts.pop(old)
    for part in plan.parts.values():
        part.calls = {
            new if key == old else key: scopes
            for key, scopes in part.calls.items()
        }
        for role in part.roles.values():
            role["components"] = [
                new if key == old else key for key in role["components"]
            ]


def _rules(rng: Random, plan: Plan) -> None:
    """Remove and add some rules; maybe the component gets a new version."""
    owners = _owners(plan)
    if owners:
        part = rng.choice(owners)
        part.rules = [rule for rule in part.rules if rng.random() < 0.7]
        if part.scopes:
            part.rules.insert(0, _rule(rng, part))
        part.image += rng.randint(0, 1)


def _gateways(rng: Random, plan: Plan) -> None:
    """Move a component to another place; another component may take the old place."""
    exposed = [part for part in plan.parts.values() if part.gateways]
    if len(exposed) > 1 and rng.random() < 0.5:
        first, other = rng.sample(exposed, 2)
        first.gateways, other.gateways = other.gateways, first.gateways
    elif exposed:
        rng.choice(exposed).gateways = [_gateway(rng)]


def _provider(rng: Random, plan: Plan) -> None:
    rng.choice(list(plan.parts.values())).provider = rng.choice(plan.providers)[
        "name"
    ]


def _access(rng: Random, plan: Plan) -> None:
    part = rng.choice(list(plan.parts.values()))
    part.access = not part.access


def _image(rng: Random, plan: Plan) -> None:
    rng.choice(list(plan.parts.values())).image += 1


def _suffixes(rng: Random, plan: Plan) -> None:
    plan.suffixes = rng.choice(DOMAINS)


_CHANGES = (
    *(
        _move_scope,
        _move_scope,
        _move_scope,
        _move_grant,
        _move_grant,
        _move_groups,
        _ask_otherwise,
        _rename_groups,
    ),
    *(
        _remove,
        _no_client,
        _rename,
        _rules,
        _rules,
        _gateways,
        _provider,
        _access,
        _image,
        _suffixes,
    ),
)


# Repair a plan


def _repair(plan: Plan) -> None:
    """Repair a plan: leave out the parts that contradict earlier parts."""
    taken: set[tuple[str, str]] = set()
    declared: set[tuple[str, str]] = set()
    for key, part in plan.parts.items():
        _repair_places(plan, key, part, taken)
        part.access = part.access and bool(part.gateways)
        provider = part.provider or plan.providers[0]["name"]
        part.scopes = [
            scope
            for scope in dict.fromkeys(part.scopes)
            if part.access and (provider, scope) not in declared
        ]
        declared |= {(provider, scope) for scope in part.scopes}
        _repair_rules(part)
        _repair_allow(part)
    for part in plan.parts.values():
        for role in part.roles.values():
            role["scopes"] = [
                scope
                for scope in dict.fromkeys(role["scopes"])
                if scope in part.scopes
            ]
            role["components"] = [
                component
                for component in dict.fromkeys(role["components"])
                if component in plan.parts and plan.parts[component].kind
            ]
        part.roles = {
            name: role
            for name, role in part.roles.items()
            if role["scopes"] and part.access
        }
    for key, part in plan.parts.items():
        part.calls = {
            callee: kept
            for callee, scopes in part.calls.items()
            if part.kind
            and (
                kept := [
                    scope
                    for scope in dict.fromkeys(scopes)
                    if _covered(plan, key, callee, scope)
                ]
            )
        }


def _repair_places(
    plan: Plan, key: str, part: Part, taken: set[tuple[str, str]]
) -> None:
    if part.kind in PAGES:  # the redirect URI has no wildcard
        part.gateways = [
            (
                None if host in WILDCARDS else host,
                dict([next(iter(lines.items()))]),
            )
            for host, lines in part.gateways[:1]
        ]
    kept = []
    for host, lines in part.gateways:
        if part.kind == "external":
            break
        stack: Document = {
            "config": {"kong-oam:domains": {"suffixes": plan.suffixes}}
        }
        real = key if host is None else meaning.mapped(host, stack)
        lines = {
            path: port
            for path, port in lines.items()
            if (real, path) not in taken
        }
        taken |= {(real, path) for path in lines}
        if lines:
            kept.append((host, lines))
    part.gateways = kept
    if part.kind in PAGES and not kept:
        part.kind = "service"
    if part.kind in PAGES:
        part.access = True


def _repair_rules(part: Part) -> None:
    rules = list(part.rules)
    if part.kind in PAGES:
        rules.insert(
            0,
            {
                "paths": [_below(part.paths[0], "/signin")],
                "methods": ["GET"],
                "public": {"reason": "pages"},
            },
        )
    publics: dict[tuple[str, str], bool] = {}
    part.rules = []
    for rule in rules:
        rule = {**rule}
        if "paths" in rule:
            rule["paths"] = [
                path
                for path in dict.fromkeys(rule["paths"])
                if _exposed(part, path)
            ]
        if "scopes" in rule:
            rule["scopes"] = [
                scope for scope in rule["scopes"] if scope in part.scopes
            ]
        if not rule.get("paths", [""]) or not rule.get("scopes", [""]):
            continue
        methods = set(rule.get("methods", METHODS))
        methods |= {"HEAD"} if "GET" in methods else set()
        places = {
            (path, method): "public" in rule
            for path in rule.get("paths", part.paths)
            for method in methods
        }
        if (
            all(
                publics.get(position, public) == public
                for position, public in places.items()
            )
            and rule not in part.rules
        ):
            publics |= places
            part.rules.append(rule)


def _repair_allow(part: Part) -> None:
    """Make the rules list each combination of a path and a method once. GET covers HEAD."""
    listed: dict[str, set[str]] = {}
    for rule in part.rules if part.access else [{}]:
        for path in rule.get("paths", part.paths):
            methods = set(rule.get("methods", METHODS))
            listed.setdefault(path, set()).update(
                methods | ({"HEAD"} if "GET" in methods else set())
            )
    singles, seen = [], set[tuple[str, str]]()
    for single in part.allow.get("rules", []):
        (path,) = single["paths"]
        methods = [
            method
            for method in single["methods"]
            if method in listed.get(path, ()) and (path, method) not in seen
        ]
        methods = [
            method
            for method in methods
            if method != "HEAD" or "GET" not in methods
        ]
        if "GET" in methods and (path, "HEAD") in seen:
            methods.remove("GET")
        seen |= {
            (path, method)
            for method in (*methods, *(["HEAD"] if "GET" in methods else []))
        }
        singles += [{**single, "methods": methods}] if methods else []
    usual = {"from": part.allow["from"]} if "from" in part.allow else {}
    part.allow = (
        {**usual, **({"rules": singles} if singles else {})}
        if part.gateways
        else {}
    )


def _exposed(part: Part, path: str) -> bool:
    return any(
        meaning.owns(meaning.elements(own), meaning.elements(path))
        for own in part.paths
    )


def _covered(plan: Plan, client: str, callee: str, scope: str) -> bool:
    roles = plan.parts[callee].roles.values() if callee in plan.parts else ()
    return any(
        client in role["components"] and scope in role["scopes"]
        for role in roles
    )


# Render a plan


def _render(plan: Plan) -> World:
    applications: dict[str, Document] = {}
    for key, part in plan.parts.items():
        name, component = key.split("/")
        application = applications.setdefault(
            name,
            {
                "apiVersion": "core.oam.dev/v1beta1",
                "kind": "Application",
                "metadata": {"name": name, "namespace": name},
                "spec": {"components": []},
            },
        )
        application["spec"]["components"].append(
            _component(plan, component, part)
        )
    clients = sorted(key for key, part in plan.parts.items() if part.kind)
    providers = [
        {**provider, "groups": plan.groups[provider["name"]]}
        for provider in plan.providers
    ]
    for provider in providers:
        if provider["type"] == "oidc":
            secret = {"name": "corp", "key": "secret"}
            provider["clients"] = {
                key: {"id": f"id-of-{key}", "secret": secret} for key in clients
            }
    stack: Document = {
        "config": {
            "kong-oam:cloud": "local",
            "kong-oam:asOf": "2026-11-25",
            "kong-oam:domains": {
                "default": "sandbox.example.com",
                "suffixes": plan.suffixes,
            },
            "kong-oam:gateway": {
                "scheme": "http",
                "namespace": "kong",
                "podLabels": {"app": "kong"},
            },
            "kong-oam:identityProviders": providers,
        }
    }
    return World(copy.deepcopy(list(applications.values())), stack)


TARGETS = ("/", "/base", "/base/", "/v1/x", "/a")


def _forward(part: Part) -> dict[str, str]:
    """Draw paths at the workload, mostly none. They have a separate generator, as networks do."""
    rng = Random(repr((part.gateways, part.variant)))
    if rng.random() < 0.6:
        return {}
    keys = [_below(rng.choice(part.paths), rng.choice(TAILS)) for _ in "ab"]
    return {key: rng.choice(TARGETS) for key in sorted({*keys})}


def _refusing(part: Part) -> list[Document]:
    """Return the rules, some with refusals. Beside a public rule, a protected rule may decide on
    refused paths."""
    rules = []
    for rule in part.rules:
        rng = Random(repr((rule, part.variant)))
        refusals = _refusals(rng, rule.get("paths", part.paths))
        if not refusals or rng.random() < 0.5:
            rules.append(rule)
            continue
        rules.append({**rule, "refusals": refusals})
        if "public" in rule and len(part.rules) == 1 and part.scopes:
            other = {name: rule[name] for name in rule if name != "public"}
            rules.append({**other, "scopes": [rng.choice(part.scopes)]})
    return rules


def _refusals(rng: Random, paths: list[str]) -> dict[str, list[str]]:
    """Draw texts that refuse a part of the paths."""
    refusals: dict[str, list[str]] = {}
    for _ in range(rng.randint(1, 3)):
        text = _below(rng.choice(paths), rng.choice(("/x", "/h", "/x/y", "")))
        form = rng.choice(("exactly", "below", "begins"))
        if form == "exactly":
            text = rng.choice((text, text, f"{text.rstrip('/')}/"))
        start = f"{text.rstrip('/')}/" if form == "below" else text
        whole = any(path.startswith(start) for path in paths)
        if form == "exactly" or not whole:
            refusals.setdefault(form, []).append(text)
    return refusals


def _component(plan: Plan, name: str, part: Part) -> Document:
    traits: list[Document] = []
    for number, (host, lines) in enumerate(part.gateways):
        domain = {} if host is None else {"domain": host}
        traits.append(
            {
                "type": "gateway",
                "properties": {"name": f"g{number}", **domain, "http": lines},
            }
        )
    if part.access:
        provider = (
            {} if part.provider is None else {"identityProvider": part.provider}
        )
        access = {
            "owner": "team",
            **provider,
            "rules": _refusing(part),
            "roles": part.roles,
        }
        if forward := _forward(part):
            access["forward"] = forward
        access["scopes"] = {scope: f"May {scope}" for scope in part.scopes}
        traits.append({"type": "access", "properties": access})
    if part.foreign and part.gateways:
        traits.append({"type": "cors", "properties": {"origins": part.foreign}})
    if part.allow:
        traits.append({"type": "ip-allow", "properties": part.allow})
    if part.kind:
        calls = [
            {"component": callee, "scopes": scopes}
            for callee, scopes in part.calls.items()
        ]
        client: Document = {"kind": part.kind, "calls": calls}
        if part.kind in PAGES:
            client["redirectPaths"] = [_below(part.paths[0], "/signin")]
        if part.kind == "native":
            client["redirectUris"] = ["com.example.app:/callback"]
        traits.append({"type": "client", "properties": client})
    if part.kind in ELSEWHERE and not part.gateways:
        keys = (
            {"jwksUri": "https://partner.example.org/keys.json"}
            if part.kind == "external"
            else {}
        )
        return {
            "name": name,
            "type": "external",
            "properties": keys,
            "traits": traits,
        }
    ports = sorted(
        {port for _, lines in part.gateways for port in lines.values()}
    )
    properties: Document = {
        "image": f"registry.example.com/{name}:{part.image}"
    }
    if ports:
        properties["ports"] = [{"port": port} for port in ports]
    return {
        "name": name,
        "type": "webservice" if ports else "worker",
        "properties": properties,
        "traits": traits,
    }


# Ask questions


_HOSTILE = (
    *(
        b"/%2e%2e",
        b"/..",
        b"/%2E%2e/",
        b"/..;/",
        b"/;v=1",
        b";",
        b"\\",
        b"/..\\x",
        b"%5c",
        b"/..%2f",
        b"%2f",
        b"%2F..",
    ),
    *(
        b"%3f",
        b"%3b",
        b"%25",
        b"%252e%252e/",
        b"%00",
        b"%0a",
        b"%7f",
        b"\x01",
        b"\x7f",
        b"#",
        b"#/x",
        b"%23",
        b"//",
    ),
    *(
        b"/./",
        b"/.",
        b"/x/..",
        b"/x/../",
        b"//..//",
        b"/../../..",
        b"%ff",
        b"\xff",
        b"%c3%28",
        b"%c0%af",
        b"%c3%a9",
    ),
    *(
        "é".encode(),
        b"\xc3%a9",
        b"%ed%a0%80",
        b"%",
        b"%2",
        b"%zz",
        b"%21",
        b"!",
        b"%20",
        b"/...",
        b"/%2e",
        b"%61",
        b"~",
    ),
    *(
        b".",
        b"..%20/",
        b"/..%20/",
        b"/%20/",
        b"/...%20./",
        b"::$DATA",
        b":$I30:$INDEX_ALLOCATION",
        b"~1",
        b"%22",
        b"%3c",
        b"/..<",
    ),
    *(
        text.encode()
        for text in (
            "/\uff0e\uff0e/",
            "\uff0f",
            "\u200b",
            "/\u00ad/",
            "\uff0f\uff0e\uff0e\uff0f",
            "\uff0fx",
            "\uff0e",
            "\u2024",
            "\uff052f",
            "\u0301",
        )
    ),
    *(b"%e2%80%8b", b"%c2%a0", b"/.%e2%80%8d./", b"%cc%81", b"%ef%bc%8e"),
    *(
        b"%7e",
        b"?x=/../y",
        b"?%00",
        b"?#",
        b"?a=%2f;\\",
        b"/%2e%2e/%2e%2e",
        b"%c2%85",
        b"*",
    ),
)


def questions(
    rng: Random, before: World, after: World, count: int
) -> Iterator[Question]:
    now, then = _Facts(after), _Facts(before)
    for _ in range(count):
        yield _question(rng, now, then)


def pages(
    rng: Random, before: World, after: World, count: int
) -> Iterator[Page]:
    """Yield requests of pages: of our clients, of named foreign pages and of strangers, with
    everybody's requests. Half come from pages that may read the answer, where such pages exist."""
    known = sorted(
        {origin for world in (before, after) for origin in _origins(world)}
        | {*FOREIGN}
    )
    for question in questions(rng, before, after, count):
        request = question.request
        asked = [
            Page(origin, request.method, request.host, request.target)
            for origin in known
        ]
        fitting = (
            [page for page in asked if after.readable(page)]
            if rng.random() < 0.5
            else []
        )
        if fitting:
            yield rng.choice(fitting)
            continue
        origin = rng.choice([*known, "null", "https://stranger.example"])
        odd = (
            origin.upper(),
            origin + ":8443",
            origin + ".example",
            origin[:-1],
            f"http://{request.host}",
        )
        origin = rng.choice(odd) if rng.random() < 0.1 else origin
        yield Page(origin, request.method, request.host, request.target)


def _origins(world: World) -> Iterator[str]:
    for key in meaning.components(world.applications):
        yield from meaning.origins(world.applications, world.stack, key)


class _Facts:
    """The values that questions about an estate use, drawn from its documents once."""

    def __init__(self, world: World) -> None:
        applications, stack = world.applications, world.stack
        self.components = meaning.components(applications)
        self.endpoints = meaning.endpoints(applications, stack)
        self.providers = {
            provider["name"]: provider for provider in meaning.providers(stack)
        }
        self.clients = {
            key: trait
            for key, item in self.components.items()
            for trait in meaning.traits(item, "client")
        }
        self.owners = {
            key: meaning.provider_of(item, stack)["name"]
            for key, item in self.components.items()
        }
        self.paths: dict[str, list[str]] = {}
        self.declared: dict[tuple[str, str], str] = {}
        self.refused: dict[str, list[str]] = {}
        self.forwards: dict[str, list[str]] = {}
        self.public: set[str] = set()
        for key, component in self.components.items():
            access = meaning.access_of(component) or {}
            own = [
                endpoint.path
                for endpoint in self.endpoints
                if endpoint.component == key
            ]
            self.forwards[key] = sorted(access.get("forward", {}))
            self.refused[key] = [
                text
                for rule in access.get("rules", [])
                for texts in rule.get("refusals", {}).values()
                for text in texts
            ]
            self.paths[key] = own + [
                path
                for rule in access.get("rules", [])
                for path in rule.get("paths", [])
            ]
            self.declared |= {
                (self.owners[key], scope): key
                for scope in access.get("scopes", {})
            }
            self.public |= {
                path
                for rule in access.get("rules", [])
                if "public" in rule
                for path in rule.get("paths", own)
            }
        self.grants = {
            (key, call["component"], scope)
            for key, trait in self.clients.items()
            for call in trait["calls"]
            for scope in call["scopes"]
        }
        domains = [
            trait.get("domain")
            for component in self.components.values()
            for trait in meaning.traits(component, "gateway")
        ]
        self.hosts = sorted(
            {endpoint.host for endpoint in self.endpoints}
            | {domain for domain in domains if domain}
        )
        self.groups = sorted(
            {
                *GROUPS,
                *(
                    name
                    for provider in self.providers.values()
                    for name in provider["groups"].values()
                ),
            }
        )

    def issued(self, client: str, provider: str, api: str | None) -> list[str]:
        """Return the scopes of the token that the provider gives a client for all its grants."""
        return sorted(
            scope
            for key, callee, scope in self.grants
            if key == client
            and self.owners.get(callee) == provider
            and api in (None, callee)
        )


def _question(rng: Random, now: _Facts, then: _Facts) -> Question:
    tags: set[str] = set()
    facts = now if rng.random() < 0.7 else then
    key, host, target = (
        None,
        rng.choice((*HOSTS, *facts.hosts)),
        rng.choice(PATHS).encode(),
    )
    if facts.endpoints and rng.random() < 0.92:
        endpoint = rng.choice(facts.endpoints)
        key, host = endpoint.component, endpoint.host
        path = (
            endpoint.path
            if rng.random() < 0.4
            else rng.choice(facts.paths[key])
        )
        target = _below(path, rng.choice(TAILS)).encode()
    aside = Random(repr((host, target)))  # other draws stay the same
    if key and facts.refused[key] and aside.random() < 0.4:
        target = _near(aside, aside.choice(facts.refused[key]))
        tags.add("near a refused path")
    if key and facts.forwards[key] and aside.random() < 0.2:
        target = _near(aside, aside.choice(facts.forwards[key]))
    if "*" in host:
        tags.add("wildcard host")
        host = host.replace(
            "*", rng.choice(("any", "any.other", "deep", "two"))
        )
    if rng.random() < 0.06:
        host = rng.choice(
            (
                host.upper(),
                host + ":8443",
                host + ".",
                "x" + host,
                host.partition(".")[2],
                "nobody.test",
            )
        )
        tags.add("odd host")
    if rng.random() < 0.3:
        target = _hostile(rng, target)
        tags.add("hostile path")
    method = rng.choice(
        ("GET", "GET", "HEAD", *METHODS, "TRACE", "get")
        if rng.random() < 0.3
        else METHODS[:4]
    )
    token = None
    if rng.random() < 0.85:
        token = _token(rng, now, then, key, tags)
    also = Random(repr((method, host, target, token)))
    address, header = also.choice(ADDRESSES), None
    if also.random() < 0.2:
        header = also.choice(HEADERS)
        tags.add(
            "ambiguous header"
            if meaning.is_read_differently(*header)
            else "harmless header"
        )
    return Question(
        Request(method, host, target, token, address, header), frozenset(tags)
    )


def _near(rng: Random, text: str) -> bytes:
    """Return a path with this text, or a similar path."""
    more = rng.choice(("", "", "X", "/", "/x", "x/y", "/x/..", ".", "%2e/"))
    return (text + more).encode()


def _hostile(rng: Random, target: bytes) -> bytes:
    for _ in range(rng.choice((1, 1, 2))):
        at = rng.randrange(1, len(target) + 1)
        kind = rng.random()
        if kind < 0.2:
            target = (
                target[:at] + target[at:].swapcase()
                if at < len(target)
                else target.upper()
            )
        elif kind < 0.35:
            at = rng.randrange(1, len(target)) if len(target) > 1 else 0
            target = (
                target[:at] + b"%%%02x" % target[at] + target[at + 1 :]
                if at
                else target + b"/"
            )
        elif kind < 0.37:
            target = target.replace(
                b"k", "\u212a".encode()
            )  # the Kelvin sign, whose small letter is k
        elif kind < 0.4:
            target = (
                target[:at]
                + _alike(rng, target[at:].decode("latin-1")).encode()
            )
        elif kind < 0.45:
            target = target.replace(
                b"/",
                rng.choice((b"//", b"/./", b"/x/../", b"/%2e/", b"/x/%2E./")),
            )
        else:
            target = target[:at] + rng.choice(_HOSTILE) + target[at:]
    return target


def _alike(rng: Random, text: str) -> str:
    """Replace each letter by itself or by a letter that some server takes for it. Bytes outside
    ASCII stay."""
    wide = {chr(code): chr(code + 0xFEE0) for code in range(0x41, 0x7B)}
    accents = {
        "a": "á",
        "e": "é",
        "s": "\u017f",
        "k": "\u212a",
        "i": "\u0131",
        "h": "\u02b0",
        "b": "\U0001d41b",
    }
    if not text.isascii():
        return ""
    return "".join(
        rng.choice(
            (letter, wide.get(letter, letter), accents.get(letter, letter))
        )
        for letter in text
    )


def _token(
    rng: Random, now: _Facts, then: _Facts, key: str | None, tags: set[str]
) -> Token:
    facts = now
    if rng.random() < 0.35:
        facts = then
        tags.add("token of before")
    provider = facts.owners.get(key or "") or rng.choice(list(facts.providers))
    if rng.random() < 0.1:
        provider = rng.choice(list(facts.providers))
    callers = sorted(
        {client for client, callee, _ in facts.grants if callee == key}
    )
    client = rng.choice(
        callers
        if callers and rng.random() < 0.7
        else sorted(facts.clients) or [None]
    )
    if rng.random() < 0.06:
        client = rng.choice((None, rng.choice(KEYS)))
    api = None
    if facts.providers[provider]["type"] in meaning.PER_API:
        apis = sorted(
            {
                callee
                for _, callee, _ in facts.grants
                if facts.owners[callee] == provider
            }
        )
        own = (
            key
            if key and meaning.access_of(facts.components.get(key, {}))
            else None
        )
        api = own if own and rng.random() < 0.8 else rng.choice(apis or [None])
    scopes = facts.issued(client, provider, api) if client else []
    if rng.random() < 0.2:
        scopes = _some(rng, scopes, 0, 3)
    if rng.random() < 0.3:
        scopes = sorted(
            {*scopes, *_some(rng, (*SCOPES, "openid", "unheard.of"), 1, 8)}
        )
        tags.add("scopes nobody granted")
    trait = facts.clients.get(client or "", {})
    user = (trait.get("kind") in OF_USERS) != (rng.random() < 0.1)
    groups = _some(rng, (*facts.groups, "strangers"), 0, 4) if user else []
    return Token(
        provider,
        rng.random() < 0.94,
        client,
        user,
        tuple(scopes),
        tuple(groups),
        api,
    )


def seen(
    question: Question, before: World, after: World, was: Answer, answer: Answer
) -> Iterator[str]:
    """Yield the dimensions of a question, to count them."""
    now, then = _facts(after), _facts(before)
    yield from question.tags
    yield f"status {answer.status}"
    token = question.request.token
    if token:
        yield from _seen_of_token(token, then, now)
    if answer.component:
        access = meaning.access_of(now.components[answer.component])
        if access is None:
            yield "no access trait"
        if (
            len(
                {
                    endpoint.component
                    for endpoint in now.endpoints
                    if endpoint.host == question.request.host
                }
            )
            > 1
        ):
            yield "shared host"
        if (
            sum(
                meaning.owns(
                    meaning.elements(declared),
                    meaning.resolved(question.request.target) or (),
                )
                for declared in now.paths[answer.component]
            )
            > 2
        ):
            yield "nested path"
        if meaning.image(after.applications, answer.component) != meaning.image(
            before.applications, answer.component
        ):
            yield "new version of the workload"
        if token is None and answer.allowed:
            yield "public rule"
    sent = meaning.sent(after.applications, after.stack, question.request)
    path = meaning.resolved(question.request.target) or ()
    if answer.allowed and sent != meaning.text_of(path):
        yield "forwarded"
    if after.answer(replace(question.request, address=None)) != answer:
        yield "not from there"
    if was.allowed != answer.allowed:
        yield "opened" if answer.allowed else "closed"


def _seen_of_token(token: Token, then: _Facts, now: _Facts) -> Iterator[str]:
    """Yield the dimensions of a token, to count them."""
    yield "token of a user" if token.user else "token of a service"
    places = [
        (
            now.declared.get((token.provider, scope)),
            then.declared.get((token.provider, scope)),
        )
        for scope in token.scopes
    ]
    if any(new and old and new != old for new, old in places):
        yield "scope moved"
    if any(
        grant[0] == token.client and grant[2] in token.scopes
        for grant in then.grants - now.grants
    ):
        yield "grant moved"
    if token.client in then.clients and token.client not in now.clients:
        yield "client removed or renamed"
    if token.client is None or token.client not in now.clients | then.clients:
        yield "unknown client"
    if not token.counts:
        yield "token does not count"
    if token.api:
        yield "token for one API"


_KNOWN: dict[int, tuple[World, _Facts]] = {}


def _facts(world: World) -> _Facts:
    if id(world) not in _KNOWN:
        if len(_KNOWN) > 4:
            _KNOWN.clear()
        _KNOWN[id(world)] = world, _Facts(world)
    return _KNOWN[id(world)][1]
