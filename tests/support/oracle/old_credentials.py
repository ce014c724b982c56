"""A second reading of old credentials, from the documents alone.

    outcome([orders, acme], "2027-03-31", "acme", "key-auth", "read")

Independent of the project: it shares no code with `kong_oam`.
"""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def _trait(component: Document, kind: str) -> Document | None:
    for trait in component.get("traits", []):
        if trait["type"] == kind:
            found: Document = trait["properties"]
            return found
    return None


def outcome(
    applications: list[Document],
    called: str,
    day: str,
    consumer: str,
    by: str,
    needed: str,
) -> int:
    """Return the status of a call on `day` (UTC) to a rule that needs one scope.

    The call has a valid credential of this kind, of this consumer, and nothing else.
    """
    components = {
        f"{application['metadata']['name']}/{component['name']}": component
        for application in applications
        for component in application["spec"]["components"]
    }
    access = _trait(components[called], "access") or {}
    accepted = access.get("acceptBefore")
    if accepted is None or accepted["by"] != by:
        return 401
    for key, component in components.items():
        client = _trait(component, "client") or {}
        before = client.get("before")
        if before is None or (before["consumer"], before["by"]) != (
            consumer,
            by,
        ):
            continue
        asked = [
            scope
            for call in client.get("calls", [])
            if call["component"] == called
            for scope in call["scopes"]
        ]
        granted = {
            scope
            for role in access.get("roles", {}).values()
            if key in role.get("components", [])
            for scope in role["scopes"]
        }
        if not asked or day > accepted["until"] or day > before["until"]:
            return 401
        return 200 if needed in granted and needed in asked else 403
    return 401
