"""Knowledge of the Pulumi engine: a stack's state, and its command line."""
