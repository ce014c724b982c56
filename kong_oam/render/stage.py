"""Render Applications: add the objects of every component that needs an evaluator."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path

from kong_oam.diagnostics import (
    Diagnostic,
    Diagnostics,
    Findings,
    errors,
    suggestion,
)
from kong_oam.oam.application import (
    Reading,
    ReadOne,
    join_readings,
    read_bytes,
    read_files,
)
from kong_oam.oam.definitions.definition import Definition, Kind
from kong_oam.oam.definitions.library import Library, library
from kong_oam.oam.files import FileNames, Naming
from kong_oam.oam.model import (
    Application,
    ComponentSpec,
    DeploymentTarget,
    Output,
    Policy,
)
from kong_oam.oam.position import NO_POSITION, Texts
from kong_oam.oam.rendered import RenderedObject
from kong_oam.oam.resource_policies import with_rule_options
from kong_oam.oam.topology import on_clusters
from kong_oam.render.built_in import built_in_types
from kong_oam.render.program import EvaluatorError
from kong_oam.render.project import OWN_TYPES, OwnDefinitions, own_definitions
from kong_oam.render.rendering import RenderedComponent, definitions_of, render
from kong_oam.render.requests import Setting
from kong_oam.render.tools import Tools
from kong_oam.render.values import (
    OutputSources,
    evaluated_input,
    is_passed_on,
    with_awaited,
    with_other_texts,
    with_values,
)

_HERE = Path()
Labels = Mapping[str, Texts]
_NO_DEFINITION = (
    "; a custom type needs a definition in definitions/, or in "
    "kong-oam:definitions of the stack"
)
# Component types of addons, by name or by the start of the name. The built-in `helmchart` has other
# properties than `helm`.
_ADDONS: Texts = {
    "alibaba-": "terraform",
    "aws-": "terraform",
    "azure-": "terraform",
    "helm": "fluxcd",
    "kustomize": "fluxcd",
}
_ADDON_DEFINITION = (
    "; an addon of KubeVela defines it: `kong-oam init --platform --with {}` "
    "writes the addon's common types into definitions/"
)


def read_applications(
    names: FileNames,
    definitions: FileNames,
    minor: int,
    *,
    named: Naming = str,
    folder: Path = _HERE,
    project: Path | None = None,
    read_one: ReadOne | None = None,
    renderer: Renderer | None = None,
    labels: Labels | None = None,
) -> Reading:
    """Read Applications and definitions, and render them.

    `names` are files as in `read_files`; `definitions` are files as in `own_definitions`, below
    `project` (default: `folder`). `minor` is the cluster's minor version. `renderer` may have
    results of earlier runs. `labels` are the labels of further clusters, for topologies.

    Raise EvaluatorError if a type needs an evaluator and none exists.
    """
    with Tools() as tools:
        renderer = renderer or Renderer(tools)
        alone = own_definitions(
            definitions,
            renderer.tools.ask,
            named,
            folder if project is None else project,
        )
        reading = read_files(names, named, folder, read_one, alone.types)
        return renderer.rendered(
            reading, alone.beside(reading.definitions), minor, labels
        )


@dataclass
class Renderer:
    """Renders Applications. It keeps results while their Application, definitions and settings stay
    the same."""

    tools: Tools
    _known: dict[int, _Rendering] = field(default_factory=dict)
    _last: tuple[OwnDefinitions, int, Labels | None] | None = None

    def rendered(
        self,
        reading: Reading,
        own: OwnDefinitions,
        minor: int,
        labels: Labels | None = None,
    ) -> Reading:
        """Return the reading with rendered components and findings.

        Names of Applications with errors become malformed, and their components without objects
        become wrong. Raise EvaluatorError.
        """
        self._last = own, minor, labels
        run = _Run(self.tools, own, minor, self._known)
        applications = []
        diagnostics = [*reading.diagnostics, *own.diagnostics]
        malformed = set(reading.malformed)
        for source in reading.applications:
            application = on_clusters(source, labels or {})
            rendering = run.at(application.position.file).application(
                application
            )
            diagnostics += rendering.diagnostics
            applications.append(rendering.application)
            if not rendering.is_whole:
                malformed.add(application.name)
        self._known = run.now
        return replace(
            reading,
            applications=tuple(applications),
            diagnostics=tuple(diagnostics),
            malformed=frozenset(malformed),
        )

    def render_texts(self, texts: Texts) -> Reading:
        """Read and render other texts of the last Applications, by file name."""
        assert self._last
        own, minor, labels = self._last
        reading = join_readings(
            read_bytes(name, text.encode(), own.types)
            for name, text in texts.items()
        )
        return self.rendered(reading, own, minor, labels)


@dataclass(frozen=True, slots=True)
class _Rendering:
    """The rendering of an Application, and its inputs. `is_whole`: all components are rendered."""

    source: Application
    inputs: object
    application: Application
    diagnostics: Diagnostics = ()
    is_whole: bool = True

    def is_current(self, source: Application, inputs: object) -> bool:
        """Tell whether a new rendering would be the same. Findings have positions in definitions,
        so they are never reused."""
        if self.diagnostics or self.source is not source:
            return False
        return self.inputs == inputs


# The definitions of a component's types, or findings in their place. Types that this project
# implements are left out.
ChosenDefinitions = tuple[Definition | Diagnostic, ...]


# A component, or a policy as a component, with the definitions of each variant; empty for a plain
# component.
_Part = tuple[ComponentSpec, tuple[ChosenDefinitions, ...]]


@dataclass
class _Run:
    """The rendering of one reading."""

    tools: Tools
    own: OwnDefinitions
    minor: int
    before: Mapping[int, _Rendering]
    now: dict[int, _Rendering] = field(default_factory=dict)

    def at(self, file: str) -> _Run:
        """Return the run with the definitions for the Applications in a file."""
        own = self.own.at(file)
        return self if own is self.own else replace(self, own=own)

    @cached_property
    def _lacks_definitions(self) -> bool:
        """Whether a file with an error may define a type."""
        return bool(errors(self.own.problems))

    @cached_property
    def library(self) -> Library:
        """The project's own and the built-in definitions."""
        return library((*self.own.definitions, *self.tools.built_in))

    def application(self, source: Application) -> _Rendering:
        """Return the rendering of an Application, from an earlier run if nothing changed."""
        if not source.policies and all(
            part.plain for part in source.components
        ):
            return _Rendering(source, None, source)
        parts = []
        for component in source.components:
            parts.append(self._with_definitions(component, "component"))
        for policy in source.policies:
            parts.append(
                self._with_definitions(_as_component(policy), "policy")
            )
        inputs = (
            self.minor,
            self._lacks_definitions,
            [
                list(map(_definition_inputs, definitions))
                for _, definitions in parts
            ],
        )
        known = self.before.get(id(source))
        if known is None or not known.is_current(source, inputs):
            known = self._made(source, parts, inputs)
        self.now[id(source)] = known
        return known

    def _with_definitions(self, component: ComponentSpec, kind: Kind) -> _Part:
        if component.plain:
            return component, ()
        definitions = [
            self._chosen(variant, kind) for variant in component.every_variant
        ]
        return component, tuple(definitions)

    def _chosen(
        self, component: ComponentSpec, kind: Kind
    ) -> ChosenDefinitions:
        part = _without_own_traits(component)
        unknown = [*self._unknown(part, kind)]
        wrong = tuple(filter(None, unknown))
        try:
            found = definitions_of(part, self.library, kind)
        except EvaluatorError:
            if wrong:
                return wrong
            raise
        pairs = zip(unknown, found, strict=True)
        return tuple(missing or definition for missing, definition in pairs)

    def _made(
        self, source: Application, parts: Sequence[_Part], inputs: object
    ) -> _Rendering:
        rendered: dict[int, ComponentSpec] = {}
        found = [*_name_clashes(source)]
        givers = _givers(parts)
        needed = {}
        for number, (part, _) in enumerate(parts):
            needed[number] = [givers[value.source][0] for value in part.inputs]
        order = TopologicalSorter(needed).static_order() if givers else needed
        for number in order:
            part, definitions = parts[number]
            if not rendered.keys() >= {*needed[number]}:
                continue  # that component has its own finding
            if not definitions:
                rendered[number] = part
                continue
            own_givers: dict[str, tuple[ComponentSpec, Output]] = {}
            for value in part.inputs:
                giver, output = givers[value.source]
                own_givers[value.source] = (rendered[giver], output)
            component, findings = self._component(
                source, part, definitions, own_givers
            )
            if component:
                rendered[number] = component
            found += findings
        is_whole = len(rendered) == len(parts) and not errors(found)
        components = tuple(
            rendered.get(number) or replace(part, is_wrong=True)
            for number, (part, _) in enumerate(parts)
        )
        done = replace(source, components=components, policies=())
        certain = tuple(self._certain(found, source))
        return _Rendering(source, inputs, done, certain, is_whole)

    def _certain(
        self, found: Iterable[Diagnostic], source: Application
    ) -> Iterator[Diagnostic]:
        """Yield the findings that no other error may cause. A policy or an input may give a missing
        value; an unreadable file, a missing definition."""
        uncertain = {
            "OAM104": self._lacks_definitions,
            "OAM105": not source.is_resolved,
        }
        for finding in found:
            if not uncertain.get(finding.code):
                yield finding

    def _component(
        self,
        source: Application,
        part: ComponentSpec,
        variants: Sequence[ChosenDefinitions],
        givers: OutputSources,
    ) -> tuple[ComponentSpec | None, Diagnostics]:
        """Return the component with its objects at each target. `variants` has the definitions of
        each variant."""
        rendered = []
        found: dict[Diagnostic, None] = {}
        for target in part.every_target:
            values = {}
            for name, (giver, output) in givers.items():
                values[name] = (_at(giver, target, source), output)
            variant = part.in_variant(target.variant)
            placed, findings = self._placed(
                source, variant, variants[target.variant], values, target
            )
            found.update(dict.fromkeys(findings))
            if placed:
                rendered.append(placed)
        if errors(found):
            return None, tuple(found)
        # A component without targets keeps only its first rendering.
        places = zip(part.targets, rendered, strict=False)
        targets = tuple(
            replace(target, rendered=placed.rendered)
            for target, placed in places
        )
        whole = (
            replace(rendered[0], targets=targets) if targets else rendered[0]
        )
        return whole, tuple(found)

    def _placed(
        self,
        source: Application,
        part: ComponentSpec,
        definitions: ChosenDefinitions,
        givers: OutputSources,
        target: DeploymentTarget,
    ) -> tuple[ComponentSpec | None, Diagnostics]:
        application = source
        if target.namespace not in (None, "", source.namespace):
            application = replace(source, namespace=target.namespace)
        setting = Setting(self.minor, source.revision, target.cluster or "")
        whole = with_values(part, givers, application, self.tools.ask, setting)
        if isinstance(whole, Diagnostic):
            return None, (whole,)
        part = whole.component
        awaited = whole.awaited

        def rendered(component: ComponentSpec) -> RenderedComponent:
            own_part = _without_own_traits(component)
            return render(
                definitions, application, own_part, self.tools.ask, setting
            )

        result = rendered(part)
        if errors(result.diagnostics):
            return None, result.diagnostics
        if awaited:
            others = rendered(with_other_texts(part, awaited)).objects
            if not is_passed_on(awaited, result.objects, others):
                return None, (evaluated_input(part),)
        numbers = [
            number
            for number, trait in enumerate(part.traits)
            if ("trait", trait.type) not in OWN_TYPES
        ]
        objects = tuple(
            with_rule_options(
                application, part, _numbered(rendered_object, numbers)
            )
            for rendered_object in with_awaited(result.objects, awaited)
        )
        return replace(part, rendered=objects), result.diagnostics

    def _unknown(
        self, component: ComponentSpec, kind: Kind
    ) -> Iterator[Diagnostic | None]:
        """Yield the finding about each type without a definition, and None for other types.

        This needs no evaluator.
        """
        types = [(kind, component.type, component.position)]
        types += [
            ("trait", trait.type, trait.position) for trait in component.traits
        ]
        defined = self.own.types | built_in_types()
        for of, type_, position in types:
            if (of, type_.partition("@")[0]) in defined:
                yield None
                continue
            names = {name for known, name in defined | OWN_TYPES if known == of}
            hint = f"{suggestion(type_, names)}{_NO_DEFINITION}"
            if of == "component" and (addon := _missing_addon(type_, names)):
                hint = _ADDON_DEFINITION.format(addon)
            message = f"unknown {of} type '{type_}'{hint}"
            yield Diagnostic("OAM104", message, position.at("type"))


def _missing_addon(type_: str, names: Collection[str]) -> str:
    """Return the addon of an unknown component type; empty without an addon, or if other types of
    the cloud are known."""
    head, dash, _ = type_.partition("@")[0].partition("-")
    if dash and any(name.startswith(head + dash) for name in names):
        return ""
    return _ADDONS.get(head + dash, "")


def _at(
    giver: ComponentSpec, target: DeploymentTarget, source: Application
) -> ComponentSpec:
    """Return a component as deployed at the target of another component, which reads its output.
    See `oam.resolution`."""
    spot = target.spot(source.namespace)
    for position in giver.targets:
        if position.spot(source.namespace) == spot:
            return replace(giver, rendered=position.rendered)
    return giver


def _without_own_traits(component: ComponentSpec) -> ComponentSpec:
    traits = [
        trait
        for trait in component.traits
        if ("trait", trait.type) not in OWN_TYPES
    ]
    if len(traits) == len(component.traits):
        return component
    return replace(component, traits=tuple(traits))


def _numbered(
    rendered: RenderedObject, numbers: Sequence[int]
) -> RenderedObject:
    """Return the object with its trait's index among all traits of the component."""
    if rendered.trait is None or numbers[rendered.trait] == rendered.trait:
        return rendered
    return replace(rendered, trait=numbers[rendered.trait])


def _as_component(policy: Policy) -> ComponentSpec:
    """Return a policy whose definition renders objects, as a component of that name, as KubeVela
    does."""
    return ComponentSpec(
        policy.name, policy.type, policy.properties, (), (), policy.position
    )


def _name_clashes(application: Application) -> Findings:
    components = {part.name: part for part in application.components}
    for policy in application.policies:
        if same := components.get(policy.name):
            message = (
                f"policy '{policy.name}' and component '{same.name}' "
                f"({same.position}) render objects under one name; rename one"
            )
            yield Diagnostic("OAM106", message, policy.position.at("name"))


def _givers(parts: Iterable[_Part]) -> dict[str, tuple[int, Output]]:
    """Return each output by its name, with the number of the part that has it."""
    givers = {}
    for number, (part, _) in enumerate(parts):
        for output in part.outputs:
            givers[output.name] = (number, output)
    return givers


def _definition_inputs(definitions: ChosenDefinitions) -> object:
    """Return everything that a rendering depends on apart from the Application."""
    return [
        replace(definition, position=NO_POSITION, first_line=0)
        if isinstance(definition, Definition)
        else definition
        for definition in definitions
    ]
