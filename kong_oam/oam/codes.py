"""The diagnostic codes of reading Applications: OAM101 and on."""

from __future__ import annotations

from collections.abc import Mapping

from kong_oam.diagnostics import Code

CODES: Mapping[str, Code] = {
    "OAM101": Code(
        "the file cannot be read as YAML",
        "save the file as UTF-8 YAML without tags, merge keys and tabs; at most 1 MB, 1,000 "
        "documents, 50,000 values, 1,000 entries a mapping or list",
    ),
    "OAM102": Code(
        "a field that this kind of object does not have",
        "remove it, or correct its name; the message suggests one",
    ),
    "OAM103": Code(
        "a value of the wrong type, or outside what is allowed",
        "write what the message asks for",
    ),
    "OAM104": Code(
        "a component or trait type without a definition",
        "correct the name, or take it out; a type of your own needs a definition",
    ),
    "OAM105": Code("a required field is missing", "write the field"),
    "OAM106": Code(
        "a key, a name or an exposed port stands twice",
        "remove or rename one of the two",
    ),
    "OAM107": Code(
        "two objects would have the same Kubernetes name",
        "rename one component, or give the applications namespaces of their own",
    ),
    "OAM108": Code(
        "KubeVela has this, Kong-OAM does not deploy it",
        "take it out, and do what it did in the Application itself, or in the stack's settings",
    ),
    "OAM109": Code(
        "a field or a step without effect behind Kong-OAM (warning)",
        "remove it; what it did is done where the message says",
    ),
    "OAM110": Code(
        "a trait that this type of component cannot have",
        "move the trait to a component of a type that can have it, or change the type",
    ),
    "OAM111": Code(
        "a definition refuses what it was given, in its own words",
        "do what the message says; it is the definition's (`errs`)",
    ),
    "OAM112": Code(
        "a definition that cannot be evaluated, or not for this component",
        "correct the properties, or the definition: the message has CUE's own words, or the limit "
        "that was passed",
    ),
    "OAM113": Code(
        "a definition takes the place of a built-in one (warning)",
        "nothing, if you mean it; else rename the definition",
    ),
}
