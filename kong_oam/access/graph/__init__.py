"""Draws who may call what: a graph as a value, and Mermaid, DOT and SVG of it."""
