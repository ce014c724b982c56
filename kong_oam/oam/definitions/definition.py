"""One definition of a type, independent of its file format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kong_oam.diagnostics import Position
from kong_oam.oam.document import as_text
from kong_oam.oam.position import Fields, FilePlace, Texts

Kind = Literal["component", "trait", "policy", "workload"]
# The kind of a definition, and the name of the type that it defines.
DefinedType = tuple[Kind, str]

# The kinds of OAM objects that define a type. The reader skips definitions of workflow steps, since
# workflows do not run here.
KINDS: Mapping[str, Kind] = {
    "ComponentDefinition": "component",
    "TraitDefinition": "trait",
    "PolicyDefinition": "policy",
    "WorkloadDefinition": "workload",
}


@dataclass(frozen=True, slots=True)
class Definition:
    """The definition of a type.

    `template` is CUE; empty for a Terraform type, whose schematic is in `terraform`. `spec` is the
    rest, in KubeVela's format. `first_line` is the line of the template's first line in its file; 0
    if unknown.
    """

    kind: Kind
    name: str
    template: str
    position: Position
    version: str = ""
    # The name that KubeVela's annotation gives this revision, if any.
    revision: str = ""
    terraform: Fields = field(default_factory=dict)
    spec: Fields = field(default_factory=dict)
    # The annotations of the definition itself.
    annotations: Texts = field(default_factory=dict)
    first_line: int = 0
    built_in: bool = False

    @property
    def type(self) -> DefinedType:
        """The kind and name of the defined type. A workload definition defines a component type."""
        return "component" if self.kind == "workload" else self.kind, self.name

    @property
    def workload_ref_path(self) -> str:
        """The path at which a trait's objects expect the name of the workload; empty if they do
        not."""
        return as_text(self.spec.get("workloadRefPath"))

    @property
    def pod_spec_path(self) -> str:
        """The path of the pod spec in the workload: `spec.template.spec`; empty if unknown."""
        return as_text(self.spec.get("podSpecPath"))

    def line(self, number: int, column: int = 1) -> Position:
        """Return the position of a template line (from 1), or of the definition if unknown."""
        if not self.first_line:
            return self.position
        text = getattr(
            getattr(self.position, "document", self.position), "text", ""
        )
        return FilePlace(
            self.position.file, self.first_line + number - 1, column, text
        )


# Definitions, in the order of their precedence.
Definitions = tuple[Definition, ...]
