"""The few Okta expressions that the stand-in evaluates for claims of type EXPRESSION.

The whole language (developer.okta.com, "Okta Expression Language") is not modelled: a claim with
another expression is refused when it is written, so that no token ever lacks a claim silently.
"""

import re

EXPRESSIONS = ("app.clientId", "user.login", "user.email")
_LITERAL = re.compile(r'"([^"\\]*)"|\'([^\'\\]*)\'')


def is_modelled(expression: str) -> bool:
    """Whether the stand-in can evaluate this expression."""
    return (
        expression in EXPRESSIONS or _LITERAL.fullmatch(expression) is not None
    )


def evaluate(expression: str, client_id: str, login: str | None) -> str | None:
    """The value, or None where there is no user to take it from (Okta then leaves the claim
    out)."""
    literal = _LITERAL.fullmatch(expression)
    if literal:
        return literal[1] if literal[1] is not None else literal[2]
    return client_id if expression == "app.clientId" else login
