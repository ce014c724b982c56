"""What runs: a component's Kubernetes objects."""
