"""Changes of connections inside the cluster in `diff`: granted, revoked, or from other pods."""

from __future__ import annotations

from dataclasses import replace

import pulumi
import pytest

from components.announcement import announcement
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.diff.snapshot import (
    ModelError,
    dump_model,
    load_model,
)
from kong_oam.access.diff.wording import headline
from tests.support.diffs import edited, model, settings
from tests.support.rendered import compiled

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


def lines(old: AccessModel, new: AccessModel) -> list[str]:
    """Return each change in one line."""
    return [headline([change], "https") for change in diff(old, new)]


ALL = [
    "{} blog/wordpress: connects to 3306 of blog/mysql, no token, not recorded",
    "{} peer monitoring: connects to 3306 of blog/mysql, no token, not recorded",
    "{} blog/backup: connects to 53/UDP of blog/mysql, no token, not recorded",
]


@pytest.mark.parametrize("old", [CLOSED, REMOVED])
def test_each_caller_and_port_is_a_change(old: str) -> None:
    """The component has no route and no client, or is removed. The exported model gives the same
    changes."""
    without = blog(old)
    granted = [line.format("granted to") for line in ALL]
    revoked = [line.format("revoked from") for line in ALL]
    exported = load_model(dump_model(without)), load_model(dump_model(BEFORE))
    assert lines(without, BEFORE) == lines(exported[0], BEFORE) == granted
    assert lines(BEFORE, without) == lines(exported[1], without) == revoked


def test_a_change_is_at_the_entry_in_the_access_trait() -> None:
    """So the code owners of that file are asked."""
    more = ("[blog/wordpress]", "[blog/wordpress, blog/backup]")
    new = blog(edited(BLOG, more))
    for changes in (diff(BEFORE, new), diff(new, BEFORE)):
        assert [str(change.position) for change in changes] == [
            "app0.yaml:17:59"
        ]


def test_another_mapping_of_a_peer_may_widen() -> None:
    """It belongs to the stack, and admits other pods."""
    new = blog(peer={"namespace": "ops", "podLabels": {"app": "p"}})
    assert lines(BEFORE, new) == [
        "may widen for peer monitoring: connects to 3306 of blog/mysql, no token, not recorded: "
        "added pods app=p in ops; removed pods app=prometheus in monitoring"
    ]


CHART = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  components:
    - name: pods
      type: helmchart
      traits:
        - type: access
          properties:
            owner: team-blog
            service: {{name: s, port: 3306, podLabels: {{app.kubernetes.io/instance: x, tier: {tier}}}}}
            {internal}
\x00
apiVersion: helm.sh/v3
kind: Release
metadata: {{name: x, namespace: {namespace}}}
"""


def charts(caller: str, callee: str, namespace: str = "ours") -> AccessModel:
    """Return an estate with the pods of two charts, by a label. The namespace is the caller's."""
    on = settings()
    internal = "internal: [{port: 3306, components: [press/pods]}]"
    result = compiled(
        CHART.format(
            name="press", namespace=namespace, tier=caller, internal=""
        ),
        CHART.format(
            name="blog", namespace="blog", tier=callee, internal=internal
        ),
        stack=on.stack,
    )
    assert result.estate, result.diagnostics
    return model_of(result.estate, on)


PODS = "pods app.kubernetes.io/instance=x,tier="


@pytest.mark.parametrize(
    ("new", "now"),
    [
        (charts("web", "db"), f"{PODS}web in ours to {PODS}db in blog"),
        (charts("w", "sql"), f"{PODS}w in ours to {PODS}sql in blog"),
        (charts("w", "db", "news"), f"{PODS}w in news to {PODS}db in blog"),
    ],
)
def test_other_pods_behind_a_service_may_widen(
    new: AccessModel, now: str
) -> None:
    """Other owners may have pods with these labels, for the caller as for the callee."""
    assert lines(charts("w", "db"), new) == [
        "may widen for press/pods: connects to 3306 of blog/pods, no token, not recorded: "
        f"added {now}; removed {PODS}w in ours to {PODS}db in blog"
    ]


def test_a_move_is_no_change() -> None:
    """The caller and the callee keep their own pods in another namespace and cluster."""
    moved = edited(BLOG, ("namespace: blog}", "namespace: news}"))
    assert lines(BEFORE, blog(moved)) == []


def test_a_renamed_caller_is_revoked_and_granted() -> None:
    """A NetworkPolicy selects pods by the component's name."""
    renamed = edited(BLOG, ("backup", "copy"))
    assert lines(BEFORE, blog(renamed)) == [
        "granted to blog/copy: connects to 53/UDP of blog/mysql, no token, not recorded",
        "revoked from blog/backup: connects to 53/UDP of blog/mysql, no token, not recorded",
    ]


def test_stacks_differ_in_callers_but_not_in_their_pods() -> None:
    """Namespaces of peers differ between stacks by their nature."""
    other = {"namespace": "elsewhere", "podLabels": {"app": "other"}}
    assert lines(BEFORE, blog(peer=other, name="test")) == []
    (line, *_) = lines(BEFORE, blog(CLOSED, name="test"))
    assert line == ALL[0].format("revoked from")


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
    more = "(and 2 more changes of access)"
    assert announcement(blog(CLOSED), deployed, ()) == (
        pulumi.log.info,
        f"access: {ALL[0].format('revoked from')} {more}",
    )
    assert announcement(BEFORE, None, ()) == (
        pulumi.log.warn,
        f"access: {ALL[0].format('granted to')} {more}",
    )


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


@pytest.mark.parametrize("edited_value", ['"own pods"', "7", "[1]"])
def test_an_edited_model_is_an_error(edited_value: str) -> None:
    """Somebody may have edited the state."""
    text = edited(dump_model(BEFORE), ('["own pods"]', edited_value))
    with pytest.raises(ModelError):
        load_model(text)


SHOP = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec: {components: [{name: web, type: worker, properties: {image: web}}]}
"""


def test_a_caller_of_another_repository_is_granted_once() -> None:
    """Its pods are unknown there, which is no change."""
    on = settings()
    partial = replace(on, stack=replace(on.stack, partial=True))
    text = edited(
        BLOG,
        ("[blog/wordpress], peers: [monitoring]", "[shop/web, blog/wordpress]"),
    )
    unread = model(text, on=partial)
    assert lines(model(CLOSED, on=partial), unread)[1] == (
        "granted to shop/web: connects to 3306 of blog/mysql, no token, not recorded"
    )
    assert lines(unread, model(text, SHOP, on=partial)) == []
