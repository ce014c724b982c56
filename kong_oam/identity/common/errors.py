"""The error of inspecting an identity provider."""

from kong_oam.errors import ProductError


class InspectionError(ProductError):
    """A provider that cannot be looked at, or not used as it is. The message says what was found
    and what to change."""
