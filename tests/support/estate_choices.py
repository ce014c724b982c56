"""The choices of the generated estates (tests.support.generated_estates), as fragments of YAML.

The first alternative is the default. APP and NAME stand for a component's names.
"""

from __future__ import annotations

from typing import Any

from tests.support.json_object import JsonObject
from tests.support.provider_settings import KEYCLOAK

Fragment = JsonObject
Alternatives = dict[str, list[Fragment]]

PARTITIONS = {"apis": ["orders"], "shops": ["shop"], "rest": ["*"]}
ROSTER = {
    "orders/api": "api",
    "orders/db": "worker",
    "stock/api": "other api",
    "stock/release": "named",
    "shop/web": "pages",
    "shop/job": "service",
    "mail/sender": "service",
    "mail/partner": "partner",
    "pages/any": "open",
}
"""The components that an estate may have, with the type of each."""
GRANTS = [
    ("orders/api", "shop/web"),
    ("orders/api", "shop/job"),
    ("orders/api", "mail/sender"),
    ("orders/api", "mail/partner"),
    ("stock/api", "shop/web"),
    ("stock/api", "mail/sender"),
]
"""The clients that may have grants, and the APIs that grant them."""
_JWKS = "https://partner.example.com/jwks"


def _trait(name: str, *values: Any) -> list[Fragment]:
    return [{}, *({f"trait {name}": value} for value in values)]


def _property(name: str, *values: Any) -> list[Fragment]:
    return [{}, *({"properties": {name: value}} for value in values)]


_WORKLOAD: Alternatives = {
    "image": [
        {"properties": {"image": f"registry.test/NAME:{version}"}}
        for version in (1, 2)
    ],
    "another image": [{}, {"properties": {"image": "registry.test/other:1"}}],
    "cpu": _property("cpu", "250m"),
    "memory": _property("memory", "64Mi"),
    "env": _property(
        "env",
        [{"name": "LEVEL", "value": "info"}],
        [{"name": "LEVEL", "value": "debug"}],
    ),
    "command": _property("cmd", ["serve"]),
    "pull": _property("imagePullPolicy", "Always"),
    "volume": _property(
        "volumeMounts", {"emptyDir": [{"name": "tmp", "mountPath": "/tmp"}]}
    ),
}
_EDGE: Alternatives = {
    "cors": _trait(
        "cors",
        {"origins": ["https://a.example"]},
        {"origins": ["https://a.example", "https://b.example"]},
        {"origins": ["https://a.example"], "headers": ["X-A"]},
        {"origins": ["https://a.example"], "exposeHeaders": ["X-A"]},
        {"origins": ["https://a.example"], "maxAge": 5},
        {"origins": ["https://a.example"], "credentials": True},
    ),
    "headers": _trait(
        "headers",
        {"response": {"remove": ["X-Debug"]}},
        {"preset": "secure", "response": {"remove": ["X-Debug"]}},
        {"response": {"remove": ["X-Debug"], "set": {"X-Env": "a"}}},
        {
            "response": {"remove": ["X-Debug"]},
            "request": {"set": {"X-Name": "a"}},
        },
        {"response": {"remove": ["X-Other"]}},
    ),
    "ip-allow": _trait(
        "ip-allow",
        {"from": ["192.0.2.0/24"]},
        {"from": ["192.0.2.0/25", "2001:db8::/32"]},
    ),
    "plugin": _trait(
        "kong-plugin",
        {"name": "correlation-id", "config": {"header_name": "X-A"}},
        {"name": "correlation-id", "config": {"header_name": "X-B"}},
        {"name": "bot-detection"},
    ),
    "waived plugin": _trait(
        "kong-plugin",
        *(
            {
                "name": "request-termination",
                "waiver": {"reason": reason, "until": until},
            }
            for reason, until in (
                ("for now", "2027-11-30"),
                ("for a while", "2027-11-30"),
                ("for now", "2027-12-31"),
            )
        ),
    ),
    "limits": _trait(
        "limits",
        {"retries": {"count": 2}},
        {"retries": {"count": 3}},
        {"retries": {"count": 2, "methods": ["POST"]}},
        {"retries": {"count": 2}, "body": "2Ki"},
        {"retries": {"count": 2}, "timeouts": {"connect": "2s"}},
        {"retries": {"count": 2}, "timeouts": {"read": "2s"}},
        {"retries": {"count": 2}, "timeouts": {"write": "2s"}},
    ),
    "rate-limit": _trait(
        "rate-limit",
        {"per": "client", "requests": {"minute": 5}, "policy": "redis"},
    ),
    "upstream-tls": _trait(
        "upstream-tls",
        {"secretName": "NAME-tls"},
        {"secretName": "NAME-other"},
        {"secretName": "NAME-tls", "mountPath": "/tls"},
        {"issuer": {"kind": "Issuer", "name": "ca"}},
        {"issuer": {"kind": "ClusterIssuer", "name": "ca"}},
        {"issuer": {"kind": "Issuer", "name": "cb"}},
    ),
}


def _rules(*more: Fragment) -> Fragment:
    read = {"paths": ["/x"], "methods": ["GET"], "scopes": ["APP.read"]}
    write = {"paths": ["/x"], "methods": ["POST"], "scopes": ["APP.write"]}
    return {"access": {"rules": [read, write, *more]}}


def _health(reason: str, until: str) -> Fragment:
    return {
        "paths": ["/x/up"],
        "methods": ["GET"],
        "public": {"reason": reason, "until": until},
    }


def _gateway(**changed: Any) -> Fragment:
    return {
        "gateway": {
            "domain": "APP.example.com",
            "http": {"/x": 8080},
            **changed,
        }
    }


_API: Alternatives = {
    **_WORKLOAD,
    **_EDGE,
    "is": [
        {
            "type": "webservice",
            "properties": {"ports": [{"port": 8080}, {"port": 9090}]},
        }
    ],
    "gateway": [
        _gateway(),
        _gateway(domain="APP-2.example.com"),
        _gateway(http={"/x": 8080, "/y": 8080}),
        _gateway(http={"/x": 9090}),
        _gateway(http={"/x": 8080, "/y": 9090}),
        _gateway(name="way"),
        _gateway(secretName="APP-cert"),
    ],
    "owner": [{"access": {"owner": "one"}}, {"access": {"owner": "two"}}],
    "scopes": [
        {"access": {"scopes": {"APP.read": "Read", "APP.write": "Write"}}},
        {"access": {"scopes": {"APP.read": "See", "APP.write": "Write"}}},
        {
            "access": {
                "scopes": {
                    "APP.read": "Read",
                    "APP.write": "Write",
                    "APP.more": "More",
                }
            }
        },
    ],
    "rules": [
        _rules(_health("probes", "2027-12-31")),
        _rules(),
        _rules(_health("other", "2027-12-31")),
        _rules(_health("probes", "2027-11-30")),
    ],
    "more rules": [
        {},
        *(
            {
                "access": {
                    "rules": [
                        {
                            "paths": ["/x/z"],
                            "methods": ["PUT"],
                            "scopes": ["APP.read", "APP.write"],
                            **rule,
                        }
                    ]
                }
            }
            for rule in (
                {},
                {"paths": ["/x/w"]},
                {"methods": ["PATCH"]},
                {"scopes": ["APP.write"]},
            )
        ),
    ],
    "groups": [
        {
            "access": {
                "roles": {"viewer": {"scopes": ["APP.read"], "groups": groups}}
            }
        }
        for groups in (["sales"], ["sales", "desk"], ["desk"])
    ],
    "role": [
        {},
        {
            "access": {
                "roles": {
                    "editor": {"scopes": ["APP.write"], "groups": ["desk"]}
                }
            }
        },
        {
            "access": {
                "roles": {
                    "editor": {
                        "scopes": ["APP.read", "APP.write"],
                        "groups": ["desk"],
                    }
                }
            }
        },
        {
            "access": {
                "roles": {
                    "keeper": {"scopes": ["APP.write"], "groups": ["desk"]}
                }
            }
        },
    ],
    "token": [{}, {"access": {"forwardToken": True}}],
    "waiver": [
        {},
        *(
            {
                "access": {
                    "waivers": [
                        {"finding": finding, "reason": reason, "until": until}
                    ]
                }
            }
            for finding, reason, until in (
                ("LINT305", "for now", "2027-06-30"),
                ("LINT305", "for a while", "2027-06-30"),
                ("LINT305", "for now", "2027-07-30"),
                ("LINT306", "for now", "2027-06-30"),
            )
        ),
    ],
    "provider": [{}, {"access": {"identityProvider": "second"}}],
    "scaler": _trait("scaler", {"replicas": 2}, {"replicas": 3}),
    "waits": [{}, {"dependsOn": ["db"]}],
}
_OTHER_API: Alternatives = {
    **{
        name: _API[name]
        for name in (
            "image",
            "is",
            "gateway",
            "owner",
            "scopes",
            "rules",
            "groups",
        )
    },
    "rate-limit": _trait(
        "rate-limit",
        {"per": "client", "requests": {"minute": 5}},
        {"per": "user", "requests": {"minute": 5}},
        {"per": "component", "requests": {"minute": 5}},
        {"per": "client", "requests": {"minute": 5, "hour": 9}},
        {"per": "client", "requests": {"minute": 5}, "policy": "redis"},
    ),
}


def _named(**changed: Any) -> Fragment:
    service = {
        "name": "release",
        "port": 80,
        "podLabels": {"app.kubernetes.io/instance": "release"},
        **changed,
    }
    name = service["name"]
    return {
        "access": {"service": service},
        "gateway": {
            "http": {"/": service["port"]},
            "existingServiceName": name,
        },
    }


_CALLER: Alternatives = {
    "there": [{}, {"gone": True}],
    "rotation": [
        {},
        {"client": {"rotateEvery": "30d"}},
        {"client": {"rotateEvery": "60d"}},
    ],
}
CHOICES: dict[str, Alternatives] = {
    "api": _API,
    "other api": _OTHER_API,
    "named": {
        "there": [{"gone": True}, {}],
        "is": [
            {
                "type": "helmchart",
                "properties": {
                    "chart": {
                        "source": "release",
                        "repoURL": "https://charts.example.com",
                    }
                },
                "gateway": {"domain": "release.example.com"},
                "access": {
                    "owner": "one",
                    "rules": [
                        {"methods": ["GET"], "public": {"reason": "pages"}}
                    ],
                },
            }
        ],
        "service": [
            _named(),
            _named(name="another"),
            _named(port=81),
            _named(targetPort=8080),
            _named(
                podLabels={
                    "app.kubernetes.io/instance": "release",
                    "app": "another",
                }
            ),
            _named(scheme="https"),
        ],
    },
    "worker": {
        "is": [{"type": "worker"}],
        "there": [{}, {"gone": True}],
        **_WORKLOAD,
    },
    "service": {
        **_WORKLOAD,
        **_CALLER,
        "is": [{"type": "worker", "client": {"kind": "service"}}],
    },
    "partner": {
        "there": [{"gone": True}, {}],
        "is": [{"type": "external", "client": {"kind": "external"}}],
        "keys": [
            {"properties": {"jwksUri": _JWKS}},
            {"properties": {"jwksUri": f"{_JWKS}-2"}},
        ],
    },
    "pages": {
        **_WORKLOAD,
        "is": [
            {
                "type": "webservice",
                "properties": {"ports": [{"port": 3000}]},
                "access": {
                    "owner": "one",
                    "rules": [
                        {"methods": ["GET"], "public": {"reason": "pages"}}
                    ],
                },
            }
        ],
        "host": [
            {"gateway": {"domain": f"{host}.example.com", "http": {"/": 3000}}}
            for host in ("shop", "www")
        ],
        "kind": [
            {"client": {"kind": kind}} for kind in ("web", "browser", "native")
        ],
        "redirect": [
            {"client": {"redirectPaths": [path]}}
            for path in ("/callback", "/back")
        ],
        "refresh": [{}, {"client": {"refresh": True}}],
    },
    "open": {
        **_WORKLOAD,
        "there": [{}, {"gone": True}],
        "is": [{"type": "webservice", "properties": {"ports": [{"port": 80}]}}],
        "host": [{"gateway": {"domain": "any.example.com", "http": {"/": 80}}}],
    },
    "application": {
        "owner": [
            {"metadata": {"annotations": {"owner": "one"}}},
            {"metadata": {"annotations": {"owner": "two"}}},
        ],
        "labels": [
            {},
            {"metadata": {"labels": {"tier": "a"}}},
            {"metadata": {"labels": {"tier": "b"}}},
        ],
        "place": [
            {},
            *(
                {
                    "spec": {
                        "policies": [
                            {
                                "name": "place",
                                "type": "topology",
                                "properties": policy,
                            }
                        ]
                    }
                }
                for policy in (
                    {"clusters": ["local", "west"]},
                    {"clusters": ["west"]},
                    {"clusters": ["local", "east"]},
                )
            ),
        ],
    },
}


def _config(**values: Any) -> Fragment:
    return {f"kong-oam:{name}": value for name, value in values.items()}


def _on_gateway(*values: Fragment) -> list[Fragment]:
    return [{}, *(_config(gateway=value) for value in values)]


_OUTSIDE: Fragment = {
    "namespace": None,
    "podLabels": None,
    "cidrs": ["192.0.2.0/24"],
}
_OF_GATEWAY: Alternatives = {
    "scheme": _on_gateway(
        {"scheme": "https"},
        {"scheme": "https", "plainHttp": "redirect"},
        {"scheme": "https", "hstsSeconds": 60},
    ),
    "namespace": _on_gateway({"namespace": "gate"}),
    "labels": _on_gateway({"podLabels": {"app": "gate"}}),
    "strip": _on_gateway({"stripHeaders": ["X-Internal"]}),
    "slots": _on_gateway({"keySlots": 5}),
    "settle": _on_gateway({"settleSeconds": 3}),
    "metrics": _on_gateway({"metrics": True}),
    "adopted": _on_gateway(
        {"adopted": {"until": "2030-01-01", "reason": "r", "deck": []}},
        {"adopted": {"until": "2031-01-01", "reason": "r", "deck": []}},
        {"adopted": {"until": "2030-01-01", "reason": "s", "deck": ["k.yaml"]}},
    ),
    "logs to http": _on_gateway(
        {"logs": {"http": {"url": "http://logs"}}},
        {"logs": {"http": {"url": "http://more"}}},
        {"logs": {"http": {"url": "http://logs", "headers": {"X-A": "a"}}}},
    ),
    "logs by tcp": _on_gateway(
        {"logs": {"tcp": {"host": "logs", "port": 1}}},
        {"logs": {"tcp": {"host": "more", "port": 1}}},
        {"logs": {"tcp": {"host": "logs", "port": 2}}},
        {"logs": {"tcp": {"host": "logs", "port": 1, "tls": True}}},
    ),
    "logs to otlp": _on_gateway(
        {"logs": {"otlp": {"logs": "http://otlp"}}},
        {"logs": {"otlp": {"logs": "http://more"}}},
        {"logs": {"otlp": {"logs": "http://otlp", "traces": "http://otlp"}}},
        {"logs": {"otlp": {"logs": "http://otlp", "headers": {"X-A": "a"}}}},
        {"logs": {"otlp": {"logs": "http://otlp", "queue": 100}}},
        {"logs": {"file": "/var/log/kong", "otlp": {"logs": "http://otlp"}}},
    ),
    "logs in a file": _on_gateway(
        {"logs": {"file": "/var/log/kong"}},
        {"logs": {"file": "/var/log/other"}},
        {"logs": {"file": "/var/log/kong", "query": ["q"]}},
        {"logs": {"file": "/var/log/kong", "subjectKey": "{vault://env/key}"}},
    ),
    "redis": _on_gateway(
        *(
            {"redis": {"host": "redis", **fields}}
            for fields in (
                {},
                {"host": "other"},
                {"port": 7},
                {"database": 1},
                {"tls": True},
                {"tls": True, "serverName": "r"},
                {"username": "u"},
                {"password": "{vault://env/redis}"},
                {"away": "open"},
            )
        )
    ),
    "reach": _on_gateway(
        {**_OUTSIDE, "reach": "loadBalancer"},
        {**_OUTSIDE, "reach": "loadBalancer", "cidrs": ["192.0.2.128/25"]},
        {
            **_OUTSIDE,
            "reach": "loadBalancer",
            "serviceAnnotations": {"a/b": "c"},
        },
    ),
    "nodes": _on_gateway(
        {**_OUTSIDE, "reach": "nodePort", "nodeAddress": "n1"},
        {**_OUTSIDE, "reach": "nodePort", "nodeAddress": "n2"},
    ),
    "upstream": _on_gateway(
        {"upstreamTls": {"ca": "ca.pem"}},
        {"upstreamTls": {"ca": "ca.pem", "depth": 2}},
    ),
}
_OF_CLUSTER: Alternatives = {
    name: [{}, *(_config(cluster=value) for value in values)]
    for name, values in {
        "context": ({"context": "here"}, {"context": "there"}),
        "contexts": (
            {"contexts": {"west": "w", "east": "e"}},
            {"contexts": {"west": "v", "east": "e"}},
        ),
        "pulls": ({"imagePullSecrets": ["pull"]},),
        "accounts": ({"serviceAccountAnnotations": {"a/b": "{component}"}},),
        "namespaces": ({"createNamespaces": True},),
        "version": ({"version": "1.31"},),
        "allow": ({"allow": {"Pod": "anything"}},),
        "metadata": ({"metadata": {"example.com": "notes"}},),
        "operators": ({"operatorLabels": {"x.org/Any": "x.org/name"}},),
        "rbac": ({"rbac": True},),
        "rights": ({"rights": {"orders/api": ["get secrets"]}},),
        "types": ({"serviceTypes": ["NodePort"]},),
    }.items()
}
_OF_STACK: Alternatives = {
    "cloud": [{}, _config(cloud="aws")],
    "images": [{}, _config(images={"registry.test": "mirror.test"})],
    "suffixes": [
        {},
        _config(domains={"suffixes": {"example.com": "example.org"}}),
    ],
    "rotation": [
        _config(rotation={}),
        _config(rotation={"every": "20d"}),
        _config(rotation={"overlap": "3d"}),
    ],
    "known": [
        {},
        _config(knownGroups=["sales", "desk", "more"]),
        _config(knownGroups=["sales", "desk", "less"]),
    ],
    "kong": [{}, {"kong:kongApiKey": "ours"}],
}
_TENANT = "https://login.microsoftonline.com/3f9c0d1e-8a52-4c1b-9b8e-0f6f5f3f7a11/v2.0"
_CALLERS = {client for _, client in GRANTS}
_OIDC: Fragment = {
    "type": "oidc",
    "issuer": "https://sso.example.com",
    "tokens": {
        "user": "sid",
        "accessToken": {"claim": "use", "value": "access"},
    },
    "clients": {
        key: {"id": key.replace("/", "-"), "secret": {"name": "s", "key": "k"}}
        for key in sorted(_CALLERS)
    },
}


def _provider(*values: Fragment) -> list[Fragment]:
    return [
        {"provider": {}},
        *({"provider": value} for value in values),
    ]  # each beside the default


_OF_ANY: Alternatives = {
    "groups of it": _provider({"groups": {"sales": "order-desk"}}),
    "minutes": _provider({"accessTokenMinutes": 30}),
}
_OKTA: Alternatives = {
    "audience": _provider({"audience": "api://other"}),
    "secrets": _provider({"clientSecrets": True}),
    "shared": _provider({"sharedOrigins": ["http://shop.example.com"]}),
}
_ENTRA: Alternatives = {
    "settling": _provider({"settleSeconds": 7}),
    "secrets": _provider({"clientSecrets": True}),
    "issuer of it": _provider({"clusterIssuer": "https://cluster.example.com"}),
}
_KEYCLOAK: Alternatives = {
    "audience": _provider({"audience": "https://other.test"}),
    "secrets": _provider({"clientSecrets": True}),
    "issuer of it": _provider({"issuer": "http://127.0.0.1:8180/realms/other"}),
}
_SECOND: Alternatives = {
    "audience": _provider({"audience": "api://other"}),
    "issuer of it": _provider({"issuer": "https://other.example.com"}),
    "tokens": _provider(
        *(
            {"tokens": claims}
            for claims in (
                {"user": "oid"},
                {"client": "azp"},
                {"subject": "subject"},
                {"groups": "teams"},
                {"overage": ["more"]},
                {"scopes": {"claim": "scp"}},
                {"scopes": {"claim": "scope", "form": "list"}},
                {"serviceScopes": {"claim": "roles"}},
                {"service": {"claim": "sub"}},
                {"service": {"claim": "idtyp", "value": "app"}},
                {"service": {"claim": "idtyp", "value": "service"}},
                {"accessToken": {"value": "at"}},
                {"accessToken": {"claim": "typ"}},
                {"accessToken": {"value": None, "prefix": "access"}},
            )
        )
    ),
    "ids": _provider(
        *(
            {"clients": {"shop/job": client}}
            for client in ({"id": "j"}, {"secret": {"name": "t", "key": "k"}})
        )
    ),
}
COMMON: Alternatives = {**_OF_STACK, **_OF_GATEWAY, **_OF_CLUSTER, **_OF_ANY}
SETTINGS: dict[str, Alternatives] = {
    "okta": {**COMMON, **_OKTA},
    "entra": {**COMMON, **_ENTRA},
    "keycloak": {**COMMON, **_KEYCLOAK},
    "two": {**COMMON, **_SECOND},
}
"""By the kind of provider. `two`: an existing issuer, `provider` here, after a provider of Okta."""
PROVIDERS: dict[str, Fragment] = {
    "okta": {"name": "okta", "type": "okta"},
    "entra": {
        "name": "entra",
        "type": "entra",
        "issuer": _TENANT,
        "accessTokenMinutes": 90,
    },
    "keycloak": KEYCLOAK,
    "two": {"name": "second", **_OIDC},
}
USUAL: Fragment = {
    "kong-oam:cloud": "local",
    "kong-oam:asOf": "2026-11-25",
    "kong-oam:gateway": {
        "scheme": "http",
        "namespace": "kong",
        "podLabels": {"app": "kong"},
    },
    "kong-oam:partitions": PARTITIONS,
}
