"""Write the files of the new side for an old Kong."""

from __future__ import annotations

from dataclasses import dataclass

from kong_oam.access.data import Texts
from kong_oam.adopt.entities import OldKong
from kong_oam.adopt.writing.components import components_of
from kong_oam.adopt.writing.documents import (
    CA_FILE,
    application_text,
    stack_text,
)
from kong_oam.adopt.writing.markdown import report_text
from kong_oam.adopt.writing.options import Options
from kong_oam.adopt.writing.plan import plan
from kong_oam.adopt.writing.report import Report, report_of

REPORT_FILE = "adopt-report.md"


@dataclass(frozen=True, slots=True)
class Written:
    """The texts of files by name, and the report. Without a component, only the report is a
    file. `replaced`: the kinds of global plugins that act on no exposed component."""

    files: Texts
    report: Report
    replaced: frozenset[str] = frozenset()


def write(old: OldKong, options: Options) -> Written:
    """Return the files for an old Kong. The same input gives the same bytes."""
    planned = plan(old, options)
    components = components_of(planned, options)
    report = report_of(planned, components, options)
    files = {REPORT_FILE: report_text(report, options)}
    if components.components:
        files[f"applications/{options.application}.yaml"] = application_text(
            components, options
        )
        files[f"stacks/Pulumi.{options.stack}.yaml"] = stack_text(
            components, options
        )
        if report.authorities and options.ca:
            files[f"stacks/{CA_FILE}"] = options.ca
    return Written(files, report, components.replaced)
