"""What answers is part of access: a request that stays allowed and reaches something else is told, by cases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kong_oam.access.diff.answering import Answerers
from kong_oam.access.diff.change import OPENING, Answer, Change
from kong_oam.access.diff.compare import changed, diff
from kong_oam.access.diff.snapshot import AccessModel, dump_model, load_model, model_of
from kong_oam.access.diff.wording import headline, label, row
from kong_oam.access.graph.compare import told as listed_below
from kong_oam.kong.enforced import enforced
from tests.support.diffs import API, BEFORE, SHOP, edited, model, settings
from tests.support.enforced_state import state
from tests.support.estates import api
from tests.support.rendered import application, compiled, ingress

ORDERS = api(
    http="{/orders: 8080, /pub: 8080}",
    access="""
            owner: team-t
            scopes: {read: Read}
            rules: [{paths: [/orders], methods: [GET], scopes: [read]}, {paths: [/pub], public: {reason: pages}}]
            roles: {reader: {scopes: [read], components: [shop/checkout]}}
""",
)
EVIL = api(
    "evil",
    http="{/pub/login: 8080}",
    access="{owner: team-e, rules: [{public: {reason: pages}}]}",
)
CHECKOUT = edited(
    SHOP, ("calls: [{component: orders/api, scopes: [read, write]}]", "calls: []")
)
OLD = model(ORDERS, CHECKOUT)


def told(old: AccessModel, new: AccessModel) -> list[tuple[str, ...]]:
    return [(label(change), *row(change, "https")[:3]) for change in diff(old, new)]


def test_a_path_that_another_team_takes_over_is_told_with_both_owners() -> None:
    """Though it was public before, and is after."""
    new = model(ORDERS, EVIL, CHECKOUT)
    where = "https://orders.example.com/pub/login: orders/api:8080 (team-t) -> evil/api:8080 (team-e)"
    assert told(OLD, new) == [("now answered by evil/api", "everybody", "*", where)]
    (change,) = diff(OLD, new)
    assert isinstance(change, Change) and change.kind in OPENING
    assert change.place and change.place.file == "app1.yaml", (
        "the rule that lets callers in now"
    )
    assert (
        headline([change], "https")
        == f"now answered by evil/api for everybody: * {where}"
    )


ORDERS_URL = "https://orders.example.com/orders"
TAKEN = f"{ORDERS_URL}/x"
BOTH = "; now answered by evil/api:8080 (team-e), before orders/api:8080 (team-t)"


def taking(rules: str, shop: str = CHECKOUT) -> AccessModel:
    """The orders, of which another team takes `/orders/x` with these rules."""
    access = f"{{owner: team-e, scopes: {{own: Own}}, rules: [{rules}]}}"
    return model(ORDERS, api("evil", http="{/orders/x: 8080}", access=access), shop)


def test_a_takeover_that_lets_nobody_in_yet_is_told_with_both_owners() -> None:
    """The step that takes the path is the only step at which another component answers."""
    assert told(OLD, taking("{scopes: [own]}")) == [
        ("revoked", "shop/checkout", "GET,HEAD", TAKEN + BOTH)
    ]
    (change,) = diff(OLD, taking("{scopes: [own]}"))
    where = f"GET,HEAD {TAKEN}{BOTH}"
    assert headline([change], "https") == f"revoked from shop/checkout: {where}"
    back = "; now answered by orders/api:8080 (team-t), before evil/api:8080 (team-e)"
    assert told(taking("{scopes: [own]}"), OLD) == [
        ("granted", "shop/checkout", "GET,HEAD", TAKEN + back)
    ]


def test_a_takeover_is_told_with_both_owners_beside_who_comes_and_who_stays() -> None:
    """Everybody is let in, and the client that could call before reaches something else."""
    rows = told(OLD, taking("{public: {reason: pages}}"))
    answers = ": orders/api:8080 (team-t) -> evil/api:8080 (team-e)"
    assert rows == [
        ("newly public", "everybody", "*", TAKEN + BOTH),
        ("now answered by evil/api", "shop/checkout", "GET,HEAD", TAKEN + answers),
    ]


def test_rows_are_apart_where_only_some_of_their_requests_are_answered_otherwise() -> (
    None
):
    """What is revoked at all paths, one of which another team takes, is two rows."""
    idle = edited(
        CHECKOUT, ("calls: [{component: orders/api, scopes: [read]}]", "calls: []")
    )
    assert told(OLD, taking("{scopes: [own]}", idle)) == [
        ("revoked", "shop/checkout", "GET,HEAD", f"{ORDERS_URL} but not /orders/x"),
        ("revoked", "shop/checkout", "GET,HEAD", TAKEN + BOTH),
    ]


def test_below_a_picture_it_is_neither_added_nor_taken_away() -> None:
    """The same callers are let in."""
    _, line = listed_below(diff(OLD, model(ORDERS, EVIL, CHECKOUT)), "https")
    assert line.startswith(
        "· now answered by evil/api: everybody: * https://orders.example.com/pub/login: "
    )


def test_another_port_is_another_answer() -> None:
    """To everybody who may call at the path, by rules and by grants."""
    ports = "orders/api:8080 (team-t) -> orders/api:9090 (team-t)"
    public = edited(ORDERS, ("/pub: 8080", "/pub: 9090"))
    assert told(OLD, model(public, CHECKOUT)) == [
        (
            "now answered by orders/api",
            "everybody",
            "*",
            f"https://orders.example.com/pub: {ports}",
        )
    ]
    granted = edited(ORDERS, ("/orders: 8080", "/orders: 9090"))
    assert told(OLD, model(granted, CHECKOUT)) == [
        (
            "now answered by orders/api",
            "shop/checkout",
            "GET,HEAD",
            f"https://orders.example.com/orders: {ports}",
        )
    ]


def test_a_second_service_with_a_port_of_that_number_changes_no_answer() -> None:
    """The first port gets another name, and the same pods answer."""
    answerers = Answerers(OLD, OLD)
    before = Answer("orders/api", "8080", "app: orders")
    assert not answerers.differ(before, replace(before, port="8080_web"))
    assert answerers.differ(before, replace(before, port="8080_web", pods="app: other"))
    assert answerers.differ(
        replace(before, pods=""), replace(before, port="8080_web", pods="")
    )


def test_only_who_may_call_before_and_after_is_told_of_the_answer() -> None:
    """The others are granted it, or it is revoked from them."""
    other = edited(
        ORDERS,
        ("/orders: 8080", "/orders: 9090"),
        ("components: [shop/checkout]", "groups: [sales]"),
    )
    shop = edited(
        CHECKOUT, ("calls: [{component: orders/api, scopes: [read]}]", "calls: []")
    )
    assert [row[0] for row in told(OLD, model(other, shop))] == ["revoked"]


ACCESS = (
    "{type: access, properties: {owner: team-t, rules: [{public: {reason: pages}}]%s}}"
)
INSTANCE = "app.kubernetes.io/instance"
NAMED = f", service: {{name: release, port: 80, podLabels: {{{INSTANCE}: web}}}}"
RELEASES = "".join(
    f"apiVersion: helm.sh/v3\nkind: Release\nmetadata: {{name: {name}, namespace: orders}}\nspec: {{chart: {name}}}\n---\n"
    for name in ("web", "db")
)
TO_RELEASE = ingress(
    "{rules: [{host: a.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: release, port: {number: 80}}}}]}}]}"
)

TO_NAMED = RELEASES + TO_RELEASE


def rendered(
    objects: str, service: str = "", edit: tuple[str, str] = ("", "")
) -> AccessModel:
    """A component `orders/api` with these objects, and with what its access trait says of a named Service."""
    on = settings()
    text = application(
        objects, f"[{ACCESS % service}]", "type: helmchart" if service else "type: own"
    ).replace(*edit)
    estate = compiled(text, stack=on.stack).estate
    assert estate is not None, compiled(text, stack=on.stack).diagnostics
    return model_of(estate, on)


@pytest.mark.parametrize(
    ("edit", "pods"),
    [
        ((": web}", ": db}"), f"pods {INSTANCE}=db in orders at 80"),
        (
            (": web}", ": web, tier: db}"),
            f"pods {INSTANCE}=web,tier=db in orders at 80",
        ),
        (
            ("port: 80,", "port: 80, targetPort: 5432,"),
            f"pods {INSTANCE}=web in orders at 5432",
        ),
    ],
)
def test_other_pods_behind_a_named_service_are_another_answer(
    edit: tuple[str, str], pods: str
) -> None:
    """By their labels, or by the port that they listen at."""
    old, new = (rendered(TO_NAMED, service) for service in (NAMED, edited(NAMED, edit)))
    ((kind, whom, _, where),) = told(old, new)
    assert (kind, whom) == ("now answered by orders/api", "everybody")
    assert where.endswith(
        f"orders/api:80 (team-t), pods {INSTANCE}=web in orders at 80 -> orders/api:80 (team-t), {pods}"
    )


@pytest.mark.parametrize(
    "spec",
    [
        "{chart: other}",
        "{chart: web, version: 2.0.0}",
        "{chart: web, repositoryOpts: {repo: x}}",
    ],
)
def test_another_chart_behind_the_same_labels_is_no_change(spec: str) -> None:
    """As another image is not: what runs in the pods is no part of access."""
    other = edited(TO_NAMED, ("spec: {chart: web}", f"spec: {spec}"))
    assert told(rendered(TO_NAMED, NAMED), rendered(other, NAMED)) == []


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
""" + TO_RELEASE.replace("name: release", "name: api")


@pytest.mark.parametrize(
    ("edit", "pods"),
    [
        (
            ("targetPort: 8080", "targetPort: 9090"),
            "pods tier=a in orders at 9090 (Deployment api)",
        ),
        (
            ("tier: a}, ports", "tier: b}, ports"),
            "pods tier=b in orders at 8080 (Deployment admin)",
        ),
        (("targetPort: 8080, name: http", "targetPort: web, name: http"), ""),
        (("image: i", "image: another"), ""),
    ],
)
def test_other_pods_behind_a_rendered_service_are_another_answer(
    edit: tuple[str, str], pods: str
) -> None:
    """By its selector and its target; a name of the same port, and another image of the same pods, change nothing."""
    found = told(rendered(TWO), rendered(edited(TWO, edit)))
    assert [where.rpartition("(team-t), ")[2] for _, _, _, where in found] == (
        [pods] if pods else []
    )


def test_a_component_under_another_name_answers_as_before() -> None:
    """With the same workload in the same place; a component with another workload is another answer."""
    renamed = edited(API, ("name: orders}", "name: purchases}"))
    shop = edited(SHOP, ("orders/api", "purchases/api"))
    assert told(BEFORE, model(renamed, shop)) == []
    of_another = model(edited(renamed, ("image: orders", "image: proxy")), shop)
    assert {row[0] for row in told(BEFORE, of_another)} == {
        "now answered by purchases/api"
    }


def test_a_component_under_another_name_and_another_owner_is_another_answer() -> None:
    """Whoever owns it may put another image behind the path from then on."""
    taken = edited(
        API,
        ("name: orders}", "name: purchases}"),
        ("owner: team-orders", "owner: team-e"),
    )
    shop = edited(SHOP, ("orders/api", "purchases/api"))
    found = told(BEFORE, model(taken, shop))
    assert {row[0] for row in found} == {"now answered by purchases/api"}
    assert found[0][3].endswith(
        ": orders/api:8080 (team-orders) -> purchases/api:8080 (team-e)"
    )


def test_the_pods_of_a_named_service_are_its_workload() -> None:
    """Under another name they answer as before; others with the same properties do not."""
    renamed = ("metadata: {name: orders,", "metadata: {name: purchases,")
    old = rendered(TO_NAMED, NAMED)
    assert told(old, rendered(TO_NAMED, NAMED, edit=renamed)) == []
    found = told(
        old, rendered(TO_NAMED, edited(NAMED, (": web}", ": db}")), edit=renamed)
    )
    assert [row[0] for row in found] == ["now answered by purchases/api"]


def test_what_is_exported_tells_what_answers() -> None:
    """With owners, so that both are named against what is deployed; what a gate leads to, its state says."""
    new = model(ORDERS, EVIL, CHECKOUT)
    exported = load_model(dump_model(OLD))
    assert diff(exported, new) == diff(OLD, new)
    assert told(exported, new) == told(OLD, new)
    found = enforced(state(OLD.estate), exported)
    assert changed(found, new) == diff(OLD, new)
    (change,) = changed(found, new)
    assert isinstance(change, Change) and change.answers
    assert [answer.owner for answer in change.answers] == ["team-t", "team-e"]


def test_pods_that_a_model_does_not_tell_are_not_compared() -> None:
    """A gate of a component that no run has exported yet, say; another port of it is told."""
    unknown = replace(OLD, pods={})
    assert diff(unknown, OLD) == diff(OLD, unknown) == ()
    assert (
        diff(unknown, model(edited(ORDERS, ("/pub: 8080", "/pub: 9090")), CHECKOUT))
        != ()
    )


@pytest.mark.parametrize(
    "trait",
    [
        "- {type: cors, properties: {origins: [https://evil.example.com], credentials: true}}",
        "- {type: kong-plugin, properties: {name: bot-detection, config: {deny: [x]}}}",
        "- {type: upstream-tls, properties: {secretName: tls}}",
        "forwardToken: true",
    ],
)
def test_a_setting_that_comes_or_goes_with_the_name_is_another_answer(
    trait: str,
) -> None:
    """Nobody compares the settings of two components, so a name that changes would hide each of them."""
    at, indent = (
        ("        - type: access\n", 8)
        if trait.startswith("-")
        else ("            owner: team-orders\n", 12)
    )
    having = edited(API, (at, f"{' ' * indent}{trait}\n{at}"))
    names = ("name: orders}", "name: purchases}")
    shop = edited(SHOP, ("orders/api", "purchases/api"))
    stack = replace(settings().stack, upstream_tls="tls")
    on = replace(settings(), stack=stack)
    for old, new in ((API, having), (having, API)):
        found = told(model(old, SHOP, on=on), model(edited(new, names), shop, on=on))
        assert {row[0] for row in found} == {"now answered by purchases/api"}
    assert (
        told(model(having, SHOP, on=on), model(edited(having, names), shop, on=on))
        == []
    )


def test_what_a_model_has_no_settings_of_is_not_the_same_under_another_name() -> None:
    """The run cannot know that they are equal."""
    renamed = model(
        edited(API, ("name: orders}", "name: purchases}")),
        edited(SHOP, ("orders/api", "purchases/api")),
    )
    assert told(BEFORE, renamed) == []
    assert told(replace(BEFORE, facts={}), replace(renamed, facts={})) != []


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
""" + TO_RELEASE.replace("name: release", "name: s")


def paired(first: str, second: str, chosen: str, name: str) -> AccessModel:
    """A component of this name with two workloads, one of which its Service chooses."""
    objects = edited(PAIR, ("FIRST", first), ("SECOND", second), ("CHOSEN", chosen))
    return rendered(objects, edit=("- name: api\n", f"- name: {name}\n"))


def test_labels_that_follow_the_name_select_the_same_pods() -> None:
    """The names of application and component each stand for themselves; pods of the other are another answer."""
    old = paired("api", "other", "api", "api")
    assert told(old, paired("web", "other", "web", "web")) == []
    assert [row[0] for row in told(old, paired("web", "other", "other", "web"))] == [
        "now answered by orders/web"
    ]
    old = paired("orders", "api", "orders", "api")
    assert told(old, paired("orders", "web", "orders", "web")) == []
    assert [row[0] for row in told(old, paired("orders", "web", "web", "web"))] == [
        "now answered by orders/web"
    ]


def test_a_service_that_is_chosen_by_the_name_is_another_answer_where_its_pods_are_others() -> (
    None
):
    """Though neither the objects nor the Ingress say anything else than the name."""
    service = "apiVersion: v1\nkind: Service\nmetadata: {{name: {0}, namespace: orders}}\nspec: {{selector: {{tier: {1}}}, ports: [{{port: 80, targetPort: 8080}}]}}\n---\n"
    objects = edited(
        TWO,
        (
            "metadata: {name: api, namespace: orders}\nspec: {selector",
            "metadata: {name: s, namespace: orders}\nspec: {selector",
        ),
    )
    objects = service.format("one", "a") + service.format("two", "b") + objects.lstrip()

    def leading_to(name: str) -> AccessModel:
        led = edited(
            objects,
            ("backend: {service: {name: api", f"backend: {{service: {{name: {name}"),
        )
        return rendered(led, edit=("- name: api\n", f"- name: {name}\n"))

    assert [row[0] for row in told(leading_to("one"), leading_to("two"))] == [
        "now answered by orders/two"
    ]
