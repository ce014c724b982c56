"""That a provider's own API says no."""


class RefusedError(Exception):
    """A provider's API refused a request, or nobody answered. The message says what to do."""
