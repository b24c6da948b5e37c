"""Engines for the image tower: PyTorch as the reference, and faster ones where they were checked."""
