"""The Pulumi engine: a stack's state, and the command line."""
