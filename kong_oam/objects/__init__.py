"""What rendered Kubernetes objects are: the pods in them, what they open, and to whom they belong.
Pure functions."""
