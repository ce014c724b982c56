"""The trait `ip-allow`: from which networks rules may be called."""
