"""Compilation: the documents of Applications become one estate, with every finding."""
