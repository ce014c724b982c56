"""Kong-OAM without the engine: what Applications mean, what is known of the products, and the
command line."""

__version__ = "0.1.0"
"""The one place that says it: the package's metadata and `--version` have it from here."""
