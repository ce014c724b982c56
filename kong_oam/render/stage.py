"""Applications with the objects of every component that needs an evaluator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path

from kong_oam.diagnostics import Diagnostic, errors, suggestion
from kong_oam.oam.application import Reading, ReadOne, read_bytes, read_files, together
from kong_oam.oam.definitions.definition import Definition, Kind
from kong_oam.oam.definitions.library import Library, library
from kong_oam.oam.document import Place
from kong_oam.oam.model import Application, Component, Placement, Policy
from kong_oam.oam.rendered import RenderedObject
from kong_oam.oam.rules import kept_by_rules
from kong_oam.oam.topology import on_clusters
from kong_oam.render.built_in import built_in_types
from kong_oam.render.project import OWN_WORDS, Own, own_definitions
from kong_oam.render.rendering import RenderedComponent, definitions_of, render
from kong_oam.render.requests import Setting
from kong_oam.render.tools import Tools
from kong_oam.render.values import (
    Givers,
    are_passed_on,
    not_passed_on,
    otherwise,
    with_awaited,
    with_values,
)

_HERE = Path()
Labels = Mapping[str, Mapping[str, str]]
_NO_DEFINITION = (
    "; a type of your own needs a definition in definitions/, or in what "
    "kong-oam:definitions of the stack names"
)


def read_applications(
    names: Iterable[str | Path],
    definitions: Iterable[str | Path],
    minor: int,
    *,
    named: Callable[[Path], str] = str,
    folder: Path = _HERE,
    project: Path | None = None,
    read_one: ReadOne | None = None,
    renderer: Renderer | None = None,
    labels: Labels | None = None,
) -> Reading:
    """Reads Applications and definitions, and renders: `names` as `read_files` has them,
    `definitions` as `own_definitions`, below `project`, by default `folder`; `minor` is the
    cluster's version. `renderer` knows what it rendered before; by default, nothing. `labels` are
    those of further clusters, by which topologies select.

    Raises EvaluatorError where a type needs an evaluator, and there is none.
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
    """Renders Applications, and none again that it has rendered while nothing that bears on it is
    another."""

    tools: Tools
    _known: dict[int, _Made] = field(default_factory=dict)
    _last: tuple[Own, int, Labels | None] | None = None

    def rendered(
        self, reading: Reading, own: Own, minor: int, labels: Labels | None = None
    ) -> Reading:
        """The reading with the objects of components, and what is wrong with these: an Application
        with an error is left out, and its name is one of the malformed. Raises EvaluatorError."""
        self._last = own, minor, labels
        run = _Run(self.tools, own, minor, self._known)
        applications = [
            on_clusters(application, labels or {})
            for application in reading.applications
        ]
        made = [
            run.at(application.place.file).application(application)
            for application in applications
        ]
        self._known = run.now
        return replace(
            reading,
            applications=tuple(one.application for one in made if one.application),
            diagnostics=(
                *reading.diagnostics,
                *own.diagnostics,
                *(found for one in made for found in one.diagnostics),
            ),
            malformed=reading.malformed
            | {one.source.name for one in made if not one.application},
        )

    def again(self, texts: Mapping[str, str]) -> Reading:
        """Reads and renders other texts of the Applications that were rendered last, by what their
        files are called."""
        assert self._last
        own, minor, labels = self._last
        reading = together(
            read_bytes(name, text.encode(), own.types) for name, text in texts.items()
        )
        return self.rendered(reading, own, minor, labels)


@dataclass(frozen=True, slots=True)
class _Made:
    """What was made of an Application, and of what else. `application` None: it cannot be
    rendered."""

    source: Application
    beside: object
    application: Application | None
    diagnostics: tuple[Diagnostic, ...] = ()


Chosen = tuple[Definition | Diagnostic, ...]
"""The definitions of a component's types, but for this project's own words, or what is wrong in
their place."""


@dataclass
class _Run:
    """One reading that is rendered."""

    tools: Tools
    own: Own
    minor: int
    before: Mapping[int, _Made]
    now: dict[int, _Made] = field(default_factory=dict)

    def at(self, file: str) -> _Run:
        """The same, with the definitions that hold for the Applications of a file."""
        own = self.own.at(file)
        return self if own is self.own else replace(self, own=own)

    @cached_property
    def library(self) -> Library:
        """The project's own definitions, and the built-in ones."""
        return library((*self.own.definitions, *self.tools.built_in))

    def application(self, source: Application) -> _Made:
        if all(part.plain for part in source.components) and not source.policies:
            return _Made(source, None, source)
        kinds: list[tuple[Component, Kind]] = [
            (part, "component") for part in source.components
        ]
        kinds += [(_as_component(policy), "policy") for policy in source.policies]
        parts = [
            (
                part,
                ()
                if part.plain
                else tuple(self._chosen(form, kind) for form in part.every_form),
            )
            for part, kind in kinds
        ]
        known, beside = (
            self.before.get(id(source)),
            (self.minor, [[*map(_meaning, chosen)] for _, chosen in parts]),
        )
        # What is wrong may say where in a definition, and lines move.
        if (
            known is None
            or known.source is not source
            or known.diagnostics
            or known.beside != beside
        ):
            known = self._made(source, parts, beside)
        self.now[id(source)] = known
        return known

    def _chosen(self, component: Component, kind: Kind) -> Chosen:
        part = _without_own_words(component)
        unknown = tuple(self._unknown(part, kind))
        return unknown or definitions_of(part, self.library, kind)

    def _made(
        self,
        source: Application,
        parts: Sequence[tuple[Component, Sequence[Chosen]]],
        beside: object,
    ) -> _Made:
        made, found = dict[int, Component](), [*_of_one_name(source)]
        givers = {
            output.name: (number, output)
            for number, (part, _) in enumerate(parts)
            for output in part.outputs
        }
        needed = {
            number: [givers[taken.source][0] for taken in part.inputs]
            for number, (part, _) in enumerate(parts)
        }
        order = TopologicalSorter(needed).static_order() if givers else needed
        for number in order:
            part, chosen = parts[number]
            if not all(giver in made for giver in needed[number]):
                continue  # why it cannot be rendered is said there
            values = {taken.source: givers[taken.source] for taken in part.inputs}
            given = {
                name: (made[giver], output) for name, (giver, output) in values.items()
            }
            component, findings = (
                self._component(source, part, chosen, given) if chosen else (part, ())
            )
            if component:
                made[number] = component
            found += findings
        whole = len(made) == len(parts) and not errors(found)
        done = (
            replace(
                source, components=tuple(made[key] for key in sorted(made)), policies=()
            )
            if whole
            else None
        )
        return _Made(source, beside, done, tuple(found))

    def _component(
        self,
        source: Application,
        part: Component,
        chosen: Sequence[Chosen],
        given: Givers,
    ) -> tuple[Component | None, tuple[Diagnostic, ...]]:
        """`chosen`: one for each form of the component."""
        wrong = dict.fromkeys(
            one for form in chosen for one in form if isinstance(one, Diagnostic)
        )
        if wrong:
            # What cannot be read may define it.
            return None, () if errors(self.own.problems) else tuple(wrong)
        made, found = list[Component](), list[Diagnostic]()
        for placement in part.placements or (Placement(),):
            values = {
                name: (_at(giver, placement, source), output)
                for name, (giver, output) in given.items()
            }
            form = placement.form
            there, findings = self._placed(
                source, part.in_form(form), chosen[form], values, placement
            )
            found += findings
            made += [there] if there else []
        findings = tuple(dict.fromkeys(found))
        if errors(findings):
            return None, findings
        # Of one without any nothing is there but what was made.
        places = zip(part.placements, made, strict=False)
        placements = tuple(
            replace(placement, rendered=one.rendered) for placement, one in places
        )
        return replace(made[0], placements=placements), findings

    def _placed(
        self,
        source: Application,
        part: Component,
        chosen: Chosen,
        given: Givers,
        placement: Placement,
    ) -> tuple[Component | None, tuple[Diagnostic, ...]]:
        namespace = placement.namespace or source.namespace
        there = (
            source
            if namespace == source.namespace
            else replace(source, namespace=namespace)
        )
        setting = Setting(self.minor, source.revision, placement.cluster or "")
        whole = with_values(part, given, there, self.tools.ask, setting)
        if isinstance(whole, Diagnostic):
            return None, (whole,)
        part, awaited = whole.component, whole.awaited

        def rendered(one: Component) -> RenderedComponent:
            return render(
                chosen, there, _without_own_words(one), self.tools.ask, setting
            )

        result = rendered(part)
        if errors(result.diagnostics):
            return None, result.diagnostics
        if awaited and not are_passed_on(
            awaited, result.objects, rendered(otherwise(part, awaited)).objects
        ):
            return None, (not_passed_on(part),)
        numbers = [
            number
            for number, trait in enumerate(part.traits)
            if ("trait", trait.type) not in OWN_WORDS
        ]
        rendered_objects = with_awaited(result.objects, awaited)
        objects = tuple(
            kept_by_rules(there, part, _numbered(one, numbers))
            for one in rendered_objects
        )
        return replace(part, rendered=objects), result.diagnostics

    def _unknown(self, component: Component, kind: Kind) -> Iterator[Diagnostic]:
        """Yields of what types there is no definition: that is known without an evaluator."""
        types: list[tuple[Kind, str, Place]] = [(kind, component.type, component.place)]
        types += [("trait", trait.type, trait.place) for trait in component.traits]
        defined = self.own.types | built_in_types()
        for of, type_, place in types:
            if (of, type_.partition("@")[0]) not in defined:
                hint = suggestion(
                    type_,
                    {name for kind_of, name in defined | OWN_WORDS if kind_of == of},
                )
                yield Diagnostic(
                    "OAM104",
                    f"unknown {of} type '{type_}'{hint}{_NO_DEFINITION}",
                    place.at("type"),
                )


def _at(giver: Component, placement: Placement, source: Application) -> Component:
    """A component as it is where another one takes a value of it: it is there, too
    (`oam.resolution`)."""
    spot = placement.spot(source.namespace)
    found = next(
        (one for one in giver.placements if one.spot(source.namespace) == spot), None
    )
    return replace(giver, rendered=found.rendered) if found else giver


def _without_own_words(component: Component) -> Component:
    left = tuple(
        one for one in component.traits if ("trait", one.type) not in OWN_WORDS
    )
    return (
        component
        if len(left) == len(component.traits)
        else replace(component, traits=left)
    )


def _numbered(one: RenderedObject, numbers: Sequence[int]) -> RenderedObject:
    """The object with the number that its trait has among all of the component's."""
    return one if one.trait is None else replace(one, trait=numbers[one.trait])


def _as_component(policy: Policy) -> Component:
    """A policy whose definition makes objects, as a component of that name: so KubeVela labels
    them."""
    return Component(policy.name, policy.type, policy.properties, (), (), policy.place)


def _of_one_name(application: Application) -> Iterator[Diagnostic]:
    components = {part.name: part for part in application.components}
    for policy in application.policies:
        if same := components.get(policy.name):
            message = (
                f"policy '{policy.name}' makes objects as component '{same.name}' does "
                f"({same.place}); rename one"
            )
            yield Diagnostic("OAM106", message, policy.place.at("name"))


def _meaning(chosen: Chosen) -> object:
    """All that a rendering depends on beside the Application: what is equal renders alike."""
    return [
        (one.name, one.version, one.template, one.terraform, one.spec, one.annotations)
        if isinstance(one, Definition)
        else one
        for one in chosen
    ]
