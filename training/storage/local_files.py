"""Files in a folder of this machine, or of a network file system that it mounts."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from zegclip_core.atomic_files import write_atomically


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """Implements `training.storage.files.Files` in a folder.

    Args:
        folder: made when something is written.

    """

    folder: Path

    def read(self, name: str) -> bytes | None:
        """Return a file's content; None when there is none."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def read_all(self, folder: str) -> dict[str, bytes]:
        """Return the content of every file right in a folder, by name."""
        paths = sorted((self.folder / folder).glob("[!.]*"))
        return {f"{folder}/{path.name}": path.read_bytes() for path in paths if path.is_file()}

    def names(self, folder: str) -> list[str]:
        """Return the names of all files below a folder."""
        paths = sorted((self.folder / folder).rglob("[!.]*"))
        return [path.relative_to(self.folder).as_posix() for path in paths if path.is_file()]

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all."""
        write_atomically(self.folder / name, content)

    def write_once(self, name: str, content: bytes) -> None:
        """Write a file whose name tells its content, unless it is there."""
        if not (self.folder / name).exists():
            self.write(name, content)

    def update(self, name: str, change: Callable[[bytes | None], bytes]) -> bytes:
        """Replace a file by what a pure function makes of it; nobody else's update is lost."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            content = change(self.read(name))
            self.write(name, content)
        return content

    def delete(self, name: str) -> None:
        """Delete a file, if it is there."""
        (self.folder / name).unlink(missing_ok=True)

    def path(self, name: str) -> Path:
        """Return where a file lies."""
        return self.folder / name
