"""The control tags that results can be made for: one file for each kind, listed in the registry."""
