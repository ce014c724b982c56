"""The trait `limits`: how large a request may be, how long the gateway waits, and what it repeats."""
