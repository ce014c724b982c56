"""The diagnostic codes of reading Applications: OAM101 and on."""

from __future__ import annotations

from collections.abc import Mapping

from kong_oam.diagnostics import Code

CODES: Mapping[str, Code] = {
    "OAM101": Code(
        "the file cannot be read as YAML",
        "save the file as UTF-8 YAML without tags, merge keys and tabs; at most 1 MB, 1,000 documents, 50,000 values, "
        "1,000 entries a mapping or list",
    ),
    "OAM102": Code(
        "a field that this kind of object does not have",
        "remove it, or correct its name; the message suggests one",
    ),
    "OAM103": Code("a value of the wrong type, or outside what is allowed", "write what the message asks for"),
    "OAM104": Code(
        "an unknown component or trait type",
        "correct the name, or take it out: docs/reference/traits.md has all that there are; "
        "a new trait needs a definition (docs/how-to/add-a-trait.md)",
    ),
    "OAM105": Code("a required field is missing", "write the field"),
    "OAM106": Code("a key, a name or an exposed port stands twice", "remove or rename one of the two"),
    "OAM107": Code(
        "two objects would have the same Kubernetes name",
        "rename one component, or give the applications namespaces of their own",
    ),
    "OAM108": Code(
        "KubeVela has this, Kong-OAM does not deploy it",
        "take it out, and do what it did in the Application itself, or in the stack's settings",
    ),
    "OAM109": Code(
        "a field without effect behind Kong-OAM (warning)",
        "remove it",
    ),
    "OAM110": Code(
        "a trait that this type of component cannot have",
        "move the trait to a component of a type that can have it, or change the type",
    ),
}
