"""Errors of identity providers: of their management APIs, and of what they are found to be."""


class RefusedError(Exception):
    """A provider's API refused a request, or nobody answered. The message says what to do."""


class InspectionError(Exception):
    """The provider cannot be looked at, or not used as it is. The message says what was found and what to change."""
