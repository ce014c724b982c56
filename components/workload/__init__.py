"""Workloads: a component's Kubernetes objects."""
