"""What a run does to access, said in one line when it starts: the first thing to read in a preview."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi

from access.change import OPENING
from access.diff import diff
from access.exported import Model, ModelError, empty, restored
from access.principals import UnwieldyError
from access.wording import headline


def announce(model: Model, own: pulumi.StackReference) -> pulumi.Output[None]:
    """Compares with what the stack exported when it was last deployed. Silent where access stays as it is."""
    return pulumi.Output.all(own.get_output("model"), own.get_output("access")).apply(lambda known: _say(model, *known))


def _say(model: Model, deployed: Any, access: Any) -> None:
    said = announcement(model, deployed, first=access is None)
    if said:
        log, text = said
        log(text)


def announcement(model: Model, deployed: Any, *, first: bool) -> tuple[Callable[[str], None], str] | None:
    """How to log it, and the line; `deployed` is the output `model`, `first` that nothing has been deployed yet.

    Whatever opens is a warning. What cannot be compared is said and stops nobody: it decides nothing.
    """
    if deployed is None and not first:
        return pulumi.log.info, "access: cannot be compared with what is deployed, which exports no model yet"
    try:
        changes = diff(empty(model) if deployed is None else restored(deployed), model)
    except ModelError as error:
        return pulumi.log.warn, f"access: cannot be compared with what is deployed: its model is {error}"
    except UnwieldyError as error:
        return pulumi.log.warn, f"access: cannot be compared with what is deployed: {error}"
    if not changes:
        return None
    opens = any(change.kind in OPENING for change in changes)
    return pulumi.log.warn if opens else pulumi.log.info, f"access: {headline(changes, model.estate.stack.scheme)}"
