"""The settings of a stack, as plain values."""
