"""The codes of findings about invariants (INV7xx)."""

from __future__ import annotations

from kong_oam.diagnostics import Code, Codes

CODES: Codes = {
    "INV701": Code(
        "a caller may make a request that `never` forbids it",
        "narrow the rule or the role; the invariant's owner decides about an exception",
    ),
    "INV702": Code(
        "a caller that `only` does not list may make a request",
        "narrow the rule or the role; the invariant's owner decides about an exception",
    ),
    "INV703": Code(
        "a group or a client holds two roles that `separate` lists",
        "remove the holder from a role; the invariant's owner decides about an exception",
    ),
    "INV711": Code(
        "an invariant names a client, a group, a component or a role that the estate does not have",
        "correct the name, or remove it from the invariant",
    ),
    "INV712": Code(
        "a text of an invariant that cannot be read",
        "write `anybody`, `group NAME`, `application/component` or `application/*` for callers, "
        "`METHODS HOST/PATH` for requests, `application/component ROLE` for roles",
    ),
    "INV713": Code(
        "two invariants contradict each other",
        "remove the caller from a list, or let the invariants cover other requests",
    ),
    "INV714": Code(
        "the invariants cannot be judged",
        "name fewer groups in the roles that the message names",
    ),
    "INV715": Code(
        "the file of the invariants is missing or has another form",
        "correct the name under `invariants` in the stack's settings, or write a list of "
        "`never`, `only` and `separate`",
    ),
}
