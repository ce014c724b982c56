"""Connections inside the cluster that nothing allows (LINT314): what is a reference, the patches,
and the pods of a StatefulSet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.lint.finding import LintFinding
from kong_oam.access.lint.lint import lint
from kong_oam.oam.application import Reading
from tests.support.estates import STACK
from tests.support.lint_estates import AS_OF
from tests.support.rendered import read

HEAD = "apiVersion: core.oam.dev/v1beta1\nkind: Application\n"
SHOP = f"""\
{HEAD}metadata: {{name: shop, namespace: shop, annotations: {{owner: team}}}}
spec:
  components:
    - name: web
      type: webservice
      properties:
        image: i
        ports: [{{port: 3000, expose: true}}]
        PROPERTIES
    - name: mysql
      type: webservice
      properties: {{image: mysql, ports: [{{port: 3306, expose: true}}]}}
    - name: redis
      type: webservice
      properties: {{image: redis, ports: [{{port: 6379, expose: true}}]}}
    - name: api
      type: webservice
      properties: {{image: api, ports: [{{port: 8080, containerPort: 80, expose: true}}]}}
    - name: queue
      type: webservice
      properties: {{image: rabbit, ports: [{{port: 5672, expose: true}}, {{port: 15672, expose: true}}]}}
"""
DATA = f"""\
{HEAD}metadata: {{name: data, namespace: data, annotations: {{owner: team}}}}
spec:
  components:
    - name: kafka
      type: webservice
      properties: {{image: kafka, ports: [{{port: 9092, expose: true}}]}}
"""


def found(*texts: str) -> list[LintFinding]:
    """Return the findings of LINT314 in Applications, each with its objects if it has any."""
    return found_in(read(*texts))


def found_in(reading: Reading) -> list[LintFinding]:
    stack = replace(STACK, clusters=frozenset({"west", "east"}))
    compiled = compile_estate(reading, stack)
    assert compiled.estate, "\n".join(map(str, compiled.diagnostics))
    findings = lint(reading.applications, compiled.estate, AS_OF)
    return [finding for finding in findings if finding.code == "LINT314"]


def names(name: str, value: str) -> str:
    """Return a variable of the component `shop/web`."""
    return f'env: [{{name: {name}, value: "{value}"}}]'


def called(properties: str) -> list[str]:
    """Return the Services in the findings about `shop/web`, with the ports of pods."""
    findings = found(SHOP.replace("PROPERTIES", properties), DATA)
    assert {finding.component for finding in findings} <= {"shop/web"}
    return [
        f"{finding.message.split(chr(39))[3]} "
        f"{finding.message.partition('{port: ')[2].partition(',')[0]}"
        for finding in findings
    ]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (names("DB_HOST", "mysql"), ["mysql 3306"]),
        (names("dbHostname", "mysql"), ["mysql 3306"]),
        (names("CACHE_URL_2", "redis"), ["redis 6379"]),
        (names("local_ip", "mysql.shop"), ["mysql 3306"]),
        (names("DB", "mysql:3306"), ["mysql 3306"]),
        (names("DB", "MySQL:3306"), ["mysql 3306"]),
        (names("DB", "mysql.shop"), ["mysql 3306"]),
        (names("DB", "mysql.shop.svc.cluster.local."), ["mysql 3306"]),
        (names("DB", "mysql-0.mysql.shop.svc.cluster.local:3306"), ["mysql 3306"]),
        (names("A", "http://api"), ["api 80"]),
        (names("A", "http://api:8080/x?y"), ["api 80"]),
        (names("A", "http://api:9999"), ["api PORT"]),
        (names("DB", "jdbc:mysql://mysql:3306/x"), ["mysql 3306"]),
        (names("DB", "user:pw@tcp(mysql:3306)/x"), ["mysql 3306"]),
        (names("DB", "user:pw@mysql/x"), ["mysql 3306"]),
        (names("DB", "redis://:pw@redis:6379/0"), ["redis 6379"]),
        (names("DB", "mongodb://u:p@redis:6379,mysql:3306/x"), ["mysql 3306", "redis 6379"]),
        (names("DB", "Server=mysql;Port=3306;Database=x"), ["mysql 3306"]),
        (names("DB", "host=mysql user=x"), ["mysql 3306"]),
        (names("C", '{\\"host\\": \\"mysql\\"}'), ["mysql 3306"]),
        (names("C", "proxy_pass http://api:8080;\\nproxy_pass http://redis;"), ["api 80", "redis 6379"]),
        (names("QUEUE", "amqp://queue:5672"), ["queue 5672"]),
        (names("QUEUE_HOST", "queue"), ["queue PORT"]),
        ("args: [--db-host=mysql]", ["mysql 3306"]),
        ("args: [--db-host, mysql]", ["mysql 3306"]),
        ("args: [--db, 'mysql://mysql']", ["mysql 3306"]),
        ("cmd: [sh, -c, 'until nc -z redis 6379; do sleep 1; done']", ["redis 6379"]),
        ("cmd: [mysql, -h, mysql]", ["mysql 3306"]),
        # One finding for each port of a component.
        ("env: [{name: A_HOST, value: mysql}, {name: B_HOST, value: 'mysql:3306'}]", ["mysql 3306"]),
        ("env: [{name: A, value: 'queue:5672'}, {name: B, value: 'queue:15672'}]", ["queue 15672", "queue 5672"]),
    ],
)  # fmt: skip
def test_a_text_with_a_service_at_a_hosts_place_is_a_reference(
    properties: str, expected: list[str]
) -> None:
    assert sorted(called(properties)) == expected


@pytest.mark.parametrize(
    "properties",
    [
        names("DB_TYPE", "mysql"),
        names("HOST_NAMESPACE", "mysql"),
        names("DB_HOST", "mysql-old"),
        names("DB_HOST", "mysql$(SUFFIX)"),
        names("DB_HOST", "mysql.example.com"),
        names("DB_HOST", "mysql.other"),
        names("LOG_HOST", "kafka"),
        names("C", '{\\"allowedHosts\\": \\"api\\"}'),
        names("NOTE", "the mysql of the shop"),
        names("NOTE", "see mysql.shop and api"),
        names("IMAGE", "redis:6379.1"),
        names("IMAGE", "library/redis:6379"),
        names("DB", "mysql:80"),
        names("MAIL", "admin@redis.io"),
        names("A", "https://example.com/mysql"),
        names("A", "http://mysql:secret@example.com"),
        names("CORS_ORIGIN", "http://api:8080"),
        names("NO_PROXY", "mysql.shop.svc"),
        names("ALLOWED_HOSTS", "api"),
        names("SELF_URL", "http://web:3000"),
        "cmd: [sh, -c, \"true\\n# http://api:8080\"]",
        "labels: {host: mysql}",
        "annotations: {url: 'http://mysql:3306'}",
    ],
)  # fmt: skip
def test_other_texts_are_no_references(properties: str) -> None:
    assert called(properties) == []


@pytest.mark.parametrize(
    ("variable", "is_found"),
    [
        (names("QUEUE", "queue:5672"), True),
        (names("QUEUE", "queue:15672"), False),
        (names("QUEUE_HOST", "queue"), False),
    ],
)
def test_a_connection_is_allowed_at_its_port(
    variable: str, is_found: bool
) -> None:
    """A name without a port may mean the allowed port."""
    allowed = "[{port: 15672, components: [shop/web]}]"
    trait = f"{{type: access, properties: {{internal: {allowed}}}}}"
    text = f"{SHOP}      traits: [{trait}]\n".replace("PROPERTIES", variable)
    assert bool(found(text)) is is_found


CALLER = """\
    - name: web
      type: webservice
      properties:
        image: i
        env:
          - name: DB_TYPE
            value: mysql
          - name: DB_HOST
            value: mysql
"""
MYSQL = "    - {name: mysql, type: webservice, properties: {image: i, ports: [{port: 3306, expose: true}, {port: 8080}]}"
CALLEE = f"{MYSQL}}}\n"
WITH_TRAITS = f"{MYSQL}, traits: TRAITS}}\n"
GATEWAY = (
    "{type: gateway, properties: {domain: db.example.com, http: {/: 8080}}}"
)
BESIDE = "{type: client, properties: {kind: service}}"
ROUTE = "{type: gateway, properties: {name: ui, domain: db.example.com, http: {/: 8080}}}"
"""Its Service is `mysql-ui`."""


def data(callee: str, caller: str = CALLER) -> str:
    return f"{HEAD}metadata: {{name: s, namespace: s}}\nspec:\n  components:\n{caller}{callee}"


def with_traits(traits: str) -> str:
    return WITH_TRAITS.replace("TRAITS", traits)


ADDED = "{type: access, properties: {internal: [{port: 3306, components: [s/web]}]}}"


@pytest.mark.parametrize(
    ("callee", "patched"),
    [
        (CALLEE, with_traits(f"[{ADDED}]")),
        (with_traits("[]"), with_traits(f"[{ADDED}]")),
        (with_traits(f"[{BESIDE}]"), with_traits(f"[{BESIDE}, {ADDED}]")),
        (
            with_traits(f"[{ROUTE}, {{type: access, properties: {{owner: o}}}}]"),
            with_traits(f"[{ROUTE}, {{type: access, properties: {{owner: o, internal: [{{port: 3306, components: [s/web]}}]}}}}]"),
        ),
        (
            with_traits("[{type: access, properties: {internal: [{port: 3306, components: [s/api]}]}}]"),
            with_traits("[{type: access, properties: {internal: [{port: 3306, components: [s/api, s/web]}]}}]"),
        ),
        (
            with_traits("[{type: access, properties: {internal: [{port: 8080, components: [s/api]}]}}]"),
            with_traits("[{type: access, properties: {internal: [{port: 8080, components: [s/api]}, {port: 3306, components: [s/web]}]}}]"),
        ),
    ],
    ids=["no traits", "an empty list", "another trait", "no entry", "the port", "another port"],
)  # fmt: skip
def test_the_patch_allows_the_connection_at_the_callee(
    callee: str, patched: str
) -> None:
    others = "    - {name: api, type: worker, properties: {image: i}}\n"
    text = data(callee, others + CALLER)
    (finding,) = found(text)
    assert finding.change
    assert finding.change() == data(patched, others + CALLER)
    assert found(data(patched, others + CALLER)) == []


def test_no_patch_closes_a_route_of_the_callee() -> None:
    """An access trait only with `internal` would deny all calls through the gateway."""
    (finding,) = found(data(with_traits(f"[{ROUTE}]"), CALLER))
    assert finding.change is None


def test_the_finding_is_at_the_text_of_the_caller() -> None:
    """The patch is in the callee's file."""
    caller = data("", CALLER.replace("value: mysql", "value: mysql.t"))
    callee = data(CALLEE, "").replace(
        "{name: s, namespace: s}", "{name: t, namespace: t}"
    )
    (finding,) = found(caller, callee)
    assert str(finding.diagnostic).splitlines()[0] == (
        "app1.yaml:12:20: warning LINT314: 's/web' uses Service 'mysql', but 't/mysql' does not "
        "allow 's/web' to connect; add {port: 3306, components: [s/web]} to `internal` of its "
        "access trait"
    )
    suggestion = finding.suggestion()
    assert suggestion
    assert suggestion.startswith("--- app2.yaml\n+++ app2.yaml\n")


@pytest.mark.parametrize(
    ("clusters", "count"), [("[east]", 0), ("[east, west]", 1)]
)
def test_a_service_is_known_in_its_cluster(clusters: str, count: int) -> None:
    """Both run in the namespace `s`. The caller runs in `west`."""
    topology = "  policies: [{name: t, type: topology, properties: {clusters: NAMES}}]\n"
    caller = data(topology.replace("NAMES", "[west]"))
    callee = data(CALLEE + topology.replace("NAMES", clusters), "")
    texts = caller, callee.replace("{name: s,", "{name: t,")
    assert [finding.component for finding in found(*texts)] == ["s/web"] * count


def test_the_first_finding_has_the_patch_for_all_callers() -> None:
    """Patches of the same lines would not apply one after the other."""
    callers = CALLER + CALLER.replace("name: web", "name: job")
    first, second = found(data(CALLEE, callers))
    assert (first.component, second.component) == ("s/web", "s/job")
    assert second.change is None
    assert first.change
    assert first.change() == data(
        with_traits("[{type: access, properties: {internal: [{port: 3306, components: [s/web, s/job]}]}}]"),
        callers,
    )  # fmt: skip


def test_a_patch_is_about_one_port() -> None:
    """Another port of the component is the next patch."""
    variables = (
        "env: [{name: A, value: 'queue:5672'}, {name: B, value: 'queue:15672'}]"
    )
    first, second = found(SHOP.replace("PROPERTIES", variables))
    assert second.change is None
    assert first.change
    trait = "{type: access, properties: {internal: [{port: 5672, components: [shop/web]}]}}"
    assert f"      traits: [{trait}]\n" in (first.change() or "")


def test_a_waived_connection_is_not_patched() -> None:
    waiver = """\
      traits:
        - type: access
          properties:
            owner: o
            waivers: [{finding: LINT314, reason: old, until: "2027-01-01"}]
"""
    callers = f"{CALLER}{waiver}{CALLER.replace('name: web', 'name: job')}"
    (finding,) = found(data(CALLEE, callers))
    assert finding.component == "s/job"
    assert finding.change
    assert "components: [s/job]" in (finding.change() or "")


def test_where_a_route_leads_the_gateway_is_the_way() -> None:
    """Such a port is never allowed, so no patch is possible."""
    caller = CALLER.replace("DB_HOST", "A").replace(
        "            value: mysql\n          - name: A\n",
        "            value: x\n          - name: A\n",
    )
    text = data(
        with_traits(f"[{GATEWAY}]"),
        caller.replace("value: mysql", "value: http://mysql:8080/x"),
    )
    (finding,) = found(text)
    assert finding.message == (
        "'s/web' uses Service 'mysql', but a route leads to port 8080 of 's/mysql', so only the "
        "gateway connects; call db.example.com/ instead"
    )
    assert finding.change is None


def of_type(name: str, objects: str, traits: str = "[]") -> str:
    """Return an Application with one component of a type of the project, and its objects."""
    text = data(f"    - {{name: {name}, type: own, traits: {traits}}}\n", "")
    return f"{text.replace('name: s,', f'name: {name},')}\x00{objects}"


CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: s}
data: {dbHost: mysql, other: x, file.conf: "# http://mysql\\nproxy_pass http://mysql:3306;"}
---
apiVersion: v1
kind: Secret
metadata: {name: settings, namespace: s}
stringData: {url: "mysql://root@mysql"}
"""


LONELY = """
apiVersion: v1
kind: Service
metadata: {name: mysql, namespace: s}
spec: {selector: {app: other}, ports: [{port: 3306}]}
"""


def test_a_service_without_pods_has_no_callee() -> None:
    """Its component cannot allow connections."""
    assert found(data(""), of_type("config", LONELY)) == []


def deployment(pod: str) -> str:
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: job, namespace: s}}
spec:
  selector: {{matchLabels: {{app.oam.dev/component: job}}}}
  template:
    metadata: {{labels: {{app.oam.dev/component: job}}}}
    spec: {pod}
"""


@pytest.mark.parametrize(
    ("pod", "is_found"),
    [
        ("{containers: [{name: c, image: i, env: [{name: A, valueFrom: {configMapKeyRef: {name: settings, key: dbHost}}}]}]}", True),
        ("{containers: [{name: c, image: i, env: [{name: A, valueFrom: {configMapKeyRef: {name: settings, key: other}}}]}]}", False),
        ("{containers: [{name: c, image: i, env: [{name: A, valueFrom: {secretKeyRef: {name: settings, key: url}}}]}]}", True),
        ("{containers: [{name: c, image: i, envFrom: [{configMapRef: {name: settings}}]}]}", True),
        ("{containers: [{name: c, image: i, envFrom: [{configMapRef: {name: others}}]}]}", False),
        ("{containers: [{name: c, image: i}], volumes: [{name: v, configMap: {name: settings}}]}", True),
        ("{containers: [{name: c, image: i}], volumes: [{name: v, secret: {secretName: settings}}]}", True),
        ("{containers: [{name: c, image: i}], initContainers: [{name: w, image: i, command: [nc, mysql, '3306']}]}", True),
        ("{containers: [{name: c, image: i}]}", False),
    ],
)  # fmt: skip
def test_texts_in_a_configmap_count_for_the_pods_that_read_them(
    pod: str, is_found: bool
) -> None:
    """The ConfigMap belongs to a component without pods."""
    findings = found(
        data(CALLEE, ""),
        of_type("config", CONFIG),
        of_type("job", deployment(pod)),
    )
    assert [finding.component for finding in findings] == ["job/job"] * is_found


STATEFUL = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: store, namespace: s}
spec:
  replicas: REPLICAS
  serviceName: store
  selector: {matchLabels: {app.oam.dev/component: store}}
  template:
    metadata: {labels: {app.oam.dev/component: store}}
    spec: {containers: [{name: c, image: i, ports: PORTS, env: [{name: PEERS, value: "store-0.store:7000,store-1.store:7000"}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: store, namespace: s}
spec: {clusterIP: None, selector: {app.oam.dev/component: store}, ports: [{port: 7000}]}
"""


@pytest.mark.parametrize(
    ("replicas", "ports", "traits", "port"),
    [
        (3, "[{containerPort: 7000}]", "[]", "7000"),
        (3, "[{containerPort: 7000}, {containerPort: 7001}]", "[]", "PORT"),
        (3, "[]", "[]", "PORT"),
        (1, "[{containerPort: 7000}]", "[]", None),
        (3, "[{containerPort: 7000}]", "[{type: access, properties: {internal: [{port: 7000, components: [store/store]}]}}]", None),
    ],
)  # fmt: skip
def test_the_pods_of_a_stateful_set_need_their_own_consent(
    replicas: int, ports: str, traits: str, port: str | None
) -> None:
    objects = STATEFUL.replace("REPLICAS", str(replicas))
    text = of_type("store", objects.replace("PORTS", ports), traits)
    findings = found(text)
    assert [finding.message for finding in findings] == [
        "StatefulSet 'store' has several pods, but 'store/store' does not allow 'store/store' to "
        f"connect; add {{port: {port}, components: [store/store]}} to `internal` of its access "
        "trait"
    ] * bool(port)
    assert [bool(finding.change) for finding in findings] == [
        port == "7000"
    ] * bool(port)


INGRESS = """
---
apiVersion: v1
kind: Service
metadata: {name: ui, namespace: s}
spec: {selector: {app.oam.dev/component: store}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: ui, namespace: s}
spec: {rules: [{host: a.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: ui, port: {number: 80}}}}]}}]}
"""


def test_a_routed_port_is_not_for_the_pods_of_a_stateful_set() -> None:
    objects = STATEFUL.replace("REPLICAS", "2").replace(
        "PORTS", "[{containerPort: 7000}, {containerPort: 8080}]"
    )
    (finding,) = found(of_type("store", objects + INGRESS))
    assert "{port: 7000," in finding.message


BUNDLE = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: s}
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec: {containers: [{name: c, image: i, env: [{name: DB_HOST, value: store}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: store, namespace: s}
spec:
  selector: {matchLabels: {app: store}}
  template:
    metadata: {labels: {app: store}}
    spec: {containers: [{name: c, image: i, ports: [{containerPort: 7000}], env: [{name: OWN_URL, value: "http://store"}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: store, namespace: s}
spec: {selector: {app: store}, ports: [{port: 7000}]}
"""


def test_two_workloads_of_one_component_need_its_consent() -> None:
    """A workload that names its own Service needs none."""
    (finding,) = found(of_type("bundle", BUNDLE))
    assert finding.message == (
        "'bundle/bundle' uses Service 'store', but 'bundle/bundle' does not allow 'bundle/bundle' "
        "to connect; add {port: 7000, components: [bundle/bundle]} to `internal` of its access "
        "trait"
    )


CHART = """
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: chart, namespace: s}
spec: {chart: {spec: {chart: c, sourceRef: {kind: HelmRepository, name: c}}}, values: {database: {host: mysql.s, port: 3306}}}
"""
POSTGRES = (
    "[{type: access, properties: {owner: o, service: {name: mysql, port: 33, targetPort: 3306, "
    "podLabels: {app.kubernetes.io/instance: chart}}}}]"
)


def test_a_chart_is_a_callee_by_its_service() -> None:
    chart = CHART.replace(
        ", values: {database: {host: mysql.s, port: 3306}}", ""
    )
    (finding,) = found(data(""), of_type("chart", chart, POSTGRES))  # fmt: skip
    assert finding.message == (
        "'s/web' uses Service 'mysql', but 'chart/chart' does not allow 's/web' to connect; add "
        "{port: 3306, components: [s/web]} to `internal` of its access trait"
    )
    assert finding.change


def test_a_chart_whose_pods_are_unknown_gets_no_patch() -> None:
    """Its values name the Service."""
    (finding,) = found(data(CALLEE, ""), of_type("chart", CHART))
    assert finding.component == "chart/chart"
    assert finding.change is None
