"""Compiles the documents of Applications into one estate, with every finding."""
