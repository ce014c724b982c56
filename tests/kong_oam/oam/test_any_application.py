"""Reading any Application: the checked types, and the skipped and rejected documents."""

from __future__ import annotations

import pytest

from kong_oam.oam.application import Reading, read_bytes
from kong_oam.oam.model import OwnTypes

HEAD = """apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
"""
WEB = "{name: web, type: webservice, properties: {image: a}%s}"


def reading(
    spec: str, own: OwnTypes = frozenset(), head: str = HEAD
) -> Reading:
    return read_bytes("a.yaml", f"{head}{spec}\n".encode(), own)


def components(*written: str, own: OwnTypes = frozenset()) -> Reading:
    listed = "".join(f"    - {component}\n" for component in written)
    return reading(f"spec:\n  components:\n{listed}", own)


def messages(found: Reading) -> list[str]:
    return [
        f"{diagnostic.position}: {diagnostic.code}: {diagnostic.message}"
        for diagnostic in found.diagnostics
    ]


@pytest.mark.parametrize(
    ("component", "plain"),
    [
        (WEB % "", True),
        (WEB % ", traits: [{type: gateway, properties: {http: {/: 80}}}, {type: access, properties: {owner: o}}]", True),
        ("{name: web, type: worker, properties: {image: a}, traits: [{type: client, properties: {kind: service}}]}", True),
        ("{name: web, type: external}", True),
        ("{name: web, type: webservice@v1, properties: {imgae: a}}", False),
        ("{name: web, type: webservice, properties: {imgae: a}, traits: [{type: scaler}]}", False),
        ("{name: web, type: worker, traits: [{type: gateway@v1}]}", False),
        ("{name: web, type: worker, traits: [{type: gateway}]}", False),
        ("{name: web, type: cron-task, properties: {any: [1]}}", False),
        ("{name: web, type: nobody-knows}", False),
    ],
)  # fmt: skip
def test_only_plain_properties_are_checked(component: str, plain: bool) -> None:
    """Definitions check all other properties."""
    found = components(component)
    assert messages(found) == []
    assert [
        component.plain for component in found.applications[0].components
    ] == [plain]


@pytest.mark.parametrize(
    "type_", [("component", "webservice"), ("trait", "gateway")]
)
def test_a_type_that_the_project_defines_is_not_judged(
    type_: tuple[str, str],
) -> None:
    """Neither its properties nor its gateway fields."""
    gateway = "{type: gateway, properties: {existingServiceName: x, pathType: Exact, class: y, http: {/: 80}}}"
    written = f"{{name: web, type: webservice, properties: {{imgae: a}}, traits: [{gateway}, {gateway}]}}"
    assert len(messages(components(written))) == 9
    found = components(written, own=frozenset({type_}))  # type: ignore[arg-type]
    assert messages(found) == []
    assert not found.applications[0].components[0].plain


@pytest.mark.parametrize(
    ("component", "finding"),
    [
        ("{name: a, type: external, properties: {jwksUrl: b}}", "a.yaml:6:46: OAM102: unknown field 'jwksUrl' in external"),
        (
            "{name: a, type: worker, properties: {image: b, dependsOn: [c]}}",
            "a.yaml:6:54: OAM102: unknown field 'dependsOn' in worker; it belongs beside 'properties': move it there",
        ),
        ("{name: a, type: x, traits: [{type: access}]}", "a.yaml:6:35: OAM105: access needs 'owner'"),
        ("{name: a, type: x, traits: [{type: client, properties: {}}]}", "a.yaml:6:62: OAM105: client needs 'kind'"),
        (
            "{name: a, type: x, traits: [{type: access, properties: {owner: o}}, {type: access, properties: {owner: p}}]}",
            "a.yaml:6:82: OAM106: a component can have `access` only once; remove one (first in line 6)",
        ),
        (
            "{name: a, type: external, traits: [{type: labels, properties: {a: b}}]}",
            "a.yaml:6:49: OAM110: an external component runs elsewhere and can only have traits of the gateway, and client; remove 'labels'",
        ),
        (
            "{name: a, type: external, traits: [{type: upstream-tls, properties: {}}]}",
            "a.yaml:6:49: OAM110: the stack's gateway.upstreams has scheme and serverName of an external component; remove 'upstream-tls'",
        ),
        ("{name: a.b, type: webservice, properties: {image: a}}", "a.yaml:6:14: OAM103: 'a.b' cannot name a Service"),
        ("{name: Ab.c, type: webservice, properties: {image: a}}", "a.yaml:6:14: OAM103: 'Ab.c' cannot name a Service"),
        ("{name: Ab, type: webservice, properties: {image: a}}", "a.yaml:6:14: OAM103: 'Ab' cannot name a Deployment, which has no capitals; use small letters"),
        ("{name: a.B, type: worker, properties: {image: a}}", "a.yaml:6:14: OAM103: 'a.B' cannot name a Deployment, which has no capitals; use small letters"),
        ("{name: A_b, type: x}", 'a.yaml:6:14: OAM103: spec.components[0].name: "A_b" does not match'),
    ],
)  # fmt: skip
def test_our_traits_are_checked_in_every_component(
    component: str, finding: str
) -> None:
    """With any other types, and even if the project defines these names."""
    own: OwnTypes = frozenset(
        {("trait", "access"), ("trait", "client"), ("component", "external")}
    )
    for found in (components(component), components(component, own=own)):
        (only,) = messages(found)
        assert only.startswith(finding)
        assert found.malformed == {"shop"}


def test_a_name_may_have_capitals() -> None:
    """If no object gets the component's name, as when KubeVela adopts resources. Names that differ
    only in capitals collide."""
    parts = (
        "{name: shop.Deployment.shop, type: k8s-objects}",
        "{name: Far, type: external}",
    )
    found = components(
        *parts,
        "{name: shop.Service.shop, type: k8s-objects, dependsOn: [shop.Deployment.shop]}",
    )
    assert messages(found) == []
    assert [
        component.name for component in found.applications[0].components
    ] == [
        "shop.Deployment.shop",
        "Far",
        "shop.Service.shop",
    ]
    wrong = "a.yaml:8:14: OAM106: component 'far' and 'Far' (line 7) differ only in capitals; rename one"
    assert messages(components(*parts, "{name: far, type: x}")) == [wrong]
    policies = "spec:\n  policies: [{name: a, type: topology}, {name: A, type: topology}]\n  components: [{name: b, type: x}]"
    assert messages(reading(policies)) == []


@pytest.mark.parametrize(
    ("metadata", "written"),
    [
        ("{name: shop.v1}", "a.yaml:3:18: OAM103: metadata.name: \"shop.v1\" does not match ^[a-z0-9]+(-[a-z0-9]+)*$; write 'shop-v1'"),
        ("{name: shop, namespace: Sales_EU.}", "a.yaml:3:35: OAM103: metadata.namespace: \"Sales_EU.\" does not match ^[a-z0-9]+(-[a-z0-9]+)*$; write 'sales-eu'"),
        ("{name: .}", 'a.yaml:3:18: OAM103: metadata.name: "." does not match ^[a-z0-9]+(-[a-z0-9]+)*$'),
    ],
)  # fmt: skip
def test_a_wrong_name_of_an_application_names_a_right_one(
    metadata: str, written: str
) -> None:
    """KubeVela takes dots. Here the name is part of hosts and of clients' names."""
    head = HEAD.replace("{name: shop}", metadata)
    spec = "spec: {components: [{name: a, type: x}]}"
    assert messages(reading(spec, head=head)) == [written]


def test_a_trait_of_a_definition_may_stand_twice() -> None:
    """As in KubeVela, which applies both in order. Names may have dots, like objects' names."""
    found = components(
        "{name: arch.test, type: k8s-objects, traits: [{type: labels}, {type: scaler}, {type: labels}]}"
    )
    assert messages(found) == []
    assert [
        trait.type for trait in found.applications[0].components[0].traits
    ] == [
        "labels",
        "scaler",
        "labels",
    ]


@pytest.mark.parametrize(
    ("component", "finding"),
    [
        ("{name: a, type: webservice, properties: text}", "6:47: OAM103: spec.components[0].properties must be of type object, not string"),
        ("{name: a, type: x, properties: [1]}", "6:38: OAM103: spec.components[0].properties must be of type object, not array"),
        ("{name: a, type: webservice, properties: {image: a, ports: 80}}", "6:65: OAM103: ports must be of type array, not integer"),
        ("{name: a, type: webservice, properties: {image: a, ports: [{ports: 80}]}}", "6:67: OAM102: unknown field 'ports' in ports[0]; did you mean 'port'?"),
        ("{name: a, type: webservice, properties: {image: a, ports: [{ports: 80}]}}", "6:66: OAM105: ports[0] needs 'port'"),
        ("{name: a, type: x, traits: [{type: access, properties: text}]}", "6:62: OAM103: spec.components[0].traits[0].properties must be of type object"),
        ("{name: a, type: null}", "6:7: OAM105: spec.components[0] needs 'type'"),
        ("{type: x}", "6:7: OAM105: spec.components[0] needs 'name'"),
        ("null", "6:7: OAM103: spec.components[0] must be of type object, not null"),
        ("{name: a, type: x, traits: [{name: b, type: y}]}", "6:36: OAM102: unknown field 'name' in spec.components[0].traits[0]"),
    ],
)  # fmt: skip
def test_a_wrong_shape_is_found_at_its_position(
    component: str, finding: str
) -> None:
    """Once, even if other checks depend on it."""
    found = messages(components(component))
    assert (
        len(
            [
                message
                for message in found
                if message.startswith(f"a.yaml:{finding}")
            ]
        )
        == 1
    ), found
    assert len(found) == (2 if "ports: [{" in component else 1), found


def test_a_null_is_a_missing_field() -> None:
    """In the Application's fields. Properties keep their nulls: `labels` removes a label with null."""
    written = (
        "{name: a, type: x, properties: null, traits: null, dependsOn: null, inputs: null, outputs: null, scopes: null}",
        "{name: b, type: x, properties: {c: null}, traits: [{type: labels, properties: null}]}",
    )
    found = components(*written)
    assert messages(found) == []
    first, second = found.applications[0].components
    assert (first.properties, first.traits, first.depends_on, first.inputs) == (
        {},
        (),
        (),
        (),
    )
    assert (second.properties, second.traits[0].properties) == ({"c": None}, {})
    top = "metadata: {name: shop, namespace: null, labels: null, annotations: {a: null}}\n"
    found = reading(
        "spec: {components: [], policies: null, workflow: null}",
        head=HEAD.replace("metadata: {name: shop}\n", top),
    )
    assert [diagnostic.code for diagnostic in found.diagnostics] == ["OAM109"]
    assert (
        found.applications[0].namespace,
        found.applications[0].annotations,
    ) == (
        "default",
        {},
    )


@pytest.mark.parametrize(
    "spec",
    [
        "spec: {components: []}",
        "spec: {}",
        "spec:",
        "",
        "spec: {components: null}",
    ],
)
def test_an_application_without_components_is_taken(spec: str) -> None:
    """With a warning."""
    found = reading(spec)
    assert [
        (diagnostic.code, diagnostic.severity, diagnostic.message)
        for diagnostic in found.diagnostics
    ] == [
        (
            "OAM109",
            "warning",
            "an Application without components deploys nothing; add a component, or remove the file",
        )
    ]
    assert [application.components for application in found.applications] == [
        ()
    ]


def test_fields_of_a_cluster_are_ignored() -> None:
    """Except for the revision, which definitions may read."""
    metadata = """metadata:
  name: shop
  uid: 5f
  creationTimestamp: null
  managedFields: [{manager: kubectl}]
  resourceVersion: "7"
  generation: 2
  finalizers: [a/b]
  ownerReferences: []
  selfLink: /apis
"""
    status = "status: {latestRevision: {name: shop-v3, revision: 3, revisionHash: a}, phase: running, services: null}\n"
    found = reading(
        f"spec: {{components: [{WEB % ''}]}}\n{status}",
        head=HEAD.replace("metadata: {name: shop}\n", metadata),
    )
    assert messages(found) == []
    assert found.applications[0].revision == "shop-v3"
    assert (
        reading(f"spec: {{components: [{WEB % ''}]}}\nstatus: text")
        .applications[0]
        .revision
        == ""
    )


def test_obsolete_fields_have_no_effect() -> None:
    """A warning at each field."""
    found = components(
        "{name: a, type: x, externalRevision: a-v1, scopes: {healthscopes.core.oam.dev: h}}"
    )
    assert sorted(
        (str(diagnostic.position), diagnostic.code, diagnostic.severity)
        for diagnostic in found.diagnostics
    ) == [
        ("a.yaml:6:26", "OAM109", "warning"),
        ("a.yaml:6:50", "OAM109", "warning"),
    ]
    assert len(found.applications) == 1


def test_an_object_of_another_kind_is_refused_by_name() -> None:
    """With one finding and a remedy."""
    head = "apiVersion: core.oam.dev/v1alpha1\nmetadata: {name: a}\n"
    policy, older = (
        read_bytes("a.yaml", f"{head}kind: {kind}\n".encode())
        for kind in ("Policy", "Component")
    )
    assert messages(policy) == [
        "a.yaml:3:7: OAM108: a Policy is not deployed from here, only Applications are; write it "
        "into the Application: spec.policies"
    ]
    assert messages(older) == [
        "a.yaml:3:7: OAM108: a Component is not deployed from here, only Applications are. Move "
        "it to another folder"
    ]


def test_definitions_beside_an_application_are_handed_on() -> None:
    """Definitions of workflow steps are skipped; errors in definitions are findings."""
    template = "spec: {schematic: {cue: {template: 'output: {}'}}}\n"
    kinds = (
        "ComponentDefinition",
        "TraitDefinition",
        "PolicyDefinition",
        "WorkloadDefinition",
        "WorkflowStepDefinition",
    )
    texts = [
        f"apiVersion: core.oam.dev/v1beta1\nkind: {kind}\nmetadata: {{name: b}}\n{template}"
        for kind in kinds
    ]
    found = components(f"{WEB % ''}\n---\n" + "---\n".join(texts))
    assert messages(found) == []
    assert [definition.kind for definition in found.definitions] == [
        "component",
        "trait",
        "policy",
        "workload",
    ]
    assert [application.name for application in found.applications] == ["shop"]
    found = components(
        f"{WEB % ''}\n---\n{texts[0].replace('template', 'tmplate')}"
    )
    assert [diagnostic.code for diagnostic in found.diagnostics] == ["OAM105"]
