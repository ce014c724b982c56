"""The rendering of a component: KubeVela's rules, each with a minimal definition."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kong_oam.oam.definitions.library import library
from kong_oam.oam.definitions.reading import read_definitions
from kong_oam.render.evaluator import Evaluator
from kong_oam.render.rendering import RenderedComponent
from kong_oam.render.requests import Setting
from tests.support.rendering import WORKLOAD, defined, rendered, written

CONFIG = 'outputs: made: {apiVersion: "v1", kind: "ConfigMap"}'


def _one(made: RenderedComponent, index: int = 0) -> Any:
    assert not made.diagnostics, made.diagnostics
    return made.objects[index].object


def _container(made: RenderedComponent) -> Any:
    return _one(made)["spec"]["template"]["spec"]["containers"][0]


def test_a_workload_gets_kubevelas_name_namespace_and_labels(
    evaluator: Evaluator,
) -> None:
    """If the template sets none, and beside its own."""
    metadata = _one(
        rendered(evaluator, defined(), metadata="{name: shop, namespace: prod}")
    )["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("web", "prod")
    assert metadata["labels"] == {
        "app.oam.dev/name": "shop",
        "app.oam.dev/namespace": "prod",
        "app.oam.dev/component": "web",
        "app.oam.dev/appRevision": "",
        "app.oam.dev/resourceType": "WORKLOAD",
        "workload.oam.dev/type": "app",
    }


def test_labels_and_annotations_of_the_application_are_on_every_object(
    evaluator: Evaluator,
) -> None:
    """Except for filtered keys and kubectl's own."""
    metadata = """{name: shop, labels: {team: a, secret: b}, annotations: {note: c, left: d,
      filter.oam.dev/label-keys: secret, filter.oam.dev/annotation-keys: "left, other",
      kubectl.kubernetes.io/last-applied-configuration: e}}"""
    made = rendered(
        evaluator,
        defined(config=CONFIG),
        "traits: [{type: config}]",
        metadata=metadata,
    )
    for rendered_object in made.objects:
        assert rendered_object.object["metadata"]["labels"]["team"] == "a"
        assert "secret" not in rendered_object.object["metadata"]["labels"]
        assert rendered_object.object["metadata"]["annotations"] == {
            "note": "c"
        }


def test_an_object_says_which_trait_made_it(evaluator: Evaluator) -> None:
    """By its index; the component's objects have none. KubeVela's labels have the type."""
    stack = defined(
        WORKLOAD + 'outputs: own: {apiVersion: "v1", kind: "Secret"}',
        config=CONFIG,
        none="patch: {}",
    )
    made = rendered(evaluator, stack, "traits: [{type: none}, {type: config}]")
    assert [
        (rendered_object.trait, rendered_object.key)
        for rendered_object in made.objects
    ] == [
        (None, ""),
        (None, "own"),
        (1, "made"),
    ]
    labels = [
        rendered_object.object["metadata"]["labels"]
        for rendered_object in made.objects
    ]
    assert [label.get("trait.oam.dev/type") for label in labels] == [
        None,
        "AuxiliaryWorkload",
        "config",
    ]
    assert [label.get("trait.oam.dev/resource") for label in labels] == [
        None,
        "own",
        "made",
    ]


def test_a_name_that_no_template_gives_is_made_as_kubevela_makes_it(
    evaluator: Evaluator,
) -> None:
    """FNV-32a of the object as Go prints it, without the revision. The expected value was computed
    separately."""
    names = {
        _one(
            rendered(
                evaluator,
                defined(config=CONFIG),
                "traits: [{type: config}]",
                setting=setting,
            ),
            1,
        )["metadata"]["name"]
        for setting in (Setting(), Setting(revision="shop-v3"))
    }
    assert names == {"web-config-" + _fnv_name()}


def _fnv_name() -> str:
    printed = (
        "(unstructured.Unstructured){Object:(map[string]interface {})map[apiVersion:(string)v1 kind:(string)ConfigMap "
        "metadata:(map[string]interface {})map[labels:(map[string]interface {})map[app.oam.dev/component:(string)web "
        "app.oam.dev/name:(string)shop trait.oam.dev/resource:(string)made trait.oam.dev/type:(string)config]]]}"
    )
    sum_ = 0x811C9DC5
    for byte in printed.encode():
        sum_ = ((sum_ ^ byte) * 0x01000193) & 0xFFFFFFFF
    return "".join(
        "bcdfghjklmnpqrstvwxz2456789"[ord(digit) % 27] for digit in str(sum_)
    )


def test_a_namespace_is_in_no_namespace(evaluator: Evaluator) -> None:
    """Every other kind gets one, even cluster-scoped kinds, as in KubeVela."""
    stack = defined(
        'output: {apiVersion: "v1", kind: "Namespace"}\noutputs: role: {apiVersion: "x/v1", kind: "ClusterRole"}'
    )
    made = rendered(evaluator, stack)
    assert "namespace" not in _one(made)["metadata"]
    assert _one(made, 1)["metadata"]["namespace"] == "default"


PATCHES: dict[str, tuple[str, Any]] = {
    "unified": (
        'patch: spec: template: metadata: labels: a: "b"',
        {"name": "web", "image": "one", "env": [{"name": "A", "value": "1"}]},
    ),
    "by key": (
        """
        patch: spec: template: spec: {
            // +patchKey=name
            containers: [{name: context.name, env: [{name: "B", value: "2"}, {name: "A"}]}]
        }
        """,
        {
            "name": "web",
            "image": "one",
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        },
    ),
    "a default is still open": (
        """
        patch: spec: template: spec: {
            // +patchKey=name
            containers: [{name: context.name, image: "two"}]
        }
        """,
        {"name": "web", "image": "two", "env": [{"name": "A", "value": "1"}]},
    ),
    "retain keys": (
        """
        patch: spec: template: spec: {
            // +patchKey=name
            containers: [{
                name: context.name
                env: [{
                    name: "A"
                    // +patchStrategy=retainKeys
                    value: "2"
                }]
            }]
        }
        """,
        {"name": "web", "image": "one", "env": [{"name": "A", "value": "2"}]},
    ),
    "retain keys of a list": (
        """
        patch: spec: template: spec: {
            // +patchKey=name
            containers: [{
                name: context.name
                // +patchKey=name
                // +patchStrategy=retainKeys
                env: [{name: "A", value: "2"}]
            }]
        }
        """,
        {"name": "web", "image": "one", "env": [{"name": "A", "value": "2"}]},
    ),
    "replace a list": (
        """
        patch: spec: template: spec: {
            // +patchKey=name
            containers: [{
                name: context.name
                // +patchStrategy=replace
                env: [{name: "C", value: "3"}]
            }]
        }
        """,
        {"name": "web", "image": "one", "env": [{"name": "C", "value": "3"}]},
    ),
    "operations": (
        """
        // +patchStrategy=jsonPatch
        patch: {operations: [
            {op: "replace", path: "/spec/template/spec/containers/0/image", value: "two"},
            {op: "remove", path: "/spec/template/spec/containers/0/env"},
        ]}
        """,
        {"name": "web", "image": "two"},
    ),
    "merge": (
        """
        // +patchStrategy=jsonMergePatch
        patch: {spec: template: spec: containers: [{name: "other"}]}
        """,
        {"name": "other"},
    ),
    "what came before": (
        """
        patch: spec: template: spec: {
            // +patchKey=name
            containers: [{name: context.output.spec.template.spec.containers[0].name, tty: true}]
        }
        """,
        {
            "name": "web",
            "image": "one",
            "env": [{"name": "A", "value": "1"}],
            "tty": True,
        },
    ),
}


@pytest.mark.parametrize("about", PATCHES)
def test_a_patch_does_what_its_comments_say(
    about: str, evaluator: Evaluator
) -> None:
    """On a Deployment with one container with one variable."""
    patch, container = PATCHES[about]
    assert (
        _container(
            rendered(evaluator, defined(patch=patch), "traits: [{type: patch}]")
        )
        == container
    )


def test_a_new_entry_of_a_patched_list_comes_last(evaluator: Evaluator) -> None:
    """Such as a sidecar."""
    patch = """
        patch: spec: template: spec: {
            // +patchKey=name
            containers: [{name: "beside", image: "two"}]
        }
    """
    made = rendered(evaluator, defined(patch=patch), "traits: [{type: patch}]")
    assert [
        container["name"]
        for container in _one(made)["spec"]["template"]["spec"]["containers"]
    ] == [
        "web",
        "beside",
    ]


def test_a_patch_reaches_what_was_made_beside_the_workload(
    evaluator: Evaluator,
) -> None:
    """By its name in `outputs`, from any part."""
    stack = defined(config=CONFIG, patch='patchOutputs: made: data: a: "b"')
    made = rendered(evaluator, stack, "traits: [{type: config}, {type: patch}]")
    assert _one(made, 1)["data"] == {"a": "b"}


def test_traits_are_evaluated_in_their_order(evaluator: Evaluator) -> None:
    """Each sees the earlier results; the later of two equal types wins."""
    scale = "parameter: n: int\n// +patchStrategy=retainKeys\npatch: spec: replicas: parameter.n"
    seen = 'outputs: seen: {apiVersion: "v1", kind: "ConfigMap", data: n: "\\(context.output.spec.replicas)"}'
    traits = "traits: [{type: zero}, {type: scale, properties: {n: 2}}, {type: seen}, {type: scale, properties: {n: 5}}]"
    stack = defined(
        zero="patch: spec: replicas: *0 | int", scale=scale, seen=seen
    )
    made = rendered(evaluator, stack, traits)
    assert (_one(made)["spec"]["replicas"], _one(made, 1)["data"]["n"]) == (
        5,
        "2",
    )


def test_lists_of_old_cue_are_still_added(evaluator: Evaluator) -> None:
    """CUE 0.14 uses list.Concat and list.Repeat instead."""
    template = """
        parameter: {more: *["c"] | [...string], n: *2 | int}
        own: ["a"]
        output: {apiVersion: "v1", kind: "X", all: own + ["b"] + parameter.more, twice: 2 * own, sum: parameter.n + 1, text: "a" + "b"}
    """
    whole = _one(rendered(evaluator, defined(template)))
    assert (whole["all"], whole["twice"], whole["sum"], whole["text"]) == (
        ["a", "b", "c"],
        ["a", "a"],
        3,
        "ab",
    )


def test_a_whole_number_is_an_integer_however_it_is_written(
    evaluator: Evaluator,
) -> None:
    """As Kubernetes reads YAML."""
    template = 'parameter: n: int\noutput: {apiVersion: "v1", kind: "X", n: parameter.n}'
    assert (
        _one(rendered(evaluator, defined(template), "properties: {n: 2.0}"))[
            "n"
        ]
        == 2
    )


TEXTS = (
    "\ufeffx",
    "\U0001f600",
    "\u2028",
    "\x7f",
    "\\(context.name)",
    "\\",
    '"',
    "\t\n",
    '"""',
    '#"',
    "\\u0041",
    "\u0000",
)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_stays_what_it_is(text: str, evaluator: Evaluator) -> None:
    """As a value and as a key, in properties and in a trait's context: JSON is not executed as CUE."""
    template = 'parameter: {...}\noutput: {apiVersion: "v1", kind: "X", all: parameter}'
    stack = defined(template, seen="patch: seen: context.output.all")
    quoted = json.dumps({text: text}, ensure_ascii=max(text) < "\U00010000")
    whole = _one(
        rendered(
            evaluator, stack, f"properties: {quoted}\ntraits: [{{type: seen}}]"
        )
    )
    assert whole["all"] == whole["seen"] == {text: text}


def test_properties_stand_in_the_order_of_their_names(
    evaluator: Evaluator,
) -> None:
    """Definitions iterate over them, which determines the order of routes."""
    template = 'parameter: paths: [string]: int\noutput: {apiVersion: "v1", kind: "X", all: [for path, n in parameter.paths {path}]}'
    assert _one(
        rendered(
            evaluator,
            defined(template),
            "properties: {paths: {/b: 1, /: 2, /a: 3}}",
        )
    )["all"] == [
        "/",
        "/a",
        "/b",
    ]


def test_the_context_is_kubevelas(evaluator: Evaluator) -> None:
    """From the Application and its target; the cluster version is never 0."""
    template = 'output: {apiVersion: "v1", kind: "X", data: context}'
    data = _one(
        rendered(
            evaluator,
            defined(template),
            "properties: {a: 1}",
            setting=Setting(31, "shop-v7"),
        )
    )["data"]
    assert (data["name"], data["appName"], data["namespace"]) == (
        "web",
        "shop",
        "default",
    )
    assert (
        data["appRevision"],
        data["appRevisionNum"],
        data["clusterVersion"]["minor"],
    ) == (
        "shop-v7",
        7,
        31,
    )
    assert (data["parameter"], data["componentType"]) == ({"a": 1}, "app")
    assert (
        _one(rendered(evaluator, defined(template)))["data"]["clusterVersion"][
            "minor"
        ]
        == 30
    )


def test_all_components_are_given_to_what_reads_them(
    evaluator: Evaluator,
) -> None:
    """And to no other: a template with all components is evaluated again after each change."""
    template = 'output: {apiVersion: "v1", kind: "X", names: [for one in context.components {one.name}]}'
    assert _one(rendered(evaluator, defined(template)))["names"] == ["web"]


def test_what_no_definition_helps_is_refused(evaluator: Evaluator) -> None:
    """Objects that already exist in a cluster."""
    stack = library(
        read_definitions(
            "d.yaml", written("Component", "ref-objects", "a").encode()
        ).definitions
    )
    made = rendered(evaluator, stack, type_="ref-objects")
    assert [
        (diagnostic.code, str(diagnostic.position))
        for diagnostic in made.diagnostics
    ] == [("OAM108", "shop.yaml:7:13")]


def test_a_trait_may_have_its_object_name_the_workload(
    evaluator: Evaluator,
) -> None:
    """At the path in its definition (`workloadRefPath`)."""
    texts = [
        written("Component", "app", WORKLOAD),
        written("Trait", "config", CONFIG, workloadRefPath="spec.ref"),
    ]
    stack = library(
        read_definitions("d.yaml", "---\n".join(texts).encode()).definitions
    )
    made = rendered(evaluator, stack, "traits: [{type: config}]")
    assert _one(made, 1)["spec"] == {
        "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    }


def test_a_workload_says_where_its_definition_has_the_pods(
    evaluator: Evaluator,
) -> None:
    """For custom kinds (`podSpecPath`). Its other objects have no pods there."""
    text = written(
        "Component",
        "app",
        f"{WORKLOAD}\n{CONFIG}",
        podSpecPath="spec.pods.spec",
    )
    made = rendered(
        evaluator,
        library(read_definitions("d.yaml", text.encode()).definitions),
    )
    assert [
        rendered_object.pod_spec_path for rendered_object in made.objects
    ] == ["spec.pods.spec", ""]
