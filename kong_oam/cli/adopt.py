"""`adopt`: take over a Kong that is in use."""

from __future__ import annotations

from kong_oam.cli.adopt_compare import (
    COMPARE_DETAILS,
    CompareAnswer,
    compare_arguments,
    run_compare,
)
from kong_oam.cli.adopt_kong import (
    KONG_DETAILS,
    AdoptAnswer,
    kong_arguments,
    run_kong,
)
from kong_oam.cli.adopt_retire import (
    RETIRE_DETAILS,
    RetireAnswer,
    retire_arguments,
    run_retire,
)
from kong_oam.cli.steps import Step, command_of

_DETAILS = """\
Takes over a Kong that is in use.

  python -m kong_oam adopt kong FILE... --until DATE -o FOLDER    writes Applications
  python -m kong_oam adopt compare FILE...                        compares it with Applications
  python -m kong_oam adopt retire FILE...                         prints how to remove old routes

`adopt kong --help`, `adopt compare --help` and `adopt retire --help` show more.
"""

COMMAND = command_of(
    "adopt",
    "take over a Kong that is in use",
    _DETAILS,
    (
        Step(
            "kong",
            "write Applications for an old Kong",
            KONG_DETAILS,
            kong_arguments,
            run_kong,
            AdoptAnswer,
        ),
        Step(
            "compare",
            "compare an old Kong with the Applications",
            COMPARE_DETAILS,
            compare_arguments,
            run_compare,
            CompareAnswer,
        ),
        Step(
            "retire",
            "print the removal of replaced old routes",
            RETIRE_DETAILS,
            retire_arguments,
            run_retire,
            RetireAnswer,
        ),
    ),
)
