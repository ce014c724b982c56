"""Errors of looking at an identity provider."""

from kong_oam.errors import ProductError


class InspectionError(ProductError):
    """The provider cannot be looked at, or not used as it is. The message says what was found and what to change."""
