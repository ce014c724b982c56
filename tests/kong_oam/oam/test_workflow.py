"""Workflows, inputs and outputs: the order of components, and steps that are not run."""

from __future__ import annotations

import random

import pytest

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.application import Reading, read_bytes
from kong_oam.oam.dependencies import find_cycle
from kong_oam.oam.model import APPLY_ALL_STEPS
from kong_oam.oam.schema import POLICY_TYPES
from kong_oam.oam.steps import IGNORED_STEPS, STEP_ALTERNATIVES, SUPPORTED_STEPS
from tests.support.diagnostics import messages
from tests.support.oam_corpus import CORPUS, corpus, need_corpus
from tests.support.repository import ROOT

HEAD = """apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  policies:
    - {name: west, type: topology, properties: {clusters: [west]}}
    - {name: east, type: topology, properties: {clusters: [east]}}
    - {name: small, type: override, properties: {components: [{name: a, properties: {size: 1}}]}}
    - {name: b-only, type: override, properties: {selector: [b]}}
  components:
    - {name: a, type: x}
    - {name: b, type: x}
    - {name: c, type: x, dependsOn: [a]}
"""
MORE = HEAD.replace(
    "  components:\n",
    "    - {name: large, type: override, properties: {components: [{name: a, properties: {size: 9}}]}}\n"
    "    - {name: home, type: topology, properties: {clusters: [local], namespace: home}}\n"
    "    - {name: named, type: topology, properties: {namespace: default}}\n"
    "    - {name: typed, type: override, properties: {components: [{name: a, type: y}]}}\n"
    "    - {name: far, type: topology, properties: {clusters: [far]}}\n"
    "  components:\n",
)
STEPS = 17
"""The line of the first step."""


def reading(*steps: str, mode: str = "{}", head: str = HEAD) -> Reading:
    listed = "".join(f"      - {step}\n" for step in steps)
    return read_bytes(
        "a.yaml",
        f"{head}  workflow:\n    mode: {mode}\n    steps:\n{listed or '      []'}".encode(),
    )


def waits(found: Reading) -> dict[str, set[str]]:
    assert [
        str(diagnostic)
        for diagnostic in found.diagnostics
        if diagnostic.severity == "error"
    ] == []
    return {
        component.name: {*component.depends_on}
        for component in found.applications[0].components
    }


def apply(component: str, more: str = "") -> str:
    return f"{{name: s{component}, type: apply-component, properties: {{component: {component}}}{more}}}"


@pytest.mark.parametrize(
    ("steps", "mode", "expected"),
    [
        ([], "{}", {"a": set(), "b": set(), "c": {"a"}}),
        ([apply("c"), apply("b")], "{steps: DAG}", {"a": set(), "b": set(), "c": {"a"}}),
        ([apply("a"), apply("b"), apply("c")], "{}", {"a": set(), "b": {"a"}, "c": {"a", "b"}}),
        ([apply("b"), "{name: p, type: suspend}", apply("a"), apply("c")], "{}", {"a": {"b"}, "b": set(), "c": {"a"}}),
        ([apply("b", ", dependsOn: [sa]"), apply("a"), apply("c")], "{steps: DAG}", {"a": set(), "b": {"a"}, "c": {"a"}}),
        (
            [f"{{name: g, type: step-group, subSteps: [{apply('a')}, {apply('b')}]}}", apply("c")],
            "{}",
            {"a": set(), "b": set(), "c": {"a", "b"}},
        ),
        (
            [f"{{name: g, type: step-group, subSteps: [{apply('a')}, {apply('b')}]}}", apply("c")],
            "{subSteps: StepByStep}",
            {"a": set(), "b": {"a"}, "c": {"a", "b"}},
        ),
        (
            [f"{{name: g, type: step-group, mode: StepByStep, subSteps: [{apply('a')}, {apply('b')}]}}", apply("c", ", dependsOn: [g]")],
            "{steps: DAG}",
            {"a": set(), "b": {"a"}, "c": {"a", "b"}},
        ),
        (
            [f"{{name: g, type: step-group, subSteps: [{apply('b', ', dependsOn: [sa]')}, {apply('a')}]}}", apply("c")],
            "{}",
            {"a": set(), "b": {"a"}, "c": {"a", "b"}},
        ),
        ([apply("b"), "{name: all, type: deploy, properties: {policies: [west]}}"], "{}", {"a": {"b"}, "b": set(), "c": {"a", "b"}}),
        (
            ["{name: one, type: deploy, properties: {policies: [west, b-only]}}", "{name: all, type: deploy, properties: {policies: [west]}}"],
            "{}",
            {"a": {"b"}, "b": set(), "c": {"a", "b"}},
        ),
        *(([apply("b"), f"{{name: all, type: {type_}}}"], "{}", {"a": {"b"}, "b": set(), "c": {"a", "b"}}) for type_ in APPLY_ALL_STEPS),
        (["{name: d, type: deploy}", "{name: e, type: deploy}"], "{}", {"a": set(), "b": set(), "c": {"a"}}),
    ],
)  # fmt: skip
def test_steps_are_an_order_of_components(
    steps: list[str], mode: str, expected: dict[str, set[str]]
) -> None:
    """A component of several steps waits for the steps before its first."""
    assert waits(reading(*steps, mode=mode)) == expected


def test_a_deploy_step_selects_policies() -> None:
    """Each of its topologies with all its overrides. Unused policies get a warning."""
    found = reading(
        "{name: d, type: deploy, properties: {policies: [small, west, east]}}"
    )
    assert messages(found) == [
        "a.yaml:9:28: warning OAM109: policy 'b-only' has no effect: no step uses it; add it to a deploy step, or remove it"
    ]
    (application,) = found.applications
    assert [
        [target.cluster for target in part.targets]
        for part in application.components
    ] == [["west", "east"]] * 3
    assert application.components[0].properties == {"size": 1}
    assert (application.workflow, application.policies) == (None, ())


def test_a_step_may_select_the_target_of_its_component() -> None:
    """With `apply-component`, as in KubeVela."""
    found = reading(
        apply("a").replace(
            "component: a", "component: a, cluster: west, namespace: n"
        ),
        apply("b"),
    )
    places = [
        [(target.cluster, target.namespace) for target in part.targets]
        for part in found.applications[0].components
    ]
    assert places == [[("west", "n")], [], []]


def deploy(name: str, *policies: str, more: str = "") -> str:
    return f"{{name: {name}, type: deploy, properties: {{policies: [{', '.join(policies)}]}}{more}}}"


def variants(found: Reading) -> list[tuple[str | None, dict[str, int], str]]:
    """For the first component: its target, its properties there, and the step."""
    (application,) = found.applications
    part = application.components[0]
    return [
        (
            target.cluster,
            dict(part.in_variant(target.variant).properties),
            part.variants[target.variant].label,
        )
        for target in part.targets
    ]


def test_each_target_has_the_variant_of_its_step() -> None:
    """The first target, the default cluster if possible, decides the component's own form. The
    others have one variant each."""
    steps = (
        deploy("d", "west", "small"),
        deploy("e", "east"),
        deploy("f", "home", "large"),
        deploy("g", "far", "small"),
    )
    found = reading(*steps, head=MORE)
    assert waits(found) == {"a": set(), "b": set(), "c": {"a"}}
    assert variants(found) == [
        (None, {"size": 9}, "step 'f' (override 'large')"),
        ("west", {"size": 1}, "step 'd' (override 'small')"),
        ("east", {}, "step 'e' (no override)"),
        ("far", {"size": 1}, "step 'd' (override 'small')"),
    ]
    (application,) = found.applications
    assert (
        application.components[0].properties,
        len(application.components[0].variants),
    ) == (
        {"size": 9},
        3,
    )
    assert application.components[1].variants == ()
    assert len(application.components[1].targets) == 4


def test_equal_variants_are_merged() -> None:
    found = reading(
        deploy("d", "west", "small"),
        deploy("e", "east", "small"),
        deploy("f", "west", "small"),
    )
    part = found.applications[0].components[0]
    assert (part.variants, [target.cluster for target in part.targets]) == (
        (),
        ["west", "east"],
    )
    assert waits(found) == {"a": set(), "b": set(), "c": {"a"}}


def test_steps_in_groups_and_single_components_have_variants() -> None:
    """A step for a single component applies no overrides."""
    group = f"{{name: g, type: step-group, subSteps: [{deploy('d', 'west', 'small')}, {deploy('e', 'east', more=', dependsOn: [d]')}]}}"
    single = apply("a").replace("component: a", "component: a, namespace: n")
    assert variants(reading(group, single)) == [
        (None, {}, "step 'e' (no override)"),
        ("west", {"size": 1}, "step 'd' (override 'small')"),
        ("east", {}, "step 'e' (no override)"),
    ]


@pytest.mark.parametrize(
    ("steps", "said_of"),
    [
        (["d west small", "e west"], "'west/default': step 'd' (override 'small') and step 'e' (no override)"),
        (["d west", "e east west small large"], "'west/default': step 'd' (no override) and step 'e' (override 'small' and override 'large')"),
        (["d small", "e large"], "'default': step 'd' (override 'small') and step 'e' (override 'large')"),
        (["d small", "e named large"], "'default': step 'd' (override 'small') and step 'e' (override 'large')"),
    ],
)  # fmt: skip
def test_two_variants_at_one_target_are_rejected(
    steps: list[str], said_of: str
) -> None:
    """The message names the overrides, at the last step in the file."""
    first, second = steps
    lines = messages(
        reading(deploy(*first.split()), deploy(*second.split()), head=MORE)
    )
    (only,) = [line for line in lines if "error" in line]
    assert only == (
        f"a.yaml:{STEPS + 6}:9: error OAM108: component 'a' has two variants at one place, {said_of}; give each "
        "step its own topology, or the same overrides"
    )


def test_variants_have_one_type() -> None:
    lines = messages(
        reading(deploy("d", "west"), deploy("e", "east", "typed"), head=MORE)
    )
    (only,) = [line for line in lines if "error" in line]
    assert only.startswith(
        "a.yaml:13:79: error OAM108: component 'a' has the type 'x' in step 'd' (no override) and 'y' in step 'e'"
    )


def test_without_a_workflow_every_override_holds_for_every_topology() -> None:
    """As in KubeVela, which creates such a workflow."""
    found = read_bytes(
        "a.yaml",
        HEAD.replace(
            "    - {name: b-only, type: override, properties: {selector: [b]}}\n",
            "",
        ).encode(),
    )
    (application,) = found.applications
    assert messages(found) == []
    assert application.components[0].properties == {"size": 1}
    assert [target.cluster for target in application.components[1].targets] == [
        "west",
        "east",
    ]


def test_components_without_a_step_are_deployed() -> None:
    """With a warning."""
    found = reading(apply("a"), apply("b"))
    assert messages(found)[-1] == (
        "a.yaml:13:14: warning OAM109: component 'c' is in no step of the workflow; Kong-OAM deploys it anyway. Add a step, or remove it"
    )
    assert [
        component.name for component in found.applications[0].components
    ] == [
        "a",
        "b",
        "c",
    ]


@pytest.mark.parametrize(
    ("step", "finding"),
    [
        ("{name: s, type: suspend, properties: {duration: 5s}}", ":25: warning OAM109: step 's': the workflow does not pause; approve the preview instead"),
        ("{name: s, type: deploy, properties: {auto: false}}", ":52: warning OAM109: step 's': the workflow does not pause"),
        ("{name: s, type: deploy, timeout: 5m}", ":33: warning OAM109: step 's': 'timeout' has no effect"),
        ("{name: s, type: deploy, if: always}", ""),
        ("{name: s, type: apply-remaining}", ":25: warning OAM109: step 's': 'apply-remaining' is deprecated; remove it"),
        ("{name: s, type: apply-remaining, properties: {exceptions: [a]}}", ":54: error OAM108: step 's': 'apply-remaining' does not support exceptions"),
        ("{name: s, type: deploy, meta: {alias: x}}", ""),
        ("{name: s, type: deploy, if: 'status.a.failed'}", ":33: error OAM108: step 's': Kong-OAM evaluates no condition"),
        ("{name: s, type: deploy, inputs: [{from: a, parameterKey: b}]}", ":33: error OAM108: step 's': only apply-component steps pass values"),
        ("{name: s, type: deploy, outputs: [{name: a, valueFrom: b}]}", ":33: error OAM108: step 's': only apply-component steps pass values"),
        ("{name: g, type: step-group, subSteps: [{name: h, type: deploy}], inputs: [{from: a}]}", ":74: error OAM108: step 'g': only apply-component steps pass values"),
        ("{name: g, type: step-group, if: status.a.failed, subSteps: [{name: h, type: deploy}]}", ":37: error OAM108: step 'g': Kong-OAM evaluates no condition"),
        ("{name: s, type: deploy, properties: {policies: [wets]}}", ":57: error OAM103: step 's': 'wets' is neither a topology nor an override; did you mean 'west'?"),
        ("{name: s, type: deploy, properties: {polices: [west]}}", ":46: error OAM102: unknown field 'polices' in deploy; did you mean 'policies'?"),
        ("{name: s, type: deploy, properties: {policies: west}}", ":56: error OAM103: policies must be of type array, not string"),
        ("{name: s, type: apply-component, properties: {component: d}}", ":66: error OAM103: step 's': 'd' is no component; known: a, b, c"),
        ("{name: s, type: apply-component}", ":9: error OAM105: apply-component needs 'component'"),
        ("{name: s, type: deploi}", ":25: error OAM108: step 's': unknown step type 'deploi'; did you mean 'deploy'?"),
        ("{name: s, type: read-secret}", ":25: error OAM108: step 's': 'read-secret' is not run here; read the Secret in env, with valueFrom.secretKeyRef"),
        ("{name: s, type: export2secret}", ":25: error OAM108: step 's': 'export2secret' is not run here; create the Secret with your secret store, and read"),
        ("{name: s, type: my-own-thing}", ":25: error OAM108: step 's': custom step 'my-own-thing' is not run here; do this in the pipeline"),
        ("{name: s, type: clean-jobs}", ":25: warning OAM109: step 's': 'clean-jobs' is not run here; give the Job ttlSecondsAfterFinished"),
        ("{type: webhook}", ":16: warning OAM109: step 'webhook-auto-gen-0': 'webhook' is not run here; do this in the pipeline"),
        ("{name: s, type: deploy, dependsOn: [t]}", ":45: error OAM103: step 's': dependsOn 't' is no step"),
        ("{name: s, type: deploy, dependsOn: [s]}", ":7: error OAM103: dependency cycle among the steps: s -> s; remove a dependency"),
        ("{name: g, type: step-group, subSteps: [{name: h, type: step-group}]}", ":64: error OAM108: step 'h': a group cannot contain a group"),
        ("{name: g, type: step-group, subSteps: [{name: h, type: request}]}", ":64: error OAM108: step 'h': 'request' is not run here"),
        ("{name: g, type: step-group, subSteps: [{name: h, type: deploy, subSteps: []}]}", ":72: error OAM102: unknown field 'subSteps'"),
        ("{name: g, type: step-group, subSteps: [{name: g, type: deploy}]}", ":55: error OAM106: step 'g' is already defined in line 14; rename one"),
    ],
)  # fmt: skip
def test_unsupported_steps_are_found(step: str, finding: str) -> None:
    """With its name and an alternative."""
    head = (
        HEAD[: HEAD.index("    - {name: east")]
        + HEAD[HEAD.index("  components:") :]
    )
    found = [
        line
        for line in messages(reading(step, head=head))
        if "no step uses it" not in line
        and "no step of the workflow" not in line
    ]
    start = f"a.yaml:{STEPS - 3}{finding}"
    assert [line.startswith(start) for line in found] == (
        [True] if finding else []
    ), found


@pytest.mark.parametrize("type_", sorted(IGNORED_STEPS))
@pytest.mark.parametrize(
    "more",
    [
        "",
        ", if: status.x.failed",
        ", timeout: 5m, outputs: [{name: v, valueFrom: o}]",
    ],
)
def test_steps_that_deploy_nothing_are_ignored(type_: str, more: str) -> None:
    """Even if KubeVela would run it. Steps around it wait for each other as without it."""
    found = reading(
        apply("a"),
        f"{{name: s, type: {type_}, inputs: [{{from: w}}]{more}}}",
        apply("b"),
        apply("c"),
    )
    assert [
        line
        for line in messages(found)
        if "without" not in line and "no effect: no step" not in line
    ] == [
        f"a.yaml:18:25: warning OAM109: step 's': '{type_}' is not run here; {IGNORED_STEPS[type_]}"
    ]
    assert waits(found) == {"a": set(), "b": {"a"}, "c": {"a", "b"}}


def test_outputs_of_ignored_steps_are_found() -> None:
    """If a component or another step uses it. Values between ignored steps do not matter."""
    step = "{name: s, type: collect-service-endpoints, outputs: [{name: v, valueFrom: 'value.url'}]}"
    error = (
        "a.yaml:17:62: error OAM108: step 's': 'collect-service-endpoints' is not run here; "
        "use `python -m kong_oam graph` for the endpoints. Other parts use its output 'v': write "
        "the value out"
    )
    takes = "inputs: [{from: v, parameterKey: x}]"
    assert error in messages(reading(step, apply("a", f", {takes}")))
    assert error in messages(
        reading(
            step,
            head=HEAD.replace(
                "{name: b, type: x}", f"{{name: b, type: x, {takes}}}"
            ),
        )
    )
    assert error in messages(
        reading(
            step,
            f"{{name: g, type: step-group, subSteps: [{apply('a', f', {takes}')}]}}",
        )
    )
    assert error not in messages(
        reading(step, f"{{name: t, type: notification, {takes}}}")
    )


def test_values_of_a_step_belong_to_its_component() -> None:
    """With its position. A step for an unknown component passes nothing."""
    gives, takes = (
        "outputs: [{name: url, valueFrom: output.status.url}]",
        "inputs: [{from: url, parameterKey: x}]",
    )
    grouped = (
        f"{{name: g, type: step-group, subSteps: [{apply('b', f', {takes}')}]}}"
    )
    for steps in (
        (apply("a", f", {gives}"), apply("b", f", {takes}")),
        (apply("a", f", {gives}"), grouped),
    ):
        found = reading(*steps, head=WITHOUT_POLICIES, mode="{steps: DAG}")
        assert waits(found) == {"a": set(), "b": {"a"}, "c": {"a"}}
        giver, taker, third = found.applications[0].components
        assert [
            (output.name, output.value_from, output.position.line)
            for output in giver.outputs
        ] == [("url", "output.status.url", 12)]
        assert [
            (input_.source, input_.parameter, input_.position.line)
            for input_ in taker.inputs
        ] == [("url", "x", 13)]
        assert (taker.outputs, giver.inputs, third.inputs, third.outputs) == (
            (),
            (),
            (),
            (),
        )


def test_the_page_has_each_policy_and_step_that_applies() -> None:
    """By name. For other steps, it refers to the message, which names an alternative."""
    page = (ROOT / "docs" / "reference" / "applications.md").read_text("utf-8")
    assert [
        name
        for name in (*SUPPORTED_STEPS, *POLICY_TYPES)
        if f"`{name}`" not in page
    ] == []
    assert page.count("the message names an alternative") == 2


@pytest.mark.parametrize("type_", sorted(STEP_ALTERNATIVES))
def test_a_step_that_does_not_run_has_an_alternative(type_: str) -> None:
    """An error at its type names the alternative."""
    found = reading(apply("a"), f"{{name: s, type: {type_}}}")
    assert STEP_ALTERNATIVES[type_]
    assert (
        f"error OAM108: step 's': '{type_}' is not run here; {STEP_ALTERNATIVES[type_]}"
        in "\n".join(messages(found))
    )


def test_a_workflow_elsewhere_is_not_read() -> None:
    """If it could choose policies, nothing is deployed. Otherwise it only sets an order, and
    everything is deployed."""
    found = read_bytes("a.yaml", f"{HEAD}  workflow: {{ref: other}}\n".encode())
    assert messages(found) == [
        "a.yaml:14:14: error OAM108: Kong-OAM cannot read workflow 'other' in the cluster, so "
        "its policies are unknown; write its steps here: steps: [...]"
    ]
    head = (
        HEAD[: HEAD.index("  policies:")] + HEAD[HEAD.index("  components:") :]
    )
    steps = "[{name: a, type: suspend, dependsOn: [nope]}]"
    workflow = f"  workflow: {{ref: other, steps: {steps}}}\n"
    found = read_bytes("a.yaml", f"{head}{workflow}".encode())
    assert messages(found) == [
        "a.yaml:9:14: warning OAM109: workflow 'other' is in the cluster and is not read; "
        "Kong-OAM deploys all components in the order of dependsOn. Remove ref"
    ]
    assert waits(found) == {"a": set(), "b": set(), "c": {"a"}}


def test_cycles_of_steps_are_found() -> None:
    """Through `dependsOn` or the order of steps."""
    (only,) = messages(reading(apply("a", ", dependsOn: [sb]"), apply("b")))
    assert only.startswith(
        "a.yaml:17:7: error OAM103: dependency cycle among the steps: sa ->"
    )


def test_too_many_changes_are_rejected() -> None:
    """Even if the text is short."""
    named = ", ".join(["small"] * 100)
    steps = [
        f"{{name: d{n}, type: deploy, properties: {{policies: [{named}]}}}}"
        for n in range(400)
    ]
    (only,) = messages(reading(*steps))
    assert only == (
        "a.yaml:6:5: error OAM103: policies and steps make more than 100000 changes to components; split the Application"
    )


def test_cycles_of_steps_and_components_are_found() -> None:
    """KubeVela would never finish."""
    found = [
        line
        for line in messages(reading(apply("c"), apply("a"), apply("b")))
        if "error" in line
    ]
    assert found == [
        "a.yaml:11:5: error OAM103: dependency cycle in dependsOn, steps and inputs: a -> c -> a; remove a dependency"
    ]


WITHOUT_POLICIES = (
    HEAD[: HEAD.index("  policies:")] + HEAD[HEAD.index("  components:") :]
)
VALUES = WITHOUT_POLICIES.replace(
    "{name: a, type: x}",
    "{name: a, type: x, outputs: [{name: url, valueFrom: output.status.url}]}",
).replace(
    "{name: b, type: x}",
    "{name: b, type: x, inputs: [{from: url, parameterKey: 'env[0].value'}]}",
)


def test_an_input_is_an_edge_to_its_source() -> None:
    """With the paths at both ends."""
    found = read_bytes("a.yaml", VALUES.encode())
    assert waits(found) == {"a": set(), "b": {"a"}, "c": {"a"}}
    giver, taker, _ = found.applications[0].components
    assert [
        (output.name, output.value_from, str(output.position))
        for output in giver.outputs
    ] == [("url", "output.status.url", "a.yaml:6:36")]
    assert [
        (input_.source, input_.parameter, str(input_.position))
        for input_ in taker.inputs
    ] == [("url", "env[0].value", "a.yaml:7:35")]


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("from: url", "from: urll", "a.yaml:7:42: error OAM103: no component has the output 'urll'; did you mean 'url'?"),
        ("{name: c, type: x, dependsOn: [a]}", "{name: c, type: x, outputs: [{name: url, valueFrom: o}]}", "a.yaml:8:43: error OAM106: output 'url' is already defined by component 'a'; rename one"),
        ("type: x, outputs", "type: x, dependsOn: [b], outputs", "a.yaml:6:5: error OAM103: dependency cycle in dependsOn, steps and inputs: a -> b -> a; remove a dependency"),
        ("env[0].value", "env[x]", "a.yaml:7:61: error OAM103: component 'b': parameterKey 'env[x]': the path is invalid; write it as 'env[0].value', 'properties.x' or 'traits[0].properties.x'"),
        ("valueFrom: output.status.url", "valueForm: x", "a.yaml:6:36: error OAM105: spec.components[0].outputs[0] needs 'valueFrom'"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_passed_is_found(
    old: str, new: str, finding: str
) -> None:
    """At the input or the output."""
    assert finding in messages(
        read_bytes("a.yaml", VALUES.replace(old, new).encode())
    )


@pytest.mark.parametrize("old", ["{name: a, type: x", "{name: b, type: x"])
def test_external_components_pass_no_values(old: str) -> None:
    """An external component has no objects, at either end."""
    text = VALUES.replace(old, old.replace("type: x", "type: external"))
    message = f"component 'b': '{old[7]}' is external and has no inputs or outputs; write the value out"
    (only,) = read_bytes("a.yaml", text.encode()).diagnostics
    assert (only.code, only.message, only.position and only.position.line) == (
        "OAM108",
        message,
        7,
    )


@pytest.mark.parametrize(
    ("edges", "circle"),
    [
        ({}, ()),
        ({"a": ("b",), "b": ("c",), "c": ()}, ()),
        ({"a": ("b", "c"), "b": ("c",), "c": ("b",)}, ("b", "c", "b")),
        ({"a": ("x",)}, ()),
        ({"a": ("a",)}, ("a", "a")),
    ],
)
def test_a_cycle_is_found_once(
    edges: dict[str, tuple[str, ...]], circle: tuple[str, ...]
) -> None:
    """With its first name at the end again."""
    assert find_cycle(edges) == circle


def _sound(findings: tuple[Diagnostic, ...]) -> bool:
    return all(finding.position and str(finding) for finding in findings)


@pytest.mark.parametrize("seed", range(4))
def test_policies_and_steps_that_were_changed_at_random_are_read(
    seed: int,
) -> None:
    """Foreign keys, values of other types, and longer lists: each finding has a position."""
    need_corpus()
    choose = random.Random(seed)
    files = [CORPUS / "applications" / name for name in corpus("applications")]
    texts = [
        text
        for text in (file.read_text("utf-8") for file in files)
        if "policies:" in text or "steps:" in text
    ]
    words = [word for text in texts for word in text.split()]
    for _ in range(150):
        lines = choose.choice(texts).splitlines()
        for _ in range(choose.randint(1, 3)):
            at = choose.randrange(len(lines))
            key, colon, _ = lines[at].partition(":")
            value = choose.choice(
                [
                    "null",
                    "[]",
                    "{}",
                    "5",
                    "x",
                    "[x]",
                    "[{}]",
                    "{type: override}",
                    choose.choice(words),
                ]
            )
            lines[at : at + 1] = choose.choice(
                [
                    [],
                    [lines[at]] * 2,
                    [f"{key}{colon} {value}"],
                    [choose.choice(lines)],
                ]
            )
        found = read_bytes("a.yaml", "\n".join(lines).encode())
        assert _sound(found.diagnostics)
