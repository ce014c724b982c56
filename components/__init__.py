"""Thin Pulumi ComponentResources. `access` makes all decisions that need no resource."""
