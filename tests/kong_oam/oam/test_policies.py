"""Policies other than overrides: targets of an Application, and options of its objects."""

from __future__ import annotations

import pytest

from kong_oam.oam.application import Reading, read_bytes
from kong_oam.oam.model import Application
from kong_oam.oam.rendered import Options, RenderedObject
from kong_oam.oam.resource_policies import with_rule_options
from kong_oam.oam.topology import on_clusters, unknown_clusters
from tests.support.diagnostics import messages

HEAD = """apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: sales}
spec:
  components:
    - {name: web, type: app, traits: [{type: labels}, {type: expose@v1}]}
    - {name: job, type: task}
  policies:
"""


def reading(*policies: str, workflow: str = "") -> Reading:
    listed = "".join(f"    - {policy}\n" for policy in policies)
    return read_bytes("a.yaml", f"{HEAD}{listed}{workflow}".encode())


def resolved(*policies: str, workflow: str = "") -> Application:
    found = reading(*policies, workflow=workflow)
    assert [
        str(diagnostic)
        for diagnostic in found.diagnostics
        if diagnostic.severity == "error"
    ] == []
    return found.applications[0]


def places(
    application: Application,
) -> list[list[tuple[str | None, str | None]]]:
    return [
        [(target.cluster, target.namespace) for target in part.targets]
        for part in application.components
    ]


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        (["{type: topology, properties: {clusters: [a]}}"], [("a", None)]),
        (["{type: topology, properties: {clusters: [a, b], namespace: n}}"], [("a", "n"), ("b", "n")]),
        (["{type: topology, properties: {clusters: [a, local]}}"], [(None, None), ("a", None)]),
        (
            ["{type: topology, properties: {clusters: [a]}}", "{type: topology, properties: {clusters: [a], namespace: m}}"],
            [("a", None), ("a", "m")],
        ),
        (["{type: topology, properties: {namespace: m}}", "{type: topology, properties: {namespace: n}}"], [(None, "m"), (None, "n")]),
    ],
)  # fmt: skip
def test_a_topology_says_where_each_component_goes(
    policies: list[str], expected: list[tuple[str | None, str | None]]
) -> None:
    """To one or several targets, with one variant of each component."""
    application = resolved(*policies)
    assert places(application) == [expected, expected]
    assert (application.namespace, application.policies) == ("sales", ())


@pytest.mark.parametrize(
    ("topology", "namespace"),
    [
        ("{namespace: prod}", "prod"),
        ("{clusters: [local]}", "sales"),
        ("{clusters: [local], namespace: null}", "sales"),
        ("{}", "sales"),
    ],
)
def test_a_single_target_namespace_becomes_the_applications(
    topology: str, namespace: str
) -> None:
    """Later code then needs no topologies."""
    application = resolved(f"{{type: topology, properties: {topology}}}")
    assert (application.namespace, places(application)) == (namespace, [[], []])


def test_unknown_clusters_are_found() -> None:
    """With the known clusters, at its position in the policy."""
    application = resolved(
        "{type: topology, properties: {clusters: [west, local, eas]}}"
    )
    found = [*unknown_clusters(application, ["west", "east"])]
    assert [
        f"{message.position}: {message.code}: {message.message}"
        for message in found
    ] == [
        "a.yaml:9:61: OAM103: cluster 'eas' is no context of the stack (kong-oam:cluster.contexts); did you mean 'east'?"
    ]
    assert [*unknown_clusters(application, ["west", "eas"])] == []


LABELS = {
    "west": {"region": "eu", "tier": "a"},
    "east": {"region": "eu"},
    "far": {"region": "us", "tier": "a"},
}


@pytest.mark.parametrize(
    ("topology", "expected"),
    [
        (
            "{clusterLabelSelector: {region: eu}}",
            [("west", None), ("east", None)],
        ),
        (
            "{clusterSelector: {tier: a, region: us}, namespace: blue}",
            [("far", "blue")],
        ),
        ("{clusterLabelSelector: {region: eu, tier: a}}", [("west", None)]),
        (
            "{clusterSelector: {}, namespace: n}",
            [(None, "n"), ("west", "n"), ("east", "n"), ("far", "n")],
        ),
    ],
)
def test_a_topology_selects_clusters_that_have_all_of_its_labels(
    topology: str, expected: list[tuple[str, str | None]]
) -> None:
    """In the stack's order. As in KubeVela, no labels select all clusters, the own one too."""
    found = on_clusters(
        resolved(f"{{type: topology, properties: {topology}}}"), LABELS
    )
    assert places(found) == [expected, expected]
    assert [*unknown_clusters(found, LABELS)] == []


def test_without_further_clusters_no_labels_select_the_own_cluster() -> None:
    application = resolved(
        "{type: topology, properties: {clusterLabelSelector: {}}}"
    )
    found = on_clusters(application, {})
    assert places(found) == [[(None, None)], [(None, None)]]


def test_a_cluster_that_is_selected_twice_is_one_target() -> None:
    selected = "{name: y, type: topology, properties: {clusterLabelSelector: {region: eu}}}"
    application = resolved(
        "{name: x, type: topology, properties: {clusters: [east]}}", selected
    )
    assert places(on_clusters(application, LABELS))[0] == [
        ("east", None),
        ("west", None),
    ]


@pytest.mark.parametrize(
    "labels", [{}, {"east": {"region": "eu"}, "far": {"region": "us"}}]
)
def test_labels_that_no_cluster_has_are_found(
    labels: dict[str, dict[str, str]],
) -> None:
    """One cluster must have all labels of a topology."""
    application = resolved(
        "{type: topology, properties: {clusterLabelSelector: {tier: a, region: eu}}}"
    )
    assert on_clusters(application, labels) == application
    (found,) = unknown_clusters(
        application, ["east", "far", "region=eu,tier=a"]
    )
    message = "no context of the stack (kong-oam:cluster.contexts) has the labels region=eu,tier=a; add them to a context"
    assert (str(found.position), found.code, found.message) == (
        "a.yaml:9:37",
        "OAM103",
        message,
    )


@pytest.mark.parametrize(
    ("policy", "finding"),
    [
        ("{name: t, type: topology, properties: {clusters: [a], clusterLabelSelector: {a: b}}}", "9:46: error OAM103: topology 't': clusters and clusterLabelSelector all select clusters; keep one of them"),
        ("{name: t, type: topology, properties: {clusters: a}}", "9:56: error OAM103: clusters must be of type array, not string"),
        ("{name: h, type: health}", "9:23: warning OAM109: policy 'h': 'health' is ignored, since KubeVela removed health scopes; use probes"),
        ("{type: env-binding}", "9:14: error OAM108: policy 'env-binding-auto-gen-0': 'env-binding' is not deployed; use topology"),
        ("{name: r, type: replication, properties: {keys: [a]}}", "9:23: error OAM108: policy 'r': 'replication' is not deployed; write"),
        ("{name: g, type: garbage-collect, properties: {keepLegacyResource: true}}", "9:53: warning OAM109: garbage-collect 'g': Pulumi never deletes this object"),
        ("{name: g, type: garbage-collect, properties: {rules: [{selector: {}, strategy: onAppDelete}]}}", "9:86: warning OAM109: garbage-collect 'g': Pulumi never deletes"),
        ("{name: u, type: resource-update, properties: {rules: [{selector: {}, strategy: {op: replace}}]}}", "9:91: error OAM108: resource-update 'u': Pulumi cannot"),
        ("{name: u, type: resource-update, properties: {rules: [{selector: {}, strategy: {recreateFields: ['a..b']}}]}}", "9:104: error OAM103: 'a..b' is no path"),
        ("{name: o, type: apply-once, properties: {enable: true, rules: [{strategy: {path: ['a[']}}]}}", "9:89: error OAM103: 'a[' is no path"),
        ("{name: o, type: apply-once, properties: {enable: true, rules: [{strategy: {}}]}}", "9:81: error OAM105: rules[0].strategy needs 'path'"),
        ("{name: o, type: read-only, properties: {rules: [{selector: {componentName: [web]}}]}}", "9:67: error OAM102: unknown field 'componentName' in rules[0].selector"),
    ],
)  # fmt: skip
def test_policies_without_a_pulumi_option_are_rejected(
    policy: str, finding: str
) -> None:
    """At that rule; the rest of the policy applies."""
    (only,) = messages(reading(policy))
    assert only.startswith(f"a.yaml:{finding}")


def test_an_ignored_policy_needs_no_definition() -> None:
    """KubeVela has none for `health` either."""
    assert (
        resolved("{name: h, type: health, properties: {x: 1}}").policies == ()
    )


def test_two_policies_of_one_name_are_refused() -> None:
    """Workflow steps could not tell them apart."""
    found = reading("{name: a, type: topology}", "{name: a, type: override}")
    assert [diagnostic.code for diagnostic in found.diagnostics] == ["OAM106"]


def kept_by(
    application: Application, kind: str, trait: int | None, key: str = ""
) -> Options:
    """The options of an object of the first component, from a trait or from its own definition."""
    web = application.components[0]
    manifest = {"kind": kind, "metadata": {"name": "web"}}
    return with_rule_options(
        application, web, RenderedObject(manifest, trait, key, web.position)
    ).options


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("{type: read-only, properties: {rules: [{selector: {componentNames: [web]}}]}}", [Options(read=True)] * 2),
        ("{type: read-only, properties: {rules: [{selector: {traitTypes: [expose]}}]}}", [Options(), Options(read=True)]),
        ("{type: take-over, properties: {rules: [{selector: {oamTypes: [COMPONENT]}}]}}", [Options(take_over=True), Options()]),
        ("{type: shared-resource, properties: {rules: [{selector: {resourceTypes: [Service, Secret]}}]}}", [Options(), Options(patch=True)]),
        ("{type: shared-resource, properties: {rules: [{selector: {resourceTypes: [Service], resourceNames: [x]}}]}}", [Options()] * 2),
        ("{type: shared-resource, properties: {rules: [{selector: {}}]}}", [Options()] * 2),
        ("{type: garbage-collect, properties: {rules: [{selector: {componentTypes: [app]}, strategy: never}]}}", [Options(retain_on_delete=True)] * 2),
        (
            "{type: garbage-collect, properties: {rules: [{selector: {resourceTypes: [Service]}}, {selector: {componentNames: [web]}, strategy: never}]}}",
            [Options(retain_on_delete=True), Options()],
        ),
        (
            "{type: garbage-collect, properties: {rules: [{selector: {resourceTypes: [Service]}, strategy: onAppDelete}]}}",
            [Options(), Options(retain_on_delete=True)],
        ),
        ("{type: garbage-collect, properties: {rules: [{selector: {componentNames: [web]}, propagation: orphan}]}}", [Options(retain_on_delete=True)] * 2),
        ("{type: garbage-collect, properties: {rules: [{selector: {componentNames: [web]}, propagation: cascading}]}}", [Options()] * 2),
        (
            "{type: garbage-collect, properties: {rules: [{selector: {resourceTypes: [Service]}, propagation: cascading}, {selector: {componentNames: [web]}, propagation: orphan}]}}",
            [Options(retain_on_delete=True), Options()],
        ),
        ("{type: garbage-collect, properties: {keepLegacyResource: true}}", [Options(retain_on_delete=True)] * 2),
        (
            "{type: garbage-collect, properties: {keepLegacyResource: true, rules: [{selector: {resourceTypes: [Service]}, strategy: onAppUpdate}]}}",
            [Options(retain_on_delete=True), Options()],
        ),
        ("{type: apply-once, properties: {enable: true}}", [Options()] * 2),
        ("{type: apply-once, properties: {rules: [{selector: {componentNames: [web]}, strategy: {path: [a]}}]}}", [Options()] * 2),
        (
            "{type: apply-once, properties: {enable: true, rules: [{selector: {resourceTypes: [Deployment]}, strategy: {path: ['spec.containers[0].a', 'metadata.labels[a/b]', '*']}}]}}",
            [Options(ignore_changes=("spec.containers[0].a", 'metadata.labels["a/b"]', "*")), Options()],
        ),
        (
            "{type: apply-once, properties: {enable: true, rules: [{selector: {resourceTypes: [Deployment]}, strategy: {path: [a], affect: onStateKeep}}]}}",
            [Options()] * 2,
        ),
        (
            "{type: resource-update, properties: {rules: [{selector: {resourceTypes: [Service]}, strategy: {recreateFields: [spec.clusterIP]}}]}}",
            [Options(), Options(replace_on_changes=("spec.clusterIP",))],
        ),
    ],
)  # fmt: skip
def test_a_rule_sets_options(policy: str, expected: list[Options]) -> None:
    """For each object that its selector matches; the first matching rule of each policy applies."""
    application = resolved(policy)
    assert [
        kept_by(application, "Deployment", None),
        kept_by(application, "Service", 1, "y"),
    ] == expected


@pytest.mark.parametrize(
    ("rule", "plain"),
    [("{selector: {}, strategy: never}", False), ("{selector: {}}", True)],
)
def test_components_with_rules_need_definitions(rule: str, plain: bool) -> None:
    """Rules match by names and types, which only rendered objects have."""
    text = HEAD.replace("type: task", "type: worker, properties: {image: a}")
    policy = (
        f"    - {{type: garbage-collect, properties: {{rules: [{rule}]}}}}\n"
    )
    found = read_bytes("a.yaml", f"{text}{policy}".encode())
    assert [
        component.plain for component in found.applications[0].components
    ] == [
        False,
        plain,
    ]


def test_rules_of_several_policies_add_up() -> None:
    """Each policy applies."""
    rules = "properties: {rules: [{selector: {componentNames: [web]}}]}"
    application = resolved(
        f"{{type: take-over, {rules}}}", f"{{type: shared-resource, {rules}}}"
    )
    assert kept_by(application, "Deployment", None) == Options(
        take_over=True, patch=True
    )


def test_rules_select_rendered_objects_by_their_origin() -> None:
    """The workload has no trait; KubeVela's `AuxiliaryWorkload` is the trait of the component's
    other objects."""
    for kind, read in (
        ("AuxiliaryWorkload", [False, True, False]),
        ("expose", [False, False, True]),
    ):
        application = resolved(
            f"{{type: read-only, properties: {{rules: [{{selector: {{traitTypes: [{kind}]}}}}]}}}}"
        )
        made_by = [(None, ""), (None, "x"), (1, "y")]
        assert [
            kept_by(application, "Service", trait, key).read
            for trait, key in made_by
        ] == read


def test_a_policy_of_another_type_is_left_to_its_definition() -> None:
    text = HEAD.replace(
        "type: app, traits: [{type: labels}, {type: expose@v1}]",
        "type: external",
    ).replace("type: task", "type: external")
    found = read_bytes(
        "a.yaml",
        f"{text}    - {{type: topolgy, properties: {{a: null}}}}\n".encode(),
    )
    (policy,) = found.applications[0].policies
    assert (policy.name, policy.type, policy.properties) == (
        "topolgy-auto-gen-0",
        "topolgy",
        {"a": None},
    )
