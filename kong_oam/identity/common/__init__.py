"""What kinds of identity providers have in common."""
