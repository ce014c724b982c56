"""Kong-OAM without the Pulumi engine: access rules, clients of products, and the command line."""

# The version. The package's metadata and `--version` read it from here.
__version__ = "0.1.0"
