"""The codes of findings about a Kong that is in use (ADOPT5xx)."""

from __future__ import annotations

from kong_oam.diagnostics import Code, Codes

CODES: Codes = {
    "ADOPT501": Code(
        "a file that cannot be read as a decK file",
        "correct the YAML; render a template first",
    ),
    "ADOPT502": Code(
        "an unknown format of decK files",
        "write `_format_version`, 1.1 to 3.0; `deck file convert` converts older files",
    ),
    "ADOPT503": Code(
        "a field of an entity with a value of the wrong type",
        "write the type that the message names; Kong rejects the value, too",
    ),
    "ADOPT504": Code(
        "a reference to a missing entity",
        "correct the name, or also read the file of the entity",
    ),
    "ADOPT505": Code(
        "two entities of a Kong have one name",
        "remove or rename one of them; read only files that belong together",
    ),
    "ADOPT506": Code(
        "an unknown entity or field (warning)",
        "check its effect by hand; its answers count as unknown",
    ),
    "ADOPT507": Code(
        "files that contradict each other",
        "read only files of one workspace and one format together",
    ),
    "ADOPT508": Code(
        "a placeholder in a field that decides requests (warning)",
        "substitute it first; until then, the answers of the entity are unknown",
    ),
    "ADOPT511": Code(
        "a Kong that changes while it is read",
        "run the command again when nobody changes the Kong",
    ),
    "ADOPT512": Code(
        "a Kong whose router orders routes differently (warning)",
        "set `router_flavor = traditional_compatible`, the default of Kong 3",
    ),
}
