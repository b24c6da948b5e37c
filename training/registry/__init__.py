"""Versions of a project's model: immutable, checked, published by an alias."""
