"""Analyse rendered Kubernetes objects: their pods, what they open, and their owners. Pure
functions."""
