"""Reading JSON that somebody else wrote."""

import json
from pathlib import Path
from typing import Any

from backend.convert.masked_image import ConvertError


def read_json(path: Path) -> Any:
    """Return a file's JSON; raises `ConvertError` for a file that is missing or something else."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ConvertError(f"{path} cannot be read as JSON: {error}") from error
