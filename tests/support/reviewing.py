"""A reviewer at the page of `audit report`: a script for the browser."""

from __future__ import annotations

import json

_REVOKE = """
document.getElementById("team").value = %(team)s;
document.getElementById("reason").value = %(reason)s;
const row = [...document.querySelectorAll("tr")].find((row) => row.textContent.includes(%(holder)s));
[...row.querySelectorAll("button")].find((button) => button.textContent === "Revoke").click();
document.getElementById("keep-all").click();
document.getElementById("save").click();
document.getElementById("status").textContent;
"""


def revoking(team: str, holder: str, reason: str) -> str:
    """Return a script that revokes the line of a holder, keeps all others and saves the decisions.
    Its value is the page's summary."""
    texts = {"team": team, "holder": holder, "reason": reason}
    return _REVOKE % {name: json.dumps(text) for name, text in texts.items()}
