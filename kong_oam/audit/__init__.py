"""Evidence: what was in force, who called, and whether the gateway decided as intended."""
