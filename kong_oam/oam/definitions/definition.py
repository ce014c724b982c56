"""One definition, as it is kept whatever file it is from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kong_oam.diagnostics import Position
from kong_oam.oam.document import as_text
from kong_oam.oam.position import Fields, FilePlace, Texts

Kind = Literal["component", "trait", "policy", "workload"]
DefinedType = tuple[Kind, str]
"""The kind of a definition, and the name of the type that it defines."""

KINDS: Mapping[str, Kind] = {
    "ComponentDefinition": "component",
    "TraitDefinition": "trait",
    "PolicyDefinition": "policy",
    "WorkloadDefinition": "workload",
}
"""The kinds of OAM objects that define a type. (Steps of workflows are not run, so theirs are read
over.)"""


@dataclass(frozen=True, slots=True)
class Definition:
    """What a type means.

    `template` is CUE, empty where the type is Terraform's: then `terraform` is that schematic.
    `spec` is the rest, as KubeVela has it. `first_line` is the template's own first line in its
    file, 0 where that is not known.
    """

    kind: Kind
    name: str
    template: str
    position: Position
    version: str = ""
    revision: str = ""
    """The name that KubeVela's annotation gives this revision, if any."""
    terraform: Fields = field(default_factory=dict)
    spec: Fields = field(default_factory=dict)
    annotations: Texts = field(default_factory=dict)
    """Those of the definition itself."""
    first_line: int = 0
    built_in: bool = False

    @property
    def type(self) -> DefinedType:
        """The kind and name of the type that it defines: that of a workload is one of
        components."""
        return "component" if self.kind == "workload" else self.kind, self.name

    @property
    def workload_ref_path(self) -> str:
        """Where the objects of a trait want to name the workload; empty: nowhere."""
        return as_text(self.spec.get("workloadRefPath"))

    @property
    def pod_spec_path(self) -> str:
        """Where the spec of the workload's pods is, as KubeVela has it (`spec.template.spec`);
        empty: nobody says."""
        return as_text(self.spec.get("podSpecPath"))

    def line(self, number: int, column: int = 1) -> Position:
        """Return the place of a line of the template (from 1); of the whole definition, where that
        is not known."""
        if not self.first_line:
            return self.position
        text = getattr(
            getattr(self.position, "document", self.position), "text", ""
        )
        return FilePlace(
            self.position.file, self.first_line + number - 1, column, text
        )


Definitions = tuple[Definition, ...]
"""Definitions, in the order in which they count."""
