"""The model that a run starts from, and the one that it writes."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from training.errors import StartModelError
from training.models import learned_state
from zegclip_core.zegclip.model import ZegCLIP

WEIGHTS_FILE = "model.safetensors"


def find_start(start: Path | str) -> Path:
    """Return the weight file of a model to start from; raise `StartModelError` when there is none."""
    path = Path(start) / WEIGHTS_FILE
    if not path.is_file():
        raise StartModelError(f"no model to start from at {start}: give the folder that a run has written")
    return path


def read_start(path: Path) -> dict[str, Tensor]:
    """Read learned parameters by name; raise `StartModelError` for a damaged file."""
    try:
        return load_file(path)
    except SafetensorError as error:
        raise StartModelError(f"{path} is damaged ({error}): restore a copy, or train it again") from error


def save_model(folder: Path, model: ZegCLIP) -> None:
    """Write the learned parameters of a model."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(learned_state(model), folder / WEIGHTS_FILE)
