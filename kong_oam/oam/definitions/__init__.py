"""Definitions of types: what a component, trait or policy of a type takes, and what becomes of
it."""
