"""Typed KubeVela v1beta1 Applications, each part with its position in the file. `application` reads
them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from kong_oam.oam.position import Fields, Names, SourcePosition, Texts
from kong_oam.oam.rendered import Objects

# The types that a project defines, by kind and name.
OwnTypes = frozenset[tuple[str, str]]


# KubeVela's name for its own cluster; here, the stack's default cluster.
LOCAL_CLUSTER = "local"
# The fields of a topology that select clusters by labels.
CLUSTER_SELECTORS = ("clusterLabelSelector", "clusterSelector")
# The label with the Application's namespace. It is in `Application.labels` if a component is
# deployed to another namespace.
NAMESPACE_LABEL = "app.oam.dev/namespace"
STEP_GROUP = "step-group"
# Deprecated steps that deploy all components that no earlier step deploys.
APPLY_ALL_STEPS = (
    "apply-application",
    "apply-application-in-parallel",
    "apply-remaining",
)


@dataclass(frozen=True, slots=True)
class Trait:
    """One trait of a component."""

    type: str
    properties: Fields
    position: SourcePosition


@dataclass(frozen=True, slots=True)
class Input:
    """The value of another component's output `source`, for a component."""

    source: str
    # The path of the value, in KubeVela's format: `env[0].value`, `properties.x` or
    # `traits["t"].properties.x`.
    parameter: str
    position: SourcePosition


@dataclass(frozen=True, slots=True)
class Output:
    """A value for other components: a CUE path over `output` and `outputs`."""

    name: str
    value_from: str
    position: SourcePosition


@dataclass(frozen=True, slots=True)
class DeploymentTarget:
    """A place to deploy to. `cluster` None is the stack's default cluster; `namespace` None is the
    Application's namespace."""

    cluster: str | None = None
    namespace: str | None = None
    position: SourcePosition | None = field(default=None, compare=False)
    # The objects that definitions render for the component at this place.
    rendered: Objects | None = field(default=None, compare=False)
    # Labels that select clusters; () selects all. Until they are resolved, `cluster` holds the
    # labels as text.
    selector: tuple[tuple[str, str], ...] | None = None
    # The number of the component's variant at this place.
    variant: int = 0

    def spot(self, namespace: str) -> tuple[str | None, str]:
        """Return the cluster and namespace, for an Application in `namespace`."""
        return self.cluster, self.namespace or namespace


@dataclass(frozen=True, slots=True)
class Variant:
    """A component with the overrides of a step. `position` is the component's, including overridden
    parts."""

    properties: Fields
    traits: tuple[Trait, ...]
    position: SourcePosition
    # The first step that deploys this variant.
    step: SourcePosition
    # The name of that step.
    name: str
    overrides: Names

    @property
    def label(self) -> str:
        """The step and its overrides, for messages."""
        named = " and ".join(f"override '{name}'" for name in self.overrides)
        return f"step '{self.name}' ({named or 'no override'})"


@dataclass(frozen=True, slots=True)
class ComponentSpec:
    """One component. Traits keep their order.

    A `plain` component needs no evaluator and satisfies its JSON Schemas. Plain are externals, and
    webservices or workers whose traits are only gateway, access and client, with no type redefined
    by the project. For other components, only the properties of access and client are checked.

    `rendered` are the objects at its first target, workload first; None until definitions are
    evaluated.
    """

    name: str
    type: str
    properties: Fields
    traits: tuple[Trait, ...]
    depends_on: Names
    position: SourcePosition
    rendered: Objects | None = None
    plain: bool = False
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    # The places to deploy to, the default cluster first. Empty: only the default cluster, in the
    # Application's namespace.
    targets: tuple[DeploymentTarget, ...] = ()
    # All variants if steps deploy several; the first variant equals this component.
    variants: tuple[Variant, ...] = ()
    # Whether the component has an error. Its types and properties are still checked.
    is_wrong: bool = False

    def in_variant(self, number: int) -> ComponentSpec:
        """Return the component in one variant, or unchanged without variants."""
        if not self.variants:
            return self
        variant = self.variants[number]
        return replace(
            self,
            properties=variant.properties,
            traits=variant.traits,
            position=variant.position,
        )

    @property
    def every_variant(self) -> ComponentSpecs:
        """The component in each of its variants."""
        return tuple(map(self.in_variant, range(len(self.variants) or 1)))

    @property
    def every_target(self) -> tuple[DeploymentTarget, ...]:
        """The places to deploy to: at least one."""
        return self.targets or (DeploymentTarget(),)

    def spots(self, namespace: str) -> list[tuple[str | None, str]]:
        """Return the clusters and namespaces of a component of an Application in `namespace`."""
        return [target.spot(namespace) for target in self.every_target]

    def traits_of(self, kind: str) -> tuple[Trait, ...]:
        return tuple(trait for trait in self.traits if trait.type == kind)

    def trait(self, kind: str) -> Trait | None:
        for trait in self.traits:
            if trait.type == kind:
                return trait
        return None


# The components of an Application, in file order.
ComponentSpecs = tuple[ComponentSpec, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy of an Application. Without a name it gets KubeVela's generated name."""

    name: str
    type: str
    properties: Fields
    position: SourcePosition


# Policies, in file order.
Policies = tuple[Policy, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a workflow."""

    name: str
    type: str
    properties: Fields
    depends_on: Names
    # The steps of a group.
    steps: tuple[Step, ...]
    position: SourcePosition
    # KubeVela's `if`.
    condition: str = ""
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    timeout: str = ""
    # Whether steps of this group wait only for their dependencies. None: as the workflow says.
    dag: bool | None = None


@dataclass(frozen=True, slots=True)
class Workflow:
    """The order in which an Application's parts are deployed. `dag`: steps wait only for their
    dependencies."""

    steps: tuple[Step, ...]
    dag: bool
    dag_in_groups: bool
    position: SourcePosition
    # The name of a Workflow in the cluster that replaces the steps.
    ref: str = ""

    @property
    def every_step(self) -> list[Step]:
        """All steps, followed by the steps of groups."""
        steps = list(self.steps)
        for group in self.steps:
            steps += group.steps
        return steps


@dataclass(frozen=True, slots=True)
class Deploy:
    """One deployment: of all components, or of the component `component`."""

    overrides: Policies
    topologies: Policies
    # The places that the topologies or the step name.
    targets: tuple[DeploymentTarget, ...]
    position: SourcePosition
    component: str | None = None
    # The step that deploys; empty without a workflow.
    step: str = ""


# An option of a Pulumi resource, by Pulumi's name. Two have other names: `read` gets an object
# without changes, `patch` changes only the declared fields of a shared object.
Option = Literal[
    "ignore_changes",
    "retain_on_delete",
    "read",
    "import",
    "patch",
    "replace_on_changes",
]


@dataclass(frozen=True, slots=True)
class Rule:
    """An option, or none, for the objects of an Application that a selector matches."""

    # The policy of the rule. The first matching rule of each policy applies.
    policy: str
    option: Option | None
    # The non-empty fields of KubeVela's selector: `componentNames`, `traitTypes` and so on. An
    # empty selector matches nothing.
    selector: Mapping[str, frozenset[str]]
    # The fields of `ignore_changes` and `replace_on_changes`, in Pulumi's path format.
    paths: Names
    position: SourcePosition


@dataclass(frozen=True, slots=True)
class Application:
    """One `core.oam.dev/v1beta1` Application. `namespace` is `default` if the document has none, as
    in KubeVela."""

    name: str
    namespace: str
    labels: Texts
    annotations: Texts
    components: ComponentSpecs
    position: SourcePosition
    # The name of the newest revision, from the `status` in a cluster.
    revision: str = ""
    # After resolution: only the policies of types that definitions describe.
    policies: Policies = ()
    # None after resolution, when `depends_on` of the components has its order.
    workflow: Workflow | None = None
    rules: tuple[Rule, ...] = ()
    # False if the values and places of components are unknown, because of an error in policies, in
    # the workflow, or in inputs and outputs.
    is_resolved: bool = True
