"""The codes of findings about evidence (AUD6xx)."""

from __future__ import annotations

from kong_oam.diagnostics import Code, Codes

CODES: Codes = {
    "AUD601": Code(
        "a file that is no record of a run",
        "restore the file; keep only records in the folder",
    ),
    "AUD602": Code(
        "a missing record",
        "restore the file from another copy of the folder",
    ),
    "AUD603": Code(
        "a record that somebody changed",
        "restore the file from another copy; ask who changed it",
    ),
    "AUD604": Code(
        "records in another order than they were written",
        "restore the folder from another copy",
    ),
    "AUD605": Code(
        "an update without a record",
        "run `kong-oam audit record` after each run",
    ),
    "AUD606": Code(
        "a state that no update wrote",
        "ask who ran `pulumi state` or `pulumi stack import`",
    ),
    "AUD607": Code(
        "a run with uncommitted files (warning)",
        "deploy from a commit",
    ),
    "AUD608": Code(
        "an author who approved alone (warning)",
        "require the approval of a second person at the forge",
    ),
    "AUD609": Code(
        "a record without a valid signature",
        "restore the envelope; ask who wrote the record",
    ),
}
