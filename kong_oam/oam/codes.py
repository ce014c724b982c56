"""The diagnostic codes of the Application reader: OAM101 and up."""

from __future__ import annotations

from kong_oam.diagnostics import Code, Codes

CODES: Codes = {
    "OAM101": Code(
        "the file cannot be read as YAML",
        "save the file as UTF-8 YAML without tags, merge keys and tabs. Limits: 1 MB, 1,000 "
        "documents, 50,000 values, 1,000 entries a mapping or list",
    ),
    "OAM102": Code(
        "a field that this kind of object does not have",
        "remove it, or correct its name; the message suggests a name",
    ),
    "OAM103": Code(
        "a value of the wrong type, or a value that is not allowed",
        "write a value that the message asks for",
    ),
    "OAM104": Code(
        "a component or trait type without a definition",
        "correct the name, or remove it; a custom type needs a definition",
    ),
    "OAM105": Code("a required field is missing", "write the field"),
    "OAM106": Code(
        "a key, a name or an exposed port occurs twice",
        "remove or rename one of them",
    ),
    "OAM107": Code(
        "two objects would have the same Kubernetes name",
        "rename one component, or give each Application its own namespace",
    ),
    "OAM108": Code(
        "a KubeVela feature that Kong-OAM does not deploy",
        "remove it; do the same in the Application, or in the stack's settings",
    ),
    "OAM109": Code(
        "a field, a policy or a step that has no effect in Kong-OAM (warning)",
        "remove it; the message says where to do the same",
    ),
    "OAM110": Code(
        "a trait that this component type cannot have",
        "move the trait to a component of another type, or change the type",
    ),
    "OAM111": Code(
        "a definition rejects the properties",
        "do as the message says; it comes from the definition (`errs`)",
    ),
    "OAM112": Code(
        "a definition that CUE cannot evaluate for this component",
        "correct the properties or the definition; the message has CUE's "
        "error, or the exceeded limit",
    ),
    "OAM113": Code(
        "a definition replaces a built-in type (warning)",
        "nothing, if you intend it; otherwise rename the definition",
    ),
}
