"""The files of a run folder: the state to go on from, and the log.

out/state.bin     all that a resumed run needs; written whole or not at all, with its SHA-256
out/log.jsonl     one line for each step
out/model/        the finished model
out/losses.png, out/samples.png
"""

import errno
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from training.errors import DiskFullError, TrainingStateError
from training.progress import Progress
from zegclip_core.atomic_files import write_atomically

STATE_FILE = "state.bin"
LOG_FILE = "log.jsonl"
LOSS_PICTURE = "losses.png"
SAMPLE_PICTURE = "samples.png"
MODEL_FOLDER = "model"
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DIGEST_LENGTH = 64


@contextmanager
def explain_full_disk(path: Path) -> Iterator[None]:
    """Turn the system's "no space left" into `DiskFullError`."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        raise DiskFullError(
            f"{path} cannot be written ({error.strerror}): make room and start the same command again; "
            "what was saved before is whole, and the run goes on from there"
        ) from error


def save_state(folder: Path, state: Mapping[str, Any]) -> None:
    """Write the state of a run, whole or not at all. Raises `DiskFullError`."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    content = buffer.getvalue()
    with explain_full_disk(folder / STATE_FILE):
        write_atomically(folder / STATE_FILE, hashlib.sha256(content).hexdigest().encode() + content)


def load_state(folder: Path) -> dict[str, Any] | None:
    """Read the state of a run; None when it has none yet. Raises `TrainingStateError` for a damaged one."""
    path = folder / STATE_FILE
    try:
        stored = path.read_bytes()
    except FileNotFoundError:
        return None
    digest, content = stored[:_DIGEST_LENGTH], stored[_DIGEST_LENGTH:]
    if hashlib.sha256(content).hexdigest().encode() != digest:
        raise TrainingStateError(
            f"{path} is damaged (its checksum differs): delete it to train from the start, or restore a copy"
        )
    state: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return state


class RunLog:
    """One JSON object a line and step, which pandas, jq or a spreadsheet read as they are.

    Args:
        folder: the run's.
        iteration: steps that are kept of an earlier log; what a killed run logged after its last saved state
            comes again.

    """

    def __init__(self, folder: Path, *, iteration: int) -> None:
        self.path = folder / LOG_FILE
        kept = [line for line in _lines(self.path) if json.loads(line)["iteration"] <= iteration]
        with explain_full_disk(self.path):
            write_atomically(self.path, "".join(f"{line}\n" for line in kept).encode())

    def add(self, progress: Progress) -> None:
        """Append a step. Raises `DiskFullError`."""
        line = {key: value for key, value in asdict(progress).items() if key not in _NOT_LOGGED}
        with explain_full_disk(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


_NOT_LOGGED = ("iterations", "seconds_left")


def read_losses(folder: Path) -> list[float]:
    """Return the losses of all logged steps."""
    return [float(json.loads(line)["loss"]) for line in _lines(folder / LOG_FILE)]


def _lines(path: Path) -> list[str]:
    """Whole lines of a log; a line that a crash cut off is left out."""
    if not path.is_file():
        return []
    whole, _, _ = path.read_text("utf-8").rpartition("\n")
    return whole.splitlines()
