"""Changes of the answering target: a request that stays allowed but reaches another target is a
change, by cases."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import ANY

import pytest

from kong_oam.access.diff.answering import Answerers
from kong_oam.access.diff.change import (
    OPENING,
    AffectedCaller,
    Answer,
    Answers,
    Change,
)
from kong_oam.access.diff.compare import diff, diff_from_any
from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.diff.snapshot import dump_model, load_model
from kong_oam.access.model import METHODS
from kong_oam.access.principals import ITSELF, Principal
from kong_oam.access.request_classes import Region, Subtree
from kong_oam.kong.enforced import enforced_models
from tests.support.diffs import edited, model, settings
from tests.support.enforced_state import state
from tests.support.rendered import application, compiled

ORDERS = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders, namespace: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: orders}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders: 8080, /pub: 8080}}
        - type: access
          properties:
            owner: team-t
            scopes: {read: Read}
            rules: [{paths: [/orders], methods: [GET], scopes: [read]}, {paths: [/pub], public: {reason: pages}}]
            roles: {reader: {scopes: [read], components: [shop/checkout]}}
"""
EVIL = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: evil, namespace: evil}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: evil}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/pub/login: 8080}}
        - type: access
          properties: {owner: team-e, rules: [{public: {reason: pages}}]}
"""
SHOP = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: checkout
      type: worker
      properties: {image: checkout}
      traits:
        - {type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [read]}]}}
"""
IDLE = edited(
    SHOP, ("calls: [{component: orders/api, scopes: [read]}]", "calls: []")
)
OLD = model(ORDERS, SHOP)

EVERYBODY = AffectedCaller(None)
CHECKOUT = AffectedCaller(Principal("shop/checkout", "okta"), ITSELF)
BY_ORDERS = Answer(
    "orders/api", "8080", "own pods in orders at 8080 (Deployment api)"
)
BY_EVIL = Answer(
    "evil/api", "8080", "own pods in evil at 8080 (Deployment api)"
)
ORDERS_X = Region(Subtree(("orders", "x")))


def change(
    kind: str,
    caller: AffectedCaller,
    methods: tuple[str, ...],
    region: Region,
    answers: Answers | None,
) -> Change:
    """Return a change at orders.example.com; test_diff_exact.py checks example requests."""
    site = "orders.example.com"
    return Change(kind, (caller,), methods, site, region, ANY, answers=answers)


def test_a_path_that_another_team_takes_over_is_an_opening_with_both_owners() -> (
    None
):
    """The path is public before and after."""
    (takeover,) = found = diff(OLD, model(ORDERS, EVIL, SHOP))
    login = Region(Subtree(("pub", "login")))
    assert found == (
        change("answered by", EVERYBODY, METHODS, login, (BY_ORDERS, BY_EVIL)),
    )
    assert [answer.owner for answer in takeover.answers] == ["team-t", "team-e"]
    assert takeover.kind in OPENING
    # The rule that gives access now.
    assert str(takeover.position) == "app1.yaml:14:47"


def taking(rules: str) -> str:
    """Return an Application of another team that takes /orders/x with these rules."""
    return f"""
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: evil, namespace: evil}}
spec:
  components:
    - name: api
      type: webservice
      properties: {{image: evil}}
      traits:
        - type: gateway
          properties: {{domain: orders.example.com, http: {{/orders/x: 8080}}}}
        - type: access
          properties: {{owner: team-e, scopes: {{own: Own}}, rules: [{rules}]}}
"""


def test_a_takeover_without_callers_has_both_answers() -> None:
    """The step that takes the path is the only step at which another component answers."""
    after = model(ORDERS, taking("{scopes: [own]}"), SHOP)
    get = ("GET", "HEAD")
    assert diff(OLD, after) == (
        change("revoked", CHECKOUT, get, ORDERS_X, (BY_ORDERS, BY_EVIL)),
    )
    assert diff(after, OLD) == (
        change("granted", CHECKOUT, get, ORDERS_X, (BY_EVIL, BY_ORDERS)),
    )


def test_a_takeover_that_lets_everybody_in_is_also_another_answer_to_old_callers() -> (
    None
):
    """A client that keeps access reaches another target."""
    after = model(ORDERS, taking("{public: {reason: pages}}"), SHOP)
    answers = (BY_ORDERS, BY_EVIL)
    assert diff(OLD, after) == (
        change("newly public", EVERYBODY, METHODS, ORDERS_X, answers),
        change("answered by", CHECKOUT, ("GET", "HEAD"), ORDERS_X, answers),
    )


def test_requests_that_are_answered_otherwise_are_a_change_of_their_own() -> (
    None
):
    """All of /orders is revoked, and another team takes a part of it."""
    remainder = Region(Subtree(("orders",)), (Subtree(("orders", "x")),))
    get = ("GET", "HEAD")
    assert diff(OLD, model(ORDERS, taking("{scopes: [own]}"), IDLE)) == (
        change("revoked", CHECKOUT, get, remainder, None),
        change("revoked", CHECKOUT, get, ORDERS_X, (BY_ORDERS, BY_EVIL)),
    )


@pytest.mark.parametrize(
    ("path", "caller", "methods"),
    [("pub", EVERYBODY, METHODS), ("orders", CHECKOUT, ("GET", "HEAD"))],
)
def test_another_port_is_another_answer(
    path: str, caller: AffectedCaller, methods: tuple[str, ...]
) -> None:
    """All callers of the path are named, by rules and by grants."""
    ports = edited(ORDERS, (f"/{path}: 8080", f"/{path}: 9090"))
    by_9090 = Answer(
        "orders/api", "9090", "own pods in orders at 9090 (Deployment api)"
    )
    assert diff(OLD, model(ports, SHOP)) == (
        change("answered by", caller, methods, Region(Subtree((path,))), (BY_ORDERS, by_9090)),
    )  # fmt: skip


def test_a_second_service_with_a_port_of_that_number_changes_no_answer() -> (
    None
):
    """The first port gets another name, and the same pods answer."""
    answerers = Answerers(OLD, OLD)
    before = Answer("orders/api", "8080", "app: orders")
    assert not answerers.differ(before, replace(before, port="8080_web"))
    assert answerers.differ(before, replace(before, port="9090"))
    assert answerers.differ(
        before, replace(before, port="8080_web", pods="app: other")
    )
    assert answerers.differ(
        replace(before, pods=""), replace(before, port="8080_web", pods="")
    )


def test_another_answer_concerns_only_who_may_call_before_and_after() -> None:
    """A client that loses its grant is only revoked."""
    after = edited(
        ORDERS,
        ("/orders: 8080", "/orders: 9090"),
        ("components: [shop/checkout]", "groups: [sales]"),
    )
    changes = diff(OLD, model(after, IDLE))
    assert [change.kind for change in changes] == ["revoked"]


def rendered(
    objects: str,
    access: str = "{owner: team-t, rules: [{public: {reason: pages}}]}",
    name: str = "orders",
    component: str = "api",
) -> AccessModel:
    """Return the model of a component without a template, with these objects."""
    on = settings()
    trait = f"[{{type: access, properties: {access}}}]"
    kind = "type: helmchart" if "kind: Release" in objects else "type: own"
    text = (
        application(objects, trait, kind)
        .replace("metadata: {name: orders,", f"metadata: {{name: {name},", 1)
        .replace("- name: api\n", f"- name: {component}\n", 1)
    )
    result = compiled(text, stack=on.stack)
    assert result.estate is not None, result.diagnostics
    return model_of(result.estate, on)


RELEASES = """
apiVersion: helm.sh/v3
kind: Release
metadata: {name: web, namespace: orders}
spec: {chart: web}
---
apiVersion: helm.sh/v3
kind: Release
metadata: {name: db, namespace: orders}
spec: {chart: db}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: way, namespace: orders}
spec: {rules: [{host: a.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: release, port: {number: 80}}}}]}}]}
"""


def named(service: str) -> str:
    """An access trait that names the Service behind its component."""
    return f"{{owner: team-t, rules: [{{public: {{reason: pages}}}}], service: {service}}}"


OF_WEB = named(
    "{name: release, port: 80, podLabels: {app.kubernetes.io/instance: web}}"
)
OF_DB = named(
    "{name: release, port: 80, podLabels: {app.kubernetes.io/instance: db}}"
)


@pytest.mark.parametrize(
    ("service", "pods"),
    [
        ("{name: release, port: 80, podLabels: {app.kubernetes.io/instance: db}}", "pods app.kubernetes.io/instance=db in orders at 80"),
        ("{name: release, port: 80, podLabels: {app.kubernetes.io/instance: web, tier: x}}", "pods app.kubernetes.io/instance=web,tier=x in orders at 80"),
        ("{name: release, port: 80, targetPort: 5432, podLabels: {app.kubernetes.io/instance: web}}", "pods app.kubernetes.io/instance=web in orders at 5432"),
    ],
)  # fmt: skip
def test_other_pods_behind_a_named_service_are_another_answer(
    service: str, pods: str
) -> None:
    """Their labels or their port differ."""
    before = Answer(
        "orders/api",
        "80",
        "pods app.kubernetes.io/instance=web in orders at 80",
    )
    after = Answer("orders/api", "80", pods)
    (found,) = diff(
        rendered(RELEASES, OF_WEB), rendered(RELEASES, named(service))
    )
    assert (found.kind, found.callers) == ("answered by", (EVERYBODY,))
    assert found.answers == (before, after)


@pytest.mark.parametrize(
    "spec",
    [
        "{chart: other}",
        "{chart: web, version: 2.0.0}",
        "{chart: web, repositoryOpts: {repo: x}}",
    ],
)
def test_another_chart_behind_the_same_labels_is_no_change(spec: str) -> None:
    """Another image is no change either: the software in the pods is not part of access."""
    released = edited(RELEASES, ("spec: {chart: web}", f"spec: {spec}"))
    assert diff(rendered(RELEASES, OF_WEB), rendered(released, OF_WEB)) == ()


TWO = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: orders}
spec:
  template:
    metadata: {labels: {tier: a}}
    spec: {containers: [{name: api, image: i, ports: [{containerPort: 8080, name: web}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: admin, namespace: orders}
spec:
  template:
    metadata: {labels: {tier: b}}
    spec: {containers: [{name: admin, image: i}]}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: orders}
spec: {selector: {tier: a}, ports: [{port: 80, targetPort: 8080, name: http}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: way, namespace: orders}
spec: {rules: [{host: a.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: api, port: {number: 80}}}}]}}]}
"""


@pytest.mark.parametrize(
    ("old", "new", "pods"),
    [
        ("targetPort: 8080", "targetPort: 9090", "pods tier=a in orders at 9090 (Deployment api)"),
        ("tier: a}, ports", "tier: b}, ports", "pods tier=b in orders at 8080 (Deployment admin)"),
    ],
)  # fmt: skip
def test_other_pods_behind_a_rendered_service_are_another_answer(
    old: str, new: str, pods: str
) -> None:
    """The selector or the target of the Service differs."""
    before = Answer(
        "orders/api", "80", "pods tier=a in orders at 8080 (Deployment api)"
    )
    (found,) = diff(rendered(TWO), rendered(edited(TWO, (old, new))))
    assert (found.kind, found.callers) == ("answered by", (EVERYBODY,))
    assert found.answers == (before, Answer("orders/api", "80", pods))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("targetPort: 8080, name: http", "targetPort: web, name: http"),
        ("image: i", "image: another"),
    ],
)
def test_the_same_pods_behind_a_rendered_service_are_no_change(
    old: str, new: str
) -> None:
    """A port's name stands for its number, and another image runs in the same pods."""
    assert diff(rendered(TWO), rendered(edited(TWO, (old, new)))) == ()


RENAMED = edited(ORDERS, ("{name: orders,", "{name: purchases,"))
RENAMED_SHOP = edited(SHOP, ("orders/api", "purchases/api"))


def answerers(old: AccessModel, new: AccessModel) -> set[tuple[str, str]]:
    """Return the old and new components of requests whose target changes."""
    found = {
        change.answers
        for change in diff(old, new)
        if change.kind == "answered by"
    }
    return {(before.component, after.component) for before, after in found}


def test_a_component_under_another_name_answers_as_before() -> None:
    """The workload and its place are the same; a component with another workload is another answer."""
    assert diff(OLD, model(RENAMED, RENAMED_SHOP)) == ()
    proxy = edited(RENAMED, ("image: orders", "image: proxy"))
    assert answerers(OLD, model(proxy, RENAMED_SHOP)) == {
        ("orders/api", "purchases/api")
    }


def test_a_component_under_another_name_and_another_owner_is_another_answer() -> (
    None
):
    """The new owner may deploy another image behind the path."""
    takeover = edited(RENAMED, ("owner: team-t", "owner: team-e"))
    changes = diff(OLD, model(takeover, RENAMED_SHOP))
    assert [change.kind for change in changes] == ["answered by", "answered by"]
    for found in changes:
        before, after = found.answers
        assert (before.component, before.owner) == ("orders/api", "team-t")
        assert (after.component, after.owner) == ("purchases/api", "team-e")


def test_the_pods_of_a_named_service_are_its_workload() -> None:
    """The same pods answer under another name; other pods with the same properties are a change."""
    old = rendered(RELEASES, OF_WEB)
    assert diff(old, rendered(RELEASES, OF_WEB, "purchases")) == ()
    assert answerers(old, rendered(RELEASES, OF_DB, "purchases")) == {
        ("orders/api", "purchases/api")
    }


def test_an_exported_model_has_the_answering_targets() -> None:
    """The model has owners, so that both are named; the state of a gate has them too."""
    new = model(ORDERS, EVIL, SHOP)
    exported = load_model(dump_model(OLD))
    deployed = enforced_models(state(OLD.estate), exported)
    for changes in (diff(exported, new), diff_from_any(deployed, new)):
        assert changes == diff(OLD, new)
        (found,) = changes
        assert [answer.owner for answer in found.answers] == [
            "team-t",
            "team-e",
        ]


def test_pods_that_a_model_does_not_have_are_not_compared() -> None:
    """An example is a gate of a component that no run has exported yet; another port of it is a
    change."""
    unknown = replace(OLD, pods={})
    assert diff(unknown, OLD) == diff(OLD, unknown) == ()
    ports = edited(ORDERS, ("/pub: 8080", "/pub: 9090"))
    (found,) = diff(unknown, model(ports, SHOP))
    assert found.kind == "answered by"


@pytest.mark.parametrize(
    ("position", "setting"),
    [
        ("        - type: access\n", "        - {type: cors, properties: {origins: [https://evil.example.com], credentials: true}}\n"),
        ("        - type: access\n", "        - {type: kong-plugin, properties: {name: bot-detection, config: {deny: [x]}}}\n"),
        ("        - type: access\n", "        - {type: upstream-tls, properties: {secretName: tls}}\n"),
        ("            owner: team-t\n", "            forwardToken: true\n"),
    ],
    ids=["cors", "kong-plugin", "upstream-tls", "forwardToken"],
)  # fmt: skip
def test_a_setting_that_comes_or_goes_with_the_name_is_another_answer(
    position: str, setting: str
) -> None:
    """Settings of two components are not compared, so a new name would hide each change."""
    on = settings()
    on = replace(on, stack=replace(on.stack, upstream_tls="tls"))
    having = (position, setting + position)
    with_setting = model(edited(ORDERS, having), SHOP, on=on)
    renamed_with_setting = model(edited(RENAMED, having), RENAMED_SHOP, on=on)
    expected = {("orders/api", "purchases/api")}
    assert (
        answerers(model(ORDERS, SHOP, on=on), renamed_with_setting) == expected
    )
    assert (
        answerers(with_setting, model(RENAMED, RENAMED_SHOP, on=on)) == expected
    )
    assert diff(with_setting, renamed_with_setting) == ()


def test_a_model_without_settings_answers_otherwise_under_another_name() -> (
    None
):
    """The run cannot know that the settings are equal."""
    renamed = model(RENAMED, RENAMED_SHOP)
    assert diff(OLD, renamed) == ()
    unknown = replace(OLD, facts={}), replace(renamed, facts={})
    assert answerers(*unknown) == {("orders/api", "purchases/api")}


PAIR = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: FIRST, namespace: orders}
spec:
  template:
    metadata: {labels: {app: FIRST}}
    spec: {containers: [{name: c, image: i, ports: [{containerPort: 8080}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: SECOND, namespace: orders}
spec:
  template:
    metadata: {labels: {app: SECOND}}
    spec: {containers: [{name: c, image: i, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: s, namespace: orders}
spec: {selector: {app: CHOSEN}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: way, namespace: orders}
spec: {rules: [{host: a.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: s, port: {number: 80}}}}]}}]}
"""


def paired(first: str, second: str, chosen: str, component: str) -> AccessModel:
    """A component of this name with two workloads, one of which its Service chooses."""
    objects = edited(
        PAIR, ("FIRST", first), ("SECOND", second), ("CHOSEN", chosen)
    )
    return rendered(objects, component=component)


def test_labels_that_follow_the_name_select_the_same_pods() -> None:
    """The names of Application and component each stand for themselves."""
    component = paired("api", "other", "api", "api")
    assert diff(component, paired("web", "other", "web", "web")) == ()
    application = paired("orders", "api", "orders", "api")
    assert diff(application, paired("orders", "web", "orders", "web")) == ()


def test_labels_of_other_pods_are_another_answer_under_another_name() -> None:
    """The Service now selects the pods of the other workload."""
    expected = {("orders/api", "orders/web")}
    component = paired("api", "other", "api", "api")
    assert (
        answerers(component, paired("web", "other", "other", "web")) == expected
    )
    application = paired("orders", "api", "orders", "api")
    assert (
        answerers(application, paired("orders", "web", "web", "web"))
        == expected
    )


SERVICES = """
apiVersion: v1
kind: Service
metadata: {name: one, namespace: orders}
spec: {selector: {tier: a}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: two, namespace: orders}
spec: {selector: {tier: b}, ports: [{port: 80, targetPort: 8080}]}
---"""


def test_a_service_chosen_by_the_name_is_another_answer_where_its_pods_are_others() -> (
    None
):
    """The objects and the Ingress name the component, and nothing else in them changes."""
    first = SERVICES + edited(
        TWO, ("backend: {service: {name: api", "backend: {service: {name: one")
    )
    second = SERVICES + edited(
        TWO, ("backend: {service: {name: api", "backend: {service: {name: two")
    )
    assert answerers(rendered(first, component="one"), rendered(second, component="two")) == {
        ("orders/one", "orders/two")
    }  # fmt: skip
