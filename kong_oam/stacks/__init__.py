"""Runs and moves over the stacks of an estate. `move` brings components into the stacks of their
partitions."""
