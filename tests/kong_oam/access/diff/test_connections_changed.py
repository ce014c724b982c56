"""Changes of connections inside the cluster in `diff`: granted, revoked, or from other pods."""

from __future__ import annotations

from dataclasses import replace

import pulumi

from components.announcement import announcement
from kong_oam.access.diff.change import Subject
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.facts import facts_of
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.diff.snapshot import (
    dump_model,
    load_model,
)
from kong_oam.access.diff.wording import headline
from kong_oam.oam.position import NO_POSITION
from kong_oam.objects.selection import NamedService
from tests.support.diffs import edited, model, settings

BLOG = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: blog, namespace: blog}
spec:
  components:
    - {name: wordpress, type: worker, properties: {image: wordpress}}
    - {name: backup, type: worker, properties: {image: backup}}
    - name: mysql
      type: webservice
      properties: {image: mysql, ports: [{port: 3306}, {port: 53, protocol: UDP}]}
      traits:
        - type: access
          properties:
            owner: team-blog
            internal:
              - {port: 3306, components: [blog/wordpress], peers: [monitoring]}
              - {port: 53, protocol: UDP, components: [blog/backup]}
"""
CLOSED = BLOG.partition("      traits:")[0]
REMOVED = BLOG.partition("    - name: mysql")[0]
PEER = {"namespace": "monitoring", "podLabels": {"app": "prometheus"}}


def blog(
    text: str = BLOG, peer: object = None, name: str = "prod"
) -> AccessModel:
    """Return the model of an estate with a platform peer."""
    peers = {"monitoring": peer or PEER}
    return model(text, on=settings(name, cluster={"peers": peers}))


BEFORE = blog()
MYSQL = Subject("blog/mysql")


def lines(old: AccessModel, new: AccessModel) -> list[str]:
    """Return each change in one line."""
    return [headline([change], "https") for change in diff(old, new)]


ALL = [
    "{} blog/wordpress: connects to 3306 of blog/mysql, no token, not recorded",
    "{} peer monitoring: connects to 3306 of blog/mysql, no token, not recorded",
    "{} blog/backup: connects to 53/UDP of blog/mysql, no token, not recorded",
]


def test_each_caller_and_port_is_a_change() -> None:
    """The component has no route and no client. It is removed from an exported model."""
    granted = [line.format("granted to") for line in ALL]
    revoked = [line.format("revoked from") for line in ALL]
    assert lines(blog(CLOSED), BEFORE) == granted
    assert lines(load_model(dump_model(BEFORE)), blog(REMOVED)) == revoked


def test_another_mapping_of_a_peer_may_widen() -> None:
    """It belongs to the stack, and admits other pods."""
    new = blog(peer={"namespace": "ops", "podLabels": {"app": "p"}})
    assert lines(BEFORE, new) == [
        "may widen for peer monitoring: connects to 3306 of blog/mysql, no token, not recorded: "
        "added pods app=p in ops; removed pods app=prometheus in monitoring"
    ]


def test_stacks_differ_in_callers_but_not_in_their_pods() -> None:
    """Namespaces of peers differ between stacks by their nature."""
    other = blog(peer={"namespace": "n", "podLabels": {"a": "b"}}, name="test")
    assert lines(BEFORE, other) == []
    assert len(lines(other, blog(CLOSED))) == 3


def test_requests_come_before_connections_of_the_same_kind() -> None:
    """Both have the kinds `granted` and `revoked`."""
    api = """
    - name: api
      type: webservice
      properties: {image: api}
      traits:
        - {type: gateway, properties: {domain: blog.example.com, http: {/: 8080}}}
        - type: access
          properties:
            owner: team-blog
            scopes: {read: Read}
            rules: [{paths: [/], methods: [GET], scopes: [read]}]
            roles: {viewer: {scopes: [read], components: [blog/web]}}
    - name: web
      type: worker
      properties: {image: web}
      traits:
        - {type: client, properties: {kind: service, calls: [{component: blog/api, scopes: [read]}]}}
"""
    assert lines(blog(CLOSED), blog(BLOG + api))[:2] == [
        "granted to blog/web: GET,HEAD https://blog.example.com/",
        ALL[0].format("granted to"),
    ]


def test_a_preview_compares_with_the_exported_model() -> None:
    """The gates in the state say nothing about components without routes."""
    deployed = dump_model(BEFORE)
    assert announcement(BEFORE, deployed, ()) is None
    line = f"access: {ALL[0].format('revoked from')} (and 2 more changes of access)"
    closed = announcement(blog(CLOSED), deployed, ())
    assert closed == (pulumi.log.info, line)


def test_only_components_with_connections_are_exported() -> None:
    """An estate without `internal` keeps its exported bytes."""
    assert len(dump_model(blog(CLOSED)).splitlines()) == 2
    *_, exported = dump_model(BEFORE).splitlines()
    assert exported == (
        'blog/mysql {"facts":{"":{"forwardToken":false,"internal":{'
        '"3306 blog/wordpress":["own pods"],'
        '"3306 peer monitoring":["pods app=prometheus in monitoring"],'
        '"53/UDP blog/backup":["own pods"]},"waivers":[]}},'
        '"owner":"team-blog","provider":"okta"}'
    )


SHOP = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec: {components: [{name: web, type: worker, properties: {image: web}}]}
"""


def test_a_caller_of_another_repository_is_no_change() -> None:
    """Its pods are unknown there."""
    on = settings()
    partial = replace(on, stack=replace(on.stack, partial=True))
    text = edited(
        BLOG,
        ("[blog/wordpress], peers: [monitoring]", "[shop/web, blog/wordpress]"),
    )
    unread = model(text, on=partial)
    assert lines(unread, model(text, SHOP, on=partial)) == []


def fenced(labels: str) -> AccessModel:
    """Return the model of the estate in which a chart has the pods of MySQL."""
    facts = {**BEFORE.facts[MYSQL], "access.service": labels}
    return replace(BEFORE, facts={**BEFORE.facts, MYSQL: facts})


def test_pods_that_lose_their_fence_may_be_called_by_all() -> None:
    """A new fence closes, and the pods of a removed component end."""
    assert lines(fenced("app=idx"), BEFORE) == [
        "may widen for pods of blog/mysql: access.service: app=idx -> none"
    ]
    assert lines(fenced("app=idx"), fenced("app=idx,tier=db")) == [
        "may widen for pods of blog/mysql: access.service: app=idx -> app=idx,tier=db"
    ]
    assert lines(BEFORE, fenced("app=idx")) == []
    assert lines(fenced("app=idx"), blog(REMOVED)) == lines(
        BEFORE, blog(REMOVED)
    )


def test_the_fence_of_a_service_is_a_fact() -> None:
    """Also without a route."""
    named = NamedService(
        "mysql",
        3306,
        3306,
        {"tier": "db", "app": "idx"},
        "gateway",
        NO_POSITION,
    )
    (application,) = BEFORE.estate.applications
    components = tuple(
        replace(each, workload=replace(each.workload, named_service=named))
        for each in application.components
    )
    estate = replace(
        BEFORE.estate,
        applications=(replace(application, components=components),),
    )
    facts = facts_of(estate, settings("prod"))
    assert facts[MYSQL]["access.service"] == "app=idx,tier=db"
    assert facts[Subject("blog/backup")]["access.service"] == "app=idx,tier=db"
