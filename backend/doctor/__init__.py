"""Checks of the whole set-up, each with its cure."""
