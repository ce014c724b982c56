"""Write the matrix as CSV (RFC 4180) without cells that a spreadsheet reads as formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from kong_oam.access.diff.wording import methods, path
from kong_oam.access.matrix.table import Matrix, Row, caller_words, exceptions
from kong_oam.access.networks import written
from kong_oam.diagnostics import printable

# The columns before the principals.
COLUMNS = ("component", "owner", "host", "path", "but not", "methods", "from")

# The position before a character that begins a formula, at the start of a cell. A semicolon starts
# a cell, too: spreadsheets of many countries use it as separator (OWASP, CSV Injection).
_FORMULA = re.compile(r"((?:^|;)[\s\"]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")


def sheet(matrix: Matrix) -> str:
    """Return a line per endpoint and a column per principal, then a column for the source. Last
    comes a line per connection inside the cluster.

    Cells are `itself`, `users in sales`, `everybody`, or empty.
    """
    out = io.StringIO()
    writer = csv.writer(out)  # commas, CRLF, and quotes if needed
    # Spreadsheets sort and split lines, so each line has the source.
    source = [matrix.source] if matrix.source else []
    last = ["source"] * len(source)
    writer.writerow(map(cell, (*COLUMNS, *matrix.names(), *last)))
    for row in matrix.rows:
        place = (
            row.component,
            matrix.owners.get(row.component) or "",
            row.host,
            path(row.region.subtree),
            " ".join(exceptions(row)),
            methods(row.methods),
            written(row.access.networks),
        )
        cells = (*place, *_cells(row, matrix), *source)
        writer.writerow(map(cell, cells))
    # A connection has no host, path or method, and no principal's token allows it.
    none = [""] * len(matrix.principals)
    for callee, connection in matrix.connections:
        owner = matrix.owners.get(callee) or ""
        place = callee, owner, "", "", "", connection.words(), connection.by
        writer.writerow(map(cell, (*place, *none, *source)))
    return out.getvalue()


def _cells(row: Row, matrix: Matrix) -> Iterator[str]:
    for principal in matrix.principals:
        condition = row.condition_of(principal)
        if row.access.everybody:
            yield "everybody"
        else:
            words = caller_words(condition) if condition else ""
            yield words.removeprefix("as ")


def cell(text: str) -> str:
    """Return the text on one line, with an apostrophe before anything that starts a formula."""
    return _FORMULA.sub(r"\1'", printable(text))
