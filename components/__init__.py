"""Provisions by thin Pulumi ComponentResources. All that can be decided before a resource exists,
`access` decides."""
