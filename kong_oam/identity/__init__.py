"""Identity providers: a folder for each kind, and what kinds have in common."""
