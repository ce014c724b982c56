"""Definitions of component, trait and policy types: their parameters and their templates."""
