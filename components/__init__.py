"""Provisioning: Pulumi ComponentResources, thin. All that can be decided before a resource exists, `access` decided."""
