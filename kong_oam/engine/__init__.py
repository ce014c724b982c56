"""What is known of the Pulumi engine: a stack's state, and its command line."""
