"""Compile the documents of Applications into one estate, with all findings."""
