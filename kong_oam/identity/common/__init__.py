"""Code that all kinds of identity providers share."""
