"""Knowledge of Kubernetes: the objects of a component, and the cluster as it is."""
