"""The few Okta expressions that the stand-in evaluates for claims of type EXPRESSION.

Other expressions of the language (developer.okta.com, "Okta Expression Language") are not modelled.
A claim with such an expression is rejected when it is written, so no token silently lacks a claim.
"""

import re

EXPRESSIONS = ("app.clientId", "user.login", "user.email")
_LITERAL = re.compile(r'"([^"\\]*)"|\'([^\'\\]*)\'')


def is_modelled(expression: str) -> bool:
    """Return whether the stand-in can evaluate this expression."""
    return (
        expression in EXPRESSIONS or _LITERAL.fullmatch(expression) is not None
    )


def evaluate(expression: str, client_id: str, login: str | None) -> str | None:
    """Return the value, or None without a user (Okta then leaves the claim out)."""
    literal = _LITERAL.fullmatch(expression)
    if literal:
        return literal[1] if literal[1] is not None else literal[2]
    return client_id if expression == "app.clientId" else login
