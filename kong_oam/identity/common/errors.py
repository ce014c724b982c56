"""The error of inspecting an identity provider."""

from kong_oam.errors import ProductError


class InspectionError(ProductError):
    """A provider that cannot be read, or cannot be used. The message names the problem and the
    remedy."""
