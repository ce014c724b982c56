"""The trait `cors`: which pages of other origins may read answers."""
