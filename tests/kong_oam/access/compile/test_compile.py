"""Compiling Applications into an estate: the errors, their positions and their messages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kong_oam.access.model import Stack
from kong_oam.access.providers import Provider
from tests.support.estates import (
    PROVIDER,
    SPELLING,
    STACK,
    api,
    compiled,
    estate,
)

TWO_PROVIDERS = Stack(
    "tests",
    {"main": PROVIDER, "other": Provider("other", "api://o", SPELLING)},
    domain="d.example.com",
)
NO_DOMAIN = Stack("tests", {"main": PROVIDER})

CLIENT = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: job
      type: worker
      properties: {image: x}
      traits:
        - type: client
          properties: {kind: service, calls: [{component: orders/api, scopes: [read]}]}
"""
ORDERS = api(
    access="{owner: o, scopes: {read: r, write: w}, rules: [{scopes: [read]}], roles: {reader: {scopes: [read], components: [shop/job]}}}"
)


def messages(*texts: str, stack: Stack = STACK) -> list[str]:
    result = compiled(*texts, stack=stack)
    assert (result.estate is None) == any(
        d.severity == "error" for d in result.diagnostics
    )
    return [
        str(diagnostic).splitlines()[0] for diagnostic in result.diagnostics
    ]


def test_an_estate_that_is_right_has_no_findings() -> None:
    """The two correct applications that the tests below break."""
    assert messages(ORDERS, CLIENT) == []


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([ORDERS, ORDERS.replace("namespace: orders", "namespace: n2").replace("orders.example", "o2.example")], "app2.yaml:3:18: error OAM106: application 'orders' is already defined at app1.yaml:1:1; rename one of them"),
        ([api("a"), api("b", domain="b.example.com").replace("namespace: b", "namespace: a")], "app2.yaml:6:13: error OAM107: Deployment 'api' in namespace 'a' would also be created for 'a/api' (app1.yaml:6:13); rename one, or give each Application its own namespace"),
        ([ORDERS.replace("http:", "existingServiceName: s, http:")], "app1.yaml:11:54: error OAM108: 'existingServiceName' could expose another component without that component's rules; remove it"),
        ([ORDERS.replace("rules: [{scopes: [read]}]", "rules: [{scopes: [raed]}]"), CLIENT], "app1.yaml:13:81: error ACC201: scope 'raed' is not declared by this component; did you mean 'read'?"),
        ([ORDERS, CLIENT.replace("scopes: [read]", "scopes: [reda]")], "app2.yaml:11:80: error ACC201: 'orders/api' declares no scope 'reda'; did you mean 'read'?"),
        ([ORDERS, CLIENT, api("b", domain="b.example.com", access="{owner: o, scopes: {read: again}}")], "app3.yaml:13:43: error ACC202: scope 'read' is already declared by 'orders/api' for the same issuer; prefix it"),
        ([api(access="{owner: o, scopes: {openid: x}}")], "app1.yaml:13:43: error ACC202: scope 'openid' is reserved by OpenID Connect; choose another name"),
        ([ORDERS, CLIENT.replace("orders/api", "orders/apu")], "app2.yaml:11:59: error ACC203: component 'orders/apu' does not exist; did you mean 'orders/api'?"),
        ([ORDERS, CLIENT.replace("scopes: [read]", "scopes: [write]")], "app2.yaml:11:80: error ACC204: no role of 'orders/api' grants 'write' to 'shop/job'; add a role with scopes [write], components [shop/job] at app1.yaml:13:97"),
        ([ORDERS.replace("[shop/job]", "[]"), CLIENT], "app2.yaml:11:80: error ACC204: no role of 'orders/api' grants 'read' to 'shop/job'; add 'shop/job' to the components of role 'reader' at app1.yaml:13:97"),
        ([ORDERS.replace("[shop/job]", "[]").replace("roles: {", "roles: {all: {scopes: [read, write]}, "), CLIENT], "app2.yaml:11:80: error ACC204: no role of 'orders/api' grants 'read' to 'shop/job'; add 'shop/job' to the components of role 'reader' at app1.yaml:13:97"),
        ([ORDERS.replace("[shop/job]", "[]").replace("reader: {scopes: [read]", "all: {scopes: [write, read]"), CLIENT], "app2.yaml:11:80: error ACC204: no role of 'orders/api' grants 'read' to 'shop/job'; add a role with scopes [read], components [shop/job] at app1.yaml:13:97"),
        ([api("a"), api("b")], "app2.yaml:11:61: error ACC205: orders.example.com/orders already belongs to 'a/api' (app1.yaml:11:61); use another host or path"),
        ([api(access="{owner: o, scopes: {r: r}, rules: [{paths: [/orders-internal], scopes: [r]}]}")], "app1.yaml:13:67: error ACC206: path '/orders-internal' is outside the paths of the gateway trait: /orders"),
        ([api(access="{owner: o, scopes: {r: r}, roles: {x: {scopes: [q]}}}")], "app1.yaml:13:71: error ACC207: role 'x': scope 'q' is not declared by this component; known: r"),
        ([api(access="{owner: o, scopes: {r: r}, rules: [{paths: [/orders]}]}")], "app1.yaml:13:58: error OAM103: a rule has exactly one of `scopes` and `public`"),
        ([api(access="{owner: o, scopes: {r: r}, rules: [{scopes: [r], public: {reason: x}}]}")], "app1.yaml:13:58: error OAM103: a rule has exactly one of `scopes` and `public`"),
        ([api(access="{owner: o, identityProvider: mian}")], "app1.yaml:13:52: error ACC209: the stack has no identity provider 'mian'; did you mean 'main'?"),
        ([ORDERS, CLIENT.replace("kind: service,", "kind: web, redirectPaths: [/cb],")], "app2.yaml:11:23: error ACC210: a web client needs redirectPaths, and a gateway trait that exposes them"),
        ([ORDERS, CLIENT.replace("kind: service,", "kind: service, refresh: true,")], "app2.yaml:11:39: error ACC210: a client of kind 'service' does not sign in users; remove refresh"),
        ([api().replace("type: gateway", "type: access").replace("domain:", "owner:").split("http:")[0].rstrip(", ") + "}\n"], "app1.yaml:10:17: error ACC211: component 'api' has access rules but no gateway trait exposes it; add a gateway trait"),
        ([api(access="{owner: o, scopes: {r: r}, rules: [{methods: [GET], scopes: [r]}, {methods: [HEAD, POST], public: {reason: x}}]}")], "app1.yaml:13:89: error ACC212: HEAD /orders is public in one rule and protected in another (line 13); take HEAD out of the public rule, or narrow its paths"),
        ([api(http="{/a%2fb: 80}")], "app1.yaml:11:61: error ACC213: path '/a%2fb' is not plain; write /element/element, unencoded, of letters, digits and -._~!$&'()+,:=@, without patterns"),
        ([api("a", http="{/a: 80}, secretName: one"), api("b", http="{/b: 80}, secretName: two")], "app2.yaml:11:61: error ACC215: orders.example.com has another certificate at app1.yaml:11:61: 'a/one'; name one certificate for the host"),
        ([api(access="{owner: o, scopes: {r: r}, roles: {x: {scopes: [r], components: [a/b]}}}")], "app1.yaml:13:88: error ACC214: role 'x': component 'a/b' does not exist; if it was deleted, remove it from the role"),
        ([api(domain="*.example.com", http="{" + "/a" * 16 + ": 80}")], "app1.yaml:11:56: error ACC221: path '" + "/a" * 16 + "' has more than 15 elements on a wildcard host ('*.example.com'); shorten it"),
        ([api(http="{" + "/a" * 512 + ": 80}")], "app1.yaml:11:61: error ACC221: path '" + "/a" * 512 + "' has more than 511 elements; shorten it"),
        ([api(domain="*." + "a." * 31 + "b", http="{/: 80}")], "app1.yaml:11:108: error ACC221: '*." + "a." * 31 + "b' has more than 31 labels below its wildcard; shorten it"),
        ([ORDERS.replace("[shop/job]", "[orders/api]")], "app1.yaml:13:136: error ACC214: role 'reader': component 'orders/api' has no client trait; add the trait there, or remove it from the role"),
    ],
    ids=lambda value: value[value.index("error ") :][:60] if isinstance(value, str) else None,
)  # fmt: skip
def test_a_mistake_is_found_where_it_stands(
    texts: list[str], expected: str
) -> None:
    """One broken detail gives one finding with its name, its position and a remedy."""
    assert expected in messages(*texts)


@pytest.mark.parametrize(
    ("orders", "client", "expected"),
    [
        # A scope of the client's role is misspelt: the grant is wrong, not missing.
        (("reader: {scopes: [read]", "reader: {scopes: [raed]"), ("", ""), ["ACC207: role 'reader': scope 'raed' is not declared by this component; did you mean 'read'?"]),
        # The client's name is misspelt in its role.
        (("[shop/job]", "[shop/jbo]"), ("", ""), ["ACC214: role 'reader': component 'shop/jbo' does not exist; did you mean 'shop/job'?"]),
        # The role names a deleted client, and the client with a similar name asks for nothing.
        (("[shop/job]", "[shop/job, shop/jbo]"), ("", ""), ["ACC214: role 'reader': component 'shop/jbo' does not exist; if it was deleted, remove it from the role"]),
        # The callee declares no scope that its own rule, role and client name.
        (("scopes: {read: r, ", "scopes: {raed: r, "), ("", ""), ["ACC201: scope 'read' is not declared by this component; did you mean 'raed'?", "ACC207: role 'reader': scope 'read' is not declared by this component; did you mean 'raed'?"]),
        # `reader` is similar to `read`, but differs by more than a typing error.
        (("{scopes: [read]}]", "{scopes: [reader]}]"), ("", ""), ["ACC201: scope 'reader' is not declared by this component; known: read, write"]),
        # A client with users gets no choice between roles with other groups.
        (("[shop/job]}", "[]}, all: {scopes: [read, write], groups: [g]}"), ("kind: service", "kind: native, redirectUris: ['http://127.0.0.1/cb']"), ["ACC204: no role of 'orders/api' grants 'read' to 'shop/job'; add a role with scopes [read], components [shop/job] and the groups of its users at app1.yaml:13:97"]),
    ],
)  # fmt: skip
def test_an_error_that_follows_from_another_error_is_not_reported(
    orders: tuple[str, str], client: tuple[str, str], expected: list[str]
) -> None:
    """One mistake gives its own errors, with a remedy that grants only what was asked for."""
    assert orders[0] in ORDERS
    assert client[0] in CLIENT
    found = messages(ORDERS.replace(*orders), CLIENT.replace(*client))
    assert [line.partition("error ")[2] for line in found] == expected


def test_scopes_are_compared_at_a_known_provider_only() -> None:
    """Without its provider, a component's scopes belong to no issuer yet."""
    other = api(
        "b",
        domain="b.example.com",
        access="{owner: o, identityProvider: othre, scopes: {read: r}}",
    )
    (found,) = messages(ORDERS, CLIENT, other, stack=TWO_PROVIDERS)
    assert "ACC209" in found


@pytest.mark.parametrize(
    ("properties", "gateway", "message"),
    [
        ("", "", None),
        ("ports: []", "", None),
        ("port: 80", "", None),
        ("port: 8080", "", "its ports are 8080"),
        ("port: 8080, ports: [{port: 80}]", "", None),
        ("ports: [{port: 80.0}]", "", None),
        ("ports: [{port: 8080, containerPort: 80}]", "", None),
        ("ports: [{port: 80, containerPort: 8080}]", "", "its ports are 8080"),
        ("ports: [{port: 80, containerPort: 8080, expose: true}]", "", None),
        (
            "ports: [{port: 80, containerPort: 8080, expose: true}]",
            "name: other, ",
            "its ports are 8080",
        ),
        ("ports: [{port: 80, protocol: UDP}]", "", "none of its ports is TCP"),
    ],
)
def test_a_gateway_leads_to_a_port_that_the_component_lists(
    properties: str, gateway: str, message: str | None
) -> None:
    """A gateway leads to the container's port, or to an exposed port of the same Service. A
    component without ports accepts any port."""
    text = (
        api(http="{/: 80}")
        .replace("{image: x}", f"{{image: x, {properties}}}")
        .replace("{domain", f"{{{gateway}domain")
    )
    (found,) = messages(text) or [None]
    assert found == (
        message
        and f"app1.yaml:11:{64 + len(gateway)}: error ACC223: 'api' has no port 80; {message}"
    )


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("{port: 80, containerPort: 9000, expose: true}", "TCP port 80 is already exposed (line 8); remove one"),
        ("{port: 80.0, expose: true, protocol: TCP}", "TCP port 80 is already exposed (line 8); remove one"),
        ("{port: 80, containerPort: 9000}", None),
        ("{port: 80, containerPort: 9000, expose: true, protocol: UDP}", None),
        ("{port: 81, containerPort: 8080, expose: true}", None),
    ],
)  # fmt: skip
def test_a_service_has_a_port_once(second: str, message: str | None) -> None:
    """Two ports with one number would lead to two targets."""
    ports = (
        f"ports: [{{port: 80, containerPort: 8080, expose: true}}, {second}]"
    )
    (found,) = messages(
        api(http="{/: 80}").replace("{image: x}", f"{{image: x, {ports}}}")
    ) or [None]
    assert found == (
        message
        and f"app1.yaml:8:{19 + len('{image: x, ports: [{port: 80, containerPort: 8080, expose: true}, {port: ')}: error OAM106: {message}"
    )


@pytest.mark.parametrize(
    ("applications", "expected"),
    [
        ([("a", "*.example.com", "/"), ("b", "x.example.com", "/")], ["x.example.com/ lies below *.example.com/ of 'a/api'"]),
        ([("a", "*.example.com", "/"), ("b", "x.y.example.com", "/p")], ["x.y.example.com/p lies below *.example.com/ of 'a/api'"]),
        ([("a", "*.example.com", "/"), ("b", "*.y.example.com", "/")], ["*.y.example.com/ lies below *.example.com/ of 'a/api'"]),
        ([("a", "*.example.com", "/p"), ("b", "x.example.com", "/")], ["x.example.com/p lies below *.example.com/p of 'a/api'"]),
        ([("a", "*.example.com", "/p"), ("b", "x.example.com", "/q")], []),
        ([("a", "*.example.com", "/"), ("b", "example.com", "/")], []),
        ([("a", "*.com", "/"), ("b", "*.example.com", "/"), ("c", "x.example.com", "/")],
         ["*.example.com/ lies below *.com/ of 'a/api'", "x.example.com/ lies below *.example.com/ of 'b/api'"]),
        ([("a", "*.com", "/"), ("b", "*.example.com", "/p"), ("c", "x.example.com", "/")],
         ["*.example.com/p lies below *.com/ of 'a/api'", "x.example.com/ lies below *.com/ of 'a/api'", "x.example.com/p lies below *.example.com/p of 'b/api'"]),
        ([("a", "*.example.com", "/"), ("b", "x.example.com", "/"), ("c", "x.example.com", "/q")],
         ["x.example.com/ lies below *.example.com/ of 'a/api'", "x.example.com/q lies below / of 'b/api'"]),
    ],
)  # fmt: skip
def test_a_host_below_a_wildcard_of_another_owner_is_told_of(
    applications: list[tuple[str, str, str]], expected: list[str]
) -> None:
    """The host takes the wildcard's calls, whether its path is longer or shorter. Nearer hosts took
    them already."""
    access = "{{owner: {name}, rules: [{{public: {{reason: r}}}}]}}"
    texts = [
        api(
            name,
            domain=domain,
            http=f"{{{path}: 80}}",
            access=access.format(name=name),
        )
        for name, domain, path in applications
    ]
    assert [
        line.partition("ACC219: ")[2].partition(" (")[0]
        for line in messages(*texts)
    ] == expected
    assert (
        messages(
            *(
                text.replace(f"owner: {name}", "owner: one")
                for text, (name, *_) in zip(texts, applications, strict=True)
            )
        )
        == []
    )


def test_all_problems_are_found_at_once() -> None:
    """A run reports more than the first problem."""
    broken = ORDERS.replace("image: x", "imgae: x").replace(
        "[{scopes: [read]}]", "[{scopes: [raed]}]"
    )
    found = messages(broken, CLIENT.replace("[read]", "[raed]"))
    assert [line.split("error ")[1][:6] for line in found] == [
        "OAM105",
        "OAM102",
    ]


def test_no_domain_anywhere_is_an_error() -> None:
    """A trait without `domain` uses the stack's default. Without a default there is no host."""
    text = api().replace('domain: "orders.example.com", ', "")
    assert messages(text, stack=NO_DOMAIN) == [
        "app1.yaml:11:23: error ACC208: no domain here, and the stack has no default; write `domain`, or set `domains.default` in the stack's file"
    ]
    assert (
        estate(text).components["orders/api"].exposure.endpoints[0].host
        == "api-orders.apps.example.com"
    )


def test_the_stack_maps_domain_suffixes() -> None:
    """The longest matching suffix wins, label by label. Other domains stay as written."""
    stack = Stack(
        "t",
        {"main": PROVIDER},
        suffixes={"example.com": "test.local", "orders.example.com": "o.local"},
    )
    hosts = [
        estate(api(domain=domain), stack=stack)
        .components["orders/api"]
        .exposure.endpoints[0]
        .host
        for domain in (
            "shop.example.com",
            "orders.example.com",
            "a.orders.example.com",
            "notexample.com",
            "*.example.com",
        )
    ]
    assert hosts == [
        "shop.test.local",
        "o.local",
        "a.o.local",
        "notexample.com",
        "*.test.local",
    ]


def test_scope_names_are_unique_per_issuer_only() -> None:
    """Two APIs at different identity providers may use one scope name."""
    first = api(
        "a", domain="a.example.com", access="{owner: o, scopes: {read: r}}"
    )
    two = api(
        "b",
        domain="b.example.com",
        access="{owner: o, identityProvider: other, scopes: {read: r}}",
    )
    assert messages(first, two, stack=TWO_PROVIDERS) == []


def test_a_client_gets_what_its_calls_ask_for_and_roles_grant() -> None:
    """Scopes come from the calls, groups from the granting roles."""
    access = (
        "{owner: o, scopes: {read: r, write: w}, roles: {v: {scopes: [read], groups: [sales], components: [web/ui]}, "
        "e: {scopes: [read, write], groups: [desk], components: [web/ui]}, x: {scopes: [write], groups: [other]}}}"
    )
    web = api(
        "web",
        domain="web.example.com",
        http="{/: 80}",
        access="{owner: o, rules: [{public: {reason: pages}}]}",
    )
    web = web.replace("name: api", "name: ui") + (
        "        - type: client\n          properties: {kind: web, redirectPaths: [/cb], "
        "calls: [{component: orders/api, scopes: [read]}]}\n"
    )
    (client,) = estate(api(access=access), web).clients
    assert client.scopes == ("read",)
    assert client.groups == ("desk", "sales")
    assert client.redirect_uris == ("https://web.example.com/cb",)


def test_a_redirect_path_must_be_open() -> None:
    """Users return without a token, so a protected path would deny them."""
    web = api(
        "web",
        domain="web.example.com",
        http="{/: 80}",
        access="{owner: o, rules: [{paths: [/open], public: {reason: pages}}]}",
    )
    web += "        - type: client\n          properties: {kind: web, redirectPaths: [/cb]}\n"
    assert messages(web) == [
        "app1.yaml:15:51: error ACC210: no public rule of 'web/api' covers GET /cb, so users cannot return to it; add a public rule"
    ]


BROKEN = "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: orders}\nspec: [\n"
NOT_JUDGED = (
    "; references to %s are not checked until all Applications can be read"
)
NAMELESS = "Applications in unreadable files"


@pytest.mark.parametrize(
    ("texts", "expected", "unjudged"),
    [
        ([ORDERS.replace("image: x", "imgae: x, image: x"), CLIENT], ["app1.yaml:8:20: error OAM102"], "'orders'"),
        ([ORDERS, CLIENT.replace("image: x", "imgae: x, image: x")], ["app2.yaml:8:20: error OAM102"], "'shop'"),
        ([BROKEN, CLIENT, CLIENT.replace("shop", "more")], ["app1.yaml:5:1: error OAM101", "app3.yaml:6:13: error OAM107"], NAMELESS),
        ([ORDERS.replace("image: x", "image: !x y"), CLIENT], ["app1.yaml:8:27: error OAM101"], NAMELESS),
        ([ORDERS.replace("{name: orders, ", "{"), CLIENT], ["app1.yaml:3:11: error OAM105"], NAMELESS),
        ([BROKEN, ORDERS.replace("image: x", "imgae: x, image: x"), CLIENT.replace("orders/api", "a/b"), CLIENT.replace("shop", "more").replace("job", "two")], ["app1.yaml:5:1: error OAM101", "app2.yaml:8:20: error OAM102"], f"'orders', {NAMELESS}"),
        ([BROKEN, ORDERS, CLIENT], ["app1.yaml:5:1: error OAM101"], ""),
        ([ORDERS.replace("image: x", "imgae: x, image: x")], ["app1.yaml:8:20: error OAM102"], ""),
    ],
    ids=["a client calls it", "a role names it", "no YAML", "a tag", "no name", "two", "named elsewhere", "named nowhere"],
)  # fmt: skip
def test_what_only_follows_from_an_unread_application_is_not_said(
    texts: list[str], expected: list[str], unjudged: str
) -> None:
    """The mistake is reported. References that may depend on it are not checked."""
    found = messages(*texts)
    assert [
        line[: len(beginning)]
        for line, beginning in zip(found, expected, strict=True)
    ] == expected
    assert compiled(*texts).reservation == (
        NOT_JUDGED % unjudged if unjudged else ""
    )


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([BROKEN, ORDERS, CLIENT.replace("orders/api", "orders/apu")], "app3.yaml:11:59: error ACC203: component 'orders/apu' does not exist"),
        ([ORDERS.replace("image: x", "imgae: x"), CLIENT.replace("orders/api", "nope/api")], "app2.yaml:11:59: error ACC203: component 'nope/api' does not exist"),
        ([BROKEN, CLIENT.replace("scopes: [read]", "scopes: [read]}, {component: shop/job, scopes: [read]")], "app2.yaml:11:100: error ACC203: component 'shop/job' declares no scopes"),
        ([ORDERS.replace("[shop/job]", "[shop/jab]"), CLIENT, BROKEN], "app1.yaml:13:136: error ACC214: role 'reader': component 'shop/jab' does not exist"),
        ([ORDERS, CLIENT.replace("orders/api", "c/api"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"], "app2.yaml:11:59: error ACC203: component 'c/api' does not exist"),
    ],
    ids=["the name is read elsewhere", "another name is broken", "it is there", "a role", "no Application"],
)  # fmt: skip
def test_what_an_unread_application_cannot_mend_is_said(
    texts: list[str], expected: str
) -> None:
    """A missing component is reported if its Application was read, or if no unreadable Application
    can have its name."""
    assert any(line.startswith(expected) for line in messages(*texts)), (
        messages(*texts)
    )


THIEF = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: thief%s}
spec:
  components:
    - name: thief
      type: worker
      properties: {image: x, %s}
"""
READS = {
    "a variable": "env: [{name: A, valueFrom: {secretKeyRef: {name: %s, key: k}}}]",
    "a mounted Secret": "volumeMounts: {secret: [{name: s, mountPath: /s, secretName: %s}]}",
    "a volume": "volumes: [{name: s, type: secret, mountPath: /s, secretName: %s}]",
}
READ_AT = {
    "a variable": (36, "containers[0].env[0].valueFrom.secretKeyRef.name"),
    "a mounted Secret": (54, "volumes[0].secret.secretName"),
    "a volume": (40, "volumes[0].secret.secretName"),
}


@pytest.mark.parametrize("manner", READS)
@pytest.mark.parametrize("secret", ["job-client", "job-oauth"])
def test_nobody_reads_the_credential_of_another(
    manner: str, secret: str
) -> None:
    """Neither a client's Secret nor an existing client's Secret in the stack's settings."""
    stack = replace(
        STACK,
        known_secrets=frozenset(
            {("shop/job", "job-oauth"), ("shop/gone", "x")}
        ),
    )
    found = messages(
        ORDERS, CLIENT, THIEF % ("", READS[manner] % secret), stack=stack
    )
    column, path = READ_AT[manner]
    assert found == [
        f"app3.yaml:8:{column}: error ACC217: Deployment 'thief' of 'thief/thief': "
        f"spec.template.spec.{path} '{secret}' is the credential of 'shop/job'; use a client "
        "trait of this component"
    ]
    elsewhere = THIEF % (", namespace: other", READS[manner] % secret)
    assert (
        messages(ORDERS, CLIENT, elsewhere, stack=stack) == []
    )  # another namespace has other Secrets
    assert (
        messages(
            ORDERS, CLIENT, THIEF % ("", READS[manner] % "own"), stack=stack
        )
        == []
    )


def test_a_client_reads_its_own_credential() -> None:
    """Two clients that share one Secret may both read it."""
    stack = replace(
        STACK,
        known_secrets=frozenset({("shop/job", "s"), ("thief/thief", "s")}),
    )
    own = CLIENT.replace("image: x", f"image: x, {READS['a variable'] % 's'}")
    assert (
        messages(
            ORDERS, own, THIEF % ("", READS["a variable"] % "s"), stack=stack
        )
        == []
    )
