"""Small estates, generated as values: few hosts, paths, scopes and groups, so that two estates
often partly agree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from kong_oam.access.before import Acceptance, OldCaller, end_of
from kong_oam.access.callers import principal_of
from kong_oam.access.data import Networks, PathSegments
from kong_oam.access.decide import Request, decide
from kong_oam.access.diff.change import Change, Difference
from kong_oam.access.diff.facts import facts_of
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.forward import Forward
from kong_oam.access.issue import User, issue
from kong_oam.access.model import (
    METHODS,
    Application,
    Call,
    Client,
    ClientKind,
    Component,
    Estate,
    Public,
    Role,
    Rule,
    Stack,
    signs_in,
)
from kong_oam.access.networks import network
from kong_oam.access.paths import folded, meets, within, written
from kong_oam.access.pods import pods_behind
from kong_oam.access.principals import Principal
from kong_oam.access.providers import Listing, Provider, TokenType
from kong_oam.access.refusals import NO_REFUSALS, Refusals
from kong_oam.access.request_classes import Subtree
from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import ProviderSettings, Settings
from kong_oam.access.tokens import Claims, Refusal
from kong_oam.oam.position import Document
from kong_oam.objects.selection import NamedService
from kong_oam.traits.ip_allow.value import IP_ALLOW
from kong_oam.traits.key import Traits
from tests.support.components import component_with, with_fields
from tests.support.diffs import requests
from tests.support.estates import SPELLING
from tests.support.json_object import JsonObject
from tests.support.tiers import examples

T = TypeVar("T")
PLACE = Document("generated.yaml", "a: 1", 0, {"a": 1}).position()
HOSTS = ("a.test", "a.test", "b.a.test", "*.a.test", "*.test")
ELEMENTS = ("x", "X", "y")
SCOPES = ("r", "w")
GROUPS = ("g1", "g2", "g3")
KEYS = ("app/one", "app/two", "app/three")
PROVIDERS = ("main", "other")

MANY = settings(
    max_examples=examples(120),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=set(Phase) - {Phase.explain},
)
"""The number of cases for a property of estates, at full strength."""

_PATHS = st.sampled_from(
    [(), (), ("x",), ("x",), ("X",), ("x", "y"), ("x", "X"), ("y", "x", "y")]
)
_SCOPES = st.sampled_from([("r",), ("w",), ("r", "w"), ("r", "w"), ()])
_GROUPS = st.sampled_from(
    [("g1",), ("g2",), ("g1", "g2"), ("g3", "g1"), GROUPS, ()]
)
_METHODS = st.sampled_from([("GET",), ("POST",), ("GET", "POST"), ("HEAD",)])
_PROVIDER = st.sampled_from(("main", "main", "main", "other"))


def _rule(
    path: PathSegments,
    methods: tuple[str, ...],
    scopes: tuple[str, ...],
    public: bool,
    refusals: Refusals,
) -> Rule:
    return Rule(
        path,
        methods,
        () if public else scopes,
        Public("reason", None) if public else None,
        PLACE,
        refusals,
    )


_REFUSED = st.lists(
    st.sampled_from(
        ("/x", "/x/", "/x/y", "/xy", "/X/y/", "/y", "/yx/", "/x/yx", "/")
    ),
    max_size=2,
    unique=True,
).map(lambda texts: tuple(sorted(texts)))
_REFUSALS = st.just(NO_REFUSALS) | st.builds(Refusals, _REFUSED, _REFUSED)
_FORWARDS = st.just(()) | st.lists(
    st.builds(
        Forward,
        st.sampled_from(("80", "81")),
        st.sampled_from([(), ("x",), ("X",), ("x", "y")]),
        st.sampled_from(("/", "/x", "/b", "/b/")),
        st.just(PLACE),
    ),
    max_size=2,
    unique_by=lambda forward: (forward.port, forward.path),
).map(tuple)


_RULES = st.lists(
    st.builds(
        _rule,
        _PATHS,
        _METHODS,
        _SCOPES,
        st.sampled_from((False, False, False, True)),
        _REFUSALS,
    ),
    min_size=1,
    max_size=5,
).map(tuple)
_NETWORKS = st.sampled_from(
    [
        (),
        *(
            tuple(map(network, texts))
            for texts in (("10.0.0.0/8",), ("10.0.0.0/9",), ("10.128.0.0/9",))
        ),
        tuple(map(network, ("10.0.0.0/9", "2001:db8::/32"))),
        tuple(map(network, ("10.1.0.0/16", "::/0"))),
    ]
)
_BY_METHOD = st.fixed_dictionaries(
    dict.fromkeys(("GET", "POST", "HEAD"), _NETWORKS)
)
_FROM: st.SearchStrategy[dict[PathSegments, dict[str, Networks]]] = st.just(
    {}
) | st.fixed_dictionaries(
    dict.fromkeys(((), ("x",)), _BY_METHOD),
    optional=dict.fromkeys((("X",), ("x", "y")), _BY_METHOD),
)
ADDRESSES = (
    "10.1.0.1",
    "10.2.0.1",
    "10.200.0.1",
    "2001:db8::1",
    "2001:db9::1",
    "192.0.2.1",
    "::ffff:10.200.0.1",
)
"""At least one address of each class that the networks above tell apart."""


def _of_rules(
    rules: tuple[Rule, ...], wanted: dict[PathSegments, dict[str, Networks]]
) -> dict[PathSegments, dict[str, Networks]]:
    """Return the scopes that the paths and methods of rules require."""
    listed = {
        (rule.path, method)
        for rule in rules
        for method in METHODS
        if rule.lists(method)
    }
    found: dict[PathSegments, dict[str, Networks]] = {}
    for path, by_method in wanted.items():
        for method, networks in by_method.items():
            if networks and (path, method) in listed:
                found.setdefault(path, {})[method] = networks
    return found


_ROLE = st.builds(
    lambda scopes, groups, name: Role(name, scopes, groups, (), PLACE),
    _SCOPES,
    _GROUPS,
    st.sampled_from("abc"),
)
_ROLES = st.lists(
    _ROLE, min_size=1, max_size=3, unique_by=lambda role: role.name
).map(tuple)
_ENDPOINTS = st.lists(
    st.tuples(st.sampled_from(HOSTS), _PATHS, st.sampled_from((80, 80, 81))),
    min_size=1,
    max_size=3,
)


OURS = "ours"
"""The Service that leads to the pods of a component, the same for every component."""
_PODS = st.builds(
    lambda labels, target: NamedService(
        "theirs", 80, target, labels, OURS, PLACE
    ),
    st.sampled_from(
        (
            {"app": "web"},
            {"app": "web"},
            {"app": "db"},
            {"app": "web", "tier": "x"},
        )
    ),
    st.sampled_from((8080, 8080, 9090)),
)
"""The pods behind a component: from a release, with these labels."""


def _client(
    kind: ClientKind,
    provider: str,
    scopes: tuple[str, ...],
    groups: tuple[str, ...],
    properties: JsonObject,
) -> Client:
    calls = tuple(
        Call(key, scopes[number:], (), PLACE)
        for number, key in enumerate(KEYS[:2])
    )
    return replace(
        Client(
            "",
            kind,
            provider,
            calls,
            groups if signs_in(kind) else (),
            (),
            False,
            PLACE,
        ),
        **properties,
    )


_KINDS = st.sampled_from(
    ("service", "service", "external", "web", "web", "web", "native")
)
_SAID = st.fixed_dictionaries(
    {
        "redirect_uris": st.sampled_from(
            (
                (),
                ("https://a.test/cb",),
                ("https://a.test/cb", "com.example.app:/cb"),
            )
        ),
        "jwks_uri": st.sampled_from(
            (None, "https://partner.test/keys", "https://rival.test/keys")
        ),
        "refresh": st.booleans(),
    }
)
"""The properties of a client."""
_CLIENT = st.builds(_client, _KINDS, _PROVIDER, _SCOPES, _GROUPS, _SAID)
_SPELLINGS = st.sampled_from(
    (
        SPELLING,
        replace(SPELLING, client="azp"),
        replace(SPELLING, user="sid"),
        replace(SPELLING, subject="azp"),
        replace(SPELLING, scopes=Listing("roles")),
        replace(SPELLING, service_scopes=Listing("scope", "words")),
        replace(SPELLING, service_scopes=Listing("scp", prefix="a.")),
        replace(SPELLING, groups="roles"),
        replace(SPELLING, marks=(TokenType("jti", "A", prefix=True),)),
        replace(SPELLING, marks=(TokenType("typ", "at"),)),
        replace(SPELLING, own="azp"),
        replace(SPELLING, own_value="app"),
        replace(SPELLING, overage=()),
    )
)
_ISSUERS = st.sampled_from(("https://one.test", "https://two.test"))
_AUDIENCES = st.sampled_from(("api://tests", "api://others"))
_OWNERS: st.SearchStrategy[tuple[str | None]] = st.sampled_from(
    (("team-a",), ("team-b",), (None,))
)
_SCHEMES = st.sampled_from(("https", "http"))
_CLIENTS = st.lists(
    _CLIENT, min_size=1, max_size=2, unique_by=lambda client: client.provider
).map(tuple)
_MAPPINGS: st.SearchStrategy[dict[str, str]] = st.sampled_from(
    ({}, {"g3": "g1"}, {"g1": "g2", "g2": "g1"}, {"g1": "staff", "g2": "staff"})
)


TOKENS = ("spelling", "issuer", "audience")
"""Kinds of properties that make a token valid and give it scopes."""
ASSIGNED = ("assigned", "assigned from", "assigned roles", "assigned rules")
"""The groups of clients' assignments, alone and beside another kind: earlier tokens may still be
allowed."""
EVERY_KIND = (
    *(
        "components",
        "endpoints",
        "provider",
        "pods",
        "rules",
        "rules",
        "forwards",
        "from",
        "from",
        "roles",
        "clients",
        "groups",
        "tokens",
        "everything",
    ),
    *(*TOKENS, "scheme", "said", "owner", *ASSIGNED),
)


@st.composite
def estates(
    draw: st.DrawFn,
    stack: str = "tests",
    like: Estate | None = None,
    kinds: tuple[str, ...] = EVERY_KIND,
) -> Estate:
    """Draw an estate of up to three components. Each host and path leads to one component; several
    groups may be the same group at the provider.

    `like`: all but some kinds of parts are as in that estate; `kinds`: draw among these kinds, of
    one or two words.
    """
    redrawn = draw(st.sampled_from(kinds)).split() if like else ["everything"]

    def some(kind: str, strategy: st.SearchStrategy[T], before: T | None) -> T:
        return (
            draw(strategy)
            if before is None or kind in redrawn or "everything" in redrawn
            else before
        )

    keys = st.lists(st.sampled_from(KEYS), unique=True, min_size=1)
    taken: set[tuple[str, PathSegments]] = set()
    components = []
    for key in some(
        "components", keys, list(like.components) if like else None
    ):
        old = like.components.get(key) if like else None
        endpoints = []
        before = (
            [
                (endpoint.host, endpoint.path, endpoint.port)
                for endpoint in old.exposure.endpoints
            ]
            if old
            else None
        )
        for host, path, port in some("endpoints", _ENDPOINTS, before):
            if (host, path) not in taken:
                taken.add((host, path))
                endpoints.append(
                    Endpoint(host, path, port, PLACE, service=OURS)
                )
        named = some("pods", _PODS, old.workload.named_service if old else None)
        owner = some("owner", _OWNERS, (old.owner,) if old else None)[0]
        provider = some(
            "provider", _PROVIDER, old.identity.provider if old else None
        )
        rules, roles = (
            some("rules", _RULES, old.exposure.rules if old else None),
            some("roles", _ROLES, old.identity.roles if old else None),
        )
        allowed_from = _of_rules(
            rules, some("from", _FROM, dict(old.allowed_from) if old else None)
        )  # type: ignore[arg-type]
        forwards = some(
            "forwards", _FORWARDS, old.exposure.forwards if old else None
        )
        clients = []
        for client in some(
            "clients", _CLIENTS, old.identity.clients if old else None
        ):
            properties = draw(_SAID) if "said" in redrawn else {}
            assigned = (
                draw(_GROUPS)
                if "assigned" in redrawn and client.user_facing
                else client.groups
            )
            clients.append(
                replace(client, component=key, groups=assigned, **properties)
            )
        components.append(
            component_with(
                key,
                provider,
                namespace="default",
                type="webservice",
                owner=owner,
                endpoints=tuple(endpoints),
                rules=rules,
                forwards=forwards,
                roles=roles,
                clients=tuple(clients),
                position=PLACE,
                named_service=named,
                traits=Traits({IP_ALLOW: allowed_from}),
            )
        )
    main = like.stack.providers["main"] if like else None
    mapped = some("groups", _MAPPINGS, dict(main.groups) if main else None)
    per_api = some(
        "tokens",
        st.sampled_from((False, False, True)),
        main.per_api if main else None,
    )
    spelling = some("spelling", _SPELLINGS, main.spelling if main else None)
    issuer = some("issuer", _ISSUERS, main.issuer if main else None)
    audience = some("audience", _AUDIENCES, main.audience if main else None)
    providers = {
        name: Provider(name, audience, spelling, issuer, mapped, per_api)
        for name in PROVIDERS
    }
    scheme = some("scheme", _SCHEMES, like.stack.scheme if like else None)
    return Estate(
        Stack(stack, providers, scheme=scheme),
        (Application("app", "default", {}, {}, tuple(components)),),
    )


@st.composite
def pairs(
    draw: st.DrawFn, second: str = "tests", kinds: tuple[str, ...] = EVERY_KIND
) -> tuple[Estate, Estate]:
    """Draw two estates, the second often much like the first; `second` names its stack, `kinds` are
    as in `estates`."""
    first = draw(estates())
    return first, draw(estates(second, like=first, kinds=kinds))


LAST_DAYS = ("2027-03-31", "2027-06-30")
TIMES = (
    None,
    end_of(LAST_DAYS[0]) - 1,
    end_of(LAST_DAYS[0]),
    end_of(LAST_DAYS[1]),
)
"""Times of calls: before both days, on the last second of the first, and after each."""
CONSUMERS = ("acme", "other")
_OLD_CALLERS = st.lists(
    st.builds(
        OldCaller,
        st.sampled_from(("old/a", "old/b", "app/one")),
        st.sampled_from(CONSUMERS),
        st.just("key-auth"),
        st.sampled_from(LAST_DAYS),
        st.sampled_from((("r",), ("w",), ("r", "w"))),
    ),
    max_size=2,
    unique_by=(lambda caller: caller.consumer, lambda caller: caller.client),
).map(tuple)
_ACCEPTED = Acceptance(
    "key-auth", LAST_DAYS[1], "r", ("apikey",), ("header",), PLACE
)


def with_old_callers(draw: st.DrawFn, estate: Estate) -> Estate:
    """Return the estate with callers that have an old credential, at some of its components."""
    (application,) = estate.applications
    components = []
    for component in application.components:
        callers = draw(_OLD_CALLERS)
        components.append(
            with_fields(
                component,
                old_callers=callers,
                accept_before=_ACCEPTED if callers else None,
            )
        )
    return replace(
        estate,
        applications=(replace(application, components=tuple(components)),),
    )


@st.composite
def pairs_with_old_callers(draw: st.DrawFn) -> tuple[Estate, Estate]:
    """Draw two estates that often differ only in their callers with an old credential."""
    first = with_old_callers(draw, draw(estates()))
    kinds = ("old", "old", "rules", "components", "from", "endpoints")
    second = draw(estates(like=first, kinds=kinds))
    if not draw(st.booleans()):
        return first, with_old_callers(draw, second)
    kept = {
        key: component.identity.old_callers
        for key, component in first.components.items()
    }
    (application,) = second.applications
    components = tuple(
        with_fields(
            component,
            old_callers=kept.get(component.key, ()),
            accept_before=_ACCEPTED if kept.get(component.key) else None,
        )
        for component in application.components
    )
    application = replace(application, components=components)
    return first, replace(second, applications=(application,))


def connected(estate: Estate) -> Estate:
    """Return the estate with a scope in every rule, and all grants for every client: few changes in
    it have no effect."""
    (application,) = estate.applications
    components = []
    for component in application.components:
        rules = tuple(
            rule if rule.public or rule.scopes else replace(rule, scopes=("r",))
            for rule in component.exposure.rules
        )
        calls = tuple(
            Call(key, ("r", "w"), (), PLACE) for key in estate.components
        )
        clients = tuple(
            replace(client, calls=calls)
            for client in component.identity.clients
        )
        components.append(with_fields(component, rules=rules, clients=clients))
    return replace(
        estate,
        applications=(replace(application, components=tuple(components)),),
    )


def model(estate: Estate) -> AccessModel:
    """Return the estate's access model. Every component has its own workload, by its name."""
    workloads = {
        client.component: client.component for client in estate.clients
    }
    pods = {
        component.key: pods_behind(component) for component in estate.exposed
    }
    return AccessModel(
        estate,
        workloads,
        dict.fromkeys(PROVIDERS, 60),
        facts_of(estate, _settings(estate)),
        pods,
    )


_STACK = {
    "cloud": "aws",
    "asOf": "2026-01-31",
    "gateway": {"cidrs": ["192.0.2.0/24"], "reach": "loadBalancer"},
    "identityProviders": [{"name": name, "type": "oidc"} for name in PROVIDERS],
}


def _settings(estate: Estate) -> Settings:
    """Return settings with the estate's stack. Tokens for one API each need another kind of
    provider."""
    providers = tuple(
        ProviderSettings(
            provider.name,
            "per-api" if provider.per_api else "oidc",
            provider.audience,
            issuer=provider.issuer,
        )
        for provider in estate.stack.providers.values()
    )
    return replace(
        parse(estate.stack.name, _STACK),
        stack=estate.stack,
        providers=providers,
    )


PRINCIPALS = (
    None,
    *(
        Principal(key, provider, users)
        for key in KEYS
        for provider in PROVIDERS
        for users in (False, True)
    ),
)
SETS_OF_GROUPS = tuple(
    frozenset(
        group
        for bit, group in enumerate((*GROUPS, "staff"))
        if number >> bit & 1
    )
    for number in range(16)
)
REQUESTS = st.builds(
    lambda method, host, elements, address: Request(
        method, host, ("/" + "/".join(elements)).encode(), address
    ),
    st.sampled_from(("GET", "POST", "HEAD", "PUT", "PROPFIND")),
    st.sampled_from(
        (
            "a.test",
            "a.test",
            "b.a.test",
            "c.a.test",
            "c.b.a.test",
            "z.test",
            "elsewhere",
        )
    ),
    st.lists(
        st.sampled_from(
            (*ELEMENTS, "Y", "z", "x.", "Y%20", "x\u200b", "xy", "yx.", "")
        ),
        max_size=4,
    ),
    st.sampled_from(ADDRESSES),
)


Tokens = tuple[Claims | Refusal | None, ...]
"""All tokens that a caller could have: one, unless the provider's tokens are for one API each."""


def tokens(
    estate: Estate,
    principal: Principal | None,
    groups: frozenset[str],
    api: Component | None,
) -> Tokens:
    """Return the tokens that `issue` gives the principal, for `api` or any other; `groups` are the
    user's groups, by the provider's names."""
    if principal is None:
        return (None,)
    for client in estate.clients:
        if principal_of(client) == principal:
            user = (
                User("somebody", tuple(sorted(groups)))
                if client.user_facing
                else None
            )
            return tokens_of(estate, client, user, api)
    return (Refusal("there is no such client"),)


def tokens_of(
    estate: Estate, client: Client, user: User | None, api: Component | None
) -> Tokens:
    provider = estate.stack.providers[client.provider]
    apis = (api, *estate.components.values()) if provider.per_api else (api,)
    return tuple(
        dict.fromkeys(issue(provider, client, user, api=api) for api in apis)
    )


def allowed(estate: Estate, request: Request, shown: Tokens) -> bool:
    """Return whether one of them is allowed."""
    return any(decide(estate, request, token).allowed for token in shown)


def _beginning(
    path: PathSegments, declared: set[PathSegments]
) -> PathSegments | None:
    """Return the longest declared path that `path` begins with, byte by byte."""
    return next(
        (
            path[:length]
            for length in range(len(path), -1, -1)
            if path[:length] in declared
        ),
        None,
    )


def lies_in(
    part: Subtree, path: PathSegments, declared: set[PathSegments]
) -> bool:
    """Return whether a path lies in the part. Some other spellings are taken for the same path, and
    some leave the declared path at the same point. Beside `/X`, `/x/y` may be declared, and is
    then a separate path."""
    if part.form:
        texts = (written(folded(part.path)),)
        above, refusals = part.path, Refusals(exactly=texts)
        if part.form == "begins":
            above, refusals = part.path[:-1], Refusals(begins=texts)
        beginning = _beginning(above, declared)
        if part.spelled_otherwise and beginning != _beginning(path, declared):
            return False
        return refusals.refuse(path) and within(path, beginning or ())
    if not part.spelled_otherwise:
        return within(path, part.path)
    start = path[: len(part.path)]
    met = len(start) == len(part.path) and all(
        map(meets, folded(start), folded(part.path))
    )
    return met and _beginning(path, declared) == _beginning(part.path, declared)


def narrowness(part: Subtree) -> tuple[int, int]:
    """Return a number that is greater for a part within another part."""
    text = written(part.path)
    if part.form == "exactly":
        return 1000, len(text)
    elements = 2 * len(part.path)
    return (elements - 1, len(text)) if part.form else (elements, 0)


def changes_at(
    changes: Iterable[Difference],
    site: str,
    method: str,
    path: PathSegments,
    declared: set[PathSegments],
) -> list[Change]:
    """Return the changes of this method and path (paths.read_text): the most specific region
    decides."""
    found = []
    for change in requests(changes):
        parts = [
            part
            for part in (change.region.subtree, *change.region.exceptions)
            if lies_in(part, path, declared)
        ]
        narrowest = max(parts, key=narrowness, default=None)
        is_here = change.site == site and method in change.methods
        if is_here and narrowest == change.region.subtree:
            found.append(change)
    return found


def site_of(named: set[str], host: str) -> str:
    """Return the most specific name that either estate has for the host."""
    labels = host.split(".")
    names = (
        host,
        *(f"*.{'.'.join(labels[start:])}" for start in range(1, len(labels))),
    )
    return next((name for name in names if name in named), "")
