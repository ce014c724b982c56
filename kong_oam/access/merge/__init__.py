"""Merge two estates: their collisions, the renames for the second, and who then crosses."""
