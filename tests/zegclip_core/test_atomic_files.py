"""Files that others see whole or not at all."""

import os
from pathlib import Path

import pytest

from zegclip_core.atomic_files import write_atomically


def test_a_file_and_its_folders_appear_with_their_content(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file"
    write_atomically(path, b"content")
    assert path.read_bytes() == b"content"


def test_a_failed_write_leaves_the_old_file_and_no_remains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208
    assert path.read_bytes() == b"old"
