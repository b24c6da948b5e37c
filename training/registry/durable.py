"""Files that survive a power cut."""

import os
from pathlib import Path


def sync_tree(folder: Path) -> None:
    """Make a folder and everything in it durable."""
    for path in [folder, *folder.rglob("*")]:
        sync_folder(path)


def sync_folder(path: Path) -> None:
    """Make a folder's entries, or a file's content, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
