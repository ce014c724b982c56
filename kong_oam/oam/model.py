"""Typed Applications of KubeVela v1beta1, each part with its place in the file. `application` reads
them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from kong_oam.oam.position import Fields, SourcePosition, Texts
from kong_oam.oam.rendered import Objects

Own = frozenset[tuple[str, str]]
"""Which types a project defines itself, by kind and name."""


HERE = "local"
"""KubeVela's name for the cluster that it runs in: here, the one that a stack deploys to by
itself."""
CLUSTER_SELECTORS = ("clusterLabelSelector", "clusterSelector")
"""Fields of a topology that choose clusters by their labels."""
GROUP = "step-group"
EVERYTHING = (
    "apply-application",
    "apply-application-in-parallel",
    "apply-remaining",
)
"""Older steps that deploy all components that no step before did."""


@dataclass(frozen=True, slots=True)
class Trait:
    """One trait of a component."""

    type: str
    properties: Fields
    position: SourcePosition


@dataclass(frozen=True, slots=True)
class Input:
    """A value that a component is given: that of the output `source` of another one."""

    source: str
    parameter: str
    """Where it goes, as KubeVela writes it: `env[0].value`, `properties.x` or
    `traits["t"].properties.x`."""
    position: SourcePosition


@dataclass(frozen=True, slots=True)
class Output:
    """A value that a component gives to others: a path in CUE over `output` and `outputs`."""

    name: str
    value_from: str
    position: SourcePosition


@dataclass(frozen=True, slots=True)
class DeploymentTarget:
    """Where something is deployed. `cluster` None: where the stack deploys by itself; `namespace`
    None: that of the Application."""

    cluster: str | None = None
    namespace: str | None = None
    position: SourcePosition | None = field(default=None, compare=False)
    rendered: Objects | None = field(default=None, compare=False)
    """The objects that definitions make of the component there."""
    selector: tuple[tuple[str, str], ...] = ()
    """Labels of clusters, each of which it is deployed to: until somebody says which these are,
    `cluster` is all."""
    variant: int = 0
    """Which of the component's forms is deployed there."""

    def spot(self, namespace: str) -> tuple[str | None, str]:
        """Its cluster and its namespace, for an Application in a namespace."""
        return self.cluster, self.namespace or namespace


@dataclass(frozen=True, slots=True)
class Variant:
    """A component as the overrides of a step, of these names, make it. `position` is the component's,
    with what they put there."""

    properties: Fields
    traits: tuple[Trait, ...]
    position: SourcePosition
    step: SourcePosition
    """The first step that deploys it so."""
    name: str
    """Of that step."""
    overrides: tuple[str, ...]

    @property
    def said(self) -> str:
        """The step and its overrides, as messages name them."""
        named = " and ".join(f"override '{name}'" for name in self.overrides)
        return f"step '{self.name}' ({named or 'no override'})"


@dataclass(frozen=True, slots=True)
class ComponentSpec:
    """One component. Traits keep their order.

    `plain`: it is one of those that are rendered without an evaluator (an external; a webservice or
    a worker with no other traits than gateway, access and client, none of which the project defines
    itself), and what it and its traits are told satisfies their JSON Schemas. Of any other, only
    the properties of access and client were looked at. `rendered` are the objects that definitions
    make of it where it is deployed first, the workload first; None until they are evaluated.
    """

    name: str
    type: str
    properties: Fields
    traits: tuple[Trait, ...]
    depends_on: tuple[str, ...]
    position: SourcePosition
    rendered: Objects | None = None
    plain: bool = False
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    targets: tuple[DeploymentTarget, ...] = ()
    """Where it is deployed, the stack's own cluster first; none: there alone, in the Application's
    namespace."""
    variants: tuple[Variant, ...] = ()
    """Where steps deploy it in several: all of them, each somewhere; the first one is this
    component as it stands."""

    def in_variant(self, number: int) -> ComponentSpec:
        """Return the component in one of its forms; as it stands, where it has no more than one."""
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
        """The component in each of its forms."""
        return tuple(map(self.in_variant, range(len(self.variants) or 1)))

    @property
    def every_target(self) -> tuple[DeploymentTarget, ...]:
        """Where it is deployed: at least one place."""
        return self.targets or (DeploymentTarget(),)

    def spots(self, namespace: str) -> list[tuple[str | None, str]]:
        """Return the clusters and namespaces that it is in, for an Application in a namespace."""
        return [target.spot(namespace) for target in self.every_target]

    def traits_of(self, kind: str) -> tuple[Trait, ...]:
        return tuple(trait for trait in self.traits if trait.type == kind)

    def trait(self, kind: str) -> Trait | None:
        return next(iter(self.traits_of(kind)), None)


ComponentSpecs = tuple[ComponentSpec, ...]
"""The components of an Application, in its order."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy of an Application, as it stands there; one without a name has the one that
    KubeVela gives it."""

    name: str
    type: str
    properties: Fields
    position: SourcePosition


Policies = tuple[Policy, ...]
"""Policies, in the order of the Application."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a workflow, as it stands there."""

    name: str
    type: str
    properties: Fields
    depends_on: tuple[str, ...]
    steps: tuple[Step, ...]
    """Those of a group."""
    position: SourcePosition
    condition: str = ""
    """KubeVela's `if`."""
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    timeout: str = ""
    dag: bool | None = None
    """Whether the steps of this group wait only for what they depend on; None: as the workflow
    says."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """In which order an Application's parts are deployed. `dag`: steps wait only for what they
    depend on."""

    steps: tuple[Step, ...]
    dag: bool
    dag_in_groups: bool
    position: SourcePosition
    ref: str = ""
    """The name of a Workflow in the cluster that takes the place of the steps."""

    @property
    def every_step(self) -> list[Step]:
        """All steps, then those of groups."""
        steps = list(self.steps)
        for group in self.steps:
            steps += group.steps
        return steps


@dataclass(frozen=True, slots=True)
class Deploy:
    """One act of deploying: all components, or the one that `component` names."""

    overrides: Policies
    topologies: Policies
    targets: tuple[DeploymentTarget, ...]
    """Where: what the topologies say, or what the step does."""
    position: SourcePosition
    component: str | None = None
    step: str = ""
    """The step that does it; empty where there is no workflow."""


Option = Literal[
    "ignore_changes",
    "retain_on_delete",
    "read",
    "import",
    "patch",
    "replace_on_changes",
]
"""An option of Pulumi's, by its name there, but for `read` (get it, and change nothing) and `patch`
(change no more than what is said, on an object that somebody else may own)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for those objects of an Application that a selector chooses: an option, or
    nothing."""

    policy: str
    """Which policy says it: of the rules of one policy, the first that chooses an object holds."""
    option: Option | None
    selector: Mapping[str, frozenset[str]]
    """KubeVela's: `componentNames`, `traitTypes` and so on, those that are not empty. None chooses
    nothing."""
    paths: tuple[str, ...]
    """Of the fields that `ignore_changes` and `replace_on_changes` are about, as Pulumi writes
    paths."""
    position: SourcePosition


@dataclass(frozen=True, slots=True)
class Application:
    """One `core.oam.dev/v1beta1` Application. `namespace` is `default` where the document has none,
    as in KubeVela."""

    name: str
    namespace: str
    labels: Texts
    annotations: Texts
    components: ComponentSpecs
    position: SourcePosition
    revision: str = ""
    """The name of its newest revision, where a cluster says so in its `status`."""
    policies: Policies = ()
    """Once it is resolved: those of types that no more than a definition says the meaning of."""
    workflow: Workflow | None = None
    """None once it is resolved: its order is in what components depend on."""
    rules: tuple[Rule, ...] = ()
