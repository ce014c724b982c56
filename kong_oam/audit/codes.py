"""The codes of findings about evidence (AUD6xx)."""

from __future__ import annotations

from kong_oam.diagnostics import Code, Codes

CODES: Codes = {
    "AUD601": Code(
        "a file that is no record of a run",
        "restore the file; keep only records in the folder",
    ),
}
