"""`audit`: evidence of runs, and checks of it."""

from __future__ import annotations

from kong_oam.cli.audit_attest import (
    ATTEST_DETAILS,
    attest_arguments,
    run_attest,
)
from kong_oam.cli.audit_impact import (
    IMPACT_DETAILS,
    ImpactAnswer,
    impact_arguments,
    run_impact,
)
from kong_oam.cli.audit_record import (
    RECORD_DETAILS,
    record_arguments,
    run_record,
)
from kong_oam.cli.audit_replay import (
    REPLAY_DETAILS,
    ReplayAnswer,
    replay_arguments,
    run_replay,
)
from kong_oam.cli.audit_report import (
    REPORT_DETAILS,
    report_arguments,
    run_report,
)
from kong_oam.cli.audit_unused import (
    UNUSED_DETAILS,
    UnusedAnswer,
    run_unused,
    unused_arguments,
)
from kong_oam.cli.audit_uses import (
    USES_DETAILS,
    UsesAnswer,
    run_uses,
    uses_arguments,
)
from kong_oam.cli.audit_verify import (
    VERIFY_DETAILS,
    run_verify,
    verify_arguments,
)
from kong_oam.cli.steps import Step, command_of

_DETAILS = """\
Keeps evidence of what was in force, and checks it.

  python -m kong_oam audit record -s STACK --to FOLDER     writes a record of each run
  python -m kong_oam audit verify FOLDER -s STACK          checks the records
  python -m kong_oam audit uses LOG... -o USES             aggregates records of requests
  python -m kong_oam audit replay USES --runs FOLDER       compares them with the models in force
  python -m kong_oam audit unused USES --runs FOLDER       lists access that nobody used
  python -m kong_oam audit impact USES                     shows calls that a change would deny
  python -m kong_oam audit report -o report.html           writes the report for a review
  python -m kong_oam audit attest FILE --report PAGE --name NAME   records a review

`audit VERB --help` shows more.
"""

COMMAND = command_of(
    "audit",
    "keep evidence of runs, and check it",
    _DETAILS,
    (
        Step(
            "record",
            "write a record of the last runs of an estate",
            RECORD_DETAILS,
            record_arguments,
            run_record,
        ),
        Step(
            "verify",
            "check the records of an estate",
            VERIFY_DETAILS,
            verify_arguments,
            run_verify,
        ),
        Step(
            "uses",
            "aggregate records of requests",
            USES_DETAILS,
            uses_arguments,
            run_uses,
            UsesAnswer,
        ),
        Step(
            "replay",
            "compare recorded decisions with the models in force",
            REPLAY_DETAILS,
            replay_arguments,
            run_replay,
            ReplayAnswer,
        ),
        Step(
            "unused",
            "list access that nobody used, and print its removal",
            UNUSED_DETAILS,
            unused_arguments,
            run_unused,
            UnusedAnswer,
        ),
        Step(
            "impact",
            "show which recorded calls a change would deny",
            IMPACT_DETAILS,
            impact_arguments,
            run_impact,
            ImpactAnswer,
        ),
        Step(
            "report",
            "write the report for a review of access",
            REPORT_DETAILS,
            report_arguments,
            run_report,
        ),
        Step(
            "attest",
            "record a review, and print revocations as a patch",
            ATTEST_DETAILS,
            attest_arguments,
            run_attest,
        ),
    ),
)
